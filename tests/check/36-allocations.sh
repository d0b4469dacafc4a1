#!/bin/bash
# Hot paths take nothing from the heap for a record: each of braid-bench's drivers runs N and 2 N times, and
# must call malloc as often (valgrind counts). Only libcrypto takes something: once a digest, twice or
# three times an answer of 50 pages.
# NAME, how often, how many allocations one more time may take.
# in: check all
# needs: build check
set -u
cd "$(dirname "$0")/../.." || exit 2
paths="headers:100:0 inner:100:0 filter:100:0 line:10:0 splice:20:0 answer:3:53 seal:50:0"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0
failed=0

# allocations NAME TIMES
allocations() {
    valgrind --leak-check=no build/plain/braid-bench --child hot "$1" "$2" 2>"$log" >/dev/null || { cat "$log" >&2; return 1; }
    awk '/total heap usage:/ { gsub(",", "", $5); print $5 }' "$log"
}

make -s build/braid-bench || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
for path in $paths; do
    IFS=: read -r name times most <<<"$path"
    once=$(allocations "$name" "$times") && twice=$(allocations "$name" $((2 * times))) || once=
    if [ -n "${once:-}" ] && [ -n "${twice:-}" ] && [ $((twice - once)) -le $((times * most)) ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    echo "  $name: ${once:-no} allocations for $times rounds, ${twice:-none} for $((2 * times))"
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
