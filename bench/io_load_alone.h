/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_load_alone.h - the open-loop load as a process of its own, for drills.
 *
 * Promise: sends until its time is over or a signal (TERM, INT) ends it, then prints a JSON object:
 *          sent, failed, late, late_max_ms, saturated.
 * Pure:    no.
 * Not here: the sending (io_load.h).
 */
#ifndef BRAID_BENCH_IO_LOAD_ALONE_H
#define BRAID_BENCH_IO_LOAD_ALONE_H

#include <stdint.h>

struct load_alone {
    const char *bootstrap; /* borrowed, both */
    const char *topic;
    int partitions;
    uint64_t seed; /* the API server must have the same, and the same text_bytes */
    uint32_t text_bytes;
    uint64_t first; /* number of the first event: sets its revision */
    uint64_t count; /* with rate 0: as fast as Kafka takes them */
    double rate;    /* events per second */
    double seconds; /* with a rate: when to end */
    uint32_t pages; /* 1..EVENT_TEXT_PAGES */
};

/* An exit code: EXIT_FAILURE if events were not acknowledged. */
int load_alone_run(const struct load_alone *l);

#endif
