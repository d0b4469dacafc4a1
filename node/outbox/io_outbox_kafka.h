/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_outbox_kafka.h - sends shipments to one topic of Kafka.
 *
 * Promise: an idempotent producer with acks=all. Within a partition records arrive in the order in
 *          which they were sent, and after one that fails none arrives: librdkafka then refuses
 *          them all, and the producer must be destroyed. While Kafka is away they wait.
 * Not here: which rows may be marked (shipment.h).
 * Thread:  one at a time; answers come during outbox_kafka_poll.
 */
#ifndef BRAID_NODE_OUTBOX_IO_OUTBOX_KAFKA_H
#define BRAID_NODE_OUTBOX_IO_OUTBOX_KAFKA_H

#include "node/outbox/options.h"
#include "node/outbox/shipment.h"

struct outbox_kafka;

/* 0; ERR_CONFIG (a property is wrong); ERR_NO_MEMORY. Logs what is wrong. */
int outbox_kafka_new(const struct outbox_options *o, struct outbox_kafka **out);

/* Drops what is on its way: those shipments are answered with "failed" before this returns.
 * Accepts NULL. */
void outbox_kafka_free(struct outbox_kafka *k);

/* Whether the topic is there: 0; ERR_NOT_FOUND; ERR_UNAVAILABLE. Waits timeout_ms at most. */
int outbox_kafka_check_topic(struct outbox_kafka *k, int timeout_ms);

/* Sends the rows from `from` on. Those that do not fit into the queue stay for the next call:
 * *out_sent is how many of the shipment's rows have been sent in all. The shipment must live until
 * it is settled. 0; ERR_DELIVERY (destroy the producer). */
int outbox_kafka_send(struct outbox_kafka *k, struct shipment *s, size_t from, struct slice wiki_id,
                      size_t *out_sent);

/* Takes answers; waits wait_ms at most. 0; ERR_DELIVERY (destroy the producer). */
int outbox_kafka_poll(struct outbox_kafka *k, int wait_ms);

#endif
