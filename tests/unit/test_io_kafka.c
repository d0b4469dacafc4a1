/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the shell around librdkafka tells its owner what happened, in order and once.
 * Method: librdkafka's own mock cluster in this process; the libuv loop runs until what is
 * expected has come or ten seconds are over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/resource.h>

#include "node/io_kafka_topics.h"
#include "proto/err.h"
#include "tests/unit/mock_kafka.h"

#define WAIT_MS      10000
#define SLOW_MS      1000
#define LIST_OFFSETS 2   /* number of the request */
#define LARGE_COUNT  400 /* of 12 KB: five requests */

struct world {
    struct mock_kafka k;
    struct io_writer_client *client;
    struct io_reading *reading;
    uint64_t acked[64];
    int acked_count;
    int failed_count;
    int failed_code;
    int records;
    int64_t last_offset;
    int bounds_count;
    struct log_bounds bounds;
    int end_count;
    int64_t end_offset;
    int range_count;
    int read_failed;
    bool in_order;
    int answer_count;
    int answer_code;
    int64_t answer_offset;
    char answer_text[64];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    mock_kafka_open(&w->k);
    w->in_order = true;
    w->last_offset = -1;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    io_reading_stop(w->reading);
    io_writer_client_close(w->client);
    mock_kafka_close(&w->k);
    free(w);
    return 0;
}

/* Runs the loop until *what reaches `at_least`, or ten seconds are over. */
static void run_until(struct world *w, const int *what, int at_least)
{
    mock_kafka_run(&w->k, what, at_least, WAIT_MS);
}

static void on_acked(void *data, uint64_t ticket, int64_t log_offset)
{
    struct world *w = data;

    (void)log_offset;
    if (w->acked_count < 64)
        w->acked[w->acked_count] = ticket;
    w->acked_count++;
}

static void on_failed(void *data, int code, const char *detail)
{
    struct world *w = data;

    (void)detail;
    w->failed_code = code;
    w->failed_count++;
}

static void open_client(struct world *w)
{
    const struct io_writer_config config = {
        .topic = "t", .partition = 0, .data = w, .acked = on_acked, .failed = on_failed};

    w->client = io_writer_client_open(w->k.writer, &config);
    assert_non_null(w->client);
}

static void produce(struct world *w, uint64_t ticket)
{
    const struct header headers[] = {
        {SLICE_LIT("traceparent"), SLICE_LIT("00-x")},
        {SLICE_LIT("braid-origin"), SLICE_LIT("eqiad/s/0/0/-1/0")},
        {SLICE_LIT("braid-time"), SLICE_LIT("1700000000000")},
    };
    const struct io_write record = {.key = SLICE_LIT("k"),
                                    .value = SLICE_LIT("v"),
                                    .headers = headers,
                                    .header_count = 3,
                                    .ticket = ticket};

    assert_int_equal(io_writer_produce(w->client, &record), 0);
}

static void on_read(void *data, const struct io_read_event *ev)
{
    struct world *w = data;

    switch (ev->kind) {
    case IO_READ_BOUNDS:
        w->bounds = ev->bounds;
        w->bounds_count++;
        return;
    case IO_READ_RECORDS:
        for (uint32_t i = 0; i < ev->count; i++) {
            const struct record *r = &ev->records[i];
            w->in_order = w->in_order && r->log_offset > w->last_offset;
            w->last_offset = r->log_offset;
            assert_true(r->braid.has_origin);
            assert_true(slice_equal(r->key, SLICE_LIT("k")));
            io_kafka_release(r->handle);
        }
        w->records += (int)ev->count;
        return;
    case IO_READ_END:
        w->end_count++;
        w->end_offset = ev->log_offset;
        return;
    case IO_READ_MOVED:
    case IO_READ_RANGE:
        w->range_count++;
        w->bounds = ev->bounds;
        return;
    case IO_READ_FAILED:
        w->read_failed++;
        return;
    }
}

static void start_reading(struct world *w, const char *topic)
{
    const struct io_reading_config config = {
        .topic = topic, .partition = 0, .data = w, .on_event = on_read};

    w->reading = io_reading_start(w->k.reader, &config);
    assert_non_null(w->reading);
}

