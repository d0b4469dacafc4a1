#!/bin/bash
# The tree follows docs/STYLE.md as far as a tool can tell, and the tool finds what it should find.
# in: check all
# needs: build check
set -u
rc=0
make -s lint || rc=1
count=$(tests/lint/test_lint.sh | tee /dev/stderr | tail -1)
awk -v rc=$rc '{ print $1 + (rc == 0) " passed, " $3 + rc " failed, 0 skipped"; exit $3 + rc > 0 }' <<<"$count"
