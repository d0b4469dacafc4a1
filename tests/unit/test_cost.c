/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what a stream costs is what docs/design.md says, and what it is called elsewhere is right.
 * Method: round figures whose sums are plain.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <regex.h>
#include <stdlib.h>

#include "coord/ctl/catalogue.h"
#include "coord/ctl/cost.h"

enum {
    DAY = 86400
};

static void two_dcs_store_an_enriched_byte_six_times_and_send_it_twice(void **state)
{
    const struct cost_input in = {.dcs = 2,
                                  .replication = 1,
                                  .events_per_day = DAY,
                                  .enriched_bytes = 1000,
                                  .inner_kept_s = DAY,
                                  .global_kept_s = 7 * DAY};
    const struct cost c = cost_of(&in);

    (void)state;
    assert_int_equal(c.stored_bytes_per_s, 6000);
    assert_int_equal(c.wan_bytes_per_s, 2000);
    assert_int_equal(c.api_calls_per_day, 2 * DAY);
    assert_int_equal(c.disk_bytes, 4000 * (int64_t)DAY + 2000 * (int64_t)7 * DAY);
}

static void replicas_multiply_disk_but_not_the_wan(void **state)
{
    struct cost_input in = {.dcs = 2,
                            .replication = 3,
                            .events_per_day = DAY,
                            .enriched_bytes = 1000,
                            .inner_kept_s = DAY,
                            .global_kept_s = DAY};
    const struct cost c = cost_of(&in);

    (void)state;
    assert_int_equal(c.stored_bytes_per_s, 18000);
    assert_int_equal(c.wan_bytes_per_s, 2000);
    assert_int_equal(c.disk_bytes, 18000 * (int64_t)DAY);
}

static void at_the_origin_calls_and_wan_are_half_and_sources_stay(void **state)
{
    struct cost_input in = {.dcs = 2,
                            .is_at_origin = true,
                            .replication = 1,
                            .events_per_day = DAY,
                            .source_bytes = 500,
                            .enriched_bytes = 1000};
    const struct cost c = cost_of(&in);

    (void)state;
    assert_int_equal(c.api_calls_per_day, DAY);
    assert_int_equal(c.wan_bytes_per_s, 1000);
    assert_int_equal(c.stored_bytes_per_s, 4000);
}

static void copies_of_sources_cross_once_to_each_other_dc(void **state)
{
    struct cost_input in = {.dcs = 3, .replication = 1, .events_per_day = DAY, .source_bytes = 100};
    const struct cost c = cost_of(&in);

    (void)state;
    assert_int_equal(c.wan_bytes_per_s, 200);
    assert_int_equal(c.stored_bytes_per_s, 200);
    assert_int_equal(c.api_calls_per_day, 3 * DAY);
}

static void a_sum_that_does_not_fit_is_the_largest(void **state)
{
    struct cost_input in = {.dcs = 2,
                            .replication = 3,
                            .events_per_day = INT64_MAX / 2,
                            .enriched_bytes = 1000,
                            .global_kept_s = 7 * DAY};

    (void)state;
    assert_int_equal(cost_of(&in).disk_bytes, INT64_MAX);
    in = (struct cost_input){.dcs = 1, .replication = 1};
    assert_int_equal(cost_of(&in).disk_bytes, 0);
    assert_int_equal(cost_of(&in).wan_bytes_per_s, 0);
}

/* ---- the catalogue ---------------------------------------------------------------------------- */

static bool matches(const char *pattern, const char *topic)
{
    regex_t compiled;
    bool is_match = false;

    assert_int_equal(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
    is_match = regexec(&compiled, topic, 0, NULL, 0) == 0;
    regfree(&compiled);
    return is_match;
}

static void a_mirror_leaves_out_what_braid_writes_and_nothing_else(void **state)
{
    struct arena a;
    struct slice dcs[] = {SLICE_LIT("codfw"), SLICE_LIT("eqiad")};
    struct slice source = SLICE_LIT("mediawiki.page_change.v1");
    struct spec s = {.output = SLICE_LIT("out.v1"), .dcs = {dcs, 2}, .sources = {&source, 1}};
    const char *pattern = NULL;

    (void)state;
    arena_init(&a, 4096, 65536);
    pattern = catalogue_mirror_pattern(&s, &a);
    assert_true(matches(pattern, "global.out.v1"));
    assert_true(matches(pattern, "eqiad.mediawiki.page_change.v1"));
    assert_true(matches(pattern, "codfw.braid.enriched.out.v1"));
    assert_true(matches(pattern, "codfw.braid.cuts"));
    assert_false(matches(pattern, "eqiad.mediawiki.page_change.v10"));
    assert_false(matches(pattern, "eqiad.mediawiki.page_changeXv1"));
    assert_false(matches(pattern, "esams.mediawiki.page_change.v1"));
    assert_false(matches(pattern, "global.out.v1.more"));
    assert_false(matches(pattern, "eqiad.other"));
    s.enrich_at = SPEC_AT_ORIGIN;
    assert_false(matches(catalogue_mirror_pattern(&s, &a), "eqiad.mediawiki.page_change.v1"));
    arena_deinit(&a);
}

static void a_schema_has_its_title_without_version(void **state)
{
    (void)state;
    assert_true(slice_equal(catalogue_schema_title(SLICE_LIT("/mediawiki/page/change/1.2.0")),
                            SLICE_LIT("mediawiki/page/change")));
    assert_true(slice_equal(catalogue_schema_title(SLICE_LIT("plain")), SLICE_LIT("plain")));
    assert_int_equal(catalogue_schema_title((struct slice){0}).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_dcs_store_an_enriched_byte_six_times_and_send_it_twice),
        cmocka_unit_test(replicas_multiply_disk_but_not_the_wan),
        cmocka_unit_test(at_the_origin_calls_and_wan_are_half_and_sources_stay),
        cmocka_unit_test(copies_of_sources_cross_once_to_each_other_dc),
        cmocka_unit_test(a_sum_that_does_not_fit_is_the_largest),
        cmocka_unit_test(a_mirror_leaves_out_what_braid_writes_and_nothing_else),
        cmocka_unit_test(a_schema_has_its_title_without_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
