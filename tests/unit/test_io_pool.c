/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what records on their way need is taken from the heap once, not once a record.
 * Method: a pool used as a line uses it; what it took from the heap is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "node/io_pool.h"

enum {
    BLOCK = 300,
    UNDER_WAY = 128,
    RECORDS = 10000
};

static void records_on_their_way_take_no_more_from_the_heap_than_there_are_at_once(void **state)
{
    struct io_pool pool = {0};
    void *ring[UNDER_WAY] = {NULL};

    (void)state;
    for (uint32_t i = 0; i < RECORDS; i++) {
        void **slot = &ring[i % UNDER_WAY];
        if (*slot != NULL)
            assert_true(io_pool_give(&pool, *slot));
        *slot = io_pool_take(&pool, BLOCK);
        assert_non_null(*slot);
        memset(*slot, 0xff, BLOCK);
    }
    assert_int_equal(pool.heap_count, UNDER_WAY);
    for (uint32_t i = 0; i < UNDER_WAY; i++)
        assert_true(io_pool_give(&pool, ring[i]));
    io_pool_deinit(&pool, NULL);
}

static void a_new_block_is_zeros(void **state)
{
    struct io_pool pool = {0};
    const uint8_t *block = io_pool_take(&pool, BLOCK);

    (void)state;
    assert_non_null(block);
    for (uint32_t i = 0; i < BLOCK; i++)
        assert_int_equal(block[i], 0);
    io_pool_free((void *)(uintptr_t)block);
}

static void a_pool_keeps_a_bounded_number(void **state)
{
    static void *blocks[IO_POOL_KEPT_MAX + 1];
    struct io_pool pool = {0};

    (void)state;
    for (uint32_t i = 0; i <= IO_POOL_KEPT_MAX; i++) {
        blocks[i] = io_pool_take(&pool, BLOCK);
        assert_non_null(blocks[i]);
    }
    for (uint32_t i = 0; i < IO_POOL_KEPT_MAX; i++)
        assert_true(io_pool_give(&pool, blocks[i]));
    assert_false(io_pool_give(&pool, blocks[IO_POOL_KEPT_MAX]));
    io_pool_free(blocks[IO_POOL_KEPT_MAX]);
    io_pool_deinit(&pool, NULL);
    assert_int_equal(pool.kept, 0);
}

/* A block holds the address of a count. */
static void count_end(void *block)
{
    int **count = block;

    ++**count;
}

static void what_waits_is_ended_with_the_pool(void **state)
{
    struct io_pool pool = {0};
    int **block = io_pool_take(&pool, BLOCK);
    int ended = 0;

    (void)state;
    assert_non_null(block);
    *block = &ended;
    assert_true(io_pool_give(&pool, block));
    io_pool_deinit(&pool, count_end);
    assert_null(pool.first);
    assert_int_equal(ended, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_on_their_way_take_no_more_from_the_heap_than_there_are_at_once),
        cmocka_unit_test(a_new_block_is_zeros),
        cmocka_unit_test(a_pool_keeps_a_bounded_number),
        cmocka_unit_test(what_waits_is_ended_with_the_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
