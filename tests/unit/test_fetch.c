/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: who is asked for what and when, and that every item ends once, whatever the API does.
 * Method: single stories on virtual time, each with one promise of the header; then thousands of
 *         items against a random API, with all promises checked at each step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "node/fetch.h"
#include "proto/err.h"

#define WIKI SLICE_LIT("a.wiki")

struct fixture {
    struct arena arena;
    struct fetch f;
    struct fetch_action list[FETCH_ACTIONS_MAX];
    struct fetch_actions actions;
    int64_t now_ms;
};

static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);

    arena_init(&x->arena, 1 << 20, 1 << 26);
    x->actions.list = x->list;
    x->now_ms = 1000000;
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

static void start(struct fixture *x, const struct fetch_limits *limits)
{
    assert_int_equal(fetch_init(&x->f, limits, 7, &x->arena), 0);
    x->f.limits.gather_ms = limits->gather_ms; /* 0 here: most stories are told without it */
}

static int submit_to(struct fixture *x, struct slice domain, uint64_t user, uint32_t age_ms)
{
    const struct fetch_event ev = {.kind = FETCH_EV_SUBMIT,
                                   .now_ms = x->now_ms,
                                   .submit = {.domain = domain,
                                              .rev_id = (int64_t)user + 1000,
                                              .user = user,
                                              .age_ms = age_ms,
                                              .bytes_hint = 1000}};

    return fetch_step(&x->f, &ev, &x->actions);
}

static int submit(struct fixture *x, uint64_t user)
{
    return submit_to(x, WIKI, user, 0);
}

static void tick(struct fixture *x, int64_t ms)
{
    x->now_ms += ms;
    const struct fetch_event ev = {.kind = FETCH_EV_TICK, .now_ms = x->now_ms};
    assert_int_equal(fetch_step(&x->f, &ev, &x->actions), 0);
}

static void answer(struct fixture *x, uint32_t call, enum fetch_call_result result,
                   enum reason reason, uint32_t retry_after_ms)
{
    const struct fetch_event ev = {.kind = FETCH_EV_ANSWER,
                                   .now_ms = x->now_ms,
                                   .answer = {.call = call,
                                              .result = result,
                                              .reason = reason,
                                              .retry_after_ms = retry_after_ms,
                                              .took_ms = 10}};
    assert_int_equal(fetch_step(&x->f, &ev, &x->actions), 0);
}

static void answer_each(struct fixture *x, uint32_t call, const struct fetch_verdict *verdicts)
{
    const struct fetch_event ev = {
        .kind = FETCH_EV_ANSWER,
        .now_ms = x->now_ms,
        .answer = {.call = call, .result = FETCH_CALL_OK, .took_ms = 10, .verdicts = verdicts}};
    assert_int_equal(fetch_step(&x->f, &ev, &x->actions), 0);
}

static void answer_all(struct fixture *x, uint32_t call, enum enrich_verdict verdict)
{
    struct fetch_verdict verdicts[FETCH_BATCH_MAX];

    for (size_t i = 0; i < FETCH_BATCH_MAX; i++)
        verdicts[i] = (struct fetch_verdict){verdict, REASON_SHA1};
    answer_each(x, call, verdicts);
}

/* The n-th action of a kind in the last step; fails if there is none. */
static const struct fetch_action *nth(const struct fixture *x, enum fetch_action_kind kind,
                                      size_t n)
{
    for (size_t i = 0; i < x->actions.count; i++) {
        if (x->list[i].kind == kind && n-- == 0)
            return &x->list[i];
    }
    fail_msg("no such action among %zu", x->actions.count);
    return NULL;
}

static size_t count(const struct fixture *x, enum fetch_action_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < x->actions.count; i++)
        n += x->list[i].kind == kind;
    return n;
}

static uint32_t call_of(const struct fixture *x, size_t n, uint32_t expected_count)
{
    const struct fetch_action *a = nth(x, FETCH_ACT_CALL, n);

    assert_int_equal(a->call.count, expected_count);
    return a->call.call;
}

static void check_done(const struct fixture *x, size_t n, uint64_t user, enum reason reason)
{
    const struct fetch_action *a = nth(x, FETCH_ACT_DONE, n);

    assert_true(a->done.user == user);
    assert_string_equal(reason_word(a->done.reason), reason_word(reason));
}

