/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_out.h - JSON, written piece by piece into an arena.
 *
 * Promise: what comes out is valid JSON if the calls nest as JSON does; commas are set here. Once
 *          the limit or the arena is exhausted nothing more is written, and `rc` says so at the end:
 *          callers need not check each call.
 * Pure:    yes.
 * Not here: changing a few places of JSON that is there already (splice.h).
 */
#ifndef BRAID_PROTO_JSON_OUT_H
#define BRAID_PROTO_JSON_OUT_H

#include "proto/arena.h"
#include "proto/slice.h"

enum {
    JSON_OUT_DEPTH_MAX = 32
};

struct json_out {
    struct arena *arena; /* borrowed */
    uint8_t *bytes;      /* in the arena */
    size_t len;
    size_t size;
    size_t bytes_max;
    int rc;           /* 0, ERR_NO_MEMORY or ERR_TOO_LARGE: the first one stays */
    unsigned depth;   /* open objects and arrays */
    uint32_t is_full; /* bit d: something stands already at depth d */
    bool has_key;     /* a key waits for its value */
};

/* Nothing is taken from the arena yet. */
void json_out_init(struct json_out *out, struct arena *arena, size_t bytes_max);

/* Objects and arrays; `open` is '{' or '[', `close` '}' or ']'. */
void json_out_open(struct json_out *out, char open);
void json_out_close(struct json_out *out, char close);

/* The key of the next value; escaped like a text. */
void json_out_key(struct json_out *out, const char *name);

/* A string value from decoded UTF-8; control characters, quotes and backslashes are escaped. */
void json_out_text(struct json_out *out, struct slice text);

void json_out_integer(struct json_out *out, int64_t number);
void json_out_bool(struct json_out *out, bool value);

/* A value that is JSON already. */
void json_out_token(struct json_out *out, struct slice token);

/* What was written; absent if rc is not 0. Everything must be closed. */
struct slice json_out_bytes(const struct json_out *out);

#endif
