/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: an arena gives out memory that stays where it is, never exceeds its limit, and after a
 *       reset needs nothing from the heap for the same work.
 * Method: small blocks, so that a few allocations cross from one to the next; ASan watches the
 *         edges of what was given out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>

#include "proto/arena.h"

enum {
    BLOCK_BYTES = 256,
    BYTES_MAX = 1024
};

static int setup(void **state)
{
    static struct arena arena; /* The one fixture. */

    arena_init(&arena, BLOCK_BYTES, BYTES_MAX);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(*state);
    return 0;
}

static void a_new_arena_takes_nothing_from_the_heap(void **state)
{
    const struct arena *a = *state;

    assert_int_equal(a->bytes_held, 0);
    assert_int_equal(a->bytes_used, 0);
}

static void deinit_accepts_a_zeroed_arena(void **state)
{
    struct arena zeroed = {0};

    arena_deinit(&zeroed);
    arena_deinit(&zeroed);
    assert_int_equal(zeroed.bytes_held, 0);
}

static void what_was_given_out_is_aligned_and_stays_where_it_is(void **state)
{
    struct arena *a = *state;
    unsigned char *pieces[20];

    for (size_t i = 0; i < 20; i++) {
        pieces[i] = arena_alloc(a, 1 + i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        memset(pieces[i], (int)i, 1 + i);
    }
    for (size_t i = 0; i < 20; i++) {
        for (size_t k = 0; k <= i; k++)
            assert_int_equal(pieces[i][k], i);
    }
}

static void an_allocation_of_nothing_is_a_pointer_of_its_own(void **state)
{
    struct arena *a = *state;
    const void *one = arena_alloc(a, 0);
    const void *other = arena_alloc(a, 0);

    assert_non_null(one);
    assert_non_null(other);
    assert_ptr_not_equal(one, other);
}

static void a_piece_larger_than_a_block_gets_a_block_of_its_own(void **state)
{
    struct arena *a = *state;
    void *small = arena_alloc(a, 8);
    void *large = arena_alloc(a, 600);

    assert_non_null(small);
    assert_non_null(large);
    memset(large, 1, 600);
    assert_true(a->bytes_held <= BYTES_MAX);
}

static void the_limit_is_an_answer_not_a_crash(void **state)
{
    struct arena *a = *state;
    size_t count = 0;

    while (count < 1000 && arena_alloc(a, 100) != NULL)
        count++;
    assert_in_range(count, 4, 10);
    assert_true(a->bytes_held <= BYTES_MAX);
    assert_null(arena_alloc(a, 100));
}

static void a_refused_piece_leaves_room_for_a_smaller_one(void **state)
{
    struct arena *a = *state;

    assert_null(arena_alloc(a, BYTES_MAX + 1));
    assert_non_null(arena_alloc(a, 10));
}

static void sizes_near_the_largest_number_are_refused(void **state)
{
    struct arena *a = *state;

    assert_null(arena_alloc(a, SIZE_MAX));
    assert_null(arena_alloc(a, SIZE_MAX - 7));
    assert_null(arena_calloc(a, SIZE_MAX / 2, 4));
    assert_null(arena_calloc(a, SIZE_MAX, SIZE_MAX));
    assert_int_equal(a->bytes_held, 0);
}

static void a_limit_near_the_largest_number_does_not_wrap_around(void **state)
{
    struct arena a;

    arena_init(&a, BLOCK_BYTES, SIZE_MAX);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 1));
    assert_non_null(arena_alloc(&a, 16));
    arena_deinit(&a);
}

static void a_reset_gives_all_of_it_back_without_the_heap(void **state)
{
    struct arena *a = *state;

    while (arena_alloc(a, 60) != NULL)
        ;
    const size_t held = a->bytes_held;
    const size_t used = a->bytes_used;

    for (size_t round = 0; round < 5; round++) {
        arena_reset(a);
        assert_int_equal(a->bytes_used, 0);
        assert_int_equal(a->bytes_held, held);
        while (arena_alloc(a, 60) != NULL)
            ;
        assert_int_equal(a->bytes_used, used);
        assert_int_equal(a->bytes_held, held);
    }
}

static void calloc_zeroes_what_was_used_before(void **state)
{
    struct arena *a = *state;

    memset(arena_alloc(a, 64), 0xff, 64);
    arena_reset(a);

    const unsigned char *zeroed = arena_calloc(a, 8, 8);

    assert_non_null(zeroed);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(zeroed[i], 0);
    assert_non_null(arena_calloc(a, 0, 8));
    assert_non_null(arena_calloc(a, 8, 0));
}

static void a_copy_has_the_same_bytes_elsewhere(void **state)
{
    struct arena *a = *state;
    char original[] = "a\0b";
    const struct slice copy = arena_copy(a, slice_of(original, 3));

    memset(original, 'x', sizeof original);
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.ptr, "a\0b", 3);
}

static void a_copy_of_nothing_is_empty_and_not_absent(void **state)
{
    struct arena *a = *state;
    const struct slice copy = arena_copy(a, (struct slice){0});

    assert_int_equal(copy.len, 0);
    assert_non_null(copy.ptr);
}

static void a_copy_without_room_is_absent(void **state)
{
    struct arena *a = *state;
    static const uint8_t LARGE[BYTES_MAX + 1];
    const struct slice copy = arena_copy(a, slice_of(LARGE, sizeof LARGE));

    assert_null(copy.ptr);
    assert_int_equal(copy.len, 0);
}

static void a_string_ends_with_a_nul_whatever_it_holds(void **state)
{
    struct arena *a = *state;

    assert_string_equal(arena_strdup(a, SLICE_LIT("text")), "text");
    assert_string_equal(arena_strdup(a, (struct slice){0}), "");

    static const uint8_t LARGE[BYTES_MAX];

    assert_null(arena_strdup(a, slice_of(LARGE, sizeof LARGE)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_arena_takes_nothing_from_the_heap, setup, teardown),
        cmocka_unit_test(deinit_accepts_a_zeroed_arena),
        cmocka_unit_test_setup_teardown(what_was_given_out_is_aligned_and_stays_where_it_is, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_allocation_of_nothing_is_a_pointer_of_its_own, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_piece_larger_than_a_block_gets_a_block_of_its_own, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_limit_is_an_answer_not_a_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_piece_leaves_room_for_a_smaller_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(sizes_near_the_largest_number_are_refused, setup, teardown),
        cmocka_unit_test(a_limit_near_the_largest_number_does_not_wrap_around),
        cmocka_unit_test_setup_teardown(a_reset_gives_all_of_it_back_without_the_heap, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(calloc_zeroes_what_was_used_before, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_has_the_same_bytes_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_of_nothing_is_empty_and_not_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_without_room_is_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_string_ends_with_a_nul_whatever_it_holds, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
