/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: who posts events is told what became of them, and 201 only what Kafka has.
 * Method: the intake on a loop with librdkafka's mock cluster; curl on another thread posts to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/io_intake.h"
#include "proto/err.h"
#include "tests/unit/mock_kafka.h"

#define WAIT_MS 30000
#define EVENT(stream, id)                                                                          \
    "{\"$schema\":\"/s/1\",\"meta\":{\"stream\":\"" stream "\",\"id\":\"" id "\"},"                \
    "\"wiki_id\":\"w\",\"page\":{\"page_id\":5}}"

/* Of this process: several may run side by side. */
static char address[32];

struct world {
    struct mock_kafka k;
    struct config config;
    struct slice streams[2];
    struct io_intake *intake;
    bool is_draining;
};

struct request {
    uv_work_t work;
    const char *path;
    const char *body; /* NULL: GET */
    const char *header;
    long code;
    char answer[65536];
    size_t len;
    int done;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    mock_kafka_open(&w->k);
    w->k.log.level = LOG_ERROR;
    rd_kafka_mock_topic_create(w->k.mock, "eqiad.a.v1", 1, 1);
    w->streams[0] = SLICE_LIT("a.v1");
    w->streams[1] = SLICE_LIT("braid.error");
    w->config = (struct config){
        .dc = SLICE_LIT("eqiad"),
        .source_bootstrap = slice_str(w->k.cluster.bootstrap),
        .intake_http = slice_str(address),
        .intake_streams = {w->streams, 2},
        .intake_event_bytes_max = 4096,
        .intake_body_bytes_max = 60000,
        .intake_timeout_ms = 6000,
    };
    const struct io_intake_source source = {
        .loop = &w->k.loop, .log = &w->k.log, .config = &w->config, .is_draining = &w->is_draining};
    assert_int_equal(io_intake_open(&source, &w->intake), 0);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    io_intake_close(w->intake);
    mock_kafka_close(&w->k);
    free(w);
    return 0;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *data)
{
    struct request *r = data;

    if (r->len + size * count < sizeof(r->answer)) {
        memcpy(r->answer + r->len, bytes, size * count);
        r->len += size * count;
    }
    return size * count;
}

/* Thread: libuv's pool. */
static void perform(uv_work_t *work)
{
    struct request *r = work->data;
    char url[128];
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

    (void)snprintf(url, sizeof(url), "http://%s%s", address, r->path);
    headers = curl_slist_append(headers, r->header != NULL ? r->header : "X-None: 1");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 25L);
    if (r->body != NULL)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &r->code);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

static void on_performed(uv_work_t *work, int status)
{
    struct request *r = work->data;

    (void)status;
    r->done = 1;
}

static long ask(struct world *w, struct request *r)
{
    r->work.data = r;
    r->len = 0;
    r->done = 0;
    r->code = 0;
    memset(r->answer, 0, sizeof(r->answer));
    assert_int_equal(uv_queue_work(&w->k.loop, &r->work, perform, on_performed), 0);
    mock_kafka_run(&w->k, &r->done, 1, WAIT_MS);
    return r->code;
}

static long post(struct world *w, struct request *r, const char *body)
{
    r->path = "/v1/events";
    r->body = body;
    return ask(w, r);
}

static void events_that_kafka_has_are_accepted(void **state)
{
    struct world *w = *state;
    struct request r = {0};
    struct io_intake_stats stats;

    assert_int_equal(post(w, &r, EVENT("a.v1", "1")), 201);
    assert_int_equal(r.len, 0);
    assert_int_equal(post(w, &r, "[" EVENT("a.v1", "2") "," EVENT("a.v1", "3") "]"), 201);
    io_intake_stats(w->intake, &stats);
    assert_int_equal(stats.accepted, 3);
    assert_int_equal(stats.answers[0].code, 201);
    assert_int_equal(stats.answers[0].count, 2);
}

static void others_are_shown_with_the_reason(void **state)
{
    struct world *w = *state;
    struct request r = {0};

    assert_int_equal(post(w, &r, EVENT("other.v1", "1")), 400);
    assert_non_null(strstr(r.answer, "'.meta.stream' should be a stream that is taken here"));
    assert_int_equal(post(w, &r, EVENT("braid.error", "1")), 400);
    assert_int_equal(post(w, &r, "[" EVENT("a.v1", "2") ",{}]"), 207);
    assert_non_null(strstr(r.answer, "\"error\":[]"));
    assert_int_equal(post(w, &r, "{\"a\":"), 400);
    assert_null(strstr(r.answer, "{"));
    assert_int_equal(post(w, &r, ""), 400);
    assert_int_equal(post(w, &r, "[]"), 400);
}

