#!/bin/bash
# From real edits to events in Kafka, with processes killed on the way.
# in: check all
# needs: build cluster
make -s all || exit 1
exec tests/integration/test_outbox.sh
