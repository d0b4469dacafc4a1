#!/bin/bash
# Events posted over HTTP as MediaWiki's EventBus posts them, while Kafka is paused.
# in: all
# needs: build cluster
make -s all || exit 1
exec tests/integration/test_intake.sh
