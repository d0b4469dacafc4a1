/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_merge.h - what the four files of the merge's shell share.
 */
#ifndef BRAID_SIM_SIM_MERGE_H
#define BRAID_SIM_SIM_MERGE_H

#include "tests/sim/task.h"

/* What a new producer is for, and a later step of a copy. */
enum ready_for {
    READY_START,
    READY_RESET,  /* after an unclear transaction, or to copy from a peer */
    READY_COPIES, /* a copy goes on */
};

/* Gives the merge an event and carries its actions out. False if the run has ended. */
bool merge_feed(struct world *w, uint32_t instance, struct merge_event *ev);

void merge_plan(struct world *w, uint32_t instance, int kind, int64_t delay_us, uint32_t which);

/* The record with its content hash. */
void merge_view_record(struct world *w, const struct klog *log, const struct krec *k,
                       struct record *out);

/* sim_emit.c: writes the part that the merge asks for; its outcome. */
void emit_part(struct world *w, uint32_t instance);
void emit_done(struct world *w, uint32_t instance, const struct txn *t);

/* Appends one line to this DC's log of cuts. */
void merge_log_line(struct world *w, uint32_t instance, struct slice line, uint64_t number,
                    bool is_cut);

/* sim_peer.c: the merge asks for a copy; its producer is new; what comes next; a transaction of it
 * has ended; a line was delivered. */
void peer_begin(struct world *w, uint32_t instance);
void peer_ready(struct world *w, uint32_t instance, const struct merge_recovery *tail);
void peer_step(struct world *w, uint32_t instance);
void peer_written(struct world *w, uint32_t instance, const struct txn *t);
void peer_delivered(struct world *w, uint32_t instance);

/* sim_recover.c: what this DC's Kafka says. */
void recover(struct world *w, uint32_t instance, struct merge_recovery *out);

/* A cut from the logs of cuts that this DC reaches; NULL: not there. */
const struct logged *recover_cut(const struct world *w, uint32_t dc, uint32_t era, uint64_t number);

#endif
