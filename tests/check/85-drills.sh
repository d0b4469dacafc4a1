#!/bin/bash
# A few drills of docs/failures.md, with little load: do they run, and does the stream stay sound?
# in: all
# needs: build cluster
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export DRILLS_RESULTS=$dir/results DRILLS_REPORT=$dir/report ROWS="node_loss api_403" TIMES=1 RATE=60 WINDOW=2000 MINUTES=20
if tests/drills/run && grep -q 'node_loss' "$DRILLS_REPORT" && grep -q 'api_403' "$DRILLS_REPORT"; then
	echo "2 passed, 0 failed, 0 skipped"
else
	cat "$DRILLS_RESULTS"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi
