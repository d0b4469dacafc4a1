#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_examples.sh - the commands in the EXAMPLES of braidctl(1), as they stand there.
#
# Goal: an operator who copies them gets what the page says: a stream made and changed, a DC taken out
# and back, a consumer group moved, a DC lost on purpose, a node emptied. Method: the blocks of the
# page's source run one after the other, nothing left out and nothing put between, on a cluster with
# load that has no stream yet. Each command must end with 0; `status` may also say 3: not fine. Beside
# them, a reader of the group that one example moves reads before and after the move.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-18400}
export BRAID_STATE BRAID_PORT_BASE
cluster=$PWD/deploy/local/cluster
page=$PWD/docs/man/braidctl.1
reader=$PWD/tests/integration/group_reader.py
stream=mediawiki.page_content_change.v1
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh
# shellcheck source=tests/integration/load.sh
. tests/integration/load.sh

start() {
	"$cluster" up || return 1
	eval "$("$cluster" env)"
	deploy/local/edits --count 40 --quiet
}

cleanup() {
	stop_load
	"$cluster" down
	rm -rf "${BRAID_STATE%/state}"
}

# ---- the page --------------------------------------------------------------------------------------

# The literal blocks of EXAMPLES, each command on one line, a blank line after each block.
examples() {
	awk '/^\.Sh / { here = $2 == "EXAMPLES" } !here { next }
		/^\.Bd -literal/ { literal = 1; next } /^\.Ed/ { literal = 0; print ""; next } literal' "$page" |
		sed -e 's/\\e/\\/g' -e 's/\\&//g' | sed -e ':a' -e '/\\$/{N;s/\\\n *//;ba' -e '}'
}

# In this one shell, as a person would: what one line sets the next has.
run() {
	local rc=0
	eval "$1" || rc=$?
	[ $rc = 0 ] || { [ $rc = 3 ] && [[ $1 == "braidctl status"* ]]; }
}

# ---- the group that one of them moves --------------------------------------------------------------

# read_group DC FILE: a reader of group g takes 40 records and stops; their numbers land in FILE.
read_group() {
	local bootstrap=BRAID_KAFKA_${1^^}
	timeout 90 "$reader" "${!bootstrap}" "global.$stream" g 40 >"$2"
}

has_records() { [ -n "$(kcat -C -b "$BRAID_KAFKA_EQIAD" -t "global.$stream" -o beginning -c 1 -e -q 2>/dev/null)" ]; }
read_before() { eventually 60 has_records && read_group eqiad "$BRAID_STATE/before"; }

goes_on() {
	read_group codfw "$BRAID_STATE/after"
	cat "$BRAID_STATE/before" "$BRAID_STATE/after" | awk '$1 != NR - 1 { print "number " $1 " in place " NR; exit 1 }
		END { if (NR != 80) { print NR " numbers, not 80"; exit 1 } }'
}

# ---- the whole -------------------------------------------------------------------------------------

run_examples() {
	local line before
	mkdir "$BRAID_STATE/examples" && cd "$BRAID_STATE/examples" || return
	read_before &
	before=$!
	while IFS= read -r line <&3; do
		case $line in
		"") continue ;;
		"braidctl translate"*) wait "$before" ;; # the page: once it has stopped
		esac
		check "$line" run "$line"
	done 3< <(examples)
}

has_done() { braidctl history -n 50 -o json | holds --arg what "$1" '[.operations[].what] | index($what)'; }

trap cleanup EXIT
check "the cluster starts and pages are edited" start
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	PATH=$PWD/build:$PATH
	start_synth 10 900
	run_examples
	check "the group's reader goes on in codfw with the number after its last in eqiad" goes_on
	check "a DC was out and is back" eval 'has_done "depool codfw" && has_done "pool codfw"'
	check "the drill left its report" test -s drill.html
fi
check_end
