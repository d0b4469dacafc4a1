/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the report of braid-bench never says that a target was met which was missed or not measured,
 * and what a run left behind is taken over by the next run of the same kind only.
 * Method: points made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/io_state.h"
#include "bench/report.h"

static struct point point(void)
{
    return (struct point){
        .scenario = "enrich",
        .name = "a point",
        .events = 1000,
        .seconds = 2,
        .cpu_s = 0.04,
        .peak_rss_mb = 50,
        .requests = -1,
        .connections = -1,
        .floor_cpu_s_per_1000 = 0.04,
        .ratio_at_most = -1,
        .cpu_at_most = -1,
        .p50_at_most_ms = -1,
        .p99_at_most_ms = -1,
        .enriched_s = -1,
        .start_s = -1,
        .enriched_at_most_s = -1,
        .start_at_most_s = -1,
        .rss_at_most_mb = -1,
        .gap_max_ms = -1,
    };
}

static void a_point_without_targets_misses_none(void **state)
{
    const struct point p = point();

    (void)state;
    assert_false(point_has_target(&p));
    assert_true(point_is_met(&p));
}

static void each_target_can_be_missed(void **state)
{
    struct point p = point();

    (void)state;
    p.ratio_at_most = 1;
    assert_true(point_is_met(&p));
    p.ratio_at_most = 0.9;
    assert_false(point_is_met(&p));
    p = point();
    p.cpu_at_most = 0.03;
    assert_false(point_is_met(&p));
    p = point();
    p.rss_at_most_mb = 49;
    assert_false(point_is_met(&p));
    p = point();
    p.start_at_most_s = 2;
    p.start_s = 2.5;
    assert_false(point_is_met(&p));
    p = point();
    p.latency = (struct point_latency){.count = 1, .p50 = 10, .p99 = 600};
    p.p99_at_most_ms = 500;
    assert_false(point_is_met(&p));
}

static void what_was_not_measured_is_not_met(void **state)
{
    struct point p = point();

    (void)state;
    p.p50_at_most_ms = 250;
    assert_false(point_is_met(&p));
    p = point();
    p.enriched_at_most_s = 1;
    assert_false(point_is_met(&p));
    p = point();
    p.events = 0;
    p.cpu_at_most = 1;
    assert_false(point_is_met(&p));
}

static void the_tables_say_what_was_missed(void **state)
{
    struct bench_report *r = calloc(1, sizeof *r);
    struct arena a;

    (void)state;
    assert_non_null(r);
    r->points[0] = point();
    r->points[0].cpu_at_most = 0.03;
    r->points[0].requests = 20;
    r->points[0].connections = 2;
    r->count = 1;
    arena_init(&a, 65536, 1024 * 1024);
    struct text out = text_in(&a);
    report_markdown(r, &out);
    assert_non_null(strstr(text_string(&out),
                           "| enrich | a point | 500 | 0.0400 | 1.00 | 50 | 20, 2 |  | 0, 0, 0 |"));
    assert_non_null(strstr(text_string(&out), "CPU-s per 1,000 events 0.04, at most 0.03: "
                                              "**missed**"));
    arena_deinit(&a);
    free(r);
}

static void a_stopped_run_is_taken_over_by_the_same_kind_of_run_only(void **state)
{
    char path[] = "/tmp/braid-test-report-XXXXXX";
    struct bench_report *r = calloc(2, sizeof *r);

    (void)state;
    assert_non_null(r);
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)close(fd);
    r[0].environment.seed = 7;
    r[0].points[0] = point();
    r[0].count = 1;
    assert_int_equal(state_load(path, &r[1]), 0); /* an empty file */
    assert_int_equal(state_save(path, &r[0]), 0);
    assert_int_equal(state_load(path, &r[1]), 0); /* of another seed */
    r[1].environment.seed = 7;
    assert_int_equal(state_load(path, &r[1]), 1);
    assert_string_equal(r[1].points[0].name, "a point");
    r[1].environment.is_full = true;
    r[1].count = 0;
    assert_int_equal(state_load(path, &r[1]), 0);
    (void)unlink(path);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_point_without_targets_misses_none),
        cmocka_unit_test(each_target_can_be_missed),
        cmocka_unit_test(what_was_not_measured_is_not_met),
        cmocka_unit_test(the_tables_say_what_was_missed),
        cmocka_unit_test(a_stopped_run_is_taken_over_by_the_same_kind_of_run_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
