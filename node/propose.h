/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propose.h - the cut that follows the head (R6, R7).
 *
 * Promise: each position is the larger of its position in the head and the smallest offer of the
 *          members, advanced by no more than the caps; the digest beside it is our own at that
 *          very position. So all members hold all of it.
 *          Where an operator has given strands a new incarnation, the cut is a *crossing*: it names
 *          the new ones, each at the position of the old, and moves nothing (R13).
 * Pure:    yes.
 * Not here: when to propose (merge.c), the transaction's compares (merge.h).
 */
#ifndef BRAID_NODE_PROPOSE_H
#define BRAID_NODE_PROPOSE_H

#include "node/member.h"

struct proposer {
    const struct merge_config *config;
    const struct strands *strands;
    const struct members *members;
    uint64_t spec_version;
    struct merge_params params;
    struct emitted emitted;           /* ours */
    const int64_t *emitted_positions; /* of that cut */
    uint64_t head_hash;               /* of the head's bytes */
    int64_t last_cut_ms;              /* when the head was first seen */
    int64_t wall_ms;                  /* since 1970: for the cut time only */
    struct strand_name *names;        /* layout.count of them: for the strands of a crossing cut */
};

/*
 * Fills `out` (positions go to `positions`, layout.count of them) and `decision`. False: there is
 * nothing to propose now.
 */
bool propose_cut(const struct proposer *p, const struct merge_view *view, int64_t now_ms,
                 struct strand_position *positions, struct member_decision *decision,
                 struct cut *out);

/*
 * The first cut of a new era, which goes on from what this DC has emitted: the strands of every DC
 * are new ones, each at its position in our last cut; the only member is this DC. False: the strands
 * of the head are of other partitions than ours.
 */
bool propose_era(const struct proposer *p, const struct merge_view *view,
                 struct strand_position *positions, struct member_decision *decision,
                 struct cut *out);

#endif
