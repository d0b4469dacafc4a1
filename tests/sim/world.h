/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h - all there is in one seed: sites, logs, etcd, nodes, tasks, chance and time.
 *
 * Promise: nothing but the seed decides what happens. One world is reused for many seeds.
 */
#ifndef BRAID_SIM_WORLD_H
#define BRAID_SIM_WORLD_H

#include "coord/claims.h"

#include "tests/sim/chance.h"
#include "tests/sim/net.h"
#include "tests/sim/params.h"
#include "tests/sim/pool.h"
#include "tests/sim/task.h"

#define EPOCH_MS    1700000000000 /* virtual time 0 */
#define ORIGINS_MAX (SIM_DCS * SIM_TOPICS * SIM_PARTITIONS)
#define SIM_STRANDS (SIM_DCS * ORIGINS_MAX)
#define LEASE_US    10000000
#define MS          1000LL
#define SECOND      1000000LL

enum happening_kind {
    HAPPENS_PUMP,      /* a reader looks for records */
    HAPPENS_DELIVERED, /* a batch's outcome reaches its line */
    HAPPENS_WORKED,    /* a fetch is done */
    HAPPENS_TICK,
    HAPPENS_ANSWER, /* of etcd */
    HAPPENS_TXN_DONE,
    HAPPENS_READY,        /* a merge's producer is initialised and the tail is read */
    HAPPENS_FOR_INSTANCE, /* those above belong to an instance, and wait while its node is paused */
    HAPPENS_PRODUCE,      /* a batch arrives */
    HAPPENS_SAVE,         /* saved places arrive */
    HAPPENS_ETCD,         /* a request arrives */
    HAPPENS_TXN,          /* a step of a transaction arrives */
    HAPPENS_HEAD,         /* a DC's nodes see the head of the chain */
    HAPPENS_REREAD,       /* every DC reads the head again */
    HAPPENS_OWNERS,       /* claims are looked at */
    HAPPENS_SOURCE,       /* somebody writes to a source topic */
    HAPPENS_SOURCE_END,   /* a source's transaction ends */
    HAPPENS_FAULT,
    HAPPENS_FAULT_END,
    HAPPENS_HEAL,
    HAPPENS_LOOK,     /* has all drained? */
    HAPPENS_STORY,    /* a step of a story */
    HAPPENS_OPERATOR, /* an operator looks at what is stopped */
};

/* What the claims of a node have not been told yet. */
struct ended {
    enum claims_event_type type; /* CLAIMED, RELEASED or FINISHED */
    uint32_t task;
    int64_t lease; /* under which it was asked */
    int64_t create_revision;
    int rc;
    bool is_ours;
};

#define ENDED_MAX (2 * CLAIMS_IN_FLIGHT_MAX + TASKS_MAX)

struct node {
    bool is_up;
    int64_t paused_until_us;
    struct claims *claims; /* in its arena; NULL: not booted */
    struct arena arena;
    int64_t lease;          /* as it knows it; 0: none */
    int64_t etcd_lease;     /* under which etcd has its key; 0: none */
    int64_t lease_until_us; /* if nobody renews it */
    uint64_t claims_told;   /* of the DC's claims_version */
    uint64_t nodes_told;    /* of its nodes_version */
    int64_t wake_ms;        /* its clock; -1: no need */
    struct ended ended[ENDED_MAX];
    uint32_t ended_count;
    int64_t booted_ms;
    int64_t clock_offset_ms;
    int64_t drift_ppm;
    uint32_t boots;
};

