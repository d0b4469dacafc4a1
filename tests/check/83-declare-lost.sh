#!/bin/bash
# A sole member lost for ever, and what an operator does about it.
# in: all
# needs: build cluster
make -s all || exit 1
exec tests/integration/test_declare_lost.sh
