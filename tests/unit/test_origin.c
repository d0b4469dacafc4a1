/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a braid-origin names exactly one source record, and nothing but what we write is one.
 * Method: round trips, and every way to break the text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/err.h"
#include "proto/origin.h"

static void what_is_written_is_read_back(void **state)
{
    static const char *const TEXTS[] = {
        "eqiad/mediawiki.page_change.v1/0/3/1041/1042",
        "codfw/a/7/0/-1/0",
        "x-1/A_b.c/4294967295/2147483647/-1/999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct origin o;
        char buf[ORIGIN_TEXT_MAX];
        assert_int_equal(origin_parse(slice_str(TEXTS[i]), &o), 0);
        const size_t len = origin_format(&o, buf);
        assert_int_equal(len, strlen(TEXTS[i]));
        assert_memory_equal(buf, TEXTS[i], len);
    }
}

static void anything_else_is_refused(void **state)
{
    static const char *const TEXTS[] = {
        "",
        "eqiad",
        "eqiad/t/0/0/-1",
        "eqiad/t/0/0/-1/0/",
        "eqiad/t/0/0/-1/0/1",
        "/t/0/0/-1/0",
        "eqiad//0/0/-1/0",
        "eqiad/t/00/0/-1/0",
        "eqiad/t/0/0/-2/0",
        "eqiad/t/0/0/-1/-1",
        "eqiad/t/0/0/5/5",
        "eqiad/t/0/0/6/5",
        "eqiad/t/0/2147483648/-1/0",
        "eqiad/t/4294967296/0/-1/0",
        "eqiad/t/0/0/-1/9999999999999999999",
        "eqiad/t/0/0/-1/ 1",
        "eqiad/t/0/0/-1/1\n",
        "eq iad/t/0/0/-1/1",
        "eqiad/t\xc3\xa9/0/0/-1/1",
        "a-name-of-a-data-centre-that-is-too-long/t/0/0/-1/1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct origin o = {.offset = 77};
        assert_int_equal(origin_parse(slice_str(TEXTS[i]), &o), ERR_MALFORMED);
        assert_int_equal(o.offset, 77);
    }
    struct origin o;
    assert_int_equal(origin_parse((struct slice){0}, &o), ERR_MALFORMED);
    assert_int_equal(origin_parse(SLICE_LIT("eqiad/t\0/0/0/-1/1"), &o), ERR_MALFORMED);
}

static void partitions_are_ordered_by_dc_topic_incarnation_partition(void **state)
{
    const struct origin_partition list[] = {
        {SLICE_LIT("codfw"), SLICE_LIT("t"), 9, 9},  {SLICE_LIT("eqiad"), SLICE_LIT("s"), 9, 9},
        {SLICE_LIT("eqiad"), SLICE_LIT("t"), 0, 9},  {SLICE_LIT("eqiad"), SLICE_LIT("t"), 1, 2},
        {SLICE_LIT("eqiad"), SLICE_LIT("t"), 1, 10},
    };

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 5; k++) {
            const int order = origin_partition_compare(&list[i], &list[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
            assert_int_equal(origin_partition_equal(&list[i], &list[k]), i == k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(partitions_are_ordered_by_dc_topic_incarnation_partition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
