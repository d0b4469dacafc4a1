/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line_state.h - what a line knows, and questions about it.
 *
 * Promise: read by whoever runs a line; written by line.c only.
 * Pure:    yes.
 * Not here: what happens to it (line.h).
 */
#ifndef BRAID_NODE_LINE_STATE_H
#define BRAID_NODE_LINE_STATE_H

#include "node/failing.h"
#include "node/line_event.h"
#include "node/uncut.h"
#include "proto/origin.h"

enum line_kind {
    LINE_COPY,   /* every strand of an input partition, bytes unchanged */
    LINE_ENRICH, /* one origin partition; each record becomes one enriched record */
};

struct line_config {
    enum line_kind kind;
    /*
     * The input is a source topic in its own DC: records have no braid-origin, and their log
     * offset is their origin offset. Exactly one strand. Otherwise the input's records carry it.
     */
    bool raw;
    /* Input records count only with this in braid-copy: the input is a copy made by this DC.
     * Absent: the input is a DC's own topic, read where it was written. */
    struct slice input_copy_dc;
    /* The same for the records of the output log (a copier's output is a copy). */
    struct slice output_copy_dc;
    /* Enriched records count only with this enriching DC and incarnation (braid-by): of the
     * output for enrich, of input and output for a copy of enriched records. by.len 0: none. */
    struct slice by_dc;
    uint32_t by_incarnation;
    uint32_t strand_count;
    struct origin_partition strands[LINE_STRANDS_MAX]; /* borrowed names */
    int64_t start[LINE_STRANDS_MAX]; /* position of cut 0: accept after it; or LINE_START_ANY */
    uint32_t in_flight_max;          /* 1..LINE_IN_FLIGHT_MAX */
    uint32_t failed_share_max;       /* of enrich, in percent */
    int64_t retention_ms;            /* of the output of enrich; 0: not known */
};

struct line_strand {
    int64_t in_last;      /* chain filter of the input */
    int64_t out_last;     /* chain filter of the output, as read back */
    int64_t sent_last;    /* last offset handed to the producer, or found in the output */
    int64_t acked_last;   /* last offset acknowledged */
    int64_t cut_position; /* furthest committed position of the origin partition */
    int64_t read_mark;    /* what must be read back ... */
    int64_t read_mark_ms; /* ... since then (A13) */
};

enum line_slot_kind {
    LINE_SLOT_WORK, /* waits for DONE, then PRODUCE */
    LINE_SLOT_COPY, /* PRODUCE was given at once */
    LINE_SLOT_SKIP,
    LINE_SLOT_GAP,
    LINE_SLOT_NONE, /* the output has it already: only the place moves */
};

struct line_slot {
    enum line_slot_kind kind;
    struct origin origin;
    int64_t source_time_ms;
    int64_t in_next;  /* input log offset after this record */
    int32_t in_epoch; /* its leader epoch */
    uint32_t strand;
    bool has_failed; /* for the API's reasons */
    bool is_done;
    bool is_acked;
};

/* A record that a log must still have; at -1: nothing to be checked. */
struct line_check {
    int64_t at;
    int32_t epoch;
};

enum line_phase {
    LINE_IDLE,
    LINE_RECOVERING, /* reading the own output log to its tail */
    LINE_RUNNING,
    LINE_STOPPED,
};

struct line {
    struct line_config config;
    enum line_phase phase;
    struct line_strand strands[LINE_STRANDS_MAX];
    struct line_slot slots[LINE_IN_FLIGHT_MAX]; /* by ticket modulo in_flight_max */
    uint64_t ticket_read;                       /* tickets below are acknowledged and read back */
    uint64_t ticket_sent;                       /* tickets below are produced */
    uint64_t ticket_next;
    int64_t out_next;  /* output log offset after what was read back */
    int32_t out_epoch; /* leader epoch of the record before it; -1: not known */
    int64_t out_end;   /* the output's end when the input's bounds were asked for */
    bool out_grew;     /* somebody has written to it since */
    struct line_check in_check;
    struct line_check out_check;
    struct log_bounds in_bounds;
    struct log_bounds out_bounds;
    struct line_place given_in; /* at START */
    struct line_place place_in; /* the same, later: behind what was read back */
    struct line_place saved_in; /* as the last COMMIT had them */
    struct line_place saved_out;
    int64_t commit_ms;
    uint64_t holes;
    uint64_t foreign;
    uint64_t duplicates;
    struct failing failing; /* of enrich */
    struct uncut uncut;     /* of enrich */
    bool is_old;            /* what no cut covers is too old: takes no more (A2) */
    bool in_begins;         /* the next input record is the first that the log has */
    bool in_caught_up;
    bool is_out_lost; /* the output was not the log of its place */
};

/* How many more input records it can take now; 0: pause reading the input. */
uint32_t line_room(const struct line *l);

/* What keeps an enriching line from its work, though nothing is wrong with it; NULL: nothing does. */
const char *line_waits(const struct line *l);

/* What a COMMIT must save. */
void line_places(const struct line *l, struct line_place *out_in, struct line_place *out_out);

/* How many more slots it has, whether it may take records or not. */
uint32_t line_slots_free(const struct line *l);

bool line_place_equal(const struct line *l, const struct line_place *a, const struct line_place *b);

#endif
