/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a strand waits when its oldest record that no cut covers has reached half of the retention.
 * Method: records, cuts and times told by hand; the broker's clock is another than ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/uncut.h"

enum {
    RETENTION = 32000,
    STAMP = 500000
};

static struct uncut fresh(void)
{
    struct uncut u;

    uncut_init(&u, RETENTION);
    uncut_cut(&u, 4);
    return u;
}

static void the_oldest_record_without_a_cut_ages(void **state)
{
    (void)state;
    struct uncut u = fresh();

    assert_false(uncut_is_old(&u, 90000));
    uncut_read(&u, 5, STAMP, 1000);
    assert_false(uncut_is_old(&u, 16999));
    assert_true(uncut_is_old(&u, 17000));
    uncut_cut(&u, 5);
    assert_false(uncut_is_old(&u, 90000));
}

static void the_brokers_stamps_tell_the_age_of_what_is_read_late(void **state)
{
    (void)state;
    struct uncut u = fresh();

    uncut_read(&u, 5, STAMP, 1000);
    uncut_read(&u, 6, STAMP + 15000, 1000);
    assert_false(uncut_is_old(&u, 1999));
    assert_true(uncut_is_old(&u, 2000));
}

static void what_a_cut_covers_makes_the_next_the_oldest(void **state)
{
    (void)state;
    struct uncut u = fresh();

    for (int64_t i = 0; i < 100; i++)
        uncut_read(&u, 5 + i, STAMP + 100 * i, 1000 + 100 * i);
    assert_true(uncut_is_old(&u, 17000));
    uncut_cut(&u, 54); /* 5 s later; a mark spans a second at most */
    assert_false(uncut_is_old(&u, 20000));
    assert_true(uncut_is_old(&u, 22100));
}

static void marks_do_not_run_out_before_the_half_is_reached(void **state)
{
    (void)state;
    struct uncut u = fresh();

    for (int64_t i = 0; i < 40; i++)
        uncut_read(&u, 5 + i, STAMP + 1001 * i, 1000 + 1001 * i);
    assert_int_equal(u.count, UNCUT_MARKS);
    assert_true(uncut_is_old(&u, 41000));
    uncut_cut(&u, 43);
    assert_true(uncut_is_old(&u, 41000)); /* the last is overstated, never forgotten */
    uncut_cut(&u, 44);
    assert_false(uncut_is_old(&u, 41000));
}

static void without_a_known_retention_nothing_waits(void **state)
{
    (void)state;
    struct uncut u;

    uncut_init(&u, 0);
    uncut_read(&u, 5, STAMP, 1000);
    assert_false(uncut_is_old(&u, INT64_MAX / 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_record_without_a_cut_ages),
        cmocka_unit_test(the_brokers_stamps_tell_the_age_of_what_is_read_late),
        cmocka_unit_test(what_a_cut_covers_makes_the_next_the_oldest),
        cmocka_unit_test(marks_do_not_run_out_before_the_half_is_reached),
        cmocka_unit_test(without_a_known_retention_nothing_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
