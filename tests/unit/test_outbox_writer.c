/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what is written is JSON, and nothing is written past the buffer.
 * Method: small documents compared byte for byte; every size of buffer for one of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coord/writer.h"

static void assert_text(const struct writer *t, const char *expected)
{
    struct slice text = writer_slice(t);

    assert_non_null(text.ptr);
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static void write_document(struct writer *t)
{
    writer_open(t, '{');
    writer_member(t, "a", SLICE_LIT("x\n\t\"\\\x1f\xc3\xa9"));
    writer_member(t, "gone", (struct slice){0});
    writer_key(t, "b");
    writer_open(t, '{');
    writer_member_int(t, "n", -9007199254740991);
    writer_member_bool(t, "yes", true);
    writer_close(t, '}');
    writer_member_bool(t, "no", false);
    writer_close(t, '}');
}

static const char DOCUMENT[] = "{\"a\":\"x\\n\\t\\\"\\\\\\u001f\xc3\xa9\","
                               "\"b\":{\"n\":-9007199254740991,\"yes\":true},\"no\":false}";

static void members_have_commas_between_them_and_absent_ones_are_left_out(void **state)
{
    uint8_t bytes[256];
    struct writer t = writer_of(bytes, sizeof(bytes));

    write_document(&t);
    assert_text(&t, DOCUMENT);
}

static void an_empty_string_is_there(void **state)
{
    uint8_t bytes[64];
    struct writer t = writer_of(bytes, sizeof(bytes));

    writer_open(&t, '{');
    writer_member(&t, "comment", SLICE_LIT(""));
    writer_close(&t, '}');
    assert_text(&t, "{\"comment\":\"\"}");
}

static void what_does_not_fit_gives_nothing_and_touches_nothing(void **state)
{
    uint8_t bytes[sizeof(DOCUMENT) + 1];

    for (size_t len = 0; len < sizeof(DOCUMENT); len++) {
        struct writer t = writer_of(bytes, len);

        memset(bytes, '#', sizeof(bytes));
        write_document(&t);
        if (len < sizeof(DOCUMENT) - 1)
            assert_null(writer_slice(&t).ptr);
        else
            assert_text(&t, DOCUMENT);
        for (size_t i = len; i < sizeof(bytes); i++)
            assert_int_equal(bytes[i], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_have_commas_between_them_and_absent_ones_are_left_out),
        cmocka_unit_test(an_empty_string_is_there),
        cmocka_unit_test(what_does_not_fit_gives_nothing_and_touches_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
