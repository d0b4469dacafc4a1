# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# rows.sh - the drills: a table, and for each row what harms (begin_ROW DC) and heals (end_ROW DC).
#
# A row: name | cluster | seconds of harm | whose gap counts | limit of that gap, ms | race | sentence
#   cluster   kind of cluster (lib.sh)
#   gap       of the copies in `all` DCs, in `others` than the harmed one, or `none`: it may stand still;
#             `stops`: Braid must stop and say why (stops.sh)
#   limit     0: none
#   race      yes: what is found depends on the moment; repeated five times in a full report
# shellcheck disable=SC2154  # the variables are run's and lib.sh's

rows() {
	cat <<'END_OF_ROWS'
node_loss|plain|15|all|5000|yes|The node that merges in a DC is killed
node_paused|plain|20|all|0|yes|The node that merges in a DC stands still, past its lease, and wakes
nodes_loss|plain|15|others|0|yes|All nodes of a DC are killed
nodes_paused|plain|20|others|0|yes|All nodes of a DC stand still and wake
kafka_loss|plain|15|others|0|yes|A DC's Kafka is killed
kafka_paused|plain|20|others|0|yes|A DC's Kafka stands still and wakes
api_dead|plain|15|all|0|no|A DC's API does not take connections
api_slow|plain|15|all|0|no|A DC's API answers after 8 s
api_paused|plain|15|all|0|no|A DC's API takes connections and never answers
api_403|plain|15|all|0|no|A DC's API answers 403 to all
api_500|plain|15|all|0|no|A DC's API answers 500 to all
etcd_leader|plain|15|all|0|yes|The leader of etcd is killed
etcd_leader_paused|plain|15|all|0|yes|The leader of etcd stands still and wakes
etcd_majority|plain|15|none|0|yes|Two of etcd's three members are killed
etcd_majority_paused|plain|15|none|0|yes|Two of etcd's three members stand still and wake
witness_loss|plain|15|all|0|no|The witness's etcd is killed
witness_paused|plain|15|all|0|no|The witness's etcd stands still and wakes
link_one_way|plain|15|none|0|yes|Nothing passes from one DC to the other; back it does
link_cut|plain|15|none|0|yes|Nothing passes between the DCs; both reach the witness
dc_cut|plain|15|others|0|yes|A DC is cut off from the other and from the witness
dc_loss|plain|15|others|8000|yes|A whole DC is killed: Kafka, etcd, API, nodes
dc_paused|plain|20|others|0|yes|A whole DC stands still and wakes
mode_kill|plain|15|others|0|no|braidctl drill --mode kill, on braidd alone
mode_drain|plain|15|others|0|no|braidctl drill --mode drain: the DC is depooled and pooled
mode_partition|plain|15|none|0|no|braidctl drill --mode partition: nobody copies from the DC or to it
certificate_expired|plain|20|others|0|no|The nodes' certificate for etcd expires; a DC's nodes start anew
topic_limit_enriched|plain|20|all|0|no|The size limit of a DC's enriched topic is lowered to 1,000 bytes
topic_limit_global|plain|20|others|0|no|The size limit of a DC's global topic is lowered to 1,000 bytes
topic_compacted|plain|20|all|0|no|A DC's enriched topic is switched to compaction
disk_full|disk|20|others|0|no|The file system of codfw's Kafka is full
node_return_late|short|90|all|0|no|A node is back after more than retention
primary_moves|plain|30|none|0|yes|The source of the edits of 100 pages moves to the other DC while the link is 5 s slow
rolling_upgrade|plain|20|all|0|no|A DC's nodes become, one by one, those of a later version with other wire formats, and go back
unclean_election_copy|plain|5|others|0|no|A DC's Kafka is back without the end of its copy of the other's enriched topic
unclean_election_global|plain|5|others|0|no|A DC's Kafka is back without the end of its global topic
unclean_election|small|0|stops|0|no|A DC's Kafka is back without the end of the DC's own enriched topic
topic_recreated|small|0|stops|0|no|A DC's enriched topic is deleted and made anew
kafka_data_lost|small|0|stops|0|no|A DC's Kafka is back with its source topic alone: without all that Braid wrote there
nodes_return_late|short|0|stops|0|no|All nodes of a DC are back after 90 s, more than the retention of its topics
dc_return_late|short|0|stops|0|no|A whole DC is back after 90 s, more than the retention of its topics
partition_added|small|0|stops|0|no|A source topic gets a second partition
etcd_restored|small|0|stops|0|no|All of etcd is restored from a snapshot 10 s old
sole_member_lost|small|0|stops|0|no|The sole member is lost with what only it had; the other waits until it is back
END_OF_ROWS
}

