#!/bin/bash
# The whole line on the local cluster, under faults; in check-all under many more.
# in: check all
# needs: build cluster
if [ "${CHECK_SUITE:-check}" = all ]; then
	exec tests/integration/test_line.sh all
fi
exec tests/integration/test_line.sh core
