/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_store.h - Braid's state in etcd, read as a snapshot and changed by operators.
 *
 * Promise: a snapshot is of one revision. A change is one transaction, made under the operators'
 *          lock, that compares what it was decided on and leaves a line in the operators' log. The
 *          log keeps the last STORE_OPS_KEPT lines.
 * Shell:   etcd, through the session.
 * Not here: the lock (io_lock.h).
 */
#ifndef BRAID_COORD_CTL_IO_STORE_H
#define BRAID_COORD_CTL_IO_STORE_H

#include "coord/ctl/io_session.h"
#include "coord/ctl/snapshot.h"

enum {
    STORE_OPS_KEPT = 1000
};

/* 0 or an exit code, said. */
int store_load(struct session *s, struct snapshot *out);

/* The whole key of a kind; fields as keyspace.h wants them, the cluster filled in here. The absent
 * slice if a part cannot stand in a key. */
struct slice store_key(struct session *s, struct keyspace_key key);

/* Something that an operator wants done. */
struct store_change {
    const struct etcd_compare *compares; /* borrowed */
    size_t compare_count;
    const struct etcd_op *ops; /* borrowed */
    size_t op_count;
    const char *what; /* for the log: "pause test.v1 for 30m" */
    bool is_of_specs; /* nodes look at once */
};

/*
 * --plan prints the view and a revision; --if-revision is compared; else asks, or wants --yes and
 * -m; then takes the lock for `what`. True if the change shall be made now; *out_code is the exit code
 * if not. The revision is that of the newest line of the operators' log at the time of the
 * snapshot: it moves when an operator changes something, not with every cut.
 */
bool store_may_change(struct session *s, struct view *plan, const struct snapshot *snap,
                      const char *what, int *out_code);

/* Makes it. 0 or an exit code, said. What etcd did not answer is found out afterwards, if etcd can be
 * asked at all: only else EXIT_UNKNOWN. */
int store_change(struct session *s, const struct store_change *change);

/* Deletes the lines of the operators' log that are too old; a failure is a note. */
void store_trim_ops(struct session *s);

struct store_op {
    uint64_t number;
    struct slice who, what, why, task, result;
    int64_t at_ms;
};

/* The operators' log, newest first; at most `max`. 0 or an exit code, said. */
int store_ops(struct session *s, size_t max, struct store_op **out, size_t *out_count);

#endif
