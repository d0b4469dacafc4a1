/* SPDX-License-Identifier: Apache-2.0 */
/*
 * totals.h - what many seeds come to: their size, the faults, and which branches of the rules they
 * took.
 *
 * Promise: totals_print is false if a seed broke or is missing, if the median seed is too small to
 *          be worth its name, or if a run of at least COVER_SEEDS seeds exercised a fault or a
 *          branch of a rule less than COVER_LEAST times.
 */
#ifndef BRAID_SIM_TOTALS_H
#define BRAID_SIM_TOTALS_H

#include "tests/sim/report.h"

#define COVER_SEEDS 3000
/* The medians of fewer seeds are chance. */
#define MEASURE_SEEDS 200

struct totals;

/* Room for `seeds` outcomes; NULL: no memory. To be freed with free(). */
struct totals *totals_new(uint64_t seeds);

void totals_add(struct totals *t, const struct outcome *o);

/* `is_whole`: every fault and branch with its count, not only what falls short. */
bool totals_print(struct totals *t, uint64_t seeds, bool is_whole, int64_t seconds);

#endif
