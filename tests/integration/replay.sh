# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# replay.sh - for test_enrichments.sh: the streams whose servers do not run here, with replay.py in
# their place. What it says comes over the same front ends, nodes and topics as MediaWiki's answers.
# shellcheck disable=SC2154  # variables of test_enrichments.sh

replay_port=$((BRAID_PORT_BASE + 155))
rdf=wikibase.rdf_change.v1
entity=wikibase.entity_change.v1

replayed() { PYTHONDONTWRITEBYTECODE=1 tests/integration/replayed.py "$@"; }

# Before the cluster is up: its front ends pass the data wiki's requests on.
replay_start() {
	tests/integration/replay.py "$replay_port" >"$dir/replay.log" 2>&1 &
	replay_pid=$!
	export BRAID_REPLAY=$replay_port
	export BRAID_NODE_MORE="services: {origins: [\"http://127.0.0.1:$replay_port\"]}"
}

replay_stop() { [ -z "${replay_pid:-}" ] || kill "$replay_pid"; }

# The specs of deploy/streams as they are, but for the source topic, the server and the patience.
replayed_spec() {
	sed -e 's/topic: mediawiki.page_change.v1/topic: test.data_change.v1/' -e "s,http://127.0.0.1:8099,http://127.0.0.1:$replay_port," \
		"deploy/streams/$1.yaml"
	echo "limits: {missing_retry: 1s}"
}

# big_spec STREAM [LIMITS]
big_spec() {
	cat <<END
stream: $1
dcs: [eqiad, codfw]
sources: [{topic: test.data_change.v1}]
start: earliest
enrich: [html]
failed: emit
requests: none
filter: {kinds: [edit], where: {/revision/rev_id: '6012'}}
${2:-}
END
}

replay_apply() {
	local spec
	replayed topics || return 1
	for spec in entity page_score entity_rdf; do
		replayed_spec $spec >"$dir/$spec.yaml"
		ctl apply -f "$dir/$spec.yaml" --yes -m test || return 1
	done
	cat >"$dir/views.yaml" <<END
stream: test.views.v1
dcs: [eqiad, codfw]
sources: [{topic: test.data_change.v1}]
enrich: [http]
http: {url: 'http://127.0.0.1:$replay_port/views/{/revision/rev_id}', result: /items/views, place: /views}
requests: none
filter: {kinds: [create, edit]}
limits: {missing_retry: 1s}
END
	ctl apply -f "$dir/views.yaml" --yes -m test && big_spec test.big_as_it_is.v1 >"$dir/big.yaml" &&
		ctl apply -f "$dir/big.yaml" --yes -m test
}

# replay_drained STREAM SOURCES: decided on so many source records, in both DCs?
replay_drained() {
	local numbers
	numbers=$(next_numbers "$1")
	[ "${numbers% *}" = "${numbers#* }" ] && [ "${numbers% *}" -gt 0 ] &&
		[ "$(decided_records "$1" $((${numbers% *} - 1)))" -ge "$2" ]
}

replay_settled() { # RECORDS
	local stream
	for stream in $entity mediawiki.page_score_change.v1 test.views.v1 test.big_as_it_is.v1; do
		eventually 180 replay_drained "$stream" "$1" || { echo "$stream is not drained" && return 1; }
	done
	eventually 180 rdf_drained || { echo "$rdf is not drained" && return 1; }
}

rdf_drained() {
	local numbers
	numbers=$(next_numbers $entity)
	[ "${numbers% *}" = "${numbers#* }" ] && replay_drained $rdf "${numbers% *}"
}

feed_replayed() { replayed feed && { replay_settled 18 || { ctl status && false; }; }; }

# One byte less than the page takes.
apply_less() {
	local size
	size=$(replayed size test.big_as_it_is.v1) || return 1
	echo "the largest value has $size bytes"
	big_spec test.big_one_less.v1 "limits: {value_bytes: $((size - 1))}" >"$dir/less.yaml" &&
		ctl apply -f "$dir/less.yaml" --yes -m test && eventually 180 replay_drained test.big_one_less.v1 18
}

# Under load eqiad's state topic is deleted and made anew; its nodes start again, and find it wanting.
lose_state() {
	local load n
	replayed load &
	load=$!
	sleep 4
	replayed lost && eventually 60 ctl apply -f "$dir/entity_rdf.yaml" --yes -m again || return 1
	sleep 1
	for n in 1 2; do "$cluster" kill node-eqiad-$n; done
	for n in 1 2; do "$cluster" start node-eqiad-$n; done
	wait $load && replay_settled 318 || { ctl status && false; }
}

state_is_there() {
	kcat -C -q -e -b "$BRAID_KAFKA_EQIAD" -t "eqiad.braid.state.$rdf" -o beginning -f '%k %s\n' | sort >"$dir/pages"
	tail -n 3 "$dir/pages"
	grep -q '^datawiki/80 ' "$dir/pages" && grep -q '^/ ' "$dir/pages" && grep -q '^datawiki/60 ' "$dir/pages"
}

replay_verify() {
	local stream
	for stream in $entity $rdf mediawiki.page_score_change.v1 test.views.v1 test.big_as_it_is.v1; do
		ctl verify "$stream" --min-ok 50 || return 1
	done
	ctl verify test.big_one_less.v1 --min-ok 0
}

# The checks; their lines are counted by the caller.
replay_check() {
	check "streams of servers that are replayed can be applied" replay_apply
	check "what they answer, errors too, comes through" feed_replayed
	check "a stream with a limit one byte too small for the page can be applied" apply_less
	check "a DC loses the state of the RDF stream under load, and has it again" lose_state
	check "its topic has all pages again" eventually 60 state_is_there
	count_checks replayed check
	check "and braidctl verify finds these sound, too" replay_verify
}
