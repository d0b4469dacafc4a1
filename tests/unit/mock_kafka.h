/* SPDX-License-Identifier: Apache-2.0 */
/* mock_kafka.h - librdkafka's mock cluster in this process, one broker with a topic "t" of two
 * partitions, and the shell's clients of it on a libuv loop; what a transaction tells its owner. */
#ifndef BRAID_TESTS_UNIT_MOCK_KAFKA_H
#define BRAID_TESTS_UNIT_MOCK_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "node/io_kafka_reader.h"
#include "node/io_kafka_txn.h"
#include "node/io_kafka_writer.h"
#include "node/io_loop.h"

struct mock_kafka {
    uv_loop_t loop;
    struct io_log log;
    rd_kafka_t *owner;
    rd_kafka_mock_cluster_t *mock;
    struct io_kafka_cluster cluster;
    struct io_kafka_ask *ask;
    struct io_reader *reader;
    struct io_writer *writer;
    int ready; /* times that a transactional producer said so, the last time with this code */
    int ready_code;
    int room;  /* times that it said so after it was full */
    int ended; /* transactions; the last with this result */
    enum io_txn_result result;
    int closed;
};

static void mock_kafka_open(struct mock_kafka *k)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[128];

    (void)rd_kafka_conf_set(conf, "client.id", "mock", text, sizeof(text));
    k->owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    k->mock = rd_kafka_mock_cluster_new(k->owner, 1);
    assert_non_null(k->mock);
    rd_kafka_mock_topic_create(k->mock, "t", 2, 1);
    uv_loop_init(&k->loop);
    io_log_init(&k->log, LOG_ERROR);
    k->cluster = (struct io_kafka_cluster){.loop = &k->loop,
                                           .log = &k->log,
                                           .bootstrap = rd_kafka_mock_cluster_bootstraps(k->mock),
                                           .name = "mock"};
    assert_int_equal(io_kafka_ask_open(&k->cluster, &k->ask), 0);
    assert_int_equal(io_reader_open(&k->cluster, k->ask, &k->reader), 0);
    assert_int_equal(io_writer_open(&k->cluster, 8 * 1024 * 1024, false, &k->writer), 0);
}

static void mock_kafka_close(struct mock_kafka *k)
{
    io_reader_close(k->reader);
    io_kafka_ask_close(k->ask);
    io_writer_close(k->writer);
    uv_run(&k->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&k->loop), 0);
    rd_kafka_mock_cluster_destroy(k->mock);
    rd_kafka_destroy(k->owner);
}

/* Runs the loop until *what reaches `at_least`; fails the test if that takes longer. */
static void mock_kafka_run(struct mock_kafka *k, const int *what, int at_least, int wait_ms)
{
    const int64_t limit_ms = io_mono_ms() + wait_ms;

    while (*what < at_least && io_mono_ms() < limit_ms)
        uv_run(&k->loop, UV_RUN_ONCE);
    assert_true(*what >= at_least);
}

static void mock_txn_ready(void *data, int code, const char *detail)
{
    struct mock_kafka *k = data;

    (void)detail;
    k->ready_code = code;
    k->ready++;
}

static void mock_txn_ended(void *data, enum io_txn_result result, const char *detail)
{
    struct mock_kafka *k = data;

    (void)detail;
    k->result = result;
    k->ended++;
}

static inline void mock_txn_room(void *data)
{
    struct mock_kafka *k = data;

    k->room++;
}

static inline void mock_txn_closed(void *data)
{
    struct mock_kafka *k = data;

    k->closed++;
}

/* A producer of transactions for partition 1 that has said whether it is ready: ready_code. */
static inline struct io_txn *mock_txn_open(struct mock_kafka *k, int wait_ms)
{
    const struct io_txn_config config = {.transactional_id = "braid-test",
                                         .topic = "t",
                                         .partition = 1,
                                         .data = k,
                                         .ready = mock_txn_ready,
                                         .room = mock_txn_room,
                                         .ended = mock_txn_ended};
    struct io_txn *t;

    k->ready = 0;
    assert_int_equal(io_txn_open(&k->cluster, &config, &t), 0);
    mock_kafka_run(k, &k->ready, 1, wait_ms);
    return t;
}

#endif
