/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a limit of bytes a second holds, though an answer's size is known only afterwards. Method: one
 * call at a time on a clock that is moved to when fetch wants to be woken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/fetch.h"

enum {
    ACTIONS_MAX = 256,
    ITEMS = 20
};

static struct fetch_action list[ACTIONS_MAX];

static void answers_are_paid_for_before_the_next_call(void **state)
{
    const struct fetch_limits limits = {
        .bytes_per_second_max = 100000, .batch_max = 1, .in_flight_max = 1};
    const struct fetch_verdict ok = {ENRICH_VERDICT_OK, REASON_NONE};
    struct fetch_actions actions = {.list = list};
    struct fetch_event ev = {.now_ms = 1000};
    struct arena arena;
    struct fetch f;
    int answered = 0;

    (void)state;
    arena_init(&arena, 1 << 16, 64 << 20);
    assert_int_equal(fetch_init(&f, &limits, 7, &arena), 0);
    for (int i = 0; i < ITEMS; i++) {
        ev.kind = FETCH_EV_SUBMIT;
        ev.submit.domain = SLICE_LIT("a.wiki");
        ev.submit.rev_id = 1000 + i;
        ev.submit.user = (uint64_t)i;
        assert_int_equal(fetch_step(&f, &ev, &actions), 0);
    }
    for (int i = 0; i < 1000 && answered < ITEMS; i++) {
        if (f.calls_in_flight > 0) {
            ev = (struct fetch_event){.kind = FETCH_EV_ANSWER, .now_ms = ev.now_ms};
            ev.answer.bytes = 50000;
            ev.answer.verdicts = &ok;
            answered++;
        } else {
            ev = (struct fetch_event){.kind = FETCH_EV_TICK, .now_ms = actions.wake_ms};
        }
        assert_int_equal(fetch_step(&f, &ev, &actions), 0);
    }
    assert_int_equal(answered, ITEMS);
    assert_in_range(ev.now_ms, 1000 + 9500, 1000 + 9600); /* half a second each, but for the last */
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_paid_for_before_the_next_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
