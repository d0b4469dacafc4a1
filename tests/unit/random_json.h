/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random_json.h - random JSON documents from a seed, for property tests.
 *
 * Promise: what comes out is always valid JSON; spacing, escapes, surrogate pairs, nesting and
 *          numbers of all shapes occur. Same seed, same document.
 */
#ifndef BRAID_TESTS_UNIT_RANDOM_JSON_H
#define BRAID_TESTS_UNIT_RANDOM_JSON_H

#include "proto/slice.h"

enum {
    RANDOM_JSON_MAX = 8192
};

struct random_json {
    uint64_t seed;
    uint8_t text[RANDOM_JSON_MAX];
    size_t len;
};

/* 0 .. n-1 */
uint32_t random_json_below(struct random_json *r, uint32_t n);

/* Appends to the text. */
void random_json_put(struct random_json *r, const char *text);
void random_json_space(struct random_json *r);
void random_json_string(struct random_json *r);
void random_json_value(struct random_json *r, unsigned depth);

/* An object with unique keys "k0", "k1", ... in random spellings (some escaped). */
void random_json_object(struct random_json *r, unsigned depth);

static inline struct slice random_json_slice(const struct random_json *r)
{
    return slice_of(r->text, r->len);
}

#endif
