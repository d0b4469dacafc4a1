# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# node.sh - Braid's own processes: two nodes in each DC, and what ships MediaWiki's events.
# shellcheck disable=SC2154  # variables of deploy/local/cluster and places.sh

# The listener that Braid's clients in DC use: with BRAID_TAP=1 the one behind the relay, where
# requests can be delayed, dropped and repeated.
kafka_bootstrap() {
	if [ "${BRAID_TAP:-0}" = 1 ]; then
		echo "127.0.0.1:$(port kafka-tap-relay "$1")"
	else
		echo "127.0.0.1:$(port kafka-local "$1")"
	fi
}

# A broker that was paused is fenced for a moment, and then its metadata names no broker at all:
# librdkafka 2.15.1 gives up the only one that it knows, and does not take the same name again when
# it bootstraps anew. A second name of it helps. Clusters of several brokers are not concerned.
twice() { echo "$1,localhost:${1##*:}"; }

# Other DCs' nodes read this DC's Kafka at `remote`, behind the relay.
node_config() {
	local dc=$1 n=$2 tls=$state/tls remote
	remote=127.0.0.1:$(port kafka-remote-relay "$dc")
	cat <<END
# Written by deploy/local/cluster at each start.
cluster: $cluster_name
dc: $dc
node: $dc-$n
etcd:
  endpoints:
$(etcd_endpoints "$dc" | tr , '\n' | sed 's/.*/    - "&"/')
  ca: "$tls/ca.crt"
  cert: "$tls/client.crt"
  key: "$tls/client.key"
source_kafka:
  bootstrap: "$(twice "$(kafka_bootstrap "$dc")")"
  remote: "$(twice "$remote")"
braid_kafka:
  bootstrap: "$(twice "$(kafka_bootstrap "$dc")")"
  remote: "$(twice "$remote")"
api:
  base: "${BRAID_API:-http://127.0.0.1:$(port mediawiki "$dc")/w/api.php}"
  user_agent: "braid (local cluster; mailto:root@localhost)"
  in_flight: ${BRAID_API_IN_FLIGHT:-0}
  domains: ["${BRAID_API_DOMAINS:-*.wiki.localhost}"]
http: "127.0.0.1:$(port node "$dc" "$n")"
intake:
  http: "127.0.0.1:$(port intake "$dc" "$n")"
state: "$state/node-$dc-$n"
${BRAID_NODE_MORE:-}
END
}

# start_node DC N
start_node() {
	local name=node-$1-$2 program=${BRAID_BRAIDD:-$build/braidd}
	[ -x "$program" ] || die "$program is missing; run make"
	mkdir -p "$state/$name"
	node_config "$1" "$2" >"$state/$name/braidd.yaml"
	process_start "$name" "$program" --config "$state/$name/braidd.yaml"
	wait_ready "$name" 60 node_is_live "$1" "$2"
}

node_is_live() {
	curl -fsS -m 2 --noproxy '*' "http://127.0.0.1:$(port node "$1" "$2")/livez"
}

# The shipper has no port: its log says when it is ready.
start_outbox() {
	local dc=$1 name=outbox-$1 wiki options=() log_bytes
	[ -x "$build/braid-outbox" ] || die "build/braid-outbox is missing; run make"
	mkdir -p "$state/$name"
	for wiki in test fr; do
		options+=(--wiki "${wiki}wiki=$wiki.wiki.localhost=$state/mediawiki/data/${wiki}wiki.sqlite")
	done
	log_bytes=$(stat -c %s "$(log_of "$name")" 2>/dev/null || echo 0)
	process_start "$name" "$build/braid-outbox" --dc "$dc" --kafka "$(kafka_bootstrap "$dc")" \
		--api "http://127.0.0.1:$(port mediawiki "$dc")/w/api.php" --compare-ms 10000 "${options[@]}"
	wait_ready "$name" 60 outbox_runs "$name" "$log_bytes"
}

# outbox_runs NAME BYTES: whether its log says so after the first BYTES.
outbox_runs() { tail -c "+$(($2 + 1))" "$(log_of "$1")" | grep 'msg="braid-outbox is running"'; }
