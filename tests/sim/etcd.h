/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd.h - the store of cuts, reports and claims: transactions with compares, revisions, leases.
 *
 * Promise: strictly serialisable, as etcd is; what can go wrong is on the way there and back,
 *          or a restore from a backup.
 * Not here: the checker's own memory of every cut that was ever committed (check.h).
 */
#ifndef BRAID_SIM_ETCD_H
#define BRAID_SIM_ETCD_H

#include "node/merge.h"
#include "proto/err.h"
#include "tests/sim/params.h"

struct world;

/* What lies in etcd is decoded once, when it is put: it does not change. */
struct etcd_cut {
    struct slice bytes;   /* ptr NULL: deleted */
    const struct cut *as; /* NULL: cannot be decoded */
    int64_t create_revision;
};

struct etcd_value {
    struct slice bytes;
    const struct report *as; /* NULL: cannot be decoded */
    int64_t mod_revision;    /* 0: absent */
};

struct etcd_claim {
    int64_t create_revision; /* 0: nobody's */
    uint32_t node;           /* NOBODY: somebody else's */
    int64_t lease;
    int64_t until_us; /* if nobody renews the lease */
};

struct etcd {
    int64_t revision;
    struct etcd_cut *cuts; /* by number: those of an era that is over go where the next begins */
    size_t cut_capacity;
    uint64_t cut_count;
    uint64_t oldest;
    struct etcd_value reports[SIM_DCS];
    int64_t merge_claims[SIM_DCS]; /* create_revision of each DC's; 0: nobody's */
    uint32_t epochs[SIM_DCS];      /* log epoch; 0: the key is absent */
    int64_t epoch_revisions[SIM_DCS];
    bool depooled[SIM_DCS];
    int64_t pool_us[SIM_DCS]; /* when that last changed */
    uint32_t wanted[SIM_DCS]; /* incarnation of the DC's strands, as an operator wants it */
    uint32_t era;
    uint32_t begins_era[SIM_DCS]; /* as an operator wants it */
    bool is_paused;               /* by a merge that found etcd older than what it knows */
    uint32_t life;                /* rises when it is restored from a backup */
    int64_t quiet_us;             /* since then no merge from before that runs */
    uint64_t spec_version;
    uint64_t window_max; /* the largest of all versions */
    struct merge_params spec;
};

/* One consistent read, as bytes. */
struct etcd_view {
    int64_t revision;
    int64_t head_revision;
    struct slice head;
    const struct cut *head_as;
    uint64_t oldest;
    struct etcd_value reports[SIM_DCS];
    uint32_t epochs[SIM_DCS];
    int64_t epoch_revisions[SIM_DCS];
    bool depooled[SIM_DCS];
    uint32_t wanted[SIM_DCS];
    uint32_t begins_era[SIM_DCS];
    bool is_paused;
    int64_t claim_revision; /* of the asking DC's merge */
    uint64_t spec_version;
    struct merge_params spec;
};

enum etcd_ask {
    ASK_VIEW,
    ASK_REPORT,
    ASK_CUT,
};

struct etcd_request {
    enum etcd_ask ask;
    uint32_t instance;
    uint32_t generation;
    uint32_t dc;
    int64_t claim_revision;
    struct merge_proposal proposal; /* REPORT; owned by the pool */
    uint32_t era;                   /* CUT */
    uint64_t number;                /* CUT */
    int code;                       /* outcome */
    struct etcd_view view;
    struct etcd_cut cut; /* CUT: absent: not there */
    bool answer_lost;
    int64_t sent_us;
    int64_t revision_at; /* what the client knew of when it asked */
    uint32_t life;       /* of etcd then */
};

/* Sends a request of `instance`; the answer comes as HAPPENS_ANSWER. */
void etcd_send(struct world *w, uint32_t instance, struct etcd_request *request);
void etcd_arrive(struct world *w, struct etcd_request *request);

/* Deletes cut keys below `number` (fire and forget). */
void etcd_delete_cuts(struct world *w, uint32_t dc, uint64_t number);

void etcd_read_view(const struct world *w, uint32_t dc, struct etcd_view *out);

/* restore.c: a backup of it; it goes back to that; an operator brings the chain forward again. */
void etcd_back_up(struct world *w);
void etcd_restore(struct world *w);
void etcd_pause(struct world *w);
void recover_chain(struct world *w);

/* Writes the first cut and the first spec. */
void etcd_begin(struct world *w);

#endif
