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

#include "node/strand_state.h"

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

/* Its log is read from the beginning, and nothing of it counts up to the record at its place. The
 * strand began after `start`; STRAND_SKIM_ANY: that is not known. */
void strand_skim(struct strands *s, uint32_t strand, int64_t start);

/* Its place behind what is emitted: what the next run may start from. */
void strand_place(const struct strands *s, uint32_t strand, struct place *out);

/* The log is another one: its strands go back to what is emitted, and are read from its start. */
void log_reset(struct strands *s, uint32_t log);

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
