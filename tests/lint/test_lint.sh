#!/bin/bash
# test_lint.sh - shows that shape.sh finds each kind of fault and leaves sound code alone.
#
# Method: a small sound tree in a temporary folder; each case plants one fault in it and expects a
# finding with the given words (or, `clean`, none). Ends with `N passed, N failed, N skipped`.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
passed=0
failed=0
spdx='/* SPDX-License-Identifier: Apache-2.0 */'

plant() { # FILE TEXT: the text after the SPDX line
    mkdir -p "$root/$(dirname "$1")"
    printf '%s\n%s\n' "$spdx" "$2" >"$root/$1"
}

sound_tree() {
    rm -rf "${root:?}"/*
    plant proto/a.h $'/*\n * a.h - something.\n */\n#ifndef BRAID_PROTO_A_H\n#define BRAID_PROTO_A_H\n#endif'
    plant proto/a.c $'#include "proto/a.h"\n\n#include <string.h>\n\nint a(int b)\n{\n    return b;\n}'
    plant node/io_b.c $'#include <uv.h>\n\n#include "coord/c.h"\n#include "node/n.h"\n#include "proto/a.h"'
    plant coord/ctl/main.c $'#include <stdio.h>\n\n#include "coord/c.h"'
}

# expect NAME WORDS FILE TEXT: planting TEXT as FILE gives exactly one finding, with WORDS.
expect() {
    local name=$1 words=$2 out
    sound_tree
    plant "$3" "$4"
    out=$("$here/shape.sh" "$root" 2>&1 | grep -v '^warning')
    if [ "$words" = clean ] && [ -z "$out" ]; then
        passed=$((passed + 1))
    elif [ "$words" != clean ] && [ "$(grep -c "^$3:[0-9]*: .*$words" <<<"$out")" = 1 ] &&
        grep -q '^shape: 1 findings$' <<<"$out"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $name: expected '$words', got:"
        echo "${out:-(nothing)}"
    fi
}

lines() { for ((i = 0; i < $1; i++)); do echo "$2"; done; }

expect "a sound tree has no findings" clean proto/sound.c 'int sound(void);'
expect "proto does not include coord" "layer: proto" proto/x.c '#include "coord/c.h"'
expect "proto does not include node" "layer: proto" proto/x.c '#include "node/n.h"'
expect "coord does not include node" "layer: coord" coord/x.c '#include "node/n.h"'
expect "coord does not include its programs" "layer: coord" coord/x.c '#include "coord/ctl/output.h"'
expect "the control program does not include node" "layer: coord/ctl" coord/ctl/x.c '#include "node/n.h"'
expect "node does not include tests" "layer: node" node/x.c '#include "tests/unit/support.h"'
expect "an include has its full path" "layer: node" node/x.c '#include "n.h"'
expect "the relay includes only proto" "layer: deploy" deploy/local/relay/main.c '#include "coord/c.h"'
expect "a generated header is of its layer" clean coord/x.c '#include "coord/etcd.pb-c.h"'
expect "a file includes its own header first" "layer: the first" proto/a.c $'#include <string.h>\n#include "proto/a.h"'
for header in uv.h curl/curl.h librdkafka/rdkafka.h time.h sys/stat.h unistd.h pthread.h; do
    expect "a pure file does not include $header" "purity: only" node/x.c "#include <$header>"
    expect "the shell may include $header" clean node/io_x.c "#include <$header>"
done
expect "main.c is the shell" clean node/main.c '#include <uv.h>'
expect "a pure file does not include the shell" "purity: a pure" node/x.c '#include "node/io_fetch.h"'
for call in 'malloc(1)' 'calloc(1, 2)' 'free(p)' 'strdup(s)' 'realloc(p, 2)'; do
    expect "a pure file does not call $call" "purity: the heap" proto/x.c "int x = $call;"
done
expect "the arena may use the heap" clean proto/arena.c $'#include <stdlib.h>\nint x = malloc(1);'
for call in 'time(NULL)' 'clock_gettime(c, &t)' 'rand()' 'getenv("A")' 'open("a", 0)' 'exit(1)'; do
    expect "a pure file does not call $call" "purity: no clock" proto/x.c "int x = $call;"
