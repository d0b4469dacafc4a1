#!/bin/bash
# `braidctl verify` against a merge that leaves out one record: it names it.
# in: check all
# needs: build cluster
set -u
cd "$(dirname "$0")/../.." || exit 2
make -s build/mutant/braidd || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
exec tests/integration/test_skip_one.sh
