/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rdf.h"

#include <stdlib.h>

#include "proto/err.h"

/* The next line that is not empty and no comment, without blanks around it; absent at the end. */
static struct slice next_line(struct slice *rest)
{
    while (rest->len > 0) {
        const uint8_t *end = memchr(rest->ptr, '\n', rest->len);
        size_t to = end == NULL ? rest->len : (size_t)(end - rest->ptr);
        const size_t next = end == NULL ? to : to + 1;
        size_t from = 0;

        while (to > 0 && (rest->ptr[to - 1] == ' ' || rest->ptr[to - 1] == '\r'))
            to--;
        while (from < to && rest->ptr[from] == ' ')
            from++;
        const struct slice line = slice_sub(*rest, from, to);
        *rest = slice_sub(*rest, next, rest->len);
        if (line.len > 0 && line.ptr[0] != '#')
            return line;
    }
    return (struct slice){0};
}

static bool is_triple(struct slice line)
{
    const bool begins =
        slice_starts_with(line, SLICE_LIT("<")) || slice_starts_with(line, SLICE_LIT("_:"));

    return begins && line.ptr[line.len - 1] == '.';
}

static int by_bytes(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

int rdf_read(struct slice text, struct arena *a, struct rdf *out)
{
    struct slice rest = text;
    size_t count = 0;
    size_t kept = 0;

    while (next_line(&rest).len > 0)
        count++;
    if (count > RDF_LINES_MAX)
        return ERR_TOO_LARGE;
    struct slice *lines = arena_calloc(a, count + 1, sizeof *lines);
    if (lines == NULL)
        return ERR_NO_MEMORY;
    rest = text;
    for (size_t i = 0; i < count; i++) {
        lines[i] = next_line(&rest);
        if (!is_triple(lines[i]))
            return ERR_MALFORMED;
    }
    qsort(lines, count, sizeof *lines, by_bytes);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !slice_equal(lines[kept - 1], lines[i]))
            lines[kept++] = lines[i];
    }
    *out = (struct rdf){lines, kept};
    return 0;
}

void rdf_put_difference(const struct rdf *of, const struct rdf *without, struct json_out *out)
{
    size_t k = 0;

    json_out_open(out, '[');
    for (size_t i = 0; i < of->count; i++) {
        while (k < without->count && slice_compare(without->lines[k], of->lines[i]) < 0)
            k++;
        if (k == without->count || !slice_equal(without->lines[k], of->lines[i]))
            json_out_text(out, of->lines[i]);
    }
    json_out_close(out, ']');
}
