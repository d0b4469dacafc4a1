/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - taking DCs and nodes out and back: when that is refused, and when it is over.
 *
 * Promise: a refusal names the stream and the reason. A DC that is waited for is out when it is no
 *          member any more and all that it held at that time is emitted by every member left.
 * Pure:    yes; texts lie in the arena.
 * Not here: asking etcd again and again (io_cmd_pool.c).
 */
#ifndef BRAID_COORD_CTL_POOL_H
#define BRAID_COORD_CTL_POOL_H

#include "coord/ctl/snapshot.h"

/* Why the DC must stay a member, or NULL: no other member that is pooled and heard of would be left,
 * or fewer than the stream's min_members. */
const char *pool_refusal(const struct snapshot *s, struct slice dc, struct arena *a);

/* What it means to take the DC out, as a sentence; NULL: two members or more are left everywhere. */
const char *pool_consequence(const struct snapshot *s, struct slice dc, struct arena *a);

/* Why the node ("<dc>/<name>") cannot be drained, or NULL: it is not there, or its DC would have no
 * other node to take its tasks. */
const char *pool_drain_refusal(const struct snapshot *s, struct slice node, struct arena *a);

/* Tasks that the node has. */
size_t pool_tasks_of(const struct snapshot *s, struct slice node);

/* How far one strand was held. */
struct pool_part {
    struct slice output;
    struct origin_partition from;
    int64_t held;
};

/* What is waited for. */
struct pool_wait {
    struct slice dc;
    struct pool_part *parts; /* owned by the arena */
    size_t part_count;
    /* By the snapshot's streams: a cut that covers all parts of the stream, once there is one. */
    bool is_covered[SNAPSHOT_STREAMS_MAX];
    uint64_t covered_by[SNAPSHOT_STREAMS_MAX];
};

/* Notes what the DC's reports say that it holds now. ERR_NO_MEMORY. */
int pool_wait_begin(const struct snapshot *s, struct slice dc, struct arena *a,
                    struct pool_wait *out);

/* What it still waits for, as a sentence; NULL: nothing. The snapshot is a later one. */
const char *pool_wait_step(struct pool_wait *w, const struct snapshot *s, struct arena *a);

/* Why the DC is not a member of all its streams yet, as a sentence; NULL: it is. */
const char *pool_join_step(const struct snapshot *s, struct slice dc, struct arena *a);

#endif
