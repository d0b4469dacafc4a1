/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - Prometheus' text format.
 *
 * Promise: label values and help texts are escaped; a family's head comes once, before its
 *          samples, if the caller keeps to metrics_family and then metrics_add.
 * Pure:    yes.
 * Not here: which metrics there are (io_admin.c, docs/operations).
 */
#ifndef BRAID_NODE_METRICS_H
#define BRAID_NODE_METRICS_H

#include "coord/text.h"

#define METRICS_BUCKETS 14

struct metrics_label {
    const char *name;
    struct slice value;
};

/* Times in milliseconds; buckets from 5 ms to 60 s, shown in seconds. */
struct metrics_times {
    uint64_t count;
    uint64_t sum_ms;
    uint64_t buckets[METRICS_BUCKETS]; /* not cumulative; above the last: only in count */
};

void metrics_family(struct text *out, const char *name, const char *type, const char *help);

/* name{labels} value. Labels are ended by one with name NULL. */
void metrics_add(struct text *out, const char *name, const struct metrics_label *labels,
                 double value);
void metrics_add_count(struct text *out, const char *name, const struct metrics_label *labels,
                       uint64_t value);

void metrics_times_add(struct metrics_times *t, int64_t ms);

/* _bucket, _sum and _count of a histogram; at most METRICS_LABELS_MAX labels. */
void metrics_add_times(struct text *out, const char *name, const struct metrics_label *labels,
                       const struct metrics_times *t);

#endif
