/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chance.h - numbers that look random and are the same for the same seed.
 *
 * Promise: chance_at depends on nothing but its arguments, so that the load generator and the API
 *          server agree about a revision without talking to each other.
 * Pure:    yes.
 */
#ifndef BRAID_BENCH_CHANCE_H
#define BRAID_BENCH_CHANCE_H

#include <stdint.h>

enum {
    CHANCE_PAGES_MAX = 100000,
};

struct chance {
    uint64_t state;
};

uint64_t chance_next(struct chance *c);

/* The n-th number of a seed. */
uint64_t chance_at(uint64_t seed, uint64_t n);

/* In [0, 1). */
double chance_unit(uint64_t random);

/* Which of `count` pages: Zipf with exponent 1 over ranks 1..count, by `cumulative`, which
 * chance_zipf_fill has filled; 0 is the most frequent one. */
void chance_zipf_fill(double *cumulative, uint32_t count);
uint32_t chance_zipf(const double *cumulative, uint32_t count, uint64_t random);

/* About log-normal, by its median and sigma; nothing is further out than 6 sigma. */
double chance_spread(double median, double sigma, uint64_t random);

#endif
