#!/bin/bash
# The simulation finds each rule that is switched off: its checks can fail.
# in: check all
# needs: build check
set -u
rc=0
lines=$(make -s mutants) || rc=$?
echo "$lines"
# A run that ended before its end has failed, whatever it killed until then.
awk -v rc=$rc '/^mutant .* killed / { k++ } /^mutant .* survived$/ { s++ }
     END { if (s == 0 && (rc != 0 || k == 0)) s = 1
           print k + 0 " passed, " s + 0 " failed, 0 skipped"; exit s > 0 }' <<<"$lines"
