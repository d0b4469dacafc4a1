#!/bin/bash
# The local cluster and its relay: every command, on real servers.
# in: check all
# needs: build cluster
exec tests/integration/test_cluster.sh
