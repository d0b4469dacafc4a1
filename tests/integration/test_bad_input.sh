#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_bad_input.sh - what nobody should send, to the whole line on real servers.
#
# Goal: whatever bytes stand on a source topic, on a topic of Braid's or under its keys in etcd, each
# source record gets a stated status, all is counted, nothing crashes and the line goes on. Method:
# bad_input.py puts them there among real edits; then its checks, metrics, and `braidctl verify`.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-18600}
export BRAID_STATE BRAID_PORT_BASE
cluster=$PWD/deploy/local/cluster
# shellcheck disable=SC2034  # for lib/line.sh
build=$PWD/build
stream=mediawiki.page_content_change.v1
bad=$PWD/tests/integration/bad_input.py
expected=${BRAID_STATE%/state}/expected.json
# shellcheck source=deploy/local/lib/line.sh
. deploy/local/lib/line.sh
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh

start() {
	"$cluster" up || return 1
	eval "$("$cluster" env)"
	local events
	ctl apply -f deploy/local/demo.yaml --yes -m test || return 1
	events=$(deploy/local/edits --count 30 --quiet | jq .events_total) &&
		eventually 90 sources_hold "$events"
}

# All that the edits caused, also what was hidden: the bad records imitate a page that is whole.
sources_hold() { [ "$(source_records)" -ge "$1" ]; }

edit() { deploy/local/edits --count "$1" --quiet; }

# ---- questions -----------------------------------------------------------------------------------

metrics_of() { # DC
	local n
	for n in 1 2; do
		local url="BRAID_HTTP_${1^^}_$n"
		curl -fsS -m 2 --noproxy '*' "${!url}/metrics"
	done
}

# metric_sum DC PATTERN: over all series that match it.
metric_sum() { metrics_of "$1" 2>/dev/null | grep -E "$2" | awk '{ sum += $NF } END { print sum + 0 }'; }

# counts DC PATTERN LEAST
counts() {
	local sum
	sum=$(metric_sum "$1" "$2")
	echo "$1 $2: $sum, at least $3 wanted"
	[ "$sum" -ge "$3" ]
}

failures_are_counted() {
	local dc reason
	for dc in eqiad codfw; do
		for reason in malformed:9 too_deep:2 missing:2 bad_field:4 no_revision:1 domain:3; do
			eventually 20 counts $dc "braid_events_failed_total.*reason=\"${reason%:*}\"" "${reason#*:}" || return 1
		done
	done
}

is_judged() { "$bad" check "$1" "$expected" >/dev/null; }

# Longer than a missing revision is asked for again, and the grace of a failed record.
are_judged() {
	eventually 120 is_judged "$1"
	"$bad" check "$1" "$expected"
}

# The ends of both copies of the global topic: with junk in etcd, braidctl status may say nothing.
ends() {
	{
		kcat -Q -b "$BRAID_KAFKA_EQIAD" -t "global.$stream:0:-1"
		kcat -Q -b "$BRAID_KAFKA_CODFW" -t "global.$stream:0:-1"
	} 2>/dev/null | awk '{ print $NF }' | xargs
}

goes_on() {
	local before
	before=$(ends)
	edit 5 || return 1
	eventually 90 ends_passed "$before" || { ctl status; return 1; }
}

ends_passed() {
	local now
	now=$(ends)
	[ "${now% *}" -gt "${1% *}" ] && [ "${now#* }" -gt "${1#* }" ]
}

# ---- foreign records -----------------------------------------------------------------------------

put_foreign() {
	local dc
	for dc in eqiad codfw; do
		for topic in "eqiad.braid.enriched.$stream" "codfw.braid.enriched.$stream" "global.$stream" "$dc.braid.cuts"; do
			"$bad" foreign "$topic" "$dc" || return 1
		done
	done
	# Records that no copier of the DC has made.
	"$bad" foreign eqiad.mediawiki.page_change.v1 codfw && "$bad" foreign codfw.mediawiki.page_change.v1 eqiad
}

