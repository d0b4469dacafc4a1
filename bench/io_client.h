/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_client.h - plain Kafka clients for the load, the floors and the audit.
 *
 * Promise: a failure is said on stderr; what can fail returns 0 or a code of proto/err.h.
 * Pure:    no.
 */
#ifndef BRAID_BENCH_IO_CLIENT_H
#define BRAID_BENCH_IO_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* key, value, key, value, ..., NULL. NULL is returned if a setting is refused. */
rd_kafka_t *client_new(rd_kafka_type_t type, const char *bootstrap, const char *const settings[],
                       void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *),
                       void *opaque);

/* Creates a topic with that many partitions; one that is there already is fine. */
int client_create_topic(const char *bootstrap, const char *topic, int partitions);

/* Deletes it, as far as it is there. */
void client_delete_topic(const char *bootstrap, const char *topic);

/* Sum of the ends of all partitions (0 .. partitions-1); -1: not known now. */
int64_t client_ends(rd_kafka_t *rk, const char *topic, int partitions);

/* A reader of the whole topic from its beginning: records come from *out_queue. */
rd_kafka_t *client_reader(const char *bootstrap, const char *topic, int partitions,
                          const char *isolation, rd_kafka_queue_t **out_queue);

#endif
