/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chance.h - all chance of a simulation, from one seed.
 *
 * Promise: the same seed and stream give the same numbers for ever, on every machine.
 * Pure:    yes.
 */
#ifndef BRAID_SIM_CHANCE_H
#define BRAID_SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

/* xoshiro256**, seeded by splitmix64. */
struct chance {
    uint64_t s[4];
};

/* Different `stream`s of one seed are independent of each other. */
void chance_seed(struct chance *c, uint64_t seed, uint64_t stream);

uint64_t chance_next(struct chance *c);

/* 0 .. n-1; 0 for n == 0. */
uint32_t chance_below(struct chance *c, uint32_t n);

/* low .. high, both included. */
int64_t chance_between(struct chance *c, int64_t low, int64_t high);

/* True in `permille` of 1,000 cases. */
bool chance_permille(struct chance *c, uint32_t permille);

/* A number that is determined by `x` alone. */
uint64_t chance_mix(uint64_t x);

#endif
