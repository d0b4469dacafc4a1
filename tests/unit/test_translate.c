/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a reader that is moved sees every sequence number once, or is told why it cannot be moved.
 * Method: what a copy has around a number, by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "coord/ctl/translate.h"

static struct arena arena; /* a test's one static fixture */

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 4096, 65536);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

/* A copy with numbers 10 to 20, each at twice its number, looked at around `seq`. */
static struct translate_copy copy_at(int64_t seq)
{
    struct translate_copy c = {
        .dc = SLICE_LIT("codfw"), .oldest = 10, .newest = 20, .before.seq = -1, .at.seq = -1};

    if (seq - 1 >= 10 && seq - 1 <= 20)
        c.before = (struct translate_record){seq - 1, 2 * (seq - 1), SLICE_LIT("aa")};
    if (seq >= 10 && seq <= 20)
        c.at = (struct translate_record){seq, 2 * seq, SLICE_LIT("bb")};
    return c;
}

static void a_reader_goes_on_at_the_record_with_its_number(void **state)
{
    const struct translate_copy c = copy_at(15);
    int64_t offset = -1;

    (void)state;
    assert_null(translate_place(&c, 15, &arena, &offset));
    assert_int_equal(offset, 30);
}

static void a_reader_that_has_seen_all_goes_on_right_behind_the_last(void **state)
{
    const struct translate_copy c = copy_at(21);
    int64_t offset = -1;

    (void)state;
    assert_null(translate_place(&c, 21, &arena, &offset));
    assert_int_equal(offset, 41);
}

static void the_oldest_record_can_be_the_next(void **state)
{
    const struct translate_copy c = copy_at(10);
    int64_t offset = -1;

    (void)state;
    assert_null(translate_place(&c, 10, &arena, &offset));
    assert_int_equal(offset, 20);
}

static void a_copy_that_is_behind_is_waited_for(void **state)
{
    const struct translate_copy c = copy_at(25);
    int64_t offset = -1;

    (void)state;
    assert_non_null(
        strstr(translate_place(&c, 25, &arena, &offset), "has numbers up to 20 so far"));
    assert_int_equal(offset, -1);
}

static void what_retention_has_taken_is_said(void **state)
{
    const struct translate_copy c = copy_at(5);
    int64_t offset = -1;

    (void)state;
    assert_non_null(strstr(translate_place(&c, 5, &arena, &offset), "number 5 is gone"));
    assert_int_equal(offset, -1);
}

static void an_empty_copy_begins_at_number_0_alone(void **state)
{
    const struct translate_copy c = {
        .dc = SLICE_LIT("codfw"), .oldest = -1, .newest = -1, .before.seq = -1, .at.seq = -1};
    int64_t offset = -1;

    (void)state;
    assert_null(translate_place(&c, 0, &arena, &offset));
    assert_int_equal(offset, 0);
    assert_non_null(translate_place(&c, 1, &arena, &offset));
}

static void copies_with_another_chain_are_not_one_stream(void **state)
{
    struct translate_copy from = copy_at(15);
    struct translate_copy to = copy_at(15);

    (void)state;
    assert_null(translate_differs(&from, &to, &arena));
    to.at.chain = SLICE_LIT("cc");
    assert_non_null(strstr(translate_differs(&from, &to, &arena), "number 15"));
    to.before.chain = SLICE_LIT("cc");
    assert_non_null(strstr(translate_differs(&from, &to, &arena), "number 14"));
    from.before.seq = from.at.seq = -1; /* the old DC could not be asked */
    assert_null(translate_differs(&from, &to, &arena));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_goes_on_at_the_record_with_its_number),
        TEST(a_reader_that_has_seen_all_goes_on_right_behind_the_last),
        TEST(the_oldest_record_can_be_the_next),
        TEST(a_copy_that_is_behind_is_waited_for),
        TEST(what_retention_has_taken_is_said),
        TEST(an_empty_copy_begins_at_number_0_alone),
        TEST(copies_with_another_chain_are_not_one_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
