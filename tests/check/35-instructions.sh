#!/bin/bash
# Hot paths take no more instructions than they did: braid-bench's drivers under callgrind.
# in: check all
# needs: build check
#
# tests/check/instructions.txt holds what each took when somebody last looked, with the compiler. More
# than 5 % above that fails. A change that is worth it writes a new baseline and says why in
# its commit: tests/check/35-instructions.sh --write. With another compiler or architecture the figures
# mean nothing: then the paths are run and counted twice, and must take the same each time.
# NAME, how often, how many records one of them is.
set -u
cd "$(dirname "$0")/../.." || exit 2
baseline=tests/check/instructions.txt
paths="headers:2000:1 inner:2000:1 filter:2000:1 line:100:100 splice:300:1 answer:3:50 seal:500:1"
compiler="$(${CC:-cc} --version | head -1), $(uname -m), glibc $(getconf GNU_LIBC_VERSION | cut -d' ' -f2)$(grep -qm1 avx2 /proc/cpuinfo && echo ", avx2")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
passed=0
failed=0

# count NAME TIMES RECORDS: instructions for one record. libcrypto and glibc choose code by what the
# processor has: here the same everywhere.
count() {
    OPENSSL_ia32cap=0 valgrind --tool=callgrind --toggle-collect=hot_paths_run \
        --callgrind-out-file="$out/$1" build/plain/braid-bench --child hot "$1" "$2" \
        2>"$out/log" >/dev/null || { cat "$out/log" >&2; return 1; }
    awk -v n=$(($2 * $3)) '/^(summary|totals):/ { sum = $2 } END { if (!sum) exit 1; printf "%d\n", sum / n }' "$out/$1"
}

verdict() { # 0 if what is said after it is fine
    if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    echo "  $2"
}

make -s build/braid-bench || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }
if [ "${1:-}" = --write ]; then
    {
        echo "# Instructions for one record on each hot path (callgrind); written by tests/check/35-instructions.sh --write."
        echo "compiler $compiler"
        for path in $paths; do
            IFS=: read -r name times records <<<"$path"
            echo "$name $(count "$name" "$times" "$records")"
        done
    } >"$out/new" && mv "$out/new" $baseline
    cat $baseline
    exit
fi
is_same=1
grep -qxF "compiler $compiler" $baseline || is_same=0
[ $is_same = 1 ] || echo "the baseline is of another compiler: each path is compared with itself"
for path in $paths; do
    IFS=: read -r name times records <<<"$path"
    now=$(count "$name" "$times" "$records") || now=0
    if [ $is_same = 1 ]; then
        was=$(awk -v name="$name" '$1 == name { print $2 }' $baseline)
    else
        was=$(count "$name" "$times" "$records") || was=0
    fi
    rc=0
    [ "$now" -gt 0 ] && [ $((now * 100)) -le $((${was:-0} * 105)) ] || rc=1
    verdict $rc "$name: $now instructions a record, were ${was:-unknown}"
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
