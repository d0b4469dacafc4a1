/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a command changes what it NAMES and nothing else; a wrong one changes nothing.
 * Method: three sites, commands as text, then questions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/local/relay/faults.h"
#include "proto/err.h"

enum {
    EQIAD,
    CODFW,
    WITNESS
};

static struct faults three_sites(void)
{
    struct faults f = {.site_count = 0};

    assert_int_equal(faults_site(&f, SLICE_LIT("eqiad")), EQIAD);
    assert_int_equal(faults_site(&f, SLICE_LIT("codfw")), CODFW);
    assert_int_equal(faults_site(&f, SLICE_LIT("witness")), WITNESS);
    return f;
}

static void must(struct faults *f, const char *line)
{
    char answer[FAULTS_ANSWER_MAX];

    assert_int_equal(faults_command(f, slice_str(line), answer), 0);
}

static int cut_count(const struct faults *f)
{
    int count = 0;

    for (int from = 0; from < FAULTS_SITES_MAX; from++)
        for (int to = 0; to < FAULTS_SITES_MAX; to++)
            count += f->is_cut[from][to];
    return count;
}

static void a_site_named_again_keeps_its_number(void **state)
{
    struct faults f = three_sites();

    assert_int_equal(faults_site(&f, SLICE_LIT("codfw")), CODFW);
    assert_int_equal(f.site_count, 3);
}

static void there_are_at_most_eight_sites(void **state)
{
    struct faults f = {.site_count = 0};
    static const char NAMES[] = "abcdefgh";

    for (size_t i = 0; i < FAULTS_SITES_MAX; i++)
        assert_int_equal(faults_site(&f, slice_of(NAMES + i, 1)), (int)i);
    assert_int_equal(faults_site(&f, SLICE_LIT("i")), -1);
    assert_int_equal(faults_site(&f, SLICE_LIT("")), -1);
}

static void a_cut_is_of_both_directions_of_one_pair(void **state)
{
    struct faults f = three_sites();

    must(&f, "cut eqiad codfw");
    assert_true(f.is_cut[EQIAD][CODFW]);
    assert_true(f.is_cut[CODFW][EQIAD]);
    assert_int_equal(cut_count(&f), 2);
}

static void a_cut_from_all_others_leaves_the_others_joined(void **state)
{
    struct faults f = three_sites();

    must(&f, "cut eqiad *");
    assert_int_equal(cut_count(&f), 4);
    assert_false(f.is_cut[CODFW][WITNESS]);
    assert_false(faults_blocks_connect(&f, CODFW, WITNESS));
}

static void a_one_way_cut_keeps_new_connections_from_opening_both_ways(void **state)
{
    struct faults f = three_sites();

    must(&f, "cut-one-way eqiad codfw");
    assert_int_equal(cut_count(&f), 1);
    assert_true(f.is_cut[EQIAD][CODFW]);
    assert_true(faults_blocks_connect(&f, CODFW, EQIAD));
}

static void healing_a_pair_leaves_other_cuts(void **state)
{
    struct faults f = three_sites();

    must(&f, "cut eqiad *");
    must(&f, "heal eqiad codfw");
    assert_int_equal(cut_count(&f), 2);
    must(&f, "heal");
    assert_int_equal(cut_count(&f), 0);
}

static void latency_is_between_sites_and_never_inside_one(void **state)
{
    struct faults f = three_sites();

    must(&f, "latency 20");
    assert_int_equal(f.latency_ms[EQIAD][WITNESS], 20);
    assert_int_equal(f.latency_ms[EQIAD][EQIAD], 0);
    must(&f, "latency 5 codfw eqiad");
    assert_int_equal(f.latency_ms[EQIAD][CODFW], 5);
    assert_int_equal(f.latency_ms[CODFW][EQIAD], 5);
    assert_int_equal(f.latency_ms[CODFW][WITNESS], 20);
}

static void a_rule_is_used_as_often_as_it_says(void **state)
{
    struct faults f = three_sites();

    must(&f, "delay 1 250 2");
    assert_int_equal(faults_take(&f, "any", 0).kind, FAULT_NONE);
    assert_int_equal(faults_take(&f, "any", 1).delay_ms, 250);
    assert_int_equal(faults_take(&f, "any", 1).kind, FAULT_DELAY);
    assert_int_equal(faults_take(&f, "any", 1).kind, FAULT_NONE);
}

static void a_rule_for_a_link_spares_the_others(void **state)
{
    struct faults f = three_sites();

    must(&f, "drop-reply 26 1 kafka-eqiad-tap");
    assert_int_equal(faults_take(&f, "kafka-codfw-tap", 26).kind, FAULT_NONE);
    assert_int_equal(faults_take(&f, "kafka-eqiad-tap", 26).kind, FAULT_DROP_REPLY);
}

static void forgetting_ends_rules_but_no_cut(void **state)
{
    struct faults f = three_sites();

    must(&f, "cut eqiad codfw");
    must(&f, "drop 0 5");
    must(&f, "repeat 0 5");
    must(&f, "forget");
    assert_int_equal(faults_take(&f, "any", 0).kind, FAULT_NONE);
    assert_int_equal(cut_count(&f), 2);
}

static void a_wrong_command_is_refused_with_a_reason_and_changes_nothing(void **state)
{
    static const char *const LINES[] = {
        "",
        "   ",
        "cut",
        "cut eqiad",
        "cut eqiad eqiad",
        "cut * eqiad",
        "cut eqiad esams",
        "cut eqiad codfw witness",
        "cut-one-way",
        "heal eqiad",
        "latency",
        "latency -1",
        "latency 1x",
        "latency 600001",
        "latency 99999999999",
        "latency 5 eqiad",
        "delay 1 1",
        "delay 99999 1 1",
        "drop",
        "drop 1",
        "drop x 1",
        "drop 1 2 link more",
        "repeat 0 1 a-name-that-is-much-longer-than-any-link-may-have",
        "forget it",
        "explode",
        "a b c d e f g h i",
    };
    const struct faults before = three_sites();

    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        struct faults f = before;
        char answer[FAULTS_ANSWER_MAX];

        assert_int_equal(faults_command(&f, slice_str(LINES[i]), answer), ERR_MALFORMED);
        assert_true(strlen(answer) > 0);
        assert_memory_equal(&f, &before, sizeof f);
    }
}

static void more_rules_than_fit_are_refused(void **state)
{
    struct faults f = three_sites();
    char answer[FAULTS_ANSWER_MAX];

    for (size_t i = 0; i < FAULTS_RULES_MAX; i++)
        must(&f, "drop 1 1");
    assert_int_equal(faults_command(&f, SLICE_LIT("drop 1 1"), answer), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_site_named_again_keeps_its_number),
        cmocka_unit_test(there_are_at_most_eight_sites),
        cmocka_unit_test(a_cut_is_of_both_directions_of_one_pair),
        cmocka_unit_test(a_cut_from_all_others_leaves_the_others_joined),
        cmocka_unit_test(a_one_way_cut_keeps_new_connections_from_opening_both_ways),
        cmocka_unit_test(healing_a_pair_leaves_other_cuts),
        cmocka_unit_test(latency_is_between_sites_and_never_inside_one),
        cmocka_unit_test(a_rule_is_used_as_often_as_it_says),
        cmocka_unit_test(a_rule_for_a_link_spares_the_others),
        cmocka_unit_test(forgetting_ends_rules_but_no_cut),
        cmocka_unit_test(a_wrong_command_is_refused_with_a_reason_and_changes_nothing),
        cmocka_unit_test(more_rules_than_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
