/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever an HTTP server sends, or does not send, each request ends once, with a reason that
 *       says why; responses are shared, bounded and given back.
 * Method: a stub server on loopback that says exactly the bytes of each case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "node/io_fetch.h"
#include "proto/err.h"
#include "tests/unit/stub_http.h"

enum {
    REQUESTS_MAX = 64
};

struct request {
    struct event event;
    struct question question;
    struct enrich_outcome outcome;
    struct io_fetch_hold *hold;
    unsigned ended; /* times */
    struct fixture *fixture;
};

struct fixture {
    bool is_first;            /* what is submitted */
    struct question question; /* to be put instead of one for a revision; text absent: none */
    struct io_fetch_services services;
    uv_loop_t loop;
    struct stub_http *stub;
    struct io_fetch *f;
    struct arena scratch;
    struct slice traceparent; /* of what is submitted */
    char url[64];
    unsigned pending;
    struct request requests[REQUESTS_MAX];
    /* what the stub says; under its lock */
    const char *head; /* NULL: a good answer for the revisions that were asked for */
    const char *body;
    unsigned delay_ms;
    unsigned drip_ms;
    bool must_close;
    bool is_gzip;
    size_t bomb;        /* bytes of zeros that the body inflates to */
    unsigned bad_calls; /* so many replies are `head` and `body`, then good ones */
    unsigned asked;
    char last[4096];
};

static const struct slice DOMAINS[] = {{(const uint8_t *)"*.wiki", 6}};
static const char EVENT[] = "{\"meta\":{\"domain\":\"a.wiki\",\"request_id\":\"req-1\"},"
                            "\"revision\":{\"rev_id\":%d,\"content_slots\":{\"main\":{"
                            "\"content_sha1\":\"jt72fo5t4yobf0qugwuczbwj07max7h\"}}}}";

/* ---- the stub's answers ---------------------------------------------------------------------- */

static void reply_with(struct stub_reply *out, const char *head, struct slice body)
{
    char line[512];
    const int len = snprintf(line, sizeof line, "%sContent-Length: %zu\r\n\r\n", head, body.len);

    out->len = (size_t)len + body.len;
    out->bytes = malloc(out->len);
    memcpy(out->bytes, line, (size_t)len);
    if (body.len > 0)
        memcpy(out->bytes + len, body.ptr, body.len);
}

static void reply_gzip(struct stub_reply *out, struct slice body, size_t bomb)
{
    const size_t len = bomb > 0 ? bomb : body.len;
    uint8_t *zeros = bomb > 0 ? calloc(1, bomb) : NULL;
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)(bomb > 0 ? zeros : body.ptr),
                  .avail_in = (uInt)len};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    const size_t size = deflateBound(&z, len);
    uint8_t *packed = malloc(size);
    z.next_out = packed;
    z.avail_out = (uInt)size;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    reply_with(out,
               "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n",
               slice_of(packed, size - z.avail_out));
    (void)deflateEnd(&z);
    free(packed);
    free(zeros);
}

/* A good answer: "abc" for each revision that the query names. */
static void reply_good(const struct fixture *x, const char *request, struct stub_reply *out)
{
    char body[16384];
    int len = snprintf(body, sizeof body, "{\"batchcomplete\":true,\"query\":{\"pages\":[");
    const char *at = strstr(request, "&revids=");
    const char *separator = "";

    assert_non_null(at);
    for (at += 8; *at >= '0' && *at <= '9'; at += strncmp(at, "%7C", 3) == 0 ? 3 : 0) {
        char *end;
        len += snprintf(body + len, sizeof body - (size_t)len,
                        "%s{\"revisions\":[{\"revid\":%ld,\"slots\":{\"main\":{\"content\":"
                        "\"a\\u0062c\"}}}]}",
                        separator, strtol(at, &end, 10));
        at = end;
        separator = ",";
    }
    len += snprintf(body + len, sizeof body - (size_t)len, "]}}");
    if (x->is_gzip)
        reply_gzip(out, slice_of(body, (size_t)len), 0);
    else
        reply_with(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n",
                   slice_of(body, (size_t)len));
}

