#!/bin/bash
# in: check all
# needs: build cluster
# braidctl verify and errors against a real etcd and two mocked Kafkas: each failure that it must find.
set -u
cd "$(dirname "$0")/../.." || exit 2
make -s build/san/braidctl build/san/integration/test_{verify,errors_ctl} ||
    { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
BRAIDCTL=build/san/braidctl TEST_TIMEOUT_S=400 tests/run-unit \
    build/san/integration/test_verify build/san/integration/test_errors_ctl
