/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - memory of one seed: handed out piece by piece, taken back all at once.
 *
 * Promise: what pool_alloc gives stays where it is until pool_reset. The pages are kept from one
 *          seed to the next.
 * Not here: the core's own memory (proto/arena.h).
 */
#ifndef BRAID_SIM_POOL_H
#define BRAID_SIM_POOL_H

#include "proto/slice.h"

struct pool {
    uint8_t *bytes; /* owned */
    size_t size;
    size_t used;
    size_t used_max;
};

void pool_init(struct pool *p, size_t size);
void pool_reset(struct pool *p);

/* Zeroed, aligned to 16. Ends the program when the pool is empty: a seed is bounded. */
void *pool_alloc(struct pool *p, size_t len);
/* The same, not zeroed: for what is filled at once. */
void *pool_take(struct pool *p, size_t len);

struct slice pool_copy(struct pool *p, struct slice bytes);

/* The number as decimal text: what printf does, without its cost. */
struct slice pool_number(struct pool *p, int64_t number);

/* Makes room for one more in an array of `count` of `capacity` elements; may move it. */
void *pool_grow(struct pool *p, void *array, size_t count, size_t *capacity, size_t element);

#endif