foreign_are_counted() {
	local dc other
	for dc in eqiad codfw; do
		other=$([ $dc = eqiad ] && echo codfw || echo eqiad)
		eventually 30 counts $dc "braid_foreign_records_total.*enriched.$stream\",task=\"merge" 10 || return 1
		eventually 30 counts $dc "braid_foreign_records_total.*topic=\"$other.mediawiki.page_change.v1\",task=\"enrich" 5 || return 1
	done
}

# What follows such records must be found again behind them.
restart_dc() {
	"$cluster" kill "node-$1-1" && "$cluster" kill "node-$1-2" &&
		"$cluster" start "node-$1-1" && "$cluster" start "node-$1-2"
}

restart() { "$cluster" kill "$1" && "$cluster" start "$1"; }

# They are the tail if nothing more is written: all that came before is in.
put_at_tail() { wait_drained "$stream" 60 && "$bad" foreign "global.$stream" eqiad; }
tail_is_counted() { eventually 30 counts eqiad "braid_foreign_records_total.*topic=\"global.$stream\"" 5; }

# ---- etcd ----------------------------------------------------------------------------------------

etcd() {
	ETCDCTL_API=3 etcdctl --endpoints "${BRAID_ETCD%%,*}" --cacert "$BRAID_ETCD_CA" --cert "$BRAID_ETCD_CERT" \
		--key "$BRAID_ETCD_KEY" "$@"
}

junk_keys() {
	local root=/braid/$BRAID_CLUSTER
	printf "$root/%s\n" nodes/eqiad/junk claims/eqiad/junk 'claims/codfw/merge/no such' dcs/codfw dcs/nowhere \
		pauses/another drains/eqiad-9 drains/ "streams/$stream/spec/99" "streams/$stream/held/eqiad" \
		"streams/$stream/held/nowhere" "streams/$stream/epochs/nowhere" "streams/$stream/cuts" \
		"streams/$stream/what/ever" streams/junk.v1/spec/1 streams/junk.v1/cuts/0/0 streams//spec/1 \
		ops/999999 changed what/ever
}

put_junk() {
	local key
	while read -r key; do
		printf '\xff\x00\x12junk\x8f' | etcd put "$key" >/dev/null || return 1
	done < <(junk_keys)
}

remove_junk() {
	local key
	while read -r key; do etcd del "$key" >/dev/null || return 1; done < <(junk_keys)
}

tools_survive() {
	local command rc
	for command in status nodes tasks streams "cuts $stream" history "get junk.v1"; do
		# shellcheck disable=SC2086
		ctl $command
		rc=$?
		[ $rc -lt 78 ] || { echo "braidctl $command: exit code $rc"; return 1; }
	done
}

# The chain's newest cut cannot be read: nothing may be decided, and somebody must be told.
put_junk_cut() { printf junk | etcd put "/braid/$BRAID_CLUSTER/streams/$stream/cuts/0/999999"; }
remove_junk_cut() { etcd del "/braid/$BRAID_CLUSTER/streams/$stream/cuts/0/999999"; }
is_said() { grep -lE "cannot read a stream's state in etcd|a report to etcd had no clear outcome" "$BRAID_STATE"/log/node-*.log; }
status_says_so() { ! ctl status; }

# ---- topics ---------------------------------------------------------------------------------------

anew_is_said() { grep -E 'task stopped until an operator acts.*the topic was deleted and made anew' "$BRAID_STATE"/log/node-eqiad-*.log; }

# ---- size limits ----------------------------------------------------------------------------------

# What codfw had enriched and a cut decided, eqiad would skip.
sizes() {
	"$cluster" kill node-codfw-1 && "$cluster" kill node-codfw-2 || return 1
	"$bad" sizes
	local rc=$?
	"$cluster" start node-codfw-1 && "$cluster" start node-codfw-2 && return $rc
}

