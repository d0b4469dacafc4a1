# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# relay.sh - the network between the sites (build/braid-relay).
# shellcheck disable=SC2154  # variables of deploy/local/cluster and places.sh

relay_config() {
	local dc site from
	for dc in "${dcs[@]}"; do
		echo "link kafka-$dc-remote $(other_dc "$dc") $dc 127.0.0.1:$(port kafka-remote-relay "$dc")" \
			"127.0.0.1:$(port kafka-remote "$dc") kafka"
		echo "link kafka-$dc-tap $dc $dc 127.0.0.1:$(port kafka-tap-relay "$dc")" \
			"127.0.0.1:$(port kafka-tap "$dc") kafka"
	done
	for site in "${sites[@]}"; do
		echo "proxy $site 127.0.0.1:$(port proxy "$site")"
		echo "route $site $(etcd_address "$site") 127.0.0.1:$(port etcd-peer "$site")"
		for from in "${dcs[@]}"; do
			[ "$from" != "$site" ] || continue
			echo "link etcd-$site-from-$from $from $site 127.0.0.1:$(port etcd-relay "$site" "$from")" \
				"127.0.0.1:$(port etcd-client "$site")"
		done
	done
}

# The socket's path would be too long for one from elsewhere: go there.
relay_ctl() {
	(cd "$state/relay" 2>/dev/null && exec "$build/braid-relay" ctl control "$@") ||
		die "the relay did not do '$*'"
}

start_relay() {
	[ -x "$build/braid-relay" ] || die "build/braid-relay is missing; run make"
	mkdir -p "$state/relay"
	relay_config >"$state/relay/links"
	process_start relay env -C "$state/relay" "$build/braid-relay" run links control
	wait_ready relay 60 relay_answers
}

relay_answers() {
	(cd "$state/relay" && "$build/braid-relay" ctl control status)
}
