/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.h - one node's part in dividing the tasks of its DC: what to claim, start, stop, release.
 *
 * Happy path: a task that assign_owner gives to us and nobody holds is claimed (create, if absent,
 * bound to our lease); once the claim is ours the task starts with the claim's create_revision. When another
 * node should own it, the task is told to stop, and only when it has finished is the claim
 * released; then the other claims it.
 *
 * Failures: an unknown outcome is settled by the next list of claims. If the lease is lost, tasks
 * go on (R12: static stability) and are claimed again under the new lease: a new create_revision; if
 * another node was faster, ours stops. Without news from etcd nothing changes at all. A task that ends by itself
 * starts again after a pause that grows; one that ended with ERR_FENCED only under a new claim. So does every run of
 * a merge: what an earlier one sent to etcd may arrive late, and counts as long as its claim is there (A4).
 *
 * Promise: START of a task comes only after a confirmed claim, and never twice without FINISHED
 *          between; RELEASE only when the task is not running. Same state and event, same actions.
 * Pure:    yes. The caller carries actions out in their order.
 * Not here: etcd and nodes' liveness (io_node.h), which tasks there are (tasks.h).
 */
#ifndef BRAID_COORD_CLAIMS_H
#define BRAID_COORD_CLAIMS_H

#include "coord/assign.h"
#include "proto/arena.h"
#include "proto/slice.h"

enum {
    CLAIMS_ACTIONS_MAX = 128,  /* in one step */
    CLAIMS_IN_FLIGHT_MAX = 64, /* claims and releases under way */
    CLAIMS_RETRY_MS = 500,     /* after a claim or release that failed */
    CLAIMS_RESTART_MS = 500,   /* after a task ended by itself; doubles up to ... */
    CLAIMS_RESTART_MAX_MS = 30000,
    CLAIMS_ARENA_BYTES = 8 * 1024 * 1024,
    CLAIMS_SETTLED_MS = 60000, /* a run of this length makes the pause small again */
};

/* A key under claims/<dc>/. */
struct claim {
    struct slice task;
    struct slice node; /* who */
    int64_t lease;
    int64_t create_revision;
};

enum claims_event_type {
    CLAIMS_NODES,    /* the live nodes of the DC; we count as one even if we are not in it */
    CLAIMS_WANTED,   /* names of all tasks of the DC, sorted */
    CLAIMS_LIST,     /* all claims of the DC, as of `revision` */
    CLAIMS_LEASE,    /* our lease is now `lease`; 0: etcd said that it is gone */
    CLAIMS_CLAIMED,  /* a CLAIM under `lease` ended: rc; if 0, is_ours or not, create_revision */
    CLAIMS_RELEASED, /* a RELEASE ended: rc */
    CLAIMS_FINISHED, /* a task is not running any more: rc, 0 if it was told to stop */
    CLAIMS_TICK,     /* time passed */
    CLAIMS_LEAVE,    /* stop all, release all, claim nothing more */
};

/* All borrowed for the step. */
struct claims_event {
    enum claims_event_type type;
    int64_t now_ms; /* of a monotonic clock; must not go back */
    const struct assign_node *nodes;
    size_t node_count;
    const struct slice *wanted;
    size_t wanted_count;
    const struct claim *claims; /* in any order */
    size_t claim_count;
    int64_t revision;
    int64_t lease;
    struct slice task;
    int rc;
    bool is_ours;
    int64_t create_revision;
};

enum claims_action_type {
    CLAIMS_CLAIM,   /* create the task's key on our lease if it is absent; then CLAIMED */
    CLAIMS_RELEASE, /* delete it if it has `create_revision`; then RELEASED */
    CLAIMS_START,   /* run it under `create_revision` */
    CLAIMS_RENAMED, /* it goes on running, under this new create_revision (0: none for now) */
    CLAIMS_STOP,    /* ask it to finish; then FINISHED, once */
    CLAIMS_REREAD,  /* read all claims again; then LIST */
};

struct claims_action {
    enum claims_action_type type;
    struct slice task; /* borrowed from the state until the next step */
    int64_t create_revision;
};

struct claims_actions {
    size_t count;
    struct claims_action items[CLAIMS_ACTIONS_MAX];
    bool is_full;    /* more to do: step again, with a TICK */
    int64_t wake_ms; /* when to send a TICK at the latest; -1: no need */
};

struct claims;

/* For the node of this name. Takes all its memory from the arena, which it must have for itself
 * (CLAIMS_ARENA_BYTES). NULL if there is no room. */
struct claims *claims_new(struct slice node, struct arena *a);

void claims_step(struct claims *c, const struct claims_event *ev, struct claims_actions *out);

/* After LEAVE: nothing runs and nothing is claimed. */
bool claims_is_idle(const struct claims *c);

/* The claim under which a task runs here, 0 if it does not or has none now. */
int64_t claims_revision(const struct claims *c, struct slice task);

struct claims_count {
    size_t running;
    size_t unclaimed; /* running without a confirmed claim */
    size_t waiting;   /* ours to run, but held by another, or pausing after a failure */
};
struct claims_count claims_count(const struct claims *c);

#endif