# limits TOPIC DC: lowered to 1,000 bytes; who may not substitute stops and says why; raised again, all
# goes on by itself (A8).
limits() {
	local topic=$1 dc=$2 before
	eventually 120 is_fine || { ctl status; return 1; }
	"$bad" limit "$topic" "$dc" 1000 || return 1
	eventually 120 edited_until_says "stands still: .*raise max.message.bytes of $topic: it is 1000" || { ctl status; return 1; }
	before=$(ends)
	"$bad" limit "$topic" "$dc" 10485760 || return 1
	edit 5 || return 1
	eventually 90 ends_passed "$before" || { ctl status; return 1; }
	eventually 120 is_fine || { ctl status; return 1; }
}
# What the other DC has enriched first and a cut has decided on, is in no topic of this one: few edits may all be such.
edited_until_says() { says "$1" || { edit 5 && eventually 10 says "$1"; }; }
says() { ctl status | grep -E "$1"; }
is_fine() { ctl status -o json | holds '.fine' >/dev/null; }

# ---- the whole -----------------------------------------------------------------------------------

# Braid's processes all along, but those that this test has ended itself.
nothing_has_crashed() {
	local name
	! grep -lE "Assertion|AddressSanitizer|runtime error" "$BRAID_STATE"/log/node-*.log || return 1
	for name in node-eqiad-1 node-eqiad-2 node-codfw-1 node-codfw-2 outbox-eqiad outbox-codfw; do
		"$cluster" status | grep -E "^$name +up" >/dev/null || { echo "$name is down"; return 1; }
	done
}

cleanup() {
	if [ "$failed" != 0 ] && [ -n "${KEEP_LOGS:-}" ]; then cp -r "$BRAID_STATE/log" "$KEEP_LOGS"; fi
	"$cluster" down
	rm -rf "${BRAID_STATE%/state}"
}

trap cleanup EXIT
check "the cluster starts, a stream is applied, pages are edited" start
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	check "the source topic takes the bad records" "$bad" source "$expected"
	check "the line goes on behind them" goes_on
	check "each has its status in eqiad" are_judged eqiad
	check "each has its status in codfw" are_judged codfw
	check "each failure is counted under its reason" failures_are_counted
	check "foreign records come onto topics that Braid writes" put_foreign
	check "the line goes on behind those" goes_on
	check "they are counted" foreign_are_counted
	check "foreign records at the tail of the global topic" put_at_tail
	check "new nodes find their way past them" restart_dc eqiad
	check "the line goes on with the new nodes" goes_on
	check "those at the tail are counted" tail_is_counted
	check "junk comes under Braid's keys in etcd" put_junk
	check "the line goes on beside it" goes_on
	check "a new node comes up beside it" restart node-codfw-1
	check "braidctl has an answer beside it" tools_survive
	check "it is removed" remove_junk
	check "a newest cut that cannot be read" put_junk_cut
	check "stops the stream with a word in the log" eventually 60 is_said
	check "and in braidctl status" status_says_so
	check "is removed" remove_junk_cut
	check "and the line goes on" goes_on
	check "enriched records around their topic's limit: ok up to it, then too_large" sizes
	check "every record is too large: none is enriched" "$bad" limit "eqiad.braid.enriched.$stream" eqiad 1000
	check "the line goes on with those of the other DC" goes_on
	check "the limit is raised again" "$bad" limit "eqiad.braid.enriched.$stream" eqiad 10485760
	check "a copy's limit is lowered: its copier stops, and goes on when it is raised" \
		limits "eqiad.braid.enriched.$stream" codfw
	check "the same with a global topic: its merge stops" limits "global.$stream" eqiad
	check "both copies come to the end of the source topics" wait_drained "$stream" 120
	check "and are equal, dense, in order and complete" ctl verify "$stream" --min-ok 40
	check "a topic is deleted and made anew" "$bad" anew "codfw.braid.enriched.$stream" eqiad
	check "what reads it stops with a word in the log" eventually 60 anew_is_said
	check "and in braidctl status" eventually 60 says "stands still: .*the topic was deleted and made anew"
	check "nothing has crashed" nothing_has_crashed
fi
check_end
