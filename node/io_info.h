/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_info.h - what a node says of itself in etcd: who and where it is, and which of its tasks stand still,
 * or wait for others.
 *
 * Promise: a task that stops is told within IO_INFO_MS, and so is one that goes on again.
 * Pure:    no: shell.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_INFO_H
#define BRAID_NODE_IO_INFO_H

#include "node/io_tasks.h"

#define IO_INFO_MS         1000
#define IO_INFO_ALARMS_MAX 16 /* of more, the first are told */
#define IO_INFO_BYTES_MAX  65536

struct io_info {
    const struct io_host *host;   /* borrowed */
    const struct io_tasks *tasks; /* borrowed */
    int64_t started_ms;
    struct arena arena; /* of what is told now */
    bool is_full;
    struct slice told;
    uv_timer_t timer;
    uint64_t told_hash; /* of what was told last */
};

/* Fills in `told`, for node_open. 0 or ERR_NO_MEMORY. */
int io_info_open(struct io_info *i);

/* From here on host->node is told of changes. */
void io_info_watch(struct io_info *i);

#endif
