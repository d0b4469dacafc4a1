#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_sources.sh - a stream of six kinds of sources, and its readers in three languages.
#
# Goal: page changes, older streams, other JSON, CloudEvents and Debezium's events, retries and
# backfills stand in one order, the same in both DCs; readers in Python, Java and C see it alike,
# through the loss of a DC, with and without waiting for commits. Method: events of all kinds in both
# DCs, sources.py, `braidctl verify`; then eqiad is lost while readers go on from codfw.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-20600}
export BRAID_STATE BRAID_PORT_BASE
cluster=$PWD/deploy/local/cluster
# shellcheck disable=SC2034  # for lib/line.sh
build=$PWD/build
dir=${BRAID_STATE%/state}
stream=wiki_activity.v1
# shellcheck source=deploy/local/lib/line.sh
. deploy/local/lib/line.sh
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh

sources() { tests/integration/sources.py "$@"; }

# ---- the stream ----------------------------------------------------------------------------------

apply() { sources topics && ctl apply -f deploy/streams/mixed/wiki_activity.yaml --yes -m test; }

feed() {
	# Five at a time delete nothing: of what is deleted no backfill can make earlier changes again.
	deploy/local/edits --count 5 --seed one --quiet && deploy/local/edits --count 5 --seed two --quiet && sources feed >"$dir/wanted" &&
		sources retry 1 && sources retry 1 && sources retry 2
}

# has N: both copies are equally long, and have at least so many records of what was fed (page
# changes come on top).
has() {
	local numbers changes
	numbers=$(next_numbers "$stream")
	changes=$(source_records)
	[ "${numbers% *}" = "${numbers#* }" ] && [ "${numbers% *}" = $(($1 + changes)) ]
}
arrives() { eventually 120 has "$1" || { next_numbers "$stream" && ctl status && return 1; }; }

# The view that fails and the one that is no UTF-8 fail in each DC: four of some 170.
verify() { ctl verify "$stream" --min-ok 90; }

# ---- readers -------------------------------------------------------------------------------------

prepare_readers() {
	local jar cflags libs
	jar=$(find "${XDG_CACHE_HOME:-$HOME/.cache}/braid" -name 'kafka-clients-[0-9]*.jar' -path '*/libs/*' | sort | tail -n 1)
	classes=$dir/classes
	jars=$(dirname "$jar")
	cflags=$(sed -n 's/^DEPS_CFLAGS := //p' build/deps.mk)
	libs=$(sed -n 's/^DEPS_LIBS := //p' build/deps.mk)
	# shellcheck disable=SC2086  # lists of words
	cc -O1 $cflags docs/examples/reader.c $libs -o "$dir/reader" &&
		javac -cp "$jars/*" -d "$classes" docs/examples/Reader.java
}

read_python() { /usr/bin/python3 docs/examples/reader.py "$stream" "$@"; }
read_java() { java -Xmx128m -cp "$classes:$jars/*" Reader "$stream" "$@" 2>"$dir/java.log"; }
read_c() { "$dir/reader" "$stream" "$@"; }

# seq_of LANGUAGE STATE: the last number that this reader has taken.
seq_of() {
	case $1 in
	python) jq .seq "$2" ;;
	java) sed -n 's/^seq=//p' "$2" ;;
	c) cut -d ' ' -f 1 "$2" ;;
	esac
}

# reads LANGUAGE STATE BROKERS NUMBER [uncommitted]: reads on, and is at that number then.
reads() {
	"read_$1" "$3" "$2" ${5:+"$5"} >/dev/null && [ "$(seq_of "$1" "$2")" = "$4" ]
}

newest() { echo $(($(next_numbers "$stream" | cut -d ' ' -f "$1") - 1)); }

all_read() { # FIELD BROKERS: of both levels, in all languages
	local language
	for language in python java c; do
		eventually 60 reads "$language" "$dir/$language" "$2" "$(newest "$1")" &&
			eventually 60 reads "$language" "$dir/$language.un" "$2" "$(newest "$1")" uncommitted ||
			{ echo "$language: $(cat "$dir/$language")" "$dir/java.log" && return 1; }
	done
}

