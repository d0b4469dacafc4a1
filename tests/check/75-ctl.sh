#!/bin/bash
# What operators do, on the local cluster under load: every braidctl command that changes something.
# in: check all
# needs: build cluster
exec tests/integration/test_ctl.sh
