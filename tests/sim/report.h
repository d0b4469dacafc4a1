/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - many seeds at once, and what they came to.
 */
#ifndef BRAID_SIM_REPORT_H
#define BRAID_SIM_REPORT_H

#include "tests/sim/cover.h"
#include "tests/sim/world.h"

/* What one seed came to. Plain bytes: it crosses a pipe. */
struct outcome {
    uint64_t seed;
    bool is_broken;
    char invariant[8];
    char text[320];
    double at_s;
    double virtual_s;
    struct stats stats;
    uint32_t cover[COVER_COUNT];
};

/* Prints the outcome of the world's seed, and if it broke how to replay it. */
void report_one(const struct world *w, FILE *to);

/* Runs seeds first..first+count-1; returns the exit code. */
int report_seeds(uint64_t first, uint64_t count, enum mutant mutant, uint32_t workers, bool stats);

/* Runs every mutant until something breaks: one line each. */
int report_mutants(uint32_t workers, bool is_verbose);

#endif