# ---- choosing ------------------------------------------------------------------------------------

note() { echo "$*" >>"$BRAID_STATE/notes"; }
harmed() { cat "$BRAID_STATE/harmed"; }

# The local name of the node that merges the stream in DC.
merge_node() {
	local node
	node=$(ctl tasks -o json | jq -r --arg dc "$1" --arg task "merge/$stream" '
		[.. | objects | select((.task? // "") == $task) | .node // empty |
		select(startswith($dc + "/"))][0] // empty')
	[ -n "$node" ] || { echo "drills: no node merges in $1" >&2; return 1; }
	echo "node-${node#*/}"
}

# The site of etcd's leader.
etcd_leader() {
	local site status
	for site in eqiad codfw witness; do
		status=$(curl -fsS -m 5 --noproxy '*' --cacert "$BRAID_ETCD_CA" --cert "$BRAID_ETCD_CERT" \
			--key "$BRAID_ETCD_KEY" -X POST -d '{}' \
			"https://127.0.0.1:$((BRAID_PORT_BASE + 40 + 10 * $(number_of "$site")))/v3/maintenance/status") || continue
		if [ "$(jq '.header.member_id == .leader' <<<"$status")" = true ]; then
			echo "$site"
			return
		fi
	done
	return 1
}
number_of() { case $1 in eqiad) echo 0 ;; codfw) echo 1 ;; *) echo 2 ;; esac; }

nodes_of() { echo "node-$1-1 node-$1-2"; }
each() { # VERB NAME...
	local verb=$1 name
	shift
	for name in "$@"; do "$cluster" "$verb" "$name" || return 1; done
}

# ---- servers that die, and that stand still ------------------------------------------------------

begin_node_loss() {
	merge_node "$1" >"$BRAID_STATE/harmed" && note "$(harmed)" && each kill "$(harmed)"
}
end_node_loss() { each start "$(harmed)"; }
begin_node_paused() {
	merge_node "$1" >"$BRAID_STATE/harmed" && note "$(harmed)" && each pause "$(harmed)"
}
end_node_paused() { each cont "$(harmed)"; }
# shellcheck disable=SC2046
begin_nodes_loss() { each kill $(nodes_of "$1"); }
# shellcheck disable=SC2046
end_nodes_loss() { each start $(nodes_of "$1"); }
# shellcheck disable=SC2046
begin_nodes_paused() { each pause $(nodes_of "$1"); }
# shellcheck disable=SC2046
end_nodes_paused() { each cont $(nodes_of "$1"); }

begin_kafka_loss() { each kill "kafka-$1"; }
end_kafka_loss() { each start "kafka-$1"; }
begin_kafka_paused() { each pause "kafka-$1"; }
end_kafka_paused() { each cont "kafka-$1"; }

begin_api_dead() { api_stop "$1"; }
begin_api_slow() { api_start "$1" 8000; }
begin_api_paused() { api_signal "$1" STOP; }
begin_api_403() { api_start "$1" 50 403; }
begin_api_500() { api_start "$1" 50 500; }
end_api_dead() { api_start "$1"; }
end_api_slow() { api_start "$1"; }
end_api_paused() { api_signal "$1" CONT; }
end_api_403() { api_start "$1"; }
end_api_500() { api_start "$1"; }

