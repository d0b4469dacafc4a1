/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - JSON from outside, read so that each value's place in the original bytes is known.
 *
 * Promise: size, depth, BOM and NUL are judged in one pass before the parser sees anything, so that
 *          hostile nesting costs nothing. The parser (yyjson, in situ on a padded copy, numbers as
 *          raw text) validates the rest: escapes, surrogates, UTF-8. Spans are offsets in the
 *          original, which stays untouched; a token taken by its span is known to be valid.
 * Pure:    yes; memory comes from the caller's arena, and lives until its reset.
 * Not here: what the members mean (event.h, mwapi.h); building output (splice.h).
 */
#ifndef BRAID_PROTO_JSON_H
#define BRAID_PROTO_JSON_H

#include <yyjson.h>

#include "proto/arena.h"
#include "proto/slice.h"

/* Bytes [from, to) of the original; to == 0 means absent. */
struct span {
    size_t from;
    size_t to;
};

static inline bool span_is_absent(struct span s)
{
    return s.to == 0;
}

/* More members than this in an object that is looked into are a flaw; others may have any number.
 * (Looking for a key twice is quadratic.) */
enum {
    JSON_MEMBERS_MAX = 256
};

struct json_limits {
    size_t bytes_max;
    unsigned depth_max; /* containers inside each other; the root counts as one */
    bool trailer_is_ok; /* bytes behind the object are reported, not refused */
};

struct json {
    struct slice bytes; /* borrowed; the original */
    yyjson_val *root;   /* lives in the arena */
    const char *copy;   /* lives in the arena; strings are decoded in place here */
    bool has_trailer;   /* something other than white space follows the value */
};

/* Why bytes were refused. */
struct json_flaw {
    const char *text; /* static */
    size_t at;        /* offset in the original */
};

/* White space between tokens (RFC 8259, section 2). */
static inline bool json_is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Offset of the first byte at or behind `at` that is none; b.len if all are. */
static inline size_t json_skip_space(struct slice b, size_t at)
{
    while (at < b.len && json_is_space(b.ptr[at]))
        at++;
    return at;
}

/*
 * Reads one JSON object. 0; ERR_MALFORMED; ERR_TOO_LARGE (more than bytes_max bytes);
 * ERR_UNSUPPORTED (deeper than depth_max); ERR_NO_MEMORY (the arena's limit: four bytes of
 * arena for each byte of input do for ordinary text, 24 for the densest). The flaw is set on failure only.
 */
int json_parse(struct arena *a, struct slice bytes, const struct json_limits *limits,
               struct json *out, struct json_flaw *flaw);

/* ERR_MALFORMED if obj has a key twice or more than JSON_MEMBERS_MAX members, else 0. */
int json_check_keys(yyjson_val *obj);

/* The key of this name in obj, or NULL; obj may be anything. */
yyjson_val *json_key(yyjson_val *obj, struct slice name);

/* The value that belongs to a key; NULL for NULL. */
yyjson_val *json_value(yyjson_val *key);

/* The decoded text of a string, lives in the arena; absent for NULL or another type. */
struct slice json_text(yyjson_val *val);

/* The integer in a raw number: no fraction, no exponent, within int64. ERR_MALFORMED otherwise. */
int json_integer(yyjson_val *val, int64_t *out);

/* Place in the original of the key itself, quotes included. */
struct span json_key_span(const struct json *j, yyjson_val *key);

/* Place in the original of the value that belongs to this key, quotes or brackets included. */
struct span json_value_span(const struct json *j, yyjson_val *key);

/* Place of the whole member up to the next one's key, or to its own end if it is the last: what
 * splice_cut takes. */
struct span json_member_span(const struct json *j, yyjson_val *key);

/* The bytes of a JSON string token (with its quotes) that starts at bytes[at]; for property tests
 * and value spans. The token must be valid. */
struct span json_token_span(struct slice bytes, size_t at);

#endif