/* Goes from wake to wake until a call starts; returns its number. */
static uint32_t next_call(struct fixture *x)
{
    for (int i = 0; i < 1000 && count(x, FETCH_ACT_CALL) == 0; i++) {
        assert_true(x->actions.wake_ms < INT64_MAX);
        const int64_t wait = x->actions.wake_ms - x->now_ms;
        tick(x, wait > 0 ? wait : 0);
    }
    return nth(x, FETCH_ACT_CALL, 0)->call.call;
}

static void an_idle_scheduler_asks_at_once_and_one_under_backlog_in_batches(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.in_flight_max = 2, .batch_max = 10});
    assert_int_equal(submit(x, 1), 0);
    const uint32_t first = call_of(x, 0, 1);
    assert_true(slice_equal(nth(x, FETCH_ACT_CALL, 0)->call.domain, WIKI));
    assert_int_equal(nth(x, FETCH_ACT_CALL, 0)->call.rev_ids[0], 1001);
    assert_int_equal(submit(x, 2), 0);
    (void)call_of(x, 0, 1);
    for (uint64_t user = 3; user < 28; user++) {
        assert_int_equal(submit(x, user), 0);
        assert_int_equal(x->actions.count, 0); /* both calls are taken */
    }
    answer_all(x, first, ENRICH_VERDICT_OK);
    check_done(x, 0, 1, REASON_NONE);
    assert_int_equal(nth(x, FETCH_ACT_DONE, 0)->done.attempts, 1);
    const uint32_t second = call_of(x, 0, 10);
    for (uint32_t i = 0; i < 10; i++) /* in order of arrival */
        assert_true(nth(x, FETCH_ACT_CALL, 0)->call.users[i] == 3 + i);
    answer_all(x, second, ENRICH_VERDICT_OK);
    assert_int_equal(count(x, FETCH_ACT_DONE), 10);
    const uint32_t third = call_of(x, 0, 10);
    answer_all(x, third, ENRICH_VERDICT_OK);
    (void)call_of(x, 0, 5);
}

static void revisions_gather_while_their_wiki_has_a_call_under_way(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.batch_max = 3, .gather_ms = 20});
    assert_int_equal(submit(x, 1), 0);
    const uint32_t first = call_of(x, 0, 1); /* idle: at once */
    assert_int_equal(submit(x, 2), 0);
    assert_int_equal(x->actions.count, 0);
    assert_int_equal(x->actions.wake_ms, x->now_ms + 20);
    assert_int_equal(submit_to(x, SLICE_LIT("b.wiki"), 9, 0), 0);
    (void)call_of(x, 0, 1); /* another wiki does not wait */
    tick(x, 20);
    (void)call_of(x, 0, 1); /* nobody came */
    for (uint64_t user = 3; user < 5; user++)
        assert_int_equal(submit(x, user), 0);
    assert_int_equal(x->actions.count, 0);
    assert_int_equal(submit(x, 5), 0);
    (void)call_of(x, 0, 3); /* full */
    assert_int_equal(submit(x, 6), 0);
    answer_all(x, first, ENRICH_VERDICT_OK);
    assert_int_equal(count(x, FETCH_ACT_CALL), 0); /* two more are under way */
    answer_all(x, 2, ENRICH_VERDICT_OK);
    for (uint32_t call = 0; call < FETCH_CALLS_MAX && x->f.calls_in_flight > 1; call++) {
        if (x->f.calls[call].host != FETCH_NONE && x->f.calls[call].count == 3)
            answer_all(x, call, ENRICH_VERDICT_OK);
    }
    (void)call_of(x, 0, 1); /* the last answer is there: idle again */
}

static void a_call_is_for_one_wiki_and_wikis_take_turns(void **state)
{
    struct fixture *x = *state;
    start(x, &(struct fetch_limits){.in_flight_max = 1, .batch_max = 2});
    assert_int_equal(submit(x, 0), 0);
    uint32_t call = call_of(x, 0, 1);
    for (uint64_t user = 1; user < 5; user++)
        assert_int_equal(submit_to(x, SLICE_LIT("busy.wiki"), user, 0), 0);
    assert_int_equal(submit_to(x, SLICE_LIT("quiet.wiki"), 9, 0), 0);
    answer_all(x, call, ENRICH_VERDICT_OK);
    call = call_of(x, 0, 2);
    assert_true(slice_equal(nth(x, FETCH_ACT_CALL, 0)->call.domain, SLICE_LIT("busy.wiki")));
    answer_all(x, call, ENRICH_VERDICT_OK);
    call = call_of(x, 0, 1);
    assert_true(slice_equal(nth(x, FETCH_ACT_CALL, 0)->call.domain, SLICE_LIT("quiet.wiki")));
    answer_all(x, call, ENRICH_VERDICT_OK);
    (void)call_of(x, 0, 2);
}

