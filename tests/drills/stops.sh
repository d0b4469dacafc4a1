# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# stops.sh - the drills of what Braid must not mend by itself (R13): it has to be noticed, to stop what is
# concerned and nothing else, and to be explained; then an operator's act brings it back, where there is one.
#
# A row has begin_ROW DC (what harms), says_ROW DC (does Braid say what is wrong? prints its words), and, where
# there is a way back, end_ROW DC. scope_ROW: `dc` (default: the other DC goes on) or `all` (nothing may go on).
# shellcheck disable=SC2154  # the variables are run's and lib.sh's

now_ms() { date +%s%3N; }

# Where the nodes' logs end now: what they say later is of this drill.
mark_logs() { wc -c "$BRAID_STATE"/log/node-*.log >"$BRAID_STATE/log-ends"; }
new_log_lines() {
	local bytes file
	while read -r bytes file; do
		[ "$file" = total ] || tail -c "+$((bytes + 1))" "$file"
	done <"$BRAID_STATE/log-ends"
}

# The words of `status` or of a node's log, whichever matches first. PATTERN is an extended expression.
words() { # PATTERN
	local text
	text=$(ctl status -o json 2>/dev/null | jq -r '.problems[]? | "\(.where): \(.what)"' | grep -m1 -E "$1") ||
		text=$(new_log_lines | sed -n 's/.*\(msg=.*\)/\1/p' | grep -m1 -E "$1") || return 1
	echo "$text"
}

next_of() { # DC
	local numbers
	numbers=$(next_numbers "$stream")
	if [ "$1" = eqiad ]; then echo "${numbers% *}"; else echo "${numbers#* }"; fi
}
is_past() { [ "$(next_of "$1")" -gt "$2" ]; }

says_so() { "says_$1" "$2" >"$BRAID_STATE/words"; }
scope_of() { if is_function "scope_$1"; then "scope_$1"; else echo dc; fi; }

# Does the rest go on, or, with scope `all`, does all of it stand? What is under way has 5 s to end.
rest_is_right() { # ROW DC
	local before
	if [ "$(scope_of "$1")" = all ]; then
		sleep 5
		before=$(next_numbers "$stream")
		sleep 5
		[ "$(next_numbers "$stream")" = "$before" ]
	else
		before=$(next_of "$(other_dc "$2")")
		eventually 60 is_past "$(other_dc "$2")" $((before + 10 * rate))
	fi
}

# measure_stop ROW DC: one line of JSON to the results; 0 if it passed.
measure_stop() {
	local row=$1 dc=$2 out=$BRAID_STATE/out from acted verdict="" detected=null ended=null fine=null rc=-1 stalls
	: >"$BRAID_STATE/notes"
	: >"$BRAID_STATE/words"
	echo '{}' >"$out.verify"
	echo 0 >"$BRAID_STATE/stall"
	"$top/tests/drills/stalls" "$BRAID_STATE/stall" 9>&- &
	stalls=$!
	from=$(numbers_now)
	mark_logs
	acted=$(now_ms)
	if ! "begin_$row" "$dc" >>"$BRAID_STATE/log/acts.log" 2>&1; then
		verdict="the harm could not be done"
	elif ! eventually 90 says_so "$row" "$dc"; then
		verdict="nothing says what is wrong"
	else
		detected=$(($(now_ms) - acted))
		rest_is_right "$row" "$dc" || verdict="what was to go on stood still, or what was to stand went on"
	fi
	if [ -z "$verdict" ] && is_function "end_$row"; then
		if ! "end_$row" "$dc" >>"$BRAID_STATE/log/acts.log" 2>&1; then
			verdict="the way back failed"
		else
			ended=$(($(now_ms) - acted))
			if eventually 180 is_fine; then fine=$(($(now_ms) - acted)); else verdict="not fine again in 180 s"; fi
		fi
	fi
	if [ "$from" -ge 0 ]; then
		timeout 300 "$build/braidctl" verify "$stream" --from-seq "$from" -o json >"$out.verify.new" 2>"$out.said"
		rc=$?
		if jq -e . "$out.verify.new" >"$out.verify.one" 2>/dev/null; then mv "$out.verify.one" "$out.verify"; fi
	fi
	kill "$stalls"
	stop_result "$@"
}

# The line of JSON has the fields of the other drills (result.jq); `words`: how Braid says it.
stop_result() { # uses measure_stop's variables
	jq -n -c --arg row "$row" --arg dc "$dc" --arg at "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
		--arg commit "$(git rev-parse --short HEAD 2>/dev/null)" --arg notes "$(paste -sd ';' "$BRAID_STATE/notes")" \
		--arg words "$(tail -n 1 "$BRAID_STATE/words" | cut -c1-300)" --arg verdict "$verdict" \
		--arg said "$(tail -n 3 "$out.said" 2>/dev/null | paste -sd ' ' | cut -c1-300)" \
		--argjson detected "$detected" --argjson ended "$ended" --argjson fine "$fine" --argjson verify_rc "$rc" \
		--argjson rate "$rate" --argjson window "$window" --argjson stall "$(cat "$BRAID_STATE/stall")" \
		--arg load "$(cut -d ' ' -f 1 /proc/loadavg)" --argjson cores "$(nproc)" \
		--slurpfile verify "$out.verify" -f tests/drills/stop.jq >>"$results"
	tail -n 1 "$results" | jq -e '.passed' >/dev/null
}

