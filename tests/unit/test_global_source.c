/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: read as a source, a record of another stream's output is named by its number.
 * Method: records with and without sound headers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/global_source.h"

static const struct header HEADERS[] = {
    {{(const uint8_t *)"braid-origin", 12}, {(const uint8_t *)"eqiad/t/0/0/4/5", 15}},
    {{(const uint8_t *)"braid-time", 10}, {(const uint8_t *)"1700", 4}},
    {{(const uint8_t *)"braid-id", 8}, {(const uint8_t *)"id#1", 4}},
    {{(const uint8_t *)"braid-status", 12}, {(const uint8_t *)"gap", 3}},
    {{(const uint8_t *)"braid-by", 8}, {(const uint8_t *)"eqiad/0", 7}},
    {{(const uint8_t *)"braid-seq", 9}, {(const uint8_t *)"7", 1}},
    {{(const uint8_t *)"braid-cut", 9}, {(const uint8_t *)"1.9", 3}},
    {{(const uint8_t *)"braid-chain", 11}, {(const uint8_t *)"00000000000000ab", 16}},
};
static const struct origin_partition FROM = {.dc = {(const uint8_t *)"global", 6},
                                             .topic = {(const uint8_t *)"x.v1", 4}};

static struct record record_of(size_t header_count)
{
    struct record r = {.log_offset = 20, .log_time_ms = 99};

    headers_parse(HEADERS, header_count, &r.braid);
    global_as_source(&FROM, &r);
    return r;
}

static void its_number_is_its_offset_and_the_one_before_comes_before(void **state)
{
    const struct record r = record_of(8);

    (void)state;
    assert_true(r.braid.has_origin);
    assert_true(origin_partition_equal(&r.braid.origin.from, &FROM));
    assert_int_equal(r.braid.origin.prev, 6);
    assert_int_equal(r.braid.origin.offset, 7);
    assert_int_equal(r.braid.time_ms, 99);
}

static void what_it_was_in_its_own_stream_does_not_count(void **state)
{
    const struct record r = record_of(8);

    (void)state;
    assert_int_equal(r.braid.status, STATUS_NONE);
    assert_false(r.braid.has_by);
    assert_true(slice_equal(global_source_id(HEADERS, 8), SLICE_LIT("id#1")));
    assert_null(global_source_id(HEADERS, 2).ptr);
}

static void without_a_sound_number_it_is_foreign(void **state)
{
    (void)state;
    assert_false(record_of(7).braid.has_origin);
    assert_false(record_of(0).braid.has_origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_number_is_its_offset_and_the_one_before_comes_before),
        cmocka_unit_test(what_it_was_in_its_own_stream_does_not_count),
        cmocka_unit_test(without_a_sound_number_it_is_foreign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
