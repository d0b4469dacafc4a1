/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_part.h - one origin partition in an audit: which of its offsets are in the stream, and why
 *                others are not.
 *
 * Promise: a bit for each copy and one for the source for each offset of the range, taken from the
 *          arena when first needed.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_CTL_AUDIT_PART_H
#define BRAID_COORD_CTL_AUDIT_PART_H

#include "proto/arena.h"
#include "proto/slice.h"

enum {
    AUDIT_DCS_MAX = 8
};

/* Why a source record is not in the stream. */
enum audit_why {
    AUDIT_WHY_OPEN,
    AUDIT_WHY_CANARY,
    AUDIT_WHY_FILTERED,
    AUDIT_WHY_FILTERED_ONCE, /* by one of the specs; which of them decided is no longer known */
    AUDIT_WHY_FAILED,
    AUDIT_WHY_GAP,
    AUDIT_WHY_DUPLICATE,
    AUDIT_WHY_COUNT
};

/* What is known of a source record that is not in the stream. */
struct audit_absent {
    enum audit_why why;
    uint64_t filtered_by; /* bit i: by version spec_version - i of the spec, but not by all */
    struct slice id;
};

/* An origin partition and what of it the stream must account for: lo < offset <= hi. */
struct audit_part {
    struct slice dc;
    struct slice topic;
    uint32_t incarnation;
    uint32_t partition;
    int64_t lo;
    int64_t hi;
    bool lo_is_known; /* else the first record seen sets it */
    /* In the arena, a bit for each offset after lo; NULL until needed: */
    uint8_t *emitted[AUDIT_DCS_MAX]; /* in this copy */
    uint8_t *visible;                /* in the source */
    int64_t first[AUDIT_DCS_MAX];    /* first and last offset in each copy, once it has one */
    int64_t last[AUDIT_DCS_MAX];
    bool is_begun[AUDIT_DCS_MAX];
    int64_t log_start;      /* of the source */
    int64_t decided_from;   /* the enriched logs say what became of offsets from here on ... */
    bool has_decided;       /* ... if they have any of this partition */
    uint64_t emitted_count; /* in the range */
    uint64_t visible_count;
    int64_t again_offset; /* of the last record when one copy is read again */
    int64_t again_seq;
    uint64_t expired_count; /* of the range, no longer in the source */
    uint64_t missing_count; /* in the source, and not accounted for, in all copies or in one */
    uint64_t order_count;   /* records of any copy that are not in its order */
    uint64_t twice_count;   /* records whose id was there before, within the window */
};

/* Is the offset in the range? Not before lo is known. */
bool audit_part_has(const struct audit_part *p, int64_t offset);

/* Takes the bits for so many copies. False if the arena has no room for them. */
bool audit_part_prepare(struct audit_part *p, size_t copies, struct arena *a);

/* Sets or reads the bit of an offset in the range. */
void audit_part_set(const struct audit_part *p, uint8_t *bits, int64_t offset);
bool audit_part_get(const struct audit_part *p, const uint8_t *bits, int64_t offset);

/* Is the offset in any copy? */
bool audit_part_emitted(const struct audit_part *p, int64_t offset);

#endif
