#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_line.sh core|requests|all [PATTERN] - the whole line under faults, on real servers. With a
# pattern of the shell, for example '*paused*' or '@(*killed|several specs)', only the faults whose
# sentence matches it.
#
# Goal: whatever is killed, paused or cut, both DCs end with the same stream, dense and in order, of
# every source event exactly once. Method: events at a steady rate in both DCs (repeats of real
# ones, with new ids) and real edits beside; one fault after the other, with all of that going on;
# after each the cluster must be fine again and `braidctl verify` content with what has come since
# shortly before the fault; at the end, without load, verify everything against the source topics
# and MediaWiki. LINE_RATE: events a second (core: 60, otherwise 200).
set -u
cd "$(dirname "$0")/../.." || exit 2
suite=${1:-core}
only=${2:-*}
top=$PWD
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-18200}
export BRAID_STATE BRAID_PORT_BASE
export BRAID_TAP=1 # nodes reach their own Kafka through the relay, too
cluster=$top/deploy/local/cluster
# shellcheck disable=SC2034  # for lib/line.sh
build=$top/build
stream=mediawiki.page_content_change.v1
rate=${LINE_RATE:-$([ "$suite" = core ] && echo 60 || echo 200)}
# shellcheck source=deploy/local/lib/line.sh
. deploy/local/lib/line.sh
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh
# shellcheck source=tests/integration/load.sh
. tests/integration/load.sh

# ---- load ----------------------------------------------------------------------------------------

# kcat gives up when its only broker is down: then it starts again.
keep_sending() {
	local child=""
	trap 'kill -s TERM $child 2>/dev/null; wait; exit 0' TERM
	while :; do
		deploy/local/synth --dc "$1" --rate $((rate / 2)) --seed $RANDOM >/dev/null 2>&1 &
		child=$!
		wait $child
		sleep 0.5
	done
}

start_load() {
	local dc
	for dc in eqiad codfw; do
		keep_sending "$dc" &
		load+=($!)
	done
	deploy/local/edits --count 0 --rate 2 --seconds 3600 --keep-going --quiet \
		>"$BRAID_STATE/edits.json" 2>"$BRAID_STATE/edits.log" &
	load+=($!)
}

# ---- questions -----------------------------------------------------------------------------------

is_fine() { ctl status -o json | holds '.fine'; }
# A page may be deleted before it is fetched; of few events, it may be most.
is_sound() { ctl verify "$@" --min-ok 50; }
has_node() { ctl nodes -o json | holds --arg node "$1" '[.. | .node? // empty] | index($node)'; }
restart() { "$cluster" kill "$1" && "$cluster" start "$1"; }
advances() {
	local before
	before=$(next_numbers "$stream")
	eventually "$1" numbers_passed "$before"
}
numbers_passed() {
	local now
	now=$(next_numbers "$stream")
	[ "${now% *}" -gt "${1% *}" ] && [ "${now#* }" -gt "${1#* }" ]
}

# After a fault: everything up, both members, both copies going on, and sound so far.
recovers() {
	eventually 180 is_fine >/dev/null || { ctl status; return 1; }
	advances 90 || { echo "the stream stands still"; ctl status; return 1; }
	is_sound "$stream" --from-seq "$verified_from"
}