begin_etcd_leader() {
	etcd_leader >"$BRAID_STATE/harmed" && note "etcd-$(harmed)" && each kill "etcd-$(harmed)"
}
end_etcd_leader() { each start "etcd-$(harmed)"; }
begin_etcd_leader_paused() {
	etcd_leader >"$BRAID_STATE/harmed" && note "etcd-$(harmed)" && each pause "etcd-$(harmed)"
}
end_etcd_leader_paused() { each cont "etcd-$(harmed)"; }

begin_etcd_majority() { each kill "etcd-$1" etcd-witness; }
# Each waits for a leader: both at once.
end_etcd_majority() {
	"$cluster" start "etcd-$1" &
	local other=$!
	"$cluster" start etcd-witness && wait $other
}
begin_etcd_majority_paused() { each pause "etcd-$1" etcd-witness; }
end_etcd_majority_paused() { each cont "etcd-$1" etcd-witness; }
begin_witness_loss() { each kill etcd-witness; }
end_witness_loss() { each start etcd-witness; }
begin_witness_paused() { each pause etcd-witness; }
end_witness_paused() { each cont etcd-witness; }

# ---- links and whole DCs -------------------------------------------------------------------------

begin_link_one_way() { "$cluster" relay cut-one-way "$1" "$(other_dc "$1")"; }
end_link_one_way() { "$cluster" heal; }
begin_link_cut() { "$cluster" relay cut "$1" "$(other_dc "$1")"; }
end_link_cut() { "$cluster" heal; }
begin_dc_cut() { "$cluster" partition "$1"; }
end_dc_cut() { "$cluster" heal; }

begin_dc_loss() { api_stop "$1" && "$cluster" kill-dc "$1"; }
end_dc_loss() { api_start "$1" && "$cluster" start-dc "$1"; }
# shellcheck disable=SC2046
begin_dc_paused() { api_signal "$1" STOP && each pause "etcd-$1" "kafka-$1" $(nodes_of "$1"); }
# shellcheck disable=SC2046
end_dc_paused() { api_signal "$1" CONT && each cont "etcd-$1" "kafka-$1" $(nodes_of "$1"); }

# ---- what operators and time do ------------------------------------------------------------------

# Signed by the cluster's own CA, over since a day.
expired_certificate() { # OUT
	local tls=$BRAID_STATE/tls dir=$BRAID_STATE/expired
	mkdir -p "$dir" && : >"$dir/index.txt" && echo 01 >"$dir/serial" || return 1
	cat >"$dir/ca.conf" <<-CONF
		[ca]
		default_ca = it
		[it]
		database = $dir/index.txt
		serial = $dir/serial
		new_certs_dir = $dir
		default_md = sha256
		policy = any
		[any]
		commonName = supplied
		[client]
		extendedKeyUsage = clientAuth
	CONF
	openssl ca -batch -notext -config "$dir/ca.conf" -extensions client -cert "$tls/ca.crt" \
		-keyfile "$tls/ca.key" -in "$tls/client.csr" -out "$1" \
		-startdate 20200101000000Z -enddate 20200102000000Z >>"$dir/log" 2>&1
}

begin_certificate_expired() {
	local tls=$BRAID_STATE/tls name
	expired_certificate "$tls/expired.crt" && cp "$tls/expired.crt" "$tls/client.crt" || return 1
	# They cannot become ready, and must not: they are started without waiting.
	for name in $(nodes_of "$1"); do
		"$cluster" kill "$name"
		(timeout 25 "$cluster" start "$name" >>"$BRAID_STATE/log/expired.log" 2>&1 9>&- &)
	done
}
end_certificate_expired() {
	cp "$BRAID_STATE/tls/operator.crt" "$BRAID_STATE/tls/client.crt"
	# A process that has read the old file at its start is started anew.
	# shellcheck disable=SC2046
	each kill $(nodes_of "$1") && each start $(nodes_of "$1")
}

