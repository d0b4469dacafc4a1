/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_tasks.h - the tasks that run on this node: started and stopped as io_node says.
 *
 * Promise: each task that was started is told finished exactly once, when nothing of it is under
 *          way; one that stays failed (an operator must act) is not told, and goes on being shown.
 * Pure:    no: shell.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_TASKS_H
#define BRAID_NODE_IO_TASKS_H

#include "node/io_line.h"
#include "node/io_merge.h"

struct io_task {
    struct io_tasks *tasks;
    struct io_task *next;
    struct io_line *line; /* one of the two */
    struct io_merge *merge;
    char name[TASK_NAME_MAX + 1];
};

struct io_tasks {
    struct io_host *host;
    struct io_task *first;
    uint64_t runs_started;
    uint64_t runs_failed;
    uint64_t statuses[STATUS_COUNT]; /* of runs that are over */
};

void io_tasks_init(struct io_tasks *t, struct io_host *host);

/* As io_node's callbacks. */
void io_tasks_start(struct io_tasks *t, struct slice name, const struct task *what,
                    int64_t claim_revision);
void io_tasks_stop(struct io_tasks *t, struct slice name);
void io_tasks_claim(struct io_tasks *t, struct slice name, int64_t claim_revision);

/* As io_streams' callback. */
void io_tasks_stream_changed(struct io_tasks *t, const struct io_stream *s);

#endif
