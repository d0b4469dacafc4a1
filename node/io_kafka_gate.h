/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka_gate.h - holds back the records of one partition while others of it are on their way.
 *
 * An idempotent producer of librdkafka sends no request for a partition that has five records or more
 * unacknowledged. If more of them wait inside it and linger.ms is over, the thread of the broker asks the
 * socket, the clock and the queue again and again until the broker has answered (2.15.1,
 * rd_kafka_toppar_producer_serve; librdkafka #3692): a core, taken from the broker that it waits for. So
 * they wait here, and go to librdkafka together when those before them are acknowledged: no later, in
 * larger requests, and nobody spins.
 *
 * Promise: records leave in the order in which they came; at most IO_GATE_BATCH_BYTES at once, or one
 *          record; to librdkafka there are never more waiting than it may send.
 * Pure:    no: shell.
 * Not here: whose records these are, what becomes of them (io_kafka_writer.h).
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_KAFKA_GATE_H
#define BRAID_NODE_IO_KAFKA_GATE_H

#include "node/io_kafka_writer.h"
#include "node/io_pool.h"

#define IO_GATE_FEW         5      /* records that librdkafka sends without waiting */
#define IO_GATE_BATCH_BYTES 900000 /* one request: less than its batch.size */
#define IO_GATE_KEY_MAX     256    /* a longer key is an allocation of its own */

struct gate_record;

/* All zeros but for topic and partition is an empty gate that copies its values. */
struct io_gate {
    const char *topic; /* borrowed */
    int32_t partition;
    bool is_borrowing;         /* values stay where they are until they are reported */
    struct gate_record *first; /* owned: what waits, oldest first */
    struct gate_record *last;
    size_t waiting;
    size_t waiting_bytes; /* io_gate_bytes of them */
    size_t under_way;     /* with librdkafka, not acknowledged */
};

/* Takes the record, as io_writer_produce does; opaque comes back with its report. ERR_BUSY: no memory. */
int io_gate_add(struct io_gate *g, struct io_pool *pool, const struct io_write *record,
                void *opaque);

/* There are records that may go. */
bool io_gate_is_open(const struct io_gate *g);

/* There are enough for a request of their own. */
bool io_gate_is_full(const struct io_gate *g);

/* Gives the producer what may go; out_opaque: whose record it refused. ERR__QUEUE_FULL: it stays here. */
rd_kafka_resp_err_t io_gate_hand_over(struct io_gate *g, struct io_pool *pool, rd_kafka_t *rk,
                                      void **out_opaque);

/* One of those under way was reported. */
void io_gate_reported(struct io_gate *g);

/* Forgets all: the producer is gone. */
void io_gate_clear(struct io_gate *g, struct io_pool *pool);

/* What the record takes of a request, at most. */
size_t io_gate_bytes(const struct io_write *record);

#endif
