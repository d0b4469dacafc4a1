/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strand.h - what one DC holds of a stream's strands: filter, digests, records not yet emitted.
 *
 * A *log* is one partition of one DC's enriched topic as it lies in the own Kafka; it carries a
 * strand of each origin partition with that number. Each strand keeps a ring of entries between
 * its base (all before is emitted) and its last accepted record.
 *
 * Promise: held counts only what strands_read was given and the filter accepted; a full ring or byte
 *          budget means that less is held, never a loss: the log is read again from where it ended.
 * Pure:    yes; memory from the arena at init.
 * Not here: which cut to make (member.h, merge.c), what is emitted (plan.h).
 */
#ifndef BRAID_NODE_STRAND_H
#define BRAID_NODE_STRAND_H

#include "node/window.h"
#include "proto/cut.h"
#include "proto/record.h"

#define STRAND_ENTRIES_MIN 64
#define LOG_STRANDS_MAX    64

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
    uint32_t part; /* index of its origin partition */
    bool is_over;  /* took no more since `from`: ring or budget full */
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
    bool is_reset;         /* to be read from its start, wherever that is; the bounds will tell */
    bool is_lost;          /* it is not the log of our places: it was truncated (A1) */
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
    uint64_t bytes_max; /* for one strand */
    uint32_t grace_ms;
    uint64_t holes;
    uint64_t foreign;
    uint64_t duplicates;
    void **released; /* handles to give back */
    uint32_t released_count;
    uint32_t released_max;
};

struct strands_config {
    struct slice dc;
    const struct layout *layout; /* borrowed for the life of the strands */
    uint32_t entries_max;
    uint64_t bytes_max;
    uint32_t grace_ms;
};

/* 0; ERR_NO_MEMORY, or ERR_TOO_LARGE for a layout beyond the limits. */
int strands_init(struct strands *s, const struct strands_config *config, uint32_t logs_max,
                 struct arena *a);

/* Sets the state of a strand before its first record is read. */
void strand_place_set(struct strands *s, uint32_t strand, const struct place *at);

/* Its place behind what is emitted: what the next run may start from. */
void strand_place(const struct strands *s, uint32_t strand, struct place *out);

/* The log is another one: its strands go back to what is emitted, and are read from its start. */
void log_reset(struct strands *s, uint32_t log);

/* After a reset: where the log starts. */
void log_start_known(struct strands *s, uint32_t log, int64_t log_start);

/* Where a log must be read from to serve all its strands. */
int64_t log_from(const struct strands *s, uint32_t log);

/* The same after log_rewind: one before, so that the record before the place is checked (A1). */
int64_t log_check_from(const struct strands *s, uint32_t log);

/* Takes records of a log, in log order. keep[i] tells whether handle i is kept. Returns true if the
 * log should be paused: none of its strands takes more. */
bool strands_read(struct strands *s, uint32_t log, const struct record *records, uint32_t count,
                  int64_t now_ms, bool *keep);

/* The log was read to its end, which is log_offset. */
void log_caught_up(struct strands *s, uint32_t log, int64_t log_offset);

/* Moves what may be offered forward (grace, gaps). Returns true if any moved. */
bool strands_offer(struct strands *s, int64_t now_ms);

/* The last offset that may be offered. */
int64_t strand_offer(const struct strand *st);

/* Index of the first entry with an offset above `offset`; tail if none. */
uint64_t strand_after(const struct strand *st, int64_t offset);

static inline struct entry *strand_entry(const struct strand *st, uint64_t index)
{
    return &st->ring[index & st->mask];
}

/* The digest at a position that is the base's or an entry's. False if it is neither. */
bool strand_digest_at(const struct strand *st, int64_t position, uint64_t *out);

/* Drops the entries up to `position`, which is emitted; their handles go to `released`. */
void strand_emitted(struct strands *s, uint32_t strand, int64_t position);

/* True if the strand stopped taking and has room again: its log is to be read from log_from. */
bool log_wants_reading(const struct strands *s, uint32_t log);

/* To be called before a log is read from log_from. */
void log_rewind(struct strands *s, uint32_t log);

#endif
