/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h - one run of a merge: from the enriched strands of all DCs to this DC's copy of the
 * global stream, by R3 and R5-R12.
 *
 * Happy path: START (what recovery read: newest line of the log of cuts, tail of the global
 * topic, the etcd view) -> READ for each log of enriched records, from its place. RECORDS feed
 * the strands; held grows. REPORT tells etcd what is held and proposes the next cut. A committed
 * cut is asked for (NEED_CUT), logged (LOG_CUT), then, once all it covers is held and the digests
 * agree, emitted in one or more transactions (EMIT), and noted (LOG_EMITTED). Then the next.
 *
 * Failures: a transaction that did not commit cleanly: RESET, and the shell comes back with the
 * tail of the global topic (TAIL); the run goes on behind it. Fenced, claim lost: STOP, ABORT.
 * Digests, chains or histories that do not fit, data missing below what was reported: STOP with
 * ERR_DIVERGED or ERR_DATA_LOSS, until an operator acts. A changed layout: STOP, ABORT (the next
 * run starts with it).
 *
 * Promise: never emits before a cut is known committed, logged and wholly held; understates
 *          rather than overstates; bounded memory.
 * Pure:    yes. Memory from the arena at init. Time comes in with the event.
 */
#ifndef BRAID_NODE_MERGE_H
#define BRAID_NODE_MERGE_H

#include "node/window.h"
#include "proto/cut.h"
#include "proto/record.h"

#define MERGE_RULES_VERSION  1
#define MERGE_FROM_START     (-2)  /* a log offset: the log's beginning */
#define MERGE_LOGS_MAX       1024  /* (enriching DC, partition) */
#define MERGE_ITEMS_MAX      16384 /* records that one cut decides */
#define MERGE_PART_RECORDS   2048  /* records of one transaction */
#define MERGE_CUTS_AHEAD_MAX 8     /* cuts decoded ahead of emission */
#define MERGE_UNLOGGED_MAX   1000  /* A5 */
#define MERGE_CUTS_KEPT      64    /* cuts kept in etcd below the logged ones */
#define MERGE_HEARTBEAT_MS   1000
#define MERGE_TIME_STEP_MS   3600000 /* A7: cut time advances by no more without an operator */
#define MERGE_VIEW_GAP_MS    1000 /* time between re-reads above this does not count as a stall */
#define MERGE_ACTIONS_MAX    (MERGE_LOGS_MAX + 64)

struct merge_config {
    struct slice dc;   /* own */
    struct slice node; /* "<dc>/<node>", the proposer */
    uint32_t cut_interval_ms;
    uint32_t member_timeout_ms;
    uint32_t member_rejoin_ms;
    uint32_t member_lag_max_ms;
    uint32_t failed_grace_ms;
    uint32_t min_members;
    uint64_t spec_version;      /* newest applied, with ... */
    struct merge_params params; /* ... its parameters: what the next cut names */
    uint32_t entries_max;       /* over all strands: metadata of records not yet emitted */
    uint64_t bytes_max;         /* over all strands: values kept for emission */
    uint64_t seed;              /* for tokens */
};

/* One consistent read of the stream's keys. */
struct merge_dc_view {
    struct slice dc;
    int64_t report_revision; /* mod_revision of the report key; 0: none */
    int64_t epoch_revision;  /* mod_revision of the epoch key; 0: none */
    uint32_t incarnation;    /* of the epoch key; 0 if none */
    bool is_pooled;
    bool has_report;
    struct report report;
};

struct merge_view {
    int64_t revision;
    bool has_head;
    int64_t head_revision; /* create_revision of the head's key */
    struct slice head_bytes;
    struct cut head;     /* decoded from them */
    uint64_t oldest_cut; /* number of the oldest cut key of the head's era */
    uint32_t dc_count;
    struct merge_dc_view dcs[DCS_MAX];
    bool is_paused;  /* pauses/chain or the stream's pause */
    bool claim_held; /* the claim key still has our create_revision */
};

