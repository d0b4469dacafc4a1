/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_watch.h - reads what came out, as its readers would, while it comes out: what arrived when, and
 *              whether all of it did, once and in order.
 *
 * Promise: latency is from an event's intended time to its arrival at this reader (read_committed),
 *          in microseconds; only events intended at or after `from_us` are in the histogram.
 * Pure:    no: a thread of its own.
 */
#ifndef BRAID_BENCH_IO_WATCH_H
#define BRAID_BENCH_IO_WATCH_H

#include <hdr/hdr_histogram.h>

#include "bench/tally.h"

enum {
    WATCH_SLICE_MS = 250, /* of the plot of arrivals */
    WATCH_SLICES_MAX = 2400,
};

struct watch_config {
    const char *bootstrap; /* borrowed, both, until watch_end */
    const char *topic;
    int partitions;
    bool is_global;
    struct slice dcs[TALLY_DCS];
    int source_partitions;
    int64_t offsets_max; /* of one source partition */
};

struct watch_result {
    struct tally tally;
    struct hdr_histogram *latency;     /* owned: hdr_close */
    int64_t gap_max_us;                /* longest time without a record, between two of them */
    uint32_t slices[WATCH_SLICES_MAX]; /* arrivals, since the first one was intended */
    uint32_t slice_count;
};

struct watch;

struct watch *watch_start(const struct watch_config *config);

/* Records that have arrived so far. Any thread. */
uint64_t watch_seen(const struct watch *w);

/* Whether everything expected has come, by origin: `expected` distinct source events. */
uint64_t watch_distinct(const struct watch *w);

/* From now on the first new event's arrival (wall clock) is kept; 0: none has come. */
void watch_mark(struct watch *w);
int64_t watch_first_us(const struct watch *w);

/* From now on events that are intended at or after this (wall clock) are measured, and gaps. */
void watch_measure(struct watch *w, int64_t from_us);

/* Stops reading, frees it. */
void watch_end(struct watch *w, struct watch_result *out);

#endif
