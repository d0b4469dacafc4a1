/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_floor.h - the least that the same work costs: librdkafka and libcurl alone, doing nothing else.
 *
 * Each floor runs as a process of its own (`braid-bench --child floor-... ARGS`) and prints one line:
 * events, seconds, CPU seconds (its own, after the warm-up), peak MB.
 *
 * Pure:    no.
 */
#ifndef BRAID_BENCH_IO_FLOOR_H
#define BRAID_BENCH_IO_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

struct floor_copy {
    const char *from; /* bootstrap */
    const char
        *topics[2]; /* read both; only records of the first are written. [1]: NULL for none */
    int partitions;
    const char *to; /* bootstrap; NULL: nothing is written */
    const char *topic_to;
    uint64_t count; /* records of the first topic */
    uint64_t warm;
    uint32_t value_bytes; /* of what is written; 0: the record's own */
    uint32_t cut_ms;      /* transactional, with a commit every so many ms; 0: not */
};

struct floor_curl {
    const char *url; /* of api.php */
    const char *host;
    uint64_t count; /* revisions */
    uint64_t warm;
    uint32_t batch;
    uint32_t in_flight;
};

struct floor_result {
    uint64_t events;
    double seconds;
    double cpu_s;
    double peak_mb;
};

/* In the child. An exit code. */
int floor_copy_run(const struct floor_copy *f);
int floor_curl_run(const struct floor_curl *f);

#endif
