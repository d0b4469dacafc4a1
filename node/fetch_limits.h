/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_limits.h - every limit of fetching, with its default.
 *
 * Promise: nothing about fetching is unbounded that is not named here or in fetch.h.
 * Pure:    yes.
 */
#ifndef BRAID_NODE_FETCH_LIMITS_H
#define BRAID_NODE_FETCH_LIMITS_H

#include <stdint.h>

/* Zero means the default in brackets. */
struct fetch_limits {
    uint32_t items_max;            /* revisions waiting or under way [4096] */
    uint32_t in_flight_max;        /* calls at once [8] */
    uint32_t per_second_max;       /* calls per second [0: no limit] */
    uint32_t bytes_per_second_max; /* of answers, as received [0: no limit] */
    uint32_t batch_max;            /* revisions in one call [50] */
    uint32_t batch_bytes_max;     /* announced content bytes in one call [4 MiB]; one always fits */
    uint32_t bytes_in_flight_max; /* the same over all calls [24 MiB]; one call is always allowed */
    uint32_t attempts_max;        /* failed calls about one revision [8] */
    uint32_t deadline_ms;         /* from submission [60,000] */
    uint32_t call_timeout_ms;     /* of one call [15,000] */
    uint32_t missing_retry_ms;    /* how young a missing revision is asked for again [10,000] */
    uint32_t backoff_min_ms;      /* [100] doubled for each attempt, with jitter */
    uint32_t backoff_max_ms;      /* [10,000] */
    uint32_t gather_ms;           /* while a wiki has a call under way, revisions that do not fill
                                     a call wait so long for company [20] */
    uint32_t slow_ms;             /* a call longer than this lowers the window [3,000] */
};

enum {
    FETCH_BATCH_MAX = 50,      /* revisions in a call: what an anonymous reader may ask */
    FETCH_CALLS_MAX = 64,      /* calls under way */
    FETCH_ITEMS_MAX = 1000000, /* revisions that an operator may let wait */
    FETCH_LIVE_MS = 30000,     /* what an older event asks is backlog: live ones come first */
};

/* Fills in the defaults and cuts to what is possible. ERR_CONFIG: backoff_min_ms is larger than
 * backoff_max_ms, or a limit is absurd; `out` is untouched then. */
int fetch_limits_fill(const struct fetch_limits *in, struct fetch_limits *out);

#endif
