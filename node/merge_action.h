/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge_action.h - what a merge asks of its shell: everything that merge_step gives out.
 *
 * Promise: actions are to be carried out in order. Bytes and texts are valid until the next step.
 * Pure:    yes.
 * Not here: what comes back (merge_event.h); the merge's life (merge.h).
 */
#ifndef BRAID_NODE_MERGE_ACTION_H
#define BRAID_NODE_MERGE_ACTION_H

#include "proto/cut.h"
#include "proto/slice.h"

#ifndef MERGE_RULES_VERSION /* a test builds a later version */
#define MERGE_RULES_VERSION 1
#endif
#define MERGE_FROM_START      (-2)  /* a log offset: the log's beginning */
#define MERGE_LOGS_MAX        1024  /* (enriching DC, partition) */
#define MERGE_ITEMS_MAX       16384 /* records that one cut decides */
#define MERGE_PART_RECORDS    2048  /* records of one transaction */
#define MERGE_CUTS_AHEAD_MAX  8     /* cuts decoded ahead of emission */
#define MERGE_UNLOGGED_MAX    1000  /* A5 */
#define MERGE_HEARTBEAT_MS    1000
#define MERGE_TIME_STEP_MS    3600000 /* A7: cut time advances by no more on one clock's word */
#define MERGE_CLOCKS_AGREE_MS 60000
#define MERGE_STUCK_MS        60000 /* a hole that stands for so long is not filled any more */
#define MERGE_VIEW_GAP_MS     1000  /* time between re-reads above this does not count as a stall */
#define MERGE_ACTIONS_MAX     (MERGE_LOGS_MAX + 64)

enum merge_action_kind {
    MERGE_DO_READ,        /* (re)start reading `log` at log_offset; MERGE_FROM_START: beginning.
                             BOUNDS first. A reading that was paused may go on in its place, if what
                             it has not handed over or was not taken begins at log_next or before */
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
    MERGE_DO_COPY,        /* copy a peer's global topic and lines (merge_copy, peer_copy.h) behind a
                             new producer; then end the run. Nothing else comes any more */
    MERGE_DO_STOP,        /* end the run: code, why */
};

struct merge_action {
    enum merge_action_kind kind;
    uint32_t log;
    uint32_t era;
    uint64_t number;
    int64_t log_offset;
    int64_t log_next;   /* of a READ: no record before it is needed, only looked at */
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
 * The transaction of a REPORT. If claims/<dc>/merge/<output> has the create_revision that this run
 * was started with, and our report's key has mod_revision report_revision (0: absent; so that a
 * late one of ours cannot undo a newer): put the report; then, if has_cut and all of these hold, put the cut: key
 * cuts/<head_era>/<head_number> has create_revision head_revision, key cuts/<era>/<number> is absent, pauses/chain/<output> is absent,
 * each member's epoch key has mod_revision epoch_revisions[i] (0: absent), and the dropped DC's
 * report, if it was dropped for its silence, has mod_revision dropped_revision. Either way read the view.
 *
 * If raises_epoch: no report and no cut; under the same claim, if our epoch key has mod_revision
 * epoch_revision (0: absent), put it with `incarnation`; read the view. This DC's Kafka lost what it
 * had reported: what it reported under the older epoch counts no more (R5, A4).
 */
struct merge_proposal {
    bool raises_epoch;
    uint32_t incarnation;
    int64_t epoch_revision;
    struct slice report;
    int64_t report_revision;
    bool has_cut;
    uint32_t era;
    uint64_t number;
    struct slice cut;
    uint32_t head_era; /* of the cut before: another one if the cut is the first of its era */
    uint64_t head_number;
    int64_t head_revision;
    uint32_t member_count;
    struct slice members[DCS_MAX];
    int64_t epoch_revisions[DCS_MAX];
    struct slice dropped; /* DC; len 0: none */
    int64_t dropped_revision;
    uint64_t token;
};

/* From whom a COPY takes what this DC cannot make any more, and up to which cut. */
struct merge_copy {
    struct slice dc; /* borrowed from the layout or the view: valid until the next step */
    struct emitted until;
    bool has_after; /* what had been emitted when retention emptied the own topic */
    struct emitted after;
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

#endif
