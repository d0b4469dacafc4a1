/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: each class of error that a broker can answer ends as the core expects it: what can be tried
 *       again is, what cannot ends the run once, and no commit counts as clean if a request of it
 *       may still be on its way (R2, R10, R13).
 * Method: librdkafka's mock cluster answers chosen requests with chosen errors; tables of what must
 *       come of each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "node/batch_size.h"
#include "proto/err.h"
#include "tests/unit/mock_kafka.h"

#define WAIT_MS  20000
#define QUICK_MS 400 /* less than what librdkafka's timers wait for: 500 and 1,000 ms */

/* Kafka's numbers of requests. */
enum api {
    API_PRODUCE = 0,
    API_FETCH = 1,
    API_INIT_PRODUCER = 22,
    API_ADD_PARTITIONS = 24,
    API_END_TXN = 26,
};

struct world {
    struct mock_kafka k;
    int acked;
    int failed;
    int code;
    int records;
    int ranges;
    int ends;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    mock_kafka_open(&w->k);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    mock_kafka_close(&w->k);
    free(w);
    return 0;
}

static void run_until(struct world *w, const int *what, int at_least)
{
    mock_kafka_run(&w->k, what, at_least, WAIT_MS);
}

static void answer_with(struct world *w, enum api api, rd_kafka_resp_err_t err)
{
    rd_kafka_mock_push_request_errors(w->k.mock, (int16_t)api, 1, err);
}

/* --- transactions (R10) ------------------------------------------------------------------------- */

static void close_txn(struct world *w, struct io_txn *t)
{
    w->k.closed = 0;
    io_txn_close(t, mock_txn_closed, &w->k);
    run_until(w, &w->k.closed, 1);
}

/* What comes of a transaction of one record with a new producer, of which one request is answered
 * with the error. */
static enum io_txn_result commit_with(struct world *w, enum api api, rd_kafka_resp_err_t err)
{
    const struct io_write record = {.key = SLICE_LIT("k"), .value = SLICE_LIT("v")};
    struct io_txn *t = mock_txn_open(&w->k, WAIT_MS);

    assert_int_equal(w->k.ready_code, 0);
    answer_with(w, api, err);
    w->k.ended = 0;
    assert_int_equal(io_txn_begin(t), 0);
    assert_int_equal(io_txn_produce(t, &record), 0);
    io_txn_commit(t);
    run_until(w, &w->k.ended, 1);
    close_txn(w, t);
    return w->k.result;
}

/* The broker did nothing, and said so on the same connection: trying again is clean. */
static void a_transaction_that_the_broker_puts_off_is_clean(void **state)
{
    struct world *w = *state;

    assert_int_equal(commit_with(w, API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS),
                     IO_TXN_COMMITTED);
    assert_int_equal(commit_with(w, API_END_TXN, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS),
                     IO_TXN_COMMITTED);
}

/* The library sends EndTxn again, to another broker; with its first protocol version that may be
 * one too many. */
static void a_commit_whose_coordinator_moved_is_unclear(void **state)
{
    struct world *w = *state;

    assert_int_equal(commit_with(w, API_END_TXN, RD_KAFKA_RESP_ERR_NOT_COORDINATOR),
                     IO_TXN_UNCLEAR);
}

/* Nobody knows what became of a request without an answer, or when it comes a second time. */
static void a_commit_with_a_lost_answer_is_unclear_whichever_it_was(void **state)
{
    struct world *w = *state;

    assert_int_equal(commit_with(w, API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR__TRANSPORT),
                     IO_TXN_UNCLEAR);
    assert_int_equal(commit_with(w, API_PRODUCE, RD_KAFKA_RESP_ERR__TRANSPORT), IO_TXN_UNCLEAR);
    assert_int_equal(commit_with(w, API_END_TXN, RD_KAFKA_RESP_ERR__TRANSPORT), IO_TXN_UNCLEAR);
}

static void a_commit_that_the_broker_refuses_is_unclear(void **state)
{
    struct world *w = *state;

    assert_int_equal(commit_with(w, API_END_TXN, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE),
                     IO_TXN_UNCLEAR);
    assert_int_equal(
        commit_with(w, API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED),
        IO_TXN_UNCLEAR);
    assert_int_equal(commit_with(w, API_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE),
                     IO_TXN_UNCLEAR);
}

static void a_fence_is_told_whichever_request_meets_it(void **state)
{
    struct world *w = *state;

    assert_int_equal(commit_with(w, API_END_TXN, RD_KAFKA_RESP_ERR_PRODUCER_FENCED), IO_TXN_FENCED);
    assert_int_equal(commit_with(w, API_END_TXN, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH),
                     IO_TXN_FENCED);
    assert_int_equal(commit_with(w, API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_PRODUCER_FENCED),
                     IO_TXN_FENCED);
}

