/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.h - one run of a replicate or enrich task: one partition of one input topic to the same
 * partition of one output topic, by R1-R5.
 *
 * Happy path: START -> the line reads its own output log from its saved place to the tail
 * (READ_OUT ... OUT_END), so that it knows what is there; then it reads its input (READ_IN) and
 * for each record that the chain filter accepts and the output lacks, asks for a WORK (enrich) or
 * a PRODUCE at once (copy). Outcomes come in any order (DONE), records leave in input order.
 * It keeps reading its own output: what is acknowledged must be read back. Now and then COMMIT
 * saves both places, which are what the next run starts from.
 *
 * Failures: a delivery that failed for good, acks that are not read back: STOP with a code of
 * class ABORT; the shell destroys the producer and starts a new run. A log that starts after its
 * place: STOP with ERR_DATA_LOSS (FATAL). A hole in the input is never stepped over: it is counted,
 * and waited for.
 *
 * A log that is not the one of its place - it ends before it, or the record before it is of another
 * leader epoch - lost records to an unclean election. Copies say the same whoever made them, and
 * when: what is lost of them is read from the start of the log and copied again. What enrich wrote
 * cannot be made again byte for byte, and others may have it: STOP with ERR_DATA_LOSS.
 *
 * An enriching line waits, and says why (line_waits), when too many of its requests fail and another DC's
 * strand moves (failing.h), or when what no cut covers has become too old (uncut.h).
 *
 * Promise: same state and same event, same actions. Never more than `in_flight_max` records are
 *          between acceptance and being read back.
 * Pure:    yes. Time comes in with the event.
 * Not here: what an enriched record looks like (shell and proto/), who runs which line (coord/).
 */
#ifndef BRAID_NODE_LINE_H
#define BRAID_NODE_LINE_H

#include "node/line_state.h"

/* Takes over the config (its slices stay borrowed). */
void line_init(struct line *l, const struct line_config *config);

/* The one way in. Fills `out` (reset first); the shell carries the actions out in order. */
void line_step(struct line *l, const struct line_event *ev, struct line_actions *out);

#endif
