/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline.h - virtual time: what will happen, in order of time, then of when it was planned.
 *
 * Promise: happenings of the same millisecond come in the order in which they were added.
 * Not here: what a happening does (world.c).
 */
#ifndef BRAID_SIM_TIMELINE_H
#define BRAID_SIM_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct happening {
    int64_t at_us;
    uint64_t order; /* set by timeline_add */
    int kind;       /* enum happening_kind of world.h */
    uint32_t who;
    uint32_t generation; /* of `who`: one that has ended gets nothing */
    uint32_t which;
    int64_t number;
    void *ptr;
};

struct timeline {
    struct happening *heap; /* owned */
    size_t count;
    size_t capacity;
    uint64_t order;
};

void timeline_reset(struct timeline *t);
void timeline_add(struct timeline *t, const struct happening *h);
/* False: nothing left. */
bool timeline_next(struct timeline *t, struct happening *out);

#endif