static void announced_bytes_limit_a_batch_and_all_calls_but_never_a_single_one(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){
                 .in_flight_max = 4, .batch_bytes_max = 2500, .bytes_in_flight_max = 3000});
    assert_int_equal(submit(x, 1), 0);
    const uint32_t call = call_of(x, 0, 1);
    assert_int_equal(submit(x, 2), 0);
    (void)call_of(x, 0, 1);
    assert_int_equal(submit(x, 3), 0);
    (void)call_of(x, 0, 1);
    for (uint64_t user = 4; user < 9; user++)
        assert_int_equal(submit(x, user), 0);
    assert_int_equal(x->actions.count, 0); /* 3,000 bytes are under way */
    answer_all(x, call, ENRICH_VERDICT_OK);
    (void)call_of(x, 0, 2); /* a third would be more than 2,500 */
}

static void what_there_is_no_room_for_is_refused_and_nothing_grows(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.items_max = 3, .in_flight_max = 1});
    const size_t held = x->arena.bytes_used;
    assert_int_equal(submit(x, 1), 0);
    const uint32_t call = call_of(x, 0, 1);
    assert_int_equal(submit(x, 2), 0);
    assert_int_equal(submit(x, 3), 0);
    assert_int_equal(submit(x, 4), ERR_BUSY);
    answer_all(x, call, ENRICH_VERDICT_OK);
    assert_int_equal(submit(x, 4), 0);
    assert_int_equal(submit(x, 5), ERR_BUSY);
    assert_int_equal(x->arena.bytes_used, held);
}

static void limits_out_of_range_are_refused(void **state)
{
    struct fixture *x = *state;

    assert_int_equal(fetch_init(&x->f, &(struct fetch_limits){.items_max = 2000000}, 1, &x->arena),
                     ERR_CONFIG);
    assert_int_equal(
        fetch_init(&x->f, &(struct fetch_limits){.backoff_min_ms = 20000}, 1, &x->arena),
        ERR_CONFIG);
    struct arena small;
    arena_init(&small, 64, 64);
    assert_int_equal(fetch_init(&x->f, &(struct fetch_limits){0}, 1, &small), ERR_NO_MEMORY);
    arena_deinit(&small);
}

static void a_failed_call_is_tried_again_later_and_later_and_then_given_up(void **state)
{
    struct fixture *x = *state;
    int64_t gap[4];

    start(x, &(struct fetch_limits){.attempts_max = 5, .backoff_min_ms = 100});
    assert_int_equal(submit(x, 1), 0);
    uint32_t call = call_of(x, 0, 1);
    for (size_t i = 0; i < 4; i++) {
        answer(x, call, FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0);
        assert_int_equal(x->actions.count, 0);
        const int64_t failed_ms = x->now_ms;
        call = next_call(x);
        gap[i] = x->now_ms - failed_ms;
        assert_true(gap[i] >= 50 << i);
        assert_true(gap[i] <= 100 << i);
    }
    answer(x, call, FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0);
    check_done(x, 0, 1, REASON_UNAVAILABLE);
    assert_int_equal(nth(x, FETCH_ACT_DONE, 0)->done.attempts, 5);
    assert_int_equal(x->f.queue.item_count, 0);
}

static void an_item_ends_at_its_deadline_with_what_went_wrong_last(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.in_flight_max = 1, .deadline_ms = 500});
    assert_int_equal(submit(x, 1), 0);
    const uint32_t call = call_of(x, 0, 1);
    assert_int_equal(submit(x, 2), 0);
    assert_int_equal(x->actions.wake_ms, x->now_ms + 500);
    tick(x, 499);
    assert_int_equal(x->actions.count, 0);
    tick(x, 1);
    check_done(x, 0, 2, REASON_TIMEOUT); /* it never came to its turn */
    assert_int_equal(x->actions.count, 1);
    answer(x, call, FETCH_CALL_LIMITED, REASON_UNAVAILABLE, 0);
    check_done(x, 0, 1, REASON_UNAVAILABLE);
    assert_int_equal(x->f.queue.item_count, 0);
}

