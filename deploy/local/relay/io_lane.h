/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_lane.h - one direction of a connection: bytes wait here until they may arrive.
 *
 * Promise: what is put in comes out on the socket `to` in order, not before its time, and not
 *          while the direction is cut; ends (FIN, reset) travel in the same queue, so a cut holds
 *          them back too. At most LANE_BYTES_MAX wait; the reader must stop at lane_is_full().
 * Not here: reading, Kafka, who is connected to whom (io_conn.h).
 * Thread:   the loop's.
 */
#ifndef BRAID_DEPLOY_LOCAL_RELAY_IO_LANE_H
#define BRAID_DEPLOY_LOCAL_RELAY_IO_LANE_H

#include "proto/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum {
    LANE_BYTES_MAX = 4 << 20
};

struct lane_chunk;
struct lane;

/* What a lane tells its connection. */
enum lane_news {
    LANE_DRAINED, /* there is room again: read on */
    LANE_ENDED,   /* FIN has been passed on */
    LANE_RESET,   /* a reset arrived: break the socket `to` */
    LANE_BROKEN,  /* the socket `to` fails */
};

struct lane {
    uv_tcp_t *to;               /* borrowed from the connection */
    const bool *is_cut;         /* borrowed from the faults */
    const uint32_t *latency_ms; /* borrowed from the faults */
    void (*on_news)(struct lane *l, enum lane_news news);
    void *owner;              /* borrowed, for on_news */
    struct lane_chunk *first; /* owned */
    struct lane_chunk *last;
    size_t bytes;
    uint64_t last_due_ms;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool is_open;    /* the socket may be written to */
    bool is_writing; /* a write or shutdown is under way */
    bool is_dropped; /* nothing is passed on any more */
};

void lane_init(struct lane *l, uv_loop_t *loop);

/* Frees what waits. The timer must be closed by the caller. */
void lane_deinit(struct lane *l);

/* Queue bytes (copied), the end or a reset; delay_ms comes on top of the latency. */
void lane_put(struct lane *l, struct slice bytes, uint32_t delay_ms);
void lane_put_end(struct lane *l);
void lane_put_reset(struct lane *l);

/* Throw away what waits and whatever comes. */
void lane_drop(struct lane *l);

/* Pass on what may pass now. To be called after lane_put and when faults have changed. */
void lane_pump(struct lane *l);

bool lane_is_full(const struct lane *l);

#endif
