/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka_write.h - writing requests for a stream: retries and backfills.
 *
 * Promise: what is written has been acknowledged by all in-sync replicas when kafka_write_end
 *          returns 0; after an error it says how many were.
 * Shell:   librdkafka, an idempotent producer.
 */
#ifndef BRAID_COORD_CTL_IO_KAFKA_WRITE_H
#define BRAID_COORD_CTL_IO_KAFKA_WRITE_H

#include "coord/ctl/io_session.h"
#include "proto/headers.h"

struct kafka_writer;

struct kafka_write {
    const char *topic;
    struct slice key; /* absent: null */
    struct slice value;
    const struct header *headers;
    size_t header_count;
};

/* 0 or an exit code, said. */
int kafka_write_open(struct session *s, const char *bootstrap, struct kafka_writer **out);

/* Hands one record over, to partition 0; waits while the queue is full. 0 or an exit code, said. */
int kafka_write(struct kafka_writer *w, const struct kafka_write *record);

/* Waits until all is acknowledged, and closes. 0 or an exit code, said. Accepts NULL. */
int kafka_write_end(struct kafka_writer *w, uint64_t *out_acked);

#endif