static void a_wiki_that_lags_is_left_alone_and_others_are_not(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.attempts_max = 1});
    assert_int_equal(submit(x, 1), 0);
    const int64_t limited_ms = x->now_ms;
    answer(x, call_of(x, 0, 1), FETCH_CALL_LIMITED, REASON_UNAVAILABLE, 5000);
    assert_int_equal(x->actions.count, 0); /* it did not count as an attempt */
    assert_int_equal(submit(x, 2), 0);
    assert_int_equal(x->actions.count, 0);
    assert_int_equal(submit_to(x, SLICE_LIT("b.wiki"), 3, 0), 0);
    answer_all(x, call_of(x, 0, 1), ENRICH_VERDICT_OK);
    const uint32_t call = next_call(x);
    assert_int_equal(x->now_ms, limited_ms + 5000);
    assert_int_equal(nth(x, FETCH_ACT_CALL, 0)->call.count, 2);
    assert_true(nth(x, FETCH_ACT_CALL, 0)->call.users[0] == 1); /* still the first */
    answer_all(x, call, ENRICH_VERDICT_OK);
    assert_int_equal(count(x, FETCH_ACT_DONE), 2);
}

static void a_429_pauses_everything_and_an_absurd_retry_after_is_cut(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.deadline_ms = 10000000});
    assert_int_equal(submit(x, 1), 0);
    const struct fetch_event ev = {.kind = FETCH_EV_ANSWER,
                                   .now_ms = x->now_ms,
                                   .answer = {.call = call_of(x, 0, 1),
                                              .result = FETCH_CALL_LIMITED,
                                              .reason = REASON_UNAVAILABLE,
                                              .retry_after_ms = UINT32_MAX,
                                              .is_global = true}};
    const uint32_t window = x->f.window_milli;
    assert_int_equal(fetch_step(&x->f, &ev, &x->actions), 0);
    assert_int_equal(x->f.window_milli, window / 2);
    assert_int_equal(submit_to(x, SLICE_LIT("b.wiki"), 2, 0), 0);
    assert_int_equal(x->actions.count, 0);
    const int64_t limited_ms = x->now_ms;
    (void)next_call(x);
    assert_int_equal(x->now_ms, limited_ms + FETCH_RETRY_AFTER_MAX_MS);
    assert_int_equal(count(x, FETCH_ACT_CALL), 2);
}

static void a_missing_revision_is_asked_for_while_its_event_is_young(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.missing_retry_ms = 3000});
    assert_int_equal(submit_to(x, WIKI, 1, 3000), 0); /* old: not again */
    answer_all(x, call_of(x, 0, 1), ENRICH_VERDICT_MISSING);
    check_done(x, 0, 1, REASON_MISSING);

    const int64_t submitted_ms = x->now_ms;
    assert_int_equal(submit_to(x, WIKI, 2, 1000), 0);
    uint32_t call = call_of(x, 0, 1);
    int asked = 1;
    for (;;) {
        answer_all(x, call, ENRICH_VERDICT_MISSING);
        if (count(x, FETCH_ACT_DONE) > 0)
            break;
        call = next_call(x);
        asked++;
    }
    check_done(x, 0, 2, REASON_MISSING);
    assert_int_equal(x->now_ms, submitted_ms + 2000); /* once more at the very end */
    assert_in_range(asked, 4, 12);

    assert_int_equal(submit_to(x, WIKI, 3, 0), 0);
    answer_all(x, call_of(x, 0, 1), ENRICH_VERDICT_MISSING);
    answer_all(x, next_call(x), ENRICH_VERDICT_OK); /* the replica has caught up */
    check_done(x, 0, 3, REASON_NONE);
}

