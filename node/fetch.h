/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch.h - when to ask which wiki for which revisions, and when to give up.
 *
 * Promise: an idle scheduler asks at once for a single revision; while a wiki has a call under way,
 *          its next revisions gather for a moment, and under backlog up to batch_max of them go into
 *          one call. Calls under way adapt to the API (additive
 *          increase, multiplicative decrease on errors and slowness), keep to the rate, and to what
 *          Retry-After says. Each item ends exactly once, at the latest one call's timeout
 *          after its deadline. Memory is fixed at init: a full queue is an answer (ERR_BUSY).
 * Pure:    yes: time comes in with the event, chance from a seed.
 * Not here: HTTP (io_fetch.h), what an answer means for an event (proto/enrich_page.h).
 */
#ifndef BRAID_NODE_FETCH_H
#define BRAID_NODE_FETCH_H

#include "node/fetch_limits.h"
#include "node/fetch_queue.h"
#include "proto/enrich_page.h"

enum {
    FETCH_HOSTS_MAX = 1024,            /* wikis with something waiting */
    FETCH_ACTIONS_MAX = 512,           /* actions of one step */
    FETCH_RETRY_AFTER_MAX_MS = 120000, /* a longer Retry-After is cut to this */
    FETCH_CIRCUIT_FAILURES = 5, /* calls that fail in a row before a pause: of all wikis, which
                                          one API serves, or of one other server */
};

/* A call under way. */
struct fetch_call {
    uint32_t host; /* FETCH_NONE: free */
    uint32_t count;
    uint64_t bytes; /* announced */
    int64_t started_ms;
    uint32_t items[FETCH_BATCH_MAX];
    uint64_t users[FETCH_BATCH_MAX];
    int64_t rev_ids[FETCH_BATCH_MAX];
};

struct fetch {
    struct fetch_limits limits;
    struct fetch_queue queue;
    struct fetch_call *calls; /* FETCH_CALLS_MAX, in the arena given to fetch_init */
    uint32_t calls_in_flight;
    uint64_t bytes_in_flight; /* announced */
    uint32_t window_milli;    /* adaptive limit of calls at once, in thousandths of a call */
    int64_t window_cut_ms;    /* when it was last halved */
    uint32_t failures_in_row; /* calls, all wikis */
    int64_t paid_until_us;    /* rate: when the next call is paid for (GCRA) */
    int64_t bytes_until_us;   /* the same for the bytes of answers, which are paid for afterwards */
    uint64_t seed;
};

/* No answer is longer; more is not paid for. */
#define FETCH_ANSWER_BYTES_MAX ((uint64_t)64 << 20)

enum fetch_event_kind {
    FETCH_EV_TICK,   /* time went by */
    FETCH_EV_SUBMIT, /* a new item */
    FETCH_EV_ANSWER, /* a call ended */
};

/* How a call ended as a whole. */
enum fetch_call_result {
    FETCH_CALL_OK,        /* verdicts hold one entry an item */
    FETCH_CALL_TRANSIENT, /* 5xx, connection, timeout, garbage; reason is what it may end in */
    FETCH_CALL_LIMITED,   /* 429, ratelimited, maxlag: not the item's fault, no attempt counted */
    FETCH_CALL_SPLIT,     /* ask for its items one by one; for one alone it is TRANSIENT */
    FETCH_CALL_TOO_LARGE, /* larger than the limit: one by one; one alone fails */
    FETCH_CALL_PERMANENT, /* refused: the same */
};

struct fetch_verdict {
    enum enrich_verdict verdict;
    enum reason reason;
};

struct fetch_event {
    enum fetch_event_kind kind;
    int64_t now_ms; /* monotonic; must not go back */
    union {
        struct {
            struct slice domain; /* a host name; copied */
            int64_t rev_id;
            uint64_t user;       /* given back with DONE */
            uint32_t age_ms;     /* of the event when it was submitted */
            uint32_t bytes_hint; /* announced content bytes */
            uint32_t young_ms;   /* asked again until it is so old; 0: as the limits say */
            bool is_alone;       /* not to be asked together with others */
        } submit;
        struct {
            uint32_t call;
            enum fetch_call_result result;
            enum reason reason;      /* for PERMANENT, and what TRANSIENT ends in */
            uint32_t retry_after_ms; /* 0: not given */
            bool is_global;          /* the pause is for all wikis, not only this one */
            uint32_t took_ms;
            uint64_t bytes;                       /* of the answer, as received */
            const struct fetch_verdict *verdicts; /* by place in the call */
        } answer;
    };
};

enum fetch_action_kind {
    FETCH_ACT_CALL, /* start a call */
    FETCH_ACT_DONE, /* an item has ended */
};

struct fetch_action {
    enum fetch_action_kind kind;
    union {
        struct {
            uint32_t call;       /* number to answer with */
            struct slice domain; /* this and the next two: borrowed until the call is answered */
            const uint64_t *users;
            const int64_t *rev_ids;
            uint32_t count;
            uint32_t timeout_ms;
        } call;
        struct {
            uint64_t user;
            enum reason reason; /* REASON_NONE: its content is in the answer of this very step */
            uint32_t place;     /* its place in that call */
            uint32_t attempts;  /* calls that it was in */
        } done;
    };
};

struct fetch_actions {
    struct fetch_action *list; /* of FETCH_ACTIONS_MAX entries, the caller's */
    size_t count;
    int64_t wake_ms; /* TICK at this time at the latest (it may be now); INT64_MAX: no need */
};

/* Takes all its memory from the arena. ERR_CONFIG for limits out of range, ERR_NO_MEMORY. */
int fetch_init(struct fetch *f, const struct fetch_limits *limits, uint64_t seed, struct arena *a);

/* Takes new limits while running, but for items_max. ERR_CONFIG: nothing changed. */
int fetch_set_limits(struct fetch *f, const struct fetch_limits *limits);

/*
 * One event in, actions out, to be carried out in order, DONE before the answer's memory goes.
 * ERR_BUSY for a SUBMIT that there is no room for; other events never fail.
 */
int fetch_step(struct fetch *f, const struct fetch_event *ev, struct fetch_actions *out);

#endif
