#!/bin/bash
# Every saved input of every decoder, and variations of it, under ASan and UBSan.
# in: check all
# needs: build check
exec make -s check-fuzz