static void an_answer_that_is_early_is_taken_when_the_event_is_no_longer_young(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.missing_retry_ms = 3000});
    const int64_t submitted_ms = x->now_ms;
    assert_int_equal(submit_to(x, WIKI, 1, 1000), 0);
    uint32_t call = call_of(x, 0, 1);
    for (;;) {
        answer_all(x, call, ENRICH_VERDICT_EARLY);
        if (count(x, FETCH_ACT_DONE) > 0)
            break;
        call = next_call(x);
    }
    check_done(x, 0, 1, REASON_NONE);
    assert_int_equal(x->now_ms, submitted_ms + 2000);
    /* before the deadline in any case: an answer is there */
    start(x, &(struct fetch_limits){.missing_retry_ms = 3000, .deadline_ms = 500});
    const int64_t limit_ms = x->now_ms + 500;
    assert_int_equal(submit_to(x, WIKI, 2, 0), 0);
    for (call = call_of(x, 0, 1);; call = next_call(x)) {
        answer_all(x, call, ENRICH_VERDICT_EARLY);
        if (count(x, FETCH_ACT_DONE) > 0)
            break;
    }
    check_done(x, 0, 2, REASON_NONE);
    assert_true(x->now_ms < limit_ms);
}

static void content_that_does_not_fit_is_asked_for_again_alone_and_then_given_up(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){0});
    assert_int_equal(submit(x, 1), 0);
    uint32_t call = call_of(x, 0, 1);
    for (int i = 0; i < 2; i++) {
        answer_all(x, call, ENRICH_VERDICT_SUSPECT);
        assert_int_equal(x->actions.count, 0);
        call = next_call(x);
    }
    answer_all(x, call, ENRICH_VERDICT_SUSPECT);
    check_done(x, 0, 1, REASON_SHA1);
    assert_int_equal(nth(x, FETCH_ACT_DONE, 0)->done.attempts, 3);
}

/* Three items in one call; returns its number. */
static uint32_t batch_of_three(struct fixture *x)
{
    assert_int_equal(submit(x, 0), 0);
    const uint32_t call = call_of(x, 0, 1);
    for (uint64_t user = 1; user < 4; user++)
        assert_int_equal(submit(x, user), 0);
    answer_all(x, call, ENRICH_VERDICT_OK);
    return call_of(x, 0, 3);
}

static void hidden_ones_end_at_once_and_each_item_has_its_own_verdict(void **state)
{
    struct fixture *x = *state;
    const struct fetch_verdict verdicts[] = {{ENRICH_VERDICT_HIDDEN, REASON_TEXT_HIDDEN},
                                             {ENRICH_VERDICT_OK, REASON_NONE},
                                             {ENRICH_VERDICT_MISSING, REASON_NONE}};

    start(x, &(struct fetch_limits){.in_flight_max = 1});
    answer_each(x, batch_of_three(x), verdicts);
    assert_int_equal(count(x, FETCH_ACT_DONE), 2);
    check_done(x, 0, 2, REASON_NONE);
    assert_int_equal(nth(x, FETCH_ACT_DONE, 0)->done.place, 1);
    check_done(x, 1, 1, REASON_TEXT_HIDDEN);
    assert_int_equal(x->f.queue.item_count, 1);
}

static void an_answer_cut_short_is_continued_and_one_that_serves_nobody_ends_as_too_large(
    void **state)
{
    struct fixture *x = *state;
    const struct fetch_verdict verdicts[] = {{ENRICH_VERDICT_OK, REASON_NONE},
                                             {ENRICH_VERDICT_UNSERVED, REASON_NONE},
                                             {ENRICH_VERDICT_UNSERVED, REASON_NONE}};

    start(x, &(struct fetch_limits){.in_flight_max = 1, .attempts_max = 1});
    answer_each(x, batch_of_three(x), verdicts);
    check_done(x, 0, 1, REASON_NONE);
    uint32_t call = call_of(x, 0, 2);
    assert_true(nth(x, FETCH_ACT_CALL, 0)->call.users[0] == 2);
    answer_all(x, call, ENRICH_VERDICT_UNSERVED);
    call = call_of(x, 0, 1); /* one by one */
    answer_all(x, call, ENRICH_VERDICT_UNSERVED);
    check_done(x, 0, 2, REASON_TOO_LARGE);
    answer_all(x, call_of(x, 0, 1), ENRICH_VERDICT_OK);
    check_done(x, 0, 3, REASON_NONE);
}

