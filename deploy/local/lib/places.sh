# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# places.sh - the sites of the local cluster, its names and its ports.
#
# All ports lie between BRAID_PORT_BASE (19000) and 150 above it, on 127.0.0.1.
# shellcheck disable=SC2034,SC2154  # used by the other files; base comes from deploy/local/cluster

cluster_name=demo
dcs=(eqiad codfw)
sites=(eqiad codfw witness)
nodes_per_dc=${BRAID_NODES_PER_DC:-2} # up to 9: their ports
source_topic=mediawiki.page_change.v1

site_number() {
	case $1 in
	eqiad) echo 0 ;;
	codfw) echo 1 ;;
	witness) echo 2 ;;
	*) die "there is no site '$1'" ;;
	esac
}

other_dc() { if [ "$1" = eqiad ]; then echo codfw; else echo eqiad; fi; }

is_dc() { [ "$1" = eqiad ] || [ "$1" = codfw ]; }

# port WHAT SITE [NUMBER OR SITE]
port() {
	local n
	n=$(site_number "$2") || return 1
	case $1 in
	kafka-local) echo $((base + 10 + 10 * n)) ;;         # for clients in the DC
	kafka-remote) echo $((base + 11 + 10 * n)) ;;        # behind the relay, for the other DC
	kafka-tap) echo $((base + 12 + 10 * n)) ;;           # behind the relay, for the same DC
	kafka-controller) echo $((base + 13 + 10 * n)) ;;    # the broker's own
	kafka-remote-relay) echo $((base + 15 + 10 * n)) ;;  # where the other DC finds it
	kafka-tap-relay) echo $((base + 16 + 10 * n)) ;;     # where faults in the same DC are made
	etcd-client) echo $((base + 40 + 10 * n)) ;;         # for clients at the site
	etcd-peer) echo $((base + 41 + 10 * n)) ;;           # behind the relay
	etcd-relay) echo $((base + 70 + 10 * n + $(site_number "$3"))) ;; # of $2, for clients in $3
	proxy) echo $((base + 100 + n)) ;;                   # the relay, for the etcd member of the site
	mediawiki) echo $((base + 110 + n)) ;;
	node) echo $((base + 120 + 10 * n + $3)) ;;
	intake) echo $((base + 125 + 10 * n + $3)) ;; # of a node
	esac
}

# Members of etcd know each other by these addresses, which exist nowhere (RFC 5737) but as routes
# of the relay's proxy.
etcd_address() { echo "192.0.2.$((11 + $(site_number "$1"))):2380"; }

# All names of one kind, in the order of starting.
names_of() {
	local dc n
	case $1 in
	relay) echo relay ;;
	kafka | mediawiki | outbox) for dc in "${dcs[@]}"; do echo "$1-$dc"; done ;;
	etcd) for dc in "${sites[@]}"; do echo "etcd-$dc"; done ;;
	nodes) for dc in "${dcs[@]}"; do for ((n = 1; n <= nodes_per_dc; n++)); do echo "node-$dc-$n"; done; done ;;
	*) die "there is no part '$1': relay, kafka, etcd, mediawiki, outbox, nodes" ;;
	esac
}

all_names() {
	local kind
	for kind in relay kafka etcd mediawiki outbox nodes; do names_of $kind; done
}

check_name() {
	all_names | grep -xF -- "$1" >/dev/null || die "there is no '$1'; names: $(all_names | tr '\n' ' ')"
}

# The site that NAME stands at: kafka-eqiad, node-codfw-2.
site_of() {
	local rest=${1#*-}
	echo "${rest%%-*}"
}
