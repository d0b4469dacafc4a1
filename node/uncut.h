/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uncut.h - how old the oldest record of a strand is that no cut covers (A2).
 *
 * What a cut has not covered yet must not be lost to retention. A strand whose oldest such record has
 * reached half of its topic's retention writes no more: what comes waits in the source topic.
 *
 * Ages are told by the broker's stamps of this very log, and by how long ago its newest record was read:
 * no clocks of two machines are compared. After a start, what lies before the saved place is not known,
 * and the time for which nobody read does not count: an age may be understated by that. Marks are few, so
 * it may be overstated by a 32nd of the retention.
 *
 * Pure:    yes. Time comes in.
 */
#ifndef BRAID_NODE_UNCUT_H
#define BRAID_NODE_UNCUT_H

#include <stdbool.h>
#include <stdint.h>

#define UNCUT_MARKS 16

/* Records that came within a part of the retention: the last offset, and the first stamp. */
struct uncut_mark {
    int64_t offset;
    int64_t stamp_ms;
};

struct uncut {
    struct uncut_mark marks[UNCUT_MARKS]; /* oldest first */
    uint32_t count;
    int64_t cut;          /* of the strand; what is up to there is covered */
    int64_t newest_ms;    /* the largest stamp */
    int64_t read_ms;      /* when it was read */
    int64_t retention_ms; /* 0: not known, nothing ever waits */
};

void uncut_init(struct uncut *u, int64_t retention_ms);

/* A record of the strand was read in its own topic. */
void uncut_read(struct uncut *u, int64_t offset, int64_t stamp_ms, int64_t now_ms);

/* A newer cut has the strand at `position`. */
void uncut_cut(struct uncut *u, int64_t position);

/* True if the strand must write no more. */
bool uncut_is_old(const struct uncut *u, int64_t now_ms);

#endif
