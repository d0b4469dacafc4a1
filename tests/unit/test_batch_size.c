/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a record is as large as Kafka says it is, to the byte.
 * Method: records whose bytes the format (KIP-98) lets one count by hand; tests/integration has the
 * same at the limit of a real topic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/batch_size.h"

static const uint8_t zeros[70000];

/* 61 of the batch, then the record: its length, attributes, two deltas, key, value, headers. */
static void an_empty_record_is_the_frame_alone(void **state)
{
    (void)state;
    assert_int_equal(batch_size((struct slice){0}, (struct slice){0}, NULL, 0), 61 + 1 + 3 + 3);
    assert_int_equal(batch_size(SLICE_LIT(""), SLICE_LIT(""), NULL, 0), 61 + 1 + 3 + 3);
}

static void lengths_take_a_byte_more_at_64_and_8192(void **state)
{
    (void)state;
    const struct slice none = {0};

    assert_int_equal(batch_size(none, slice_of(zeros, 57), NULL, 0), 61 + 1 + 3 + 1 + 58 + 1);
    assert_int_equal(batch_size(none, slice_of(zeros, 58), NULL, 0), 61 + 2 + 3 + 1 + 59 + 1);
    assert_int_equal(batch_size(none, slice_of(zeros, 63), NULL, 0), 61 + 2 + 3 + 1 + 64 + 1);
    assert_int_equal(batch_size(none, slice_of(zeros, 64), NULL, 0), 61 + 2 + 3 + 1 + 66 + 1);
    assert_int_equal(batch_size(none, slice_of(zeros, 8191), NULL, 0), 61 + 3 + 3 + 1 + 8193 + 1);
    assert_int_equal(batch_size(none, slice_of(zeros, 8192), NULL, 0), 61 + 3 + 3 + 1 + 8195 + 1);
}

static void headers_count_with_their_names_and_nulls(void **state)
{
    (void)state;
    const struct header headers[] = {
        {SLICE_LIT("braid-status"), SLICE_LIT("ok")},
        {SLICE_LIT("n"), {0}},
        {SLICE_LIT(""), SLICE_LIT("")},
    };

    assert_int_equal(batch_size(SLICE_LIT("k"), SLICE_LIT("vv"), headers, 3),
                     61 + 1 + 3 + 2 + 3 + 1 + (13 + 3) + (2 + 1) + (1 + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_record_is_the_frame_alone),
        cmocka_unit_test(lengths_take_a_byte_more_at_64_and_8192),
        cmocka_unit_test(headers_count_with_their_names_and_nulls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