static void answer(void *data, const char *request, struct stub_reply *out)
{
    struct fixture *x = data;

    x->asked++;
    (void)snprintf(x->last, sizeof x->last, "%s", request);
    out->delay_ms = x->delay_ms;
    out->drip_ms = x->drip_ms;
    out->must_close = x->must_close;
    if (x->bomb > 0) {
        reply_gzip(out, (struct slice){0}, x->bomb);
    } else if (x->head == NULL || x->asked > x->bad_calls) {
        reply_good(x, request, out);
    } else if (x->body == NULL) {
        out->len = strlen(x->head);
        out->bytes = malloc(out->len + 1);
        memcpy(out->bytes, x->head, out->len);
    } else {
        reply_with(out, x->head, slice_str(x->body));
    }
}

/* ---- the fetcher ----------------------------------------------------------------------------- */

static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);

    (void)uv_loop_init(&x->loop);
    arena_init(&x->scratch, 1 << 16, 1 << 24);
    x->bad_calls = UINT32_MAX;
    x->stub = stub_http_start(answer, x);
    (void)snprintf(x->url, sizeof x->url, "http://127.0.0.1:%u/w/api.php", stub_http_port(x->stub));
    *state = x;
    return 0;
}

static void start(struct fixture *x, const struct fetch_limits *limits)
{
    const struct io_fetch_config config = {.api_url = x->url,
                                           .user_agent = "braid/test (test@example.org)",
                                           .domains = {DOMAINS, 1},
                                           .services = &x->services,
                                           .limits = *limits,
                                           .seed = 1};
    assert_int_equal(io_fetch_open(&x->loop, &config, NULL, &x->f), 0);
}

static void finish(struct fixture *x)
{
    io_fetch_close(x->f);
    x->f = NULL;
    assert_int_equal(uv_run(&x->loop, UV_RUN_DEFAULT), 0);
}

static int tear_down(void **state)
{
    struct fixture *x = *state;

    for (size_t i = 0; i < REQUESTS_MAX; i++)
        io_fetch_release(x->requests[i].hold);
    if (x->f != NULL)
        finish(x);
    stub_http_stop(x->stub);
    assert_int_equal(uv_loop_close(&x->loop), 0);
    arena_deinit(&x->scratch);
    free(x);
    return 0;
}

static void on_done(void *data, const struct enrich_outcome *outcome, struct io_fetch_hold *hold)
{
    struct request *r = data;

    r->outcome = *outcome;
    r->hold = hold;
    r->ended++;
    r->fixture->pending--;
    assert_int_equal(outcome->reason == REASON_NONE, hold != NULL);
}

static int submit(struct fixture *x, size_t n)
{
    char text[512];
    struct request *r = &x->requests[n];
    struct event_flaw flaw;
    const int len = snprintf(text, sizeof text, EVENT, (int)n + 1);

    arena_reset(&x->scratch);
    *r = (struct request){.fixture = x};
    const struct slice kept = arena_copy(&x->scratch, slice_of(text, (size_t)len));
    assert_int_equal(event_decode(&x->scratch, kept, &r->event, &flaw), 0);
    /* the source's bytes may go: what the fetcher needs of the event is copied or decoded */
    r->event.domain = SLICE_LIT("a.wiki");
    r->event.request_id = SLICE_LIT("req-1");
    r->event.slots[0].role = SLICE_LIT("main");
    r->event.slots[0].sha1 = SLICE_LIT("jt72fo5t4yobf0qugwuczbwj07max7h");
    r->question = (struct question){
        .kind = QUESTION_REVISION, .domain = r->event.domain, .rev_id = r->event.rev_id};
    if (x->question.text.ptr != NULL) { /* another one */
        r->question = x->question;
        if (r->question.domain.len == 0)
            r->question.domain = r->event.domain;
        r->question.rev_id = r->event.rev_id;
    }
    const struct io_fetch_request request = {.question = &r->question,
                                             .event = &r->event,
                                             .source_time_ms = -1,
                                             .traceparent = x->traceparent,
                                             .is_first = x->is_first,
                                             .data = r,
                                             .done = on_done};
    const int rc = io_fetch_submit(x->f, &request);
    if (rc == 0)
        x->pending++;
    assert_int_equal(r->ended, 0);
    return rc;
}

