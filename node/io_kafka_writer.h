/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka_writer.h - appends to many partitions of one cluster: idempotent, acks=all, in order.
 *
 * One producer serves all its clients (a client is one partition of one topic, one run of a
 * task). Happy path: produce -> acked, in the order of producing.
 *
 * Failures: a record that cannot be delivered for good ends the producer: every client with
 * records under way is told once (failed), its other records may or may not arrive, the producer
 * is destroyed and the next produce gets a new one (R2). What arrives late is a duplicate or a
 * hole to every reader.
 *
 * Promise: a client is told of each record in order, or failed once and then nothing.
 * Pure:    no: shell.
 * Not here: transactions (io_kafka_txn.h).
 */
#ifndef BRAID_NODE_IO_KAFKA_WRITER_H
#define BRAID_NODE_IO_KAFKA_WRITER_H

#include "node/io_kafka.h"

#define IO_WRITER_RECORD_MAX 15728640 /* the topic's own limit is config.limit, or the broker's */
#define IO_WRITER_BATCH_MAX  1000000  /* batch.size: only a batch of one record is larger */
#define IO_WRITER_TIMEOUT_MS 30000    /* a record not acknowledged by then has failed for good */

struct io_writer;
struct io_writer_client;

struct io_writer_config {
    const char *topic; /* copied */
    int32_t partition;
    bool is_side;  /* its failures are its own: the producer goes on (no order is promised then) */
    int64_t limit; /* of the topic, in bytes of a batch (io_limit.h); 0: not known */
    void *data;
    /* The oldest record under way is in the log, at log_offset. */
    void (*acked)(void *data, uint64_t ticket, int64_t log_offset);
    /* One of its records, or one of another client on the same producer, could not be delivered.
     * No other call follows; the client is only good for closing. code: ERR_DELIVERY, or to one of
     * those with records in the batch: ERR_TOO_LARGE (the broker's limit; of several records, each
     * may be small enough). */
    void (*failed)(void *data, int code, const char *detail);
};

/* A record to be written. All borrowed for the call. */
struct io_write {
    struct slice key;    /* ptr NULL: null */
    struct slice value;  /* ptr NULL: null */
    uint8_t *value_heap; /* NULL, or the value's memory, from malloc: taken over with result 0 */
    const struct header *headers;
    size_t header_count;
    int64_t time_ms; /* Kafka timestamp; 0: now */
    uint64_t ticket;
};

/* queue_bytes: of records under way, all clients together. is_single: each record in a batch of its
 * own, for topics that take no IO_WRITER_BATCH_MAX. */
int io_writer_open(const struct io_kafka_cluster *cluster, uint64_t queue_bytes, bool is_single,
                   struct io_writer **out);
/* All clients must be closed. Accepts NULL. */
void io_writer_close(struct io_writer *w);

/* NULL without memory. */
struct io_writer_client *io_writer_client_open(struct io_writer *w,
                                               const struct io_writer_config *config);
/* No call of its functions after this. Accepts NULL. */
void io_writer_client_close(struct io_writer_client *c);

/*
 * Takes the record (copies it, but for value_heap). ERR_BUSY: full, again after the next ack or in a while.
 * ERR_TOO_LARGE: above the topic's limit or the client's own. ERR_DELIVERY: the producer cannot go on (failed
 * follows from the loop).
 */
int io_writer_produce(struct io_writer_client *c, const struct io_write *record);

/* Records that are not acknowledged yet. */
size_t io_writer_under_way(const struct io_writer_client *c);

/* The headers as librdkafka wants them; NULL without memory. */
rd_kafka_headers_t *io_writer_headers(const struct header *headers, size_t count);

#endif
