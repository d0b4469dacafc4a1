/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cover.h - the counters behind node/cover.h: which branches of the rules a seed took.
 *
 * For the simulator's build only. One process simulates one seed at a time.
 */
#ifndef BRAID_SIM_COVER_H
#define BRAID_SIM_COVER_H

#include "node/cover.h"

struct cover_branch {
    const char *name;
    const char *rule;
    const char *what;
    const char *rare; /* why it may stay below COVER_LEAST; empty: it may not */
};

const struct cover_branch *cover_branch(enum cover c);

/* Before each seed. */
void cover_reset(void);

#endif
