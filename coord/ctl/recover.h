/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.h - to which cut an operator may bring a chain forward that etcd has lost the end of (R13).
 *
 * Promise: the newest cut in any DC's log of cuts, which was committed, for only such are logged, and
 *          which is as new as all that was emitted. Refuses where the logs, or etcd, say two things.
 * Pure:    yes.
 * Not here: reading the logs, and what else changes with it (io_cmd_recover.c).
 */
#ifndef BRAID_COORD_CTL_RECOVER_H
#define BRAID_COORD_CTL_RECOVER_H

#include "proto/cut.h"

/* A cut, as much of it as matters here. */
struct recover_cut {
    bool is_known;
    uint32_t era;
    uint64_t number;
    uint64_t hash; /* of its bytes */
};

/* What one DC's Kafka has of the stream. */
struct recover_log {
    struct slice dc;
    struct recover_cut newest;  /* in its log of cuts */
    struct recover_cut at_head; /* the same log's cut of the head's number */
    uint64_t emitted;           /* the newest cut of a record in its global topic; 0: none */
};

enum recover_verdict {
    RECOVER_FORWARD,  /* to the newest cut of log *out_which */
    RECOVER_AS_IT_IS, /* etcd has all that is logged: only the pause is to be lifted */
    RECOVER_ERA,      /* log *out_which is of another era */
    RECOVER_FORKED,   /* log *out_which has another cut of the same number */
    RECOVER_EMITTED,  /* DC *out_which has emitted a cut that no log has */
};

enum recover_verdict recover_choose(const struct recover_log *logs, size_t count,
                                    const struct recover_cut *head, size_t *out_which);

#endif
