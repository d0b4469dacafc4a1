/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_merge.h - what the three files of the merge's shell share.
 */
#ifndef BRAID_SIM_SIM_MERGE_H
#define BRAID_SIM_SIM_MERGE_H

#include "tests/sim/task.h"

/* Gives the merge an event and carries its actions out. False if the run has ended. */
bool merge_feed(struct world *w, uint32_t instance, struct merge_event *ev);

void merge_plan(struct world *w, uint32_t instance, int kind, int64_t delay_us, uint32_t which);

/* The record with its content hash. */
void merge_view_record(struct world *w, const struct klog *log, const struct krec *k,
                       struct record *out);

/* sim_emit.c: writes the part that the merge asks for; its outcome. */
void emit_part(struct world *w, uint32_t instance);
void emit_done(struct world *w, uint32_t instance, const struct txn *t);

/* sim_recover.c: what this DC's Kafka says. */
void recover(struct world *w, uint32_t instance, struct merge_recovery *out);

/* A cut from the logs of cuts that this DC reaches; NULL: not there. */
const struct logged *recover_cut(const struct world *w, uint32_t dc, uint64_t number);

#endif
