/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every reason has one word fit for a header and a metric's label, and a sentence.
 * Method: walk the list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "proto/enrich_page.h"

static void every_reason_has_a_word_of_its_own_and_a_sentence(void **state)
{
    for (enum reason i = 1; i < REASON_COUNT; i++) {
        const char *word = reason_word(i);
        assert_int_not_equal(reason_class(i), REASON_CLASS_NONE);
        assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz_1"), strlen(word));
        assert_in_range(strlen(word), 1, ENRICH_STATUS_MAX - sizeof "withheld:");
        assert_true(strlen(reason_text(i)) > 10);
        for (enum reason k = 0; k < i; k++)
            assert_string_not_equal(word, reason_word(k));
    }
    assert_int_equal(reason_class(REASON_NONE), REASON_CLASS_NONE);
    assert_string_equal(reason_word(REASON_NONE), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_word_of_its_own_and_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
