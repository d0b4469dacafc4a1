# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# load.sh - a stream of any JSON, and records beside a test until it stops them.
# shellcheck disable=SC2154  # build comes from the caller

load=() # pids

# apply_plain STREAM: any JSON of the sources, with nothing added.
apply_plain() {
	"$build/braidctl" apply -f - --yes -m test <<-END
		stream: $1
		description: any JSON, with nothing added
		owner: test
		dcs: [eqiad, codfw]
		sources: [{topic: mediawiki.page_change.v1, envelope: json, id: /id}]
		start: earliest
		enrich: []
	END
}

# start_synth RATE SECONDS: so many events a second in each DC, for so long at most.
start_synth() {
	local dc
	for dc in eqiad codfw; do
		deploy/local/synth --dc "$dc" --rate "$1" --seconds "$2" >/dev/null 2>&1 &
		load+=($!)
	done
}

# What the producers have taken they still deliver.
stop_load() {
	local pid
	for pid in "${load[@]}"; do kill -s TERM "$pid" 2>/dev/null; done
	for pid in "${load[@]}"; do wait "$pid"; done
	load=()
} 2>/dev/null
