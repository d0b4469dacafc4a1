#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_incarnation.sh - a DC's enriched topic is deleted and made anew; an operator accepts that.
#
# Goal: what R13 stops is explained, and one command brings it back, at once and without a restart.
# Method: codfw's enriched topic is recreated under a stream of real edits; its tasks, and eqiad's copier
# of it, stop; eqiad goes on; after `accept-incarnation codfw` both copies hold everything again.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-18800}
export BRAID_STATE BRAID_PORT_BASE
cluster=$PWD/deploy/local/cluster
build=$PWD/build
stream=mediawiki.page_content_change.v1
topic=codfw.braid.enriched.$stream
# shellcheck source=deploy/local/lib/line.sh
. deploy/local/lib/line.sh
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh

cleanup() {
	"$cluster" down
	rm -rf "${BRAID_STATE%/state}"
}

apply() { ctl apply -f deploy/local/demo.yaml --yes -m test; }
edit() { deploy/local/edits --count "$1" --quiet; }
says() { ctl status -o json | holds "$1"; }
is_fine() { says .fine; }

topic_tool() { "$cluster" kafka-tool codfw org.apache.kafka.tools.TopicCommand "$@"; }
recreate() {
	local partitions
	partitions=$(topic_tool --describe --topic $topic | sed -n 's/.*PartitionCount: *\([0-9]*\).*/\1/p')
	topic_tool --delete --topic $topic || return 1
	sleep 3 # a broker still has the name for a moment
	topic_tool --create --topic $topic --partitions "$partitions" --replication-factor 1 \
		--config message.timestamp.type=LogAppendTime --config cleanup.policy=delete \
		--config max.message.bytes=10485760
}
stops() { says '[.problems[].what | select(contains("made anew") or contains("lost what others may hold"))] | length > 0'; }
end_in_eqiad() { kcat -Q -b "$BRAID_KAFKA_EQIAD" -t "global.$stream:0:-1" | sed 's/.* //'; }
is_longer() { [ "$(end_in_eqiad)" -gt $((before + 10)) ]; }
plan() { ctl accept-incarnation $stream codfw --plan | grep 'incarnation *1$'; }
accept() { ctl accept-incarnation $stream codfw --yes -m "the topic was recreated"; }
is_by() { ctl cuts $stream -n 1 -o json | grep -q 'codfw/1'; }
verify() { ctl verify $stream --min-ok 0; }

trap cleanup EXIT
check "the cluster starts" "$cluster" up
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	check "a stream of real edits" eval "apply && edit 40 && wait_drained $stream 90"
	check "codfw's enriched topic is deleted and made anew" recreate
	check "status says that, and what stands still" eventually 30 stops
	before=$(end_in_eqiad)
	check "eqiad emits new edits meanwhile" eval 'edit 20 && eventually 60 is_longer'
	check "the plan names the new incarnation" plan
	check "the operator accepts it" accept
	check "a cut names it" eventually 30 is_by
	check "all is fine again, without a restart" eventually 90 is_fine
	check "more edits reach both copies" eval "edit 20 && wait_drained $stream 90"
	check "the copies are equal, dense, in order and complete" verify
fi
check_end
