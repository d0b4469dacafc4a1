/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_node_part.h - what the files of a node share: io_node.c (life, lease, watches),
 *                  io_node_claims.c (claims and tasks), io_node_scan.c (streams). For nobody else.
 *
 * Everything is only noted when it arrives; the timer's next turn acts on it (node_turn), so that
 * callbacks never come from within a function that the owner called.
 *
 * Thread:  the loop's.
 */
#ifndef BRAID_COORD_IO_NODE_PART_H
#define BRAID_COORD_IO_NODE_PART_H

#include "coord/claims.h"
#include "coord/io_etcd_lease.h"
#include "coord/io_node.h"
#include "coord/io_table.h"
#include "coord/tasks.h"

enum {
    NODE_TICK_MS = 1000,
    NODE_RETRY_MS = 500,
    NODE_REVOKE_MS = 2000,
    NODE_PAUSES_MAX = 64, /* partitions of one stream paused at once; more: not paused */
    NODE_SCAN_BYTES_MAX = 256 * 1024 * 1024,
};

/* What is watched, each into a table of its own. */
enum node_watch {
    NODE_WATCH_NODES,
    NODE_WATCH_CLAIMS, /* of our DC */
    NODE_WATCH_DCS,
    NODE_WATCH_PAUSES,
    NODE_WATCH_DRAINS,
    NODE_WATCH_CHANGED,
    NODE_WATCH_COUNT,
};

struct node_watched {
    struct node *node; /* borrowed: the owner */
    struct etcd_watch *watch;
    struct io_table table;
    bool has_changed; /* not acted on yet */
};

/* A claim or release under way. */
struct node_op {
    struct node_op *next;
    struct node_op *previous;
    struct node *node;
    uint64_t call;
    bool is_claim;
    int64_t lease; /* bound to */
    size_t name_len;
    uint8_t name[];
};

/* A task that ended, or a claim or release that could not even be sent: not told to the claims yet. */
struct node_ended {
    struct node_ended *next;
    bool is_op;
    bool is_claim;
    int rc;
    size_t name_len;
    uint8_t name[];
};

/* Streams as they are read, one after the other; then they become the view. */
struct node_scan {
    bool is_running;
    bool is_wanted; /* begin (again) */
    uint64_t due_ms;
    uint64_t call;
    struct arena arena;
    struct node_stream streams[NODE_STREAMS_MAX];
    size_t count;
    struct slice output; /* being read */
};

struct node {
    struct etcd *e; /* borrowed */
    uv_timer_t timer;
    struct arena arena; /* of what is said once: names, prefixes */
    struct node_config config;
    struct slice cluster;
    struct slice dc;
    struct slice name;
    struct slice key; /* nodes/<dc>/<node> */
    uint8_t *info;    /* owned */
    size_t info_len;

    struct etcd_lease *lease;
    bool is_put_wanted; /* of our key */
    uint64_t put_call;  /* under way, 0: none */
    uint64_t put_due_ms;
    int64_t put_lease;        /* of the put under way */
    int64_t registered_lease; /* our key was put under it; 0: not */
    int64_t registered_revision;

    struct node_watched watched[NODE_WATCH_COUNT];

    struct node_scan scan;
    bool has_streams;           /* a scan has ended */
    bool has_new_streams;       /* not acted on yet */
    uint64_t pauses_due_ms;     /* a pause of tasks may be over: tell the tasks again */
    bool is_view_new;           /* not shown yet */
    bool is_view_shown;         /* once */
    struct arena streams_arena; /* of the bytes of `streams` */
    struct node_stream streams[NODE_STREAMS_MAX];
    struct node_view view;

    struct arena claims_arena;
    struct claims *claims;
    struct claims_actions actions;
    int64_t lease_told; /* to the claims */
    int64_t wake_ms;    /* the claims want a tick; -1: no */
    struct node_op *ops;
    struct node_ended *ended; /* oldest first */

    bool is_leaving;
    bool is_released; /* the lease is being revoked */
    uint64_t revoke_call;
    uint64_t leave_by_ms; /* give up then */
    void (*left)(void *arg);
    void *left_arg;
    bool is_closed;
};

/* Acts at the loop's next turn. */
void node_wake(struct node *n);
void node_wake_at(struct node *n, uint64_t at_ms);

/* io_node_claims.c */
void node_claims_event(struct node *n, struct claims_event *ev);
/* Tells the claims what has changed: nodes, tasks, claims, the lease. */
void node_claims_turn(struct node *n);
void node_ops_drop(struct node *n);
void node_ended_add(struct node *n, struct node_ended *ended);

/* io_node_scan.c */
void node_scan_turn(struct node *n, uint64_t now_ms);
/* Names of the DC's tasks, in the arena. */
int node_tasks(const struct node *n, struct arena *a, struct slice **out_names, size_t *out_count);
/* Is there a pause of a partition or of a DC's links, over or not? Such a pause ends by itself, without a change in
 * etcd, so the list of tasks must be made anew from time to time. */
bool node_has_paused_tasks(const struct node *n);

#endif
