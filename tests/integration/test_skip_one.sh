#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_skip_one.sh - `verify` finds the one record that a broken merge left out.
#
# Goal: verify can fail, and says where. Method: the nodes of eqiad run a braidd whose merge leaves out
# the record at offset 96 of each partition (node/mutant.h); eqiad's source has 150 records, codfw's 20,
# so that is one. Its numbers are dense and its chain holds: only codfw's copy shows that it lacks one.
# Once both have emitted the cut with that record, the merges see two chains of one cut and stand still: what
# lies behind it is in no copy, and how much that is depends on the cut.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-18600}
export BRAID_STATE BRAID_PORT_BASE
cluster=$PWD/deploy/local/cluster
build=$PWD/build
stream=skipped.v1
source=eqiad/mediawiki.page_change.v1/0/0
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

start() {
	local n
	"$cluster" up --only relay,kafka,etcd,node-codfw-1,node-codfw-2 || return 1
	for n in 1 2; do
		BRAID_BRAIDD=$build/mutant/braidd BRAID_MUTANT=skip_one "$cluster" start "node-eqiad-$n" ||
			return 1
	done
}

send() { # DC COUNT
	local bootstrap=BRAID_KAFKA_${1^^} n
	for ((n = 0; n < $2; n++)); do echo "{\"id\":\"$1-$n\"}"; done |
		kcat -P -b "${!bootstrap}" -t "$1.mediawiki.page_change.v1" -X topic.partitioner=murmur2
}

copy() { # DC: "ORIGIN NUMBER" of each record
	local bootstrap=BRAID_KAFKA_${1^^}
	kcat -C -b "${!bootstrap}" -t "global.$stream" -o beginning -e -q -X isolation.level=read_committed \
		-f '%h\n' | sed 's/.*braid-origin=\([^,]*\).*braid-seq=\([0-9]*\).*/\1 \2/'
}
has() { copy "$1" | grep "^$source/$2 " >/dev/null; } # DC PREV/OFFSET
has_it() { has codfw 95/96 && has eqiad 96/97 && not has eqiad 95/96; }

verify() {
	local rc=0
	ctl verify $stream --wait 3s -o json >"$BRAID_STATE/report" || rc=$?
	ctl verify $stream --wait 1s
	[ $rc = 1 ]
}
says() { holds "$1" "$BRAID_STATE/report"; }
number_in_codfw() { copy codfw | sed -n "s,^$source/95/96 ,,p"; }

trap cleanup EXIT
check "the cluster starts, with a broken merge in eqiad" start
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	check "sources with records, and a stream of them" eval 'send eqiad 150 && send codfw 20 && apply_plain $stream'
	check "codfw has the record, eqiad only the one after it" eventually 60 has_it
	check "verify ends with 1" verify
	check "it says that eqiad lost 1 and codfw none" \
		says '.lost == 1 and ([.copies[] | {(.dc): .lost}] | add) == {codfw: 0, eqiad: 1}'
	check "it names the source position" \
		says "[.findings[] | select(.finding == \"lost\")] | length == 1 and (.[0].what | contains(\"$source offset 96 \"))"
	check "the first unequal number is the one that codfw's copy has there" \
		says ".first_unequal == $(number_in_codfw)"
	check "its first sentence says both" \
		says ".summary | test(\"1 lost in eqiad; the copies differ from number $(number_in_codfw) on\")"
fi
check_end
