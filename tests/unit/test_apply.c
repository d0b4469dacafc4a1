/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a new stream gets the topics that docs/formats.md says and the first cut that the merge
 *       expects; topics that would lose or refuse records are named.
 * Method: specs and settings made by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "coord/ctl/apply.h"
#include "coord/ctl/topics.h"
#include "proto/err.h"

struct fixture {
    struct arena arena;
    struct spec spec;
    struct slice dcs[2];
    struct slice source;
    struct topic_source sources[2];
    struct topic_wanted wanted[TOPICS_WANTED_MAX];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 1 << 16, 64 << 20);
    f->dcs[0] = SLICE_LIT("codfw");
    f->dcs[1] = SLICE_LIT("eqiad");
    f->source = SLICE_LIT("in.v1");
    f->spec = (struct spec){.version = 1,
                            .output = SLICE_LIT("out.v1"),
                            .dcs = {f->dcs, 2},
                            .sources = {&f->source, 1},
                            .value_bytes_max = 16 << 20};
    f->sources[0] = (struct topic_source){f->dcs[0], f->source, 1, 1 << 20};
    f->sources[1] = (struct topic_source){f->dcs[1], f->source, 3, 2 << 20};
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

static const struct topic_wanted *find(const struct fixture *f, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(f->wanted[i].name, name) == 0)
            return &f->wanted[i];
    fail_msg("no topic %s", name);
    return NULL;
}

static const char *setting(const struct topic_wanted *t, const char *name)
{
    for (size_t i = 0; i < t->setting_count; i++)
        if (strcmp(t->settings[i].name, name) == 0)
            return t->settings[i].value;
    return "";
}

static void each_dc_gets_the_topics_of_the_formats(void **state)
{
    struct fixture *f = *state;
    size_t count = topics_wanted(&f->spec, f->dcs[0], f->sources, 2, &f->arena, f->wanted);
    const struct topic_wanted *copy = find(f, count, "eqiad.in.v1");
    const struct topic_wanted *global = find(f, count, "global.out.v1");

    assert_int_equal(count, 6);
    assert_int_equal(copy->partitions, 3);
    assert_string_equal(setting(copy, "message.timestamp.type"), "LogAppendTime");
    assert_string_equal(setting(copy, "max.message.bytes"), "3145728");
    assert_int_equal(find(f, count, "codfw.braid.enriched.out.v1")->partitions, 3);
    assert_int_equal(find(f, count, "eqiad.braid.enriched.out.v1")->partitions, 3);
    assert_int_equal(global->partitions, 1);
    assert_string_equal(setting(global, "message.timestamp.type"), "CreateTime");
    assert_string_equal(setting(global, "message.timestamp.after.max.ms"), "9223372036854775807");
    assert_string_equal(setting(find(f, count, "codfw.braid.cuts"), "retention.ms"), "-1");
    (void)find(f, count, "codfw.braid.error");
}

static void what_would_lose_records_is_named_with_its_value(void **state)
{
    struct fixture *f = *state;
    size_t count = topics_wanted(&f->spec, f->dcs[0], f->sources, 2, &f->arena, f->wanted);
    const struct topic_wanted *global = find(f, count, "global.out.v1");
    struct text problems = text_in(&f->arena);
    struct topic_actual actual[] = {
        {"cleanup.policy", "delete"},
        {"unclean.leader.election.enable", "false"},
        {"max.message.bytes", "999999999"},
        {"message.timestamp.type", "CreateTime"},
        {"message.timestamp.before.max.ms", "9223372036854775807"},
        {"message.timestamp.after.max.ms", "9223372036854775807"},
        {"retention.ms", "5"},
    };

    assert_int_equal(topics_check(global, 1, actual, 7, &problems), 0);
    actual[0].value = "compact";
    actual[1].value = "true";
    actual[2].value = "1048576";
    actual[3].value = "LogAppendTime";
    actual[5].value = "3600000";
    assert_int_equal(topics_check(global, 2, actual, 7, &problems), 6);
    assert_non_null(strstr(text_string(&problems), "has 2 partitions, it must have 1\n"));
    assert_non_null(strstr(text_string(&problems), "cleanup.policy=compact, it must be delete\n"));
    assert_non_null(
        strstr(text_string(&problems), "max.message.bytes=1048576, it must be at least 17825792"));
}

static void a_compacted_source_is_refused(void **state)
{
    struct fixture *f = *state;
    struct text problems = text_in(&f->arena);
    struct topic_actual actual = {"cleanup.policy", "compact,delete"};

    assert_int_equal(topics_check_source("eqiad.in.v1", &actual, 1, &problems), 1);
    actual.value = "delete";
    assert_int_equal(topics_check_source("eqiad.in.v1", &actual, 1, &problems), 0);
}

static void starts_of(struct fixture *f, struct apply_start out[3])
{
    for (uint32_t i = 0; i < 3; i++)
        out[i] = (struct apply_start){
            .from = {.dc = f->dcs[i == 0 ? 0 : 1], .topic = f->source, .partition = i / 2},
            .position = (int64_t)i * 10 - 1};
}

