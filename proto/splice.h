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
    struct slice parts[SPLICE_PARTS_MAX]; /* what comes in its place; borrowed until the write */
    bool is_member;                       /* a member of a JSON object is cut, see splice_cut */
};

struct splice {
    struct slice source;                        /* borrowed */
    struct splice_edit edits[SPLICE_EDITS_MAX]; /* ascending, not overlapping */
    size_t count;
};

void splice_init(struct splice *s, struct slice source);

/* Puts parts in the place of source[cut). ERR_BUSY if there are SPLICE_EDITS_MAX edits already,
 * ERR_CONFLICT if it overlaps another. Edits at the same place keep the order of adding. */
int splice_put(struct splice *s, const struct splice_edit *edit);

/* Takes a member out of its JSON object; `whole` is from json_member_span. Errors as above. */
int splice_cut(struct splice *s, struct span whole);

/* After the last edit, before size and write: where the last members of an object were cut, takes
 * the comma before them too, so that the object stays valid. (Do not insert into that object.) */
void splice_seal(struct splice *s);

/* Bytes that splice_write will write. */
size_t splice_size(const struct splice *s);

/* Writes the result; `out` has room for splice_size bytes and does not overlap source or parts. */
void splice_write(const struct splice *s, uint8_t *out);

#endif
