/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: streams that ask the same are served by one call, and none is delayed by another's trouble.
 * Method: two fetchers as two streams have them, a stub that counts calls, real loop and sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "node/io_loop.h"
#include "node/io_share.h"
#include "proto/err.h"
#include "tests/unit/stub_http.h"

enum {
    REQUESTS_MAX = 8
};

struct request {
    struct fixture *fixture;
    struct event event;
    struct question question;
    struct enrich_outcome outcome;
    struct io_fetch_hold *hold;
    unsigned ended;
};

struct fixture {
    uv_loop_t loop;
    struct stub_http *stub;
    struct io_share *share;
    struct io_fetch *f[2];
    char url[64];
    unsigned pending;
    struct request requests[REQUESTS_MAX];
    /* what the stub does; under its lock */
    unsigned asked;
    unsigned delay_ms;
    unsigned status;
};

static const struct slice DOMAINS[] = {{(const uint8_t *)"*.wiki", 6}};

static void answer(void *data, const char *request, struct stub_reply *out)
{
    static const char CONTENT[] =
        "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":1,\"slots\":{\"main\":{\"content\":"
        "\"abc\"}}}]}]}}";
    struct fixture *x = data;
    const char *body = strstr(request, "&revids=") != NULL ? CONTENT : "{\"parse\":{}}";

    x->asked++;
    out->delay_ms = x->delay_ms;
    out->bytes = malloc(1024);
    out->len = (size_t)snprintf((char *)out->bytes, 1024,
                                "HTTP/1.1 %u X\r\nContent-Type: application/json\r\n"
                                "Content-Length: %zu\r\n\r\n%s",
                                x->status, strlen(body), body);
}

static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);

    x->status = 200;
    (void)uv_loop_init(&x->loop);
    x->stub = stub_http_start(answer, x);
    (void)snprintf(x->url, sizeof x->url, "http://127.0.0.1:%u/w/api.php", stub_http_port(x->stub));
    assert_int_equal(io_share_open(&x->loop, &x->share), 0);
    for (size_t i = 0; i < 2; i++) {
        const struct io_fetch_config config = {.api_url = x->url,
                                               .user_agent = "braid/test (test@example.org)",
                                               .domains = {DOMAINS, 1},
                                               .limits = {.attempts_max = 1},
                                               .seed = i};
        assert_int_equal(io_fetch_open(&x->loop, &config, NULL, &x->f[i]), 0);
    }
    io_share_set_streams(x->share, 2);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;

    for (size_t i = 0; i < REQUESTS_MAX; i++)
        io_fetch_release(x->requests[i].hold);
    io_fetch_close(x->f[0]);
    io_fetch_close(x->f[1]);
    io_share_close(x->share);
    assert_int_equal(uv_run(&x->loop, UV_RUN_DEFAULT), 0);
    stub_http_stop(x->stub);
    assert_int_equal(uv_loop_close(&x->loop), 0);
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

static void ask(struct fixture *x, size_t n, size_t stream, enum question_kind kind)
{
    struct request *r = &x->requests[n];

    *r = (struct request){.fixture = x, .event = {.rev_id = 1, .slot_count = 1}};
    r->event.slots[0] = (struct event_slot){
        .role = SLICE_LIT("main"), .sha1 = SLICE_LIT("jt72fo5t4yobf0qugwuczbwj07max7h"), .size = 3};
    r->question = (struct question){.kind = kind,
                                    .domain = SLICE_LIT("a.wiki"),
                                    .page_id = 4,
                                    .rev_id = 1,
                                    .text = SLICE_LIT("action=parse")};
    const struct io_fetch_request request = {.question = &r->question,
                                             .event = &r->event,
                                             .source_time_ms = -1,
                                             .data = r,
                                             .done = on_done};
    assert_int_equal(io_share_submit(x->share, x->f[stream], &request, false), 0);
    x->pending++;
    assert_int_equal(r->ended, 0);
}

static void run(struct fixture *x)
{
    while (x->pending > 0)
        (void)uv_run(&x->loop, UV_RUN_ONCE);
}

static void check_good(const struct request *r)
{
    assert_int_equal(r->ended, 1);
    assert_int_equal(r->outcome.reason, REASON_NONE);
    assert_false(r->outcome.ask_again);
    assert_non_null(r->hold);
}

