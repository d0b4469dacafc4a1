# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib.sh - what drills run on: the local cluster, an API server for each DC, a steady open-loop load.
# Used by tests/drills/run, which sets what is needed here.
# shellcheck disable=SC2154  # top, cluster, build, stream and the settings come from run

source_topic=mediawiki.page_change.v1
dcs=(eqiad codfw)
text_bytes=1000 # of a page: records of about 3 KB
api_seed=1
other_dc() { if [ "$1" = eqiad ]; then echo codfw; else echo eqiad; fi; }

eventually() { # SECONDS COMMAND...
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.2
	done
}

is_fine() { [ "$(ctl status -o json 2>/dev/null | jq .fine)" = true ]; }

# ---- the API servers -----------------------------------------------------------------------------

api_port() { echo $((BRAID_PORT_BASE + 110 + $([ "$1" = eqiad ] && echo 0 || echo 1))); }
api_pid() { cat "$BRAID_STATE/api-$1.pid" 2>/dev/null; }
api_signal() { # DC SIGNAL
	local pid
	pid=$(api_pid "$1") || return 0
	[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = braid-bench ] || return 0
	kill -s "$2" "$pid" 2>/dev/null || true
}
api_answers() { curl -sS -m 5 --noproxy '*' -o /dev/null "http://127.0.0.1:$(api_port "$1")/w/api.php" 2>/dev/null; }

# api_start DC [LATENCY_MS [FAILURE]]: FAILURE is what every request is answered with.
api_start() {
	local dc=$1
	api_stop "$dc"
	setsid -- "$build/braid-bench" --child api "$(api_port "$dc")" "$api_seed" "$text_bytes" 0 \
		"${2:-50}" 0.3 $([ -z "${3:-}" ] && echo 0 || echo 1000) ${3:+"$3"} \
		</dev/null >>"$BRAID_STATE/log/api-$dc.log" 2>&1 9>&- &
	echo $! >"$BRAID_STATE/api-$dc.pid"
	eventually 20 api_answers "$dc"
}
api_stop() {
	local pid
	pid=$(api_pid "$1") || return 0
	api_signal "$1" CONT
	api_signal "$1" KILL
	eventually 10 eval "! kill -0 $pid 2>/dev/null"
	rm -f "$BRAID_STATE/api-$1.pid"
}

# ---- the load ------------------------------------------------------------------------------------

kafka_of() {
	local name=BRAID_KAFKA_${1^^}
	echo "${!name}"
}

# send DC FIRST COUNT RATE SECONDS PAGES: events whose revisions begin at FIRST.
send() {
	local address
	address=$(kafka_of "$1")
	exec "$build/braid-bench" --child load "$address,localhost:${address##*:}" "$1.$source_topic" 1 \
		"$api_seed" "$text_bytes" "$2" "$3" "$4" "$5" "$6"
}

# Sends to DC until TERM; events of eqiad and codfw are never the same. A load that ends starts anew.
keep_sending() { # DC PAGES
	local child="" turn=0 first
	trap 'kill -s TERM $child 2>/dev/null; wait $child; exit 0' TERM
	while :; do
		turn=$((turn + 1))
		first=$(($([ "$1" = eqiad ] && echo 1 || echo 2) * 1000000000 + turn * 1000000))
		send "$1" "$first" 0 $((rate / 2)) 1800 "$2" >>"$BRAID_STATE/load-$1.json" 2>>"$BRAID_STATE/log/load.log" &
		child=$!
		wait $child
		sleep 0.5
	done
}

load_start() { # DC...
	local dc
	for dc in "$@"; do
		keep_sending "$dc" 20000 9>&- &
		echo $! >"$BRAID_STATE/load-$dc.pid"
	done
}
load_stop() { # DC...
	local dc pid
	for dc in "$@"; do
		pid=$(cat "$BRAID_STATE/load-$dc.pid" 2>/dev/null) || continue
		kill -s TERM "$pid" 2>/dev/null
		eventually 40 eval "! kill -0 $pid 2>/dev/null" || kill -s KILL "$pid"
		rm -f "$BRAID_STATE/load-$dc.pid"
	done
}

# ---- the cluster ---------------------------------------------------------------------------------

