/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what was lost, came twice or out of order is counted, and nothing else is.
 * Method: records' headers by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/tally.h"

static const struct slice DCS[TALLY_DCS] = {{(const uint8_t *)"eqiad", 5},
                                            {(const uint8_t *)"codfw", 5}};

static struct braid_headers record(int d, uint32_t partition, int64_t offset)
{
    return (struct braid_headers){
        .has_origin = true,
        .origin = {.from = {.dc = DCS[d], .partition = partition},
                   .prev = offset - 1,
                   .offset = offset},
        .status = STATUS_OK,
    };
}

static void add(struct tally *t, int d, uint32_t partition, int64_t offset)
{
    const struct braid_headers h = record(d, partition, offset);

    tally_add(t, &h, false);
}

static int set_up(void **state)
{
    static struct tally tally;
    static struct arena arena;

    arena_deinit(&arena);
    arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(tally_init(&tally, DCS, 2, 100, &arena), 0);
    *state = &tally;
    return 0;
}

static void each_offset_counts_once(void **state)
{
    struct tally *t = *state;

    for (int d = 0; d < TALLY_DCS; d++)
        for (uint32_t p = 0; p < 2; p++)
            for (int64_t o = 0; o < 100; o++)
                add(t, d, p, o);
    assert_int_equal(t->distinct, 400);
    assert_int_equal(t->duplicated + t->reordered + t->unknown + t->not_ok, 0);
}

static void a_second_one_is_a_duplicate(void **state)
{
    struct tally *t = *state;

    add(t, 0, 0, 7);
    add(t, 1, 0, 7);
    add(t, 0, 0, 7);
    assert_int_equal(t->distinct, 2);
    assert_int_equal(t->duplicated, 1);
}

static void a_smaller_one_after_a_larger_one_is_out_of_order(void **state)
{
    struct tally *t = *state;

    add(t, 0, 1, 5);
    add(t, 0, 1, 4);
    add(t, 0, 0, 3); /* another partition */
    assert_int_equal(t->reordered, 1);
    assert_int_equal(t->distinct, 3);
}

static void what_was_never_sent_is_unknown(void **state)
{
    struct tally *t = *state;
    struct braid_headers h = record(0, 0, 1);

    add(t, 0, 0, 100);
    add(t, 0, 2, 1);
    h.origin.from.dc = SLICE_LIT("esams");
    tally_add(t, &h, false);
    h.has_origin = false;
    tally_add(t, &h, false);
    assert_int_equal(t->unknown, 4);
    assert_int_equal(t->distinct, 0);
}

static void a_gap_stands_for_all_of_its_offsets(void **state)
{
    struct tally *t = *state;
    struct braid_headers h = record(0, 0, 9);

    h.origin.prev = 4;
    h.status = STATUS_GAP;
    tally_add(t, &h, false);
    assert_int_equal(t->distinct, 5);
    assert_int_equal(t->not_ok, 1);
}

static void a_number_that_is_not_the_next_is_a_fault(void **state)
{
    struct tally *t = *state;
    struct braid_headers h = record(0, 0, 0);
    static const char *const NUMBERS[] = {"0", "1", "3", "4", "x"};

    for (int i = 0; i < 5; i++) {
        h.origin.offset = i;
        h.raw[HEADER_SEQ] = slice_str(NUMBERS[i]);
        tally_add(t, &h, true);
    }
    assert_int_equal(t->seq_faults, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_offset_counts_once, set_up),
        cmocka_unit_test_setup(a_second_one_is_a_duplicate, set_up),
        cmocka_unit_test_setup(a_smaller_one_after_a_larger_one_is_out_of_order, set_up),
        cmocka_unit_test_setup(what_was_never_sent_is_unknown, set_up),
        cmocka_unit_test_setup(a_gap_stands_for_all_of_its_offsets, set_up),
        cmocka_unit_test_setup(a_number_that_is_not_the_next_is_a_fault, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
