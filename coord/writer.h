/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer.h - JSON, written piece by piece into a buffer of fixed size.
 *
 * Promise: never writes past the buffer. What does not fit is remembered, not reported at once:
 *          write everything, then ask writer_slice. Commas are put where they are wanted.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_WRITER_H
#define BRAID_COORD_WRITER_H

#include "proto/slice.h"

struct writer {
    uint8_t *bytes; /* borrowed from the caller */
    size_t len;
    size_t len_max;
    bool is_full;     /* something did not fit */
    bool wants_comma; /* before the next member or element */
};

static inline struct writer writer_of(uint8_t *bytes, size_t len_max)
{
    return (struct writer){.bytes = bytes, .len_max = len_max};
}

/* Bytes as they are. */
void writer_raw(struct writer *t, const char *raw);

/* A string with its quotes. Bytes that are not UTF-8 are copied as they are. */
void writer_string(struct writer *t, struct slice value);

/* { or [, and } or ]. */
void writer_open(struct writer *t, char bracket);
void writer_close(struct writer *t, char bracket);

/* A key, without its value: for writer_open. */
void writer_key(struct writer *t, const char *key);

/* Members of an object. An absent string is left out. */
void writer_member(struct writer *t, const char *key, struct slice value);
void writer_member_int(struct writer *t, const char *key, int64_t value);
void writer_member_bool(struct writer *t, const char *key, bool value);

/* All that was written; absent if it did not fit. */
struct slice writer_slice(const struct writer *t);

#endif
