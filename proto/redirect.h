/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redirect.h - where a page leads and led as a redirect, from the answers about one event.
 *
 * Promise: titles are Parsoid's, the event's or the wiki's; which of them are the same page the wiki
 *          says (`normalized`). Of a deletion "before" is the deleted page, and "now" is nothing.
 * Pure:    yes.
 * Not here: the questions (question_redirect.c); the member that is made of it
 *           (enrichment_redirect.c).
 */
#ifndef BRAID_PROTO_REDIRECT_H
#define BRAID_PROTO_REDIRECT_H

#include "proto/question.h"

enum {
    REDIRECT_LIST_MAX = 5000, /* pages that redirect to one target */
};

/* One end; all absent: no redirect. A title that is absent with an address: it leads elsewhere. */
struct redirect_end {
    struct slice href;
    struct slice title;
    struct slice fragment;
};

struct redirect_ends {
    struct redirect_end now;
    struct redirect_end before;
};

/* Texts lie in the arena, or are borrowed from event and answers. */
void redirect_ends(const struct event *event, const struct answer *answers, struct arena *a,
                   struct redirect_ends *out);

/* What the wiki knows of a title: an element of TARGETS' pages; NULL if it is no page's, or absent. */
yyjson_val *redirect_page(yyjson_val *targets, struct slice title);

/* One answer of REDIRECTS: false if the page stands in the list of another title than the target;
 * *found is set if it stands in the target's. */
bool redirect_lists(yyjson_val *answer, struct slice target, int64_t page_id, bool *found);

/* Whether REDIRECT's answer shows the target (absent: none). */
bool redirect_shows(yyjson_val *answer, struct slice target);

#endif
