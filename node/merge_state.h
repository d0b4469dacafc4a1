/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge_state.h - the state of a merge, shared by merge.c (events), merge_start.c (recovery), merge_emit.c (from cuts to
 * transactions), merge_cross.c (new strands), merge_era.c (a new era), merge_copy.c (what only a peer has) and
 * merge_report.c (reports, proposals). Pure. For nobody else.
 */
#ifndef BRAID_NODE_MERGE_STATE_H
#define BRAID_NODE_MERGE_STATE_H

#include "node/member.h"
#include "node/merge.h"
#include "node/merge_kept.h"
#include "node/plan.h"
#include "node/propose.h"
#include "node/strand.h"

struct merge {
    struct merge_config config;
    struct arena *arena;  /* borrowed: for the life of the run */
    struct arena scratch; /* owned: reset by every step */
    enum merge_phase phase;
    int code;
    const char *why;

    struct strands strands;
    struct members members;
    struct plan plan;
    struct window window;
    bool has_ids; /* the window was given ids before the start */

    /* the chain of cuts */
    uint32_t era;
    uint64_t known_number; /* newest cut known committed */
    uint64_t asked_number; /* newest cut asked for */
    uint64_t logged_number;
    uint64_t logging_number; /* newest cut handed to the log */
    bool has_floor;          /* the last emitted cut itself was read: its hash and positions */
    uint64_t last_hash;      /* of the newest cut taken in */
    struct merge_cut cuts[MERGE_CUTS_AHEAD_MAX];
    uint64_t cuts_head; /* number of the oldest in the ring: emitted.number + 1 */
    uint64_t cuts_tail; /* number after the newest */
    struct merge_crossing crossing;
    bool is_behind; /* the head's strands are not ours: there is a crossing ahead */

    /* emission */
    struct emitted emitted;
    int64_t *emitted_positions; /* of that cut, by strand; in the arena */
    enum merge_emitting emitting;
    struct merge_tail tail; /* of the global topic: records up to it are there */
    bool is_planned;
    uint64_t first_seq; /* of the cut being emitted */
    uint32_t part_first;
    uint64_t chain; /* before the part */
    struct merge_part part;
    struct place *places; /* layout.count; in the arena */
    struct merge_mark marks[MERGE_MARKS];
    uint32_t mark_count;
    uint64_t noting_number; /* the cut whose line's offset becomes a mark; 0: none */
    uint64_t noting_seq;
    struct emitted noted; /* the newest whose line is known to be in the log of cuts: reported */
    struct emitted chains[MERGE_CHAINS_KEPT];

    /* reports */
    struct merge_proposal proposal;
    struct strand_position *next_positions; /* layout.count; in the arena */
    struct strand_name *next_names;         /* the same */
    int64_t *report_read_back;
    int64_t *report_offer;
    int64_t *last_read_back; /* the newest of ours in etcd, as found at the start (A4) */
    uint64_t report_number;
    int64_t report_ms;
    int64_t wall_ms; /* of the event under way */
    int64_t head_seen_ms;
    uint64_t head_seen;
    uint64_t deleted_below;
    uint64_t token;
    int64_t answer_revision;
    const struct merge_view *view; /* borrowed until the next */
    bool is_reporting;             /* a REPORT is under way */
    bool is_report_due;
    bool is_caught_up;
    bool view_is_current; /* the last REPORT's outcome is known */
    bool is_member;
    struct log_tail *tails; /* of the own logs, for a report; in the arena */
    uint32_t incarnation;   /* own log epoch, by the newest view */
    bool must_raise;        /* the own Kafka lost what was reported: a new log epoch first (A4) */
    bool has_lost_own;      /* what this DC enriched is lost: only an operator can go on */

    struct merge_copy copy;
    int64_t stuck_ms;      /* since then what the next cut needs cannot be had here; 0: it can */
    uint64_t stuck_number; /* that cut */
    struct merge_recovery kept; /* while ASKING or ENTERING */

    uint64_t newest_spec;
    struct merge_params newest_params;
};

struct merge_action *merge_act(struct merge_actions *out, enum merge_action_kind kind);
void merge_stop(struct merge *m, struct merge_actions *out, int code, const char *why);

/* merge_copy.c */
void merge_lost(struct merge *m, const struct merge_view *view, struct merge_actions *out,
                const char *why);
void merge_stuck(struct merge *m, int64_t now_ms, struct merge_actions *out);

/* merge_cross.c */
void merge_ask_floor(struct merge *m, const struct merge_event *ev, struct merge_actions *out);
void merge_asking(struct merge *m, const struct merge_event *ev, struct merge_actions *out);
void merge_cross_taken(struct merge *m, struct slice bytes, const struct cut *cut,
                       struct merge_actions *out);
void merge_cross(struct merge *m, struct merge_actions *out);
/* An operator has taken the own strands' place: what is lost of them is not missed any more. */
bool merge_is_replaced(const struct merge *m);

/* merge_start.c */
void merge_ids(struct merge *m, const struct merge_event *ev);
void merge_start(struct merge *m, const struct merge_event *ev, struct merge_actions *out);
/* With the strands of this layout; false: stopped, or it copies. */
bool merge_start_in(struct merge *m, const struct layout *layout, const struct merge_event *ev,
                    struct merge_actions *out);
void merge_bounds(struct merge *m, const struct merge_event *ev, struct merge_actions *out);
void merge_caught_up(struct merge *m);
void merge_heal(struct merge *m, struct merge_actions *out);

/* merge_emit.c */
void merge_cut_taken(struct merge *m, struct slice bytes, const struct cut *cut,
                     struct merge_actions *out);
void merge_cuts_ask(struct merge *m, struct merge_actions *out);
void merge_emit(struct merge *m, struct merge_actions *out);
void merge_committed(struct merge *m, uint64_t chain, struct merge_actions *out);
void merge_unclear(struct merge *m, const struct merge_event *ev, struct merge_actions *out);
void merge_tail_read(struct merge *m, const struct merge_event *ev, struct merge_actions *out);
void merge_noted(struct merge *m, uint64_t number, int64_t log_offset, struct merge_actions *out);
/* A part of the next cut is in the global topic already. */
bool merge_has_begun(const struct merge *m);
/* The cut follows the newest one taken in; false: stopped. Appends it to the log of cuts. */
bool merge_follows(struct merge *m, const struct cut *cut, struct merge_actions *out);
void merge_log_cut(struct merge *m, struct slice bytes, const struct cut *cut,
                   struct merge_actions *out);
/* The log offset from which all ids of the window can be read; -1: the log's beginning. */
int64_t merge_window_offset(const struct merge *m);
void merge_floor(struct merge *m, const struct cut *cut, struct merge_actions *out);

/* merge_report.c */
void merge_view_taken(struct merge *m, const struct merge_event *ev, struct merge_actions *out);
void merge_report(struct merge *m, int64_t now_ms, struct merge_actions *out);

#endif
