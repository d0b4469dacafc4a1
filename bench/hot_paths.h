/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hot_paths.h - what runs once for every record, by name, so that its instructions can be counted
 *               (tests/check/90-instructions.sh, under callgrind).
 *
 * Promise: the same work in every run; the prepared inputs are made before hot_paths_run.
 * Pure:    yes, but for the heap of the arenas.
 */
#ifndef BRAID_BENCH_HOT_PATHS_H
#define BRAID_BENCH_HOT_PATHS_H

#include "bench/event_text.h"

enum hot_path {
    HOT_HEADERS, /* read Braid's headers of an enriched record */
    HOT_INNER,   /* make the headers of an enriched record */
    HOT_FILTER,  /* the chain filter */
    HOT_LINE,    /* a copying line, from input to read back, 100 records a step */
    HOT_SPLICE,  /* decode an event, splice a content in, write it */
    HOT_ANSWER,  /* decode an answer with 50 revisions (one of these counts as 50) */
    HOT_SEAL,    /* a global record's headers and chain */
    HOT_COUNT
};

extern const char *const HOT_NAMES[HOT_COUNT];

struct hot_paths;

/* NULL: no memory. */
struct hot_paths *hot_paths_new(struct arena *a);

/* Does it `count` times; a number that depends on all that was done. */
uint64_t hot_paths_run(struct hot_paths *h, enum hot_path path, uint32_t count);

#endif
