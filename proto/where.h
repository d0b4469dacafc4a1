/* SPDX-License-Identifier: Apache-2.0 */
/*
 * where.h - conditions on any field of an event, by JSON pointer (RFC 6901).
 *
 * Promise: strings compare by their decoded text, numbers and words as they are written. A field that
 *          is not there meets no condition but one of `is_not`.
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

struct where {
    struct slice pointer; /* "/performer/is_bot" */
    struct slice value;
    bool is_not; /* anything but the value */
};

/* Reads a condition as specs have it: the pointer, and "false" or "not false". 0 or ERR_MALFORMED:
 * this is no pointer. The slices borrow. */
int where_parse(struct slice pointer, struct slice value, struct where *out);

/* The value that a pointer leads to; NULL if there is none. */
yyjson_val *where_find(yyjson_val *root, struct slice pointer);

/* Whether an event meets all conditions. What is no JSON object meets none. Scratch is reset. */
bool where_passes(struct arena *scratch, struct slice event, const struct where *list,
                  size_t count);

#endif
