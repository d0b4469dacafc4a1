/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what a scraper reads is well-formed whatever the labels hold.
 * Method: whole texts compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/metrics.h"

static void a_family_has_its_head_and_samples(void **state)
{
    struct arena a;
    const struct metrics_label labels[] = {
        {"stage", SLICE_LIT("enrich")}, {"origin", SLICE_LIT("eqiad")}, {NULL, {0}}};

    (void)state;
    arena_init(&a, 1024, 65536);
    struct text out = text_in(&a);
    metrics_family(&out, "m", "counter", "what\nit is");
    metrics_add_count(&out, "m", labels, 18446744073709551615ULL);
    metrics_add(&out, "m", NULL, 0.25);
    assert_string_equal(text_string(&out), "# HELP m what\\nit is\n"
                                           "# TYPE m counter\n"
                                           "m{stage=\"enrich\",origin=\"eqiad\"} "
                                           "18446744073709551615\n"
                                           "m 0.25\n");
    arena_deinit(&a);
}

static void hostile_label_values_are_escaped(void **state)
{
    struct arena a;
    const struct metrics_label labels[] = {{"x", SLICE_LIT("a\"b\\c\nd\x01")}, {NULL, {0}}};

    (void)state;
    arena_init(&a, 1024, 65536);
    struct text out = text_in(&a);
    metrics_add_count(&out, "m", labels, 1);
    assert_string_equal(text_string(&out), "m{x=\"a\\\"b\\\\c\\nd?\"} 1\n");
    arena_deinit(&a);
}

static void a_histogram_is_cumulative_and_counts_all(void **state)
{
    struct arena a;
    struct metrics_times t = {0};

    (void)state;
    arena_init(&a, 1024, 65536);
    struct text out = text_in(&a);
    metrics_times_add(&t, -3);
    metrics_times_add(&t, 7);
    metrics_times_add(&t, 900000);
    metrics_add_times(&out, "d", NULL, &t);
    assert_non_null(strstr(text_string(&out), "d_bucket{le=\"0.005\"} 1\n"));
    assert_non_null(strstr(text_string(&out), "d_bucket{le=\"0.01\"} 2\n"));
    assert_non_null(strstr(text_string(&out), "d_bucket{le=\"60\"} 2\n"));
    assert_non_null(strstr(text_string(&out), "d_bucket{le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text_string(&out), "d_sum 900.007\nd_count 3\n"));
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_has_its_head_and_samples),
        cmocka_unit_test(hostile_label_values_are_escaped),
        cmocka_unit_test(a_histogram_is_cumulative_and_counts_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
