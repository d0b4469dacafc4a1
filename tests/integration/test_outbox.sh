#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_outbox.sh - from an edit on a real MediaWiki to its event in a real Kafka, while MediaWiki,
# the shipper and Kafka are killed. Needs: deploy/bootstrap build cluster, make.
#
# Goal: every revision has its event, in order for each page, valid by the schema.
# Method: edits of all kinds through both front ends, processes killed under them; then
# outbox_check.py compares the topics with MediaWiki's own tables.
set -euo pipefail
cd "$(dirname "$0")/../.."
export BRAID_STATE=${OUTBOX_STATE:-$PWD/build/check/outbox-state}
export BRAID_PORT_BASE=${OUTBOX_PORT_BASE:-19300}
cluster=deploy/local/cluster
passed=0
failed=0

finish() {
	local rc=$?
	if [ $rc != 0 ] || [ $failed != 0 ]; then
		for log in "$BRAID_STATE"/log/outbox-*.log "$BRAID_STATE"/mediawiki/*/php.log; do
			[ ! -s "$log" ] || { echo "--- $log" && tail -n 20 "$log"; }
		done
		[ $failed != 0 ] || failed=1
	fi
	$cluster down >/dev/null 2>&1 || true
	echo "$passed passed, $failed failed, 0 skipped"
	exit $((failed > 0))
}
trap finish EXIT

outbox() { sqlite3 -cmd '.timeout 30000' "$BRAID_STATE/mediawiki/data/$1.sqlite" "$2"; }

# Rows that are not shipped yet, of both wikis.
unshipped() {
	local wiki sum=0
	for wiki in testwiki frwiki; do
		sum=$((sum + $(outbox $wiki 'SELECT count(*) FROM braid_outbox WHERE bo_shipped IS NULL')))
	done
	echo $sum
}

# wait_until SECONDS WHAT COMMAND...
wait_until() {
	local deadline=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		if [ $SECONDS -ge $deadline ]; then
			echo "not ok - $what"
			failed=$((failed + 1))
			return 0
		fi
		sleep 0.2
	done
}

all_shipped() { [ "$(unshipped)" = 0 ]; }

# Runs the checker and counts what it says.
check() {
	local output
	output=$("$@" tests/integration/outbox_check.py "$title") || true
	echo "$output"
	passed=$((passed + $(grep -c '^ok' <<<"$output" || true)))
	failed=$((failed + $(grep -c '^not ok' <<<"$output" || true)))
	grep -q '^ok' <<<"$output" || failed=$((failed + 1))
}

rm -rf "$BRAID_STATE"
$cluster up --only relay,kafka,mediawiki,outbox
eval "$($cluster env)"

title="# edits of all kinds, nothing killed"
deploy/local/edits --seed outbox --count 200 --quiet
wait_until 90 "what was written is shipped in time" all_shipped
NONE_FILLED=1 check python3

title="# php-fpm, the shippers and a Kafka are killed under 100 edits"
deploy/local/edits --seed killed --count 100 --rate 8 --keep-going --quiet &
edits=$!
for victim in outbox-eqiad mediawiki-eqiad outbox-codfw mediawiki-codfw kafka-eqiad \
	mediawiki-eqiad outbox-eqiad mediawiki-codfw outbox-codfw mediawiki-eqiad; do
	sleep 0.4
	$cluster kill $victim
	$cluster start $victim
done
wait $edits
wait_until 120 "what was written is shipped in time" all_shipped
NONE_FILLED=1 check python3

title="# events that were lost are found by comparing, and a change that no hook tells of is seen"
$cluster kill outbox-eqiad
$cluster kill outbox-codfw
deploy/local/edits --seed lost --count 40 --quiet
for wiki in testwiki frwiki; do
	# Of pages that were never deleted: with a page goes all that recent changes say of it.
	outbox $wiki "DELETE FROM braid_outbox WHERE bo_shipped IS NULL AND bo_about NOT LIKE 'vis:%'
		AND bo_page_id NOT IN (SELECT log_page FROM logging WHERE log_type IN ('delete', 'suppress'))"
done
# As MediaWiki does it when the name of a blocked user is hidden.
hidden=$(outbox testwiki "SELECT max(page_latest) FROM page JOIN revision ON rev_id = page_latest WHERE rev_deleted = 0")
outbox testwiki "UPDATE revision SET rev_deleted = rev_deleted | 12 WHERE rev_id = $hidden"
$cluster start outbox-eqiad
$cluster start outbox-codfw
hidden_is_shipped() {
	[ "$(outbox testwiki "SELECT count(*) FROM braid_outbox WHERE bo_rev_id = $hidden
		AND bo_about LIKE 'vis:%' AND bo_shipped > 0")" -ge 1 ]
}
nothing_missing() {
	local wiki
	for wiki in testwiki frwiki; do
		[ "$(outbox $wiki "SELECT count(*) FROM revision WHERE rev_id > 1
			AND 'rev:' || rev_id NOT IN (SELECT bo_about FROM braid_outbox)")" = 0 ] || return 1
	done
}
wait_until 120 "lost events are found again" nothing_missing
wait_until 120 "a change of visibility that no hook tells of gets its event" hidden_is_shipped
wait_until 90 "what was found is shipped in time" all_shipped
check python3
