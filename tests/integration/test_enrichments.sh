#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_enrichments.sh - every stream of deploy/streams, on real servers.
#
# Goal: each enrichment says what MediaWiki says, in both DCs the same, valid against its schema; each
# kind of change carries what it must and nothing hidden. Method: all streams at once, pages made for
# each enrichment, and some random edits; then enrichments.py and `braidctl verify`.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-19800}
BRAID_ACCESS_LOG=1
export BRAID_STATE BRAID_PORT_BASE BRAID_ACCESS_LOG
cluster=$PWD/deploy/local/cluster
# shellcheck disable=SC2034  # for lib/line.sh
build=$PWD/build
dir=${BRAID_STATE%/state}
made=$dir/made.json
links=mediawiki.page_links_enriched_change.v1
content=mediawiki.page_content_change.v1
of_global=test.of_global.v1
less=test.one_byte_less_of_content.v1
# shellcheck source=deploy/local/lib/line.sh
. deploy/local/lib/line.sh
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh
# shellcheck source=tests/integration/replay.sh
. tests/integration/replay.sh

# Those whose servers run here.
specs() { grep -L '^# needs: ' deploy/streams/*.yaml; }

apply_all() {
	local file
	for file in $(specs); do
		ctl apply -f "$file" --yes -m test || return 1
	done
	cat >"$dir/of_global.yaml" <<END
stream: $of_global
dcs: [eqiad, codfw]
sources: [{topic: global.$content}]
start: earliest
enrich: [user]
filter: {kinds: [create, edit]}
END
	ctl apply -f "$dir/of_global.yaml" --yes -m test
}

# Have both DCs decided on all that its source stream has?
of_global_is_drained() {
	local numbers source
	numbers=$(next_numbers $of_global)
	source=$(next_numbers $content)
	[ "${numbers% *}" = "${numbers#* }" ] && [ "${numbers% *}" -gt 0 ] &&
		[ "$(decided_records $of_global $((${numbers% *} - 1)))" = "${source% *}" ]
}

# shellcheck disable=SC2046  # names without blanks
streams() { sed -n 's/^stream: //p' $(specs); }

# The largest page, of two slots of 2 MiB, in a stream that takes one byte less than it needs.
apply_less_content() {
	local size
	size=$(tests/integration/enrichments.py size) || return 1
	echo "the largest value has $size bytes"
	cat >"$dir/less_content.yaml" <<END
stream: $less
dcs: [eqiad, codfw]
sources: [{topic: mediawiki.page_change.v1}]
start: earliest
enrich: [content]
failed: emit
requests: none
limits: {value_bytes: $((size - 1))}
END
	ctl apply -f "$dir/less_content.yaml" --yes -m test && wait_drained $less 120
}

edit() {
	deploy/local/edits --count 20 --quiet && tests/integration/enrichments.py edit >"$made"
}

drain() {
	local stream
	for stream in $(streams); do
		wait_drained "$stream" 300 || { echo "$stream is not drained" && ctl status && return 1; }
	done
	eventually 120 of_global_is_drained || { echo "$of_global is not drained" && ctl status && return 1; }
}

# A page may be deleted before it is fetched; of few events, it may be most.
verify() {
	local stream
	for stream in $(streams) $of_global $less; do
		ctl verify "$stream" --min-ok 50 || return 1
	done
}

# Over all nodes: how many questions were asked, and how many others were served by those answers; and
# what the nodes' requests were at the front ends, most of them for up to 50 revisions or one question.
show_shared() {
	local dc n url
	for dc in EQIAD CODFW; do
		for n in 1 2; do
			url=BRAID_HTTP_${dc}_$n
			curl -fsS -m 2 --noproxy '*' "${!url}/metrics"
		done
	done | sed -n 's/^braid_fetch_questions_total{how="\([a-z]*\)"}/\1/p' |
		awk '{ sum[$1] += $2 } END { printf "  questions: %d asked, %d joined, %d kept: %.0f percent saved\n", sum["asked"], sum["joined"], sum["kept"],
			100 * (sum["joined"] + sum["kept"]) / (sum["asked"] + sum["joined"] + sum["kept"]) }'
	printf '  requests of the nodes at the front ends: %d\n' \
		"$(find "$BRAID_STATE" -name access.log -exec grep -h '"braid (' {} + | wc -l)"
}

# ---- a reader ------------------------------------------------------------------------------------

reader() { /usr/bin/python3 docs/examples/reader.py "$links" "$@" >/dev/null; }

# has_read PLACE BROKERS NUMBER: reads on from the place, and is past the number then.
has_read() { reader "$2" "$1" && [ "$(jq .seq "$1")" -gt "$3" ]; }

# Reads in eqiad, which is lost then, reads on in codfw, and compares with one who read only there,
# without waiting for commits.
changes_dc() {
	local before
	has_read "$dir/place.json" "$BRAID_KAFKA_EQIAD" 10 || return 1
	before=$(jq .seq "$dir/place.json")
	"$cluster" kill-dc eqiad
	deploy/local/edits --eqiad "" --count 15 --quiet --keep-going
	eventually 90 has_read "$dir/place.json" "$BRAID_KAFKA_CODFW" $((before + 10)) && eventually 60 read_alike
}

# Once no more comes in between.
read_alike() {
	rm -f "$dir/fresh.json"
	reader "$BRAID_KAFKA_CODFW" "$dir/place.json" && reader "$BRAID_KAFKA_CODFW" "$dir/fresh.json" uncommitted || return 1
	jq -c . "$dir/place.json" "$dir/fresh.json"
	[ "$(jq -S . "$dir/place.json")" = "$(jq -S . "$dir/fresh.json")" ]
}

# count_checks COMMAND...: it prints lines as check does.
count_checks() {
	"$@" >"$check_log.out" 2>&1 || grep -q "^  FAILED" "$check_log.out" || failed=$((failed + 1))
	cat "$check_log.out"
	passed=$((passed + $(grep -c '^  ok' "$check_log.out")))
	failed=$((failed + $(grep -c '^  FAILED' "$check_log.out")))
	rm -f "$check_log.out"
}

take_down() {
	replay_stop
	[ -n "${KEEP:-}" ] || { "$cluster" down >/dev/null 2>&1 && rm -rf "${BRAID_STATE%/state}"; }
}
trap take_down EXIT

replay_start
check "the cluster is up" "$cluster" up
eval "$("$cluster" env)"
if [ "${1:-}" = replay ]; then
	replay_check
	check_end
	exit
fi
check "the streams of deploy/streams can be applied" apply_all
check "pages are made" edit
check "everything comes through" drain
check "a stream that takes one byte less than the largest page can be applied" apply_less_content
count_checks tests/integration/enrichments.py check "$made"
show_shared
check "and braidctl verify finds all streams sound" verify
replay_check
check "a reader loses its DC, goes on in the other, and has counted each event once" changes_dc
check_end
