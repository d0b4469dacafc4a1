/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - the ids emitted with the last N sequence numbers (R9, A7).
 *
 * Promise: window_find says whether an id was emitted with a number in [seq - N, seq) that is not
 *          below the floor. The whole id is compared. Memory is fixed at init: about 60 bytes an
 *          id of up to 36 bytes.
 * Pure:    yes; all memory comes from the arena given to window_init.
 */
#ifndef BRAID_NODE_WINDOW_H
#define BRAID_NODE_WINDOW_H

#include "proto/arena.h"
#include "proto/slice.h"

struct window_slot {
    uint64_t hash; /* of the id; 0 and len 0: this number has no id */
    uint64_t at;   /* where the id's bytes begin in the ring, as a running total */
    uint32_t len;
};

struct window {
    uint64_t first; /* smallest sequence number kept */
    uint64_t next;  /* the next one to be pushed */
    uint64_t ids_max;
    struct window_slot *slots; /* by number modulo ids_max; in the arena */
    uint32_t *table;           /* open addressing: slot index + 1; in the arena */
    uint64_t table_mask;
    uint8_t *ring; /* the ids' bytes; in the arena */
    uint64_t ring_bytes;
    uint64_t ring_head; /* running total of bytes written */
};

/* Room for the last `ids_max` ids. 0, or ERR_NO_MEMORY. */
int window_init(struct window *w, uint64_t ids_max, struct arena *a);

/* Empties it; the next number to be pushed is `next`. */
void window_reset(struct window *w, uint64_t next);

/* The id emitted with number w->next; an empty id takes the number and is never found. */
void window_push(struct window *w, struct slice id);

/* True if `id` was pushed with a number >= floor that is still in the window. */
bool window_find(const struct window *w, struct slice id, uint64_t floor);

#endif