lose_eqiad() {
	local before events
	before=$(newest 2)
	"$cluster" kill-dc eqiad
	events=$(deploy/local/edits --eqiad "" --count 10 --quiet --keep-going | jq .events_total) || return 1
	eventually 90 eval "[ \"\$(newest 2)\" -ge $((before + events)) ]" || return 1
	rests && all_read 2 "$BRAID_KAFKA_CODFW"
}

# No number has come for three seconds.
rests() {
	local before now
	for _ in {1..20}; do
		before=$(newest 2) && sleep 3 && now=$(newest 2)
		[ "$before" != "$now" ] || return 0
	done
	return 1
}

# What they made of the events: the same as one who reads only codfw from the beginning.
agree() {
	local language
	for language in python java c; do
		"read_$language" "$BRAID_KAFKA_CODFW" "$dir/$language.fresh" >/dev/null || return 1
		state_of "$language" "$dir/$language.fresh" >"$dir/fresh.txt"
		state_of "$language" "$dir/$language" | diff - "$dir/fresh.txt" || return 1
		state_of "$language" "$dir/$language.un" | diff - "$dir/fresh.txt" || return 1
	done
}
state_of() {
	case $1 in
	python) jq -S . "$2" ;;
	java) grep -v '^#' "$2" | sort ;;
	c) cat "$2" ;;
	esac
}

# ---- what a stream lacks --------------------------------------------------------------------------

late=late.v1

# A stream that begins after the edits so far; ten seconds later these can be looked for.
begin_late() {
	printf 'stream: %s\nsources: [{topic: mediawiki.page_change.v1}]\nstart: latest\n' "$late" >"$dir/late.yaml"
	ctl apply -f "$dir/late.yaml" --yes -m test && deploy/local/edits --count 5 --quiet &&
		eventually 60 has_late 1 && sleep 12
}
has_late() {
	local numbers
	numbers=$(next_numbers "$late")
	[ "${numbers% *}" = "${numbers#* }" ] && [ "${numbers% *}" -ge "$1" ]
}

# What is missing is written once: the next run finds nothing to write.
fill_late() {
	local before missing
	before=$(next_numbers "$late")
	ctl backfill "$late" --since 1h --plan -o json >"$dir/plan.json" || return 1
	ctl backfill "$late" --since 1h --yes -m test -o json >"$dir/filled.json" || return 1
	missing=$(jq .written "$dir/filled.json")
	cat "$dir/filled.json"
	[ "$missing" -ge 10 ] && eventually 60 has_late $((${before% *} + missing)) &&
		[ "$(ctl backfill "$late" --since 1h -o json | jq .missing)" = 0 ] &&
		[ "$(ctl reconcile "$late" --since 1h -o json | jq .missing)" = 0 ] &&
		ctl verify "$late" && ctl verify "$stream" --min-ok 90
}

# lose ACTION TITLE: a change of the wiki whose event no one ever sends: what ships the outbox stands
# still meanwhile, and is told then that it has sent it.
lose() {
	local rc=0
	"$cluster" stop outbox-eqiad && "$cluster" stop outbox-codfw && sources page "$1" "$2" || return 1
	sqlite3 -cmd '.timeout 30000' "$BRAID_STATE/mediawiki/data/testwiki.sqlite" \
		"UPDATE braid_outbox SET bo_shipped = bo_created WHERE (bo_about LIKE 'log:%' OR '$1' = 'move') AND bo_shipped IS NULL RETURNING bo_about" |
		grep . || rc=1
	"$cluster" start outbox-eqiad && "$cluster" start outbox-codfw && sleep 12 && return $rc
}

# finds JSON [OPTION...]: what reconcile says.
finds() {
	local wanted=$1
	shift
	ctl reconcile "$late" --since 1h "$@" -o json >"$dir/found.json" && cat "$dir/found.json" && holds "$wanted" "$dir/found.json"
}

