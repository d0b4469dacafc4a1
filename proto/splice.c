/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/splice.h"

#include <assert.h>

#include "proto/err.h"

void splice_init(struct splice *s, struct slice source)
{
    s->source = source;
    s->count = 0;
}

int splice_put(struct splice *s, const struct splice_edit *edit)
{
    size_t place = s->count;

    assert(edit->cut.from <= edit->cut.to);
    assert(edit->cut.to <= s->source.len);
    if (s->count == SPLICE_EDITS_MAX)
        return ERR_BUSY;
    while (place > 0 && s->edits[place - 1].cut.from > edit->cut.from)
        place--;
    if (place > 0 && s->edits[place - 1].cut.to > edit->cut.from)
        return ERR_CONFLICT;
    if (place < s->count && edit->cut.to > s->edits[place].cut.from)
        return ERR_CONFLICT;
    memmove(&s->edits[place + 1], &s->edits[place], (s->count - place) * sizeof s->edits[0]);
    s->edits[place] = *edit;
    s->count++;
    return 0;
}

int splice_cut(struct splice *s, struct span whole)
{
    const struct splice_edit edit = {.cut = whole, .is_member = true};

    return splice_put(s, &edit);
}

static size_t space_before(struct slice b, size_t at)
{
    while (at > 0 && memchr(" \t\r\n", b.ptr[at - 1], 4) != NULL)
        at--;
    return at;
}

static bool brace_follows(struct slice b, size_t at)
{
    while (at < b.len && memchr(" \t\r\n", b.ptr[at], 4) != NULL)
        at++;
    return at < b.len && b.ptr[at] == '}';
}

void splice_seal(struct splice *s)
{
    for (size_t last = 0; last < s->count; last++) {
        if (!s->edits[last].is_member || !brace_follows(s->source, s->edits[last].cut.to))
            continue;
        size_t first = last;
        while (first > 0 && s->edits[first - 1].is_member &&
               s->edits[first - 1].cut.to == s->edits[first].cut.from)
            first--;
        const size_t before = space_before(s->source, s->edits[first].cut.from);
        if (before > 0 && s->source.ptr[before - 1] == ',')
            s->edits[first].cut.from = before - 1;
        assert(first == 0 || s->edits[first - 1].cut.to <= s->edits[first].cut.from);
    }
}

size_t splice_size(const struct splice *s)
{
    size_t size = s->source.len;

    for (size_t i = 0; i < s->count; i++) {
        const struct splice_edit *edit = &s->edits[i];
        size -= edit->cut.to - edit->cut.from;
        for (size_t k = 0; k < SPLICE_PARTS_MAX; k++)
            size += edit->parts[k].len;
    }
    return size;
}

static uint8_t *append(uint8_t *out, struct slice bytes)
{
    if (bytes.len > 0)
        memcpy(out, bytes.ptr, bytes.len);
    return out + bytes.len;
}

void splice_write(const struct splice *s, uint8_t *out)
{
    const uint8_t *const start = out;
    size_t done = 0;

    for (size_t i = 0; i < s->count; i++) {
        const struct splice_edit *edit = &s->edits[i];
        out = append(out, slice_sub(s->source, done, edit->cut.from));
        for (size_t k = 0; k < SPLICE_PARTS_MAX; k++)
            out = append(out, edit->parts[k]);
        done = edit->cut.to;
    }
    out = append(out, slice_sub(s->source, done, s->source.len));
    assert((size_t)(out - start) == splice_size(s));
}
