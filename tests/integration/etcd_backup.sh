# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# etcd_backup.sh - a backup of the local cluster's etcd, and all of etcd restored from it: for tests and drills.
# Uses what `cluster env` prints, and the caller's `cluster`.
# shellcheck disable=SC2154  # cluster comes from the caller

etcd_backup() { # FILE
	local pid
	rm -f "$1"
	ETCDCTL_API=3 timeout 30 etcdctl --endpoints "${BRAID_ETCD%%,*}" --cacert "$BRAID_ETCD_CA" --cert "$BRAID_ETCD_CERT" \
		--key "$BRAID_ETCD_KEY" snapshot save "$1" || return 1
	{ read -r pid _ <"$BRAID_STATE/run/etcd-eqiad"; } && tr '\0' '\n' <"/proc/$pid/cmdline" >"$1.args"
}

# One member, as deploy/local/lib/etcd.sh starts it.
etcd_restore_member() { # SITE FILE
	local site=$1 dir=$BRAID_STATE/etcd-$1 members address
	members=$(grep -A1 -x -e --initial-cluster "$2.args" | tail -n 1)
	address=$(tr , '\n' <<<"$members" | sed -n "s/^etcd-$site=//p")
	rm -rf "$dir"
	ETCDCTL_API=3 etcdctl snapshot restore "$2" --name "etcd-$site" --data-dir "$dir" \
		--initial-cluster "$members" --initial-cluster-token "braid-$BRAID_PORT_BASE" \
		--initial-advertise-peer-urls "$address" && chmod 700 "$dir"
}

etcd_restore() { # FILE
	local site
	for site in eqiad codfw witness; do "$cluster" kill "etcd-$site" || return 1; done
	for site in eqiad codfw witness; do etcd_restore_member "$site" "$1" || return 1; done
	"$cluster" up --only etcd
}
