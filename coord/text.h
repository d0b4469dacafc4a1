/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - text that grows in an arena.
 *
 * Promise: what is added is there, NUL-terminated, until the arena is reset; when the arena is
 *          full, text ends where it was and is_full says so. Adding never fails in another way.
 * Pure:    yes.
 * Thread:  one at a time.
 */
#ifndef BRAID_COORD_TEXT_H
#define BRAID_COORD_TEXT_H

#include "proto/arena.h"
#include "proto/slice.h"

struct text {
    struct arena *arena; /* borrowed; holds the bytes */
    char *ptr;           /* NUL-terminated once anything was added; else NULL */
    size_t len;          /* without the NUL */
    size_t capacity;
    bool is_full; /* something was left out */
};

/* An empty text. */
struct text text_in(struct arena *a);

/* Adds bytes as they are. */
void text_add(struct text *t, struct slice bytes);

/* Adds a NUL-terminated string. */
void text_adds(struct text *t, const char *string);

/* Adds as printf would. One call adds at most TEXT_LINE_MAX bytes and cuts the rest. */
enum {
    TEXT_LINE_MAX = 4096
};
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a character `count` times. */
void text_pad(struct text *t, char c, size_t count);

/* What is there, never NULL. Borrowed until the next addition. */
const char *text_string(const struct text *t);

/* The same as a slice. */
struct slice text_slice(const struct text *t);

/* A string made as printf would, in the arena; "" if there is no room. */
const char *text_format(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