static void a_producer_that_may_not_be_made_says_so(void **state)
{
    struct world *w = *state;
    struct io_txn *t;

    answer_with(w, API_INIT_PRODUCER, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    t = mock_txn_open(&w->k, WAIT_MS);
    assert_int_equal(w->k.ready_code, ERR_TXN);
    close_txn(w, t);
    answer_with(w, API_INIT_PRODUCER, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
    t = mock_txn_open(&w->k, WAIT_MS);
    assert_int_equal(w->k.ready_code, 0);
    close_txn(w, t);
}

/* --- idempotent writers (R2) -------------------------------------------------------------------- */

static void on_acked(void *data, uint64_t ticket, int64_t log_offset)
{
    struct world *w = data;

    (void)ticket, (void)log_offset;
    w->acked++;
}

static void on_failed(void *data, int code, const char *detail)
{
    struct world *w = data;

    (void)detail;
    w->code = code;
    w->failed++;
}

/* What three records come to if the first request is answered with the error: 0, or the code. */
static int write_with(struct world *w, rd_kafka_resp_err_t err)
{
    const struct io_writer_config config = {
        .topic = "t", .partition = 0, .data = w, .acked = on_acked, .failed = on_failed};
    const struct header headers[] = {
        {SLICE_LIT("braid-origin"), SLICE_LIT("eqiad/s/0/0/-1/0")},
        {SLICE_LIT("braid-time"), SLICE_LIT("1700000000000")},
    };
    struct io_writer_client *client = io_writer_client_open(w->k.writer, &config);
    const int64_t limit_ms = io_mono_ms() + WAIT_MS;

    assert_non_null(client);
    w->acked = w->failed = 0;
    answer_with(w, API_PRODUCE, err);
    for (uint64_t n = 0; n < 3; n++) {
        const struct io_write record = {.key = SLICE_LIT("k"),
                                        .value = SLICE_LIT("v"),
                                        .headers = headers,
                                        .header_count = 2,
                                        .ticket = n};
        assert_int_equal(io_writer_produce(client, &record), 0);
    }
    while (w->acked < 3 && w->failed == 0 && io_mono_ms() < limit_ms)
        uv_run(&w->k.loop, UV_RUN_ONCE);
    io_writer_client_close(client);
    assert_true(w->acked == 3 || w->failed == 1);
    return w->failed == 0 ? 0 : w->code;
}

static void a_delivery_that_can_be_tried_again_is_acknowledged_once(void **state)
{
    struct world *w = *state;

    assert_int_equal(write_with(w, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION), 0);
    assert_int_equal(write_with(w, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS), 0);
    assert_int_equal(write_with(w, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT), 0);
    assert_int_equal(write_with(w, RD_KAFKA_RESP_ERR__TRANSPORT), 0);
}

static void a_delivery_that_is_refused_for_good_fails_the_run_once(void **state)
{
    struct world *w = *state;

    assert_int_equal(write_with(w, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), ERR_TOO_LARGE);
    assert_int_equal(write_with(w, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED), ERR_DELIVERY);
    assert_int_equal(write_with(w, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED), ERR_DELIVERY);
}

struct told {
    int acked, failed, code;
};

static void on_told_acked(void *data, uint64_t ticket, int64_t log_offset)
{
    struct told *t = data;

    (void)ticket, (void)log_offset;
    t->acked++;
}

static void on_told_failed(void *data, int code, const char *detail)
{
    struct told *t = data;

    (void)detail;
    t->code = code;
    t->failed++;
}

static void only_one_client_hears_that_a_record_was_too_large(void **state)
{
    struct world *w = *state;
    struct told told[2] = {{0}};
    struct io_writer_client *clients[2];
    const struct io_write record = {.key = SLICE_LIT("k"), .value = SLICE_LIT("v")};
    const int64_t limit_ms = io_mono_ms() + WAIT_MS;

    for (int i = 0; i < 2; i++) {
        const struct io_writer_config config = {.topic = "t",
                                                .partition = 0,
                                                .data = &told[i],
                                                .acked = on_told_acked,
                                                .failed = on_told_failed};
        clients[i] = io_writer_client_open(w->k.writer, &config);
        assert_non_null(clients[i]);
    }
    answer_with(w, API_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    for (int i = 0; i < 2; i++)
        assert_int_equal(io_writer_produce(clients[i], &record), 0);
    while ((told[0].acked + told[0].failed == 0 || told[1].acked + told[1].failed == 0) &&
           io_mono_ms() < limit_ms)
        uv_run(&w->k.loop, UV_RUN_ONCE);
    for (int i = 0; i < 2; i++)
        io_writer_client_close(clients[i]);
    assert_int_equal((told[0].code == ERR_TOO_LARGE) + (told[1].code == ERR_TOO_LARGE), 1);
    assert_int_equal(told[0].acked + told[0].failed, 1);
    assert_int_equal(told[1].acked + told[1].failed, 1);
}

/* A8: who may substitute it must know before the broker refuses it. */
static void a_record_above_the_topics_limit_is_told_at_once(void **state)
{
    struct world *w = *state;
    const struct io_write record = {.key = SLICE_LIT("k"), .value = SLICE_LIT("v")};
    const int64_t size = (int64_t)batch_size(record.key, record.value, NULL, 0);
    struct io_writer_config config = {
        .topic = "t", .partition = 0, .data = w, .acked = on_acked, .failed = on_failed};

    for (int64_t limit = size - 1; limit <= size; limit++) {
        config.limit = limit;
        struct io_writer_client *client = io_writer_client_open(w->k.writer, &config);
        assert_int_equal(io_writer_produce(client, &record), limit < size ? ERR_TOO_LARGE : 0);
        assert_int_equal(io_writer_under_way(client), limit < size ? 0 : 1);
        run_until(w, &w->acked, limit < size ? 0 : 1);
        io_writer_client_close(client);
    }
    assert_int_equal(w->failed, 0);
}

/* --- readers ------------------------------------------------------------------------------------ */

static void on_read(void *data, const struct io_read_event *ev)
{
    struct world *w = data;

    if (ev->kind == IO_READ_RECORDS) {
        for (uint32_t n = 0; n < ev->count; n++)
            io_kafka_release(ev->records[n].handle);
        w->records += (int)ev->count;
    }
    w->ranges += ev->kind == IO_READ_RANGE;
    w->ends += ev->kind == IO_READ_END;
    if (ev->kind == IO_READ_FAILED) {
        w->code = ev->code;
        w->failed++;
    }
}

/* Reads three records, the first fetch answered with the error: 0 once all are there, or the code. */
static int read_with(struct world *w, rd_kafka_resp_err_t err)
{
    const struct io_reading_config config = {
        .topic = "t", .partition = 0, .data = w, .on_event = on_read};
    struct io_reading *reading = io_reading_start(w->k.reader, &config);
    const int64_t limit_ms = io_mono_ms() + WAIT_MS;

    assert_non_null(reading);
    w->records = w->failed = w->ranges = 0;
    answer_with(w, API_FETCH, err);
    io_reading_from(reading, 0);
    while (w->records < 3 && w->failed == 0 && w->ranges == 0 && io_mono_ms() < limit_ms)
        uv_run(&w->k.loop, UV_RUN_ONCE);
    io_reading_stop(reading);
    assert_true(w->records == 3 || w->failed == 1 || w->ranges == 1);
    return w->failed == 0 ? -w->ranges : w->code;
}

static void a_fetch_that_can_be_tried_again_loses_nothing(void **state)
{
    struct world *w = *state;

    assert_int_equal(write_with(w, RD_KAFKA_RESP_ERR_NO_ERROR), 0);
    assert_int_equal(read_with(w, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION), 0);
    assert_int_equal(read_with(w, RD_KAFKA_RESP_ERR__TRANSPORT), 0);
    assert_int_equal(read_with(w, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR), 0);
}

/* A topic that the consumer did not know; the first reading connects it. Until its end is told, in ms. */
static int64_t first_read_ms(struct world *w, const char *topic)
{
    const struct io_reading_config config = {
        .topic = topic, .partition = 0, .data = w, .on_event = on_read};

    assert_int_equal(rd_kafka_mock_topic_create(w->k.mock, topic, 1, 1), 0);
    struct io_reading *reading = io_reading_start(w->k.reader, &config);
    const int64_t begun_ms = io_mono_ms();
    w->ends = 0;
    io_reading_from(reading, 0);
    run_until(w, &w->ends, 1);
    io_reading_stop(reading);
    return io_mono_ms() - begun_ms;
}

/* A take-over waits for answers only. The quickest of some, for the machine may be busy. */
static void a_first_read_does_not_wait_for_a_timer(void **state)
{
    static const char *const TOPICS[] = {"cold-1", "cold-2", "cold-3", "cold-4"};
    struct world *w = *state;
    int64_t quickest_ms = WAIT_MS;

    (void)first_read_ms(w, "connected");
    for (size_t i = 0; i < sizeof(TOPICS) / sizeof(TOPICS[0]); i++) {
        const int64_t took_ms = first_read_ms(w, TOPICS[i]);
        print_message("%lld ms\n", (long long)took_ms);
        quickest_ms = took_ms < quickest_ms ? took_ms : quickest_ms;
    }
    assert_true(quickest_ms < QUICK_MS);
}

/* Never from the earliest or the latest that there is (R13). */
static void a_fetch_out_of_range_asks_what_the_log_has(void **state)
{
    struct world *w = *state;

    assert_int_equal(write_with(w, RD_KAFKA_RESP_ERR_NO_ERROR), 0);
    assert_int_equal(read_with(w, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_transaction_that_the_broker_puts_off_is_clean),
        TEST(a_commit_whose_coordinator_moved_is_unclear),
        TEST(a_commit_with_a_lost_answer_is_unclear_whichever_it_was),
        TEST(a_commit_that_the_broker_refuses_is_unclear),
        TEST(a_fence_is_told_whichever_request_meets_it),
        TEST(a_producer_that_may_not_be_made_says_so),
        TEST(a_delivery_that_can_be_tried_again_is_acknowledged_once),
        TEST(a_delivery_that_is_refused_for_good_fails_the_run_once),
        TEST(only_one_client_hears_that_a_record_was_too_large),
        TEST(a_record_above_the_topics_limit_is_told_at_once),
        TEST(a_fetch_that_can_be_tried_again_loses_nothing),
        TEST(a_fetch_out_of_range_asks_what_the_log_has),
        TEST(a_first_read_does_not_wait_for_a_timer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
