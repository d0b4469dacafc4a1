/* SPDX-License-Identifier: Apache-2.0 */
/* question_text.c - the text of a question, piece by piece. */
#include <assert.h>
#include <stdio.h>

#include "proto/question_part.h"

bool question_text_open(struct question_text *t, struct arena *keep, size_t size)
{
    *t = (struct question_text){.size = size};
    t->bytes = size > QUESTION_TEXT_MAX ? NULL : arena_alloc(keep, size);
    return t->bytes != NULL;
}

void question_add(struct question_text *t, struct slice bytes)
{
    assert(bytes.len <= t->size - t->len);
    if (bytes.len > 0)
        memcpy(t->bytes + t->len, bytes.ptr, bytes.len);
    t->len += bytes.len;
}

/* Bytes that a value of a query may have as they are (RFC 3986, unreserved). */
static bool is_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void question_add_escaped(struct question_text *t, struct slice value)
{
    static const char HEX[] = "0123456789ABCDEF";

    for (size_t i = 0; i < value.len; i++) {
        const uint8_t c = value.ptr[i];
        const char escaped[] = {'%', HEX[c >> 4], HEX[c & 15]};
        question_add(t, is_unreserved(c) ? slice_of(&value.ptr[i], 1)
                                         : slice_of(escaped, sizeof escaped));
    }
}

struct slice question_numbered(struct arena *keep, const struct question_numbered *n)
{
    char line[512];
    char last[24] = "";

    if (n->b >= 0)
        (void)snprintf(last, sizeof last, "%lld", (long long)n->b);
    const int len =
        snprintf(line, sizeof line, "%s%lld%s%s", n->head, (long long)n->a, n->middle, last);
    assert(len > 0);
    assert((size_t)len < sizeof line);
    return arena_copy(keep, slice_of(line, (size_t)len));
}

struct slice question_nothing(void)
{
    return SLICE_LIT("");
}
