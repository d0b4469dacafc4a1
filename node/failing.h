/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing.h - when the failed records of one strand wait for another DC's (R5 failed_share_max, A13).
 *
 * Of the last requests too large a share failed, for the API's reasons: the strand stops. Its next failed
 * record waits until cuts have passed it along another DC's strand; then it is skipped, and the strand
 * follows the other. If no other strand moves either for FAILING_WAIT_MS, this is the last one that
 * moves: it goes on with its failures, until another gets ahead of it. Each record that is skipped makes
 * room for a new request, and when enough of these succeed the strand is as it was.
 *
 * Pure:    yes.
 */
#ifndef BRAID_NODE_FAILING_H
#define BRAID_NODE_FAILING_H

#include <stdbool.h>
#include <stdint.h>

#define FAILING_RESULTS 64    /* the window */
#define FAILING_LEAST   16    /* results, before there is a share */
#define FAILING_WAIT_MS 15000 /* above any grace, and the silence after which a member is dropped */
#define FAILING_ALONE   (-2)  /* a position: there is no other strand */

struct failing {
    uint64_t results; /* the newest in bit 0; 1: failed */
    uint32_t count;
    int64_t others; /* the furthest position of the partition's other strands; or FAILING_ALONE */
    int64_t others_ms; /* when it last moved */
    int64_t waits_ms;  /* a record has waited since then; 0: none does */
    bool is_last;      /* no other strand moves: this one goes on */
};

enum failing_verdict {
    FAILING_WRITES,
    FAILING_WAITS,
    FAILING_SKIPS, /* cuts have passed it */
};

/* Of a request to the API. */
void failing_result(struct failing *f, bool has_failed);

/* A newer cut: where it has this strand, and the furthest of the others. */
void failing_cut(struct failing *f, int64_t own, int64_t others, int64_t now_ms);

/* The share is above the limit. */
bool failing_is_over(const struct failing *f, uint32_t share_max_percent);

/* What becomes of the failed record at `offset`, the next to be written. */
enum failing_verdict failing_judge(struct failing *f, uint32_t share_max_percent, int64_t offset,
                                   int64_t now_ms);

#endif
