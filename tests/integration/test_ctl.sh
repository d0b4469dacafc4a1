#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_ctl.sh - what operators do to a running stream, on real servers.
#
# Goal: every command of braidctl that changes something does what it says, the nodes obey it, it
# refuses with a reason what it must refuse, and the stream stays sound. Method: a stream under load in
# both DCs; one command after the other; in the end verify everything.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-18200}
export BRAID_STATE BRAID_PORT_BASE
cluster=$PWD/deploy/local/cluster
# shellcheck disable=SC2034  # for lib/line.sh
build=$PWD/build
stream=mediawiki.page_content_change.v1
# shellcheck source=deploy/local/lib/line.sh
. deploy/local/lib/line.sh
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh
# shellcheck source=tests/integration/load.sh
. tests/integration/load.sh

start() {
	"$cluster" up || return 1
	eval "$("$cluster" env)"
	ctl apply -f deploy/local/demo.yaml --yes -m test && deploy/local/edits --count 40 --quiet
}

cleanup() {
	stop_load
	if [ "$failed" != 0 ] && [ -n "${KEEP_LOGS:-}" ]; then cp -r "$BRAID_STATE/log" "$KEEP_LOGS"; fi
	"$cluster" down
	rm -rf "${BRAID_STATE%/state}"
}

# ---- questions -----------------------------------------------------------------------------------

is_fine() { ctl status -o json | holds '.fine'; }
head_of() { ctl cuts "$1" -n 1 -o json | jq -r '.cuts[0].cut'; }
has_moved() { [ "$(head_of "$1")" != "$2" ]; }
goes_on() { eventually 60 has_moved "$1" "$(head_of "$1")"; }
members_are() { [ "$(ctl streams -o json | jq -r --arg s "$stream" '.specs[] | select(.stream == $s).members')" = "$1" ]; }
# Tasks of the stream's own source, not of those for operators.
enriching() { ctl tasks -o tsv | grep $'\tenrich/'"$1" | grep -vc '/braid\.'; }
enriching_is() { [ "$(enriching "$1")" = "$2" ]; }
tasks_of() { ctl tasks -o tsv | grep -c $'\t'"$1"$'\t'; }

# exits CODE PATTERN COMMAND...: braidctl ends so, and says that.
exits() {
	local code=$1 pattern=$2 said rc=0
	shift 2
	said=$(ctl "$@" 2>&1) || rc=$?
	echo "exit $rc, not $code; or not '$pattern': $said"
	[ "$rc" = "$code" ] && grep -qE -- "$pattern" <<<"$said"
}

# ---- plans, the lock, the log --------------------------------------------------------------------

description() { sed "s/^description:.*/description: $1/" deploy/local/demo.yaml; }
description_is() { [ "$(ctl get "$stream" -o json | jq -r .description)" = "$1" ]; }
plan_revision() { description "$1" | ctl apply -f - --plan -o json | holds .revision; }

plans() {
	local revision
	revision=$(plan_revision one) || return 1
	description one | ctl apply -f - --plan -o json | holds '.cost | length == 7' || return 1
	description_is one && { echo "a plan has changed something"; return 1; }
	description one | ctl apply -f - --if-revision "$revision" --yes -m test || return 1
	description_is one || return 1
	description two | ctl apply -f - --if-revision "$revision" --yes -m test && {
		echo "an old revision was not refused"
		return 1
	}
	description_is one
}

is_locked() {
	ETCDCTL_API=3 etcdctl --endpoints "${BRAID_ETCD%%,*}" --cacert "$BRAID_ETCD_CA" --cert "$BRAID_ETCD_CERT" \
		--key "$BRAID_ETCD_KEY" get --keys-only "/braid/$BRAID_CLUSTER/ops/lock" | grep lock
}

# The wait for a DC to be out holds the lock as long as the stream is paused.
is_locked_out() {
	local rc waiter
	ctl pause "$stream" --for 12s --yes -m "nothing is decided" || return 1
	ctl depool codfw --wait --for 90s --yes -m "holds the lock" >"$BRAID_STATE/waited" 2>&1 &
	waiter=$!
	eventually 10 is_locked
	ctl pause "$stream" --for 1s --yes -m "in between" >"$BRAID_STATE/said" 2>&1
	rc=$?
	wait $waiter || { cat "$BRAID_STATE/waited"; return 1; }
	cat "$BRAID_STATE/said"
	[ $rc = 5 ] && grep -q "does 'depool codfw'" "$BRAID_STATE/said"
}

history_says() { ctl history -n 500 -o json | holds --arg what "$1" '[.operations[].what] | index($what)'; }

# ---- a reader that moves -------------------------------------------------------------------------

# read_group DC COUNT: a reader of the group takes so many records there and stops; their numbers.
read_group() {
	local bootstrap=BRAID_KAFKA_${1^^}
	timeout 60 tests/integration/group_reader.py "${!bootstrap}" "global.$stream" moving "$2"
}

moved() { # FROM TO
	ctl translate --group moving --stream "$stream" --from "$1" --to "$2" --execute --yes -m "move $1"
}

# Twenty times in mid-stream, each time after another count.
moves() {
	local numbers="$BRAID_STATE/numbers" from=eqiad to=codfw turn
	for turn in {1..20}; do
		read_group "$from" $((10 + turn * 7 % 13)) >>"$numbers"
		eventually 60 moved "$from" "$to" || { echo "turn $turn"; return 1; }
		read -r from to <<<"$to $from"
	done
	awk '$1 != NR - 1 { print "number " $1 " in place " NR; exit 1 } END { if (NR != 318) exit 1 }' "$numbers"
}

