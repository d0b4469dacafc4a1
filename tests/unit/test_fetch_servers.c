/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a server beside the wikis that fails, or wants to be left alone, delays nobody else; and a
 * wiki's API that is down delays no other server.
 * Method: one scheduler with items of a wiki and of two other servers; calls are answered by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "node/fetch.h"

static const char WIKI[] = "en.wikipedia.org";
static const char MODELS[] = "http://127.0.0.1:8099";
static const char VIEWS[] = "https://views.example.org";

struct fixture {
    struct arena arena;
    struct fetch f;
    struct fetch_action list[FETCH_ACTIONS_MAX];
    struct fetch_actions actions;
    int64_t now_ms;
    uint64_t user;
};

static int set_up(void **state)
{
    static const struct fetch_limits LIMITS = {.batch_max = 1,
                                               .batch_bytes_max = 1 << 20,
                                               .in_flight_max = 32,
                                               .bytes_in_flight_max = 1 << 26,
                                               .call_timeout_ms = 10000,
                                               .deadline_ms = 600000,
                                               .attempts_max = 100,
                                               .backoff_min_ms = 100,
                                               .backoff_max_ms = 30000,
                                               .missing_retry_ms = 1000,
                                               .slow_ms = 1000,
                                               .items_max = 1000};
    struct fixture *x = calloc(1, sizeof *x);

    assert_non_null(x);
    arena_init(&x->arena, 1 << 20, 1 << 26);
    x->actions.list = x->list;
    x->now_ms = 1000000;
    assert_int_equal(fetch_init(&x->f, &LIMITS, 7, &x->arena), 0);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;

    arena_deinit(&x->arena);
    free(x);
    return 0;
}

/* True if the server is asked at once about one more event; *out_call is the call. */
static bool is_asked(struct fixture *x, const char *server, uint32_t *out_call)
{
    const struct fetch_event ev = {
        .kind = FETCH_EV_SUBMIT,
        .now_ms = x->now_ms,
        .submit = {.domain = slice_str(server), .rev_id = 1, .user = ++x->user, .is_alone = true}};

    assert_int_equal(fetch_step(&x->f, &ev, &x->actions), 0);
    for (size_t i = 0; i < x->actions.count; i++) {
        if (x->list[i].kind == FETCH_ACT_CALL && x->list[i].call.users[0] == x->user) {
            *out_call = x->list[i].call.call;
            return true;
        }
    }
    return false;
}

static void answer(struct fixture *x, uint32_t call, enum fetch_call_result result)
{
    static const struct fetch_verdict GOOD = {ENRICH_VERDICT_OK, REASON_NONE};
    const struct fetch_event ev = {.kind = FETCH_EV_ANSWER,
                                   .now_ms = x->now_ms,
                                   .answer = {.call = call,
                                              .result = result,
                                              .reason = REASON_UNAVAILABLE,
                                              .took_ms = 1,
                                              .verdicts = &GOOD}};

    assert_int_equal(fetch_step(&x->f, &ev, &x->actions), 0);
}

/* Fails once more than it takes. */
static void fail_often(struct fixture *x, const char *server)
{
    uint32_t calls[FETCH_CIRCUIT_FAILURES];

    /* all are asked before the first has failed */
    x->f.window_milli = 32000;
    for (int i = 0; i < FETCH_CIRCUIT_FAILURES; i++)
        assert_true(is_asked(x, server, &calls[i]));
    for (int i = 0; i < FETCH_CIRCUIT_FAILURES; i++)
        answer(x, calls[i], FETCH_CALL_TRANSIENT);
}

static void a_server_that_is_down_is_left_alone_and_nobody_else(void **state)
{
    struct fixture *x = *state;
    const uint32_t window = 32000;
    uint32_t call;

    fail_often(x, MODELS);
    assert_int_equal(x->f.window_milli, window);
    assert_false(is_asked(x, MODELS, &call));
    assert_true(is_asked(x, VIEWS, &call));
    assert_true(is_asked(x, WIKI, &call));
}

static void a_wiki_that_is_down_stops_all_wikis_and_no_other_server(void **state)
{
    struct fixture *x = *state;
    uint32_t call;

    fail_often(x, WIKI);
    assert_false(is_asked(x, WIKI, &call));
    assert_false(is_asked(x, "fr.wikipedia.org", &call));
    assert_true(is_asked(x, MODELS, &call));
}

static void an_answer_of_one_server_forgives_no_failure_of_another(void **state)
{
    struct fixture *x = *state;
    uint32_t calls[FETCH_CIRCUIT_FAILURES];
    uint32_t wiki;
    uint32_t call;

    for (int i = 0; i < FETCH_CIRCUIT_FAILURES; i++) {
        x->f.window_milli = 32000;
        assert_true(is_asked(x, MODELS, &calls[i]));
    }
    assert_true(is_asked(x, WIKI, &wiki));
    for (int i = 0; i < FETCH_CIRCUIT_FAILURES - 1; i++)
        answer(x, calls[i], FETCH_CALL_TRANSIENT);
    answer(x, wiki, FETCH_CALL_OK);
    answer(x, calls[FETCH_CIRCUIT_FAILURES - 1], FETCH_CALL_TRANSIENT);
    assert_false(is_asked(x, MODELS, &call));
    assert_true(is_asked(x, WIKI, &call));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_server_that_is_down_is_left_alone_and_nobody_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_wiki_that_is_down_stops_all_wikis_and_no_other_server,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_of_one_server_forgives_no_failure_of_another,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
