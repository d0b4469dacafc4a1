/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: slices compare by their bytes, whatever the bytes are, and absent is not empty but equal.
 * Method: pairs of slices with known order, both ways round.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "proto/slice.h"

static const struct slice ABSENT = {0};

static void a_slice_of_a_string_leaves_the_nul_out(void **state)
{
    assert_int_equal(slice_str("abc").len, 3);
    assert_int_equal(slice_str("").len, 0);
    assert_non_null(slice_str("").ptr);
    assert_int_equal(SLICE_LIT("a\0b").len, 3);
}

static void a_null_string_is_absent(void **state)
{
    assert_null(slice_str(NULL).ptr);
    assert_int_equal(slice_str(NULL).len, 0);
}

static void equal_means_the_same_bytes(void **state)
{
    assert_true(slice_equal(SLICE_LIT("abc"), slice_str("abc")));
    assert_true(slice_equal(ABSENT, SLICE_LIT("")));
    assert_true(slice_equal(ABSENT, ABSENT));
    assert_false(slice_equal(SLICE_LIT("abc"), SLICE_LIT("abd")));
    assert_false(slice_equal(SLICE_LIT("abc"), SLICE_LIT("ab")));
    assert_false(slice_equal(SLICE_LIT("a\0b"), SLICE_LIT("a\0c")));
    assert_false(slice_equal(SLICE_LIT("a"), ABSENT));
}

static void the_order_is_by_unsigned_bytes_with_a_prefix_first(void **state)
{
    const struct slice ordered[] = {
        SLICE_LIT(""),   SLICE_LIT("\0"), SLICE_LIT("A"),    SLICE_LIT("a"),    SLICE_LIT("a\0"),
        SLICE_LIT("aa"), SLICE_LIT("ab"), SLICE_LIT("\x7f"), SLICE_LIT("\x80"), SLICE_LIT("\xff"),
    };
    const size_t count = sizeof ordered / sizeof ordered[0];

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(slice_compare(ordered[i], ordered[i]), 0);
        for (size_t k = i + 1; k < count; k++) {
            assert_true(slice_compare(ordered[i], ordered[k]) < 0);
            assert_true(slice_compare(ordered[k], ordered[i]) > 0);
        }
    }
    assert_int_equal(slice_compare(ABSENT, SLICE_LIT("")), 0);
    assert_true(slice_compare(ABSENT, SLICE_LIT("a")) < 0);
}

static void every_slice_starts_with_nothing_and_with_itself(void **state)
{
    assert_true(slice_starts_with(SLICE_LIT("abc"), SLICE_LIT("")));
    assert_true(slice_starts_with(SLICE_LIT("abc"), ABSENT));
    assert_true(slice_starts_with(ABSENT, ABSENT));
    assert_true(slice_starts_with(SLICE_LIT("abc"), SLICE_LIT("abc")));
    assert_true(slice_starts_with(SLICE_LIT("abc"), SLICE_LIT("ab")));
    assert_false(slice_starts_with(SLICE_LIT("abc"), SLICE_LIT("abcd")));
    assert_false(slice_starts_with(SLICE_LIT("abc"), SLICE_LIT("b")));
    assert_false(slice_starts_with(ABSENT, SLICE_LIT("a")));
}

static void a_part_runs_from_one_index_to_before_the_other(void **state)
{
    assert_true(slice_equal(slice_sub(SLICE_LIT("abcd"), 1, 3), SLICE_LIT("bc")));
    assert_int_equal(slice_sub(SLICE_LIT("abcd"), 4, 4).len, 0);
    assert_true(slice_equal(slice_sub(SLICE_LIT("abcd"), 0, 4), SLICE_LIT("abcd")));
}

static void printing_an_absent_slice_prints_nothing(void **state)
{
    char text[16];

    assert_int_equal(snprintf(text, sizeof text, "[%.*s]", SLICE_ARG(ABSENT)), 2);
    assert_string_equal(text, "[]");
    const struct slice two = slice_sub(SLICE_LIT("abcd"), 1, 3);

    assert_int_equal(snprintf(text, sizeof text, "[%.*s]", SLICE_ARG(two)), 4);
    assert_string_equal(text, "[bc]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slice_of_a_string_leaves_the_nul_out),
        cmocka_unit_test(a_null_string_is_absent),
        cmocka_unit_test(equal_means_the_same_bytes),
        cmocka_unit_test(the_order_is_by_unsigned_bytes_with_a_prefix_first),
        cmocka_unit_test(every_slice_starts_with_nothing_and_with_itself),
        cmocka_unit_test(a_part_runs_from_one_index_to_before_the_other),
        cmocka_unit_test(printing_an_absent_slice_prints_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
