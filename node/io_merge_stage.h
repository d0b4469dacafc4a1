/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_merge_stage.h - where a merge's run is, and the small things it keeps. Part of io_merge.
 *
 * Pure:    no: shell.
 */
#ifndef BRAID_NODE_IO_MERGE_STAGE_H
#define BRAID_NODE_IO_MERGE_STAGE_H

#include "node/io_kafka_reader.h"

struct io_merge;

enum merge_stage {
    STAGE_WAITING, /* for the stream's spec and cut, its brokers */
    STAGE_FENCING, /* init of the transactional producer */
    STAGE_TAIL,    /* of the global topic */
    STAGE_LINES,   /* newest line and cut in the log of cuts */
    STAGE_VIEW,    /* etcd */
    STAGE_IDS,     /* of the window */
    STAGE_RUNNING,
    STAGE_COPYING, /* from a peer (io_merge_copy.c) */
    STAGE_CLOSING, /* the run is over, its producer is being destroyed */
    STAGE_OVER,
};

/* One log of enriched records. */
struct merge_log {
    struct io_merge *merge;
    uint32_t index;
    struct io_reading *reading;
    int64_t from;      /* of the READ whose bounds are asked for */
    int64_t bounds_ms; /* monotonic: of the READ */
    bool is_late;      /* the log ends before the READ's offset: ask again with the tick */
    bool wants_bounds; /* the next IO_READ_BOUNDS is for a READ */
    bool is_paused;

    /* since a PAUSE, if the reading can go on in its place */
    bool is_in_place;
    bool is_resuming;  /* a READ has come: with the tick */
    bool has_end;      /* the log's end was reached meanwhile */
    int64_t held_from; /* the log is at hand from here on: what is held, then what comes */
    int64_t start;     /* bounds, as known */
    int64_t end;
    size_t held_bytes;
    uint32_t held_count;
    void *held[IO_READER_BATCH]; /* owned messages */
};

/* A line of the log of cuts that the writer had no room for. */
struct merge_note {
    struct merge_note *next;
    uint64_t ticket;
    size_t len;
    uint8_t bytes[];
};

struct logged_cut {
    uint32_t era;
    uint64_t number;
};

#endif