/* Runs the loop until all requests have ended. */
static void run(struct fixture *x)
{
    while (x->pending > 0)
        (void)uv_run(&x->loop, UV_RUN_ONCE);
}

static void fetch_one(struct fixture *x)
{
    assert_int_equal(submit(x, 0), 0);
    run(x);
    assert_int_equal(x->requests[0].ended, 1);
}

static void check_content(const struct request *r)
{
    assert_int_equal(r->outcome.reason, REASON_NONE);
    assert_non_null(r->hold);
    const struct mwapi_slot *slot = mwapi_slot_of(r->outcome.revision, SLICE_LIT("main"));
    assert_true(slice_equal(slot->content, SLICE_LIT("\"a\\u0062c\"")));
}

/* ---- stories --------------------------------------------------------------------------------- */

static void a_revision_is_asked_for_under_the_wikis_name_and_ours(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){0});
    x->traceparent = SLICE_LIT("00-1-2-01");
    fetch_one(x);
    check_content(&x->requests[0]);
    assert_int_equal(x->requests[0].outcome.http_status, 200);
    assert_int_equal(x->requests[0].outcome.attempts, 1);
    assert_string_equal(x->requests[0].outcome.api_error, "");
    assert_non_null(strstr(x->last, "GET /w/api.php?action=query&"));
    assert_non_null(strstr(x->last, "&revids=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(x->last, "&maxlag=5&"));
    assert_non_null(strstr(x->last, "\r\nHost: a.wiki\r\n"));
    assert_non_null(strstr(x->last, "\r\nUser-Agent: braid/test (test@example.org)\r\n"));
    assert_non_null(strstr(x->last, "\r\nX-Request-Id: req-1\r\n"));
    assert_non_null(strstr(x->last, "\r\ntraceparent: 00-1-2-01\r\n"));
    assert_non_null(strstr(x->last, "\r\nAccept-Encoding: gzip\r\n"));
}

static void under_backlog_calls_are_few_and_connections_are_kept(void **state)
{
    struct fixture *x = *state;
    struct io_fetch_stats stats;

    x->delay_ms = 5;
    start(x, &(struct fetch_limits){.in_flight_max = 2});
    for (size_t n = 0; n < REQUESTS_MAX; n++)
        assert_int_equal(submit(x, n), 0);
    run(x);
    for (size_t n = 0; n < REQUESTS_MAX; n++) {
        check_content(&x->requests[n]);
        assert_int_equal(x->requests[n].ended, 1);
        assert_int_equal(x->requests[n].outcome.revision->rev_id, n + 1);
    }
    io_fetch_stats(x->f, &stats);
    assert_in_range(stats.calls, 3, 6);
    assert_int_equal(stats.revisions_asked, REQUESTS_MAX);
    assert_int_equal(stats.calls_failed, 0);
    assert_in_range(stub_http_connections(x->stub), 1, 2);
    /* a response stays until its last revision is released */
    assert_true(stats.bytes_held > 0);
    for (size_t n = 0; n < REQUESTS_MAX; n++) {
        check_content(&x->requests[n]);
        io_fetch_release(x->requests[n].hold);
        x->requests[n].hold = NULL;
    }
    io_fetch_stats(x->f, &stats);
    assert_int_equal(stats.bytes_held, 0);
}

/* A question that is asked alone. */
static void put_other(struct fixture *x, enum question_kind kind, struct slice text)
{
    x->question = (struct question){.kind = kind, .api = question_type(kind)->api, .text = text};
}

static void other_questions_are_put_alone_and_give_the_body(void **state)
{
    struct fixture *x = *state;
    struct io_fetch_stats stats;

    x->head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    x->body = "{\"parse\":{\"links\":[]}}";
    put_other(x, QUESTION_PARSE, SLICE_LIT("format=json&action=parse&oldid=1"));
    start(x, &(struct fetch_limits){0});
    assert_int_equal(submit(x, 0), 0);
    assert_int_equal(submit(x, 1), 0);
    run(x);
    for (size_t n = 0; n < 2; n++) {
        assert_int_equal(x->requests[n].outcome.reason, REASON_NONE);
        assert_true(slice_equal(x->requests[n].outcome.body, slice_str(x->body)));
        assert_true(x->requests[n].outcome.at_ms > 1500000000000);
    }
    io_fetch_stats(x->f, &stats);
    assert_int_equal(stats.calls, 2);
    assert_non_null(
        strstr(x->last, "GET /w/api.php?maxlag=5&format=json&action=parse&oldid=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(x->last, "Host: a.wiki\r\n"));
}

static void html_comes_from_the_rest_api(void **state)
{
    struct fixture *x = *state;

    x->head = "HTTP/1.1 200 OK\r\nContent-Type: text/html;charset=UTF-8\r\n";
    x->body = "<p>h</p>";
    put_other(x, QUESTION_HTML, SLICE_LIT("revision/1/html"));
    start(x, &(struct fetch_limits){0});
    fetch_one(x);
    assert_int_equal(x->requests[0].outcome.reason, REASON_NONE);
    assert_true(slice_equal(x->requests[0].outcome.body, SLICE_LIT("<p>h</p>")));
    assert_non_null(strstr(x->last, "GET /w/rest.php/v1/revision/1/html HTTP/1.1\r\n"));
}

#define SCORED                                                                                     \
    "{\"model_name\":\"revertrisk\",\"model_version\":\"3\",\"wiki_db\":\"enwiki\","               \
    "\"revision_id\":1,\"output\":{\"prediction\":true}}"
#define UNKNOWN                                                                                    \
    "{\"error\":\"The MW API does not have any info related to the rev-id provided as input "      \
    "(1)\"}"

static void another_server_is_asked_if_the_node_allows_it_with_the_nodes_token(void **state)
{
    static const struct {
        const char *head;
        const char *body;
        enum question_kind kind;
        enum reason reason;
    } ROWS[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", SCORED, QUESTION_SCORE, 0},
        {"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n", UNKNOWN, QUESTION_SCORE,
         REASON_MISSING},
        {"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n",
         "{\"error\":\"Expected rev_id to be an integer\"}", QUESTION_SCORE, REASON_REFUSED},
        {"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n",
         "{\"error\":\"Model with name x does not exist.\"}", QUESTION_SCORE, REASON_REFUSED},
        {"HTTP/1.1 401 Unauthorized\r\nContent-Type: text/html\r\n", "no", QUESTION_SCORE,
         REASON_REFUSED},
        {"HTTP/1.1 504 Gateway Timeout\r\nContent-Type: text/html\r\n", "no", QUESTION_SCORE,
         REASON_UNAVAILABLE},
        {"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n", "no", QUESTION_HTTP,
         REASON_MISSING},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n", "", QUESTION_HTTP,
         REASON_REFUSED},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", "[1]", QUESTION_HTTP,
         REASON_BAD_ANSWER},
    };
    struct fixture *x = *state;
    char text[512];
    struct question_http http;
    const struct ask_pair token = {SLICE_LIT("models"), SLICE_LIT("s3cret")};
    (void)snprintf(text, sizeof text,
                   "POST http://127.0.0.1:%u/v1/models/revertrisk:predict\n"
                   "Content-Type: application/json\n@models\n\n{\"rev_id\":1}",
                   stub_http_port(x->stub));
    assert_true(question_http_read(slice_str(text), &http));
    const struct slice origin = asks_origin(http.url);

    x->question =
        (struct question){.api = QUESTION_OTHER, .domain = origin, .text = slice_str(text)};
    start(x, &(struct fetch_limits){.attempts_max = 1, .missing_retry_ms = 1});
    x->must_close = true; /* the stub leaves bodies unread */
    x->question.kind = QUESTION_SCORE;
    assert_int_equal(submit(x, 0), ERR_UNSUPPORTED); /* nothing is allowed yet */
    x->services = (struct io_fetch_services){&origin, 1, &token, 1};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        x->head = ROWS[i].head;
        x->body = ROWS[i].body;
        x->question.kind = ROWS[i].kind;
        assert_int_equal(submit(x, i), 0);
        run(x);
        assert_string_equal(reason_word(x->requests[i].outcome.reason),
                            reason_word(ROWS[i].reason));
    }
    assert_true(slice_equal(x->requests[0].outcome.body, SLICE_LIT(SCORED)));
    assert_memory_equal(x->last, "POST /v1/models/revertrisk:predict HTTP/1.1\r\n", 45);
    assert_non_null(strstr(x->last, "\r\nAuthorization: Bearer s3cret\r\n"));
    assert_non_null(strstr(x->last, "\r\nHost: 127.0.0.1:"));
    assert_non_null(strstr(x->last, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(x->last, "\r\nContent-Length: 12\r\n"));
}

static void a_long_question_is_posted(void **state)
{
    static char text[3000] = "format=json&action=query&titles=";
    struct fixture *x = *state;

    memset(text + 32, 'a', sizeof text - 33);
    x->head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    x->body = "{\"query\":{}}";
    put_other(x, QUESTION_IMAGES, slice_str(text));
    start(x, &(struct fetch_limits){0});
    fetch_one(x);
    assert_int_equal(x->requests[0].outcome.reason, REASON_NONE);
    assert_non_null(strstr(x->last, "POST /w/api.php?maxlag=5 HTTP/1.1\r\n"));
    assert_non_null(strstr(x->last, "Content-Length: 2999\r\n"));
    /* and the handle is as before for a GET */
    x->question = (struct question){0};
    x->head = NULL;
    assert_int_equal(submit(x, 1), 0);
    run(x);
    check_content(&x->requests[1]);
    assert_non_null(strstr(x->last, "GET /w/api.php?action=query&"));
}

static void compressed_answers_are_read(void **state)
{
    struct fixture *x = *state;

    x->is_gzip = true;
    start(x, &(struct fetch_limits){0});
    fetch_one(x);
    check_content(&x->requests[0]);
}

static void a_reply_that_inflates_without_end_is_cut_off(void **state)
{
    struct fixture *x = *state;
    struct io_fetch_stats stats;

    x->bomb = MWAPI_BYTES_MAX + 1;
    start(x, &(struct fetch_limits){0});
    fetch_one(x);
    assert_string_equal(reason_word(x->requests[0].outcome.reason), "too_large");
    io_fetch_stats(x->f, &stats);
    assert_int_equal(stats.bytes_held, 0);
}

#define JSON_200 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define DB_DOWN                                                                                    \
    "{\"error\":{\"code\":\"internal_api_error_DBConnectionError\"}}<!DOCTYPE html><html></html>"

static const struct {
    const char *head;
    const char *body; /* NULL: head is all there is, and the connection closes */
    const char *reason;
    const char *api_error;
    uint32_t http_status;
    unsigned attempts;
} BAD_REPLIES[] = {
    {"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\n", "", "unavailable", "",
     500, 2},
    {"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\n"
     "MediaWiki-API-Error: internal_api_error_DBConnectionError\r\n",
     DB_DOWN, "unavailable", "internal_api_error_DBConnectionError", 500, 2},
    {JSON_200, DB_DOWN, "unavailable", "internal_api_error_DBConnectionError", 200, 2},
    {"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n", "<html>502</html>", "unavailable",
     "", 502, 2},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", "<html>hello</html>", "bad_answer", "", 200,
     2},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", "{\"query\":{}}", "bad_answer", "", 200, 2},
    {JSON_200, "", "bad_answer", "", 200, 2},
    {JSON_200, "{\"query\":", "bad_answer", "", 200, 2},
    {JSON_200, "<html>", "bad_answer", "", 200, 2},
    {JSON_200, "{\"query\":{\"pages\":[{\"revisions\":[[]]}]}}", "bad_answer", "", 200, 2},
    {JSON_200, "{\"error\":{\"code\":\"readonly\"}}", "unavailable", "readonly", 200, 2},
    {JSON_200, "{\"error\":{\"code\":\"internal_api_error_RuntimeException\"}}", "unavailable",
     "internal_api_error_RuntimeException", 200, 2},
    {JSON_200, "{\"error\":{\"code\":\"readapidenied\"}}", "refused", "readapidenied", 200, 1},
    {JSON_200, "{\"error\":{\"code\":\"badvalue\"}}", "refused", "badvalue", 200, 1},
    {JSON_200 "Content-Encoding: gzip\r\n", "this is not gzip", "bad_answer", "", 200, 2},
    {"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n", "No wiki for host a.wiki", "refused",
     "", 404, 1},
    {"HTTP/1.1 403 Forbidden\r\n", "", "refused", "", 403, 1},
    {"HTTP/1.1 301 Moved\r\nLocation: http://evil.example/\r\n", "", "refused", "", 301, 1},
    {"HTTP/1.1 414 URI Too Long\r\n", "<html>", "refused", "", 414, 2},
    {JSON_200, "{\"query\":{\"badrevids\":{\"1\":{\"revid\":1,\"missing\":true}}}}", "missing", "",
     200, 0},
    {JSON_200,
     "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":1,\"slots\":{\"main\":{\"texthidden\":"
     "true,\"content\":\"abc\"}}}]}]}}",
     "text_hidden", "", 200, 1},
    {JSON_200,
     "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":1,\"slots\":{\"main\":{\"content\":"
     "\"other\"}}}]}]}}",
     "sha1", "", 200, 3},
    {JSON_200, "{\"continue\":{\"rvcontinue\":1},\"query\":{\"pages\":[{\"revisions\":[]}]}}",
     "too_large", "", 200, 1},
    {"", NULL, "unavailable", "", 0, 2},
    {"complete nonsense\r\n\r\n", NULL, "bad_answer", "", 0, 2},
    {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"query\"", NULL, "unavailable", "", 200, 2},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", NULL, "unavailable", "", 200,
     2},
};

