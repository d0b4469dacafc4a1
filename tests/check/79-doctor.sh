#!/bin/bash
# `braidctl doctor` names what is missing: a right, a server, an API.
# in: all
# needs: build cluster
exec tests/integration/test_doctor.sh