/* What recovery found in this DC's Kafka. */
struct merge_recovery {
    bool has_line;
    struct emitted_line line; /* newest that agrees with the tail */
    bool has_logged;
    uint32_t logged_era; /* newest cut in the log of cuts */
    uint64_t logged_number;
    bool has_tail; /* the global topic has a sound record */
    uint64_t tail_seq;
    uint32_t tail_era;
    uint64_t tail_cut;
    uint64_t tail_chain;
    bool tail_is_emptied; /* no record left, but its end offset is above 0 */
};

enum merge_event_kind {
    MERGE_EV_IDS, /* before START, oldest first: `ids` of first_seq, first_seq + 1, ...; from
                           the recovery line's window_offset up to and with that line */
    MERGE_EV_START,
    MERGE_EV_VIEW,      /* a successful read of etcd, also as the answer to a REPORT */
    MERGE_EV_REPORTED,  /* a REPORT ended without a view: code */
    MERGE_EV_BOUNDS,    /* of a log, before its first records after a READ */
    MERGE_EV_RECORDS,   /* of one log, in log order */
    MERGE_EV_CAUGHT_UP, /* one log is read to its end, which is log_offset */
    MERGE_EV_CUT,       /* a committed cut that was asked for */
    MERGE_EV_LOGGED,    /* the log of cuts has the cut `number` (acks=all) */
    MERGE_EV_NOTED,     /* the LOG_EMITTED of `number` is in the log of cuts, at log_offset */
    MERGE_EV_COMMITTED, /* the part's transaction committed cleanly; chain after its last record */
    MERGE_EV_UNCLEAR,   /* it did not, or nobody knows */
    MERGE_EV_TAIL,      /* after a RESET: the tail of the global topic as `recovery` has it */
    MERGE_EV_MISMATCH,  /* a re-merged record's chain differs from the tail's */
    MERGE_EV_FENCED,
    MERGE_EV_TICK, /* at least every cut_interval_ms */
};

struct merge_event {
    enum merge_event_kind kind;
    int64_t now_ms;
    const struct merge_view *view;         /* START, VIEW; borrowed until the next of these */
    bool is_answer;                        /* VIEW: to the REPORT under way */
    uint64_t first_seq;                    /* IDS */
    const struct slice *ids;               /* IDS: `count` of them */
    const struct merge_recovery *recovery; /* START, TAIL */
    struct slice cut_bytes;                /* CUT */
    const struct cut *cut;                 /* CUT: decoded from them; borrowed for the call */
    uint32_t log;                          /* BOUNDS, RECORDS, CAUGHT_UP */
    int64_t log_start;                     /* BOUNDS: first offset kept */
    int64_t log_end;                       /* BOUNDS */
    int64_t log_offset;                    /* CAUGHT_UP, NOTED */
    const struct record *records;          /* RECORDS */
    uint32_t count;
    bool *keep;      /* RECORDS: out, `count` of them: the handle now belongs to the merge
                         until RELEASE gives it back */
    uint64_t number; /* LOGGED */
    uint64_t chain;  /* COMMITTED */
    int code;        /* REPORTED */
};

enum merge_action_kind {
    MERGE_DO_READ,        /* (re)start reading `log` at log_offset; MERGE_FROM_START: beginning */
    MERGE_DO_PAUSE,       /* stop reading `log`; a READ will come */
    MERGE_DO_REPORT,      /* one etcd transaction, see merge_proposal */
    MERGE_DO_NEED_CUT,    /* fetch cut `number` of `era` (etcd, else a log of cuts), until it is
                             there: CUT */
    MERGE_DO_LOG_CUT,     /* append `bytes` (a line) to the log of cuts; then LOGGED `number` */
    MERGE_DO_EMIT,        /* write a part, see merge_part */
    MERGE_DO_LOG_EMITTED, /* the same; then NOTED `number` with the line's log offset */
    MERGE_DO_DELETE_CUTS, /* delete cut keys of `era` with numbers below `number` */
    MERGE_DO_RELEASE,     /* free `handle` */
    MERGE_DO_RESET,       /* destroy the transactional producer, make a new one, read the tail */
    MERGE_DO_STOP,        /* end the run: code, why */
};