static void every_bad_reply_ends_in_its_reason(void **state)
{
    struct fixture *x = *state;

    start(x,
          &(struct fetch_limits){
              .attempts_max = 2, .backoff_min_ms = 1, .backoff_max_ms = 4, .missing_retry_ms = 20});
    for (size_t i = 0; i < sizeof BAD_REPLIES / sizeof BAD_REPLIES[0]; i++) {
        x->head = BAD_REPLIES[i].head;
        x->body = BAD_REPLIES[i].body;
        x->must_close = BAD_REPLIES[i].body == NULL;
        fetch_one(x);
        const struct enrich_outcome *o = &x->requests[0].outcome;
        if (strcmp(reason_word(o->reason), BAD_REPLIES[i].reason) != 0 ||
            strcmp(o->api_error, BAD_REPLIES[i].api_error) != 0 ||
            o->http_status != BAD_REPLIES[i].http_status ||
            (BAD_REPLIES[i].attempts != 0 && o->attempts != BAD_REPLIES[i].attempts))
            fail_msg("row %zu: %s error=%s http=%u attempts=%u", i, reason_word(o->reason),
                     o->api_error, o->http_status, o->attempts);
    }
}

static void an_api_that_recovers_gives_content_after_all(void **state)
{
    struct fixture *x = *state;

    x->head = "HTTP/1.1 503 Service Unavailable\r\n";
    x->body = "";
    x->bad_calls = 3;
    start(x, &(struct fetch_limits){.backoff_min_ms = 1});
    fetch_one(x);
    check_content(&x->requests[0]);
    assert_int_equal(x->requests[0].outcome.attempts, 4);
}