# numbers: the smaller next number of both copies.
numbers_now() {
	local numbers
	numbers=$(next_numbers "$stream")
	echo $((${numbers% *} < ${numbers#* } ? ${numbers% *} : ${numbers#* }))
}
has_numbers() { [ "$(numbers_now)" -ge "$1" ]; }

# wait_numbers N: as long as they go on, at least every 60 s.
wait_numbers() {
	local before=-1 now deadline=$((SECONDS + 60))
	while now=$(numbers_now) && [ "$now" -lt "$1" ]; do
		if [ "$now" -gt "$before" ]; then before=$now deadline=$((SECONDS + 60)); fi
		[ $SECONDS -lt $deadline ] || { echo "drills: the stream stands at $now of $1" >&2; return 1; }
		sleep 0.5
	done
}

write_spec() {
	cat >"$BRAID_STATE/stream.yaml" <<-YAML
		stream: $stream
		description: drills
		owner: local
		dcs: [eqiad, codfw]
		sources: [{topic: $source_topic}]
		start: earliest
		enrich: [content]
		dedup: {window: $window}
		limits: {fetches_per_s: 100000, in_flight: 128, batch: 50}
	YAML
}

# As many ids as the window holds, and some: from both DCs, as fast as they are taken.
fill_window() {
	local dc
	for dc in "${dcs[@]}"; do
		(send "$dc" $(($([ "$dc" = eqiad ] && echo 0 || echo 1) * 10000000)) $((window * 11 / 20)) 0 0 20000) \
			>>"$BRAID_STATE/load-$dc.json" 2>>"$BRAID_STATE/log/load.log" || return 1
	done
	wait_numbers $((window / 20 * 21))
}

# Kinds of clusters: plain; small: with a small window, as all but plain have; disk: codfw's Kafka on a small file system of its own; short: what is older
# than 60 s goes, but for the log of cuts.
cluster_start() { # KIND
	BRAID_STATE=$(mktemp -d "${TMPDIR:-/tmp}/braid-drills.XXXXXX")/state
	export BRAID_STATE
	mkdir -p "$BRAID_STATE/log"
	unset BRAID_KAFKA_MORE
	case $1 in
	disk)
		mkdir -p "$BRAID_STATE/kafka-codfw"
		mount -t tmpfs -o size=4g braid-drill "$BRAID_STATE/kafka-codfw" || return 3
		;;
	short)
		BRAID_KAFKA_MORE=$'log.retention.check.interval.ms=5000\nlog.initial.task.delay.ms=5000\nlog.segment.delete.delay.ms=1000'
		export BRAID_KAFKA_MORE
		;;
	esac
	"$cluster" up --only relay,kafka,etcd || return 1
	eval "$("$cluster" env)"
	cp "$BRAID_STATE/tls/client.crt" "$BRAID_STATE/tls/operator.crt"
	export BRAID_ETCD_CERT=$BRAID_STATE/tls/operator.crt
	local dc
	for dc in "${dcs[@]}"; do api_start "$dc" || return 1; done
	"$cluster" up --only nodes && "$cluster" latency 20 && write_spec || return 1
	ctl apply -f "$BRAID_STATE/stream.yaml" --yes -m drills >/dev/null || return 1
	fill_window || return 1
	[ "$1" != short ] || shorten_topics "${dcs[@]}" || return 1
	load_start "${dcs[@]}"
	eventually 120 is_fine
}

cluster_stop() {
	local dc
	[ -n "${BRAID_STATE:-}" ] || return 0
	load_stop "${dcs[@]}"
	for dc in "${dcs[@]}"; do api_stop "$dc"; done
	"$cluster" down
	if mountpoint -q "$BRAID_STATE/kafka-codfw" 2>/dev/null; then umount -l "$BRAID_STATE/kafka-codfw"; fi
	rm -rf "${BRAID_STATE%/state}"
	BRAID_STATE=
}

# ---- topics --------------------------------------------------------------------------------------

enriched_topic() { echo "$1.braid.enriched.$stream"; }

# topic_config DC TOPIC add|delete CONFIG
topic_config() {
	"$cluster" kafka-tool "$1" kafka.admin.ConfigCommand --alter --entity-type topics \
		--entity-name "$2" "--$3-config" "$4"
}

shorten_topics() { # DC...
	local dc topic
	for dc in "$@"; do
		for topic in "eqiad.$source_topic" "codfw.$source_topic" "$(enriched_topic eqiad)" \
			"$(enriched_topic codfw)" "global.$stream"; do
			topic_config "$dc" "$topic" add retention.ms=60000,segment.ms=10000 || return 1
		done
	done
}