static void one_bad_revision_does_not_fail_the_others_of_its_batch(void **state)
{
    static const enum fetch_call_result RESULTS[] = {FETCH_CALL_SPLIT, FETCH_CALL_TOO_LARGE,
                                                     FETCH_CALL_PERMANENT};
    struct fixture *x = *state;

    for (size_t i = 0; i < sizeof RESULTS / sizeof RESULTS[0]; i++) {
        arena_reset(&x->arena);
        start(x, &(struct fetch_limits){.in_flight_max = 1, .attempts_max = 1});
        answer(x, batch_of_three(x), RESULTS[i], REASON_REFUSED, 0);
        assert_int_equal(count(x, FETCH_ACT_DONE), 0);
        answer_all(x, call_of(x, 0, 1), ENRICH_VERDICT_OK);
        check_done(x, 0, 1, REASON_NONE);
        answer(x, call_of(x, 0, 1), RESULTS[i], REASON_REFUSED, 0);
        check_done(x, 0, 2, REASON_REFUSED);
        answer_all(x, call_of(x, 0, 1), ENRICH_VERDICT_OK);
        check_done(x, 0, 3, REASON_NONE);
    }
}

static void the_rate_is_kept_over_any_second(void **state)
{
    struct fixture *x = *state;
    size_t calls = 0;

    start(x, &(struct fetch_limits){.per_second_max = 20, .batch_max = 1, .in_flight_max = 64});
    for (uint64_t user = 0; user < 200; user++) {
        assert_int_equal(submit(x, user), 0);
        const size_t started = count(x, FETCH_ACT_CALL);
        calls += started;
        if (started > 0)
            answer_all(x, nth(x, FETCH_ACT_CALL, 0)->call.call, ENRICH_VERDICT_OK);
        calls += count(x, FETCH_ACT_CALL);
        while (count(x, FETCH_ACT_CALL) > 0)
            answer_all(x, nth(x, FETCH_ACT_CALL, 0)->call.call, ENRICH_VERDICT_OK);
    }
    assert_in_range(calls, 1, 3);
    const int64_t first_ms = x->now_ms;
    while (x->f.queue.item_count > 0) {
        const uint32_t call = next_call(x);
        answer_all(x, call, ENRICH_VERDICT_OK);
    }
    assert_in_range(x->now_ms - first_ms, 9700, 10100); /* 200 calls, 20 a second */
}

static void the_window_halves_on_failure_and_grows_again(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.in_flight_max = 8, .batch_max = 1});
    for (uint64_t user = 0; user < 100; user++)
        assert_int_equal(submit(x, user), 0);
    assert_int_equal(x->f.calls_in_flight, 4);
    for (uint32_t call = 0; call < 4; call++) /* all four tell of one event: it halves once */
        answer(x, call, FETCH_CALL_TRANSIENT, REASON_TIMEOUT, 0);
    assert_int_equal(x->f.window_milli, 2000);
    assert_int_equal(x->f.calls_in_flight, 2);
    for (int i = 0; i < 60 && x->f.calls_in_flight > 0; i++) {
        tick(x, 10);
        for (uint32_t call = 0; call < FETCH_CALLS_MAX; call++) {
            if (x->f.calls[call].host != FETCH_NONE && x->f.calls[call].started_ms < x->now_ms)
                answer_all(x, call, ENRICH_VERDICT_OK);
        }
    }
    assert_true(x->f.window_milli > 5000);
    assert_true(x->f.window_milli <= 8000);
}

static void slow_answers_halve_the_window_too(void **state)
{
    struct fixture *x = *state;
    const struct fetch_verdict ok = {ENRICH_VERDICT_OK, REASON_NONE};

    start(x, &(struct fetch_limits){.slow_ms = 1000});
    assert_int_equal(submit(x, 1), 0);
    const struct fetch_event ev = {
        .kind = FETCH_EV_ANSWER,
        .now_ms = x->now_ms + 1001,
        .answer = {
            .call = call_of(x, 0, 1), .result = FETCH_CALL_OK, .took_ms = 1001, .verdicts = &ok}};
    assert_int_equal(fetch_step(&x->f, &ev, &x->actions), 0);
    check_done(x, 0, 1, REASON_NONE);
    assert_int_equal(x->f.window_milli, 2000);
}

/* Answers all calls under way; returns how many there were. */
static size_t answer_under_way(struct fixture *x, bool is_up, size_t *io_done)
{
    size_t calls = 0;

    for (uint32_t call = 0; call < FETCH_CALLS_MAX; call++) {
        if (x->f.calls[call].host == FETCH_NONE)
            continue;
        if (is_up)
            answer_all(x, call, ENRICH_VERDICT_OK);
        else
            answer(x, call, FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0);
        *io_done += count(x, FETCH_ACT_DONE);
        calls++;
    }
    return calls;
}