offset_is_number() {
	ctl translate --stream "$stream" --from eqiad --to codfw --offset 0 -o json | holds '.seq == 0'
}

# ---- the whole -----------------------------------------------------------------------------------

operate() {
	check "a plan shows cost and changes nothing; its revision guards what it was made for" plans
	check "a rollback brings an earlier version back" rolls_back
	check "an unknown version is refused" exits 1 "has no version 77" rollback $stream 77 --yes -m x
	check "without a reason nothing is changed" exits 2 "needs -m" depool codfw --yes

	check "while one operation holds the lock another is refused, with who and what" is_locked_out
	check "a DC that was waited for is out" members_are eqiad
	check "the last member cannot be taken out" exits 1 "eqiad is the last member" \
		depool eqiad --yes -m test
	check "status says so" exits 3 "exists in eqiad alone" status
	check "a pooled DC becomes a member again" \
		eval 'ctl pool codfw --yes -m test && eventually 60 members_are codfw,eqiad'

	check "a drained node has no task left" \
		eval 'ctl drain codfw/codfw-1 --wait --yes -m test && not has_tasks codfw/codfw-1'
	check "the last node of a DC is not drained" exits 1 "no other node" \
		drain codfw/codfw-2 --yes -m test
	check "an undrained node gets tasks again" \
		eval 'ctl undrain codfw/codfw-1 --yes -m test && eventually 60 has_tasks codfw/codfw-1'

	check "a paused partition is enriched by nobody" pauses_partition
	check "its pause ends by itself" eventually 60 enriching_is $stream 4
	check "a partition that is not there is refused" exits 1 "there is no partition 3" \
		pause $stream --partition 3 --yes -m test
	check "a paused stream stands still, and goes on when it is resumed" pause_and_resume

	check "a group that is moved between DCs twenty times in mid-stream reads every number once" moves
	check "the offset for a reader without a group" offset_is_number
	check "a place that is not there yet is refused" exits 1 "has numbers up to" \
		translate --stream $stream --to codfw --seq 99999999
	check "a second stream is applied, and deleted with its topics while it runs" second_stream
	check "a killed DC costs nothing but time" \
		ctl drill --dc codfw --mode kill --for 6s --stream $stream --gap-max 60s --yes -m test
	check "history has it all" eval 'history_says "drain codfw/codfw-1" && history_says "pool codfw"'
}

rolls_back() {
	ctl rollback "$stream" 1 --yes -m test && not description_is one && goes_on "$stream"
}
pauses_partition() {
	ctl pause "$stream" --partition 0 --for 12s --yes -m test && eventually 11 enriching_is "$stream" 0
}
has_tasks() { [ "$(tasks_of "$1")" -gt 0 ]; }

# Under load a cut comes several times a second.
stands_still() {
	local before
	before=$(head_of "$stream") && sleep 2 && [ -n "$before" ] && [ "$(head_of "$stream")" = "$before" ]
}
pause_and_resume() {
	local before
	ctl pause "$stream" --for 120s --yes -m test && eventually 30 stands_still || { echo "cuts go on during a pause"; return 1; }
	before=$(head_of "$stream")
	ctl resume "$stream" --yes -m test && eventually 60 has_moved "$stream" "$before"
}

second_stream() {
	description second | sed 's/^stream:.*/stream: second.v1/' >"$BRAID_STATE/second.yaml"
	ctl apply -f "$BRAID_STATE/second.yaml" --yes -m test && goes_on second.v1 &&
		ctl delete second.v1 --purge --yes -m test && eventually 60 is_fine || return 1
	kcat -b "$BRAID_KAFKA_EQIAD" -L | grep -q 'global.second.v1' && { echo "its topic is there"; return 1; }
	exits 1 "cannot be used again" apply -f "$BRAID_STATE/second.yaml" --yes -m test
}

# Nothing moves any more, so eqiad holds all that is cut when it goes.
newest_cut() { head_of "$stream" | sed 's/.*\.//'; }
members_changed() { # CUT: how often since
	ctl cuts "$stream" -n 500 -o json |
		jq --argjson from "$1" '[.cuts[] | select((.cut | sub(".*[.]"; "") | tonumber) > $from and (.reason // "") != "")] | length'
}
loses_idle_dc() {
	local before rc=1
	wait_drained "$stream" 120 && before=$(newest_cut) && "$cluster" kill-dc eqiad || return 1
	if eventually 60 members_are codfw && sleep 5 && members_are codfw; then
		echo "changes of members since cut $before: $(members_changed "$before")"
		[ "$(members_changed "$before")" = 1 ] && before=$(head_of "$stream") && deploy/local/edits --eqiad "" --count 3 --quiet --keep-going &&
			eventually 60 has_moved "$stream" "$before" && rc=0
	fi
	"$cluster" start-dc eqiad && eventually 120 members_are codfw,eqiad && return $rc
}

trap cleanup EXIT
check "the cluster starts, a stream is applied, pages are edited" start
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	start_synth 20 600
	check "all is fine under load" eventually 90 is_fine
	operate
	stop_load
	check "a DC that is lost while nothing happens is dropped once, and the rest goes on" loses_idle_dc
	check "without load, both copies come to the end of the source topics" wait_drained "$stream" 120
	check "they are equal, dense, in order and complete" ctl verify "$stream" --min-ok 90
fi
check_end