static void cut_0_has_every_strand_at_its_start_in_the_layouts_order(void **state)
{
    struct fixture *f = *state;
    struct apply_start starts[3];
    struct cut cut;

    starts_of(f, starts);
    assert_int_equal(apply_first_cut(&f->spec, starts, 3, 1, &f->arena, &cut), 0);
    assert_int_equal(cut.number, 0);
    assert_int_equal(cut.era, 0);
    assert_int_equal(cut.member_count, 2);
    assert_int_equal(cut.layout.count, 6);
    for (uint32_t i = 0; i < 6; i++) {
        const struct strand_name *n = &cut.layout.names[i];

        if (i > 0)
            assert_true(strand_name_compare(&cut.layout.names[i - 1], n) < 0);
        assert_int_equal(cut.strands[i].log_offset, -1);
        assert_int_equal(cut.strands[i].digest, 0);
        assert_int_equal(cut.strands[i].position, cut.base_positions[i]);
        for (int k = 0; k < 3; k++)
            if (origin_partition_equal(&starts[k].from, &n->from))
                assert_int_equal(cut.strands[i].position, starts[k].position);
    }
}

static void enriching_at_the_origin_has_only_its_strands(void **state)
{
    struct fixture *f = *state;
    struct apply_start starts[3];
    struct cut cut;

    starts_of(f, starts);
    f->spec.enrich_at = SPEC_AT_ORIGIN;
    assert_int_equal(apply_first_cut(&f->spec, starts, 3, 1, &f->arena, &cut), 0);
    assert_int_equal(cut.layout.count, 3);
    assert_true(cut.params.enrich_at_origin);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(slice_equal(cut.layout.names[i].by, cut.layout.names[i].from.dc));
}

static void too_many_strands_are_refused(void **state)
{
    struct fixture *f = *state;
    struct cut cut;
    struct apply_start *starts = calloc(STRANDS_MAX, sizeof(*starts));

    assert_int_equal(apply_first_cut(&f->spec, starts, STRANDS_MAX, 1, &f->arena, &cut),
                     ERR_TOO_LARGE);
    free(starts);
}

static void a_live_stream_keeps_its_dcs_and_sources(void **state)
{
    struct fixture *f = *state;
    struct spec wanted = f->spec;

    wanted.failed = SPEC_FAILED_EMIT;
    assert_null(apply_refusal(&f->spec, &wanted));
    wanted.dcs.count = 1;
    assert_non_null(apply_refusal(&f->spec, &wanted));
    wanted = f->spec;
    wanted.enrich_at = SPEC_AT_ORIGIN;
    assert_non_null(apply_refusal(&f->spec, &wanted));
}

static void operators_topics_are_sources_that_braid_creates(void **state)
{
    struct fixture *f = *state;
    const struct slice retry = SLICE_LIT("braid.retry.out.v1");
    const struct topic_source sources[] = {
        {f->dcs[0], f->source, 1, 1 << 20},
        {f->dcs[0], retry, 1, 2 << 20},
        {f->dcs[1], retry, 1, 2 << 20},
    };
    struct slice topics[SPEC_SOURCES_MAX + 1];
    struct strand_name names[] = {{.from = {.topic = retry}}};
    const struct layout layout = {.names = names, .count = 1};
    const struct topic_wanted *own = NULL;

    f->spec.output = SLICE_LIT("out.v1");
    assert_int_equal(topics_requests(&f->spec, NULL, &f->arena, topics), 2);
    assert_true(slice_starts_with(topics[0], SLICE_LIT("braid.backfill.")));
    assert_true(slice_equal(topics[1], retry));
    f->spec.requests = SPEC_REQUESTS_RETRY;
    assert_int_equal(topics_requests(&f->spec, NULL, &f->arena, topics), 1);
    f->spec.requests = SPEC_REQUESTS_NONE;
    assert_int_equal(topics_requests(&f->spec, NULL, &f->arena, topics), 0);
    /* a stream that is there keeps what it has */
    assert_int_equal(topics_requests(&f->spec, &layout, &f->arena, topics), 1);
    const size_t count = topics_wanted(&f->spec, f->dcs[0], sources, 3, &f->arena, f->wanted);
    for (size_t i = 0; i < count; i++) {
        if (f->wanted[i].kind == TOPIC_REQUEST)
            own = &f->wanted[i];
    }
    assert_non_null(own);
    assert_string_equal(own->name, topic_retry(&f->arena, f->dcs[0], f->spec.output));
    assert_int_equal(f->wanted[0].kind, TOPIC_REQUEST);
    assert_int_equal(f->wanted[1].kind, TOPIC_COPY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_dc_gets_the_topics_of_the_formats),
        TEST(what_would_lose_records_is_named_with_its_value),
        TEST(a_compacted_source_is_refused),
        TEST(cut_0_has_every_strand_at_its_start_in_the_layouts_order),
        TEST(enriching_at_the_origin_has_only_its_strands),
        TEST(too_many_strands_are_refused),
        TEST(a_live_stream_keeps_its_dcs_and_sources),
        TEST(operators_topics_are_sources_that_braid_creates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
