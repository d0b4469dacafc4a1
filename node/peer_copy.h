/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_copy.h - what this DC takes of another DC's global topic and log of cuts (R11), when it
 * cannot make its own copy of the stream any more: it was away beyond retention, it lost its global
 * topic or its log of cuts, or it was added later.
 *
 * Order: peer_copy_begin with what is there already; each record of the peer's global topic, in log
 * order, until it is over; then the cuts of the peer's log of cuts, and peer_copy_cuts_there once all
 * that were taken are acknowledged; then each line of it from where the window of its last line
 * begins. The shell writes the records in transactions, the rest after them, and ends its run: the
 * next one recovers from its own Kafka, as always. A run that ends before leaves a shorter copy, and
 * the next one copies the rest.
 *
 * Promise: takes a record only if its number is the next and its chain follows from what is there;
 *          so what is copied is what would have been merged. A line says nothing of the peer's logs:
 *          its places become PLACE_OF_CUT. No line is there before the cuts up to it, whatever fails
 *          to be written: recovery takes the cuts up to a line for logged.
 * Pure:    yes.
 * Not here: when to copy, and from whom (merge_copy.c).
 */
#ifndef BRAID_NODE_PEER_COPY_H
#define BRAID_NODE_PEER_COPY_H

#include "node/merge_action.h"
#include "node/merge_event.h"

enum peer_copy_verdict {
    PEER_COPY_SKIP, /* there already, or foreign */
    PEER_COPY_TAKE,
    PEER_COPY_OVER,     /* all that was asked for is there */
    PEER_COPY_GONE,     /* the peer's topic begins after the next number */
    PEER_COPY_DIVERGED, /* the chains do not fit */
    PEER_COPY_FAR,      /* this DC has more than the peer said that it emitted: wait */
};

struct peer_copy {
    struct emitted until;
    uint64_t next; /* number of the next record */
    uint64_t chain;
    bool has_next;   /* false: the first that the peer has will do */
    bool has_chain;  /* of the record before it */
    bool has_logged; /* own log of cuts: cuts up to this one are there */
    uint64_t logged;
    bool has_cuts; /* all others are there, too */
    bool has_row;  /* a line was taken: the next one must follow it */
    uint64_t row;  /* its cut */
};

/* SKIP: read the peer's topic; OVER: nothing is missing; or FAR. */
enum peer_copy_verdict peer_copy_begin(struct peer_copy *p, const struct merge_copy *copy,
                                       const struct merge_recovery *tail);

enum peer_copy_verdict peer_copy_record(struct peer_copy *p, const struct record *r);

/* All records are there. */
bool peer_copy_has_records(const struct peer_copy *p);

/* The line up to which lines are copied: from its window_offset on. */
bool peer_copy_is_last(const struct peer_copy *p, const struct emitted_line *line);

/* Whether a logged cut, or a line of what was emitted, is to be appended: first all cuts. */
bool peer_copy_wants_cut(const struct peer_copy *p, const struct cut *cut);
void peer_copy_cuts_there(struct peer_copy *p);
bool peer_copy_wants_line(struct peer_copy *p, const struct emitted_line *line);

/*
 * The line's bytes for the own log of cuts, whose end was at log_end when the first was appended:
 * the window begins there. 0, ERR_NO_MEMORY, or ERR_TOO_LARGE.
 */
int peer_copy_line(const struct emitted_line *line, int64_t log_end, struct arena *a,
                   struct slice *out);

/* The last line was taken: all is there. */
bool peer_copy_has_lines(const struct peer_copy *p);

#endif
