#!/bin/bash
# analyse.sh FILE... - clang-format, clang-tidy and cppcheck over C files and headers, side by side.
#
# What passed once is not looked at again: the hash of the file, of the project's headers it
# includes, of the configuration and of the tools names an empty file in the user's cache.
# Flags for clang-tidy and cppcheck come in LINT_FLAGS. Fails if any file does.
set -u
cd "$(dirname "$0")/../.." || exit 2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/braid/lint
tools_hash=${LINT_TOOLS_HASH:-$({ cat tests/lint/analyse.sh .clang-format .clang-tidy tests/.clang-tidy tests/lint/*.txt
    echo "${LINT_FLAGS:-}"; clang-tidy --version; clang-format --version; cppcheck --version; } 2>/dev/null |
    sha256sum | cut -c1-32)}

# Everything that the verdict on one file depends on, within the tree.
inputs() {
    # shellcheck disable=SC2086
    cc -MM ${LINT_FLAGS:-} "$1" 2>/dev/null | sed 's/[\]$//' | tr -s ' ' '\n' | grep -v ':$' | grep . | sort -u
}

analyse_one() {
    local file=$1 key log=build/lint/${1//\//_}.log rc=0

    key=$cache/$({ echo "$tools_hash $file"; inputs "$file" | xargs -r cat; cat "$file"; } |
        sha256sum | cut -c1-40)
    [ ! -e "$key" ] || return 0
    clang-format --dry-run -Werror "$file" >"$log" 2>&1 || rc=1
    case $file in
    *.c)
        # shellcheck disable=SC2086
        clang-tidy --quiet "$file" -- ${LINT_FLAGS:-} >"$log.tidy" 2>/dev/null || rc=1
        cat "$log.tidy" >>"$log"
        # shellcheck disable=SC2086
        cppcheck --quiet --std=c11 --enable=warning,style,performance,portability --inline-suppr \
            --suppressions-list=tests/lint/cppcheck.txt --error-exitcode=1 \
            -D_GNU_SOURCE -I. "$file" >>"$log" 2>&1 || rc=1
        ;;
    esac
    if [ "$rc" = 0 ]; then
        touch "$key"
    else
        echo "$file" >>build/lint/failed
        cat "$log"
    fi
    rm -f "$log" "$log.tidy"
}

if [ "${1:-}" = --one ]; then
    analyse_one "$2"
    exit 0
fi
mkdir -p build/lint "$cache"
rm -f build/lint/failed
export LINT_TOOLS_HASH=$tools_hash
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 "$0" --one
[ ! -e build/lint/failed ] || { echo "lint: findings in $(sort -u build/lint/failed | wc -l) files"; exit 1; }
