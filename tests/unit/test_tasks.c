/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the tasks of a DC follow from its streams alone. Method: small streams, whole lists
 * compared as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "coord/tasks.h"
#include "proto/err.h"

static const struct slice DCS[] = {{(const uint8_t *)"codfw", 5}, {(const uint8_t *)"eqiad", 5}};

/* Strands of both DCs over partitions 0 and 1 of eqiad's source and 0 of codfw's. */
static void strands_of(struct strand_name names[6])
{
    for (uint32_t i = 0; i < 6; i++) {
        const bool is_codfw = i % 3 == 2;
        names[i] = (struct strand_name){
            .by = DCS[i / 3],
            .from = {.dc = DCS[is_codfw ? 0 : 1],
                     .topic = SLICE_LIT("page_change"),
                     .partition = is_codfw ? 0 : i % 3},
        };
    }
}

static struct tasks_stream stream_of(struct strand_name names[6], struct slice output)
{
    strands_of(names);
    return (struct tasks_stream){
        .output = output, .dcs = DCS, .dc_count = 2, .layout = {.count = 6, .names = names}};
}

static void assert_tasks(const struct tasks_stream *streams, size_t count, const char *dc,
                         const char *const *expected)
{
    struct arena a;
    struct slice *names;
    size_t got;
    size_t i = 0;

    arena_init(&a, 4096, 64 << 20);
    assert_int_equal(tasks_list(slice_str(dc), streams, count, &a, &names, &got), 0);
    for (; expected[i] != NULL; i++) {
        assert_true(i < got);
        if (!slice_equal(names[i], slice_str(expected[i])))
            fail_msg("%zu: %.*s, not %s", i, SLICE_ARG(names[i]), expected[i]);
    }
    assert_int_equal(got, i);
    arena_deinit(&a);
}

static void a_dc_enriches_all_copies_what_others_have_and_merges_once(void **state)
{
    struct strand_name names[6];
    const struct tasks_stream stream = stream_of(names, SLICE_LIT("out"));

    (void)state;
    assert_tasks(&stream, 1, "eqiad",
                 (const char *const[]){
                     "enrich/out/codfw/page_change/0", "enrich/out/eqiad/page_change/0",
                     "enrich/out/eqiad/page_change/1", "merge/out",
                     "replicate/codfw/braid.enriched.out/0", "replicate/codfw/braid.enriched.out/1",
                     "replicate/codfw/page_change/0", NULL});
}

static void two_streams_of_one_source_share_its_copy(void **state)
{
    struct strand_name names[2][6];
    const struct tasks_stream streams[2] = {stream_of(names[0], SLICE_LIT("a")),
                                            stream_of(names[1], SLICE_LIT("b"))};

    (void)state;
    assert_tasks(streams, 2, "codfw",
                 (const char *const[]){
                     "enrich/a/codfw/page_change/0", "enrich/a/eqiad/page_change/0",
                     "enrich/a/eqiad/page_change/1", "enrich/b/codfw/page_change/0",
                     "enrich/b/eqiad/page_change/0", "enrich/b/eqiad/page_change/1", "merge/a",
                     "merge/b", "replicate/eqiad/braid.enriched.a/0",
                     "replicate/eqiad/braid.enriched.a/1", "replicate/eqiad/braid.enriched.b/0",
                     "replicate/eqiad/braid.enriched.b/1", "replicate/eqiad/page_change/0",
                     "replicate/eqiad/page_change/1", NULL});
}

static void enriched_at_its_origin_a_source_is_not_copied(void **state)
{
    struct strand_name names[6];
    struct tasks_stream stream = stream_of(names, SLICE_LIT("out"));

    (void)state;
    stream.enrich_at_origin = true;
    assert_tasks(&stream, 1, "codfw",
                 (const char *const[]){"enrich/out/codfw/page_change/0", "merge/out",
                                       "replicate/eqiad/braid.enriched.out/0",
                                       "replicate/eqiad/braid.enriched.out/1", NULL});
}

static void a_global_source_is_read_where_it_is(void **state)
{
    struct strand_name name = {.by = DCS[0],
                               .from = {.dc = SLICE_LIT("global"), .topic = SLICE_LIT("edits")}};
    const struct tasks_stream stream = {.output = SLICE_LIT("diffs"),
                                        .dcs = DCS,
                                        .dc_count = 2,
                                        .enrich_at_origin = true,
                                        .layout = {.count = 1, .names = &name}};

    (void)state;
    assert_tasks(&stream, 1, "codfw",
                 (const char *const[]){"enrich/diffs/global/edits/0", "merge/diffs",
                                       "replicate/eqiad/braid.enriched.diffs/0", NULL});
}

