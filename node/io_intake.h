/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_intake.h - events posted over HTTP, as to EventGate, into this DC's source topics.
 *
 * Happy path: POST /v1/events with an event or an array of them; each is judged and written to
 * <dc>.<meta.stream>; 201 once Kafka has all of them (acks=all).
 *
 * Failures: the whole body is no JSON, or too large: 400 or 413, nothing is written. Some events
 * invalid: 207 with the others written; all: 400. Kafka does not answer within intake.timeout: those events are in the answer's `error` (500 if none was written): they may or may not be in the
 * topic, posted again with the same meta.id they are there once for who reads the global stream. With
 * ?hasty=true the answer is 202 before anything is judged.
 *
 * Promise: no 201 without every event in the log.
 * Pure:    no: shell.
 * Not here: what an event must have (proto/intake.h).
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_INTAKE_H
#define BRAID_NODE_IO_INTAKE_H

#include "node/config.h"
#include "node/io_log.h"
#include "node/io_stream.h"

#define IO_INTAKE_CONNECTIONS_MAX 256
#define IO_INTAKE_TIMEOUT_S       60
#define IO_INTAKE_BYTES_MAX       ((size_t)64 << 20) /* of bodies; more: 503 */
#define IO_INTAKE_CODES_MAX       12

struct io_intake;

struct io_intake_source {
    uv_loop_t *loop;
    struct io_log *log;
    const struct config *config;
    const struct io_streams *streams; /* NULL: only config->intake_streams are taken */
    const bool *is_draining;          /* then posts are refused */
};

/* ERR_CONFIG: the address cannot be used (logged). */
int io_intake_open(const struct io_intake_source *source, struct io_intake **out);

/* Takes no new connections. Accepts NULL. */
void io_intake_quiesce(struct io_intake *in);

/* Who waits for an answer gets none. Accepts NULL. */
void io_intake_close(struct io_intake *in);

struct io_intake_stats {
    uint64_t accepted; /* events; these three */
    uint64_t invalid;
    uint64_t errors;
    struct {
        unsigned code;
        uint64_t count;
    } answers[IO_INTAKE_CODES_MAX];
    size_t code_count;
};

/* Zeros for NULL. */
void io_intake_stats(const struct io_intake *in, struct io_intake_stats *out);

#endif