static void on_answer(void *data, const struct io_kafka_answer *answer)
{
    struct world *w = data;

    w->answer_code = answer->code;
    w->answer_offset = answer->offset;
    (void)snprintf(w->answer_text, sizeof(w->answer_text), "%.*s", SLICE_ARG(answer->metadata));
    w->answer_count++;
}

static void save(struct world *w, int64_t offset)
{
    const struct io_kafka_partition where = {"t", 0};

    (void)io_kafka_ask_commit(w->k.ask, "g", where, offset, SLICE_LIT("a place"),
                              (struct io_kafka_asker){on_answer, w});
}

static void a_saved_place_is_read_back(void **state)
{
    struct world *w = *state;
    const struct io_kafka_partition where = {"t", 0};

    save(w, 42);
    run_until(w, &w->answer_count, 1);
    assert_int_equal(w->answer_code, 0);
    (void)io_kafka_ask_committed(w->k.ask, "g", where, (struct io_kafka_asker){on_answer, w});
    run_until(w, &w->answer_count, 2);
    assert_int_equal(w->answer_code, 0);
    assert_int_equal(w->answer_offset, 42);
    assert_string_equal(w->answer_text, "a place");
}

/* librdkafka's own timeout of such a request would end the process when the broker is back. */
static void a_coordinator_that_is_away_costs_a_timeout_and_no_more(void **state)
{
    struct world *w = *state;

    io_kafka_ask_set_patience(w->k.ask, IO_KAFKA_ASK_MS, 300);
    (void)rd_kafka_mock_broker_set_down(w->k.mock, 1);
    save(w, 1);
    save(w, 2);
    run_until(w, &w->answer_count, 2);
    assert_int_equal(w->answer_code, ERR_TIMEOUT);
    (void)rd_kafka_mock_broker_set_up(w->k.mock, 1);
    io_kafka_ask_set_patience(w->k.ask, IO_KAFKA_ASK_MS, IO_KAFKA_GROUP_MS);
    save(w, 3);
    run_until(w, &w->answer_count, 3);
    assert_int_equal(w->answer_code, 0);
}

/* A client that has lost its broker for good would answer nothing when the broker is back. */
static void a_client_that_answers_nothing_is_replaced(void **state)
{
    struct world *w = *state;
    const struct io_kafka_partition where = {"t", 0};

    io_kafka_ask_set_patience(w->k.ask, 300, IO_KAFKA_GROUP_MS);
    (void)rd_kafka_mock_broker_set_down(w->k.mock, 1);
    (void)io_kafka_ask_bounds(w->k.ask, where, (struct io_kafka_asker){on_answer, w});
    run_until(w, &w->answer_count, 1);
    assert_int_equal(w->answer_code, ERR_TIMEOUT);
    assert_int_equal(io_kafka_ask_clients(w->k.ask), 1);
    (void)io_kafka_ask_bounds(w->k.ask, where, (struct io_kafka_asker){on_answer, w});
    run_until(w, &w->answer_count, 2);
    while (io_kafka_ask_clients(w->k.ask) == 1)
        (void)uv_run(&w->k.loop, UV_RUN_ONCE);
    (void)rd_kafka_mock_broker_set_up(w->k.mock, 1);
    io_kafka_ask_set_patience(w->k.ask, IO_KAFKA_ASK_MS, IO_KAFKA_GROUP_MS);
    (void)io_kafka_ask_bounds(w->k.ask, where, (struct io_kafka_asker){on_answer, w});
    run_until(w, &w->answer_count, 3);
    assert_int_equal(w->answer_code, 0);
    assert_int_equal(io_kafka_ask_clients(w->k.ask), 2);
}

/* librdkafka names no error then, only offsets that are none: taken for bounds, they are data loss. */
static void a_leader_that_does_not_answer_in_time_is_no_empty_log(void **state)
{
    struct world *w = *state;
    const struct io_kafka_partition where = {"t", 0};

    (void)io_kafka_ask_bounds(w->k.ask, where, (struct io_kafka_asker){on_answer, w});
    run_until(w, &w->answer_count, 1);
    assert_int_equal(w->answer_code, 0);
    io_kafka_ask_set_patience(w->k.ask, 300, IO_KAFKA_GROUP_MS);
    (void)rd_kafka_mock_broker_set_rtt(w->k.mock, 1, SLOW_MS);
    (void)io_kafka_ask_bounds(w->k.ask, where, (struct io_kafka_asker){on_answer, w});
    run_until(w, &w->answer_count, 2);
    assert_int_equal(w->answer_code, ERR_TIMEOUT);
}

