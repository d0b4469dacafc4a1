/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.h - tasks, and their instances on nodes: a thin shell around each core, as io_line.c and
 * io_merge.c are in a node.
 *
 * A task is claimed by a node of its DC. An instance is one run of it; there may be several at once
 * (a paused owner that woke, a deliberate second owner): that is what the rules must survive.
 */
#ifndef BRAID_SIM_TASK_H
#define BRAID_SIM_TASK_H

#include "node/global.h"
#include "node/line.h"
#include "node/merge.h"
#include "node/peer_copy.h"

#include "tests/sim/etcd.h"
#include "tests/sim/kafka.h"
#include "tests/sim/timeline.h"

#define TASKS_MAX     128
#define INSTANCES_MAX 400
#define NOBODY        UINT32_MAX
#define MERGE_READERS (SIM_DCS * SIM_PARTITIONS)

enum task_kind {
    TASK_COPY_SOURCE,
    TASK_ENRICH,
    TASK_COPY_ENRICHED,
    TASK_MERGE,
};

#define OLD_PLACES 16

/* Where the places stood at some time: what retention may take. */
struct old_place {
    int64_t at_us;
    int64_t in;
    int64_t out;
};

struct task {
    enum task_kind kind;
    uint32_t dc;     /* where it runs and writes */
    uint32_t origin; /* sources: the origin; COPY_ENRICHED: the enriching DC */
    uint32_t topic;
    uint32_t partition;
    struct klog *input; /* lines */
    struct klog *output;
    struct line_config config;                 /* lines */
    uint32_t strand_origins[LINE_STRANDS_MAX]; /* origin partition by strand of the config */
    struct slice name;                         /* as coord/tasks.h builds it */
    struct etcd_claim claim;                   /* in etcd */
    int fatal;                                 /* code that only an operator can clear */
    const char *why;
    struct saved_place saved_in;
    struct saved_place saved_out;
    struct old_place old[OLD_PLACES]; /* by age */
    uint32_t old_count;
};

/* An idempotent producer of one run. Outlives its instance: what was sent may arrive later. */
struct session {
    struct klog *log;
    uint32_t serial;
    uint32_t instance;
    uint32_t generation;
    uint64_t sent;     /* batches */
    uint64_t appended; /* batches that the broker has, or that failed */
    uint32_t log_epoch;
    bool is_dead;    /* nothing more of it is appended */
    int64_t last_us; /* when the last batch arrives */
    int64_t told_us; /* when its last outcome is told */
};

enum batch_fate {
    FATE_APPENDED,
    FATE_FAILED,         /* not appended; so are those after it */
    FATE_FAILED_ARRIVED, /* appended, but the client is told it failed */
    FATE_FAILED_SKIPPED, /* not appended, yet those already on the way after it are */
    FATE_FAILED_LATE,    /* told as failed; appended much later */
};

struct batch {
    struct session *session;
    uint64_t number;
    uint32_t count;
    int32_t copy_dc;
    enum batch_fate fate;
    int64_t sent_us;
    const struct body **bodies;
    uint64_t *tickets;
    bool is_delivered; /* outcome, for HAPPENS_DELIVERED */
    int64_t first_offset;
};

struct work {
    const struct krec *source;
    int64_t asked_us;
    struct slice status; /* what the wiki has answered */
    struct slice value;
};

struct line_run {
    struct line line;
    struct reader in;
    struct reader out;
    struct session *session;
    struct work works[LINE_IN_FLIGHT_MAX];
    uint64_t head_told;
    bool is_idle; /* ticks come rarely */
};

/* A transaction on its way. */
struct txn {
    uint32_t instance;
    uint32_t generation;
    uint32_t writer;
    uint32_t dc;
    uint64_t cut;
    uint32_t count;
    uint32_t log_epoch;
    uint32_t written; /* records that the broker has */
    const struct body **bodies;
    int64_t time_ms;
    uint64_t chain;
    uint32_t step;
    uint32_t tries;
    int outcome; /* enum merge_event_kind, for HAPPENS_TXN_DONE */
};

/* A copy of a peer's global topic and lines (R11). */
struct peer_run {
    bool is_on;
    bool is_told; /* all lines are on their way: their deliveries end the run */
    uint32_t peer;
    int64_t at; /* in the peer's global topic */
    struct merge_copy goal;
    struct peer_copy state;
};

struct merge_run {
    struct merge *merge;
    struct arena arena;
    struct reader readers[MERGE_READERS];
    bool bounds_told[MERGE_READERS];
    uint32_t writer_epoch; /* of the global topic when its producer was made */
    uint32_t writer;       /* serial of its transactional producer; 0: none */
    int64_t claim_revision;
    uint32_t life; /* of etcd when it began */
    bool is_started;
    uint64_t kept;   /* handles that the merge holds */
    int64_t view_us; /* when the newest view came */
    int64_t view_revision;
    uint64_t spec_told;
    struct merge_view views[2];
    uint32_t view_turn;
    struct merge_recovery recovery; /* read before the first view */
    int64_t row_offset;             /* of the first line of the row that recovery follows */
    int64_t line_offset;            /* of its last, the recovery line, in the log of cuts */
    bool is_asking;                 /* a read of etcd is under way */
    struct session *session;        /* to the log of cuts */
    uint32_t lines_out;             /* lines whose outcome is not known yet */
    struct peer_run copy;
};

struct instance {
    uint32_t generation;
    bool is_live;
    uint32_t task;
    uint32_t dc;
    uint32_t node;
    bool is_rogue;           /* its node's claims know nothing of it */
    struct line_run *line;   /* owned, reused from seed to seed */
    struct merge_run *merge; /* owned, reused */
};

/* Builds the list of tasks. */
void tasks_begin(struct world *w);

/* Starts a run of the task on the node, under the claim of this revision; returns its instance. */
uint32_t instance_start(struct world *w, uint32_t task, uint32_t node, int64_t claim_revision);
/* It is gone, with all that it had in memory. */
void instance_end(struct world *w, uint32_t instance);
/* The core asked for it: class ABORT starts again, FATAL waits for an operator. */
void instance_stop(struct world *w, uint32_t instance, int code, const char *why);

void line_begin(struct world *w, uint32_t instance);
void line_happens(struct world *w, uint32_t instance, const struct happening *h);
void merge_begin(struct world *w, uint32_t instance);
void merge_end(struct world *w, uint32_t instance);
void merge_happens(struct world *w, uint32_t instance, const struct happening *h);

/* Requests of lines to their output's Kafka. */
void send_batch(struct world *w, struct batch *b);
void send_arrive(struct world *w, struct batch *b);
void send_late(struct world *w, struct batch *b);
/* A step of a transaction arrives. */
void txn_arrive(struct world *w, struct txn *t);

#endif
