/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - the chain filter: which records of a strand count (R3).
 *
 * A strand's records name their origin offset and the offset before it, so they form a chain.
 * Whatever restarts, zombies and double owners append, the first record in log order that links
 * to what was accepted last is the one, for every reader.
 *
 * Promise: two readers that start from the same place in the same log accept the same records.
 * Pure:    yes.
 * Not here: what a place is and when it may be saved (docs/design.md#places).
 */
#ifndef BRAID_NODE_FILTER_H
#define BRAID_NODE_FILTER_H

#include <stdint.h>

enum filter_verdict {
    FILTER_ACCEPT,
    FILTER_DUPLICATE, /* offset <= last: drop it */
    FILTER_HOLE,      /* prev > last: a record is missing before it; not accepted, counted */
};

/* Judges (prev, offset) by *last and moves *last to offset if it is accepted. */
enum filter_verdict filter_step(int64_t *last, int64_t prev, int64_t offset);

#endif
