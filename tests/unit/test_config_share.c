/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a node's one budget of memory bounds all its queues together, however many streams it follows.
 * Method: the shares of some budgets and numbers of streams, added up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/config.h"

enum {
    MIB = 1 << 20,
    ENTRIES = 65536,
};

static struct config config_of(int64_t memory)
{
    return (struct config){.memory = memory, .merge_entries_max = ENTRIES};
}

static void all_shares_together_are_within_the_budget(void **state)
{
    const int64_t budgets[] = {40 * MIB, 100 * MIB, 1024LL * MIB};

    (void)state;
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        const struct config c = config_of(budgets[i]);
        for (uint32_t streams = 1; streams <= 10; streams++) {
            const struct config_share s = config_share(&c, streams);
            const uint64_t sum = s.write_bytes + streams * (s.merge_bytes + s.fetch_bytes);
            assert_true(sum <= (uint64_t)budgets[i]);
            assert_true(sum > (uint64_t)budgets[i] - 100); /* but for what division leaves */
        }
    }
}

static void no_task_gets_less_than_it_needs_to_go_on(void **state)
{
    const struct config c = config_of(40 * MIB);
    const struct config_share s = config_share(&c, 1000);

    (void)state;
    assert_int_equal(s.merge_bytes, MIB);
    assert_int_equal(s.fetch_bytes, MIB);
    assert_int_equal(s.merge_entries, 16384);
}

static void without_streams_the_shares_are_those_of_one(void **state)
{
    const struct config c = config_of(40 * MIB);

    (void)state;
    assert_int_equal(config_share(&c, 0).merge_bytes, config_share(&c, 1).merge_bytes);
    assert_int_equal(config_share(&c, 1).merge_entries, ENTRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_shares_together_are_within_the_budget),
        cmocka_unit_test(no_task_gets_less_than_it_needs_to_go_on),
        cmocka_unit_test(without_streams_the_shares_are_those_of_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