struct dc {
    struct slice name;
    struct node nodes[SIM_NODES];
    int64_t kafka_down_until_us;
    int64_t window_until_us[FAULT_COUNT];                     /* faults that last */
    struct klog *source[SIM_DCS][SIM_TOPICS][SIM_PARTITIONS]; /* own, or the copy */
    struct klog *enriched[SIM_DCS][SIM_PARTITIONS];           /* own, or the copy */
    uint64_t claims_version;                                  /* of what etcd has */
    uint64_t nodes_version;
    struct slice *wanted; /* names of its tasks, sorted */
    uint32_t wanted_count;
    struct klog *global;
    struct klog *cuts;
    uint32_t txn_writer;              /* the producer that may write, by transactional.id */
    uint64_t head_seen;               /* rises with every cut */
    uint32_t by_incarnation[SIM_DCS]; /* of each DC's strands, in that head */
    uint32_t own_epochs;              /* truncations of its own topic that an operator knows of */
    int64_t *head_positions;          /* by origin partition */
    int64_t *head_strands;            /* by strand */
    uint64_t *chains;                 /* of the records in its global topic, by number */
    size_t chain_capacity;
    uint64_t chain_count;
    const struct logged **logged; /* cuts in its log of cuts, by number */
    size_t logged_capacity;
    uint64_t logged_count;
    const struct logged **noted; /* lines of what was emitted, by cut */
    size_t noted_capacity;
    uint64_t noted_count;
};

struct stats {
    uint64_t epochs;
    uint64_t happenings;
    uint64_t appended;
    uint64_t records; /* visible source records */
    uint64_t cuts;
    uint64_t emitted;
    uint64_t faults;
    uint64_t fault[FAULT_COUNT];
    uint64_t runs;
    uint64_t member_changes;
    uint64_t beyond_repair; /* seeds in which a truncation took what nobody else had */
    uint64_t stops[64];     /* by -code */
};

struct check;

/* A sole member that is lost for ever (lost.c). */
struct lost {
    enum {
        LOST_NONE,
        LOST_PARTED,
        LOST_GONE,
        LOST_DECLARED,
        LOST_BACK
    } stage;
    uint32_t dc;
};

struct world {
    struct params p;
    struct chance chance;        /* the plan: load and faults */
    struct chance chance_net;    /* delays */
    struct chance chance_detail; /* outcomes of single requests */
    struct pool pool;
    struct timeline timeline;
    int64_t now_us;
    bool is_faulty; /* the phase with faults */
    bool is_over;
    bool trace;
    struct net net;
    struct etcd etcd;
    struct etcd etcd_backup;
    struct lost lost;
    int64_t etcd_down_until_us;
    int64_t etcd_slow_until_us;
    int64_t etcd_unknown_until_us;
    struct dc dcs[SIM_DCS];
    struct slice topics[SIM_TOPICS];
    struct layout layout;
    struct strand_name names[SIM_STRANDS];
    uint32_t strand_by[SIM_STRANDS];     /* enriching DC */
    uint32_t strand_origin[SIM_STRANDS]; /* origin partition */
    uint32_t origin_count;
    uint32_t strand_table[SIM_DCS][ORIGINS_MAX];
    uint32_t origin_table[SIM_DCS][SIM_TOPICS][SIM_PARTITIONS];
    uint32_t origin_dc[ORIGINS_MAX];
    uint32_t origin_topic[ORIGINS_MAX];
    uint32_t origin_partition[ORIGINS_MAX];
    struct task tasks[TASKS_MAX];
    uint32_t task_count;
    struct instance instances[INSTANCES_MAX];
    uint32_t instance_count;
    uint32_t serials; /* of producers */
    int64_t leases;
    uint64_t events_sent;
    uint32_t drained_looks;
    struct arena scratch;                /* of one happening: whoever uses it resets it first */
    struct arena decoded;                /* what was decoded once, for the whole seed */
    struct line_actions *line_actions;   /* owned; one step at a time */
    struct merge_actions *merge_actions; /* owned */
    struct stats stats;
    struct check *check;
};

void world_init(struct world *w);
void world_free(struct world *w);

/* Runs one seed to its end or to the first broken invariant. True if none was. */
bool world_run(struct world *w, const struct params *p);

/* Adds what will happen `delay_us` from now. */
void world_plan(struct world *w, int64_t delay_us, const struct happening *h);

