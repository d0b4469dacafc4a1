#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_versions.sh - nodes of two versions side by side, under load.
#
# Goal: a DC's nodes are upgraded one by one, and go back, and nothing is lost; newer merge rules wait
# until every node can follow them, and a node that cannot stops instead of guessing. Method: the nodes
# become build/future/braidd (tests/variants/future.c), whose messages have a field more, whose records a
# header more, and which knows merge rules 2. In the end verify everything.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-18800}
export BRAID_STATE BRAID_PORT_BASE
cluster=$PWD/deploy/local/cluster
build=$PWD/build
stream=versions.v1
# shellcheck source=deploy/local/lib/line.sh
. deploy/local/lib/line.sh
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh
# shellcheck source=tests/integration/load.sh
. tests/integration/load.sh

start() { "$cluster" up --only relay,kafka,etcd,nodes; }

send() { # DC: until there is enough
	local bootstrap=BRAID_KAFKA_${1^^} n
	for ((n = 0; ; n++)); do
		[ ! -e "$BRAID_STATE/enough" ] || break
		echo "{\"id\":\"$1-$n\"}"
		sleep 0.05
	done | kcat -P -b "${!bootstrap}" -t "$1.mediawiki.page_change.v1" -X topic.partitioner=murmur2 -X linger.ms=5
}

start_load() {
	send eqiad &
	load+=($!)
	send codfw &
	load+=($!)
}

stop_load() {
	[ ${#load[@]} = 0 ] || touch "$BRAID_STATE/enough"
	wait "${load[@]}"
	load=()
}

cleanup() {
	stop_load
	"$cluster" down
	rm -rf "${BRAID_STATE%/state}"
}

# ---- questions -------------------------------------------------------------------------------------

head_of() { ctl cuts $stream -n 1 -o json | jq -r '.cuts[0].cut'; }
has_moved() { [ "$(head_of)" != "$1" ]; }
goes_on() { eventually 30 has_moved "$(head_of)"; }
rules_are() { ctl cuts $stream -n 1 -o json | holds ".cuts[0].rules == $1"; }
members_are() { ctl cuts $stream -n 1 -o json | holds ".cuts[0].members == \"$1\""; }
is_good() { ctl streams -o json | holds '[.streams[] | select(.member and .caught_up)] | length == 2'; }

# become PROGRAM NODE...: one after the other, each once the one before does its work.
become() {
	local program=$1 name
	shift
	for name in "$@"; do
		"$cluster" stop "node-$name" && BRAID_BRAIDD=$build/$program "$cluster" start "node-$name" && goes_on ||
			return 1
	done
	eventually 60 is_good
}

# Records of eqiad's log TOPIC with the later version's header.
later_records() {
	kcat -C -b "$BRAID_KAFKA_EQIAD" -t "$1" -o beginning -e -q -f '%h\n' | grep -c braid-later=
}
headers_stay_inner() {
	[ "$(later_records "eqiad.braid.enriched.$stream")" -gt 0 ] && [ "$(later_records "global.$stream")" = 0 ]
}

# codfw has one node, and that of the present version, while the chain follows later rules.
old_node_alone() {
	"$cluster" stop node-codfw-1 && become_alone codfw-2 && eventually 30 says_why && eventually 30 members_are eqiad &&
		goes_on
}
become_alone() { "$cluster" stop "node-$1" && "$cluster" start "node-$1"; }
says_why() { grep 'merge rules that this version does not know' "$("$cluster" log node-codfw-2)"; }
doctor_says() {
	ctl doctor -o json >"$BRAID_STATE/doctor"
	holds '.checks[] | select(.check == "versions" and .verdict == "BAD" and (.where | test("codfw-2")))' "$BRAID_STATE/doctor"
}
new_nodes_again() {
	BRAID_BRAIDD=$build/future/braidd "$cluster" start node-codfw-1 && become future/braidd codfw-2
}

# ---- the whole -------------------------------------------------------------------------------------

trap cleanup EXIT
check "the cluster starts" start
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	start_load
	check "a stream is applied" eval 'apply_plain $stream && eventually 30 is_good'
	check "three of four nodes become, one by one, those of a later version" \
		become future/braidd eqiad-1 eqiad-2 codfw-1
	check "while one does not know newer merge rules none follow them" rules_are 1
	check "they go back, one by one" become braidd eqiad-1 eqiad-2 codfw-1
	check "all four become those of the later version" become future/braidd codfw-1 codfw-2 eqiad-1 eqiad-2
	check "then the chain follows the newer rules" eventually 30 rules_are 2
	check "a header that only the later version knows is in no global record" headers_stay_inner
	check "a DC that has an old node alone stops, says why, and is left out" old_node_alone
	check "doctor calls that node bad" doctor_says
	check "with nodes of the later version it is a member again" new_nodes_again
	stop_load
	check "without load, both copies come to the end of the source topics" wait_drained $stream 60
	check "they are equal, dense, in order and complete" ctl verify $stream
fi
check_end
