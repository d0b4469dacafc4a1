#!/bin/bash
# A DC's enriched topic made anew, and what an operator does about it.
# in: all
# needs: build cluster
make -s all || exit 1
exec tests/integration/test_incarnation.sh
