/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_pages.h - how often the stream shows a page's revision after a later one.
 *
 * A page that is edited in one DC and then in another may come so: the order between DCs is that of
 * the cuts. It is no fault; readers must know it (docs/consumers.md).
 *
 * Promise: counts records whose rev_id is lower than the highest of the same page among the last
 *          AUDIT_PAGES_RECORDS records. Values that are no page changes do not count.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_CTL_AUDIT_PAGES_H
#define BRAID_COORD_CTL_AUDIT_PAGES_H

#include "coord/ctl/audit_ids.h"
#include "proto/event.h"

enum {
    AUDIT_PAGES_RECORDS = 1 << 18,
    AUDIT_PAGES_SCRATCH = 1 << 26 /* bytes for decoding one value */
};

struct audit_pages {
    struct audit_ids highest; /* of a page's hash: its highest rev_id so far */
    struct event *event;      /* in the arena */
    struct arena scratch;     /* owned */
    uint64_t looked_at;       /* records with a page and a revision */
    uint64_t back;
    int64_t back_seq; /* number of the first of them; -1: none */
};

/* False if the arena is too small. */
bool audit_pages_init(struct audit_pages *p, struct arena *a);
/* Accepts what is all zeros. */
void audit_pages_deinit(struct audit_pages *p);

/* The records of one copy, in order. */
void audit_pages_record(struct audit_pages *p, const struct audit_record *r);

#endif
