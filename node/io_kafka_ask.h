/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kafka_ask.h - questions to a cluster: bounds of logs, committed offsets, topics, their limits.
 *
 * Promise: every question that was taken ends exactly once, by a call of its `done` on the loop's
 *          thread, never inside the call that asked; not at all once it is cancelled. Those about
 *          logs and topics within IO_KAFKA_ASK_MS, those about groups within IO_KAFKA_GROUP_MS;
 *          then a new client is made, and all that is under way ends with ERR_TIMEOUT.
 * Pure:    no: shell.
 * Not here: what is in the logs (io_kafka_reader.h).
 */
#ifndef BRAID_NODE_IO_KAFKA_ASK_H
#define BRAID_NODE_IO_KAFKA_ASK_H

#include "node/io_kafka.h"
#include "node/line.h"

#define IO_KAFKA_ASK_MS    10000
#define IO_KAFKA_GROUP_MS  30000 /* of questions about groups: see io_kafka_ask.c */
#define IO_KAFKA_TOPIC_ID  24    /* bytes of a topic id's text, NUL included */
#define IO_KAFKA_PLACE_MAX 4096  /* offset.metadata.max.bytes, Kafka's default */

struct io_kafka_ask;
struct io_kafka_question;

struct io_kafka_partition {
    const char *topic; /* borrowed for the call */
    int32_t partition;
};

struct io_kafka_topic {
    const char *name; /* borrowed for the call */
    int32_t partitions;
    char id[IO_KAFKA_TOPIC_ID];
    int code; /* ERR_NOT_FOUND: no such topic */
};

/* What an answer says; fields by kind of question. Borrowed for the call of done. */
struct io_kafka_answer {
    int code;                            /* 0 or ERR_... */
    const char *detail;                  /* for people, "" if none */
    struct log_bounds bounds;            /* bounds: end is the last stable offset */
    int64_t offset;                      /* committed: -1 if nothing is */
    struct slice metadata;               /* committed */
    const struct io_kafka_topic *topics; /* topics, in the order asked for */
    size_t topic_count;
    int64_t limit;        /* limits: bytes of a batch; 0: the broker does not say */
    int64_t retention_ms; /* limits: 0: for ever, or the broker does not say */
};

typedef void io_kafka_answered(void *data, const struct io_kafka_answer *answer);

struct io_kafka_asker {
    io_kafka_answered *done;
    void *data;
};

int io_kafka_ask_open(const struct io_kafka_cluster *cluster, struct io_kafka_ask **out);
/* Cancels what is under way. Accepts NULL. */
void io_kafka_ask_close(struct io_kafka_ask *a);

/* Other limits than IO_KAFKA_ASK_MS and IO_KAFKA_GROUP_MS, for questions to come. */
void io_kafka_ask_set_patience(struct io_kafka_ask *a, int64_t ask_ms, int64_t group_ms);

/* How many clients of Kafka it has had: one more whenever one ceased to answer. */
uint32_t io_kafka_ask_clients(const struct io_kafka_ask *a);

/* First offset kept and one past the last visible one (LSO). */
struct io_kafka_question *io_kafka_ask_bounds(struct io_kafka_ask *a,
                                              struct io_kafka_partition where,
                                              struct io_kafka_asker asker);

/* What group has committed. */
struct io_kafka_question *io_kafka_ask_committed(struct io_kafka_ask *a, const char *group,
                                                 struct io_kafka_partition where,
                                                 struct io_kafka_asker asker);

/* Commits offset and metadata (at most IO_KAFKA_PLACE_MAX bytes). */
struct io_kafka_question *io_kafka_ask_commit(struct io_kafka_ask *a, const char *group,
                                              struct io_kafka_partition where, int64_t offset,
                                              struct slice metadata, struct io_kafka_asker asker);

/* Partition counts and ids of topics. */
struct io_kafka_question *io_kafka_ask_topics(struct io_kafka_ask *a, const char **names,
                                              size_t count, struct io_kafka_asker asker);

/* A topic's max.message.bytes and retention.ms. */
struct io_kafka_question *io_kafka_ask_limits(struct io_kafka_ask *a, const char *topic,
                                              struct io_kafka_asker asker);

/* `done` will not be called. Accepts NULL; not for a question that has ended. */
void io_kafka_ask_cancel(struct io_kafka_question *q);

#endif
