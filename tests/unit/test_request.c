/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a retry and a backfill say what they are for, and nobody else's headers do.
 * Method: each topic with each header, sound and broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "coord/request.h"

#define OUTPUT SLICE_LIT("out.v1")

static struct request read_one(const char *topic, const char *name, const char *value)
{
    const struct header headers[] = {{SLICE_LIT("x"), SLICE_LIT("y")},
                                     {slice_str(name), slice_str(value)}};

    return request_read(slice_str(topic), OUTPUT, headers, 2);
}

static void a_retry_has_a_number_and_a_source(void **state)
{
    (void)state;
    assert_int_equal(read_one("braid.retry.out.v1", "braid-retry", "12").retry, 12);
    assert_true(slice_equal(read_one("braid.retry.out.v1", "braid-source", "a.v1").source,
                            SLICE_LIT("a.v1")));
    assert_true(read_one("braid.retry.out.v1", "x", "y").is_from_operator);
}

static void a_number_that_makes_no_sense_is_none(void **state)
{
    static const char *const TEXTS[] = {"",       "-1", "x", "1x", "01", "99999999999999999999",
                                        "1000001"};

    (void)state;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
        assert_int_equal(read_one("braid.retry.out.v1", "braid-retry", TEXTS[i]).retry, 0);
}

static void a_backfill_is_for_the_stream_that_it_names(void **state)
{
    struct request r = read_one("braid.backfill.a.v1", "braid-backfill", "out.v1");

    (void)state;
    assert_false(r.is_for_another);
    assert_true(slice_equal(r.source, SLICE_LIT("a.v1")));
    assert_true(read_one("braid.backfill.a.v1", "braid-backfill", "other.v1").is_for_another);
    assert_true(read_one("braid.backfill.a.v1", "x", "y").is_for_another);
}

static void on_any_other_topic_these_headers_mean_nothing(void **state)
{
    struct request r = read_one("a.v1", "braid-retry", "3");

    (void)state;
    assert_int_equal(r.retry, 0);
    assert_true(slice_equal(r.source, SLICE_LIT("a.v1")));
    assert_false(read_one("a.v1", "braid-backfill", "other.v1").is_for_another);
    assert_false(r.is_from_operator);
}

static void the_id_of_a_retry_has_its_number(void **state)
{
    uint8_t out[BRAID_ID_MAX];
    char longest[BRAID_ID_MAX + 1];

    (void)state;
    assert_true(slice_equal(request_id(SLICE_LIT("abc"), 7, out), SLICE_LIT("abc#7")));
    assert_true(slice_equal(request_id(SLICE_LIT("abc"), 0, out), SLICE_LIT("abc")));
    assert_null(request_id((struct slice){0}, 7, out).ptr);
    memset(longest, 'i', sizeof(longest));
    assert_int_equal(request_id(slice_of(longest, BRAID_ID_MAX), 0, out).len, BRAID_ID_MAX);
    assert_int_equal(request_id(slice_of(longest, BRAID_ID_MAX - 2), 7, out).len, BRAID_ID_MAX);
    assert_null(request_id(slice_of(longest, BRAID_ID_MAX - 1), 7, out).ptr);
    assert_null(request_id(slice_of(longest, BRAID_ID_MAX + 1), 0, out).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retry_has_a_number_and_a_source),
        cmocka_unit_test(a_number_that_makes_no_sense_is_none),
        cmocka_unit_test(a_backfill_is_for_the_stream_that_it_names),
        cmocka_unit_test(on_any_other_topic_these_headers_mean_nothing),
        cmocka_unit_test(the_id_of_a_retry_has_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
