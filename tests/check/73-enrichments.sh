#!/bin/bash
# Every enrichment against the real MediaWiki, every output record against its schema.
# in: check all
# needs: build cluster
make -s all || exit 1
exec tests/integration/test_enrichments.sh
