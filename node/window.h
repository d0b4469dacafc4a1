/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - the ids emitted with the last N sequence numbers (R9, A7).
 *
 * Promise: window_find says whether an id was pushed with one of the last N numbers and not below
 *          the floor. The whole id is compared. Memory is fixed at init: 48 bytes an id and its
 *          share of the table, 64 at most. Longer ids than WINDOW_ID_MAX take their number but
 *          are never found: such sources are not covered by the dropping of duplicates.
 * Pure:    yes; all memory comes from the arena given to window_init.
 */
#ifndef BRAID_NODE_WINDOW_H
#define BRAID_NODE_WINDOW_H

#include "proto/arena.h"
#include "proto/slice.h"

#define WINDOW_ID_MAX  39 /* a UUID, '#' and two digits */
#define WINDOW_IDS_MAX 10000000

struct window_slot {
    uint64_t hash;
    uint8_t len; /* 0: this number has no id */
    uint8_t bytes[WINDOW_ID_MAX];
};

struct window {
    uint64_t first; /* smallest number kept */
    uint64_t next;  /* the next to be pushed */
    uint64_t ids_max;
    struct window_slot *slots; /* by number modulo ids_max; in the arena */
    uint32_t *table;           /* open addressing, linear: slot index + 1; in the arena */
    uint64_t table_mask;
};

/* Room for the last `ids_max` ids (1..WINDOW_IDS_MAX). 0, or ERR_NO_MEMORY. */
int window_init(struct window *w, uint64_t ids_max, struct arena *a);

/* Empties it; the next number to be pushed is `next`. */
void window_reset(struct window *w, uint64_t next);

/* The id emitted with number w->next. */
void window_push(struct window *w, struct slice id);

/* True if `id` was pushed with a number >= floor that is still in the window. */
bool window_find(const struct window *w, struct slice id, uint64_t floor);

#endif
