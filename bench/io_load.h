/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_load.h - sends made-up page-change events to a source topic.
 *
 * Open loop: event i is due at start + i / rate, whatever became of those before it. Its Kafka
 * timestamp and its header `bench-time` (microseconds since 1970) are that intended time, so that
 * latency counts from when an event was to be sent, not from when a busy generator came to it.
 *
 * Promise: how late events were sent is measured, and load_is_saturated says when the generator, not
 *          what is tested, set the pace.
 * Pure:    no: a thread of its own.
 */
#ifndef BRAID_BENCH_IO_LOAD_H
#define BRAID_BENCH_IO_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "bench/event_text.h"

#define LOAD_TIME_HEADER "bench-time"

enum {
    LOAD_LATE_US = 20000,        /* an event sent later than that was late ... */
    LOAD_LATE_PER_THOUSAND = 10, /* ... and with more such ones the generator is saturated */
};

struct load_config {
    const char *bootstrap; /* borrowed, all of them, until load_wait */
    const char *topic;
    int partitions;
    const struct event_source *source;
    uint64_t first; /* number of the first event of the source */
    uint64_t count;
    double rate; /* events per second; 0: as fast as Kafka takes them */
};

struct load_result {
    uint64_t sent;
    uint64_t failed; /* not acknowledged */
    uint64_t late;
    int64_t late_max_us;
    int64_t start_us; /* wall clock; when event 0 was due */
    double seconds;
};

struct load;

struct load *load_start(const struct load_config *config);
/* Ends the sending early; what was sent counts. */
void load_stop(struct load *l);
struct load_result load_wait(struct load *l);

bool load_is_saturated(const struct load_result *r);

#endif
