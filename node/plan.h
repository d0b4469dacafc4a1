/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what one cut emits, and in which order (R8, R9).
 *
 * For each origin partition the cut decides the offsets above the furthest position of the cut
 * before, up to its own furthest. Each offset is taken from one of the strands that the cut
 * covers: withheld before filtered, canary, ok, failed; then the origin DC's; then by DC name.
 * The partitions are merged by (running maximum of source time, origin partition, offset).
 *
 * Promise: a function of the strands' entries, two cuts' positions, the window and next_seq.
 * Pure:    yes; memory from the arena at init.
 */
#ifndef BRAID_NODE_PLAN_H
#define BRAID_NODE_PLAN_H

#include "node/merge.h"
#include "node/strand.h"
#include "node/window.h"

struct plan_item {
    const struct entry *entry;
    int64_t time_ms; /* running maximum within its partition and this cut */
    uint32_t strand;
    uint32_t part;
};

struct plan {
    struct plan_item *decided; /* by partition, then offset */
    uint32_t decided_count;
    uint32_t *first; /* by partition: index of its first item; part_max + 1 of them */
    uint32_t *cursor;
    uint32_t *heap;
    uint32_t heap_count;
    uint32_t part_max;
    struct merge_item *items; /* what gets a number, in order */
    struct slice *ids;        /* of items, in order; borrowed from the entries */
    uint32_t count;
    uint64_t duplicates; /* dropped by R9, over all cuts */
};

/* 0 or ERR_NO_MEMORY. */
int plan_init(struct plan *p, uint32_t part_max, struct arena *a);

/*
 * Plans the cut whose positions are `positions` (by strand); numbers go on from w->next and the
 * ids go into the window. 0; ERR_DIVERGED if an offset has no usable record; ERR_TOO_LARGE for
 * more than MERGE_ITEMS_MAX.
 */
int plan_cut(struct plan *p, const struct strands *s, const struct strand_position *positions,
             const struct merge_params *params, struct window *w);

#endif