static void an_api_that_is_down_is_probed_and_not_hammered(void **state)
{
    struct fixture *x = *state;
    size_t calls = 0;
    size_t failed = 0;
    size_t ok = 0;

    start(x, &(struct fetch_limits){.deadline_ms = 60000});
    const int64_t down_ms = x->now_ms;
    for (uint64_t user = 0; user < 500; user++)
        assert_int_equal(submit(x, user), 0);
    while (x->now_ms < down_ms + 30000) {
        tick(x, 10);
        calls += answer_under_way(x, false, &failed);
    }
    assert_in_range(calls, 6, 30); /* in half a minute */
    assert_in_range(failed, 0, 200);
    while (x->f.queue.item_count > 0) {
        tick(x, 10);
        (void)answer_under_way(x, true, &ok);
    }
    assert_int_equal(ok + failed, 500);
    assert_true(x->now_ms < down_ms + 42000);
}

static void new_limits_hold_at_once(void **state)
{
    struct fixture *x = *state;

    start(x, &(struct fetch_limits){.in_flight_max = 4, .batch_max = 50});
    for (uint64_t user = 0; user < 50; user++)
        assert_int_equal(submit(x, user), 0);
    assert_int_equal(fetch_set_limits(&x->f, &(struct fetch_limits){.backoff_min_ms = 20000}),
                     ERR_CONFIG);
    assert_int_equal(
        fetch_set_limits(&x->f, &(struct fetch_limits){.batch_max = 99, .in_flight_max = 1000}), 0);
    assert_int_equal(x->f.limits.batch_max, FETCH_BATCH_MAX);
    assert_int_equal(x->f.limits.in_flight_max, FETCH_CALLS_MAX);
    assert_int_equal(
        fetch_set_limits(&x->f, &(struct fetch_limits){.batch_max = 3, .in_flight_max = 1}), 0);
    for (uint32_t call = 0; call < 3; call++) {
        answer_all(x, call, ENRICH_VERDICT_OK);
        assert_int_equal(count(x, FETCH_ACT_CALL), 0);
    }
    answer_all(x, 3, ENRICH_VERDICT_OK);
    (void)call_of(x, 0, 3);
}

/* ---- a random API ---------------------------------------------------------------------------- */

enum {
    RANDOM_ITEMS = 3000
};

struct random_api {
    uint64_t seed;
    int64_t ends_ms[FETCH_CALLS_MAX]; /* 0: no such call */
    int64_t submitted_ms[RANDOM_ITEMS];
    uint8_t ended[RANDOM_ITEMS];
    uint32_t in_flight;
    uint64_t submitted;
    uint64_t done;
    size_t ok;
};

static uint32_t below(struct random_api *api, uint32_t n)
{
    api->seed = api->seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((api->seed >> 33) % n);
}

/* Carries out the actions and checks each promise on the way. */
static void carry_out(struct fixture *x, struct random_api *api)
{
    for (size_t i = 0; i < x->actions.count; i++) {
        const struct fetch_action *a = &x->list[i];
        if (a->kind == FETCH_ACT_CALL) {
            assert_in_range(a->call.count, 1, 7);
            assert_int_equal(api->ends_ms[a->call.call], 0);
            api->ends_ms[a->call.call] = x->now_ms + 1 + below(api, 300);
            api->in_flight++;
            continue;
        }
        assert_int_equal(api->ended[a->done.user], 0);
        api->ended[a->done.user] = 1;
        api->done++;
        api->ok += a->done.reason == REASON_NONE;
        assert_true(x->now_ms - api->submitted_ms[a->done.user] <= 5000 + 300 + 20);
    }
    assert_true(api->in_flight <= 5);
    assert_int_equal(api->in_flight, x->f.calls_in_flight);
}

static void answer_at_random(struct fixture *x, struct random_api *api, uint32_t call)
{
    struct fetch_verdict verdicts[FETCH_BATCH_MAX];
    struct fetch_event ev = {.kind = FETCH_EV_ANSWER, .now_ms = x->now_ms};

    for (size_t i = 0; i < FETCH_BATCH_MAX; i++) {
        const uint32_t luck = below(api, 20);
        verdicts[i] = (struct fetch_verdict){
            luck < 5 ? (enum enrich_verdict)luck : ENRICH_VERDICT_OK, REASON_SHA1};
    }
    const uint32_t luck = below(api, 12);
    ev.answer.call = call;
    ev.answer.result = luck < 6 ? (enum fetch_call_result)luck : FETCH_CALL_OK;
    ev.answer.reason = luck % 2 == 0 ? REASON_TIMEOUT : REASON_UNAVAILABLE;
    ev.answer.retry_after_ms = below(api, 5) == 0 ? below(api, 1000) : 0;
    ev.answer.is_global = below(api, 2) == 0;
    ev.answer.took_ms = below(api, 4000);
    ev.answer.verdicts = verdicts;
    api->ends_ms[call] = 0;
    api->in_flight--;
    assert_int_equal(fetch_step(&x->f, &ev, &x->actions), 0);
    carry_out(x, api);
}

