/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge_event.h - what can happen to a merge: everything that merge_step takes in.
 *
 * Promise: slices and arrays are borrowed for the call, unless it says otherwise.
 * Pure:    yes.
 * Not here: what the merge asks for (merge_action.h); its life (merge.h).
 */
#ifndef BRAID_NODE_MERGE_EVENT_H
#define BRAID_NODE_MERGE_EVENT_H

#include "proto/cut.h"
#include "proto/record.h"

/* One consistent read of the stream's keys. */
struct merge_dc_view {
    struct slice dc;
    int64_t report_revision; /* mod_revision of the report key; 0: none */
    int64_t epoch_revision;  /* mod_revision of the epoch key; 0: none */
    uint32_t incarnation;    /* of the epoch key; 0 if none */
    uint32_t by_incarnation; /* that an operator wants its strands to have; 0: none */
    uint32_t begins_era; /* that an operator wants the stream to go on in from its copy; 0: none */
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
    bool is_paused;  /* the chain's pause or the stream's */
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
    MERGE_EV_MOVED,     /* a log was truncated below what has been read of it */
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
    int64_t now_ms;                /* of a clock that never jumps: intervals, grace, timeouts */
    int64_t wall_ms;               /* since 1970: only reported, and stamped on cuts */
    const struct merge_view *view; /* START, VIEW; borrowed until the next of these */
    bool is_answer;                /* VIEW: to the REPORT under way */
    uint64_t first_seq;            /* IDS */
    const struct slice *ids;       /* IDS: `count` of them */
    const struct merge_recovery *recovery; /* START, TAIL */
    struct slice cut_bytes;                /* CUT */
    const struct cut *cut;                 /* CUT: decoded from them; borrowed for the call */
    uint32_t log;                          /* BOUNDS, MOVED, RECORDS, CAUGHT_UP */
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

#endif
