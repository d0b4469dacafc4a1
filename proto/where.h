/* SPDX-License-Identifier: Apache-2.0 */
/*
 * where.h - conditions on any field of an event, by JSON pointer (RFC 6901).
 *
 * Promise: strings compare by their decoded text, numbers and words as they are written; "has x" is
 *          met by a string with x in it and by an array with x as an element, "above 5" and "below 5" by
 *          numbers, "is there" by any value but null. A field that is not there meets no condition but one of `is_not`.
 * Pure:    yes.
 * Not here: the fields that are in every filter (enrich_page.h).
 */
#ifndef BRAID_PROTO_WHERE_H
#define BRAID_PROTO_WHERE_H

#include "proto/json.h"

enum {
    WHERE_MAX = 32,         /* conditions of a spec */
    WHERE_POINTER_MAX = 200 /* bytes of a pointer */
};

enum where_test {
    WHERE_IS,
    WHERE_HAS,
    WHERE_ABOVE,
    WHERE_BELOW,
    WHERE_THERE,
};

struct where {
    struct slice pointer; /* "/performer/is_bot" */
    enum where_test test;
    struct slice value;
    double number; /* ABOVE, BELOW */
    bool is_not;   /* anything but that */
};

/* Reads a condition as specs have it: the pointer, and "false", "not false", "has x", ... 0 or ERR_MALFORMED:
 * this is no pointer. The slices borrow. */
int where_parse(struct slice pointer, struct slice value, struct where *out);

/* The value that a pointer leads to; NULL if there is none. */
yyjson_val *where_find(yyjson_val *root, struct slice pointer);

/* Whether a value, or NULL, is what the condition wants. */
bool where_meets(yyjson_val *val, const struct where *where);

/* The same of a text. */
bool where_meets_text(struct slice text, const struct where *where);

/* Whether an event meets all conditions. What is no JSON object meets none. Scratch is reset. */
bool where_passes(struct arena *scratch, struct slice event, const struct where *list,
                  size_t count);

#endif
