#!/bin/bash
# The cases of the specs in deploy/streams, without any server.
# in: quick check all
# needs: build
make -s all || exit 1
passed=0 failed=0
for file in deploy/streams/tests/*.yaml; do
	if build/braidctl test "$file" >/tmp/spec-test.$$ 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		sed "s|^|$file: |" /tmp/spec-test.$$
	fi
done
rm -f /tmp/spec-test.$$
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
