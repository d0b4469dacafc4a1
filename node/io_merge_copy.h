/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_merge_copy.h - a copy of a peer's global topic and log of cuts (R11). Part of io_merge.
 *
 * Happy path: the core asks for it -> a new producer fences, the own tail is read -> where the next
 * number is in the peer's global topic -> its records, in transactions -> the cuts of the peer's log
 * -> all acknowledged: its lines -> all acknowledged: the run ends, and the next one starts from what
 * is here now.
 *
 * Failures: any ends the run; the next one copies what is still missing.
 *
 * Pure:    no: shell.
 */
#ifndef BRAID_NODE_IO_MERGE_COPY_H
#define BRAID_NODE_IO_MERGE_COPY_H

#include "coord/keyspace.h"
#include "node/io_scan.h"
#include "node/peer_copy.h"

#define IO_MERGE_COPY_DC_MAX 64 /* bytes of a DC's name */

struct io_merge;

struct merge_copying {
    char dc[IO_MERGE_COPY_DC_MAX];
    char why[192];
    struct merge_copy goal; /* its dc is the text above */
    struct peer_copy state;
    struct io_site *site; /* the peer's */
    struct io_scan *scan;
    struct io_reading *reading; /* of the peer's global topic, then of its log of cuts */
    int64_t from;               /* where the reading begins; negative: not known */
    bool in_lines;              /* the records are there */
    bool is_ended;              /* the reading is to be stopped with the tick */

    /* the transaction */
    void *taken[IO_READER_BATCH]; /* owned messages, not committed yet */
    uint32_t taken_count;
    uint32_t written;
    uint64_t copied; /* records, of this run */

    /* lines */
    int64_t own_end;      /* of the own log of cuts before the first of them */
    int64_t last_offset;  /* of the goal's line in the peer's log; -1: not found */
    int64_t window_from;  /* its window's beginning */
    int64_t first_wanted; /* offset of the first cut that is wanted, in this pass; -1: none */
    uint64_t least_cut;   /* smallest number of a cut seen in this pass */
};

/* The core asks for a copy; the tail is read behind a new producer; with each tick; a transaction
 * has ended; a line is acknowledged. */
void merge_copy_begin(struct io_merge *m, const char *why);
void merge_copy_tail(struct io_merge *m);
void merge_copy_tick(struct io_merge *m);
void merge_copy_ended(struct io_merge *m, bool is_committed, const char *detail);
void merge_copy_close(struct io_merge *m);
/* After the producer is gone: what it was to write is not needed any more. */
void merge_copy_release(struct io_merge *m);

#endif