struct merge_action {
    enum merge_action_kind kind;
    uint32_t log;
    uint32_t era;
    uint64_t number;
    int64_t log_offset;
    struct slice bytes; /* valid until the next step */
    void *handle;
    int code;
    const char *why; /* static text, or valid until the next step */
};

/* RELEASE comes in bulk: `released` has the handles. */
struct merge_actions {
    uint32_t count; /* in order; bytes and texts are valid until the next step */
    struct merge_action list[MERGE_ACTIONS_MAX];
    void **released; /* borrowed from the merge; valid until the next step */
    uint32_t released_count;
};

/*
 * The transaction of a REPORT. If claims/<dc>/merge/<output> has create_revision claim_revision:
 * put the report; then, if has_cut and all of these hold, put the cut: key cuts/<era>/<number - 1>
 * has create_revision head_revision, key cuts/<era>/<number> is absent, pauses/chain is absent,
 * each member's epoch key has mod_revision epoch_revisions[i] (0: absent), and the dropped DC's
 * report, if any, has mod_revision dropped_revision. Either way read the view.
 */
struct merge_proposal {
    struct slice report;
    bool has_cut;
    uint32_t era;
    uint64_t number;
    struct slice cut;
    int64_t head_revision;
    uint32_t member_count;
    struct slice members[DCS_MAX];
    int64_t epoch_revisions[DCS_MAX];
    struct slice dropped; /* DC; len 0: none */
    int64_t dropped_revision;
    uint64_t token;
};

/* One record to be written by an EMIT. */
struct merge_item {
    void *handle;
    uint64_t seq;
    uint32_t strand;
    int64_t offset; /* in its origin partition */
};

/* A part of a cut, to be written in one transaction. Records with seq < write_from are in the
 * topic already: seal them, do not write them, and compare the chain of write_from - 1 with
 * tail_chain (MISMATCH if it differs). */
struct merge_part {
    const struct merge_item *items;
    uint32_t count;
    uint64_t write_from;
    bool has_tail;
    uint64_t tail_chain;
    uint32_t era;
    uint64_t number;
    int64_t time_ms;
    uint64_t chain; /* before the first item */
};

struct merge;

/* For status and metrics. */
struct merge_status {
    uint32_t era;
    uint64_t head_number;
    uint64_t emitted_number;
    uint64_t next_seq;
    uint64_t chain;
    int64_t head_time_ms;
    uint64_t holes;
    uint64_t foreign;
    uint64_t copies_dropped;
    uint64_t source_duplicates;
    uint64_t entries;
    uint64_t bytes;
    bool is_member;
    bool is_caught_up;
    bool is_stopped;
    int code;
    const char *why;
};

/* A merge in the arena; NULL if it has no room. Config slices must outlive it. */
struct merge *merge_new(const struct merge_config *config, struct arena *a);

/* Ends a run: all handles still kept come back in `released`. Then the arena may be reset. */
void merge_close(struct merge *m, struct merge_actions *out);

/* The one way in. Fills `out`, which is reset first. */
void merge_step(struct merge *m, const struct merge_event *ev, struct merge_actions *out);

/* Which log `log` is: enriching DC and partition. Valid after START. */
uint32_t merge_log_count(const struct merge *m);
void merge_log_name(const struct merge *m, uint32_t log, struct slice *out_by,
                    uint32_t *out_partition);

/* What the last REPORT or EMIT is about; valid until the next step. */
const struct merge_proposal *merge_proposal(const struct merge *m);
const struct merge_part *merge_part(const struct merge *m);

/* The newest spec's parameters; the next cut names them. */
void merge_set_spec(struct merge *m, uint64_t spec_version, const struct merge_params *params);

void merge_status(const struct merge *m, struct merge_status *out);

#endif
