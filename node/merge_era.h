/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge_era.h - how a merge goes over to other strands than those of its run: at a crossing (merge_cross.c) or
 * into a new era (merge_era.c). Both log a cut, note it as emitted, and end the run.
 *
 * Pure: yes. For merge.c, merge_start.c and these two only.
 */
#ifndef BRAID_NODE_MERGE_ERA_H
#define BRAID_NODE_MERGE_ERA_H

#include "node/merge_state.h"

/* Keeps the strands of a cut whose strands are others than the run's; false: stopped. */
bool merge_crossing_take(struct merge *m, const struct cut *cut, struct merge_actions *out);
/* Notes it as emitted: the next run starts with its strands. */
void merge_crossing_note(struct merge *m, int64_t window_offset, struct merge_actions *out);

/* START: true if what the log of cuts has is of an era that is over, and something is done about it. */
bool merge_era_start(struct merge *m, const struct merge_event *ev, struct merge_actions *out);
void merge_entering(struct merge *m, const struct merge_event *ev, struct merge_actions *out);

#endif