done
expect "a pure file prints nothing" "purity: no output" proto/x.c 'int x = printf("a");'
expect "a pure file may format into a buffer" clean proto/x.c 'int x = snprintf(b, 2, "a");'
expect "a member that is named as a call is no call" clean proto/x.c 'int x = ops->time(1) + s.free(2);'
expect "a comment is no code" clean proto/x.c $'/* malloc(1) and time(0) */\n// free(x)\n/*\n * rand()\n */'
expect "a string is no code" clean proto/x.c 'const char *x(void) { return "call malloc(1)"; }'
expect "a global is found" "global" node/x.c 'static int counter;'
expect "a global with a value is found" "global" node/io_x.c 'static int counter = 3;'
expect "a function's static is found" "global" node/x.c $'int f(void)\n{\n    static int n = 0;\n    return n;\n}'
expect "a global table is found" "global" node/x.c $'static int t[] = {1};'
expect "a constant is no state" clean node/x.c $'static const int N = 3;\nstatic const char *const NAMES[] = {"a"};\nstatic int f(int a);\nstatic_assert(1, "x");'
expect "a struct keeps its name" "typedef" node/x.c 'typedef struct n n_t;'
expect "70 lines are a function" clean node/x.c $'int f(void)\n{\n'"$(lines 70 '    x();')"$'\n}'
expect "71 lines are too many" "function of 71" node/x.c $'int f(void)\n{\n'"$(lines 71 '    x();')"$'\n}'
expect "800 lines are a file" clean node/x.c "$(lines 799 'int x(void);')"
expect "801 lines are too many" "longer than 800" node/x.c "$(lines 800 'int x(void);')"
expect "a header of 151 lines is too long" "longer than 150" proto/b.h \
    $'/*\n * b.h - x.\n */\n#ifndef BRAID_PROTO_B_H\n#define BRAID_PROTO_B_H\n'"$(lines 144 'int x(void);')"$'\n#endif'
expect "unfinished work is found in tests too" "word" tests/unit/x.c "/* FIX""ME later */"
for call in 'strcpy(a, b)' 'sprintf(a, b)' 'strncpy(a, b, 1)' 'atoi(a)' 'sscanf(a, b)' 'alloca(1)'; do
    expect "$call is banned" "banned" tests/unit/x.c "int x = $call;"
done
expect "two facts in one assert are found" "assert" node/x.c 'int x = assert(a && b);'
expect "an implication is one fact" clean node/x.c 'int x = assert(!a || (b && c));'
expect "goto goes to out" "goto" node/x.c 'int x; goto again;'
expect "a header says what it is for" "opening: a header" proto/b.h $'#ifndef BRAID_PROTO_B_H\n#define BRAID_PROTO_B_H\n#endif'
expect "a guard is named after the path" "opening: the guard" proto/b.h $'/*\n * b.h - x.\n */\n#ifndef B_H\n#define B_H\n#endif'
# expect_analysis NAME WORDS TEXT: the tools behind analyse.sh find it too (or, `clean`, nothing).
# The file lies under the tree, in build/, so that the tree's own configuration applies.
expect_analysis() {
    local name=$1 words=$2 file=$here/../../build/lint/planted/x.c out rc=0
    mkdir -p "${file%/*}"
    printf '%s\n%s\n' "$spdx" "$3" >"$file"
    out=$(LINT_FLAGS="-std=c11 -D_GNU_SOURCE" "$here/analyse.sh" "$file" 2>&1) || rc=1
    rm -rf "${file%/*}"
    if { [ "$words" = clean ] && [ $rc = 0 ]; } ||
        { [ "$words" != clean ] && [ $rc = 1 ] && grep -qe "$words" <<<"$out"; }; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $name: expected '$words', got:"
        echo "${out:-(nothing)}"
    fi
}

expect_analysis "sound code is sound for the tools" clean 'int twice(int n);'
expect_analysis "layout is checked" "clang-format" 'int  twice( int n );'
expect_analysis "recursion is found" "misc-no-recursion" \
    $'int down(int n);\nint down(int n)\n{\n    return n > 0 ? down(n - 1) : 0;\n}'
expect_analysis "seven parameters are found" "readability-function-size" \
    $'int f(int a, int b, int c, int d, int e, int g, int h);\nint f(int a, int b, int c, int d, int e, int g, int h)\n{\n    return a + b + c + d + e + g + h;\n}'
expect_analysis "a variable that could live in a smaller scope is found" "variableScope" \
    $'int f(int a);\nint f(int a)\n{\n    int b;\n    if (a > 1) {\n        b = a * 2;\n        a += b;\n    }\n    return a;\n}'
sound_tree
printf '#!/bin/bash\ncd /nowhere\n' >"$root/script"
if ! "$here/scripts.sh" "$root" >"$root/out" 2>&1 && grep -q 'SC2164' "$root/out"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "FAILED a cd that may fail in a script is found"
fi
sound_tree
echo 'int x;' >"$root/proto/x.c"
if "$here/shape.sh" "$root" | grep -q '^proto/x.c:1: opening: the first line'; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "FAILED a file opens with the SPDX line"
fi

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