static void submit_at_random(struct fixture *x, struct random_api *api)
{
    char domain[] = "a.wiki";
    const uint64_t user = api->submitted;

    domain[0] = (char)('a' + below(api, 5));
    api->submitted_ms[user] = x->now_ms;
    const int rc = submit_to(x, slice_str(domain), user, below(api, 20000));
    if (rc == 0)
        api->submitted++;
    else
        assert_int_equal(rc, ERR_BUSY);
    carry_out(x, api);
}

static void every_item_ends_once_and_in_time_whatever_the_api_does(void **state)
{
    struct fixture *x = *state;
    struct random_api *api = calloc(1, sizeof *api);
    size_t ok = 0;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        arena_reset(&x->arena);
        *api = (struct random_api){.seed = seed};
        start(x, &(struct fetch_limits){.items_max = 100,
                                        .in_flight_max = 5,
                                        .batch_max = 7,
                                        .gather_ms = seed % 3 == 0 ? 0 : 20,
                                        .per_second_max = seed % 2 == 0 ? 0 : 200,
                                        .deadline_ms = 5000,
                                        .backoff_max_ms = 1000});
        while (api->done < RANDOM_ITEMS) {
            for (uint32_t n = below(api, 6); n > 0 && api->submitted < RANDOM_ITEMS; n--)
                submit_at_random(x, api);
            for (uint32_t call = 0; call < FETCH_CALLS_MAX; call++) {
                if (api->ends_ms[call] != 0 && api->ends_ms[call] <= x->now_ms)
                    answer_at_random(x, api, call);
            }
            tick(x, 1 + below(api, 20));
            carry_out(x, api);
            assert_true(x->actions.wake_ms > x->now_ms || x->actions.count > 100);
        }
        assert_int_equal(x->f.queue.item_count, 0);
        assert_int_equal(x->f.queue.heap_len, 0);
        assert_int_equal(x->f.queue.ready_count, 0);
        ok += api->ok;
    }
    assert_true(ok > 20 * RANDOM_ITEMS / 4); /* the API was not so bad */
    free(api);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_idle_scheduler_asks_at_once_and_one_under_backlog_in_batches),
        TEST(revisions_gather_while_their_wiki_has_a_call_under_way),
        TEST(a_call_is_for_one_wiki_and_wikis_take_turns),
        TEST(announced_bytes_limit_a_batch_and_all_calls_but_never_a_single_one),
        TEST(what_there_is_no_room_for_is_refused_and_nothing_grows),
        TEST(limits_out_of_range_are_refused),
        TEST(a_failed_call_is_tried_again_later_and_later_and_then_given_up),
        TEST(an_item_ends_at_its_deadline_with_what_went_wrong_last),
        TEST(a_wiki_that_lags_is_left_alone_and_others_are_not),
        TEST(a_429_pauses_everything_and_an_absurd_retry_after_is_cut),
        TEST(a_missing_revision_is_asked_for_while_its_event_is_young),
        TEST(an_answer_that_is_early_is_taken_when_the_event_is_no_longer_young),
        TEST(content_that_does_not_fit_is_asked_for_again_alone_and_then_given_up),
        TEST(hidden_ones_end_at_once_and_each_item_has_its_own_verdict),
        TEST(an_answer_cut_short_is_continued_and_one_that_serves_nobody_ends_as_too_large),
        TEST(one_bad_revision_does_not_fail_the_others_of_its_batch),
        TEST(the_rate_is_kept_over_any_second),
        TEST(the_window_halves_on_failure_and_grows_again),
        TEST(slow_answers_halve_the_window_too),
        TEST(an_api_that_is_down_is_probed_and_not_hammered),
        TEST(new_limits_hold_at_once),
        TEST(every_item_ends_once_and_in_time_whatever_the_api_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
