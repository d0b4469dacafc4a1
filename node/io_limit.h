/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_limit.h - the limits of a topic, for who writes to it: size (max.message.bytes), retention.
 *
 * Happy path: ask -> known, with `bytes`: whoever writes sees for himself what is too large (A8). Who
 * substituted or stopped because of it watches it, and starts again once an operator has changed it.
 *
 * Failures: not answered, or not allowed to ask: known comes all the same, with bytes 0.
 *
 * Pure:    no: shell.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_LIMIT_H
#define BRAID_NODE_IO_LIMIT_H

#include "node/io_kafka_ask.h"
#include "node/io_kafka_writer.h"

#define IO_LIMIT_WATCH_MS 5000

struct io_limit {
    struct io_kafka_ask *ask; /* borrowed; NULL: never asked */
    const char *topic;        /* borrowed */
    void (*known)(void *data);
    void *data;
    struct io_kafka_question *question;
    int64_t bytes;        /* of a batch; 0: not known */
    int64_t retention_ms; /* 0: for ever, or not known */
    int64_t asked_ms;
    bool is_watched;
    bool is_changed;
};

/* `known` comes from the loop, once. All zeros before; may be asked again after that. */
void io_limit_ask(struct io_limit *l, struct io_kafka_ask *to, const char *topic,
                  void (*known)(void *data), void *data);

/* After it was known: to be called now and then; true once it is another. */
bool io_limit_is_changed(struct io_limit *l);

/* Neither `known` nor a question's answer will come. */
void io_limit_cancel(struct io_limit *l);

/* Batches of several records may be above it, though each record is not: write with `single`. */
bool io_limit_is_small(int64_t bytes);

#endif
