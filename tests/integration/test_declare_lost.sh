#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_declare_lost.sh - the sole member of a stream is lost with what only it had emitted, an operator says so, and it
# comes back after all.
#
# Goal: without that word the other DC waits; with it the stream goes on in a new era from its copy, and the DC that comes
# back emits nothing behind records that nobody else has, says from which number on it differs, and is brought back.
# Method: eqiad is cut off while real edits go on; codfw, alone, emits some, and is killed; `declare-lost` refuses while it
# may live, and works after; codfw is started again, its global topic made anew, and both copies hold everything.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-18800}
export BRAID_STATE BRAID_PORT_BASE
cluster=$PWD/deploy/local/cluster
build=$PWD/build
stream=mediawiki.page_content_change.v1
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
is_alone() { says '[.streams[] | select(.member) | .dc] == ["codfw"]'; }
end_in() { kcat -Q -b "$1" -t "global.$stream:0:-1" | sed 's/.* //'; }
is_ahead() { [ "$(end_in "$BRAID_KAFKA_CODFW")" -gt $(($(end_in "$BRAID_KAFKA_EQIAD") + 3)) ]; }

alone() { "$cluster" partition eqiad && eventually 60 is_alone; }
lose() { "$cluster" kill-dc codfw && "$cluster" heal; }
refuses() { ctl declare-lost codfw --plan 2>&1 | grep 'may live\|lives'; }
plan() {
	ctl declare-lost codfw --plan -o json >"$BRAID_STATE/plan" &&
		holds '.streams[0].from == "eqiad" and .streams[0].lost > 0 and .streams[0].era == 1' <"$BRAID_STATE/plan"
}
declare_lost() { ctl declare-lost codfw --yes -m "its building burnt down"; }
has_begun() { ctl cuts $stream -n 1 -o json | holds '.cuts[0].cut | startswith("1.")'; }
is_longer() { [ "$(end_in "$BRAID_KAFKA_EQIAD")" -gt "$before" ]; }
differs() {
	local number
	number=$(jq '.streams[0].first_number' <"$BRAID_STATE/plan")
	says "[.problems[].what | select(contains(\"differs from number $number on\"))] | length > 0"
}
# docs/operations.md
make_anew() {
	"$cluster" kafka-tool codfw org.apache.kafka.tools.TopicCommand --delete --topic "global.$stream" || return 1
	sleep 5 # a broker still has the name for a moment
	apply || return 1
	for node in node-codfw-1 node-codfw-2; do "$cluster" kill $node && "$cluster" start $node || return 1; done
}
pool_it() { ctl pool codfw --yes -m "it is back after all"; }
verify() { ctl verify $stream --min-ok 0; }

trap cleanup EXIT
check "the cluster starts" "$cluster" up
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	check "a stream of real edits" eval "apply && edit 30 && wait_drained $stream 120"
	check "eqiad is cut off, and codfw goes on alone" alone
	check "it emits edits that eqiad does not have" eval "edit 20 && eventually 60 is_ahead"
	check "codfw is lost" lose
	check "as long as it may live, nobody may say that it is" refuses
	before=$(end_in "$BRAID_KAFKA_EQIAD")
	check "then the plan names eqiad's copy, and how many numbers are lost" eventually 180 plan
	check "until somebody says so, eqiad waits" eval '! is_longer'
	check "the operator declares codfw lost" declare_lost
	check "the stream goes on in era 1" eventually 90 has_begun
	check "eqiad emits in it" eventually 120 is_longer
	check "codfw comes back" "$cluster" start-dc codfw
	check "it says from which number on its copy differs" eventually 180 differs
	check "before that is mended it cannot be pooled" eval '! pool_it'
	check "its global topic is made anew" make_anew
	check "it is pooled once it has copied eqiad's" eventually 180 pool_it
	check "all is fine again" eventually 180 is_fine
	check "more edits reach both copies" eval "edit 10 && wait_drained $stream 180"
	check "the copies are equal, dense, in order and complete" verify
fi
check_end
