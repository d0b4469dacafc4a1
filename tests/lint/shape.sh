#!/bin/bash
# shape.sh [ROOT] - checks the shape of the code, not what it does (docs/STYLE.md):
# who includes whom, which files may touch the outside world, how long things may be, and what must
# not be written at all. Prints one line for each finding, `file:line: rule: text`, and fails if
# there is one; lines that start with "warning" do not count.
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 2

# Paths without ./ in front; folders that do not exist are left out.
files() { find "$@" -type f -name '*.[ch]' 2>/dev/null | sort; }
code=$(files proto coord node deploy/local/relay)
tests_and_bench=$(files tests bench)
# The shell: io_*.[ch] and main.c. Everything else in the layers is pure.
is_shell='(^|/)(io_[^/]*|main\.c)$'
pure=$(echo "$code" | grep -vE "$is_shell")

# flag RULE REGEX FILES...: a finding for each line that matches, comments left out.
flag() {
    local rule=$1 regex=$2
    shift 2
    [ $# -gt 0 ] || return 0
    # Through the environment: awk -v would take the backslashes out.
    RULE=$rule REGEX=$regex awk '
        BEGIN { rule = ENVIRON["RULE"]; regex = ENVIRON["REGEX"] }
        FNR == 1 { comment = 0 }
        {
            text = $0
            # One line at a time: strings, then comments, become blanks.
            gsub(/\\./, "", text)
            if (text !~ /^#include/) gsub(/"[^"]*"/, "\"\"", text)
            if (comment) { if (match(text, /\*\//)) { text = substr(text, RSTART + 2); comment = 0 } else text = "" }
            gsub(/\/\*[^*]*(\*[^*\/][^*]*)*\*\//, "", text)
            if (match(text, /\/\*/)) { text = substr(text, 1, RSTART - 1); comment = 1 }
            sub(/\/\/.*/, "", text)
            if (text ~ regex) print FILENAME ":" FNR ": " rule ": " $0
        }' "$@"
}

layers() {
    local rule folder may file
    # Folder, then what its files may include: regular expressions of paths.
    while read -r folder may; do
        for file in $(find "$folder" -maxdepth 1 -name '*.[ch]' 2>/dev/null | sort); do
            flag "layer: $folder may include only $may" '^#include "' "$file" |
                grep -vE "#include \"($may)[a-z0-9_-]+(\.pb-c)?\.h\""
        done
    done <<'RULES'
proto proto/
coord proto/|coord/
coord/ctl proto/|coord/|coord/ctl/
node proto/|coord/|node/
node/outbox proto/|coord/|node/|node/outbox/
deploy/local/relay proto/|deploy/local/relay/
RULES
    # A pure file that includes a shell's header is not pure for long.
    # shellcheck disable=SC2086
    flag "purity: a pure file includes the shell" '^#include "[^"]*/io_[^/"]*"' $pure
    # Own header first.
    for file in $(echo "$code" | grep '\.c$'); do
        [ ! -f "${file%.c}.h" ] || [ "$(grep -m1 '^#include' "$file")" = "#include \"${file%.c}.h\"" ] ||
            echo "$file:1: layer: the first include is not its own header"
    done
}

purity() {
    local call='(^|[^A-Za-z0-9_.>])' without_arena
    # shellcheck disable=SC2086
    set -- $pure
    [ $# -gt 0 ] || return 0
    flag "purity: only io_*.c and main.c may include this" \
        '^#include <(uv|curl/|librdkafka/|microhttpd|libsmartcols/|systemd/|sqlite3|time\.h|sys/|unistd|pthread|poll|signal|fcntl|netinet/|arpa/|netdb|dlfcn|threads|stdatomic|syslog)' "$@"
    flag "purity: no clock, chance, process or file here" \
        "$call"'(time|clock|clock_gettime|gettimeofday|localtime|gmtime|nanosleep|usleep|sleep|rand|random|srand|getrandom|getenv|system|exit|_exit|abort|signal|open|close|read|write|socket|fopen)\(' "$@"
    flag "purity: no output here" "$call"'(printf|fprintf|vprintf|vfprintf|puts|putchar|fputs|fwrite|perror)\(|(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)' "$@"
    without_arena=$(printf '%s\n' "$@" | grep -v '^proto/arena\.c$')
    # shellcheck disable=SC2086
    flag "purity: the heap is the shell's and proto/arena.c's" \
        "$call"'(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|aligned_alloc)\(' $without_arena
}

state() {
    # shellcheck disable=SC2086
    set -- $code
    [ $# -gt 0 ] || return 0
    flag "global: state lives in structs reached from main" '^[ \t]*static [^()]*(;|=)' "$@" |
        grep -vE ': +static (inline )?const |\* ?const |static_assert'
    flag "typedef: a struct keeps its name" '^typedef (struct|union|enum)' "$@"
}

sizes() {
    # Functions open and close with a brace in the first column: .clang-format sees to it.
    # shellcheck disable=SC2086
    awk '
        FNR == 1 { open = 0 }
        /^[{]/ { open = FNR }
        /^[}]/ && open {
            if (FNR - open - 1 > 70)
                print FILENAME ":" open ": size: function of " FNR - open - 1 " lines, limit 70"
            open = 0
        }
        FILENAME ~ /\.c$/ && FNR == 801 { print FILENAME ":801: size: file longer than 800 lines" }
        FILENAME ~ /^(tests|bench)/ { next }
        FILENAME ~ /\.h$/ && FNR == 151 { print FILENAME ":151: size: header longer than 150 lines" }
        ' $code $tests_and_bench /dev/null
    # shellcheck disable=SC2086
    awk 'FNR == 501 && FILENAME ~ /\.c$/ { print "warning: " FILENAME " is longer than 500 lines" }' \
        $code $tests_and_bench /dev/null
}

words() {
    # shellcheck disable=SC2086
    set -- $code $tests_and_bench
    [ $# -gt 0 ] || return 0
    grep -nE '(^|[^A-Za-z0-9_])(FIXME|XXX|HACK)([^A-Za-z0-9_]|$)' "$@" /dev/null |
        sed -E 's/^([^:]*:[0-9]+):/\1: word: finish it or file an issue:/'
    flag "banned: a bounded or checked function does this" \
        '(^|[^A-Za-z0-9_.>])(strcpy|strcat|sprintf|vsprintf|strncpy|strncat|strtok|gets|atoi|atol|atoll|atof|sscanf|alloca|tmpnam|mktemp)\(' "$@"
    # shellcheck disable=SC2086
    flag "assert: one fact in each assert" '(^|[^A-Za-z0-9_])assert\([^|]*&&[^|]*\);' $code
    flag "goto: forwards only, to one place: out" '(^|[^A-Za-z0-9_])goto [^o]' "$@"
}

openings() {
    local file name
    # shellcheck disable=SC2086
    for file in $code $tests_and_bench; do
        head -1 "$file" | grep -q '^/\* SPDX-License-Identifier: Apache-2.0 \*/$' ||
            echo "$file:1: opening: the first line is not the SPDX line"
    done
    # shellcheck disable=SC2086
    for file in $(echo "$code" | grep '\.h$'); do
        name=${file##*/}
        sed -n 2,3p "$file" | grep -q "^ \* $name - " ||
            echo "$file:2: opening: a header opens with its contract, '$name - what it is for'"
        grep -q "^#ifndef BRAID_$(echo "${file%.h}" | tr 'a-z/-' 'A-Z__')_H\$" "$file" ||
            echo "$file:1: opening: the guard is not named after the path"
    done
}

top() {
    local name
    [ -e .git ] || return 0
    for name in $(git ls-files | cut -d/ -f1 | sort -u); do
        case $name in
        node | coord | proto | tests | deploy | docs | bench | Makefile | README.md | LICENSE) ;;
        .ci | .clang-format | .clang-tidy | .editorconfig | .gitignore) ;;
        *) echo "$name:1: top: not one of the names that may stand at the top" ;;
        esac
    done
}

report=$(layers; purity; state; sizes; words; openings; top)
[ -z "$report" ] || echo "$report"
findings=$(echo "$report" | grep -vc -e '^warning' -e '^$')
[ "$findings" = 0 ] || { echo "shape: $findings findings"; exit 1; }
