#!/bin/bash
# Events of real edits are enriched from a real MediaWiki that also fails in its own ways.
# in: check all
# needs: build check cluster
set -u
BRAID_STATE=$(mktemp -d "${TMPDIR:-/tmp}/braid-fetch.XXXXXX")
export BRAID_STATE
wiki=deploy/local/mediawiki/wiki
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export BRAID_MEDIAWIKI_EQIAD=http://127.0.0.1:$port
trap '"$wiki" stop eqiad; rm -rf "$BRAID_STATE"' EXIT

give_up() { echo "FAILED: $*" >&2; echo "0 passed, 1 failed, 0 skipped"; exit 1; }

make -s build/san/integration/test_fetch || give_up "test_fetch does not build"
"$wiki" install && "$wiki" start eqiad "$port" || give_up "no wiki"
BRAID_MEDIAWIKI_CODFW='' deploy/local/edits --count 150 --quiet >/dev/null || give_up "no edits"
TEST_TIMEOUT_S=180 tests/run-unit build/san/integration/test_fetch
