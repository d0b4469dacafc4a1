/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/io_floor.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/event_text.h"
#include "bench/io_client.h"
#include "bench/io_process.h"
#include "node/fetch_http.h"

#define BATCH         1000
#define REQUEST_BYTES 900000 /* less than batch.size */
#define SILENCE_US    (20 * 1000000)
#define FILLER_MAX    65536

/* ---- copying ---------------------------------------------------------------------------------- */

struct copy {
    const struct floor_copy *f;
    rd_kafka_t *readers[2];
    rd_kafka_queue_t *queues[2];
    rd_kafka_t *writer;
    uint64_t taken[2];
    uint64_t acked;
    bool is_in_transaction;
    size_t bytes; /* written since all was acknowledged */
    int64_t begun_us;
    char filler[FILLER_MAX]; /* the value that is written if value_bytes says so */
    int64_t start_us;
    double start_cpu;
};

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *opaque)
{
    struct copy *c = opaque;

    (void)rk;
    if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        c->acked++;
}

/* Ends a transaction that is old enough, or any at the end. */
static int commit(struct copy *c, bool is_end)
{
    if (!c->is_in_transaction || (!is_end && now_us() - c->begun_us < (int64_t)c->f->cut_ms * 1000))
        return 0;
    rd_kafka_error_t *error = rd_kafka_commit_transaction(c->writer, 30000);
    c->is_in_transaction = false;
    if (error == NULL)
        return 0;
    (void)fprintf(stderr, "braid-bench: floor: commit: %s\n", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return -1;
}

static void begin(struct copy *c)
{
    if (c->f->cut_ms == 0 || c->is_in_transaction)
        return;
    rd_kafka_error_t *error = rd_kafka_begin_transaction(c->writer);
    if (error != NULL) /* the produce that follows says the same */
        rd_kafka_error_destroy(error);
    c->is_in_transaction = true;
    c->begun_us = now_us();
}

static rd_kafka_resp_err_t try_write(struct copy *c, const rd_kafka_message_t *msg,
                                     rd_kafka_headers_t *headers)
{
    const bool is_own = c->f->value_bytes == 0;
    const rd_kafka_vu_t vus[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = c->f->topic_to},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = msg->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {msg->key, msg->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {is_own ? msg->payload : c->filler, is_own ? msg->len : c->f->value_bytes}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = rd_kafka_message_timestamp(msg, NULL)},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    const size_t count = sizeof vus / sizeof vus[0] - (headers == NULL ? 1 : 0);
    rd_kafka_error_t *error = rd_kafka_produceva(c->writer, vus, count);

    if (error == NULL)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    const rd_kafka_resp_err_t err = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return err;
}

/*
 * What goes together is acknowledged before more is written: a producer that gets more than one request of
 * a partition spins until the first is answered (node/io_kafka_gate.h), and the floor is to be the least.
 */
static void make_room(struct copy *c, size_t more)
{
    if (c->bytes + more > REQUEST_BYTES) {
        (void)rd_kafka_flush(c->writer, 30000); /* what is late then is counted when it comes */
        c->bytes = 0;
    }
    c->bytes += more;
}

static void write_copy(struct copy *c, rd_kafka_message_t *msg)
{
    rd_kafka_headers_t *headers = NULL;

    begin(c);
    make_room(c, msg->key_len + (c->f->value_bytes > 0 ? c->f->value_bytes : msg->len) + 500);
    (void)rd_kafka_message_detach_headers(msg, &headers); /* none: NULL */
    rd_kafka_resp_err_t err = try_write(c, msg, headers);
    while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        (void)rd_kafka_poll(c->writer, 5);
        err = try_write(c, msg, headers);
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR && headers != NULL)
        rd_kafka_headers_destroy(headers); /* the count of acknowledgements will not be right */
}

static void take_batch(struct copy *c, int reader)
{
    rd_kafka_message_t *messages[BATCH];
    const ssize_t got = rd_kafka_consume_batch_queue(c->queues[reader], 5, messages, BATCH);

    for (ssize_t i = 0; i < got; i++) {
        if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            c->taken[reader]++;
            if (reader == 0 && c->writer != NULL)
                write_copy(c, messages[i]);
        }
        rd_kafka_message_destroy(messages[i]);
    }
    if (c->writer != NULL)
        (void)rd_kafka_poll(c->writer, 0);
}