# Where the check after a fault begins: the number that both copies had passed before it.
verified_from=0
note_numbers() {
	local numbers
	numbers=$(next_numbers "$stream")
	verified_from=$((${numbers% *} < ${numbers#* } ? ${numbers% *} : ${numbers#* }))
	[ "$verified_from" -ge 0 ] || verified_from=0
}

# shellcheck disable=SC2053  # a pattern
is_chosen() { [[ $1 == $only ]]; }

# fault SENTENCE COMMAND...
fault() {
	local sentence=$1
	shift
	is_chosen "$sentence" || return 0
	note_numbers
	check "$sentence" eval "$* && recovers"
}

# What the largest node has held at most since it was started, in MB.
largest_node() {
	local file pid
	for file in "$BRAID_STATE"/run/node-*; do
		read -r pid _ <"$file"
		awk '/^VmHWM:/ { print int($2 * 1.024 / 1000) }' "/proc/$pid/status" 2>/dev/null
	done | sort -n | tail -n 1
}
holds_at_most() {
	local mb
	mb=$(largest_node)
	echo "the largest node has held $mb MB"
	[ "${mb:-$1}" -lt "$1" ]
}

# ---- faults --------------------------------------------------------------------------------------

kill_and_start() { "$cluster" kill "$1" && sleep "${2:-3}" && "$cluster" start "$1"; }
pause_and_cont() { "$cluster" pause "$1" && sleep "${2:-15}" && "$cluster" cont "$1"; }

# Past the lease of 10 s: its tasks have gone to the other node when it wakes.
pause_past_lease() {
	"$cluster" pause "node-$1" && eventually 90 not has_node "${1%-*}/$1" && sleep 2 && "$cluster" cont "node-$1"
}

cut_link() { "$cluster" relay cut "$1" "$2" && sleep "${3:-15}" && "$cluster" heal; }

# requests VERB KEY [MS] COUNT: until all have happened, in both DCs' own Kafkas.
requests() {
	local dc
	for dc in eqiad codfw; do "$cluster" relay "$@" "kafka-$dc-tap" || return 1; done
	eventually 90 none_waiting || { echo "no such request came"; "$cluster" relay forget; return 1; }
}
none_waiting() { "$cluster" relay status | grep -q 'counter faults_waiting 0'; }

core_faults() {
	fault "a killed node: its tasks move, nothing is lost" kill_and_start node-eqiad-1 12
	fault "a killed Kafka" kill_and_start kafka-codfw
	fault "a node paused past its lease wakes and harms nothing" pause_past_lease codfw-1
	fault "the link between the DCs cut and healed" cut_link eqiad codfw
	fault "commits (EndTxn) whose answers are lost" requests drop-reply 26 3
}

request_faults() {
	fault "commits that do not arrive" requests drop 26 3
	fault "commits that arrive twice" requests repeat 26 5
	fault "commits that are late" requests delay 26 3000 2
	fault "beginnings (AddPartitionsToTxn) whose answers are lost" requests drop-reply 24 3
	fault "beginnings that do not arrive" requests drop 24 3
	fault "beginnings that arrive twice" requests repeat 24 5
	fault "beginnings that are late" requests delay 24 3000 2
	fault "writes (Produce) whose answers are lost" requests drop-reply 0 5
	fault "writes that do not arrive" requests drop 0 5
	fault "writes that arrive twice" requests repeat 0 10
	fault "writes that are late" requests delay 0 3000 3
	fault "reads (Fetch) whose answers are lost" requests drop-reply 1 5
}

all_faults() {
	local name
	for name in node-eqiad-2 node-codfw-1 node-codfw-2 kafka-eqiad etcd-eqiad etcd-codfw etcd-witness \
		mediawiki-eqiad mediawiki-codfw outbox-eqiad outbox-codfw; do
		fault "$name killed" kill_and_start "$name"
	done
	for name in node-eqiad-1 node-eqiad-2 node-codfw-2; do
		fault "$name paused past its lease" pause_past_lease "${name#node-}"
	done
	for name in kafka-eqiad kafka-codfw etcd-eqiad etcd-codfw etcd-witness mediawiki-eqiad \
		mediawiki-codfw outbox-eqiad outbox-codfw; do
		fault "$name paused for 15 s" pause_and_cont "$name"
	done
	fault "a rolling restart of all nodes" rolling_restart
	fault "the link from eqiad to the witness cut and healed" cut_link eqiad witness
	fault "the link from codfw to the witness cut and healed" cut_link codfw witness
	fault "one direction between the DCs cut and healed" \
		"$cluster" relay cut-one-way eqiad codfw '&&' sleep 15 '&&' "$cluster" heal
	fault "a whole DC cut off and back" "$cluster" partition codfw '&&' sleep 20 '&&' "$cluster" heal
	fault "a whole DC killed and started" "$cluster" kill-dc eqiad '&&' sleep 20 '&&' "$cluster" start-dc eqiad
	fault "30 ms between the sites" "$cluster" latency 30 '&&' sleep 20 '&&' recovers '&&' "$cluster" latency 0
}

rolling_restart() {
	local name
	for name in node-eqiad-1 node-codfw-1 node-eqiad-2 node-codfw-2; do
		"$cluster" stop "$name" && "$cluster" start "$name" && sleep 2 || return 1
	done
}

# ---- several specs -------------------------------------------------------------------------------

# From now on: all that the faults before have let through would take minutes to be enriched again.
spec_of() { sed -e "s/^stream: .*/stream: $1/" -e 's/^start: .*/start: latest/' deploy/local/demo.yaml >"$BRAID_STATE/$1.yaml"; }

several_specs() {
	spec_of second.v1 && spec_of third.v1
	check "a second spec on the same source is applied live" \
		ctl apply -f "$BRAID_STATE/second.v1.yaml" --yes -m test
	check "a third, too" ctl apply -f "$BRAID_STATE/third.v1.yaml" --yes -m test
	sleep 10
	check "one is deleted" ctl delete second.v1 --yes -m test
	note_numbers
	check "the others go on" recovers
}

# ---- the whole -----------------------------------------------------------------------------------

start() {
	"$cluster" up || return 1
	eval "$("$cluster" env)"
	ctl apply -f deploy/local/demo.yaml --yes -m test && deploy/local/edits --count 60 --quiet
}

finish() {
	check "without load, both copies come to the end of the source topics" wait_drained "$stream" 300
	check "they are equal, dense, in order, complete, and as MediaWiki has it" \
		ctl verify "$stream" --content 50 --min-ok 90
	if [ "$suite" = all ] && is_chosen "several specs"; then
		check "so is the third stream" eval 'wait_drained third.v1 300 && is_sound third.v1'
	fi
	[ "$failed" = 0 ] || "$cluster" status
}

cleanup() {
	stop_load
	if [ "$failed" != 0 ] && [ -n "${KEEP_LOGS:-}" ]; then cp -r "$BRAID_STATE/log" "$KEEP_LOGS"; fi
	"$cluster" down
	rm -rf "${BRAID_STATE%/state}"
}

trap cleanup EXIT
check "the cluster starts, a stream is applied, pages are edited" start
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	start_load
	check "events flow in both DCs" recovers
	case $suite in
	core) core_faults ;;
	requests) request_faults ;;
	all)
		core_faults
		request_faults
		all_faults
		if is_chosen "several specs"; then several_specs; fi
		;;
	esac
	check "no node has held 150 MB (the largest: $(largest_node) MB)" holds_at_most 150
	stop_load
	finish
fi
check_end