static void a_lagging_wiki_is_waited_for(void **state)
{
    struct fixture *x = *state;

    x->head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
              "MediaWiki-API-Error: maxlag\r\n";
    x->body = "{\"error\":{\"code\":\"maxlag\",\"lag\":7.5}}";
    x->bad_calls = 1;
    start(x, &(struct fetch_limits){.attempts_max = 1});
    fetch_one(x);
    check_content(&x->requests[0]);
    assert_true(x->requests[0].outcome.ms >= 950);
}

static void a_silent_and_a_dripping_server_time_out(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.call_timeout_ms = 60, .attempts_max = 1});
    x->delay_ms = 150;
    fetch_one(x);
    assert_int_equal(x->requests[0].outcome.reason, REASON_TIMEOUT);
    x->delay_ms = 0;
    x->drip_ms = 2;
    fetch_one(x);
    assert_int_equal(x->requests[0].outcome.reason, REASON_TIMEOUT);
    x->drip_ms = 0;
    fetch_one(x);
    check_content(&x->requests[0]);
}

static void nobody_listening_is_unavailable(void **state)
{
    struct fixture *x = *state;

    (void)snprintf(x->url, sizeof x->url, "http://127.0.0.1:1/w/api.php");
    start(x, &(struct fetch_limits){.attempts_max = 3, .backoff_min_ms = 1});
    fetch_one(x);
    assert_int_equal(x->requests[0].outcome.reason, REASON_UNAVAILABLE);
    assert_int_equal(x->requests[0].outcome.http_status, 0);
    assert_int_equal(x->requests[0].outcome.attempts, 3);
}

