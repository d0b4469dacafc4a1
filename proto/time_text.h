/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_text.h - a time as events have it.
 *
 * Promise: ISO 8601 with milliseconds, UTC; years 0 to 9999, others are clamped.
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_TIME_TEXT_H
#define BRAID_PROTO_TIME_TEXT_H

#include <stdint.h>

#include "proto/slice.h"

enum {
    TIME_TEXT_LEN = 24 /* "2026-01-02T03:04:05.678Z" */
};

/* Milliseconds since 1970. No NUL. */
void time_text(int64_t ms, char out[TIME_TEXT_LEN]);

/* The reverse, of "2026-01-02T03:04:05" with or without a fraction, and "Z" or "+01:00" behind it;
 * more digits than three of a fraction are left off. ERR_MALFORMED. */
int time_parse(struct slice text, int64_t *out_ms);

#endif
