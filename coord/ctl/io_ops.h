/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_ops.h - what commands that change one key share.
 *
 * Promise: planned, asked for, locked and logged as io_store.h has it; the key is changed only if it
 *          has not been since the snapshot.
 * Shell:   etcd, through the session.
 */
#ifndef BRAID_COORD_CTL_IO_OPS_H
#define BRAID_COORD_CTL_IO_OPS_H

#include "coord/ctl/io_session.h"
#include "coord/ctl/snapshot.h"

/* A put or a delete of one key. True: it is done; else *out_code is the exit code. */
bool ops_change_key(struct session *s, const struct snapshot *snap, struct view *plan,
                    const struct etcd_op *op, const char *what, int *out_code);

/* Prints the plan's view as what was done. */
void ops_done(struct session *s, struct view *plan, const char *what);

struct ops_pause {
    enum keyspace_kind kind; /* KEYSPACE_PAUSE or KEYSPACE_DRAIN */
    struct slice name;
    int64_t for_ms; /* 0: until it is lifted */
    const char *what;
};

/* Puts a pause or a drain; as ops_change_key. */
bool ops_put_pause(struct session *s, const struct snapshot *snap, struct view *plan,
                   const struct ops_pause *pause, int *out_code);

/* Takes one away, and says so. An exit code. */
int ops_drop_pause(struct session *s, const struct snapshot *snap, enum keyspace_kind kind,
                   struct slice name);

#endif
