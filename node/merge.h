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
 * What this DC cannot make any more, for it lost what that was made from: COPY, from a peer that has
 * emitted it (R11). Digests, chains or histories that do not fit, data missing below what was
 * reported, and no such peer: STOP with ERR_DIVERGED or ERR_DATA_LOSS, until an operator acts. A changed layout: STOP, ABORT (the next
 * run starts with it).
 *
 * Promise: never emits before a cut is known committed, logged and wholly held; understates
 *          rather than overstates; bounded memory.
 * Pure:    yes. Memory from the arena at init. Time comes in with the event.
 */
#ifndef BRAID_NODE_MERGE_H
#define BRAID_NODE_MERGE_H

#include "node/merge_action.h"
#include "node/merge_event.h"
#include "proto/arena.h"
#include "proto/cut.h"

struct merge_config {
    struct slice dc;        /* own */
    struct slice node;      /* "<dc>/<node>", the proposer */
    int64_t claim_revision; /* create_revision of the claim that this run is under */
    uint32_t cut_interval_ms;
    uint32_t member_timeout_ms;
    uint32_t member_rejoin_ms;
    uint32_t member_lag_max_ms;
    uint32_t failed_grace_ms;
    uint32_t min_members;
    uint64_t spec_version;      /* newest applied, with ... */
    struct merge_params params; /* ... its parameters: what the next cut names */
    uint32_t cuts_kept;         /* in etcd, below those that every member has logged; 1 or more */
    uint32_t entries_max;       /* over all strands: metadata of records not yet emitted */
    uint64_t window_ids_max;    /* the largest dedup_window of all versions of the spec */
    uint64_t bytes_max;         /* over all strands: values kept for emission */
    uint64_t seed;              /* for tokens */
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
/* What the COPY is about; for the rest of the run. */
const struct merge_copy *merge_copy(const struct merge *m);

/* The newest spec's parameters, and the newest merge rules that all live nodes of this DC know; the next
 * cut names them as far as all DCs know the rules. */
void merge_set_spec(struct merge *m, uint64_t spec_version, const struct merge_params *params);

void merge_status(const struct merge *m, struct merge_status *out);

#endif