static void requests_that_may_not_be_made_are_refused(void **state)
{
    static const char *const BAD[] = {"evil.example", "a.wiki.evil", "a.wiki\r\nX: y",
                                      "wiki",         "127.0.0.1",   "canary"};
    struct fixture *x = *state;
    struct question question = {.kind = QUESTION_REVISION, .rev_id = 1};
    const struct event event = {.rev_id = 1};
    const struct io_fetch_request request = {
        .question = &question, .event = &event, .done = on_done};

    start(x, &(struct fetch_limits){.items_max = 1});
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        question.domain = slice_str(BAD[i]);
        assert_int_equal(io_fetch_submit(x->f, &request), ERR_REFUSED);
    }
    question = (struct question){.rev_id = 1};
    assert_int_equal(io_fetch_submit(x->f, &request), ERR_MALFORMED);
    question = (struct question){.rev_id = -1, .domain = SLICE_LIT("a.wiki")};
    assert_int_equal(io_fetch_submit(x->f, &request), ERR_MALFORMED);
    assert_int_equal(submit(x, 0), 0);
    assert_int_equal(submit(x, 1), ERR_BUSY);
    run(x);
    assert_int_equal(submit(x, 1), 0);
    run(x);
    assert_int_equal(x->asked, 2);
}

static void open_with_room(struct fixture *x, uint64_t bytes_held_max)
{
    const struct io_fetch_config config = {.api_url = x->url,
                                           .user_agent = "braid/test",
                                           .domains = {DOMAINS, 1},
                                           .bytes_held_max = bytes_held_max};

    assert_int_equal(io_fetch_open(&x->loop, &config, NULL, &x->f), 0);
}

