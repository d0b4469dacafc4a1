#!/bin/bash
# The commands in the EXAMPLES of braidctl(1), verbatim, on the local cluster under load.
# in: all
# needs: build cluster
exec tests/integration/test_examples.sh
