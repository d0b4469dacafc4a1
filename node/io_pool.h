/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_pool.h - blocks of one size that are used again and again: for what each record on its way needs.
 *
 * Promise: as long as no more blocks are out than ever before, taking one asks the heap for nothing
 *          (taken from the heap: `heap_count`); at most IO_POOL_KEPT_MAX wait to be used again.
 * Pure:    no: the heap.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_POOL_H
#define BRAID_NODE_IO_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IO_POOL_KEPT_MAX 1024

struct io_pool_block;

/* All zeros is an empty pool. */
struct io_pool {
    struct io_pool_block *first; /* owned: those that wait */
    uint32_t kept;
    uint64_t heap_count; /* blocks taken from the heap so far */
};

/* A block of `size` bytes, the same for all of a pool. Zeros when it is new, else as it was given
 * back. NULL without memory. */
void *io_pool_take(struct io_pool *p, size_t size);

/* Gives a block back. False: enough of them wait; the caller ends what it holds, then io_pool_free. */
bool io_pool_give(struct io_pool *p, void *data);

/* Frees a block that does not go back to its pool. */
void io_pool_free(void *data);

/* Frees those that wait; `end` sees each before (NULL: nothing to end). */
void io_pool_deinit(struct io_pool *p, void (*end)(void *block));

#endif
