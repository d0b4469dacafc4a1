#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_doctor.sh - `braidctl doctor` against servers that lack something.
#
# Goal: what a node needs and has not is named, with the command that mends it. Method: brokers with an
# authorizer and nodes without MediaWiki; one right is taken away, one broker is killed.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-19200}
BRAID_KAFKA_MORE="authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true"
export BRAID_STATE BRAID_PORT_BASE BRAID_KAFKA_MORE
cluster=$PWD/deploy/local/cluster
# shellcheck disable=SC2034  # for lib/line.sh
build=$PWD/build
stream=doctor.v1
# shellcheck source=deploy/local/lib/line.sh
. deploy/local/lib/line.sh
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh
# shellcheck source=tests/integration/load.sh
. tests/integration/load.sh

cleanup() {
	"$cluster" down
	rm -rf "${BRAID_STATE%/state}"
}

start() { "$cluster" up --only relay,kafka,etcd,nodes; }

acl() { "$cluster" kafka-tool codfw "$acl_class" --add --topic "global.$stream" "$@"; }
acl_class=org.apache.kafka.tools.AclCommand

# Of its own accord an ACL shuts everybody else out: first all is allowed, then writing is not.
deny_write() {
	acl --allow-principal User:ANONYMOUS --operation All && acl --deny-principal User:ANONYMOUS --operation Write
}

# says EXIT FILTER: doctor ends so, and one of its checks is like that.
says() {
	local rc=0
	ctl doctor -o json >"$BRAID_STATE/report" || rc=$?
	ctl doctor
	[ $rc = "$1" ] && holds "[.checks[] | select($2)] | length == 1" "$BRAID_STATE/report"
}

trap cleanup EXIT
check "the cluster starts, with an authorizer" start
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	check "a stream is applied" apply_plain $stream
	check "all topics may be used" says 1 '.check == "ACLs" and .verdict == "good" and .where == "doctor.v1"'
	check "etcd's certificate is looked at, as a client sees it" \
		says 1 '.check == "network" and .verdict == "good" and (.where | test("etcd at https")) and (.what | test("certificate is valid for [0-9]+ days")) and (.where | endswith("60"))'
	check "an API that nobody serves is bad" says 1 '.check == "API" and .verdict == "BAD" and (.where | startswith("codfw"))'
	check "one topic may not be written any more" deny_write
	check "it is named, with what mends it" \
		says 1 '.check == "ACLs" and .verdict == "BAD" and .where == "global.doctor.v1 in codfw" and (.fix | test("--topic global.doctor.v1 --operation Write"))'
	check "a broker is killed" "$cluster" kill kafka-eqiad
	check "nobody answers there" \
		says 1 '.check == "network" and .verdict == "BAD" and (.where | startswith("Kafka of eqiad")) and (.what | test("refused"))'
fi
check_end
