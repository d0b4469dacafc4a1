#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_cluster.sh - the local cluster and its relay do what deploy/local/cluster says.
#
# Goal: every command of the script, on real servers; what it harms is harmed, what it heals works
# again, and nothing is left behind. Method: Kafka, etcd and relay only, in a folder and on ports of
# its own; questions asked over the wire.
set -u
cd "$(dirname "$0")/../.." || exit 2
top=$PWD
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-18000}
export BRAID_STATE BRAID_PORT_BASE
cluster=$top/deploy/local/cluster

# shellcheck disable=SC2034  # for lib/*.sh
here=$top/deploy/local state=$BRAID_STATE base=$BRAID_PORT_BASE build=$top/build
# shellcheck source=/dev/null
for part in places process etcd kafka; do . "$here/lib/$part.sh"; done
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh

tls() {
	curl -fsS --noproxy '*' --cacert "$BRAID_ETCD_CA" --cert "$BRAID_ETCD_CERT" --key "$BRAID_ETCD_KEY" "$@"
}

# A linearizable read through one endpoint: needs a majority.
etcd_reads() { # PORT SECONDS
	tls -m "$2" "https://127.0.0.1:$1/v3/kv/range" -d '{"key":"YQ=="}' | grep '"revision"'
}

word_is() { # NAME STATE
	"$cluster" status | awk -v name="$1" -v word="$2" '$1 == name && $2 == word { found = 1 } END { exit !found }'
}

# ApiVersions (18), version 0, of a broker behind a port.
asks() { # PORT SECONDS
	KAFKA_REQUEST_TIMEOUT_S=$2 kafka_request "$1" 18 0 "" >/dev/null
}

counter() { "$cluster" relay status | awk -v name="$1" '$2 == name { print $3 }'; }
counter_is() { [ "$(counter "$1")" = "$2" ]; }

ports_open() { ss -Hltn "sport >= :$base and sport < :$((base + 150))" | grep .; }

# One in 64 random ids begins with "-".
ids_are_no_options() {
	local i
	for i in $(seq 300); do
		[[ $(kafka_cluster_id) =~ ^[A-Za-z0-9_][A-Za-z0-9_-]{21}$ ]] || { echo "id $i is not good"; return 1; }
	done
}

test_up() {
	check "no cluster id looks like an option" ids_are_no_options
	check "up starts servers and waits for them" "$cluster" up --only relay,kafka,etcd
	[ "$failed" = 0 ] || return 1
	eval "$("$cluster" env)"
	check "up again changes nothing, within 2 s" quickest_between 0 2000 "$cluster" up --only relay,kafka,etcd
	check "env names an etcd that answers" tls -m 5 "${BRAID_ETCD%%,*}/health"
	check "env names Kafkas that answer" asks "${BRAID_KAFKA_EQIAD##*:}" 5
	check "the source topic is there and may be made again" create_source_topic codfw
	check "a client without certificate is refused" not curl -fsS -m 2 --noproxy '*' \
		--cacert "$BRAID_ETCD_CA" "${BRAID_ETCD%%,*}/health"
	check "an unknown name is refused" not "$cluster" kill kafka-esams
	check "two clusters of one folder exclude each other" not timeout 1 flock -n "$BRAID_STATE/lock" \
		timeout 1 "$cluster" up
}

test_kill() {
	check "a killed member of etcd is down" eval '"$cluster" kill etcd-witness && word_is etcd-witness down'
	check "two of three members go on" eventually 30 etcd_reads "$(port etcd-client eqiad)" 5
	check "it starts again" eval '"$cluster" start etcd-witness && eventually 30 etcd_reads "$(port etcd-client witness)" 5'
	check "a killed Kafka does not answer" eval '"$cluster" kill kafka-codfw && ! asks "$(port kafka-local codfw)" 1'
	check "it starts again with its topics" eval '"$cluster" start kafka-codfw && eventually 30 asks "$(port kafka-local codfw)" 5'
	check "a paused Kafka is silent" eval '"$cluster" pause kafka-eqiad && word_is kafka-eqiad paused &&
		! asks "$(port kafka-local eqiad)" 1'
	check "it goes on when told" eval '"$cluster" cont kafka-eqiad && eventually 30 asks "$(port kafka-local eqiad)" 5'
	check "kill-dc ends what runs in the DC, and no more" eval '"$cluster" kill-dc codfw &&
		word_is kafka-codfw down && word_is etcd-codfw down && word_is kafka-eqiad up && word_is relay up'
	check "start-dc starts it again" eval '"$cluster" start-dc codfw && word_is kafka-codfw up &&
		eventually 30 etcd_reads "$(port etcd-client codfw)" 2'
}

