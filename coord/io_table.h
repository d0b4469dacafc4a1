/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_table.h - the keys that a watch tells of, kept as a sorted table.
 *
 * Promise: after io_table_apply the table is what etcd had at the event's revision. Keys that did
 *          not change stay where they are.
 * Pure:    no: takes memory from the heap.
 * Thread:  the loop's.
 */
#ifndef BRAID_COORD_IO_TABLE_H
#define BRAID_COORD_IO_TABLE_H

#include "coord/io_etcd_watch.h"

/* All zeros is an empty table. */
struct io_table {
    struct etcd_kv *kvs; /* owned, with the bytes; sorted by key */
    size_t count;
    size_t capacity;
    int64_t revision; /* of the last event, 0: none yet */
};

/* Returns true if anything changed (also with the first event). Without memory the table stays as
 * it is, which the next snapshot repairs. */
bool io_table_apply(struct io_table *t, const struct etcd_watch_event *event);

/* NULL if it is not there. Borrowed until the next change. */
const struct etcd_kv *io_table_find(const struct io_table *t, struct slice key);

void io_table_deinit(struct io_table *t);

#endif
