/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splice.h - new bytes from old ones and a few replacements, everything else copied verbatim.
 *
 * Promise: the exact size is known before a byte is written; bytes outside the edits are equal to
 *          the source's; parts are copied once, straight from where they lie.
 * Pure:    yes; no memory but the caller's.
 * Not here: where the edits go (enrich_page.h).
 */
#ifndef BRAID_PROTO_SPLICE_H
#define BRAID_PROTO_SPLICE_H

#include "proto/json.h"

enum {
    SPLICE_EDITS_MAX = 64,
    SPLICE_PARTS_MAX = 3, /* pieces of one replacement */
};

struct splice_edit {
    struct span cut; /* [from, to) of the source goes; from == to only inserts */
    struct slice parts[SPLICE_PARTS_MAX]; /* borrowed until splice_write; what comes in its place */
};

struct splice {
    struct slice source;                        /* borrowed */
    struct splice_edit edits[SPLICE_EDITS_MAX]; /* ascending by cut.from, not overlapping */
    size_t count;
};

void splice_init(struct splice *s, struct slice source);

/* Adds an edit in any order. ERR_BUSY if there are SPLICE_EDITS_MAX, ERR_CONFLICT if it overlaps
 * another. Edits at the same place keep the order in which they were added. */
int splice_add(struct splice *s, const struct splice_edit *edit);

/* Bytes that splice_write will write. */
size_t splice_size(const struct splice *s);

/* Writes the result; `out` has room for splice_size bytes and does not overlap source or parts. */
void splice_write(const struct splice *s, uint8_t *out);

#endif
