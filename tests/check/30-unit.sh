#!/bin/bash
# The unit tests, under ASan and UBSan.
# in: quick check all
# needs: build check
exec make -s check-unit
