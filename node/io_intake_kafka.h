/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_intake_kafka.h - writes posted events to the source topics: idempotent, acks=all, a page always
 * to the same partition.
 *
 * Promise: each record that was taken is settled exactly once, at the latest timeout_ms
 *          after that and a little: 0 means that it is in the log, an error that it may or may not
 *          be. Never from within intake_kafka_produce.
 * Pure:    no: shell.
 * Not here: the topics that Braid writes by itself (io_kafka_writer.h): there no failure may be
 *          followed by a later record; here each record stands for itself.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_INTAKE_KAFKA_H
#define BRAID_NODE_IO_INTAKE_KAFKA_H

#include "node/io_kafka.h"

#define INTAKE_KAFKA_QUEUE_KB 24576

struct intake_kafka;

struct intake_kafka_config {
    struct io_kafka_cluster cluster;
    uint32_t timeout_ms;
    void *data;
    /* rc: 0, ERR_TOO_LARGE (the broker's limit), ERR_NOT_FOUND (no such topic), ERR_TIMEOUT, ... */
    void (*settled)(void *data, void *ticket, int rc);
};

struct intake_record {
    const char *topic;
    struct slice key; /* ptr NULL: null */
    struct slice value;
    struct slice traceparent; /* absent: no header */
    void *ticket;
};

/* Connects at once: the first record shall not wait for it. */
int intake_kafka_open(const struct intake_kafka_config *config, struct intake_kafka **out);

/* Copies the record. ERR_BUSY: full; ERR_TOO_LARGE; ERR_DELIVERY or ERR_CONFIG: it was not taken. */
int intake_kafka_produce(struct intake_kafka *k, const struct intake_record *record);

/* What is under way is settled no more. Accepts NULL. */
void intake_kafka_close(struct intake_kafka *k);

#endif
