/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a digest has the digits that MediaWiki gives it, in both spellings.
 * Method: known digests (the empty text, "abc", all zeros, all ones), and refusals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/err.h"
#include "proto/sha1.h"

static void check(struct slice text, const char *hex, const char *base36)
{
    uint8_t digest[SHA1_BYTES];
    uint8_t from_hex[SHA1_BYTES];
    uint8_t digits[SHA1_BASE36_LEN];

    assert_int_equal(sha1_of(text, digest), 0);
    assert_int_equal(sha1_from_hex(slice_str(hex), from_hex), 0);
    assert_memory_equal(digest, from_hex, SHA1_BYTES);
    base36_from_sha1(digest, digits);
    assert_memory_equal(digits, base36, SHA1_BASE36_LEN);
}

static void digests_have_the_digits_that_mediawiki_gives_them(void **state)
{
    /* phoiac9h4m842xq45sp7s6u21eteeq1 is rev_sha1 of every empty page there is */
    check(SLICE_LIT(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709",
          "phoiac9h4m842xq45sp7s6u21eteeq1");
    check(SLICE_LIT("abc"), "A9993E364706816ABA3E25717850C26C9CD0D89D",
          "jt72fo5t4yobf0qugwuczbwj07max7h");
}

static void one_text_after_another_has_the_digest_of_each(void **state)
{
    struct sha1 s = {0};
    uint8_t digest[SHA1_BYTES];
    uint8_t alone[SHA1_BYTES];
    const struct slice texts[] = {SLICE_LIT("abc"), SLICE_LIT(""), SLICE_LIT("abc")};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(sha1_next(&s, texts[i], digest), 0);
        assert_int_equal(sha1_of(texts[i], alone), 0);
        assert_memory_equal(digest, alone, SHA1_BYTES);
    }
    sha1_end(&s);
    sha1_end(&s);
    assert_null(s.context);
}

static void small_numbers_are_padded_and_the_largest_fits(void **state)
{
    uint8_t digest[SHA1_BYTES] = {0};
    uint8_t digits[SHA1_BASE36_LEN];

    base36_from_sha1(digest, digits);
    assert_memory_equal(digits, "0000000000000000000000000000000", SHA1_BASE36_LEN);
    digest[SHA1_BYTES - 1] = 36;
    base36_from_sha1(digest, digits);
    assert_memory_equal(digits, "0000000000000000000000000000010", SHA1_BASE36_LEN);
    memset(digest, 0xff, sizeof digest);
    base36_from_sha1(digest, digits);
    assert_memory_equal(digits, "twj4yidkw7a8pn4g709kzmfoaol3x8f", SHA1_BASE36_LEN);
}

static void what_is_not_40_hex_digits_is_refused(void **state)
{
    uint8_t digest[SHA1_BYTES] = {7};

    assert_int_equal(sha1_from_hex((struct slice){0}, digest), ERR_MALFORMED);
    assert_int_equal(sha1_from_hex(SLICE_LIT("da39"), digest), ERR_MALFORMED);
    assert_int_equal(sha1_from_hex(SLICE_LIT("ga39a3ee5e6b4b0d3255bfef95601890afd80709"), digest),
                     ERR_MALFORMED);
    assert_int_equal(sha1_from_hex(SLICE_LIT("da39a3ee5e6b4b0d3255bfef95601890afd8070 "), digest),
                     ERR_MALFORMED);
    assert_int_equal(sha1_from_hex(SLICE_LIT("da39a3ee5e6b4b0d3255bfef95601890afd807090"), digest),
                     ERR_MALFORMED);
    assert_int_equal(digest[0], 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_have_the_digits_that_mediawiki_gives_them),
        cmocka_unit_test(one_text_after_another_has_the_digest_of_each),
        cmocka_unit_test(small_numbers_are_padded_and_the_largest_fits),
        cmocka_unit_test(what_is_not_40_hex_digits_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
