#!/bin/bash
# scripts.sh [ROOT] - shellcheck over every shell script of the tree, found by its first line. Fails if
# one has findings. What passed once is remembered by its hash, as in analyse.sh.
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/braid/lint
mkdir -p "$cache"
version=$(shellcheck --version | sed -n 's/^version: //p')

check_one() {
    local key
    key=$cache/$({ echo "shellcheck -S warning $version $1"; cat "$1"; } | sha256sum | cut -c1-40)
    [ ! -e "$key" ] || return 0
    if shellcheck -x -S warning -f gcc "$1"; then touch "$key"; else return 1; fi
}

failed=0
while read -r file; do
    check_one "$file" || failed=$((failed + 1))
done < <(find . -path ./build -prune -o -path ./.git -prune -o -path ./.state -prune -o \
    -type f -size -200k -print0 | xargs -0 grep -lE -m1 '^#! ?/(usr/)?bin/(env )?(ba)?sh' | sort)
[ "$failed" = 0 ] || { echo "scripts: findings in $failed files"; exit 1; }
