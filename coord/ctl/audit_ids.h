/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_ids.h - ids and the last sequence number each came with.
 *
 * Promise: of fixed size; ids are told apart by their 128-bit hash. When it is full, the oldest are
 *          forgotten.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_CTL_AUDIT_IDS_H
#define BRAID_COORD_CTL_AUDIT_IDS_H

#include "coord/ctl/audit_record.h"
#include "proto/arena.h"

struct audit_id {
    struct audit_digest id;
    int64_t seq;
    uint32_t next; /* in its bucket: index + 1; 0: last */
    bool is_used;
};

struct audit_ids {
    struct audit_id *items; /* in the arena; a ring */
    uint32_t *buckets;      /* in the arena: index + 1 of the first; 0: none */
    size_t capacity;        /* of both; a power of two */
    size_t at;              /* next slot of the ring */
};

/* Room for at least `count` ids. False if the arena has none. */
bool audit_ids_init(struct audit_ids *t, size_t count, struct arena *a);

/* Forgets all. */
void audit_ids_clear(struct audit_ids *t);

/* The sequence number that the id last came with, -1 if it is not there. */
int64_t audit_ids_find(const struct audit_ids *t, struct audit_digest id);

/* Notes the id, forgetting the oldest if need be. */
void audit_ids_add(struct audit_ids *t, struct audit_digest id, int64_t seq);

#endif