# ---- logs and topics -----------------------------------------------------------------------------

kafka_data() { echo "$BRAID_STATE/kafka-$1/data"; }

# cut_log DC TOPIC BYTES: the newest segment loses its end: what an unclean election does. The broker is down.
cut_log() {
	local file size
	file=$(find "$(kafka_data "$1")/$2-0" -name '*.log' | sort | tail -n 1)
	size=$(stat -c %s "$file") || return 1
	truncate -s $((size > $3 ? size - $3 : 0)) "$file"
	echo "$file: $size bytes, $3 less"
}
election() { # DC TOPIC: the DC's Kafka dies and is back without the end of the topic
	each kill "kafka-$1" && cut_log "$1" "$2" 200000 && each start "kafka-$1"
}

begin_unclean_election() { election "$1" "$(enriched_topic "$1")"; }
# The other members must have followed the change of strands before.
accept_incarnation() { eventually 60 ctl accept-incarnation "$stream" "$1" --yes -m "$2"; }

says_unclean_election() { words 'own enriched topic lost|lost records: it was truncated'; }
end_unclean_election() { accept_incarnation "$1" "the enriched topic lost records"; }

begin_topic_recreated() { "$top/tests/integration/bad_input.py" anew "$(enriched_topic "$1")" "$1"; }
says_topic_recreated() { words 'deleted and made anew'; }
end_topic_recreated() { accept_incarnation "$1" "the enriched topic was made anew"; }

# The broker comes back without what Braid wrote there: only the DC's own source, which others write, is as it was,
# and what says which topics there are.
begin_kafka_data_lost() {
	each kill "kafka-$1" || return 1
	find "$(kafka_data "$1")" -mindepth 1 -maxdepth 1 -type d -name '*-*' ! -name '__cluster_metadata-*' \
		! -name "$1.$source_topic-*" -exec rm -rf {} +
	each start "kafka-$1"
}
says_kafka_data_lost() { words 'own enriched topic lost|lost records: it was truncated'; }
end_kafka_data_lost() { accept_incarnation "$1" "Kafka is empty"; }

begin_partition_added() {
	"$cluster" kafka-tool "$1" org.apache.kafka.tools.TopicCommand --alter --topic "$1.$source_topic" --partitions 2
}
says_partition_added() { words 'partitions|partition 1'; }

# ---- a DC that was away for longer than its topics keep what is in them ------------------------------------

begin_nodes_return_late() { begin_nodes_loss "$1" && sleep 90 && end_nodes_loss "$1"; }
begin_dc_return_late() { begin_dc_loss "$1" && sleep 90 && end_dc_loss "$1"; }
says_nodes_return_late() { words 'starts after the saved place|begins after the end of this one'; }
says_dc_return_late() { says_nodes_return_late "$1"; }
end_nodes_return_late() { begin_anew "$1"; }
end_dc_return_late() { begin_anew "$1"; }

# docs/operations.md: its copies, its enriched and its global topic are made anew, and so are the strands of both DCs:
# of its own it cannot say what it had written, of the other's it has missed some.
begin_anew() { # DC
	local other
	other=$(other_dc "$1")
	# shellcheck disable=SC2046
	each kill $(nodes_of "$1") || return 1
	"$cluster" kafka-tool "$1" org.apache.kafka.tools.TopicCommand --delete --topic \
		"global.$stream|$(enriched_topic eqiad)|$(enriched_topic codfw)|$other.$source_topic" || return 1
	sleep 5 # a broker still has the names for a moment
	ctl apply -f "$BRAID_STATE/stream.yaml" --yes -m "away beyond retention" && shorten_topics "$1" || return 1
	accept_incarnation "$1" "away beyond retention" && accept_incarnation "$other" "$1 was away beyond retention" || return 1
	# shellcheck disable=SC2046
	each start $(nodes_of "$1")
}

# ---- etcd ----------------------------------------------------------------------------------------

begin_etcd_restored() {
	etcd_backup "$BRAID_STATE/snapshot" || return 1
	sleep 10
	etcd_restore "$BRAID_STATE/snapshot"
}
says_etcd_restored() { words 'restored|backup|chain|DIVERGED'; }
scope_etcd_restored() { echo all; }
# It refuses until the merges have stood still for a minute.
end_etcd_restored() { eventually 150 ctl recover-chain --yes -m "etcd was restored"; }

# ---- a DC that is lost with what only it had, and is back after all ------------------------------------------------------

# The other DC is cut off; this one goes on alone, and then dies.
begin_sole_member_lost() {
	local other
	other=$(other_dc "$1")
	"$cluster" partition "$other" || return 1
	eventually 30 is_alone "$1" || return 1
	sleep 10
	api_stop "$1" && "$cluster" kill-dc "$1" && "$cluster" heal
}
is_alone() { [ "$(ctl status -o json | jq --arg dc "$1" '[.streams[] | select(.member) | .dc] == [$dc]')" = true ]; }
says_sole_member_lost() { words "exists in $1 alone"; }
scope_sole_member_lost() { echo all; }
end_sole_member_lost() { api_start "$1" && "$cluster" start-dc "$1"; }
