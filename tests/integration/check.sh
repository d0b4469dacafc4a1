# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# check.sh - counting checks in tests that are shell scripts.

passed=0
failed=0
check_log=$(mktemp)

# check SENTENCE COMMAND...: one line; what the command said, if it failed.
check() {
	local sentence=$1
	shift
	if "$@" >"$check_log" 2>&1; then
		passed=$((passed + 1))
		echo "  ok     $sentence"
	else
		failed=$((failed + 1))
		echo "  FAILED $sentence"
		tail -n 40 "$check_log" | sed 's/^/         /'
	fi
}

# COMMAND | holds FILTER...: jq says something of what the command has printed, and it is true. jq -e calls
# no input at all true, as of a command that has failed.
holds() {
	local said
	said=$(jq -e "$@") && [ -n "$said" ] && echo "$said"
}

# show COMMAND...: within a check: what it says stands in the test's output even if it does not fail. The
# test says `exec 3>&1` before.
show() {
	local said rc=0
	said=$("$@") || rc=$?
	sed 's/^/         /' <<<"$said" >&3
	echo "$said"
	return $rc
}

# The last line of a test: the sum, and its exit status.
check_end() {
	rm -f "$check_log"
	echo "$passed passed, $failed failed, 0 skipped"
	[ "$failed" = 0 ]
}

# eventually SECONDS COMMAND...
eventually() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.1
	done
}

not() { ! "$@"; }

milliseconds() { # COMMAND...
	local start
	start=$(date +%s%N)
	"$@" >/dev/null || return 1
	echo $((($(date +%s%N) - start) / 1000000))
}

# quickest_between MS MS COMMAND...: the quickest of some runs, for the machine may be busy.
quickest_between() {
	local low=$1 high=$2 ms quickest=
	shift 2
	for _ in {1..20}; do
		ms=$(milliseconds "$@") || return 1
		echo "took $ms ms, not $low to $high"
		if [ -z "$quickest" ] || [ "$ms" -lt "$quickest" ]; then quickest=$ms; fi
		[ "$quickest" -gt "$high" ] || break
	done
	[ "$quickest" -ge "$low" ] && [ "$quickest" -le "$high" ]
}

takes_between() { # MS MS COMMAND...
	local low=$1 high=$2 ms
	shift 2
	ms=$(milliseconds "$@") || return 1
	echo "took $ms ms, not $low to $high"
	[ "$ms" -ge "$low" ] && [ "$ms" -le "$high" ]
}
