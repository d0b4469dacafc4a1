/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a check-up says what is wrong and how to mend it, and leaves a line for what is good.
 * Method: snapshots by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "coord/ctl/doctor.h"

enum {
    NOW_MS = 1000000,
    DAY_S = 24 * 3600
};

struct fixture {
    struct arena arena;
    struct snapshot snap;
    struct doctor doctor;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 1 << 16, 64 << 20);
    assert_int_equal(snapshot_init(&f->snap, &f->arena), 0);
    f->doctor.arena = &f->arena;
    f->snap.now_ms = NOW_MS;
    f->snap.stream_count = 1;
    f->snap.streams[0].has_spec = true;
    f->snap.streams[0].output = SLICE_LIT("out.v1");
    f->snap.streams[0].report_count = 1;
    f->snap.streams[0].reports[0].dc = SLICE_LIT("eqiad");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    free(f);
    return 0;
}

static const struct doctor_line *last(const struct fixture *f)
{
    assert_true(f->doctor.count > 0);
    return &f->doctor.lines[f->doctor.count - 1];
}

static void nodes_of_two_versions_are_a_warning(void **state)
{
    struct fixture *f = *state;

    f->snap.nodes[0] = (struct snapshot_node){
        .dc = SLICE_LIT("eqiad"), .name = SLICE_LIT("n1"), .version = SLICE_LIT("1.0")};
    f->snap.nodes[1] = f->snap.nodes[0];
    f->snap.node_count = 2;
    doctor_check_versions(&f->doctor, &f->snap);
    assert_int_equal(last(f)->verdict, DOCTOR_GOOD);
    f->snap.nodes[1].version = SLICE_LIT("1.1");
    doctor_check_versions(&f->doctor, &f->snap);
    assert_int_equal(last(f)->verdict, DOCTOR_WARNING);
    assert_non_null(strstr(last(f)->what, "version 1.1"));
    assert_non_null(last(f)->fix);
    f->snap.nodes[1].version = SLICE_LIT("1.0");
    f->snap.nodes[1].rules_version_max = 2;
    doctor_check_versions(&f->doctor, &f->snap);
    assert_int_equal(f->doctor.warnings, 2);
}

static void a_node_that_does_not_know_the_rules_of_a_stream_is_bad(void **state)
{
    struct fixture *f = *state;

    f->snap.nodes[0] = (struct snapshot_node){
        .dc = SLICE_LIT("eqiad"), .name = SLICE_LIT("n1"), .rules_version_max = 1};
    f->snap.node_count = 1;
    f->snap.streams[0].has_cut = true;
    f->snap.streams[0].cut.params.rules_version = 1;
    doctor_check_versions(&f->doctor, &f->snap);
    assert_int_equal(f->doctor.bad, 0);
    f->snap.streams[0].cut.params.rules_version = 2;
    doctor_check_versions(&f->doctor, &f->snap);
    assert_int_equal(f->doctor.bad, 1);
}

static void what_may_not_be_done_has_the_command_that_allows_it(void **state)
{
    struct fixture *f = *state;
    const struct slice dc = SLICE_LIT("eqiad");

    doctor_check_access(&f->doctor, dc, "global.out.v1", 0);
    assert_int_equal(f->doctor.count, 0);
    doctor_check_access(&f->doctor, dc, "global.out.v1", DOCTOR_MAY_WRITE);
    assert_int_equal(last(f)->verdict, DOCTOR_BAD);
    assert_string_equal(last(f)->where, "global.out.v1 in eqiad");
    assert_string_equal(last(f)->what, "these credentials may not write it");
    assert_non_null(strstr(last(f)->fix, "--topic global.out.v1 --operation Write"));
    doctor_check_access(&f->doctor, dc, "global.out.v1", DOCTOR_MAY_READ | DOCTOR_MAY_WRITE);
    assert_non_null(strstr(last(f)->fix, "--operation Read --operation Write"));
}

static enum doctor_verdict clock_verdict(struct fixture *f, int64_t ahead_ms)
{
    f->snap.streams[0].reports[0].clock_ms = NOW_MS + ahead_ms;
    doctor_check_clocks(&f->doctor, &f->snap);
    return last(f)->verdict;
}

static void a_clock_that_is_off_is_told_from_a_report_that_is_old(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(clock_verdict(f, -900), DOCTOR_GOOD);
    assert_int_equal(clock_verdict(f, 400), DOCTOR_GOOD);
    assert_int_equal(clock_verdict(f, 5000), DOCTOR_WARNING);
    assert_non_null(strstr(last(f)->what, "5000 ms ahead of ours"));
    assert_int_equal(clock_verdict(f, -5000), DOCTOR_WARNING);
    assert_non_null(strstr(last(f)->what, "not known"));
    assert_int_equal(clock_verdict(f, 3600000), DOCTOR_BAD);
    assert_int_equal(clock_verdict(f, -3600000), DOCTOR_BAD);
}

static void a_dc_without_nodes_is_bad_and_one_with_one_is_a_warning(void **state)
{
    struct fixture *f = *state;

    f->snap.dc_count = 3;
    for (size_t i = 0; i < 3; i++)
        f->snap.dcs[i] = (struct snapshot_dc){.dc = SLICE_LIT("dc"), .nodes = i};
    doctor_check_nodes(&f->doctor, &f->snap);
    assert_int_equal(f->doctor.count, 3);
    assert_int_equal(f->doctor.bad, 1);
    assert_int_equal(f->doctor.warnings, 1);
}

static void a_certificate_warns_a_month_before_its_end(void **state)
{
    struct fixture *f = *state;

    doctor_check_certificate(&f->doctor, "a.pem", (int64_t)90 * DAY_S);
    assert_int_equal(last(f)->verdict, DOCTOR_GOOD);
    doctor_check_certificate(&f->doctor, "a.pem", (int64_t)29 * DAY_S);
    assert_int_equal(last(f)->verdict, DOCTOR_WARNING);
    doctor_check_certificate(&f->doctor, "a.pem", (int64_t)-2 * DAY_S);
    assert_int_equal(last(f)->verdict, DOCTOR_BAD);
    assert_string_equal(last(f)->what, "expired 2 days ago");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nodes_of_two_versions_are_a_warning),
        TEST(a_node_that_does_not_know_the_rules_of_a_stream_is_bad),
        TEST(what_may_not_be_done_has_the_command_that_allows_it),
        TEST(a_clock_that_is_off_is_told_from_a_report_that_is_old),
        TEST(a_dc_without_nodes_is_bad_and_one_with_one_is_a_warning),
        TEST(a_certificate_warns_a_month_before_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
