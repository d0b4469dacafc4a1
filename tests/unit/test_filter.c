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

static enum filter_verdict step(int64_t *last, int64_t prev, int64_t offset, bool is_range)
{
    const struct origin o = {.prev = prev, .offset = offset};

    return filter_step(last, &o, is_range);
}

static void a_chain_is_accepted_in_order(void **state)
{
    int64_t last = -1;

    (void)state;
    assert_int_equal(step(&last, -1, 0, false), FILTER_ACCEPT);
    assert_int_equal(step(&last, 0, 3, false), FILTER_ACCEPT);
    assert_int_equal(step(&last, 3, 4, false), FILTER_ACCEPT);
    assert_int_equal(last, 4);
}

static void what_was_accepted_is_a_duplicate(void **state)
{
    int64_t last = 4;

    (void)state;
    assert_int_equal(step(&last, 3, 4, false), FILTER_DUPLICATE);
    assert_int_equal(step(&last, -1, 0, false), FILTER_DUPLICATE);
    assert_int_equal(last, 4);
}

static void a_hole_is_never_stepped_over(void **state)
{
    int64_t last = 4;

    (void)state;
    assert_int_equal(step(&last, 5, 6, false), FILTER_HOLE);
    assert_int_equal(last, 4);
    assert_int_equal(step(&last, 4, 5, false), FILTER_ACCEPT);
    assert_int_equal(step(&last, 5, 6, false), FILTER_ACCEPT);
    assert_int_equal(last, 6);
}

static void a_record_that_begins_before_last_and_ends_after_it_links(void **state)
{
    int64_t last = 4;

    (void)state;
    assert_int_equal(step(&last, 1, 7, false), FILTER_ACCEPT);
    assert_int_equal(last, 7);
}

/* Others have written 2 to 4 since a zombie read 1: in a copy some of these may be missing. */
static void a_range_links_to_what_it_follows_or_not_at_all(void **state)
{
    int64_t last = 4;

    (void)state;
    assert_int_equal(step(&last, 1, 7, true), FILTER_DUPLICATE);
    assert_int_equal(step(&last, 5, 7, true), FILTER_HOLE);
    assert_int_equal(last, 4);
    assert_int_equal(step(&last, 4, 7, true), FILTER_ACCEPT);
    assert_int_equal(last, 7);
}

static void only_enriched_records_are_ranges(void **state)
{
    struct braid_headers h = {.status = STATUS_GAP};

    (void)state;
    assert_false(filter_is_range(&h));
    h.has_by = true;
    assert_true(filter_is_range(&h));
    h.status = STATUS_SKIPPED;
    assert_true(filter_is_range(&h));
    h.status = STATUS_OK;
    assert_false(filter_is_range(&h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_accepted_in_order),
        cmocka_unit_test(what_was_accepted_is_a_duplicate),
        cmocka_unit_test(a_hole_is_never_stepped_over),
        cmocka_unit_test(a_record_that_begins_before_last_and_ends_after_it_links),
        cmocka_unit_test(a_range_links_to_what_it_follows_or_not_at_all),
        cmocka_unit_test(only_enriched_records_are_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