static void hasty_ones_are_answered_before_they_are_judged(void **state)
{
    struct world *w = *state;
    struct request r = {.path = "/v1/events?hasty=true", .body = EVENT("a.v1", "1")};
    struct io_intake_stats stats;

    assert_int_equal(ask(w, &r), 202);
    r.body = "[{}]";
    assert_int_equal(ask(w, &r), 202);
    const int64_t limit_ms = io_mono_ms() + WAIT_MS;
    do {
        io_intake_stats(w->intake, &stats);
        uv_run(&w->k.loop, UV_RUN_ONCE);
    } while (stats.accepted == 0 && io_mono_ms() < limit_ms);
    assert_int_equal(stats.accepted, 1);
    assert_int_equal(stats.invalid, 1);
}

static void limits_are_refusals(void **state)
{
    struct world *w = *state;
    struct request r = {.header = "Transfer-Encoding: chunked"};
    char *body = calloc(1, 70001);

    memset(body, ' ', 70000);
    assert_int_equal(post(w, &r, body), 413);
    r.header = NULL;
    assert_int_equal(post(w, &r, body), 413);
    body[59000] = '\0';
    assert_int_equal(post(w, &r, body), 400); /* nothing but blanks */
    memcpy(body, "{\"a\":1", 6);
    body[58999] = '}';
    assert_int_equal(post(w, &r, body), 400);
    assert_non_null(strstr(r.answer, "intake.event_bytes"));
    free(body);
    r.header = "Content-Encoding: gzip";
    assert_int_equal(post(w, &r, "{}"), 415);
}

static void other_addresses_say_what_there_is(void **state)
{
    struct world *w = *state;
    struct request r = {.path = "/_info"};

    assert_int_equal(ask(w, &r), 200);
    r.path = "/v1/events";
    assert_int_equal(ask(w, &r), 405);
    r.path = "/v2";
    assert_int_equal(ask(w, &r), 404);
    w->is_draining = true;
    assert_int_equal(post(w, &r, EVENT("a.v1", "1")), 503);
}

/* The broker refuses until it is too late: nothing is claimed. */
static void what_kafka_does_not_confirm_is_an_error(void **state)
{
    struct world *w = *state;
    struct request r = {0};

    assert_int_equal(post(w, &r, EVENT("a.v1", "1")), 201);
    rd_kafka_mock_broker_set_down(w->k.mock, 1);
    assert_int_equal(post(w, &r, "[" EVENT("a.v1", "2") ",{}]"), 500);
    assert_non_null(strstr(r.answer, "Kafka has not confirmed it"));
    assert_non_null(strstr(r.answer, "\"invalid\":[{"));
    rd_kafka_mock_broker_set_up(w->k.mock, 1);
    assert_int_equal(post(w, &r, EVENT("a.v1", "3")), 201);
}

static void who_waits_when_it_ends_is_not_told_that_all_is_well(void **state)
{
    struct world *w = *state;
    struct request r = {.path = "/v1/events", .body = EVENT("a.v1", "1")};

    rd_kafka_mock_broker_set_down(w->k.mock, 1);
    r.work.data = &r;
    assert_int_equal(uv_queue_work(&w->k.loop, &r.work, perform, on_performed), 0);
    for (int i = 0; i < 20; i++) {
        uv_run(&w->k.loop, UV_RUN_NOWAIT);
        uv_sleep(10);
    }
    io_intake_close(w->intake);
    w->intake = NULL;
    mock_kafka_run(&w->k, &r.done, 1, WAIT_MS);
    assert_int_not_equal(r.code, 201);
    assert_int_not_equal(r.code, 207);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(events_that_kafka_has_are_accepted),
        TEST(others_are_shown_with_the_reason),
        TEST(hasty_ones_are_answered_before_they_are_judged),
        TEST(limits_are_refusals),
        TEST(other_addresses_say_what_there_is),
        TEST(what_kafka_does_not_confirm_is_an_error),
        TEST(who_waits_when_it_ends_is_not_told_that_all_is_well),
#undef TEST
    };

    (void)snprintf(address, sizeof(address), "127.0.0.1:%d", 24000 + (int)(getpid() % 8000));
    curl_global_init(CURL_GLOBAL_ALL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