static int open_copy(struct copy *c)
{
    const struct floor_copy *f = c->f;
    const char *const plain[] = {"enable.idempotence",
                                 "true",
                                 "message.max.bytes",
                                 "10000000",
                                 "queue.buffering.max.kbytes",
                                 "32768",
                                 NULL};
    const char *const transactional[] = {"transactional.id",
                                         "braid-bench-floor",
                                         "message.max.bytes",
                                         "10000000",
                                         "queue.buffering.max.kbytes",
                                         "32768",
                                         NULL};

    for (int i = 0; i < 2 && f->topics[i] != NULL; i++) {
        c->readers[i] =
            client_reader(f->from, f->topics[i], f->partitions, "read_committed", &c->queues[i]);
        if (c->readers[i] == NULL)
            return -1;
    }
    if (f->value_bytes > sizeof c->filler)
        return -1;
    memset(c->filler, 'x', f->value_bytes);
    if (f->to == NULL)
        return 0;
    c->writer = client_new(RD_KAFKA_PRODUCER, f->to, f->cut_ms > 0 ? transactional : plain,
                           on_delivered, c);
    if (c->writer == NULL)
        return -1;
    rd_kafka_error_t *error = f->cut_ms > 0 ? rd_kafka_init_transactions(c->writer, 30000) : NULL;
    if (error == NULL)
        return 0;
    (void)fprintf(stderr, "braid-bench: floor: %s\n", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return -1;
}

static void print_result(uint64_t events, int64_t start_us, double start_cpu)
{
    (void)printf("%llu %.6f %.6f %.1f\n", (unsigned long long)events,
                 (double)(now_us() - start_us) / 1e6, process_own_cpu_s() - start_cpu,
                 process_peak_mb(getpid()));
}

static bool is_done(const struct copy *c)
{
    return c->taken[0] >= c->f->count && (c->f->topics[1] == NULL || c->taken[1] >= c->f->count);
}

int floor_copy_run(const struct floor_copy *f)
{
    struct copy c = {.f = f};
    uint64_t before = 0;
    uint64_t warm = 0;
    int64_t heard_us = now_us();

    if (open_copy(&c) != 0)
        return EXIT_FAILURE;
    while (!is_done(&c)) {
        for (int i = 0; i < 2 && c.queues[i] != NULL; i++)
            take_batch(&c, i);
        if (commit(&c, false) != 0)
            return EXIT_FAILURE;
        if (c.start_us == 0 && c.taken[0] >= f->warm) {
            c.start_us = now_us();
            c.start_cpu = process_own_cpu_s();
            warm = c.taken[0];
        }
        if (c.taken[0] + c.taken[1] > before)
            heard_us = now_us();
        before = c.taken[0] + c.taken[1];
        if (now_us() - heard_us > SILENCE_US) {
            (void)fprintf(stderr, "braid-bench: floor: nothing to read for 20 s\n");
            return EXIT_FAILURE;
        }
    }
    if (commit(&c, true) != 0)
        return EXIT_FAILURE;
    if (c.writer != NULL)
        (void)rd_kafka_flush(c.writer, 30000);
    print_result(c.taken[0] - warm, c.start_us, c.start_cpu);
    (void)fflush(stdout);
    _exit(c.writer == NULL || c.acked == c.taken[0] ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ---- requests --------------------------------------------------------------------------------- */

struct requests {
    const struct floor_curl *f;
    CURLM *multi;
    struct curl_slist *headers;
    uint64_t asked;
    uint64_t answered;
    uint64_t bytes;
    uint64_t failed;
};

static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
    struct requests *r = arg;

    (void)data;
    r->bytes += one * len;
    return one * len;
}

static void ask(struct requests *r, CURL *easy)
{
    char query[FETCH_QUERY_MAX];
    char url[FETCH_QUERY_MAX + 256];
    int64_t ids[FETCH_BATCH_MAX];

    for (uint32_t i = 0; i < r->f->batch; i++)
        ids[i] = EVENT_TEXT_REV_FIRST + (int64_t)(r->asked + i);
    fetch_query_text(ids, r->f->batch, 5, query);
    (void)snprintf(url, sizeof url, "%s%s", r->f->url, query);
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_multi_add_handle(r->multi, easy);
    r->asked += r->f->batch;
}

static CURL *easy_new(struct requests *r)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        return NULL;
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
    return easy;
}

/* True if there was any: what it asks anew may be answered before curl_multi_poll looks. */
static bool take_answers(struct requests *r)
{
    const uint64_t before = r->answered;
    int left;
    CURLMsg *msg;

    while ((msg = curl_multi_info_read(r->multi, &left)) != NULL) {
        CURL *easy = msg->easy_handle;
        if (msg->msg != CURLMSG_DONE)
            continue;
        r->failed += msg->data.result != CURLE_OK;
        r->answered += r->f->batch;
        (void)curl_multi_remove_handle(r->multi, easy);
        if (r->asked < r->f->count)
            ask(r, easy);
        else
            curl_easy_cleanup(easy);
    }
    return r->answered > before;
}

int floor_curl_run(const struct floor_curl *f)
{
    struct requests r = {.f = f, .multi = curl_multi_init()};
    char host[256];
    int64_t start_us = 0;
    double start_cpu = 0;
    uint64_t warm = 0;
    int running;

    (void)snprintf(host, sizeof host, "Host: %s", f->host);
    r.headers = curl_slist_append(NULL, host);
    for (uint32_t i = 0; i < f->in_flight && r.asked < f->count; i++) {
        CURL *easy = easy_new(&r);
        if (easy == NULL)
            return EXIT_FAILURE;
        ask(&r, easy);
    }
    while (r.answered < f->count) {
        if (curl_multi_perform(r.multi, &running) != CURLM_OK ||
            (!take_answers(&r) && curl_multi_poll(r.multi, NULL, 0, 100, NULL) != CURLM_OK))
            return EXIT_FAILURE;
        if (start_us == 0 && r.answered >= f->warm) {
            start_us = now_us();
            start_cpu = process_own_cpu_s();
            warm = r.answered;
        }
    }
    print_result(r.answered - warm, start_us, start_cpu);
    (void)fflush(stdout);
    return r.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