static void a_paused_partition_is_enriched_by_nobody_and_goes_on_being_copied(void **state)
{
    struct strand_name names[6];
    const uint32_t paused[] = {7, 0};
    struct tasks_stream stream = stream_of(names, SLICE_LIT("out"));

    (void)state;
    stream.paused = paused;
    stream.paused_count = 2;
    assert_tasks(&stream, 1, "eqiad",
                 (const char *const[]){"enrich/out/eqiad/page_change/1", "merge/out",
                                       "replicate/codfw/braid.enriched.out/0",
                                       "replicate/codfw/braid.enriched.out/1",
                                       "replicate/codfw/page_change/0", NULL});
}

static void a_pause_of_a_partition_is_told_from_one_of_a_stream(void **state)
{
    struct slice output = {0};
    uint32_t partition = 0;

    (void)state;
    assert_true(task_pause_parse(SLICE_LIT("out.v1/12"), &output, &partition));
    assert_true(slice_equal(output, SLICE_LIT("out.v1")));
    assert_int_equal(partition, 12);
    assert_false(task_pause_parse(SLICE_LIT("out.v1"), &output, &partition));
    assert_false(task_pause_parse(SLICE_LIT("chain"), &output, &partition));
    assert_false(task_pause_parse(SLICE_LIT("out.v1/"), &output, &partition));
    assert_false(task_pause_parse(SLICE_LIT("out.v1/012"), &output, &partition));
    assert_false(task_pause_parse(SLICE_LIT("out.v1/1/2"), &output, &partition));
    assert_false(task_pause_parse(SLICE_LIT(""), &output, &partition));
}

static void a_stream_of_other_dcs_or_without_a_cut_makes_no_work(void **state)
{
    struct strand_name names[6];
    struct tasks_stream stream = stream_of(names, SLICE_LIT("out"));

    (void)state;
    assert_tasks(&stream, 1, "ulsfo", (const char *const[]){NULL});
    stream.layout.count = 0;
    assert_tasks(&stream, 1, "eqiad", (const char *const[]){NULL});
    assert_tasks(NULL, 0, "eqiad", (const char *const[]){NULL});
}

static void more_tasks_than_a_dc_may_have_are_refused_whole(void **state)
{
    enum {
        COUNT = TASKS_MAX + 1
    };
    static struct strand_name names[COUNT];
    struct arena a;
    struct slice *list;
    size_t count = 99;

    (void)state;
    arena_init(&a, 1 << 16, 64 << 20);
    for (uint32_t i = 0; i < COUNT; i++)
        names[i] = (struct strand_name){
            .by = DCS[1], .from = {.dc = DCS[1], .topic = SLICE_LIT("t"), .partition = i}};
    const struct tasks_stream stream = {.output = SLICE_LIT("out"),
                                        .dcs = DCS,
                                        .dc_count = 2,
                                        .layout = {.count = COUNT, .names = names}};
    assert_int_equal(tasks_list(DCS[1], &stream, 1, &a, &list, &count), ERR_TOO_LARGE);
    assert_int_equal(count, 99);
    arena_deinit(&a);
}

static void a_name_says_what_the_task_is(void **state)
{
    struct task t;
    struct slice output;

    (void)state;
    assert_int_equal(task_parse(SLICE_LIT("enrich/out.v1/eqiad/page.change/12"), &t), 0);
    assert_int_equal(t.kind, TASK_ENRICH);
    assert_true(slice_equal(t.output, SLICE_LIT("out.v1")));
    assert_true(slice_equal(t.dc, SLICE_LIT("eqiad")));
    assert_true(slice_equal(t.topic, SLICE_LIT("page.change")));
    assert_int_equal(t.partition, 12);
    assert_false(task_copies_enriched(&t, &output));
    assert_int_equal(task_parse(SLICE_LIT("replicate/codfw/braid.enriched.out.v1/0"), &t), 0);
    assert_true(task_copies_enriched(&t, &output));
    assert_true(slice_equal(output, SLICE_LIT("out.v1")));
    assert_int_equal(task_parse(SLICE_LIT("merge/out.v1"), &t), 0);
    assert_int_equal(t.kind, TASK_MERGE);
}

