/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_line.h - runs a replicate or enrich task: line.h between Kafka, the API and the committed
 * offsets.
 *
 * Happy path: the saved places and the bounds of both logs -> START; from then on each record, end,
 * acknowledgement and fetched page is one step of the line, and what it says is done at once.
 *
 * Failures: the line's STOP, a log that cannot be read, a record that cannot be delivered end the
 * run: `finished` with the code, once nothing of it is under way in this process. With a code
 * of class FATAL the task stays, stopped and visible, until it is told to stop or its strands
 * change.
 *
 * Promise: `finished` comes once, not from within a function of this file.
 * Pure:    no: shell.
 * Not here: deciding (line.h), what an enriched record says (proto/enrich_page.h).
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_LINE_H
#define BRAID_NODE_IO_LINE_H

#include "coord/tasks.h"
#include "node/io_host.h"

#define IO_LINE_TICK_MS   250
#define IO_LINE_DRAIN_MS  8000  /* asked to stop: what is under way is finished within this */
#define IO_LINE_BOUNDS_MS 15000 /* a restarted broker may show an older end for so long */
#define IO_LINE_OPEN_MS   30000 /* places and bounds must be known by then */

struct io_line;

struct io_line_status {
    const char *name; /* of the task */
    enum line_phase phase;
    bool is_failed; /* stays stopped until an operator acts */
    int code;
    const char *why;
    const char *waits; /* line_waits */
    uint64_t consumed;
    uint64_t produced;
    uint64_t statuses[STATUS_COUNT]; /* produced, by status */
    uint64_t reasons[REASON_COUNT];  /* of those failed */
    const struct task *task;         /* borrowed */
    const char *topic_in;            /* "" until it is known */
    const char *topic_out;
    uint64_t holes;
    uint64_t foreign;
    uint64_t duplicates;
    uint32_t under_way;
    int64_t lag_records; /* input records behind; -1: not known */
    int64_t lag_ms;      /* age of the last record taken, while there are more; 0 if none are */
    bool is_caught_up;
    /* Of the input, where the task is the one that says so (a DC's own source, partition 0). */
    uint32_t partitions;      /* that the topic has; 0: not known, or another task says it */
    uint32_t partitions_read; /* that the stream has strands of */
};

/* Starts a run. 0 or an error (nothing was started). */
int io_line_open(struct io_host *h, struct slice name, const struct task *task,
                 void (*finished)(void *data, struct io_line *l, int rc), void *data,
                 struct io_line **out);

/* Asks it to finish; `finished` follows. */
void io_line_stop(struct io_line *l);

/* The stream's cuts or spec have changed. */
void io_line_stream_changed(struct io_line *l, const struct io_stream *s);

/* Frees it: after `finished`, or at once when the process ends. */
void io_line_free(struct io_line *l);

void io_line_status(const struct io_line *l, struct io_line_status *out);

#endif