static void bytes_that_nobody_releases_stop_further_requests(void **state)
{
    struct fixture *x = *state;

    open_with_room(x, 10);
    fetch_one(x);
    assert_int_equal(submit(x, 1), ERR_BUSY);
    io_fetch_release(x->requests[0].hold);
    x->requests[0].hold = NULL;
    assert_int_equal(submit(x, 1), 0);
    run(x);
}

static void what_others_wait_for_is_asked_though_there_is_no_room(void **state)
{
    struct fixture *x = *state;

    open_with_room(x, 10);
    fetch_one(x);
    assert_int_equal(submit(x, 1), ERR_BUSY);
    x->is_first = true;
    assert_int_equal(submit(x, 1), 0);
    run(x);
    check_content(&x->requests[1]);
}

static void content_counts_as_held_before_it_has_come(void **state)
{
    struct fixture *x = *state;

    open_with_room(x, 10);
    assert_int_equal(submit(x, 0), 0); /* alone, it may be larger than the room */
    assert_int_equal(submit(x, 1), ERR_BUSY);
    run(x);
    io_fetch_release(x->requests[0].hold);
    x->requests[0].hold = NULL;
    assert_int_equal(submit(x, 1), 0);
    run(x);
}

static void closing_ends_what_is_under_way_and_holds_stay_valid(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.in_flight_max = 1});
    fetch_one(x);
    x->delay_ms = 50;
    for (size_t n = 1; n < 10; n++)
        assert_int_equal(submit(x, n), 0);
    (void)uv_run(&x->loop, UV_RUN_NOWAIT);
    finish(x);
    assert_int_equal(x->pending, 0);
    for (size_t n = 1; n < 10; n++) {
        assert_int_equal(x->requests[n].outcome.reason, REASON_STOPPED);
        assert_int_equal(x->requests[n].ended, 1);
    }
    check_content(&x->requests[0]); /* released by tear_down, after the fetcher has gone */
}