static void names_of_no_task_are_refused(void **state)
{
    static const char *const BAD[] = {
        "",
        "merge",
        "merge/",
        "merge/a/",
        "merge/a/b",
        "Merge/a",
        "enrich/out/eqiad/t",
        "enrich/out/eqiad/t/",
        "enrich/out/eqiad/t/01",
        "enrich/out/eqiad/t/-1",
        "enrich/out/eqiad/t/4294967296",
        "enrich/out/eqiad/t/1/",
        "enrich//eqiad/t/1",
        "replicate/eqiad/t/1/2",
        "replicate/eqiad/t",
        "replicate/eqiad/t t/1",
    };
    struct task t;

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (task_parse(slice_str(BAD[i]), &t) != ERR_MALFORMED)
            fail_msg("accepted: %s", BAD[i]);
    }
}

static void a_pause_of_links_names_a_dc(void **state)
{
    struct slice dc;

    (void)state;
    assert_true(task_links_parse(SLICE_LIT("links/codfw"), &dc));
    assert_true(slice_equal(dc, SLICE_LIT("codfw")));
    assert_false(task_links_parse(SLICE_LIT("links/"), &dc));
    assert_false(task_links_parse(SLICE_LIT("drill/codfw"), &dc));
}

static void without_its_links_a_dc_copies_nothing_and_nobody_copies_from_it(void **state)
{
    const struct slice names[] = {
        SLICE_LIT("enrich/out/codfw/page_change/0"), SLICE_LIT("merge/out"),
        SLICE_LIT("replicate/codfw/page_change/0"), SLICE_LIT("replicate/esams/page_change/0")};
    struct slice left[4];

    (void)state;
    memcpy(left, names, sizeof left);
    assert_int_equal(tasks_without_links(SLICE_LIT("eqiad"), SLICE_LIT("codfw"), left, 4), 3);
    assert_true(slice_equal(left[2], names[3]));
    memcpy(left, names, sizeof left);
    assert_int_equal(tasks_without_links(SLICE_LIT("eqiad"), SLICE_LIT("eqiad"), left, 4), 2);
    assert_true(slice_equal(left[1], names[1]));
    memcpy(left, names, sizeof left);
    assert_int_equal(tasks_without_links(SLICE_LIT("eqiad"), SLICE_LIT("ulsfo"), left, 4), 4);
}

static void a_spec_names_another_streams_output_by_its_topic(void **state)
{
    struct arena a;
    struct slice output = {0};
    const struct origin_partition of_dc = {.dc = SLICE_LIT("eqiad"), .topic = SLICE_LIT("x.v1")};
    const struct origin_partition global = {.dc = SLICE_LIT("global"), .topic = SLICE_LIT("x.v1")};

    (void)state;
    arena_init(&a, 1024, 1024);
    assert_true(task_source_is_global(SLICE_LIT("global.x.v1"), &output));
    assert_true(slice_equal(output, SLICE_LIT("x.v1")));
    assert_false(task_source_is_global(SLICE_LIT("global."), &output));
    assert_false(task_source_is_global(SLICE_LIT("globalx.v1"), &output));
    assert_true(slice_equal(task_source_of(&of_dc, &a), SLICE_LIT("x.v1")));
    assert_true(slice_equal(task_source_of(&global, &a), SLICE_LIT("global.x.v1")));
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dc_enriches_all_copies_what_others_have_and_merges_once),
        cmocka_unit_test(two_streams_of_one_source_share_its_copy),
        cmocka_unit_test(enriched_at_its_origin_a_source_is_not_copied),
        cmocka_unit_test(a_global_source_is_read_where_it_is),
        cmocka_unit_test(a_paused_partition_is_enriched_by_nobody_and_goes_on_being_copied),
        cmocka_unit_test(a_pause_of_a_partition_is_told_from_one_of_a_stream),
        cmocka_unit_test(a_stream_of_other_dcs_or_without_a_cut_makes_no_work),
        cmocka_unit_test(more_tasks_than_a_dc_may_have_are_refused_whole),
        cmocka_unit_test(a_name_says_what_the_task_is),
        cmocka_unit_test(names_of_no_task_are_refused),
        cmocka_unit_test(a_spec_names_another_streams_output_by_its_topic),
        cmocka_unit_test(a_pause_of_links_names_a_dc),
        cmocka_unit_test(without_its_links_a_dc_copies_nothing_and_nobody_copies_from_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
