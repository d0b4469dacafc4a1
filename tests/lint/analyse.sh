#!/bin/bash
# analyse.sh FILE... - clang-format, clang-tidy and cppcheck over C files and headers, side by side.
#
# What passed once is not looked at again: for each tool, the hash of the file, of the project's
# headers it includes, of the tool's version and its configuration names an empty file in the
# user's cache. Flags for clang-tidy come in LINT_FLAGS. Fails if any file does.
set -u
cd "$(dirname "$0")/../.." || exit 2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/braid/lint

hash() { sha256sum | cut -c1-40; }

# Everything that the verdict on one file depends on, within the tree.
inputs() {
    # shellcheck disable=SC2086
    cc -MM ${LINT_FLAGS:-} "$1" 2>/dev/null | sed 's/[\]$//' | tr -s ' ' '\n' | grep -v ':$' | grep .
}

run_format() { clang-format --dry-run -Werror "$1"; }

run_tidy() {
    local mutants=""
    case $1 in tests/sim/* | tests/variants/mutant.c) mutants=-DBRAID_MUTANTS ;; esac
    # shellcheck disable=SC2086
    clang-tidy --quiet "$1" -- ${LINT_FLAGS:-} $mutants 2>/dev/null
}

run_cppcheck() {
    cppcheck --quiet --std=c11 --enable=warning,style,performance,portability --inline-suppr \
        --suppressions-list=tests/lint/cppcheck.txt --error-exitcode=1 -D_GNU_SOURCE -I. "$1"
}

# once TOOL CONFIG-HASH FILE CONTENT-HASH
once() {
    local key log=build/lint/$1-${3//\//_}.log
    key=$cache/$(echo "$1 $2 $3 $4" | hash)
    [ ! -e "$key" ] || return 0
    if "run_$1" "$3" >"$log" 2>&1; then
        touch "$key"
    else
        echo "$3" >>build/lint/failed
        cat "$log"
    fi
    rm -f "$log"
}

analyse_one() {
    local file=$1 content
    once format "$LINT_HASH_FORMAT" "$file" "$(hash <"$file")"
    case $file in *.h) return ;; esac
    content=$({ inputs "$file" | sort -u | xargs -r cat; cat "$file"; } | hash)
    once tidy "$LINT_HASH_TIDY" "$file" "$content"
    once cppcheck "$LINT_HASH_CPPCHECK" "$file" "$content"
}

if [ "${1:-}" = --one ]; then
    shift
    for file in "$@"; do analyse_one "$file"; done
    exit 0
fi
mkdir -p build/lint "$cache"
rm -f build/lint/failed
LINT_HASH_FORMAT=$({ cat .clang-format; clang-format --version; } | hash)
LINT_HASH_TIDY=$({ cat .clang-tidy tests/.clang-tidy; clang-tidy --version; } | hash)
LINT_HASH_CPPCHECK=$({ cat tests/lint/cppcheck.txt; cppcheck --version; } | hash)
export LINT_HASH_FORMAT LINT_HASH_TIDY LINT_HASH_CPPCHECK
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 nice "$0" --one
[ ! -e build/lint/failed ] || { echo "lint: findings in $(sort -u build/lint/failed | wc -l) files"; exit 1; }
