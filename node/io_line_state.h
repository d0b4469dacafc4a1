/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_line_state.h - what a line knows of its source's past: the last revision of each page, kept in
 *                   the compacted topic <dc>.braid.state.<output>.
 *
 * Happy path: line_state_open reads the topic to its end; the line starts behind the newest record
 * that stands there; each source record is noted before the line sees it, in its order; what is
 * noted goes to the topic once its enriched record is in the output, so that the topic is never
 * ahead of it.
 *
 * Failures: without the topic, or with something missing in it, the line reads its source from the stream's
 * start, and all is noted again; if that start is gone, the line stops (ERR_DATA_LOSS). A record
 * that a former owner writes late is older than what is known: it is written over.
 *
 * Promise: what is told of a record hangs on the source's order alone.
 * Pure:    no: shell.
 * Not here: what is noted (last_revs.h).
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_LINE_STATE_H
#define BRAID_NODE_IO_LINE_STATE_H

#include "node/io_line.h"
#include "node/line_event.h"

struct line_state;

/* Begins to read the topic. ERR_NO_MEMORY. */
int line_state_open(struct io_line *l, struct line_state **out);
/* Accepts NULL. */
void line_state_close(struct line_state *s);

/* The topic has been read. */
bool line_state_is_read(const struct line_state *s);

/* Where the source is to be read from; not valid: from its start. */
struct line_place line_state_place(const struct line_state *s);

/* Notes source records, in order, before the line has them. False: ended, and said. */
bool line_state_take(struct line_state *s, const struct record *records, uint32_t count);

/* The last revision of the page of one of these records before it; LAST_REVS_UNKNOWN. */
int64_t line_state_before(const struct line_state *s, uint32_t index);

/* How many more it can note before some are in the output. */
uint32_t line_state_room(const struct line_state *s);

/* Source records before this place are in the output: what was noted of them is written. */
void line_state_settled(struct line_state *s, const struct line_place *in, int64_t now_ms);

#endif
