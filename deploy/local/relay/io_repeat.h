/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_repeat.h - one Kafka request sent once more, on a connection of its own.
 *
 * Promise: what is collected goes to the target as it is; the first bytes of the answer are
 *          counted and thrown away; after REPEAT_MS_MAX it ends in any case. Cuts and latency do
 *          not concern it.
 * Thread:  the loop's.
 */
#ifndef BRAID_DEPLOY_LOCAL_RELAY_IO_REPEAT_H
#define BRAID_DEPLOY_LOCAL_RELAY_IO_REPEAT_H

#include "deploy/local/relay/config.h"
#include "proto/slice.h"

#include <stdint.h>
#include <uv.h>

enum {
    REPEAT_BYTES_MAX = 16 << 20,
    REPEAT_MS_MAX = 10 * 1000
};

struct repeat;

/* For a request of `size` bytes; NULL if it is too large. *answered is counted up by the answer
 * and must outlive the loop. */
struct repeat *repeat_new(uv_loop_t *loop, uint32_t size, uint64_t *answered);

/* Only before repeat_send. */
void repeat_free(struct repeat *r);

/* The request's next bytes; no more than its size altogether. */
void repeat_add(struct repeat *r, struct slice bytes);

/* Sends it and gives `r` up. */
void repeat_send(struct repeat *r, const struct relay_address *target);

#endif
