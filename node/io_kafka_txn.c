/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_kafka_txn.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/batch_size.h"
#include "node/io_kafka_gate.h"
#include "node/io_limit.h"
#include "node/io_loop.h"
#include "proto/err.h"

/* Request kinds of the Kafka protocol that belong to a transaction. */
enum api_key {
    API_PRODUCE = 0,
    API_INIT_PRODUCER_ID = 22,
    API_ADD_PARTITIONS_TO_TXN = 24,
    API_END_TXN = 26,
};

struct io_txn {
    struct io_kafka_cluster cluster;
    struct io_txn_config config;
    char *topic;             /* owned */
    rd_kafka_t *rk;          /* owned */
    rd_kafka_queue_t *queue; /* owned */
    rd_kafka_topic_t *known; /* owned: see io_kafka_know */
    struct io_kafka_wake *wake;
    struct io_gate gate;
    struct io_pool pool; /* of what waits at the gate */
    struct io_work work;
    bool is_ending;            /* io_txn_commit was called, its records are not all handed over */
    bool is_busy;              /* produce was answered so */
    bool has_failed;           /* a record of it did not get through: it must not commit */
    bool is_working;           /* init or commit is on the pool */
    atomic_bool is_suspect;    /* a request of it failed and may have been sent again */
    enum io_txn_result result; /* of the commit; written on the pool, read after */
    int code;                  /* of the init; likewise */
    char detail[256];
    bool is_closed;
    void (*closed)(void *data);
    void *closed_data;
};

/* ---- interceptor ---------------------------------------------------------------------------- */

/* Thread: librdkafka's; touches only the flag. Called before librdkafka decides to retry. */
// NOLINTNEXTLINE(readability-function-size): the library fixes the parameters
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int sockfd, const char *broker,
                                       int32_t broker_id, int16_t api_key, int16_t api_version,
                                       int32_t corr_id, size_t size, int64_t rtt,
                                       rd_kafka_resp_err_t err, void *opaque)
{
    struct io_txn *t = opaque;

    (void)rk, (void)sockfd, (void)broker, (void)broker_id, (void)api_version, (void)corr_id;
    (void)size, (void)rtt;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    if (api_key == API_PRODUCE || api_key == API_INIT_PRODUCER_ID ||
        api_key == API_ADD_PARTITIONS_TO_TXN || api_key == API_END_TXN)
        atomic_store(&t->is_suspect, true);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                  char *text, size_t text_size)
{
    (void)conf, (void)text, (void)text_size;
    return rd_kafka_interceptor_add_on_response_received(rk, "braid", on_response, opaque);
}

/* ---- blocking calls, on the pool ------------------------------------------------------------ */

