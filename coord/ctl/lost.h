/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lost.h - what a DC takes with it that is lost for ever, and from whose copy a stream can go on (R13).
 *
 * Promise: a new era only where a stream's sole member is lost with what no other DC holds; refuses while the
 *          DC may live, and where no DC that is left has a copy to go on from.
 * Pure:    yes.
 * Not here: the keys that change (io_cmd_lost.c).
 */
#ifndef BRAID_COORD_CTL_LOST_H
#define BRAID_COORD_CTL_LOST_H

#include "coord/ctl/snapshot.h"

enum {
    LOST_SILENT_MS = 60000 /* what it had sent has arrived by then */
};

/* What becomes of one stream. */
struct lost_stream {
    bool needs_era;
    struct slice from;   /* the DC whose copy it goes on from */
    uint64_t from_cut;   /* the last that this DC has emitted ... */
    uint64_t first_seq;  /* ... and the first number that the copies differ in */
    uint64_t last_known; /* the last number that the lost DC has reported; below first_seq: none */
};

/* Why nobody may say that the DC is lost, in the arena; NULL: one may. */
const char *lost_refusal(const struct snapshot *s, struct slice dc, struct arena *a);

/* Why a DC that was declared lost cannot be pooled again yet, in the arena; NULL: it can. */
const char *lost_return_refusal(const struct snapshot *s, struct slice dc, struct arena *a);

/* The same as lost_refusal for one stream; else fills `out`. */
const char *lost_judge(const struct snapshot *s, const struct snapshot_stream *st, struct slice dc,
                       struct arena *a, struct lost_stream *out);

#endif
