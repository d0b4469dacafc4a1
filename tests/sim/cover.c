/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/cover.h"

#include <string.h>

uint64_t cover_counts[COVER_COUNT];

static const struct cover_branch branches[COVER_COUNT] = {
#define X(name, rule, what, rare) {#name, rule, what, rare},
    COVER_MAP(X)
#undef X
};

const struct cover_branch *cover_branch(enum cover c)
{
    return &branches[c];
}

void cover_reset(void)
{
    memset(cover_counts, 0, sizeof cover_counts);
}