test_partition() {
	local remote
	remote=$(port kafka-remote-relay codfw)
	check "the other DC reaches Kafka through the relay" asks "$remote" 5
	check "a partition: no answer from the other DC's Kafka" eval '"$cluster" partition eqiad && ! asks "'"$remote"'" 1'
	check "clients inside the DC still reach theirs" asks "$(port kafka-local eqiad)" 5
	check "etcd cut off from the majority does not answer" not etcd_reads "$(port etcd-client eqiad)" 2
	check "the majority goes on" eventually 30 etcd_reads "$(port etcd-client codfw)" 2
	check "nor is the majority seen from the cut DC" not etcd_reads "$(port etcd-relay codfw eqiad)" 2
	check "status names the cuts" eval '"$cluster" status | grep "link eqiad>witness: cut"'
	check "heal: both answer again" eval '"$cluster" heal && asks "'"$remote"'" 5 &&
		eventually 30 etcd_reads "$(port etcd-client eqiad)" 2'
	check "what was sent into a cut arrives when it is healed" held_bytes_arrive "$remote"
	check "a one-way cut lets no new connection through" eval '"$cluster" relay cut-one-way codfw eqiad &&
		! asks "'"$remote"'" 1 && "$cluster" heal && asks "'"$remote"'" 5'
}

# The request goes out during the cut; the answer must come after the healing, on the same connection.
held_bytes_arrive() {
	local asking
	"$cluster" relay cut eqiad codfw || return 1
	asks "$1" 20 &
	asking=$!
	sleep 1
	kill -0 $asking || { echo "an answer came through the cut"; return 1; }
	"$cluster" heal && wait $asking
}

test_latency() {
	local remote
	remote=$(port kafka-remote-relay codfw)
	check "latency is felt between sites: handshake and request" eval '"$cluster" latency 100 &&
		quickest_between 250 900 asks "'"$remote"'" 5'
	check "and not inside one" quickest_between 0 300 asks "$(port kafka-tap-relay eqiad)" 5
	check "without it again, a request is quick" eval '"$cluster" latency 0 && quickest_between 0 300 asks "'"$remote"'" 5'
}

test_requests() {
	local tap
	tap=$(port kafka-tap-relay eqiad)
	check "a chosen request is delayed, once" eval '"$cluster" relay delay 18 700 1 kafka-eqiad-tap &&
		takes_between 700 5000 asks "'"$tap"'" 5 && quickest_between 0 400 asks "'"$tap"'" 5 && counter_is delayed 1'
	check "a chosen request is dropped" eval '"$cluster" relay drop 18 1 && ! asks "'"$tap"'" 2 &&
		asks "'"$tap"'" 5 && counter_is dropped 1'
	check "a chosen reply is dropped" eval '"$cluster" relay drop-reply 19 1 &&
		! kafka_create_topic "'"$tap"'" lost.reply 1 && counter_is replies_dropped 1'
	check "but the request was carried out" eval 'topic_exists lost.reply'
	check "a chosen request is repeated" eval '"$cluster" relay repeat 18 1 && asks "'"$tap"'" 5 &&
		eventually 20 counter_is repeats_answered 1'
	check "another API's requests pass" eval '"$cluster" relay drop 0 1 && asks "'"$tap"'" 5 &&
		"$cluster" relay forget && counter_is faults_waiting 0'
	check "a wrong command is refused" not "$cluster" relay cut eqiad esams
}

# CreateTopics with validate_only: 36 says that the topic exists.
topic_exists() {
	local body
	body=$(wire_int32 1 && wire_string "$1" && wire_int32 1 && wire_int16 1 && wire_int32 0 &&
		wire_int32 0 && wire_int32 5000 && wire_int8 1)
	kafka_request "$(port kafka-local eqiad)" 19 2 "$body" | grep 0024
}

test_down() {
	local pids
	pids=$(cut -d ' ' -f 1 "$BRAID_STATE"/run/*)
	check "down ends everything" "$cluster" down
	check "no process is left" eval '! ps -o pid=,args= -p "'"$(echo "$pids" | paste -sd,)"'" | grep -v defunct'
	check "no port is left open" not ports_open
	check "the state folder is gone" not test -e "$BRAID_STATE"
	check "down again is no error" "$cluster" down
}

trap '"$cluster" down; rm -rf "${BRAID_STATE%/state}"' EXIT
if test_up; then
	test_kill
	test_partition
	test_latency
	test_requests
fi
test_down
check_end
