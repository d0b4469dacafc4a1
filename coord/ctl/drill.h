/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drill.h - what a rehearsed failure did to a stream, as its readers saw it.
 *
 * Promise: memory depends on the length of the drill and the number of partitions alone. Times are
 *          milliseconds since the drill's recording began, by the one clock of whoever records.
 * Pure:    yes; all memory is the arena's.
 * Not here: acting, reading (io_cmd_drill.c); lost, doubled, reordered: they come from the audit of the
 *          same range (audit.h); the page (drill_html.h).
 */
#ifndef BRAID_COORD_CTL_DRILL_H
#define BRAID_COORD_CTL_DRILL_H

#include "coord/ctl/audit.h"

enum {
    DRILL_BUCKET_MS = 200,
    DRILL_MS_MAX = 60 * 60 * 1000,
    DRILL_BUCKETS_MAX = DRILL_MS_MAX / DRILL_BUCKET_MS,
    DRILL_PARTS_MAX = 256, /* origin partitions of one copy; more are counted together */
    DRILL_NONE = -1        /* a moment that did not come */
};

struct drill_part {
    struct slice dc; /* origin */
    struct slice topic;
    uint32_t partition;
    uint64_t records;
    int64_t late_max_ms; /* from the source's timestamp to here */
};

/* One DC's copy of the global stream. */
struct drill_copy {
    struct slice dc;
    bool is_harmed; /* the DC that the drill takes away */
    uint64_t records;
    int64_t first_seq; /* -1: none yet */
    int64_t last_seq;
    int64_t last_ms;       /* arrival of the last record; DRILL_NONE before the first */
    int64_t gap_max_ms;    /* longest time between two arrivals */
    int64_t gap_from_ms;   /* when it began */
    uint64_t late_records; /* later than the drill's limit */
    int64_t late_max_ms;
    uint32_t *buckets; /* records by DRILL_BUCKET_MS of arrival */
    struct drill_part *parts;
    size_t part_count;
};

struct drill {
    struct arena *arena; /* borrowed */
    struct slice stream;
    struct slice dc;
    struct slice mode;
    int64_t late_limit_ms;
    struct drill_copy copies[AUDIT_DCS_MAX];
    size_t copy_count;
    int64_t acted_ms;    /* the failure began */
    int64_t detected_ms; /* the DC was dropped from the members, or a node of it was gone */
    int64_t taken_ms;    /* first record of a cut without the DC, or from other nodes */
    int64_t ended_ms;    /* the failure ended */
    int64_t fine_ms;     /* status was fine again */
    int64_t total_ms;
    int64_t stall_max_ms; /* longest time for which the recorder itself did not run */
    /* From the audit afterwards. */
    bool is_audited;
    bool is_sound;
    uint64_t lost, duplicated, reordered, other_findings;
    int64_t from_seq, to_seq;
};

/* ERR_NO_MEMORY. */
int drill_init(struct drill *d, struct arena *a);
struct drill_copy *drill_copy_add(struct drill *d, struct slice dc, bool is_harmed);

/* A record of a copy has arrived; `time_ms`: the source's timestamp and `wall_ms` now, both since
 * 1970. */
struct drill_arrival {
    int64_t at_ms;
    int64_t wall_ms;
    int64_t time_ms;
    int64_t seq;
    struct slice dc, topic; /* origin; borrowed */
    uint32_t partition;
};
void drill_record(struct drill *d, struct drill_copy *c, const struct drill_arrival *r);

/* Time is `at_ms`: a gap that is still open counts. */
void drill_tick(struct drill *d, int64_t at_ms);

/* Longest gap of the copies that were not harmed, from acting on. */
int64_t drill_gap_ms(const struct drill *d);

struct drill_limits {
    int64_t gap_ms; /* 0: none */
};

/* What did not pass, in the arena; NULL: all did. */
const char *drill_verdict(const struct drill *d, const struct drill_limits *limits);

#endif
