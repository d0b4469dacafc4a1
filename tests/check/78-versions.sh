#!/bin/bash
# A rolling upgrade to a later version and back: other wire format, newer merge rules; under load.
# in: all
# needs: build cluster
set -u
cd "$(dirname "$0")/../.." || exit 2
make -s build/future/braidd || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
exec tests/integration/test_versions.sh
