/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line_event.h - what can happen to a line, and what it asks of its shell.
 *
 * Promise: slices and arrays are borrowed for the call; actions are to be carried out in order.
 * Pure:    yes.
 * Not here: the line's life and state (line.h).
 */
#ifndef BRAID_NODE_LINE_EVENT_H
#define BRAID_NODE_LINE_EVENT_H

#include "node/failing.h"
#include "proto/origin.h"
#include "proto/record.h"

#define LINE_STRANDS_MAX   64
#define LINE_IN_FLIGHT_MAX 1024
#define LINE_ACTIONS_MAX   (2 * LINE_IN_FLIGHT_MAX + 64)
#define LINE_READ_BACK_MS  5000 /* A13: acks must be read back within this */
#define LINE_COMMIT_MS     1000 /* places are saved this often */
#define LINE_FROM_START    (-2) /* a log offset: the log's beginning */
#define LINE_START_ANY     (-2) /* a start: from the earliest record that the input has (A9) */

/* What COMMIT saved, as the shell read it back; valid false: nothing saved. */
struct line_place {
    bool valid;
    int64_t log_offset;             /* next to read */
    int32_t epoch;                  /* leader epoch of the record before it; -1: not known */
    int64_t last[LINE_STRANDS_MAX]; /* by strand */
};

/* Bounds of a log as the broker tells them when a read starts. */
struct log_bounds {
    int64_t start; /* first offset kept */
    int64_t end;   /* one past the last visible one (LSO) */
};

enum line_event_kind {
    LINE_EV_START,   /* places and both logs' bounds */
    LINE_EV_IN,      /* records of the input, in log order */
    LINE_EV_IN_END,  /* the reader has reached the input's end */
    LINE_EV_OUT,     /* records of the output log, in log order */
    LINE_EV_OUT_END, /* the reader has reached the output's end, at log_offset */
    LINE_EV_DONE,    /* the work on `ticket` is done, with `work` */
    LINE_EV_ACKED,   /* the produce of `ticket` is acknowledged; tickets come in order */
    LINE_EV_FAILED,  /* a produce failed for good */
    LINE_EV_MOVED,   /* the log (is_output) was truncated below what has been read of it */
    LINE_EV_CUT,     /* positions[] = furthest committed position of each strand's partition; for
                        enrich, `own` and `others` */
    LINE_EV_TICK,    /* at least every 500 ms */
};

/* What became of a WORK. */
enum line_work {
    LINE_WORK_NOT_ASKED, /* the API was asked nothing, or it is not to blame */
    LINE_WORK_GOOD,
    LINE_WORK_FAILED,
};

struct line_event {
    enum line_event_kind kind;
    int64_t now_ms;
    const struct line_place *place_in;  /* START */
    const struct line_place *place_out; /* START */
    struct log_bounds in;               /* START */
    struct log_bounds out;              /* START */
    const struct record *records;       /* IN, OUT; borrowed for the call */
    uint32_t count;                     /* IN, OUT */
    int64_t log_offset;                 /* IN_END, OUT_END: next offset to be read */
    bool is_output;                     /* MOVED */
    uint64_t ticket;                    /* DONE, ACKED */
    enum line_work work;                /* DONE */
    const int64_t *positions;           /* CUT */
    int64_t own;                        /* CUT: of the line's strand */
    int64_t others;                     /* CUT: the furthest of its partition's other strands, or
                                           FAILING_ALONE */
};

enum line_action_kind {
    LINE_DO_READ_OUT, /* read the output log from log_offset (or LINE_FROM_START) and keep on */
    LINE_DO_READ_IN,  /* (re)start reading the input at log_offset */
    LINE_DO_WORK,     /* fetch for `ticket` (record `index` of this event); keep its handle */
    LINE_DO_PRODUCE,  /* send `ticket` now, with `origin`; its handle is free once acknowledged.
                         For a copy, `index` is the record of this event. */
    LINE_DO_SKIP,   /* produce a record with status skipped and `origin` as `ticket`; what WORK may
                         have made for it is not needed */
    LINE_DO_GAP,    /* produce a record with status gap and `origin` as `ticket`: what is
                         missing was removed from the source before it was read */
    LINE_DO_DROP,   /* record `index` of this event is not needed: free its handle */
    LINE_DO_COMMIT, /* save both places (line_places) */
    LINE_DO_STOP,   /* end this run: `code`, `why` */
};

struct line_action {
    enum line_action_kind kind;
    uint32_t index;
    uint64_t ticket;
    struct origin origin; /* with prev: what braid-origin must say */
    int64_t source_time_ms;
    int64_t log_offset;
    int code;
    const char *why; /* static text */
};

struct line_actions {
    uint32_t count;
    struct line_action list[LINE_ACTIONS_MAX];
};

#endif