begin_topic_limit_enriched() { topic_config "$1" "$(enriched_topic "$1")" add max.message.bytes=1000; }
end_topic_limit_enriched() { topic_config "$1" "$(enriched_topic "$1")" add max.message.bytes=10485760; }
begin_topic_limit_global() { topic_config "$1" "global.$stream" add max.message.bytes=1000; }
end_topic_limit_global() { topic_config "$1" "global.$stream" add max.message.bytes=10485760; }
begin_topic_compacted() {
	topic_config "$1" "$(enriched_topic "$1")" add \
		cleanup.policy=compact,segment.ms=1000,min.cleanable.dirty.ratio=0.01 || return 1
	ctl doctor >"$BRAID_STATE/doctor" 2>&1
	note "doctor: $(grep -m1 -i -E 'compact|cleanup' "$BRAID_STATE/doctor" || echo 'says nothing')"
}
end_topic_compacted() {
	topic_config "$1" "$(enriched_topic "$1")" add cleanup.policy=delete &&
		topic_config "$1" "$(enriched_topic "$1")" delete segment.ms,min.cleanable.dirty.ratio
}

# As large as what is on it, and 4 MB; later as large as before.
begin_disk_full() {
	local used
	used=$(df --output=used -k "$BRAID_STATE/kafka-codfw" | tail -n 1)
	mount -o "remount,size=$((used + 4096))k" "$BRAID_STATE/kafka-codfw"
}
end_disk_full() {
	mount -o remount,size=4g "$BRAID_STATE/kafka-codfw" || return 1
	if "$cluster" status | grep -qE '^kafka-codfw +up'; then note "its Kafka has not ended"; else note "its Kafka has ended"; fi
	each start kafka-codfw
}

# One by one, each in order: its tasks go to the DC's other node and come back. The other DC keeps this version:
# when all nodes know newer merge rules, the chain takes them, and there is no way back.
before_rolling_upgrade() { make -s build/future/braidd; }
become() { # PROGRAM NAME...
	local program=$1 name
	shift
	for name in "$@"; do
		"$cluster" stop "$name" && BRAID_BRAIDD=$program "$cluster" start "$name" || return 1
	done
}
# shellcheck disable=SC2046
begin_rolling_upgrade() { become "$build/future/braidd" $(nodes_of "$1"); }
# shellcheck disable=SC2046
end_rolling_upgrade() { become "$build/braidd" $(nodes_of "$1"); }

# Killed before, so that the end can be cut; it is started at the end.
begin_unclean_election_copy() {
	each kill "kafka-$1" && cut_log "$1" "$(enriched_topic "$(other_dc "$1")")" 200000
}
end_unclean_election_copy() { each start "kafka-$1"; }
begin_unclean_election_global() { each kill "kafka-$1" && cut_log "$1" "global.$stream" 200000; }
end_unclean_election_global() { each start "kafka-$1"; }

begin_node_return_late() { begin_node_loss "$1"; }
end_node_return_late() { end_node_loss "$1"; }

# Before: 100 pages are edited in DC alone. Then the link is slow, and the next edits of the same pages
# come in the other DC.
before_primary_moves() {
	load_stop "${dcs[@]}"
	move_load "$1" $(($(date +%s) % 1000000 * 1000))
}
begin_primary_moves() {
	"$cluster" relay latency 5000 eqiad codfw || return 1
	sleep 3
	local first
	first=$(cat "$BRAID_STATE/move-first")
	load_stop "$1"
	move_load "$(other_dc "$1")" $((first + 100000))
}
end_primary_moves() { "$cluster" relay latency 20 eqiad codfw; }
after_primary_moves() {
	load_stop "${dcs[@]}"
	load_start "${dcs[@]}"
}
move_load() { # DC FIRST
	echo "$2" >"$BRAID_STATE/move-first"
	(send "$1" "$((3000000000 + $2))" 0 $((rate / 5)) 1800 100) >>"$BRAID_STATE/load-$1.json" 2>>"$BRAID_STATE/log/load.log" 9>&- &
	echo $! >"$BRAID_STATE/load-$1.pid"
}
