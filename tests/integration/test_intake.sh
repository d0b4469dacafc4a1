#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_intake.sh - events posted as MediaWiki's EventBus posts them, on real servers.
#
# Goal: what was answered with 201 is in the topic, whatever happens to Kafka meanwhile, and comes
# through to both DCs' copies once; what is not taken is answered as EventGate would. Method: curl for
# the answers; eight clients post to all nodes while one DC's Kafka is paused for longer than posts wait.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-21000}
export BRAID_STATE BRAID_PORT_BASE
cluster=$PWD/deploy/local/cluster
# shellcheck disable=SC2034  # for lib/line.sh
build=$PWD/build
dir=${BRAID_STATE%/state}
stream=intake.test.v1
# shellcheck source=deploy/local/lib/line.sh
. deploy/local/lib/line.sh
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh

apply() {
	printf 'stream: %s\nsources: [{topic: mediawiki.page_change.v1}]\nstart: earliest\n' "$stream" >"$dir/spec.yaml"
	ctl apply -f "$dir/spec.yaml" --yes -m test
}

# post BODY [QUERY]: the status; the answer's body is in $dir/answer.
post() {
	curl -sS -m 20 --noproxy '*' -o "$dir/answer" -w '%{http_code}' -H 'Content-Type: application/json' \
		-H 'X-Request-Id: req-1' -H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' \
		--data-binary "$1" "$BRAID_INTAKE_EQIAD_1/v1/events${2:-}"
}

event() { # ID [STREAM]
	printf '{"$schema":"/mediawiki/page/change/1.2.0","meta":{"stream":"%s","id":"%s","domain":"test.wiki.localhost"},"page_change_kind":"edit","wiki_id":"testwiki","page":{"page_id":7},"revision":{"rev_id":1,"rev_parent_id":0}}' \
		"${2:-mediawiki.page_change.v1}" "$1"
}

takes() { eventually 30 eval "[ \"\$(post '$(event first)')\" = 201 ]" && [ ! -s "$dir/answer" ]; }

answers() { # STATUS BODY [QUERY [JQ-CONDITION]]
	local status
	status=$(post "$2" "${3:-}")
	echo "$status: $(head -c 600 "$dir/answer")"
	[ "$status" = "$1" ] && { [ -z "${4:-}" ] || holds "$4" "$dir/answer" >/dev/null; }
}

is_written() { # ID JQ-CONDITION
	kcat -C -q -e -J -b "$BRAID_KAFKA_EQIAD" -t eqiad.mediawiki.page_change.v1 -o beginning |
		jq -e -s --arg id "$1" "[.[] | select((.payload | fromjson).meta.id == \$id)] | length >= 1 and (last | $2)" >/dev/null
}

under_load() {
	tests/integration/intake.py load 25 "$dir/told.json" >"$dir/load" &
	sleep 4
	"$cluster" pause kafka-eqiad
	sleep 11
	"$cluster" cont kafka-eqiad
	wait $!
	cat "$dir/load"
	# Some were told 500, and some 201 before and after.
	[ "$(jq '[.[] | select(.dc == "eqiad" and .code == 500)] | length' "$dir/told.json")" -gt 0 ] &&
		[ "$(jq '[.[] | select(.code == 201)] | length' "$dir/told.json")" -gt 100 ]
}

exec 3>&1 # for show

take_down() {
	[ -n "${KEEP:-}" ] || { "$cluster" down >/dev/null 2>&1 && rm -rf "$dir"; }
}
trap take_down EXIT

check "the cluster is up" "$cluster" up
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	check "a stream is applied" apply
	check "an event of its source is taken: 201, without a body" takes
	check "it is in the topic with key, trace, meta.dt and meta.request_id" is_written first \
		'(.key == "{\"wiki_id\":\"testwiki\",\"page_id\":7}") and (.headers[0] == "traceparent") and ((.payload | fromjson).meta | .request_id == "req-1" and (.dt | length == 24))'
	check "an array, too" answers 201 "[$(event a1),$(event a2)]"
	check "one that is no source is not: 400, with the event and the reason" answers 400 "$(event b1 other.v1)" "" \
		'.invalid[0] | .status == "invalid" and .event.meta.id == "b1" and .context.errors[0].dataPath == ".meta.stream"'
	check "some are: 207" answers 207 "[$(event c1),{},7]" "" '(.invalid | length) == 2 and .error == []'
	check "a hasty sender is told 202 at once, and the event is written" eval \
		"answers 202 '$(event h1)' '?hasty=true' && eventually 10 is_written h1 true"
	check "no JSON: 400" answers 400 '{"a":'
	check "nothing: 400" answers 400 ''
	check "an event above intake.event_bytes: 400, with its name" eval \
		"head -c 1100000 /dev/zero | tr '\\0' ' ' | sed 's/^/{/; s/\$/}/' >'$dir/large' && answers 400 '@$dir/large' && grep -q intake.event_bytes '$dir/answer'"
	check "a request above intake.body_bytes: 413" eval "head -c 4200000 /dev/zero >'$dir/large' && answers 413 '@$dir/large'"
	check "clients post while Kafka is paused: some are told 500, none waits for ever" show under_load
	check "every event that was accepted is in its topic" show tests/integration/intake.py topics "$dir/told.json"
	check "all come through" wait_drained "$stream" 120
	check "to both DCs, each once" show tests/integration/intake.py global "$dir/told.json" "$stream"
	check "and braidctl verify finds the stream sound" ctl verify "$stream"
fi
check_end
