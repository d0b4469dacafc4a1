/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a chain is brought forward only to what is proved to have been committed.
 * Method: what two DCs' logs of cuts have, against etcd's head.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coord/ctl/recover.h"

static const struct recover_cut HEAD = {.is_known = true, .number = 7, .hash = 70};

static struct recover_log log_of(uint64_t newest, uint64_t hash)
{
    return (struct recover_log){
        .newest = {.is_known = true, .number = newest, .hash = hash},
        .at_head = HEAD,
    };
}

static enum recover_verdict choose(const struct recover_log logs[2], size_t *out_which)
{
    return recover_choose(logs, 2, &HEAD, out_which);
}

static void the_longest_log_wins(void **state)
{
    const struct recover_log logs[] = {log_of(9, 90), log_of(12, 120)};
    size_t which = 0;

    (void)state;
    assert_int_equal(choose(logs, &which), RECOVER_FORWARD);
    assert_int_equal(which, 1);
}

static void nothing_is_put_where_etcd_has_all(void **state)
{
    const struct recover_log logs[] = {log_of(7, 70), {.newest = {0}}};
    size_t which = 0;

    (void)state;
    assert_int_equal(choose(logs, &which), RECOVER_AS_IT_IS);
}

static void a_log_that_differs_at_the_head_is_a_fork(void **state)
{
    struct recover_log logs[] = {log_of(9, 90), log_of(12, 120)};
    size_t which = 0;

    (void)state;
    logs[1].at_head.hash = 71;
    assert_int_equal(choose(logs, &which), RECOVER_FORKED);
    assert_int_equal(which, 1);
}

static void two_logs_that_end_in_different_cuts_are_a_fork(void **state)
{
    const struct recover_log logs[] = {log_of(9, 90), log_of(9, 91)};
    size_t which = 0;

    (void)state;
    assert_int_equal(choose(logs, &which), RECOVER_FORKED);
}

static void what_was_emitted_must_be_logged(void **state)
{
    struct recover_log logs[] = {log_of(9, 90), log_of(8, 80)};
    size_t which = 0;

    (void)state;
    logs[1].emitted = 10;
    assert_int_equal(choose(logs, &which), RECOVER_EMITTED);
    assert_int_equal(which, 1);
}

static void another_era_is_not_this_chain(void **state)
{
    struct recover_log logs[] = {log_of(9, 90), log_of(12, 120)};
    size_t which = 0;

    (void)state;
    logs[0].newest.era = 1;
    assert_int_equal(choose(logs, &which), RECOVER_ERA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_log_wins),
        cmocka_unit_test(nothing_is_put_where_etcd_has_all),
        cmocka_unit_test(a_log_that_differs_at_the_head_is_a_fork),
        cmocka_unit_test(two_logs_that_end_in_different_cuts_are_a_fork),
        cmocka_unit_test(what_was_emitted_must_be_logged),
        cmocka_unit_test(another_era_is_not_this_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
