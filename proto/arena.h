/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that is allocated piece by piece and given back all at once.
 *
 * Promise: arena_alloc never moves what it gave out; arena_reset makes all of it reusable and
 *          keeps the blocks, so that a batch after the first allocates nothing. An arena never
 *          grows beyond its limit.
 * Pure:    but for the heap, which only this file and the io_ files touch.
 * Thread:  one at a time.
 */
#ifndef BRAID_PROTO_ARENA_H
#define BRAID_PROTO_ARENA_H

#include "proto/slice.h"

struct arena_block;

struct arena {
    struct arena_block *first;   /* owned chain of blocks */
    struct arena_block *current; /* borrowed from the chain; the block being filled */
    size_t block_bytes;          /* size of a new block */
    size_t bytes_max;            /* limit over all blocks */
    size_t bytes_held;           /* allocated from the heap */
    size_t bytes_used;           /* handed out since the last reset */
};

/* Prepares an empty arena; takes nothing from the heap yet. */
void arena_init(struct arena *a, size_t block_bytes, size_t bytes_max);

/* Gives everything back to the heap. Accepts a zeroed arena. */
void arena_deinit(struct arena *a);

/* Makes all of it reusable. What arena_alloc returned before is no longer valid. */
void arena_reset(struct arena *a);

/* `len` bytes aligned for any type, not zeroed; NULL if the limit or the heap is exhausted. */
void *arena_alloc(struct arena *a, size_t len);

/* The same, zeroed. */
void *arena_calloc(struct arena *a, size_t count, size_t size);

/* A copy of the bytes, valid until the reset; the absent slice if there is no room. */
struct slice arena_copy(struct arena *a, struct slice bytes);

/* A NUL-terminated copy; NULL if there is no room. */
char *arena_strdup(struct arena *a, struct slice text);

#endif
