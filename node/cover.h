/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cover.h - the branches of the core's rules that the simulation must have taken.
 *
 * COVER(NAME) stands in the core where a rule decides. In what ships it is nothing. In the
 * simulator's build it counts, and the standard run fails if a branch was taken fewer than
 * COVER_LEAST times: a rule that is never exercised is not shown to hold.
 *
 * Pure: but for the counters, which nothing reads while a simulation runs.
 */
#ifndef BRAID_NODE_COVER_H
#define BRAID_NODE_COVER_H

#include "node/cover_map.h"

#include <stdint.h>

#define COVER_LEAST 1000 /* in 3,000 seeds */

enum cover {
#define X(name, rule, what, rare) COVER_##name,
    COVER_MAP(X)
#undef X
    COVER_COUNT
};

#ifdef BRAID_MUTANTS
extern uint64_t cover_counts[COVER_COUNT];
#define COVER(name)        ((void)cover_counts[COVER_##name]++)
#define COVER_IF(is, name) ((void)(cover_counts[COVER_##name] += (is) ? 1 : 0))
#else
#define COVER(name)        ((void)0)
#define COVER_IF(is, name) ((void)0)
#endif

#endif
