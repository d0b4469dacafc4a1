/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every error code has one class, one name and one sentence, and no number stands for two.
 * Method: walk the list that the enum is made from, and ask the functions about each row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>

#include "proto/err.h"

struct row {
    int code;
    enum err_class class;
    const char *name;
    const char *text;
};

static const struct row ROWS[] = {
#define X(code, number, class, sentence) {(code), ERR_CLASS_##class, #code, (sentence)},
    ERR_MAP(X)
#undef X
};
enum {
    ROW_COUNT = sizeof ROWS / sizeof ROWS[0]
};

static void zero_is_not_an_error(void **state)
{
    assert_int_equal(err_class(0), ERR_CLASS_NONE);
    assert_string_equal(err_name(0), "OK");
    assert_string_equal(err_text(0), "done");
}

static void every_code_is_negative_and_has_a_class_that_says_what_to_do(void **state)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        assert_true(ROWS[i].code < 0);
        assert_int_equal(err_class(ROWS[i].code), ROWS[i].class);
        assert_int_not_equal(err_class(ROWS[i].code), ERR_CLASS_NONE);
    }
}

static void no_two_codes_share_a_number_or_a_sentence(void **state)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        for (size_t k = i + 1; k < ROW_COUNT; k++) {
            assert_int_not_equal(ROWS[i].code, ROWS[k].code);
            assert_string_not_equal(ROWS[i].text, ROWS[k].text);
        }
    }
}

static void a_code_is_named_as_it_is_written_in_the_source(void **state)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        assert_string_equal(err_name(ROWS[i].code), ROWS[i].name);
    assert_string_equal(err_name(ERR_TIMEOUT), "ERR_TIMEOUT");
}

static void a_sentence_starts_small_and_has_no_full_stop(void **state)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *text = err_text(ROWS[i].code);
        const size_t len = strlen(text);

        assert_true(len > 0);
        assert_true(text[0] >= 'a' && text[0] <= 'z');
        assert_true(text[len - 1] != '.');
    }
}

static void an_unlisted_number_is_fatal_never_harmless(void **state)
{
    const int unlisted[] = {1, 42, INT_MAX, INT_MIN, -9999};

    for (size_t i = 0; i < sizeof unlisted / sizeof unlisted[0]; i++) {
        assert_int_equal(err_class(unlisted[i]), ERR_CLASS_FATAL);
        assert_string_equal(err_name(unlisted[i]), "ERR_UNLISTED");
        assert_true(strlen(err_text(unlisted[i])) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_is_not_an_error),
        cmocka_unit_test(every_code_is_negative_and_has_a_class_that_says_what_to_do),
        cmocka_unit_test(no_two_codes_share_a_number_or_a_sentence),
        cmocka_unit_test(a_code_is_named_as_it_is_written_in_the_source),
        cmocka_unit_test(a_sentence_starts_small_and_has_no_full_stop),
        cmocka_unit_test(an_unlisted_number_is_fatal_never_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
