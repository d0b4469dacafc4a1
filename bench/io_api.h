/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_api.h - the made-up wiki farm's API server: one process, one loop, answers from memory.
 *
 * Promise: each answer leaves `latency_ms` (log-normal with `sigma` around that median) after its
 *          request came; of a thousand requests, `errors` are answered with `failure`.
 * Pure:    no.
 * Not here: what an answer says (api_answer.h).
 */
#ifndef BRAID_BENCH_IO_API_H
#define BRAID_BENCH_IO_API_H

#include "bench/texts.h"

struct io_api_config {
    uint16_t port; /* on loopback */
    uint64_t seed;
    uint32_t text_bytes; /* of a page's text, mean */
    double text_sigma;
    double latency_ms; /* median; 0: at once */
    double latency_sigma;
    uint32_t errors; /* per thousand */
    int failure;     /* enum api_failure; -1: maxlag and 500, one as often as the other */
};

/* What it has been asked so far; it keeps them in the file that this variable names. */
#define IO_API_COUNTS "BRAID_BENCH_COUNTS"

struct io_api_counts {
    uint64_t requests;
    uint64_t connections;
};

/* 0, or ERR_IO: not known. */
int io_api_read_counts(struct io_api_counts *out);

/* Serves until the process is ended; returns only an exit code of failure. */
int io_api_serve(const struct io_api_config *config);

#endif
