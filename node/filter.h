/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - the chain filter: which records of a strand count (R3).
 *
 * A strand's records name their origin offset and the offset before it, so they form a chain.
 * Whatever restarts, zombies and double owners append, the first record in log order that links
 * to what was accepted last is the one, for every reader.
 *
 * An enriched record that stands for a range (skipped, gap) must begin exactly where the last one ended.
 * A zombie's range may reach over records that others have written since: where a copier then loses some
 * of these, the range would hide the hole, and the copy would be another strand than the original.
 *
 * Promise: two readers that start from the same place in the same log accept the same records.
 * Pure:    yes.
 * Not here: what a place is and when it may be saved (docs/design.md#places).
 */
#ifndef BRAID_NODE_FILTER_H
#define BRAID_NODE_FILTER_H

#include "proto/headers.h"

#include <stdbool.h>
#include <stdint.h>

enum filter_verdict {
    FILTER_ACCEPT,
    FILTER_DUPLICATE, /* offset <= last, or a range of which a part is there: drop it */
    FILTER_HOLE,      /* prev > last: a record is missing before it; not accepted, counted */
};

/* An enriched record that stands for all of prev+1..offset. */
bool filter_is_range(const struct braid_headers *h);

/* Judges a record by *last and moves *last to its offset if it is accepted. */
enum filter_verdict filter_step(int64_t *last, const struct origin *o, bool is_range);

#endif
