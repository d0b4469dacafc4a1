/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_merge.h - runs the merge of one stream: merge.h between Kafka, etcd and the log of cuts.
 *
 * Happy path: the transactional producer is initialised, which fences an older merge (R10); only
 * then the global topic's tail is read, the newest line of the log of cuts, etcd, and the ids of
 * the window; START. From then on each batch, view, acknowledgement and commit is one step.
 *
 * Failures: as merge.h says; STOP ends the run with its code. With a code of class FATAL the task
 * stays, stopped and visible, until it is told to stop or the chain goes on in another era or
 * layout. While no claim is confirmed (etcd does not answer) it neither reports nor proposes, and
 * goes on emitting what is committed.
 *
 * Promise: `finished` comes once, on the loop, when nothing of the run is on its way any more.
 * Pure:    no: shell.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_MERGE_H
#define BRAID_NODE_IO_MERGE_H

#include "coord/tasks.h"
#include "node/io_host.h"
#include "node/metrics.h"

#define IO_MERGE_VIEW_MIN_MS 15   /* between two reads of etcd that watches ask for */
#define IO_MERGE_VIEW_MAX_MS 500  /* etcd is read at least so often */
#define IO_MERGE_RETRY_MS    500  /* a cut that is nowhere yet, a read that failed */
#define IO_MERGE_FINISH_MS   3000 /* asked to stop: a transaction under way may end */
#define IO_MERGE_ARENA_MAX   ((size_t)1 << 30)

struct io_merge;

struct io_merge_status {
    const char *name; /* of the task */
    const char *output;
    const char *stage; /* what it is doing, for people */
    bool is_running;
    bool is_failed; /* stays stopped until an operator acts */
    int code;
    const char *why;
    struct merge_status merge; /* of a running one */
    uint64_t emitted;          /* records written by this run */
    uint64_t foreign_at_tail;  /* records of the global topic, at its end as this run found it */
    uint64_t statuses[STATUS_COUNT];
    int64_t last_output_ms;            /* wall clock of the last commit with records; 0: none */
    const struct metrics_times *times; /* from the source record to its writing */
    struct slice members[DCS_MAX];
    uint32_t member_count;
};

int io_merge_open(struct io_host *h, struct slice name, const struct task *task,
                  int64_t claim_revision, void (*finished)(void *data, struct io_merge *m, int rc),
                  void *data, struct io_merge **out);

/* It goes on under another claim; 0: under none that is confirmed. */
void io_merge_claim(struct io_merge *m, int64_t claim_revision);

/* Asks it to finish; `finished` follows. */
void io_merge_stop(struct io_merge *m);

/* The stream's cuts or spec have changed. */
void io_merge_stream_changed(struct io_merge *m, const struct io_stream *s);

/* Frees it: after `finished`, or at once when the process ends. */
void io_merge_free(struct io_merge *m);

void io_merge_status(const struct io_merge *m, struct io_merge_status *out);

#endif
