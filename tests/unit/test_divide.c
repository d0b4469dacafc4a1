/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: streams that share a limit have their shares by priority, and none can take another's.
 * Method: by hand; then random parts, held against what the header promises.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/divide.h"

static struct divide_part part(enum divide_weight weight, uint32_t wanted)
{
    return (struct divide_part){.weight = weight, .own_max = 32, .wanted = wanted};
}

static void who_wants_more_than_there_is_has_a_share_by_priority(void **state)
{
    struct divide_part parts[] = {part(DIVIDE_LOW, 100), part(DIVIDE_HIGH, 100),
                                  part(DIVIDE_NORMAL, 100)};

    (void)state;
    divide(parts, 3, 28);
    assert_int_equal(parts[0].granted, 4);
    assert_int_equal(parts[1].granted, 16);
    assert_int_equal(parts[2].granted, 8);
}

static void what_one_does_not_want_goes_to_those_who_do(void **state)
{
    struct divide_part parts[] = {part(DIVIDE_LOW, 100), part(DIVIDE_HIGH, 2),
                                  part(DIVIDE_NORMAL, 0)};

    (void)state;
    divide(parts, 3, 20);
    assert_int_equal(parts[0].granted, 17);
    assert_int_equal(parts[1].granted, 2);
    assert_int_equal(parts[2].granted, 1);
}

/* Its calls hang and it wants ever more: the others have what they have without it wanting more. */
static void a_broken_stream_delays_no_other(void **state)
{
    struct divide_part parts[] = {part(DIVIDE_NORMAL, 30), part(DIVIDE_NORMAL, 4096),
                                  part(DIVIDE_LOW, 3)};

    (void)state;
    divide(parts, 3, 20);
    assert_int_equal(parts[2].granted, 3);
    assert_true(parts[0].granted >= 8);
    parts[1].weight = DIVIDE_HIGH;
    divide(parts, 3, 20);
    assert_true(parts[0].granted >= 5);
    assert_true(parts[2].granted >= 2);
}

static void what_nobody_wants_is_spread(void **state)
{
    struct divide_part parts[] = {part(DIVIDE_NORMAL, 0), part(DIVIDE_NORMAL, 0)};

    (void)state;
    divide(parts, 2, 20);
    assert_int_equal(parts[0].granted, 10);
    assert_int_equal(parts[1].granted, 10);
    divide(parts, 2, 1000);
    assert_int_equal(parts[0].granted, 32);
    divide(parts, 2, 1);
    assert_int_equal(parts[0].granted, 1);
    assert_int_equal(parts[1].granted, 1);
    divide(parts, 0, 5);
}

static uint32_t below(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*seed >> 33) % n;
}

static void check(const struct divide_part *parts, size_t count, uint32_t total)
{
    uint32_t sum = 0;
    uint32_t weights = 0;

    for (size_t i = 0; i < count; i++) {
        sum += parts[i].granted;
        weights += (uint32_t)parts[i].weight;
        assert_true(parts[i].granted >= 1);
        assert_true(parts[i].granted <= parts[i].own_max);
    }
    assert_true(sum <= total || sum == count);
    for (size_t i = 0; i < count; i++) {
        const uint32_t max =
            parts[i].wanted < parts[i].own_max ? parts[i].wanted : parts[i].own_max;
        const uint32_t fair =
            total > count ? (total - (uint32_t)count) * (uint32_t)parts[i].weight / weights : 0;
        /* At least its share by weight of what is left when each has one, or what it wants. */
        assert_true(parts[i].granted >= (max < fair ? max : fair));
    }
}

static void random_parts_have_what_is_promised(void **state)
{
    static const enum divide_weight WEIGHTS[] = {DIVIDE_LOW, DIVIDE_NORMAL, DIVIDE_HIGH};
    struct divide_part parts[8];
    uint64_t seed = 7;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        const size_t count = 1 + below(&seed, 8);
        const uint32_t total = below(&seed, 80);
        for (size_t i = 0; i < count; i++)
            parts[i] = (struct divide_part){.weight = WEIGHTS[below(&seed, 3)],
                                            .own_max = 1 + below(&seed, 40),
                                            .wanted = below(&seed, 60)};
        divide(parts, count, total);
        check(parts, count, total);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_wants_more_than_there_is_has_a_share_by_priority),
        cmocka_unit_test(what_one_does_not_want_goes_to_those_who_do),
        cmocka_unit_test(a_broken_stream_delays_no_other),
        cmocka_unit_test(what_nobody_wants_is_spread),
        cmocka_unit_test(random_parts_have_what_is_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
