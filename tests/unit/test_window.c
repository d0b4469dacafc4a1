/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: an id is found exactly while its number is one of the last N and not below the floor.
 * Method: small windows by hand; then 200,000 random pushes against a plain list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/window.h"
#include "proto/err.h"

static struct arena arena; /* The one fixture. */

static int setup(void **state)
{
    arena_init(&arena, 65536, (size_t)1 << 24);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(*state);
    return 0;
}

static void an_id_leaves_with_its_number(void **state)
{
    struct window w;

    (void)state;
    assert_int_equal(window_init(&w, 2, &arena), 0);
    window_push(&w, SLICE_LIT("a"));
    assert_true(window_find(&w, SLICE_LIT("a"), 0));
    window_push(&w, SLICE_LIT("b"));
    assert_true(window_find(&w, SLICE_LIT("a"), 0));
    window_push(&w, SLICE_LIT("c"));
    assert_false(window_find(&w, SLICE_LIT("a"), 0));
    assert_true(window_find(&w, SLICE_LIT("b"), 0));
    assert_true(window_find(&w, SLICE_LIT("c"), 0));
}

static void an_id_below_the_floor_does_not_count(void **state)
{
    struct window w;

    (void)state;
    assert_int_equal(window_init(&w, 10, &arena), 0);
    window_reset(&w, 100);
    window_push(&w, SLICE_LIT("a"));
    assert_true(window_find(&w, SLICE_LIT("a"), 100));
    assert_false(window_find(&w, SLICE_LIT("a"), 101));
}

static void a_record_without_an_id_takes_its_number(void **state)
{
    struct window w;

    (void)state;
    assert_int_equal(window_init(&w, 2, &arena), 0);
    window_push(&w, SLICE_LIT("a"));
    window_push(&w, (struct slice){0});
    assert_false(window_find(&w, (struct slice){0}, 0));
    window_push(&w, SLICE_LIT("b"));
    assert_false(window_find(&w, SLICE_LIT("a"), 0));
    assert_int_equal(w.next, 3);
}

static void an_id_longer_than_the_limit_is_never_found(void **state)
{
    struct window w;
    char id[WINDOW_ID_MAX + 1];

    (void)state;
    memset(id, 'x', sizeof id);
    assert_int_equal(window_init(&w, 4, &arena), 0);
    window_push(&w, slice_of(id, sizeof id));
    assert_false(window_find(&w, slice_of(id, sizeof id), 0));
    window_push(&w, slice_of(id, sizeof id - 1));
    assert_true(window_find(&w, slice_of(id, sizeof id - 1), 0));
}

static void the_same_id_twice_is_found_until_the_later_leaves(void **state)
{
    struct window w;

    (void)state;
    assert_int_equal(window_init(&w, 3, &arena), 0);
    window_push(&w, SLICE_LIT("a"));
    window_push(&w, SLICE_LIT("a"));
    window_push(&w, SLICE_LIT("b"));
    window_push(&w, SLICE_LIT("c"));
    assert_true(window_find(&w, SLICE_LIT("a"), 0));
    window_push(&w, SLICE_LIT("d"));
    assert_false(window_find(&w, SLICE_LIT("a"), 0));
}

static void it_equals_a_plain_list(void **state)
{
    enum {
        IDS = 97,
        KINDS = 150,
        PUSHES = 200000
    };
    struct window w;
    int list[IDS] = {0}; /* the last IDS ids */
    unsigned seed = 7;

    (void)state;
    assert_int_equal(window_init(&w, IDS, &arena), 0);
    for (int i = 0; i < PUSHES; i++) {
        char text[16];
        const int kind = (int)(rand_r(&seed) % KINDS);
        const int len = snprintf(text, sizeof text, "id-%d", kind);
        const struct slice id = slice_of(text, (size_t)len);
        bool expected = false;
        for (int k = 0; k < IDS && k < i; k++)
            expected = expected || list[k] == kind;
        assert_int_equal(window_find(&w, id, 0), expected);
        window_push(&w, id);
        list[i % IDS] = kind;
    }
}

/* What `ids` ids take: all that the heap gave for them, slots, table and the arena's own heads. */
static double bytes_an_id(uint64_t ids)
{
    struct window w;
    struct arena own;

    arena_init(&own, 4096, (size_t)1 << 30);
    assert_int_equal(window_init(&w, ids, &own), 0);
    const double bytes = (double)own.bytes_held / (double)ids;
    arena_deinit(&own);
    return bytes;
}

static void memory_is_64_bytes_an_id_at_most(void **state)
{
    /* The second is just too many for its table, which is then twice as large: the worst there is. */
    const uint64_t sizes[] = {10000, 196609, 200000, 1000000, WINDOW_IDS_MAX};
    struct window w;
    struct arena own;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const double bytes = bytes_an_id(sizes[i]);
        print_message("a window of %llu ids takes %.1f bytes an id\n", (unsigned long long)sizes[i],
                      bytes);
        assert_true(bytes <= 64);
    }
    arena_init(&own, 4096, 8192);
    assert_int_equal(window_init(&w, 200000, &own), ERR_NO_MEMORY);
    arena_deinit(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_leaves_with_its_number),
        cmocka_unit_test(an_id_below_the_floor_does_not_count),
        cmocka_unit_test(a_record_without_an_id_takes_its_number),
        cmocka_unit_test(an_id_longer_than_the_limit_is_never_found),
        cmocka_unit_test(the_same_id_twice_is_found_until_the_later_leaves),
        cmocka_unit_test(it_equals_a_plain_list),
        cmocka_unit_test(memory_is_64_bytes_an_id_at_most),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