static bool is_fenced(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__FENCED || err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* True also where the fatal error behind `error` is a fence. */
static bool error_is_fenced(const struct io_txn *t, const rd_kafka_error_t *error)
{
    char text[64];

    return is_fenced(rd_kafka_error_code(error)) ||
           is_fenced(rd_kafka_fatal_error(t->rk, text, sizeof(text)));
}

/* While no broker is connected, librdkafka looks for the coordinator every 500 ms only; with one, at once. */
static void wait_for_broker(struct io_txn *t)
{
    const struct rd_kafka_metadata *metadata = NULL;

    if (rd_kafka_metadata(t->rk, 0, NULL, &metadata, IO_TXN_BROKER_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
}

/* Thread: libuv's pool. */
static void run_init(void *data)
{
    struct io_txn *t = data;

    wait_for_broker(t);
    rd_kafka_error_t *error = rd_kafka_init_transactions(t->rk, IO_TXN_INIT_MS);

    t->code = 0;
    if (error == NULL)
        return;
    t->code = error_is_fenced(t, error) ? ERR_FENCED : ERR_TXN;
    (void)snprintf(t->detail, sizeof(t->detail), "%s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
}

/* Thread: libuv's pool. */
static void run_commit(void *data)
{
    struct io_txn *t = data;
    rd_kafka_error_t *error =
        t->has_failed ? NULL : rd_kafka_commit_transaction(t->rk, IO_TXN_COMMIT_MS);

    t->result = IO_TXN_COMMITTED;
    if (t->has_failed) {
        t->result = is_fenced(rd_kafka_fatal_error(t->rk, t->detail, sizeof(t->detail)))
                        ? IO_TXN_FENCED
                        : IO_TXN_UNCLEAR;
        (void)snprintf(t->detail, sizeof(t->detail), "a record was not taken");
    } else if (error != NULL) {
        t->result = error_is_fenced(t, error) ? IO_TXN_FENCED : IO_TXN_UNCLEAR;
        (void)snprintf(t->detail, sizeof(t->detail), "%s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    } else if (atomic_load(&t->is_suspect)) {
        t->result = IO_TXN_UNCLEAR;
        (void)snprintf(t->detail, sizeof(t->detail), "a request had to be sent again");
    }
}

static void on_destroyed(void *data)
{
    struct io_txn *t = data;

    if (t->closed != NULL)
        t->closed(t->closed_data);
    free(t->topic);
    free(t);
}

static void destroy(struct io_txn *t)
{
    io_kafka_wake_remove(t->queue);
    rd_kafka_queue_destroy(t->queue);
    rd_kafka_topic_destroy(t->known);
    io_kafka_wake_close(t->wake);
    io_gate_clear(&t->gate, &t->pool);
    io_pool_deinit(&t->pool, NULL);
    io_kafka_destroy_later(t->cluster.loop, t->rk, on_destroyed, t);
}

static void after_init(void *data)
{
    struct io_txn *t = data;

    t->is_working = false;
    atomic_store(&t->is_suspect, false); /* what failed before the fence is fenced off */
    if (t->is_closed)
        destroy(t);
    else
        t->config.ready(t->config.data, t->code, t->detail);
}

static void after_commit(void *data)
{
    struct io_txn *t = data;

    t->is_working = false;
    if (t->is_closed)
        destroy(t);
    else
        t->config.ended(t->config.data, t->result, t->detail);
}

static void start_work(struct io_txn *t, void (*run)(void *data), void (*done)(void *data))
{
    assert(!t->is_working);
    t->is_working = true;
    t->detail[0] = '\0';
    t->work = (struct io_work){.run = run, .done = done, .data = t};
    const int rc = io_work_run(t->cluster.loop, &t->work);
    assert(rc == 0); /* only fails without a work function */
    (void)rc;
}

/* ---- operations ----------------------------------------------------------------------------- */

int io_txn_begin(struct io_txn *t)
{
    rd_kafka_error_t *error = rd_kafka_begin_transaction(t->rk);

    if (error == NULL)
        return 0;
    io_log(t->cluster.log, LOG_WARN, "cannot begin a transaction", "topic=%s why=\"%s\"", t->topic,
           rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return ERR_TXN;
}

static void hand_over(struct io_txn *t)
{
    void *culprit;

    if (io_gate_hand_over(&t->gate, &t->pool, t->rk, &culprit) != RD_KAFKA_RESP_ERR_NO_ERROR)
        t->has_failed = true;
}

/* The commit waits until librdkafka has all records: it would wait for them with its thread at
 * full speed (io_kafka_gate.h). */
static void go_on(struct io_txn *t)
{
    const bool wants_all = t->is_ending || io_gate_is_full(&t->gate);

    if (wants_all && !t->has_failed && io_gate_is_open(&t->gate))
        hand_over(t);
    if (t->is_ending && (t->has_failed || t->gate.waiting == 0)) {
        t->is_ending = false;
        start_work(t, run_commit, after_commit);
    }
}

int io_txn_produce(struct io_txn *t, const struct io_write *record)
{
    const size_t size =
        batch_size(record->key, record->value, record->headers, record->header_count);

    if (t->has_failed)
        return ERR_TXN;
    if ((t->config.limit > 0 && size > (size_t)t->config.limit) || size > IO_WRITER_RECORD_MAX)
        return ERR_TOO_LARGE;
    t->is_busy = io_gate_is_full(&t->gate) || io_gate_add(&t->gate, &t->pool, record, NULL) != 0;
    if (t->is_busy)
        return ERR_BUSY;
    go_on(t);
    return 0;
}

void io_txn_commit(struct io_txn *t)
{
    t->is_ending = true;
    go_on(t);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static void take_reports(struct io_txn *t, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *msg;

    while ((msg = rd_kafka_event_message_next(event)) != NULL) {
        io_gate_reported(&t->gate);
        if (msg->err != RD_KAFKA_RESP_ERR_NO_ERROR && !t->is_working) /* else the commit says so */
            t->has_failed = true;
    }
}

static void on_woken(void *data)
{
    struct io_txn *t = data;
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(t->queue, 0)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
            take_reports(t, event);
        else
            io_kafka_log_event(&t->cluster, event);
        rd_kafka_event_destroy(event);
    }
    if (t->is_closed || t->is_working)
        return;
    go_on(t);
    if (t->is_busy && !io_gate_is_full(&t->gate)) {
        t->is_busy = false;
        t->config.room(t->config.data);
    }
}

static int make_producer(struct io_txn *t)
{
    char largest[16];
    (void)snprintf(largest, sizeof(largest), "%d", IO_WRITER_RECORD_MAX);
    const struct io_kafka_setting settings[] = {
        {"transactional.id", t->config.transactional_id},
        {"transaction.timeout.ms", IO_TXN_TIMEOUT_MS},
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"linger.ms", "1"},
        {"message.copy.max.bytes", "4096"}, /* larger values are sent from where they lie */
        {"message.max.bytes", largest},
        {"batch.num.messages", io_limit_is_small(t->config.limit) ? "1" : "10000"},
        {"queue.buffering.max.kbytes", "65536"},
        {"queue.buffering.max.messages", "50000"},
        {"message.timeout.ms", IO_TXN_TIMEOUT_MS},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = io_kafka_conf(&t->cluster, settings, RD_KAFKA_EVENT_DR);

    if (conf == NULL)
        return ERR_CONFIG;
    if (rd_kafka_conf_interceptor_add_on_new(conf, "braid", on_new, t) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_conf_destroy(conf);
        return ERR_CONFIG;
    }
    return io_kafka_new_from(&t->cluster, RD_KAFKA_PRODUCER, conf, &t->rk);
}

int io_txn_open(const struct io_kafka_cluster *cluster, const struct io_txn_config *config,
                struct io_txn **out)
{
    struct io_txn *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return ERR_NO_MEMORY;
    t->cluster = *cluster;
    t->config = *config;
    atomic_init(&t->is_suspect, false);
    t->topic = strdup(config->topic);
    int rc = t->topic != NULL ? make_producer(t) : ERR_NO_MEMORY;
    if (rc == 0)
        rc = io_kafka_wake_open(cluster->loop, on_woken, t, &t->wake);
    if (rc != 0) {
        if (t->rk != NULL)
            rd_kafka_destroy(t->rk);
        free(t->topic);
        free(t);
        return rc;
    }
    t->config.topic = t->topic;
    t->gate =
        (struct io_gate){.topic = t->topic, .partition = config->partition, .is_borrowing = true};
    t->config.transactional_id = NULL;
    t->known = io_kafka_know(t->rk, t->topic);
    t->queue = rd_kafka_queue_get_main(t->rk);
    io_kafka_wake_add(t->wake, t->queue);
    start_work(t, run_init, after_init);
    *out = t;
    return 0;
}

void io_txn_close(struct io_txn *t, void (*closed)(void *data), void *data)
{
    assert(!t->is_closed);
    t->is_closed = true;
    t->closed = closed;
    t->closed_data = data;
    if (!t->is_working)
        destroy(t);
}
