#!/bin/bash
# Sources of every kind in one stream, retries and backfills, and readers in three languages.
# in: check all
# needs: build check cluster
make -s all || exit 1
exec tests/integration/test_sources.sh
