/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the first record in log order that links to what was accepted last counts, no other.
 * Method: short chains with duplicates, holes and second versions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/filter.h"

static void a_chain_is_accepted_in_order(void **state)
{
    int64_t last = -1;

    (void)state;
    assert_int_equal(filter_step(&last, -1, 0), FILTER_ACCEPT);
    assert_int_equal(filter_step(&last, 0, 3), FILTER_ACCEPT);
    assert_int_equal(filter_step(&last, 3, 4), FILTER_ACCEPT);
    assert_int_equal(last, 4);
}

static void what_was_accepted_is_a_duplicate(void **state)
{
    int64_t last = 4;

    (void)state;
    assert_int_equal(filter_step(&last, 3, 4), FILTER_DUPLICATE);
    assert_int_equal(filter_step(&last, -1, 0), FILTER_DUPLICATE);
    assert_int_equal(last, 4);
}

static void a_hole_is_never_stepped_over(void **state)
{
    int64_t last = 4;

    (void)state;
    assert_int_equal(filter_step(&last, 5, 6), FILTER_HOLE);
    assert_int_equal(last, 4);
    assert_int_equal(filter_step(&last, 4, 5), FILTER_ACCEPT);
    assert_int_equal(filter_step(&last, 5, 6), FILTER_ACCEPT);
    assert_int_equal(last, 6);
}

static void a_record_that_begins_before_last_and_ends_after_it_links(void **state)
{
    int64_t last = 4;

    (void)state;
    assert_int_equal(filter_step(&last, 1, 7), FILTER_ACCEPT);
    assert_int_equal(last, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_accepted_in_order),
        cmocka_unit_test(what_was_accepted_is_a_duplicate),
        cmocka_unit_test(a_hole_is_never_stepped_over),
        cmocka_unit_test(a_record_that_begins_before_last_and_ends_after_it_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
