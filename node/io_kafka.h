/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka.h - what readers, writers and transactions share: librdkafka on the libuv loop.
 *
 * librdkafka's own threads put what they have into its queues and write to an eventfd when a
 * queue is no longer empty; libuv polls that. No callback of ours runs on their threads, but for
 * one interceptor (io_kafka_txn.c), which sets a flag.
 *
 * Promise: nothing here blocks the loop; destroying an instance, which may block, runs on
 *          libuv's pool.
 * Pure:    no: shell.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_KAFKA_H
#define BRAID_NODE_IO_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <uv.h>

#include "node/io_log.h"
#include "proto/record.h"

#define IO_KAFKA_VERSION_MIN  0x020300ff /* below: idempotence bug #4438, no KIP-320 */
#define IO_KAFKA_VERSION_WARN 0x020a01ff /* below: slow after a broker's death, #4970 */
#define IO_KAFKA_VERSION_PUSH 0x020500ff /* from here on clients push metrics (KIP-714) */
#define IO_KAFKA_HEADERS_MAX  128        /* of one record; more are not looked at */
#define IO_KAFKA_RECORD_MAX   (16 * 1024 * 1024)
#define IO_KAFKA_CONF_MAX     24

/* A cluster as one node sees it. */
struct io_kafka_cluster {
    uv_loop_t *loop;       /* borrowed */
    struct io_log *log;    /* borrowed */
    const char *bootstrap; /* borrowed for the life of all that is opened with it */
    const char *name;      /* for the log and client.id: "braid-eqiad" */
    bool is_far;           /* in another DC: an answer takes long to come */
};

/* key, value pairs ended by NULL. */
struct io_kafka_setting {
    const char *key;
    const char *value;
};

/* 0, or ERR_UNSUPPORTED below IO_KAFKA_VERSION_MIN; logs a warning below ..._WARN. */
int io_kafka_check_version(struct io_log *log);

/* Makes an instance with common settings and these. `events` are RD_KAFKA_EVENT_ bits delivered
 * on its main queue. ERR_CONFIG or ERR_NO_MEMORY; logged. */
int io_kafka_new(const struct io_kafka_cluster *cluster, rd_kafka_type_t type,
                 const struct io_kafka_setting *settings, int events, rd_kafka_t **out);

/* The same from a configuration made with io_kafka_conf (taken over also on failure). */
rd_kafka_conf_t *io_kafka_conf(const struct io_kafka_cluster *cluster,
                               const struct io_kafka_setting *settings, int events);
int io_kafka_new_from(const struct io_kafka_cluster *cluster, rd_kafka_type_t type,
                      rd_kafka_conf_t *conf, rd_kafka_t **out);

/* Makes a producer ask at once where a topic's partitions are; by itself it would, after the first
 * record, with its timer of a second. What is returned must be destroyed before the producer. */
rd_kafka_topic_t *io_kafka_know(rd_kafka_t *rk, const char *topic);

/* Destroys it on libuv's pool and then calls `done` (may be NULL) on the loop. */
void io_kafka_destroy_later(uv_loop_t *loop, rd_kafka_t *rk, void (*done)(void *data), void *data);

/* An eventfd that queues write to, polled by the loop. */
struct io_kafka_wake;

int io_kafka_wake_open(uv_loop_t *loop, void (*woken)(void *data), void *data,
                       struct io_kafka_wake **out);
/* Lets `queue` wake it. Detach with io_kafka_wake_remove before the wake is closed. */
void io_kafka_wake_add(struct io_kafka_wake *w, rd_kafka_queue_t *queue);
void io_kafka_wake_remove(rd_kafka_queue_t *queue);
/* No call of `woken` after this; frees itself. Accepts NULL. */
void io_kafka_wake_close(struct io_kafka_wake *w);

/* Logs a LOG or ERROR event of an instance. */
void io_kafka_log_event(const struct io_kafka_cluster *cluster, rd_kafka_event_t *event);

/* One of ERR_..., for what a caller would do about it. */
int io_kafka_code(rd_kafka_resp_err_t err);

/* A message as the core sees it; its handle is the message. */
void io_kafka_record(rd_kafka_message_t *msg, bool with_hash, struct record *out);

/* All headers of a record's handle; returns how many (at most IO_KAFKA_HEADERS_MAX). Borrowed from
 * the message. */
size_t io_kafka_headers(void *handle, struct header out[IO_KAFKA_HEADERS_MAX]);

/* Gives a record's handle back. Accepts NULL. */
void io_kafka_release(void *handle);

#endif
