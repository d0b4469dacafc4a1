/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a time comes back from its text; what is no time is refused.
 * Method: written times over all years; forms that others write; a table of what is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/err.h"
#include "proto/time_text.h"

static void what_is_written_is_read_back(void **state)
{
    char text[TIME_TEXT_LEN];
    int64_t back = 0;

    (void)state;
    /* a step that meets all months, leap days and milliseconds */
    for (int64_t ms = -62167219200000; ms <= 253402300799999; ms += 9876543219) {
        time_text(ms, text);
        assert_int_equal(time_parse(slice_of(text, sizeof(text)), &back), 0);
        assert_true(back == ms);
    }
}

static void other_forms_are_read(void **state)
{
    static const char *const SAME[] = {
        "2026-01-02T03:04:05Z",          "2026-01-02T03:04:05.0Z",    "2026-01-02T04:04:05+01:00",
        "2026-01-01T23:34:05.000-03:30", "2026-01-02T03:04:05.0009Z",
    };
    int64_t ms = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(SAME) / sizeof(SAME[0]); i++) {
        assert_int_equal(time_parse(slice_str(SAME[i]), &ms), 0);
        assert_true(ms == 1767323045000);
    }
    assert_int_equal(time_parse(SLICE_LIT("2026-01-02T03:04:05.67Z"), &ms), 0);
    assert_true(ms == 1767323045670);
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const NONE[] = {
        "",
        "2026",
        "2026-01-02",
        "2026-13-02T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2026-02-30T03:04:05Z",
        "2026-01-02T24:04:05Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05Zx",
        "2026-01-02T03:04:05+1:00",
        "2026-01-02 03:04:05Z",
        "x026-01-02T03:04:05Z",
    };
    int64_t ms = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++)
        assert_int_equal(time_parse(slice_str(NONE[i]), &ms), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(other_forms_are_read),
        cmocka_unit_test(what_is_no_time_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