static void a_leader_that_hangs_up_is_no_empty_log(void **state)
{
    struct world *w = *state;
    const struct io_kafka_partition where = {"t", 0};
    rd_kafka_resp_err_t errors[8];

    for (int i = 0; i < 8; i++)
        errors[i] = RD_KAFKA_RESP_ERR__TRANSPORT;
    rd_kafka_mock_push_request_errors_array(w->k.mock, LIST_OFFSETS, 8, errors);
    (void)io_kafka_ask_bounds(w->k.ask, where, (struct io_kafka_asker){on_answer, w});
    run_until(w, &w->answer_count, 1);
    assert_int_equal(w->answer_code, ERR_UNAVAILABLE);
}

/* Not called any more, and nothing of it is left behind when the client is replaced. */
static void a_cancelled_question_about_a_group_is_forgotten(void **state)
{
    struct world *w = *state;
    const struct io_kafka_partition where = {"t", 0};

    io_kafka_ask_set_patience(w->k.ask, IO_KAFKA_ASK_MS, 300);
    (void)rd_kafka_mock_broker_set_down(w->k.mock, 1);
    save(w, 1);
    io_kafka_ask_cancel(
        io_kafka_ask_committed(w->k.ask, "g", where, (struct io_kafka_asker){on_answer, w}));
    run_until(w, &w->answer_count, 1);
    (void)rd_kafka_mock_broker_set_up(w->k.mock, 1);
    save(w, 2);
    run_until(w, &w->answer_count, 2);
}

static void acks_come_in_the_order_of_producing(void **state)
{
    struct world *w = *state;

    open_client(w);
    for (uint64_t i = 0; i < 50; i++)
        produce(w, 100 + i);
    run_until(w, &w->acked_count, 50);
    for (uint64_t i = 0; i < 50; i++)
        assert_int_equal(w->acked[i], 100 + i);
    assert_int_equal(w->failed_count, 0);
}

