/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what a line saves is what the next run reads, and nothing else is taken for it.
 * Method: round trips at the edges, then texts that are damaged in one way each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/place.h"
#include "proto/err.h"

static void check_round_trip(const struct line_place *in, const struct line_place *out,
                             uint32_t count)
{
    char text[PLACE_TEXT_MAX];
    struct line_place in_again = {0};
    struct line_place out_again = {0};

    const size_t len = place_format(0xfeedULL, count, in, out, text);
    assert_true(len <= PLACE_TEXT_MAX);
    assert_int_equal(place_parse(slice_of(text, len), 0xfeedULL, count, &in_again, &out_again), 0);
    assert_int_equal(in_again.valid, in->valid);
    assert_int_equal(out_again.valid, out->valid);
    if (in->valid)
        assert_int_equal(in_again.epoch, in->epoch);
    if (out->valid)
        assert_int_equal(out_again.epoch, out->epoch);
    for (uint32_t i = 0; i < count; i++) {
        if (in->valid)
            assert_int_equal(in_again.last[i], in->last[i]);
        if (out->valid)
            assert_int_equal(out_again.last[i], out->last[i]);
    }
}

static void places_come_back_as_they_were_saved(void **state)
{
    (void)state;
    const struct line_place none = {0};
    struct line_place in = {
        .valid = true, .log_offset = 12, .epoch = 7, .last = {-1, 5, LINE_START_ANY}};
    struct line_place out = {.valid = true, .log_offset = 0, .epoch = -1, .last = {7, -1, 3}};

    check_round_trip(&in, &out, 3);
    check_round_trip(&none, &out, 1);
    check_round_trip(&none, &none, 1);
}

static void the_largest_place_fits_into_a_commit(void **state)
{
    (void)state;
    struct line_place big = {.valid = true, .log_offset = 999999999999999999, .epoch = INT32_MAX};

    for (uint32_t i = 0; i < LINE_STRANDS_MAX; i++)
        big.last[i] = 999999999999999999;
    check_round_trip(&big, &big, LINE_STRANDS_MAX);
}

static void a_place_of_other_strands_is_not_taken(void **state)
{
    (void)state;
    const struct line_place p = {.valid = true, .log_offset = 1};
    struct line_place in;
    struct line_place out;
    char text[PLACE_TEXT_MAX];
    const size_t len = place_format(1, 1, &p, &p, text);

    assert_int_equal(place_parse(slice_of(text, len), 2, 1, &in, &out), ERR_CONFLICT);
}

static void the_hash_tells_strands_and_incarnations_apart(void **state)
{
    (void)state;
    struct line_config a = {.strand_count = 1, .by_dc = SLICE_LIT("eqiad")};
    a.strands[0] = (struct origin_partition){
        .dc = SLICE_LIT("eqiad"), .topic = SLICE_LIT("s"), .partition = 1};
    struct line_config b = a;
    struct line_config c = a;

    b.strands[0].partition = 2;
    c.by_incarnation = 1;
    assert_true(place_strands_hash(&a) == place_strands_hash(&a));
    assert_true(place_strands_hash(&a) != place_strands_hash(&b));
    assert_true(place_strands_hash(&a) != place_strands_hash(&c));
}

static void damaged_text_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        "1",
        "2 0000000000000001 1 1 0,0",
        "1 1 1 1 0,0",
        "1 000000000000000G 1 1 0,0",
        "1 0000000000000001 -5 1 0,0",
        "1 0000000000000001 1 x 0,0",
        "1 0000000000000001 1 1",
        "1 0000000000000001 1 1 0",
        "1 0000000000000001 1 1 0,",
        "1 0000000000000001 1 1 0,0,0",
        "1 0000000000000001 1 1 0,0 1,1",
        "1 0000000000000001 1@x 1 0,0",
        "1 0000000000000001 1 1@2147483648 0,0",
        "1 0000000000000001 1 1 -3,0",
        "1 0000000000000001 1 1 99999999999999999999,0",
    };
    struct line_place in = {.log_offset = 77};
    struct line_place out = {.log_offset = 78};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(place_parse(slice_str(bad[i]), 1, 1, &in, &out), ERR_MALFORMED);
    assert_int_equal(in.log_offset, 77);
    assert_int_equal(out.log_offset, 78);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_come_back_as_they_were_saved),
        cmocka_unit_test(the_largest_place_fits_into_a_commit),
        cmocka_unit_test(a_place_of_other_strands_is_not_taken),
        cmocka_unit_test(the_hash_tells_strands_and_incarnations_apart),
        cmocka_unit_test(damaged_text_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
