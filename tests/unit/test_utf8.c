/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: exactly the byte strings of RFC 3629 are UTF-8.
 * Method: every number is encoded and must pass; the edges of what is forbidden, one by one; and
 *         a character cut short at each byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/utf8.h"

static size_t encode(uint32_t number, uint8_t *out)
{
    if (number < 0x80) {
        out[0] = (uint8_t)number;
        return 1;
    }
    if (number < 0x800) {
        out[0] = (uint8_t)(0xc0 | number >> 6);
        out[1] = (uint8_t)(0x80 | (number & 0x3f));
        return 2;
    }
    if (number < 0x10000) {
        out[0] = (uint8_t)(0xe0 | number >> 12);
        out[1] = (uint8_t)(0x80 | (number >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (number & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | number >> 18);
    out[1] = (uint8_t)(0x80 | (number >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (number >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (number & 0x3f));
    return 4;
}

static void every_character_passes_and_no_surrogate_does(void **state)
{
    for (uint32_t number = 0; number < 0x120000; number++) {
        uint8_t bytes[4];
        const size_t len = encode(number, bytes);
        const int is_good = number < 0xd800 || (number > 0xdfff && number < 0x110000);

        if (utf8_prefix(slice_of(bytes, len)) != (is_good ? len : 0))
            fail_msg("U+%04X", number);
    }
}

static void a_character_cut_short_is_none(void **state)
{
    const struct slice four = SLICE_LIT("\xf0\x9f\x98\x80");
    const struct slice three = SLICE_LIT("\xe2\x82\xac");

    for (size_t len = 0; len < four.len; len++)
        assert_int_equal(utf8_prefix(slice_sub(four, 0, len)), 0);
    for (size_t len = 0; len < three.len; len++)
        assert_int_equal(utf8_prefix(slice_sub(three, 0, len)), 0);
}

static void overlong_forms_are_none(void **state)
{
    assert_int_equal(utf8_prefix(SLICE_LIT("\xc0\x80")), 0);
    assert_int_equal(utf8_prefix(SLICE_LIT("\xc1\xbf")), 0);
    assert_int_equal(utf8_prefix(SLICE_LIT("\xe0\x80\x80")), 0);
    assert_int_equal(utf8_prefix(SLICE_LIT("\xe0\x9f\xbf")), 0);
    assert_int_equal(utf8_prefix(SLICE_LIT("\xf0\x8f\xbf\xbf")), 0);
}

static void bytes_that_begin_nothing_are_none(void **state)
{
    for (unsigned byte = 0x80; byte < 0x100; byte++) {
        const uint8_t bytes[4] = {(uint8_t)byte, 'a', 'a', 'a'};

        assert_int_equal(utf8_prefix(slice_of(bytes, 4)), 0);
        assert_int_equal(utf8_prefix(slice_of(bytes, 1)), 0);
    }
}

static void the_prefix_ends_where_the_first_fault_begins(void **state)
{
    assert_int_equal(utf8_prefix(SLICE_LIT("ab\xc3\xa9\x87z")), 4);
    assert_int_equal(utf8_prefix(SLICE_LIT("ab\xc3\xa9")), 4);
    assert_int_equal(utf8_prefix(SLICE_LIT("ab\xc3")), 2);
    assert_int_equal(utf8_prefix(SLICE_LIT("a\0b")), 3);
    assert_int_equal(utf8_prefix((struct slice){0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_passes_and_no_surrogate_does),
        cmocka_unit_test(a_character_cut_short_is_none),
        cmocka_unit_test(overlong_forms_are_none),
        cmocka_unit_test(bytes_that_begin_nothing_are_none),
        cmocka_unit_test(the_prefix_ends_where_the_first_fault_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
