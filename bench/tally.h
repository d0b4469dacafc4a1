/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.h - which source events came out of the other end: lost, twice, out of order.
 *
 * Promise: counts by braid-origin alone: every offset of every source partition that was sent is
 *          expected once, in rising order within its partition. A gap or skipped record counts for
 *          all of prev+1..offset.
 * Pure:    yes. Memory from the arena, fixed at init.
 */
#ifndef BRAID_BENCH_TALLY_H
#define BRAID_BENCH_TALLY_H

#include "proto/arena.h"
#include "proto/headers.h"

enum {
    TALLY_DCS = 2,
    TALLY_PARTITIONS_MAX = 96,
};

struct tally_strand {
    uint8_t *seen; /* a bit for each offset */
    int64_t last;
};

struct tally {
    int64_t offsets_max; /* of one partition */
    struct slice dcs[TALLY_DCS];
    int partitions;
    struct tally_strand strands[TALLY_DCS][TALLY_PARTITIONS_MAX];
    uint64_t distinct;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t unknown;    /* no sound origin, or one that was never sent */
    uint64_t not_ok;     /* braid-status is there and says something else */
    uint64_t seq_faults; /* global: braid-seq was not the next one */
    int64_t next_seq;
};

/* 0 or ERR_NO_MEMORY. The names are borrowed. */
int tally_init(struct tally *t, const struct slice dcs[TALLY_DCS], int partitions,
               int64_t offsets_max, struct arena *a);

void tally_add(struct tally *t, const struct braid_headers *h, bool is_global);

#endif
