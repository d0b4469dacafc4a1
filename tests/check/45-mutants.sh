#!/bin/bash
# The simulation finds each rule that is switched off: its checks can fail.
# in: check all
# needs: build check
set -u
lines=$(make -s mutants) || true
echo "$lines"
awk '/^mutant .* killed / { k++ } /^mutant .* survived$/ { s++ }
     END { print k + 0 " passed, " s + 0 " failed, 0 skipped"; exit s > 0 || k == 0 }' <<<"$lines"