# last_is KIND: the newest record of both copies is of this kind, about the page that was lost.
last_is() {
	local dc broker
	for dc in EQIAD CODFW; do
		broker=BRAID_KAFKA_$dc
		kcat -C -q -e -b "${!broker}" -t "global.$late" -o beginning -X isolation.level=read_committed |
			jq -c "select(.page.page_title == \"Lost_and_found\") | [.page_change_kind, .page.page_id, .revision.rev_id]" >"$dir/page-$dc"
	done
	cat "$dir/page-EQIAD" && diff "$dir/page-EQIAD" "$dir/page-CODFW" && tail -n 1 "$dir/page-EQIAD" | grep -q "^\[\"$1\"" &&
		[ "$(jq -c '.[1:]' "$dir/page-EQIAD" | sort -u | wc -l)" = 1 ]
}

lost_deletion() {
	local page="Lost and found" records
	records=$(next_numbers "$late")
	sources page edit "$page" && eventually 60 has_late $((${records% *} + 1)) && lose delete "$page" &&
		finds '.missing == 1 and .cannot_be_made == 0' --yes -m test && eventually 60 last_is delete && finds '.missing == 0'
}

# The deletion is in the stream; it is the undeletion that is lost now, then one more deletion that is
# undone at once: written late, that would take away what is there.
lost_undeletion() {
	local page="Lost and found" records
	lose undelete "$page" && finds '.missing == 1 and .undone_since == 0' --yes -m test && eventually 60 last_is undelete &&
		finds '.missing == 0' || return 1
	records=$(next_numbers "$late")
	lose delete "$page" && sources page undelete "$page" && eventually 60 has_late $((${records% *} + 1)) && sleep 12 &&
		finds '.missing == 0 and .undone_since == 1' && last_is undelete && ctl verify "$late"
}

# Recent changes forget: they are made to, of the move. What is found by its log entry is the same event that they would have made.
lost_move() {
	local page="Lost and found" dc broker
	lose move "$page" && sqlite3 -cmd '.timeout 30000' "$BRAID_STATE/mediawiki/data/testwiki.sqlite" \
		"DELETE FROM recentchanges WHERE rc_log_type = 'move' AND rc_title = 'Lost_and_found' RETURNING rc_id" | grep . || return 1
	finds '.missing == 1' --yes -m test && eventually 60 finds '.missing == 0' || return 1
	for dc in EQIAD CODFW; do
		broker=BRAID_KAFKA_$dc
		eventually 60 has_move "${!broker}" || return 1
	done
	ctl verify "$late"
}
has_move() {
	kcat -C -q -e -b "$1" -t "global.$late" -o beginning -X isolation.level=read_committed |
		jq -ec 'select(.page_change_kind == "move" and .page.page_title == "Lost_and_found_moved") |
			.prior_state.page.page_title, .comment, .revision.rev_parent_id == .prior_state.revision.rev_id' | tr '\n' ' ' |
		grep -qx '"Lost_and_found" "r" true '
}

take_down() {
	[ -n "${KEEP:-}" ] || { "$cluster" down >/dev/null 2>&1 && rm -rf "$dir"; }
}
trap take_down EXIT

check "the cluster is up" "$cluster" up
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	check "a stream of six sources can be applied" apply
	check "events are written" feed
	check "all that shall be in the stream is" arrives $(($(cat "$dir/wanted") + 4))
	check "a backfill comes behind it" eval "sources backfill && arrives $(($(cat "$dir/wanted") + 6))"
	sources check >"$dir/checks" 2>&1 || grep -q "^  FAILED" "$dir/checks" || failed=$((failed + 1))
	cat "$dir/checks"
	passed=$((passed + $(grep -c '^  ok' "$dir/checks")))
	failed=$((failed + $(grep -c '^  FAILED' "$dir/checks")))
	check "and braidctl verify finds the stream sound" verify
	check "a stream can begin late" begin_late
	check "a backfill writes what it lacks, once, and no other stream takes it" fill_late
	check "a deletion whose event was lost is found by reconcile, written, and not found again" lost_deletion
	check "so is an undeletion; a deletion that was undone is not written" lost_undeletion
	check "a move that recent changes have forgotten is found by its log entry, and written" lost_move
	check "the readers can be built" prepare_readers
	check "readers in Python, Java and C read all of it" all_read 1 "$BRAID_KAFKA_EQIAD"
	check "their DC is lost, and they go on in the other" lose_eqiad
	check "and have made of it what one does who read only there" agree
fi
check_end