int64_t world_now_ms(const struct world *w);
/* By a node: since some time of its own, never back; and what its clock shows. */
int64_t node_now_ms(const struct world *w, uint32_t dc, uint32_t node);
int64_t node_wall_ms(const struct world *w, uint32_t dc, uint32_t node);
bool node_runs(const struct world *w, uint32_t dc, uint32_t node);
bool kafka_answers(const struct world *w, uint32_t from, uint32_t dc);
bool window_is_on(const struct world *w, uint32_t dc, enum fault f);

/* Index of an origin partition, and of a strand in the layout; UINT32_MAX: no such thing. */
uint32_t origin_index(const struct world *w, uint32_t dc, uint32_t topic, uint32_t partition);
uint32_t strand_index(const struct world *w, uint32_t by, uint32_t origin);

/* The cut or report, for the whole seed; NULL: the bytes cannot be decoded. */
const struct cut *world_cut(struct world *w, struct slice bytes);
const struct report *world_report(struct world *w, struct slice bytes);

/* Indexes a record of a global topic, and the cut in a line of a log of cuts. */
void world_note_emitted(struct world *w, const struct klog *log, const struct krec *k);
void world_note_logged(struct world *w, const struct klog *log, const struct krec *k);

/* Sites, logs, strands (layout.c). */
void layout_begin(struct world *w);

/* Who should run what (divide.c). */
void divide_begin(struct world *w);
void divide_look(struct world *w);
void divide_finished(struct world *w, uint32_t dc, uint32_t node, uint32_t task, int rc);
/* A merge that is started a second time takes the claim, and gives it back at its end. */
void rogue_claim(struct world *w, uint32_t task);
void rogue_unclaim(struct world *w, uint32_t task);
void rogues_end(struct world *w);

/* Owners (owner.c), faults (faults.c), load (source.c). */
void second_owner(struct world *w, uint32_t task);
/* One that had stopped for good is started again. */
void task_revive(struct world *w, uint32_t task);
bool task_is_running(const struct world *w, uint32_t task);
/* The DC's Kafka has lost what it had acknowledged: what it reported no longer counts. */
void raise_epoch(struct world *w, uint32_t dc, uint32_t to);
const char *task_name(const struct task *t);
void node_crash(struct world *w, uint32_t dc, uint32_t node);
void faults_begin(struct world *w);
void fault_happens(struct world *w, const struct happening *h);
void faults_heal(struct world *w);
void fault_count(struct world *w, enum fault f);
void source_begin(struct world *w);
void source_happens(struct world *w, const struct happening *h);
/* So many events of the DC at once. */
void source_send(struct world *w, uint32_t dc, uint32_t count);

/* What an operator does (operator.c). */
void operator_begin(struct world *w);
void operator_looks(struct world *w);
void accept_incarnation(struct world *w, uint32_t dc);
/* The DC's nodes see which incarnations the newest cut names: their lines start again with them. */
void incarnations_seen(struct world *w, uint32_t dc, const struct cut *head);

/* A sole member is lost for ever; an operator declares it lost; it comes back (lost.c). */
void lost_begins(struct world *w);
void lost_goes_on(struct world *w, int64_t stage);
void lost_is_looked_at(struct world *w);
void lost_heals(struct world *w);
bool is_lost(const struct world *w, uint32_t dc);
bool is_declared_lost(const struct world *w, uint32_t dc);
/* By name: the stream goes on in a new era from what the other DC has emitted. */
void declare_lost(struct world *w, uint32_t dc);
void lost_comes_back(struct world *w);
void lose_for_ever(struct world *w, uint32_t dc);

/* What the API says (wiki.c): a status text, and the enrichment as far as it is ok. */
struct slice wiki_fetch(struct world *w, uint32_t dc, const struct body *source, int64_t at_us,
                        struct slice *out_value);
int64_t wiki_delay_us(struct world *w, uint32_t dc);

/* One line of the story, if anybody wants it. `node` NOBODY: the world itself. */
void say(struct world *w, uint32_t dc, uint32_t node, const char *part, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
