/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_node.h - a node's life in etcd: it is seen, it sees, and it gets its tasks.
 *
 * Promise: as long as etcd answers, nodes/<dc>/<node> is there under the node's lease, and of the
 *          DC's tasks those that fall to it run here. While etcd does not answer nothing
 *          changes: tasks go on. Callbacks come on the loop's thread, never from within a
 *          function of this file.
 * Pure:    no.
 * Not here: deciding (claims.h, assign.h, tasks.h); running a task, reading its cuts and reports (the
 *          caller, with the same struct etcd).
 * Thread:  the loop's.
 */
#ifndef BRAID_COORD_IO_NODE_H
#define BRAID_COORD_IO_NODE_H

#include "coord/io_etcd.h"
#include "coord/tasks.h"

enum {
    NODE_LEASE_TTL_S = 2,   /* a dead node's tasks move after so long */
    NODE_REREAD_MS = 10000, /* specs and layouts are read again so often, changed or not */
    NODE_STREAMS_MAX = 64,
};

/* A stream as etcd has it. Valid until the next on_view. */
struct node_stream {
    struct slice output;
    uint64_t version;  /* of the newest spec */
    struct slice spec; /* its bytes: a Spec */
    struct slice cut;  /* bytes of the newest cut; absent: there is none, so no task */
    uint32_t cut_era;
    uint64_t cut_number;
    int64_t cut_revision; /* create_revision of its key */
};

/* What this node sees. Valid until the next on_view. Keys are whole: keyspace_parse. */
struct node_view {
    const struct node_stream *streams; /* in the order of their keys; deleted ones are not there */
    size_t stream_count;
    const struct etcd_kv *nodes; /* of all DCs: NodeInfo */
    size_t node_count;
    const struct etcd_kv *dcs; /* DcState; a DC without a key is pooled */
    size_t dc_count;
    const struct etcd_kv *pauses; /* Pause */
    size_t pause_count;
    const struct etcd_kv *drains; /* Pause */
    size_t drain_count;
};

struct node_config {
    const char *cluster; /* copied, as all below */
    const char *dc;
    const char *node;
    uint32_t weight;
    struct slice info;   /* value of nodes/<dc>/<node>: a NodeInfo */
    int64_t lease_ttl_s; /* 0: NODE_LEASE_TTL_S */

    /* Start a task; it is told what it is by its name. Later node_task_finished, exactly once. */
    void (*task_start)(void *arg, struct slice name, const struct task *t, int64_t claim_revision);
    /* Ask it to finish, in good order; then node_task_finished. */
    void (*task_stop)(void *arg, struct slice name);
    /* It goes on under another claim (0: under none that is confirmed). A merge writes reports
     * only under the claim's create_revision. */
    void (*task_claim)(void *arg, struct slice name, int64_t claim_revision);
    /* Something of the view changed. */
    void (*on_view)(void *arg, const struct node_view *view);
    /* Another process took this node's name: end. */
    void (*on_fatal)(void *arg, int rc, const char *why);
    void *arg;
};

struct node;

int node_open(struct etcd *e, const struct node_config *config, struct node **out);

/* A task ended: rc 0 if it was asked to, else why; it starts again later if it is still ours. */
void node_task_finished(struct node *n, struct slice name, int rc);

/* Stops all tasks, releases all claims, then takes the node out of etcd and calls `done`; nothing
 * is called after it, and node_close is next. At most `timeout_ms` and two seconds: what is not
 * released then goes with the lease. */
void node_leave(struct node *n, uint32_t timeout_ms, void (*done)(void *arg), void *arg);

/* At once, without releasing anything; n must not be used any more, and the loop must still run for
 * it. Before etcd_close. NULL is accepted; after on_fatal it is done already. */
void node_close(struct node *n);

/* Changes what nodes/<dc>/<node> says. */
int node_set_info(struct node *n, struct slice info);

struct node_status {
    int64_t lease;      /* 0: none */
    bool is_registered; /* as far as we know */
    bool is_live;       /* all watches are open and heard of */
    size_t tasks_running;
    size_t tasks_unclaimed; /* running without a confirmed claim */
    size_t tasks_waiting;
};
struct node_status node_status(const struct node *n);

/* The latest view; empty before the first. */
const struct node_view *node_view(const struct node *n);

#endif
