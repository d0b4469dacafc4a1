# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# line.sh - questions about a stream on the local cluster, for the demo and for tests. They use the
# variables that `cluster env` prints, braidctl, kcat and jq.
# shellcheck disable=SC2154  # build comes from the caller

ctl() { "$build/braidctl" "$@"; }

# How many records the source topics of both DCs hold: the sum of their ends. They start at 0, and
# their writer is not transactional.
source_records() {
	{
		kcat -Q -b "$BRAID_KAFKA_EQIAD" -t eqiad.mediawiki.page_change.v1:0:-1
		kcat -Q -b "$BRAID_KAFKA_CODFW" -t codfw.mediawiki.page_change.v1:0:-1
	} 2>/dev/null | awk '{ sum += $NF } END { print sum + 0 }'
}

# "EQIAD CODFW": the next numbers of a stream's copies, as their merges last said; -1: not known.
next_numbers() {
	local numbers
	numbers=$({ ctl status -o json 2>/dev/null || true; } | jq -r --arg stream "$1" '
		[.streams[] | select(.stream == $stream) | {(.dc): .next_seq}] | add // {} |
		"\(.eqiad // -1) \(.codfw // -1)"' 2>/dev/null) || true
	echo "${numbers:--1 -1}" # nothing where etcd did not answer
}

# decided_records STREAM FROM: how many source records the stream's cuts have decided on. Only the
# records from number FROM on are read for it.
decided_records() {
	{ ctl verify "$1" --from-seq "$2" -o json 2>/dev/null || true; } | jq -r '[.sources[].up_to + 1] | add // 0' 2>/dev/null || echo 0
}

# Are all source records decided on, and both copies equally long?
is_drained() {
	local numbers
	numbers=$(next_numbers "$1")
	[ "${numbers% *}" = "${numbers#* }" ] && [ "${numbers% *}" -gt 0 ] &&
		[ "$(decided_records "$1" $((${numbers% *} - 1)))" = "$(source_records)" ]
}

# wait_drained STREAM SECONDS [COMMAND...]: runs the command at each look.
wait_drained() {
	local stream=$1 deadline=$((SECONDS + $2))
	shift 2
	until is_drained "$stream"; do
		[ $# = 0 ] || "$@"
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.5
	done
}
