/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - the invariants I1-I11 of docs/design.md, checked on what happens in the world.
 *
 * Promise: shares no code with the core: it has its own chain filter, its own parser of cuts, its
 *          own merge (reference.h) and its own chain hash, and looks at logs and etcd only.
 * Not here: the core's opinion of itself.
 */
#ifndef BRAID_SIM_CHECK_H
#define BRAID_SIM_CHECK_H

#include "tests/sim/kafka.h"

struct task;

struct violation {
    bool is_broken;
    char invariant[8];
    char text[320];
    int64_t at_us;
};

void check_begin(struct world *w);
const struct violation *check_verdict(const struct world *w);

/* The first violation counts. */
void check_fail(struct world *w, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A record became visible to read_committed readers; or is appended, not committed yet. */
void check_visible(struct world *w, struct klog *log, const struct krec *k);
void check_uncommitted(struct world *w, struct klog *log, const struct krec *k);
void check_truncated(struct world *w, struct klog *log);
/* The DC's global topic is empty: its copy may begin where another DC's does (A14). */
/* The first cut of a new era is about to be put. */
void check_era(struct world *w, struct slice bytes);
/* The DC's copy differs from the stream as it went on in a new era: until it is made anew. */
bool check_is_apart(const struct world *w, uint32_t dc);

void check_made_anew(struct world *w, uint32_t dc);
/* The number that the DC's copy needs next; it lost its end, and was not written to since. */
uint64_t check_next(const struct world *w, uint32_t dc);
bool check_global_lost(const struct world *w, uint32_t dc);

/* Some DC's own enriched topic lost what it had acknowledged. */
bool check_own_lost(const struct world *w);

/* How far the DC's own Kafka holds the strand without a hole, by the checker's filter. */
int64_t check_held(const struct world *w, uint32_t dc, uint32_t strand);

/* The DC has a new log epoch: what it held before no longer counts. */
void check_epoch(struct world *w, uint32_t dc);
/* Cut `number` is about to leave etcd. */
void check_cut_leaves(struct world *w, uint64_t number);

/* etcd is as it was at some time before. An operator has brought the chain forward to cut `number`. */
void check_restored(struct world *w);
void check_recovered(struct world *w, uint64_t number, struct slice bytes);

/* etcd has taken a report of `dc`, sent under a claim, or cut `number`. */
void check_report(struct world *w, uint32_t dc, int64_t claim, struct slice bytes);
void check_cut(struct world *w, uint64_t number, struct slice bytes);

/* A merge's producer is initialised: from now on only `writer` may show anything in `dc`. */
void check_initialised(struct world *w, uint32_t dc, uint32_t writer);

/* What a merge says it keeps in memory. */
void check_memory(struct world *w, uint32_t dc, uint64_t entries, uint64_t entries_max);

/* A task stopped for good. */
void check_stopped(struct world *w, const struct task *t);

/* True when every DC has emitted all that there is. */
bool check_has_drained(const struct world *w);

/* After the phase without faults: I3, I8, I10. */
void check_end(struct world *w);

#endif
