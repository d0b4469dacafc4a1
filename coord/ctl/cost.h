/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cost.h - what a stream costs: bytes a second, disk, WAN, API calls a day.
 *
 * Promise: the sums follow docs/design.md ("Cost, said aloud") for any number of DCs; a sum that would
 *          not fit is the largest number there is.
 * Pure:    yes.
 * Not here: measuring the sources (io_apply_cost.c).
 */
#ifndef BRAID_COORD_CTL_COST_H
#define BRAID_COORD_CTL_COST_H

#include <stdbool.h>
#include <stdint.h>

struct cost_input {
    int64_t dcs;
    bool is_at_origin; /* enrich_at: origin */
    int64_t replication;
    int64_t events_per_day; /* of all sources together */
    int64_t source_bytes;   /* of one record, with its key and headers: average */
    int64_t enriched_bytes; /* the same, enriched */
    int64_t inner_kept_s;   /* retention of copies and enriched topics */
    int64_t global_kept_s;
};

/* Of all DCs together. */
struct cost {
    int64_t api_calls_per_day;
    int64_t wan_bytes_per_s;
    int64_t stored_bytes_per_s; /* with replicas */
    int64_t disk_bytes;         /* with replicas, once retention is reached */
};

struct cost cost_of(const struct cost_input *in);

#endif
