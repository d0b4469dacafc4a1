/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slice.h - borrowed bytes.
 *
 * Promise: a slice is a pointer and a length, passed by value; it never owns what it points at
 *          and is not NUL-terminated. Print one with "%.*s" and SLICE_ARG.
 * Pure:    yes.
 * Not here: memory that owns bytes (arena.h).
 */
#ifndef BRAID_PROTO_SLICE_H
#define BRAID_PROTO_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *ptr; /* borrowed; NULL means absent, which differs from empty */
    size_t len;
};

/* For "%.*s": SLICE_ARG(s). */
#define SLICE_ARG(s) (int)(s).len, (const char *)((s).ptr != NULL ? (s).ptr : (const uint8_t *)"")

/* A slice over a string literal. */
#define SLICE_LIT(literal)                                                                         \
    ((struct slice){.ptr = (const uint8_t *)(literal), .len = sizeof(literal) - 1})

/* A slice over a NUL-terminated string, without the NUL; NULL gives the absent slice. */
static inline struct slice slice_str(const char *text)
{
    return (struct slice){.ptr = (const uint8_t *)text, .len = text == NULL ? 0 : strlen(text)};
}

static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){.ptr = ptr, .len = len};
}

/* Equal bytes; an absent slice equals an empty one. */
static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Order by bytes, a prefix before what it is a prefix of: <0, 0 or >0 as memcmp. */
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* The bytes from `from` to before `to`. Both must lie within s, from <= to. */
static inline struct slice slice_sub(struct slice s, size_t from, size_t to)
{
    return (struct slice){.ptr = s.ptr + from, .len = to - from};
}

#endif
