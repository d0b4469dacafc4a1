#!/bin/bash
# Streams that share what a node may ask at once, one of them broken.
# in: all
# needs: build cluster
make -s all || exit 1
exec tests/integration/test_priority.sh
