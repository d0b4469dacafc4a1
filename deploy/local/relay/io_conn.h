/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_conn.h - the relay's connections.
 *
 * Promise: one accepted connection is joined with one to the link's target, byte for byte, under
 *          the faults of faults.h.
 * Not here: listening and commands (io_relay.h), queues of bytes (io_lane.h).
 * Thread:   the loop's.
 *
 * A cut is like a network that loses everything: the connections live, nothing arrives. Bytes
 * sent meanwhile arrive when the cut is healed, as TCP would send them again; so do ends and
 * resets. A new connection is accepted and hears nothing until it is healed, in either direction
 * cut, for a handshake needs both. Two things differ from a real network: a sender is told by its
 * kernel that its bytes were received, and after healing all goes on at once, without TCP's
 * waiting.
 */
#ifndef BRAID_DEPLOY_LOCAL_RELAY_IO_CONN_H
#define BRAID_DEPLOY_LOCAL_RELAY_IO_CONN_H

#include "deploy/local/relay/config.h"
#include "deploy/local/relay/faults.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum {
    CONNS_MAX = 4096,
    CONN_READ_BYTES = 64 << 10,
};

struct conn;

/* What connections share; in the relay's storage. */
struct conns {
    uv_loop_t *loop;                   /* borrowed */
    struct faults *faults;             /* borrowed */
    const struct relay_config *config; /* borrowed */
    struct conn *first;                /* owned, linked */
    uint32_t count;
    uint64_t accepted;
    uint64_t bytes;
    uint64_t delayed;
    uint64_t dropped;
    uint64_t replies_dropped;
    uint64_t repeated;
    uint8_t scratch[CONN_READ_BYTES];
};

/* Accepts a connection that waits on `listener`, which listens for `link`. */
void conns_accept(struct conns *cs, uv_stream_t *listener, const struct relay_link *link);

/* The faults have changed: go on with what may go on. */
void conns_pump(struct conns *cs);

#endif
