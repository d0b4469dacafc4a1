/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strand_state.h - what strand.h keeps of one DC's strands, and of the logs that carry them.
 *
 * Promise: read by whoever decides on what is held; written by strand.c only.
 * Pure:    yes.
 * Not here: what can be done with it (strand.h).
 */
#ifndef BRAID_NODE_STRAND_STATE_H
#define BRAID_NODE_STRAND_STATE_H

#include "node/window.h"
#include "proto/cut.h"
#include "proto/record.h"

#define STRAND_ENTRIES_MIN 64
#define LOG_STRANDS_MAX    64
#define STRAND_SKIM_ANY    (-2) /* below all positions: the first record says where it starts */

struct entry {
    int64_t offset; /* in the origin partition */
    int64_t log_offset;
    int32_t epoch_before; /* leader epoch of the record before it in the log */
    int64_t source_time_ms;
    int64_t read_ms; /* when it was read: grace counts from here */
    uint64_t digest; /* of the strand, up to and with this record */
    void *handle;    /* the shell's message; NULL if its value is not needed */
    uint32_t bytes;
    uint8_t status;
    uint8_t id_len;
    uint8_t id[WINDOW_ID_MAX];
};

struct strand {
    struct entry *ring;
    uint64_t mask;
    uint64_t head; /* entries before are emitted */
    uint64_t tail;
    uint64_t offered;  /* entries before may be offered */
    int64_t base_last; /* offset of the last entry that left at the head */
    uint64_t base_digest;
    int64_t last; /* accepted and read back: held */
    uint64_t digest;
    int64_t from;       /* records of the log before this are judged */
    int32_t from_epoch; /* leader epoch of the one before that */
    int64_t check_at;   /* the record at this log offset must be of check_epoch; -1: none must */
    int32_t check_epoch;
    int64_t cut;    /* its position in the last emitted cut */
    int64_t wanted; /* the next cut to be emitted needs it up to here: no budget before */
    int64_t ahead;  /* the newest cut that was taken in needs it up to here */
    int64_t report; /* this DC has reported it up to here: no budget before, either (A4) */
    uint64_t bytes;
    uint32_t log;
    uint32_t part;     /* index of its origin partition */
    bool is_over;      /* took no more since `from`: ring or budget full */
    bool has_hole;     /* what came last did not follow */
    bool skims;        /* its log is read from its beginning, only to find where base_last is ... */
    int64_t skim_last; /* ... by a filter of its own; STRAND_SKIM_ANY: no record yet */
};

struct log {
    struct slice by;
    uint32_t by_incarnation;
    uint32_t partition;
    uint32_t count;
    uint32_t strands[LOG_STRANDS_MAX];
    int64_t next;          /* log offset of the next record to be read */
    int32_t epoch;         /* leader epoch of the one before it; -1: not known */
    uint32_t checks;       /* strands whose place is not checked yet */
    struct log_tail tail;  /* the newest record accepted; epoch -1: none */
    struct log_tail known; /* the same of the own topic, as last reported: it must still be there */
    bool is_reset;         /* to be read from its start, until log_start_known says where that is */
    bool is_lost;          /* it is not the log of our places: it was truncated (A1) */
    bool is_told;          /* ... and of the own topic: the log epoch was raised for it */
    bool is_shorter;       /* it has not what was reported (A4) */
    bool is_caught_up;
    bool is_paused;
    bool has_bounds; /* of the reading that log_rewind asked for: nothing counts before */
};

/* An origin partition, with the strands that carry it. */
struct part {
    struct origin_partition from;
    uint32_t count;
    uint32_t strands[DCS_MAX];
    int64_t decided; /* furthest position of the last emitted cut */
};

struct strands {
    struct slice dc; /* own */
    struct layout layout;
    struct strand *list; /* layout.count */
    struct log *logs;
    uint32_t log_count;
    struct part *parts; /* sorted by origin_partition_compare */
    uint32_t part_count;
    uint64_t bytes;        /* of all strands */
    uint64_t bytes_max;    /* that each strand may have in any case */
    uint64_t bytes_common; /* above which none may have more; below it, those that lead */
    uint32_t grace_ms;
    uint64_t holes;
    uint64_t foreign;
    uint64_t duplicates;
    void **released; /* handles to give back */
    uint32_t released_count;
    uint32_t released_max;
};

#endif
