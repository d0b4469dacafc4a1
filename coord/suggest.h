/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest.h - "did you mean ...?"
 *
 * Promise: suggest_closer keeps the candidate that is nearest to a mistyped word and says whether
 *          it is near enough to be worth saying.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_SUGGEST_H
#define BRAID_COORD_SUGGEST_H

#include "proto/slice.h"

enum {
    SUGGEST_WORD_MAX = 64
}; /* longer words get no suggestion */

struct suggest {
    struct slice word; /* borrowed; what was written */
    struct slice best; /* borrowed from the candidates; absent: none near enough */
    unsigned distance; /* of best */
};

/* Begins with no candidate. */
struct suggest suggest_for(struct slice word);

/* Considers one candidate, which must outlive the suggestion. */
void suggest_closer(struct suggest *s, struct slice candidate);

/* Edits between two words: insert, delete, replace, swap of neighbours; letter case and '-' for
 * '_' are free. SUGGEST_WORD_MAX where a word is longer than that. */
unsigned suggest_distance(struct slice a, struct slice b);

#endif
