/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_merge_cut.h - a committed cut by its number: etcd, else a log of cuts. Part of io_merge.
 *
 * Pure:    no: shell.
 */
#ifndef BRAID_NODE_IO_MERGE_CUT_H
#define BRAID_NODE_IO_MERGE_CUT_H

#include "node/io_scan.h"
#include "proto/arena.h"

#define IO_MERGE_CACHE_CUTS 256 /* cuts found in a log of cuts, kept for the next questions */

struct io_merge;

struct cached_cut {
    uint32_t era;
    uint64_t number;
    struct slice bytes; /* in the cache's arena */
};

struct cut_search {
    bool is_wanted;
    uint32_t era;
    uint64_t number;
    uint64_t call;        /* etcd call under way; 0: none */
    struct io_scan *scan; /* of a log of cuts */
    uint32_t next_dc;     /* whose log is searched next; 0: our own */
    int64_t retry_ms;     /* monotonic: not before */
    struct arena arena;   /* the cache's bytes */
    struct cached_cut cache[IO_MERGE_CACHE_CUTS];
    uint32_t cache_count;
};

void merge_cut_wanted(struct io_merge *m, uint32_t era, uint64_t number);
void merge_cut_tick(struct io_merge *m);
void merge_cut_close(struct io_merge *m);

#endif