static void close_from_done(void *data, const struct enrich_outcome *outcome,
                            struct io_fetch_hold *hold)
{
    struct request *r = data;
    struct fixture *x = r->fixture;

    on_done(data, outcome, hold);
    if (x->f != NULL) {
        struct io_fetch *f = x->f;
        x->f = NULL;
        io_fetch_close(f);
    }
}

static void closing_from_within_done_is_allowed(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.in_flight_max = 1});
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(submit(x, n), 0);
        const struct io_fetch_request again = {.question = &x->requests[n].question,
                                               .event = &x->requests[n].event,
                                               .data = &x->requests[10 + n],
                                               .done = close_from_done};
        x->requests[10 + n].fixture = x;
        assert_int_equal(io_fetch_submit(x->f, &again), 0);
        x->pending++;
    }
    run(x);
    assert_int_equal(uv_run(&x->loop, UV_RUN_DEFAULT), 0);
    for (size_t n = 0; n < 3; n++) {
        assert_int_equal(x->requests[n].ended, 1);
        assert_int_equal(x->requests[10 + n].ended, 1);
    }
}

static void a_configuration_that_cannot_work_is_refused(void **state)
{
    static const char *const URLS[] = {
        NULL, "", "ftp://x/", "/w/api.php", "http://x/?a=b", "file:///etc/passwd"};
    struct fixture *x = *state;
    struct io_fetch *f = NULL;

    for (size_t i = 0; i < sizeof URLS / sizeof URLS[0]; i++) {
        const struct io_fetch_config config = {.api_url = URLS[i], .user_agent = "x"};
        assert_int_equal(io_fetch_open(&x->loop, &config, NULL, &f), ERR_CONFIG);
    }
    const struct io_fetch_config nameless = {.api_url = "http://x/", .user_agent = ""};
    assert_int_equal(io_fetch_open(&x->loop, &nameless, NULL, &f), ERR_CONFIG);
    const struct io_fetch_config greedy = {
        .api_url = "http://x/", .user_agent = "x", .limits = {.items_max = 2000000}};
    assert_int_equal(io_fetch_open(&x->loop, &greedy, NULL, &f), ERR_CONFIG);
    assert_null(f);
    io_fetch_close(NULL);
    io_fetch_release(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_revision_is_asked_for_under_the_wikis_name_and_ours),
        TEST(under_backlog_calls_are_few_and_connections_are_kept),
        TEST(other_questions_are_put_alone_and_give_the_body),
        TEST(html_comes_from_the_rest_api),
        TEST(another_server_is_asked_if_the_node_allows_it_with_the_nodes_token),
        TEST(a_long_question_is_posted),
        TEST(compressed_answers_are_read),
        TEST(a_reply_that_inflates_without_end_is_cut_off),
        TEST(every_bad_reply_ends_in_its_reason),
        TEST(an_api_that_recovers_gives_content_after_all),
        TEST(a_lagging_wiki_is_waited_for),
        TEST(a_silent_and_a_dripping_server_time_out),
        TEST(nobody_listening_is_unavailable),
        TEST(requests_that_may_not_be_made_are_refused),
        TEST(bytes_that_nobody_releases_stop_further_requests),
        TEST(what_others_wait_for_is_asked_though_there_is_no_room),
        TEST(content_counts_as_held_before_it_has_come),
        TEST(closing_ends_what_is_under_way_and_holds_stay_valid),
        TEST(closing_from_within_done_is_allowed),
        TEST(a_configuration_that_cannot_work_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
