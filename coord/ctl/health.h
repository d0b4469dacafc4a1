/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h - is it fine, and could each DC be lost now: from a snapshot.
 *
 * Promise: each thing that is not fine is one line that says what and where; the first line of
 *          `status` is made from them. Unknown is not fine.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_CTL_HEALTH_H
#define BRAID_COORD_CTL_HEALTH_H

#include "coord/ctl/snapshot.h"
#include "coord/text.h"

enum {
    HEALTH_PROBLEMS_MAX = 64,
    HEALTH_AHEAD_MAX =
        5000,               /* records that one DC alone may have read and yet be lost: less is what
                                is always on its way */
    HEALTH_SILENT_MS = 2000 /* a report is a heartbeat, one a second: older than this, and than the
                               stream's member_timeout, its DC is silent */
};

struct health_problem {
    struct slice where; /* a stream, DC or node */
    const char *what;   /* owned by the arena */
    bool is_note;       /* worth saying, but fine: a pause that somebody asked for */
};

/* How one DC stands in one stream. */
struct health_copy {
    const struct report *report; /* NULL: none */
    bool is_member;
    bool is_silent;      /* its report is too old, or there is none */
    int64_t age_ms;      /* of the report; -1: none */
    int64_t cuts_behind; /* cuts that it has not emitted; -1: not known */
    uint64_t next_seq;
};

struct health {
    struct health_problem problems[HEALTH_PROBLEMS_MAX];
    size_t problem_count; /* without notes */
    size_t count;
    bool can_lose[DCS_MAX];       /* by the snapshot's DCs */
    const char *why_not[DCS_MAX]; /* NULL where it can */
    struct slice sentence;        /* owned by the arena */
};

void health_of(const struct snapshot *s, struct arena *a, struct health *out);
void health_copy_of(const struct snapshot *s, const struct snapshot_stream *st, struct slice dc,
                    struct health_copy *out);

#endif
