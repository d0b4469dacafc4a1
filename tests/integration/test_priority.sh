#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_priority.sh - streams that share what a node may ask at once, on real servers.
#
# Goal: under api.in_flight no node asks more at once than that, a stream of higher priority has the larger
# share, and one whose server never answers delays no other; within a stream, partitions that are far behind
# delay none that is live. Method: four streams begin with a backlog of real edits, one of them asks a server that only listens;
# the shares are read from the nodes' metrics meanwhile. Then backlog.py.
set -u
cd "$(dirname "$0")/../.." || exit 2
BRAID_STATE=$(mktemp -d)/state
BRAID_PORT_BASE=${BRAID_TEST_PORT_BASE:-21200}
hole=$((BRAID_PORT_BASE + 190))
slow=$((BRAID_PORT_BASE + 191))
BRAID_API_IN_FLIGHT=7
BRAID_NODE_MORE="services: {origins: [http://127.0.0.1:$hole, http://127.0.0.1:$slow]}"
export BRAID_STATE BRAID_PORT_BASE BRAID_API_IN_FLIGHT BRAID_NODE_MORE
cluster=$PWD/deploy/local/cluster
# shellcheck disable=SC2034  # for lib/line.sh
build=$PWD/build
dir=${BRAID_STATE%/state}
# shellcheck source=deploy/local/lib/line.sh
. deploy/local/lib/line.sh
# shellcheck source=tests/integration/check.sh
. tests/integration/check.sh

apply() { # PRIORITY ENRICHMENT NAME MORE
	printf 'stream: %s.v1\nsources: [{topic: mediawiki.page_change.v1}]\nstart: earliest\nenrich: [%s]\nlimits: {priority: %s, in_flight: 64, deadline: 90s}\n%b' \
		"$3" "$2" "$1" "${4:-}" >"$dir/spec.yaml"
	ctl apply -f "$dir/spec.yaml" --yes -m test
}

apply_all() {
	apply high http broken "http: {url: \"http://127.0.0.1:$hole/{/page/page_id}\"}\n" && apply low html low &&
		apply normal diff normal && apply high links high
}

# A line for each node and stream: "eqiad-1 high.v1 3".
shares() {
	local dc n url
	for dc in EQIAD CODFW; do
		for n in 1 2; do
			url=BRAID_HTTP_${dc}_$n
			curl -fsS -m 2 --noproxy '*' "${!url}/metrics" |
				sed -n "s/^braid_fetch_share{stream=\"\([^\"]*\)\"} \(.*\)/$dc-$n \1 \2/p"
		done
	done
}

watch_shares() {
	while sleep 0.3; do shares && echo; done >"$dir/shares" 2>/dev/null
}

drained() { wait_drained low.v1 80 && wait_drained normal.v1 80 && wait_drained high.v1 80; }

# Of all looks: no node's sum is above the limit, and each stream has at least one. The broken one, of high
# priority, wants more than there is from when its backlog has been read: then it has at least as much as
# one of low priority on the same node.
judge() {
	awk -v max="$BRAID_API_IN_FLIGHT" '
		NF == 0 {
			for (n in sum) { looks++; if (sum[n] > max) above++ }
			for (n in broken) if (n in low) { both++; if (broken[n] >= low[n]) first++ }
			delete sum; delete broken; delete low; next
		}
		{ sum[$1] += $3; if ($3 < 1) none++; if (!($2 in least) || $3 < least[$2]) least[$2] = $3; if ($3 > most[$2]) most[$2] = $3 }
		$2 == "broken.v1" { broken[$1] = $3 }
		$2 == "low.v1" { low[$1] = $3 }
		END {
			for (s in most) printf "%s: %d to %d of %d\n", s, least[s], most[s], max
			printf "%d looks, %d above the limit, %d below one; high has at least what low has in %d of %d\n", looks, above, none, first, both
			exit !(above == 0 && none == 0 && both > 10 && first >= 0.9 * both)
		}' "$dir/shares"
}

# ---- partitions that are behind --------------------------------------------------------------------

backlog() { PYTHONDONTWRITEBYTECODE=1 tests/integration/backlog.py "$@"; }

apply_behind() {
	backlog feed || return 1
	cat >"$dir/behind.yaml" <<END
stream: behind.v1
dcs: [eqiad]
sources: [{topic: test.behind.v1}]
start: earliest
enrich: [http]
http: {url: "http://127.0.0.1:$slow/{/meta/id}"}
requests: none
limits: {in_flight: 4}
END
	ctl apply -f "$dir/behind.yaml" --yes -m test
}

exec 3>&1 # for show

take_down() {
	# shellcheck disable=SC2046  # numbers
	kill $(jobs -p) 2>/dev/null
	[ -n "${KEEP:-}" ] || { "$cluster" down >/dev/null 2>&1 && rm -rf "$dir"; }
}
trap take_down EXIT

/usr/bin/python3 -c '
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=200)
taken = []
while True: taken.append(server.accept())' "$hole" &
PYTHONDONTWRITEBYTECODE=1 tests/integration/backlog.py server "$slow" &
check "the cluster is up" "$cluster" up
if [ "$failed" = 0 ]; then
	eval "$("$cluster" env)"
	check "pages are edited" deploy/local/edits --count 60 --quiet
	watch_shares &
	check "four streams begin with all of it, one of them asks a server that never answers" apply_all
	check "the three others come through meanwhile" drained
	check "shares are by priority, and never more than api.in_flight" show judge
	check "the broken one still waits" eval '! is_drained broken.v1'
	check "a stream begins with partitions that are an hour behind" apply_behind
	check "those that are live do not wait for them" show backlog run
fi
check_end
