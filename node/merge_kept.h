/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge_kept.h - the small things that a merge's state is made of. Part of merge_state.h.
 *
 * Pure: yes.
 */
#ifndef BRAID_NODE_MERGE_KEPT_H
#define BRAID_NODE_MERGE_KEPT_H

#include "proto/cut.h"

#define MERGE_CHAINS_KEPT 64 /* own emitted states kept to compare with others' reports (A4) */
#define MERGE_MARKS       64 /* places in the log of cuts from which the window can be rebuilt */

enum merge_phase {
    MERGE_IDLE,
    MERGE_ASKING,   /* for the cut that was emitted last: its strands are not the newest cut's */
    MERGE_ENTERING, /* a new era: its first cut is logged and noted, then the run ends */
    MERGE_RUNNING,
    MERGE_COPYING, /* the shell copies from a peer, and then ends the run */
    MERGE_STOPPED,
};

/* Where emission is with the cut after the last emitted one. */
enum merge_emitting {
    MERGE_WAITING, /* for the cut, its log line, the records it covers */
    MERGE_WRITING, /* a part's transaction is under way */
    MERGE_UNCLEAR, /* waiting for the tail after a RESET */
};

/* A committed cut that is not emitted yet. */
struct merge_cut {
    uint64_t number;
    uint64_t hash;
    int64_t time_ms;
    struct merge_params params;
    struct strand_position *positions; /* layout.count; in the arena */
};

/* A cut that names strands of a new incarnation (R13): it comes next, once all before is emitted. */
struct merge_crossing {
    uint64_t number; /* 0: none is known */
    bool is_noting;  /* its line is on its way to the log of cuts */
    uint32_t count;  /* its strands */
    uint64_t layout_hash;
    struct place *places; /* count; in the arena */
    uint32_t *from;       /* the same strand's index here; UINT32_MAX: it is new */
};

struct merge_tail {
    bool is_known;
    uint64_t seq;
    uint64_t chain;
};

struct merge_mark {
    uint64_t seq;
    int64_t log_offset;
};

#endif
