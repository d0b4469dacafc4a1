/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - records that an operator's tool writes for a stream: retries and backfills.
 *
 *     <dc>.braid.retry.<output>      events that failed, once more; read by that stream alone
 *     <dc>.braid.backfill.<source>   events that a stream of the source lacks; read by all its streams
 *
 * Promise: what the headers braid-retry, braid-source and braid-backfill say counts on these topics
 *          and on no others.
 * Pure:    yes.
 * Not here: who writes them (coord/ctl).
 */
#ifndef BRAID_COORD_REQUEST_H
#define BRAID_COORD_REQUEST_H

#include "coord/tasks.h"
#include "proto/headers.h"

#define REQUEST_RETRY_MAX 1000000

struct request {
    struct slice source;   /* the topic whose events these are, without DC prefix; borrowed */
    uint32_t retry;        /* the operator's n-th of this event; 0: none */
    bool is_for_another;   /* a backfill that another stream asked for */
    bool is_from_operator; /* of one of the two topics */
};

/* What a record of `topic` (without DC prefix) is for the stream `output`. Borrows from all. */
struct request request_read(struct slice topic, struct slice output, const struct header *headers,
                            size_t count);

/* "<id>#<n>" in `out` of BRAID_ID_MAX bytes; absent if it is too long, or there is no id. With n 0,
 * the id itself. */
struct slice request_id(struct slice id, uint32_t retry, uint8_t *out);

#endif