static int64_t cpu_ms(const struct rusage *u)
{
    return (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000 +
           (u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1000;
}

/* librdkafka would ask the socket and the clock all the time: see io_kafka_gate.h. */
static void waiting_for_a_slow_broker_costs_no_time(void **state)
{
    struct world *w = *state;
    struct rusage before;
    struct rusage after;
    uint64_t next = 0;

    open_client(w);
    while (next < 10)
        produce(w, next++);
    run_until(w, &w->acked_count, 10);
    assert_int_equal(rd_kafka_mock_broker_set_rtt(w->k.mock, 1, SLOW_MS), 0);
    (void)getrusage(RUSAGE_SELF, &before);
    while (next < 50) {
        const int64_t later_ms = io_mono_ms() + 10;
        produce(w, next++);
        while (io_mono_ms() < later_ms) {
            (void)uv_run(&w->k.loop, UV_RUN_NOWAIT);
            uv_sleep(2);
        }
    }
    run_until(w, &w->acked_count, 50);
    (void)getrusage(RUSAGE_SELF, &after);
    for (uint64_t i = 0; i < 50; i++)
        assert_int_equal(w->acked[i], i);
    assert_true(cpu_ms(&after) - cpu_ms(&before) < SLOW_MS / 16);
}

static void a_reader_gets_bounds_then_records_in_order_then_the_end(void **state)
{
    struct world *w = *state;

    open_client(w);
    for (uint64_t i = 0; i < 10; i++)
        produce(w, i);
    run_until(w, &w->acked_count, 10);
    start_reading(w, "t");
    run_until(w, &w->bounds_count, 1);
    assert_int_equal(w->bounds.start, 0);
    assert_int_equal(w->bounds.end, 10);
    io_reading_from(w->reading, 3);
    run_until(w, &w->end_count, 1);
    assert_int_equal(w->records, 7);
    assert_int_equal(w->end_offset, 10);
    assert_true(w->in_order);
    produce(w, 10);
    run_until(w, &w->records, 8);
    assert_int_equal(w->last_offset, 10);
}

static void reading_again_from_an_earlier_offset_repeats_the_records(void **state)
{
    struct world *w = *state;

    open_client(w);
    for (uint64_t i = 0; i < 10; i++)
        produce(w, i);
    run_until(w, &w->acked_count, 10);
    start_reading(w, "t");
    run_until(w, &w->bounds_count, 1);
    io_reading_from(w->reading, 5);
    run_until(w, &w->end_count, 1);
    w->last_offset = -1;
    w->records = 0;
    io_reading_from(w->reading, LINE_FROM_START);
    run_until(w, &w->end_count, 2);
    assert_int_equal(w->records, 10);
    assert_true(w->in_order);
}

static void an_offset_that_the_log_lacks_is_answered_with_its_bounds(void **state)
{
    struct world *w = *state;

    open_client(w);
    produce(w, 0);
    run_until(w, &w->acked_count, 1);
    start_reading(w, "t");
    run_until(w, &w->bounds_count, 1);
    io_reading_from(w->reading, 77);
    run_until(w, &w->range_count, 1);
    assert_int_equal(w->bounds.end, 1);
    assert_int_equal(w->records, 0);
}

/* The broker answers all but one Fetch: to librdkafka that is a slow answer, to us lost time. */
static void a_silent_partition_is_read_anew_on_another_consumer(void **state)
{
    enum {
        FETCH = 1
    };
    struct world *w = *state;

    open_client(w);
    for (uint64_t i = 0; i < 10; i++)
        produce(w, i);
    run_until(w, &w->acked_count, 10);
    io_reader_set_patience(w->k.reader, 300);
    assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(
                         w->k.mock, 1, FETCH, 1, RD_KAFKA_RESP_ERR_NO_ERROR, 60000),
                     0);
    start_reading(w, "t");
    run_until(w, &w->bounds_count, 1);
    io_reading_from(w->reading, 0);
    run_until(w, &w->end_count, 1);
    assert_int_equal(w->records, 10);
    assert_true(w->in_order);
}

static void a_topic_with_another_id_was_made_anew_until_it_is_forgotten(void **state)
{
    struct world *w = *state;
    struct io_topics *topics;

    w->k.log.level = LOG_ERROR;
    assert_int_equal(io_topics_open(&w->k.cluster, w->k.ask, &topics), 0);
    struct io_topic *t = io_topics_hold(topics, "t", 0);
    struct io_topic *other = io_topics_hold(topics, "other", 0);
    io_topics_take(topics, "t", "first", 1);
    io_topics_take(topics, "other", "first", 1);
    io_topics_take(topics, "t", "", 1);
    io_topics_take(topics, "t", "first", 1);
    io_topics_take(topics, "unheard-of", "x", 1);
    assert_false(io_topic_is_anew(t));
    assert_int_equal(io_topic_partitions(t), 1);
    io_topics_take(topics, "t", "first", 2);
    assert_int_equal(io_topic_partitions(t), 2);
    assert_int_equal(io_topic_partitions(NULL), 0);
    io_topics_take(topics, "t", "second", 1);
    assert_true(io_topic_is_anew(t));
    assert_false(io_topic_is_anew(other));
    /* The next run of the same task. */
    io_topic_release(t);
    io_topics_sweep(topics);
    t = io_topics_hold(topics, "t", 0);
    assert_true(io_topic_is_anew(t));
    /* What an operator accepted is another incarnation; the old one stays anew. */
    struct io_topic *accepted = io_topics_hold(topics, "t", 1);
    io_topics_take(topics, "t", "second", 1);
    assert_false(io_topic_is_anew(accepted));
    assert_true(io_topic_is_anew(t));
    io_topics_take(topics, "t", "third", 1);
    assert_true(io_topic_is_anew(accepted));
    io_topic_release(accepted);
    io_topic_release(t);
    io_topic_release(other);
    io_topics_close(topics);
}

static void a_record_that_the_broker_refuses_fails_the_client_once(void **state)
{
    struct world *w = *state;

    rd_kafka_mock_push_request_errors(w->k.mock, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    open_client(w);
    for (uint64_t i = 0; i < 3; i++)
        produce(w, i);
    run_until(w, &w->failed_count, 1);
    assert_int_equal(w->failed_code, ERR_TOO_LARGE);
    const struct io_write record = {.key = SLICE_LIT("k"), .ticket = 9};
    assert_int_equal(io_writer_produce(w->client, &record), ERR_DELIVERY);
    io_writer_client_close(w->client);
    open_client(w);
    produce(w, 7);
    run_until(w, &w->acked_count, 1);
    assert_int_equal(w->acked[0], 7);
    assert_int_equal(w->failed_count, 1);
}

static void a_client_that_closes_early_hears_nothing_more(void **state)
{
    struct world *w = *state;

    open_client(w);
    for (uint64_t i = 0; i < 20; i++)
        produce(w, i);
    io_writer_client_close(w->client);
    open_client(w);
    produce(w, 99);
    run_until(w, &w->acked_count, 1);
    assert_int_equal(w->acked[0], 99);
}

static struct io_txn *open_txn(struct world *w)
{
    struct io_txn *t = mock_txn_open(&w->k, WAIT_MS);

    assert_int_equal(w->k.ready_code, 0);
    return t;
}

static void commit_one(struct world *w, struct io_txn *t)
{
    const struct io_write record = {.key = SLICE_LIT("k"), .value = SLICE_LIT("v")};

    assert_int_equal(io_txn_begin(t), 0);
    assert_int_equal(io_txn_produce(t, &record), 0);
    io_txn_commit(t);
    run_until(w, &w->k.ended, 1);
    w->k.ended = 0;
}

static void transactions_commit_one_after_the_other(void **state)
{
    struct world *w = *state;
    struct io_txn *t = open_txn(w);

    for (int i = 0; i < 3; i++) {
        commit_one(w, t);
        assert_int_equal(w->k.result, IO_TXN_COMMITTED);
    }
    io_txn_close(t, mock_txn_closed, &w->k);
    run_until(w, &w->k.closed, 1);
}

/* More than two requests' worth: the producer says when it is full, and when there is room again. */
static void a_large_transaction_is_whole_and_waiting_for_it_costs_no_time(void **state)
{
    struct world *w = *state;
    static uint8_t value[12000];
    const struct header headers[] = {
        {SLICE_LIT("braid-origin"), SLICE_LIT("eqiad/s/0/0/-1/0")},
        {SLICE_LIT("braid-time"), SLICE_LIT("1700000000000")},
    };
    const struct io_write record = {.key = SLICE_LIT("k"),
                                    .value = slice_of(value, sizeof(value)),
                                    .headers = headers,
                                    .header_count = 2};
    struct io_txn *t = open_txn(w);
    const struct io_reading_config config = {
        .topic = "t", .partition = 1, .data = w, .on_event = on_read};
    struct rusage before;
    struct rusage after;

    assert_int_equal(rd_kafka_mock_broker_set_rtt(w->k.mock, 1, SLOW_MS / 4), 0);
    (void)getrusage(RUSAGE_SELF, &before);
    assert_int_equal(io_txn_begin(t), 0);
    for (int i = 0; i < LARGE_COUNT;) {
        const int rc = io_txn_produce(t, &record);
        if (rc == 0) {
            i++;
            continue;
        }
        assert_int_equal(rc, ERR_BUSY);
        w->k.room = 0;
        run_until(w, &w->k.room, 1);
    }
    io_txn_commit(t);
    run_until(w, &w->k.ended, 1);
    (void)getrusage(RUSAGE_SELF, &after);
    assert_int_equal(w->k.result, IO_TXN_COMMITTED);
    assert_true(w->k.room > 0);
    assert_true(cpu_ms(&after) - cpu_ms(&before) < SLOW_MS / 4);
    io_txn_close(t, mock_txn_closed, &w->k);
    run_until(w, &w->k.closed, 1);
    assert_int_equal(rd_kafka_mock_broker_set_rtt(w->k.mock, 1, 0), 0);
    w->reading = io_reading_start(w->k.reader, &config);
    run_until(w, &w->bounds_count, 1);
    io_reading_from(w->reading, 0);
    run_until(w, &w->records, LARGE_COUNT);
}

static void a_commit_whose_request_was_sent_again_is_unclear(void **state)
{
    struct world *w = *state;
    struct io_txn *t = open_txn(w);

    rd_kafka_mock_push_request_errors(w->k.mock, 26 /* EndTxn */, 1, RD_KAFKA_RESP_ERR__TRANSPORT);
    commit_one(w, t);
    assert_int_equal(w->k.result, IO_TXN_UNCLEAR);
    io_txn_close(t, mock_txn_closed, &w->k);
    run_until(w, &w->k.closed, 1);
}

static void a_fenced_producer_says_so(void **state)
{
    struct world *w = *state;
    struct io_txn *t = open_txn(w);

    rd_kafka_mock_push_request_errors(w->k.mock, 26 /* EndTxn */, 1,
                                      RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    commit_one(w, t);
    assert_int_equal(w->k.result, IO_TXN_FENCED);
    io_txn_close(t, mock_txn_closed, &w->k);
    run_until(w, &w->k.closed, 1);
}

static void closing_while_a_commit_is_under_way_waits_for_it(void **state)
{
    struct world *w = *state;
    struct io_txn *t = open_txn(w);

    assert_int_equal(io_txn_begin(t), 0);
    io_txn_commit(t);
    io_txn_close(t, mock_txn_closed, &w->k);
    run_until(w, &w->k.closed, 1);
    assert_int_equal(w->k.ended, 0);
}

static void a_reading_waits_until_a_consumer_is_free(void **state)
{
    struct world *w = *state;
    const struct io_reading_config config = {
        .topic = "t", .partition = 0, .data = w, .on_event = on_read};
    struct io_reading *list[IO_READER_LANES_MAX + 1];

    for (int i = 0; i <= IO_READER_LANES_MAX; i++) {
        list[i] = io_reading_start(w->k.reader, &config);
        assert_non_null(list[i]);
    }
    run_until(w, &w->bounds_count, IO_READER_LANES_MAX + 1);
    for (int i = 0; i <= IO_READER_LANES_MAX; i++)
        io_reading_from(list[i], 0);
    run_until(w, &w->end_count, IO_READER_LANES_MAX);
    assert_int_equal(w->end_count, IO_READER_LANES_MAX);
    io_reading_stop(list[0]);
    run_until(w, &w->end_count, IO_READER_LANES_MAX + 1);
    assert_int_equal(w->read_failed, 0);
    for (int i = 1; i <= IO_READER_LANES_MAX; i++)
        io_reading_stop(list[i]);
}

/* All merges of a node look for their cuts in one partition; then each reads what it merges. */
static void a_reading_that_keeps_records_waits_for_no_other(void **state)
{
    struct world *w = *state;
    struct io_reading_config config = {
        .topic = "t", .partition = 0, .data = w, .on_event = on_read};
    struct io_reading *list[IO_READER_LANES_MAX + 1];

    for (int i = 0; i <= IO_READER_LANES_MAX; i++) {
        config.keeps = i == IO_READER_LANES_MAX;
        list[i] = io_reading_start(w->k.reader, &config);
        assert_non_null(list[i]);
        run_until(w, &w->bounds_count, i + 1);
        io_reading_from(list[i], 0);
        run_until(w, &w->end_count, i + 1);
    }
    for (int i = 0; i <= IO_READER_LANES_MAX; i++)
        io_reading_stop(list[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_saved_place_is_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reading_waits_until_a_consumer_is_free, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reading_that_keeps_records_waits_for_no_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_coordinator_that_is_away_costs_a_timeout_and_no_more,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_answers_nothing_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_leader_that_does_not_answer_in_time_is_no_empty_log,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_leader_that_hangs_up_is_no_empty_log, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_question_about_a_group_is_forgotten, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(acks_come_in_the_order_of_producing, setup, teardown),
        cmocka_unit_test_setup_teardown(waiting_for_a_slow_broker_costs_no_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_gets_bounds_then_records_in_order_then_the_end,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(reading_again_from_an_earlier_offset_repeats_the_records,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_offset_that_the_log_lacks_is_answered_with_its_bounds,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_partition_is_read_anew_on_another_consumer, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_topic_with_another_id_was_made_anew_until_it_is_forgotten,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_that_the_broker_refuses_fails_the_client_once,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_that_closes_early_hears_nothing_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(transactions_commit_one_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_large_transaction_is_whole_and_waiting_for_it_costs_no_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_commit_whose_request_was_sent_again_is_unclear, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_fenced_producer_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(closing_while_a_commit_is_under_way_waits_for_it, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
