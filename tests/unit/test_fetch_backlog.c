/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a task that lags far behind delays no live event, and still goes on.
 * Method: a backlog that fills the queue, then live items, on virtual time; the API is slow and its
 *         calls few.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/fetch.h"
#include "proto/err.h"

enum {
    LIVE = 1000000, /* users from here on */
    CALL_MS = 100,
    OLD_MS = 3600000
};

static struct fetch_action list[FETCH_ACTIONS_MAX];
static struct fetch_actions actions;
static struct fetch f;
static struct arena arena;
static int64_t now_ms;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20, 1 << 26);
    actions = (struct fetch_actions){.list = list};
    now_ms = 1000000;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void start(const struct fetch_limits *limits)
{
    assert_int_equal(fetch_init(&f, limits, 7, &arena), 0);
}

static int submit(uint64_t user, const char *wiki, uint32_t age_ms, bool is_alone)
{
    const struct fetch_event ev = {.kind = FETCH_EV_SUBMIT,
                                   .now_ms = now_ms,
                                   .submit = {.domain = slice_str(wiki),
                                              .rev_id = (int64_t)user + 1,
                                              .user = user,
                                              .age_ms = age_ms,
                                              .is_alone = is_alone}};

    return fetch_step(&f, &ev, &actions);
}

/* Calls that wait to be answered, oldest first. */
struct pending {
    uint32_t calls[FETCH_CALLS_MAX];
    size_t count;
    size_t live_done;
    size_t old_done;
    size_t old_failed;
    int64_t live_last_ms; /* when the last live one was done */
};

static void note(struct pending *p)
{
    for (size_t i = 0; i < actions.count; i++) {
        if (list[i].kind == FETCH_ACT_CALL) {
            p->calls[p->count++] = list[i].call.call;
            continue;
        }
        const bool is_live = list[i].done.user >= LIVE;
        p->live_done += is_live;
        p->old_done += !is_live;
        p->old_failed += !is_live && list[i].done.reason != REASON_NONE;
        if (is_live)
            p->live_last_ms = now_ms;
    }
}

/* All calls under way end after CALL_MS. */
static void answer_all(struct pending *p)
{
    const struct fetch_verdict ok[FETCH_BATCH_MAX] = {{ENRICH_VERDICT_OK, REASON_NONE}};
    struct pending old = *p;

    now_ms += CALL_MS;
    p->count = 0;
    for (size_t i = 0; i < old.count; i++) {
        const struct fetch_event ev = {
            .kind = FETCH_EV_ANSWER,
            .now_ms = now_ms,
            .answer = {.call = old.calls[i], .took_ms = CALL_MS, .verdicts = ok}};
        assert_int_equal(fetch_step(&f, &ev, &actions), 0);
        note(p);
    }
    const struct fetch_event tick = {.kind = FETCH_EV_TICK, .now_ms = now_ms};
    assert_int_equal(fetch_step(&f, &tick, &actions), 0);
    note(p);
}

static size_t fill_with_backlog(struct pending *p, const char *wiki)
{
    size_t count = 0;

    while (submit(count, wiki, OLD_MS, true) == 0) {
        note(p);
        count++;
    }
    return count;
}

static void live_ones_wait_for_no_backlog(void **state)
{
    const struct fetch_limits limits = {.items_max = 1000, .in_flight_max = 2};
    struct pending p = {0};

    (void)state;
    start(&limits);
    assert_int_equal(fill_with_backlog(&p, "a.wiki"), 750); /* a quarter is left for live ones */
    const int64_t submitted_ms = now_ms;
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(submit(LIVE + i, "a.wiki", 50, true), 0);
        note(&p);
    }
    while (p.live_done < 4)
        answer_all(&p);
    assert_true(p.live_last_ms - submitted_ms <= 5 * CALL_MS); /* 750 calls are before them */
}

static void live_ones_of_another_wiki_come_first_too(void **state)
{
    const struct fetch_limits limits = {.items_max = 400, .in_flight_max = 1};
    struct pending p = {0};

    (void)state;
    start(&limits);
    for (uint64_t i = 0; i < 300; i++) { /* a wiki each */
        char wiki[] = "000.wiki";
        wiki[0] = (char)('0' + i / 100);
        wiki[1] = (char)('0' + i / 10 % 10);
        wiki[2] = (char)('0' + i % 10);
        assert_int_equal(submit(i, wiki, OLD_MS, false), 0);
        note(&p);
    }
    const int64_t submitted_ms = now_ms;
    assert_int_equal(submit(LIVE, "live.wiki", 0, false), 0);
    note(&p);
    while (p.live_done < 1)
        answer_all(&p);
    /* those under way, and perhaps one turn of the backlog's */
    assert_true(p.live_last_ms - submitted_ms <= 3 * CALL_MS);
}

/* As many live ones as there are calls, without end: the backlog has one call in FETCH_TURNS, and
 * nothing of it comes to its deadline. */
static void backlog_goes_on_under_any_load(void **state)
{
    const struct fetch_limits limits = {.items_max = 400, .in_flight_max = 4};
    struct pending p = {0};
    uint64_t live = 0;

    (void)state;
    start(&limits);
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(submit(i, "a.wiki", OLD_MS, true), 0);
        note(&p);
    }
    for (int round = 0; round < 400 && p.old_done < 100; round++) {
        while (f.queue.class_counts[FETCH_LIVE] < 8) {
            assert_int_equal(submit(LIVE + live++, "a.wiki", 0, true), 0);
            note(&p);
        }
        answer_all(&p);
    }
    assert_int_equal(p.old_done, 100);
    assert_int_equal(p.old_failed, 0);
    assert_true(p.live_done >= (FETCH_TURNS - 2) * p.old_done);
}

/* Both go into one call where there is room: a batch costs the API little more. */
static void a_batch_is_filled_up_with_backlog(void **state)
{
    const struct fetch_limits limits = {.items_max = 400, .in_flight_max = 1};
    struct pending p = {0};

    (void)state;
    start(&limits);
    for (uint64_t i = 0; i < 61; i++) {
        assert_int_equal(submit(i, "a.wiki", OLD_MS, false), 0);
        note(&p);
    }
    assert_int_equal(submit(LIVE, "a.wiki", 0, false), 0);
    note(&p);
    while (p.live_done == 0)
        answer_all(&p);
    assert_true(p.old_done >= 50);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(live_ones_wait_for_no_backlog),
        TEST(live_ones_of_another_wiki_come_first_too),
        TEST(backlog_goes_on_under_any_load),
        TEST(a_batch_is_filled_up_with_backlog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
