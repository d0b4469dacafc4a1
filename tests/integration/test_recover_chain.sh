#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_recover_chain.sh - all of etcd is restored from an older backup; an operator brings the chain forward.
#
# Goal: what R13 stops is explained, and one command brings it back, at once and without a restart, with
# nothing lost, doubled or different.
# Method: a snapshot of etcd; more real edits; etcd restored from it; all merges stop; edits go on coming;
# `recover-chain` refuses before and works after; both copies hold everything.
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
# shellcheck source=tests/integration/etcd_backup.sh
. tests/integration/etcd_backup.sh

cleanup() {
	"$cluster" down
	rm -rf "${BRAID_STATE%/state}"
}

apply() { ctl apply -f deploy/local/demo.yaml --yes -m test; }
edit() { deploy/local/edits --count "$1" --quiet; }
says() { ctl status -o json | holds "$1"; }
is_fine() { says .fine; }
head_cut() { ctl cuts $stream -n 1 -o json | jq -r '.cuts[0].cut' | sed 's/.*\.//'; }
is_newer() { [ "$(head_cut)" -gt $((before + 3)) ]; }

stopped() { says '[.problems[].what | select(contains("ERR_RESTORED"))] | length == 2'; }
refuses() { ! ctl recover-chain $stream --plan; }
plan() { ctl recover-chain $stream --plan -o json | holds ".to_cut > $before and .from_cut < .to_cut"; }
recover() { ctl recover-chain --yes -m "etcd was restored"; }
verify() { ctl verify $stream --min-ok 0; }

trap cleanup EXIT
check "the cluster starts" "$cluster" up
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	check "a stream of real edits" eval "apply && edit 30 && wait_drained $stream 120"
	check "there is nothing to recover" refuses
	check "etcd is backed up" etcd_backup "$BRAID_STATE/snapshot"
	before=$(head_cut)
	check "more edits, and cuts that the backup lacks" eval "edit 20 && wait_drained $stream 120 && eventually 60 is_newer"
	check "all of etcd is restored from the backup" etcd_restore "$BRAID_STATE/snapshot"
	check "both merges stop, and say why" eventually 90 stopped
	check "edits go on meanwhile" edit 10
	check "a minute later the plan names the cut that the chain is brought to" eventually 120 plan
	check "the operator recovers the chain" recover
	check "all is fine again, without a restart" eventually 120 is_fine
	check "more edits reach both copies" eval "edit 10 && wait_drained $stream 120"
	check "the copies are equal, dense, in order and complete" verify
fi
check_end
