#!/bin/bash
# in: check all
# needs: build cluster
# The etcd client, leases, watches and claims against three real members that are killed, paused,
# drained, compacted and cut off.
set -u
cd "$(dirname "$0")/../.." || exit 2
programs=$(cd tests/integration && echo test_etcd_*.c)
targets=()
for program in $programs; do targets+=("build/san/integration/${program%.c}"); done
make -s build/braidctl "${targets[@]}" || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
TEST_TIMEOUT_S=400 tests/run-unit "${targets[@]}"