static void two_streams_are_served_by_one_call(void **state)
{
    static const enum question_kind KINDS[] = {QUESTION_PARSE, QUESTION_REVISION};
    struct fixture *x = *state;
    struct io_share_stats stats;

    for (size_t i = 0; i < 2; i++) {
        ask(x, 3 * i, 0, KINDS[i]);
        ask(x, 3 * i + 1, 1, KINDS[i]);
        run(x);
        ask(x, 3 * i + 2, 1, KINDS[i]); /* a little later */
        run(x);
        for (size_t n = 3 * i; n < 3 * i + 3; n++)
            check_good(&x->requests[n]);
        assert_int_equal(x->asked, i + 1);
    }
    assert_int_equal(x->requests[0].outcome.attempts, 1);
    assert_int_equal(x->requests[1].outcome.attempts, 0);
    io_share_stats(x->share, &stats);
    assert_int_equal(stats.asked, 2);
    assert_int_equal(stats.joined, 2);
    assert_int_equal(stats.taken, 2);
    assert_true(stats.bytes > 0);
}

static void with_one_stream_nothing_is_shared(void **state)
{
    struct fixture *x = *state;

    io_share_set_streams(x->share, 1);
    ask(x, 0, 0, QUESTION_PARSE);
    ask(x, 1, 0, QUESTION_PARSE);
    run(x);
    assert_int_equal(x->asked, 2);
}

static void content_that_does_not_fit_another_event_is_asked_for_again(void **state)
{
    struct fixture *x = *state;

    ask(x, 0, 0, QUESTION_REVISION);
    ask(x, 1, 1, QUESTION_REVISION);
    x->requests[1].event.slots[0].sha1 = SLICE_LIT("another");
    run(x);
    check_good(&x->requests[0]);
    assert_true(x->requests[1].outcome.ask_again);
    assert_null(x->requests[1].hold);
}

static void a_page_that_is_deleted_is_asked_about_again(void **state)
{
    struct fixture *x = *state;

    ask(x, 0, 0, QUESTION_PARSE);
    run(x);
    io_share_drop_page(x->share, SLICE_LIT("a.wiki"), 4);
    ask(x, 1, 1, QUESTION_PARSE);
    run(x);
    assert_int_equal(x->asked, 2);
    /* the first one's bytes are its own still */
    assert_true(slice_equal(x->requests[0].outcome.body, SLICE_LIT("{\"parse\":{}}")));
}

static void a_failure_of_one_stream_is_not_anothers(void **state)
{
    struct fixture *x = *state;

    x->status = 503;
    ask(x, 0, 0, QUESTION_PARSE);
    ask(x, 1, 1, QUESTION_PARSE);
    run(x);
    assert_int_equal(x->requests[0].outcome.reason, REASON_UNAVAILABLE);
    assert_true(x->requests[1].outcome.ask_again);
}

static void nobody_waits_for_another_for_long(void **state)
{
    struct fixture *x = *state;

    x->delay_ms = 2500;
    ask(x, 0, 0, QUESTION_PARSE);
    const int64_t start_ms = io_mono_ms(); /* the clock that counts the wait, in whole ms */
    ask(x, 1, 1, QUESTION_PARSE);
    while (x->requests[1].ended == 0)
        (void)uv_run(&x->loop, UV_RUN_ONCE);
    assert_true(x->requests[1].outcome.ask_again);
    assert_true(io_mono_ms() - start_ms >= IO_SHARE_JOIN_MS);
    /* the answer that it would have waited for is still on its way */
    assert_int_equal(x->requests[0].ended, 0);
    run(x);
    check_good(&x->requests[0]);
}

static void closing_a_stream_sends_those_who_wait_away(void **state)
{
    struct fixture *x = *state;

    x->delay_ms = 1000;
    ask(x, 0, 0, QUESTION_PARSE);
    ask(x, 1, 1, QUESTION_PARSE);
    io_fetch_close(x->f[0]);
    x->f[0] = NULL;
    assert_int_equal(x->requests[0].outcome.reason, REASON_STOPPED);
    assert_false(x->requests[0].outcome.ask_again);
    assert_true(x->requests[1].outcome.ask_again);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(two_streams_are_served_by_one_call),
        T(with_one_stream_nothing_is_shared),
        T(content_that_does_not_fit_another_event_is_asked_for_again),
        T(a_page_that_is_deleted_is_asked_about_again),
        T(a_failure_of_one_stream_is_not_anothers),
        T(nobody_waits_for_another_for_long),
        T(closing_a_stream_sends_those_who_wait_away),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
