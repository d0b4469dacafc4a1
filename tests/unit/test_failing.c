/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a strand with too many failures waits for another DC's, and never for one that stands still.
 * Method: results, cuts and times told by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/failing.h"

enum {
    SHARE = 50
};

static struct failing with(int failed, int good)
{
    struct failing f = {.others = FAILING_ALONE};

    failing_cut(&f, 9, 9, 1000);
    for (int i = 0; i < good; i++)
        failing_result(&f, false);
    for (int i = 0; i < failed; i++)
        failing_result(&f, true);
    return f;
}

static void a_share_needs_enough_results_and_must_be_above_the_limit(void **state)
{
    (void)state;
    struct failing few = with(15, 0);
    struct failing half = with(8, 8);
    struct failing more = with(9, 7);

    assert_false(failing_is_over(&few, SHARE));
    assert_false(failing_is_over(&half, SHARE));
    assert_true(failing_is_over(&more, SHARE));
    assert_int_equal(failing_judge(&half, SHARE, 10, 2000), FAILING_WRITES);
    assert_int_equal(failing_judge(&more, SHARE, 10, 2000), FAILING_WAITS);
}

static void what_cuts_have_passed_is_skipped(void **state)
{
    (void)state;
    struct failing f = with(64, 0);

    assert_int_equal(failing_judge(&f, SHARE, 10, 2000), FAILING_WAITS);
    failing_cut(&f, 9, 10, 2500);
    assert_int_equal(failing_judge(&f, SHARE, 10, 3000), FAILING_SKIPS);
    assert_int_equal(failing_judge(&f, SHARE, 11, 3000), FAILING_WAITS);
}

static void who_is_the_last_that_moves_goes_on(void **state)
{
    (void)state;
    struct failing f = with(64, 0);
    const int64_t wait = FAILING_WAIT_MS;

    assert_int_equal(failing_judge(&f, SHARE, 20, 2000), FAILING_WAITS);
    failing_cut(&f, 9, 12, 9000); /* it comes nearer */
    assert_int_equal(failing_judge(&f, SHARE, 20, 8999 + wait), FAILING_WAITS);
    assert_int_equal(failing_judge(&f, SHARE, 20, 9000 + wait), FAILING_WRITES);
    assert_int_equal(failing_judge(&f, SHARE, 21, 9000 + wait), FAILING_WRITES);
    failing_cut(&f, 21, 21, 40000); /* the other follows */
    assert_int_equal(failing_judge(&f, SHARE, 22, 41000), FAILING_WRITES);
    failing_cut(&f, 22, 23, 50000); /* the other leads */
    assert_int_equal(failing_judge(&f, SHARE, 24, 51000), FAILING_WAITS);
}

static void one_without_others_never_waits(void **state)
{
    (void)state;
    struct failing f = with(64, 0);

    failing_cut(&f, 9, FAILING_ALONE, 2000);
    assert_int_equal(failing_judge(&f, SHARE, 10, 2000), FAILING_WRITES);
}

static void good_results_end_it(void **state)
{
    (void)state;
    struct failing f = with(64, 0);

    assert_int_equal(failing_judge(&f, SHARE, 10, 2000), FAILING_WAITS);
    for (int i = 0; i < 32; i++)
        failing_result(&f, false);
    assert_int_equal(failing_judge(&f, SHARE, 10, 2000), FAILING_WRITES);
    assert_int_equal(f.waits_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_needs_enough_results_and_must_be_above_the_limit),
        cmocka_unit_test(what_cuts_have_passed_is_skipped),
        cmocka_unit_test(who_is_the_last_that_moves_goes_on),
        cmocka_unit_test(one_without_others_never_waits),
        cmocka_unit_test(good_results_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
