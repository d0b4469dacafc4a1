/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_merge_restored.h - a merge that found etcd older than what it knows: the chain is paused, and it
 * stays down until an operator has lifted that.
 *
 * Promise: a run that ended with ERR_RESTORED may begin anew once the pause was there and is gone.
 * Pure:    no: shell.
 */
#ifndef BRAID_NODE_IO_MERGE_RESTORED_H
#define BRAID_NODE_IO_MERGE_RESTORED_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/arena.h"

struct io_merge;

struct merge_restored {
    const char *pause; /* the name of the chain's pause: "chain/<output>"; in the merge's names */
    uint64_t call;     /* 0: none */
    int64_t asked_ms;  /* monotonic */
    bool is_paused;    /* the pause was there */
};

/* The key of the chain's pause, in the arena. */
int merge_chain_pause_key(const struct io_merge *m, struct arena *a, struct slice *out);

/* After ERR_RESTORED: pauses the chain, then looks whether it still is. */
void merge_restored_tick(struct io_merge *m);
void merge_restored_close(struct io_merge *m);

#endif
