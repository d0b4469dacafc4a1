#!/bin/bash
# What nobody should send: on source topics, on Braid's own topics, under its keys in etcd.
# in: check all
# needs: build cluster
make -s all || exit 1
exec tests/integration/test_bad_input.sh
