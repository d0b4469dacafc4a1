# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# etcd.sh - three members of etcd, one at each site, TLS between all.
#
# A member reaches the others only through the relay's proxy of its own site (HTTPS_PROXY, which Go
# programs obey for addresses that are not loopback), so the relay knows both ends of a link.
# shellcheck disable=SC2154  # variables of deploy/local/cluster and places.sh

# One certificate for all servers and peers and one for clients, signed by a CA of this cluster.
make_certificates() {
	local dir=$state/tls names=DNS:localhost,IP:127.0.0.1 site
	[ ! -e "$dir/client.crt" ] || return 0
	for site in "${sites[@]}"; do names+=,IP:$(etcd_address "$site" | cut -d : -f 1); done
	rm -rf "$dir.new"
	mkdir -m 700 "$dir.new"
	if ! make_certificate "$dir.new" ca "/CN=Braid local cluster" CA:TRUE "$names" ||
		! make_certificate "$dir.new" server /CN=etcd CA:FALSE "$names" ||
		! make_certificate "$dir.new" client /CN=braid CA:FALSE "$names"; then
		die "openssl could not make the certificates: $(cat "$dir.new/openssl.log")"
	fi
	mv "$dir.new" "$dir"
}

# make_certificate DIR FILE SUBJECT CONSTRAINT NAMES; all but ca are signed by ca.
make_certificate() {
	local dir=$1 file=$2 issuer=(-signkey "$1/ca.key") usage="keyCertSign,cRLSign"
	if [ "$file" != ca ]; then
		issuer=(-CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial)
		usage=digitalSignature
	fi
	{
		openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
			-keyout "$dir/$file.key" -out "$dir/$file.csr" -subj "$3" &&
			openssl x509 -req -in "$dir/$file.csr" "${issuer[@]}" -days 3650 -out "$dir/$file.crt" \
				-extfile <(
					echo "basicConstraints=critical,$4"
					echo "keyUsage=critical,$usage"
					echo "extendedKeyUsage=serverAuth,clientAuth"
					echo "subjectAltName=$5"
				)
	} >>"$dir/openssl.log" 2>&1
}

etcd_members() {
	local site members=()
	for site in "${sites[@]}"; do members+=("etcd-$site=https://$(etcd_address "$site")"); done
	(IFS=, && echo "${members[*]}")
}

# Endpoints for a client in DC: its own member directly, the others through the relay.
etcd_endpoints() {
	local site list
	list=https://127.0.0.1:$(port etcd-client "$1")
	for site in "${sites[@]}"; do
		[ "$site" = "$1" ] || list+=,https://127.0.0.1:$(port etcd-relay "$site" "$1")
	done
	echo "$list"
}

# Endpoints for an operator, who stands outside the sites.
etcd_endpoints_direct() {
	local site list=""
	for site in "${sites[@]}"; do list+=,https://127.0.0.1:$(port etcd-client "$site"); done
	echo "${list#,}"
}

start_etcd() {
	local site=$1 client peer tls=$state/tls
	command -v etcd >/dev/null || die "etcd is not installed (Debian's etcd-server); run deploy/bootstrap"
	client=https://127.0.0.1:$(port etcd-client "$site")
	peer=https://127.0.0.1:$(port etcd-peer "$site")
	mkdir -p "$state/etcd-$site"
	chmod 700 "$state/etcd-$site"
	process_start "etcd-$site" env \
		HTTPS_PROXY="http://127.0.0.1:$(port proxy "$site")" NO_PROXY= no_proxy= https_proxy= \
		GOMAXPROCS=2 \
		etcd --name "etcd-$site" --data-dir "$state/etcd-$site" --logger zap --log-level warn \
		--listen-client-urls "$client" --advertise-client-urls "$client" \
		--listen-peer-urls "$peer" --initial-advertise-peer-urls "https://$(etcd_address "$site")" \
		--initial-cluster "$(etcd_members)" --initial-cluster-token "braid-$base" \
		--heartbeat-interval 100 --election-timeout 1000 --pre-vote --max-txn-ops 512 \
		--snapshot-count 10000 --auto-compaction-mode periodic --auto-compaction-retention 5m \
		--client-cert-auth --trusted-ca-file "$tls/ca.crt" \
		--cert-file "$tls/server.crt" --key-file "$tls/server.key" \
		--peer-client-cert-auth --peer-trusted-ca-file "$tls/ca.crt" \
		--peer-cert-file "$tls/server.crt" --peer-key-file "$tls/server.key"
}

# A member is ready when it answers and knows a leader; alone it cannot be.
wait_etcd() { wait_ready "etcd-$1" 60 etcd_is_healthy "$1"; }

etcd_is_healthy() {
	local tls=$state/tls
	curl -fsS -m 2 --noproxy '*' --cacert "$tls/ca.crt" --cert "$tls/client.crt" --key "$tls/client.key" \
		"https://127.0.0.1:$(port etcd-client "$1")/health" | grep '"health":"true"' >/dev/null
}
