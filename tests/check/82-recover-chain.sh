#!/bin/bash
# etcd restored from a backup, and what an operator does about it.
# in: all
# needs: build cluster
make -s all || exit 1
exec tests/integration/test_recover_chain.sh
