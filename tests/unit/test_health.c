/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the first line of `status` is right: fine or not, and which DC could be lost now.
 * Method: snapshots made from keys and values as etcd has them, one thing wrong at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "coord/ctl/apply.h"
#include "coord/ctl/health.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"

enum {
    NOW_MS = 1000000
};

struct fixture {
    struct arena arena;
    struct snapshot snap;
    struct health health;
    struct spec spec;
    struct cut cut;
    struct slice dcs[2];
    struct slice source;
};

static void add(struct fixture *f, const char *key, struct slice value)
{
    const struct etcd_kv kv = {.key = slice_str(key), .value = value, .mod_revision = 5};

    assert_int_equal(snapshot_add(&f->snap, &kv, &f->arena), 0);
}

static void add_node(struct fixture *f, const char *key, const char *kafka)
{
    Braid__NodeInfo info;
    struct slice bytes = {0};

    braid__node_info__init(&info);
    info.braid_kafka_remote = arena_strdup(&f->arena, slice_str(kafka));
    info.rules_version_max = 1;
    assert_int_equal(pb_pack(&info.base, 4096, &f->arena, &bytes), 0);
    add(f, key, bytes);
}

static void add_stopped_node(struct fixture *f, const char *key, const char *code, const char *why)
{
    Braid__NodeInfo info;
    Braid__Alarm alarm;
    Braid__Alarm *alarms = &alarm;
    struct slice bytes = {0};

    braid__node_info__init(&info);
    braid__alarm__init(&alarm);
    alarm.task = arena_strdup(&f->arena, SLICE_LIT("merge/out.v1"));
    alarm.code = arena_strdup(&f->arena, slice_str(code));
    alarm.why = arena_strdup(&f->arena, slice_str(why));
    info.alarms = &alarms;
    info.n_alarms = 1;
    assert_int_equal(pb_pack(&info.base, 4096, &f->arena, &bytes), 0);
    add(f, key, bytes);
}

static void add_report_held(struct fixture *f, const char *dc, int64_t age_ms, const char *alarm,
                            int64_t *held)
{
    struct report r = {
        .dc = slice_str(dc),
        .clock_ms = NOW_MS - age_ms,
        .layout_hash = f->cut.layout.hash,
        .count = f->cut.layout.count,
        .emitted = {.number = 0},
        .alarm = slice_str(alarm),
        .caught_up = true,
    };
    struct slice bytes = {0};

    r.read_back = held != NULL ? held : arena_calloc(&f->arena, r.count + 1, sizeof(int64_t));
    r.offer = r.read_back;
    assert_int_equal(report_encode(&r, &f->arena, &bytes), 0);
    add(f, text_format(&f->arena, "/braid/t/streams/out.v1/held/%s", dc), bytes);
}

static void add_report(struct fixture *f, const char *dc, int64_t age_ms, const char *alarm)
{
    add_report_held(f, dc, age_ms, alarm, NULL);
}

/* Two DCs, one stream, both members. */
static void make(struct fixture *f)
{
    struct apply_start starts[2];
    struct slice bytes = {0};

    f->dcs[0] = SLICE_LIT("codfw");
    f->dcs[1] = SLICE_LIT("eqiad");
    f->source = SLICE_LIT("in.v1");
    f->spec = (struct spec){.version = 1,
                            .output = SLICE_LIT("out.v1"),
                            .dcs = {f->dcs, 2},
                            .sources = {&f->source, 1},
                            .min_members = 1};
    for (int i = 0; i < 2; i++)
        starts[i] =
            (struct apply_start){.from = {.dc = f->dcs[i], .topic = f->source}, .position = -1};
    assert_int_equal(snapshot_init(&f->snap, &f->arena), 0);
    f->snap.now_ms = NOW_MS;
    assert_int_equal(apply_first_cut(&f->spec, starts, 2, 1, &f->arena, &f->cut), 0);
    add_node(f, "/braid/t/nodes/eqiad/n1", "eqiad:1");
    add_node(f, "/braid/t/nodes/codfw/n1", "codfw:1");
    add(f, "/braid/t/streams/out.v1/spec/1", (struct slice){0});
    add(f, "/braid/t/streams/out.v1/cuts/0/0", (struct slice){0});
    assert_int_equal(spec_encode(&f->spec, &f->arena, &bytes), 0);
    add(f, "/braid/t/streams/out.v1/spec/1", bytes);
}

static void add_cut(struct fixture *f)
{
    struct slice bytes = {0};

    assert_int_equal(cut_encode(&f->cut, &f->arena, &bytes), 0);
    add(f, "/braid/t/streams/out.v1/cuts/0/0", bytes);
}

static const char *conclude(struct fixture *f)
{
    snapshot_finish(&f->snap);
    health_of(&f->snap, &f->arena, &f->health);
    return arena_strdup(&f->arena, f->health.sentence);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 1 << 16, 64 << 20);
    make(f);
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

static void two_members_that_report_are_fine_and_either_may_go(void **state)
{
    struct fixture *f = *state;

    add_cut(f);
    add_report(f, "eqiad", 100, "");
    add_report(f, "codfw", 100, "");
    assert_string_equal(conclude(f), "Fine; codfw could be lost now; eqiad could be lost now.");
    assert_int_equal(f->snap.unreadable, 0);
    assert_true(slice_equal(f->snap.nodes[0].braid_kafka, SLICE_LIT("codfw:1")));
}

static void a_dc_that_does_not_report_is_not_fine_and_the_other_must_stay(void **state)
{
    struct fixture *f = *state;

    add_cut(f);
    add_report(f, "eqiad", 100, "");
    add_report(f, "codfw", 60000, "");
    assert_string_equal(conclude(f),
                        "Not fine: out.v1: codfw has been silent for 60 s; codfw could be lost "
                        "now; eqiad must not be lost now (out.v1 would have no member left: "
                        "codfw has been silent for 60 s).");
}

static void a_sole_member_is_said(void **state)
{
    struct fixture *f = *state;

    f->cut.member_count = 1;
    add_cut(f);
    add_report(f, "eqiad", 100, "");
    add_report(f, "codfw", 100, "");
    assert_non_null(strstr(conclude(f), "codfw must not be lost now"));
    assert_int_equal(f->health.problem_count, 2);
    assert_string_equal(f->health.problems[1].what, "what is emitted now exists in codfw alone");
}

static void an_alarm_is_said(void **state)
{
    struct fixture *f = *state;

    add_cut(f);
    add_report(f, "eqiad", 100, "digest differs at 7");
    add_report(f, "codfw", 100, "");
    assert_non_null(strstr(conclude(f), "Not fine: out.v1: eqiad: digest differs at 7"));
}

static void a_task_that_stands_still_is_said_with_its_reason_and_remedy(void **state)
{
    struct fixture *f = *state;

    add_cut(f);
    add_report(f, "eqiad", 100, "");
    add_report(f, "codfw", 100, "");
    add_stopped_node(f, "/braid/t/nodes/eqiad/n2", "ERR_DIVERGED", "the digests differ");
    assert_string_equal(conclude(f),
                        "Not fine: eqiad/n2: merge/out.v1 stands still: the digests differ "
                        "(ERR_DIVERGED); `braidctl verify` names the first number that differs; "
                        "codfw could be lost now; eqiad could be lost now.");
}

static void min_members_keep_both(void **state)
{
    struct fixture *f = *state;
    struct slice bytes = {0};

    f->spec.min_members = 2;
    assert_int_equal(spec_encode(&f->spec, &f->arena, &bytes), 0);
    add(f, "/braid/t/streams/out.v1/spec/1", bytes);
    add_cut(f);
    add_report(f, "eqiad", 100, "");
    add_report(f, "codfw", 100, "");
    assert_non_null(strstr(conclude(f), "must not be lost now (out.v1 would wait: 1 of 2"));
    assert_int_equal(f->health.problem_count, 0);
}

static void a_stream_without_a_cut_is_not_fine(void **state)
{
    struct fixture *f = *state;

    assert_non_null(strstr(conclude(f), "it has no cut that can be decoded"));
}

static void values_that_make_no_sense_are_counted_not_trusted(void **state)
{
    struct fixture *f = *state;

    add_cut(f);
    add(f, "/braid/t/nodes/eqiad/n2", SLICE_LIT("\xff\xff\xff"));
    add(f, "/braid/t/streams/out.v1/held/eqiad", SLICE_LIT("\xff\xff\xff"));
    add(f, "/braid/t/nonsense", SLICE_LIT("x"));
    (void)conclude(f);
    assert_int_equal(f->snap.unreadable, 3);
    assert_int_equal(f->snap.node_count, 2);
    assert_true(f->health.problem_count > 0);
}

static void the_newest_cut_is_found_by_number_not_by_text(void **state)
{
    struct fixture *f = *state;

    add(f, "/braid/t/streams/out.v1/cuts/0/9", (struct slice){0});
    add(f, "/braid/t/streams/out.v1/cuts/0/10", (struct slice){0});
    assert_int_equal(f->snap.streams[0].cut_number, 10);
    assert_int_equal(f->snap.streams[0].cut_count, 3);
    add(f, "/braid/t/streams/out.v1/cuts/1/2", (struct slice){0});
    assert_int_equal(f->snap.streams[0].cut_era, 1);
    assert_int_equal(f->snap.streams[0].cut_number, 2);
}

static void a_spec_that_cannot_be_read_hides_nothing_of_its_stream(void **state)
{
    struct fixture *f = *state;

    add_cut(f);
    add_report(f, "eqiad", 100, "");
    add_report(f, "codfw", 60000, "");
    add(f, "/braid/t/streams/out.v1/spec/2", SLICE_LIT("\xff\xff\xff"));
    assert_non_null(strstr(conclude(f), "(not known: out.v1 has no spec that can be decoded)"));
    assert_int_equal(f->snap.streams[0].spec_version, 2);
    assert_false(f->snap.streams[0].has_spec);
    assert_int_equal(f->snap.streams[0].dc_count, 2);
    assert_true(slice_equal(f->snap.streams[0].dcs[0], SLICE_LIT("codfw")));
    assert_string_equal(f->health.problems[2].what, "codfw has been silent for 60 s");
    assert_false(f->health.can_lose[0]);
    assert_false(f->health.can_lose[1]);
}

static void what_a_dc_alone_holds_keeps_it(void **state)
{
    struct fixture *f = *state;
    int64_t held[4] = {0};

    add_cut(f);
    add_report_held(f, "eqiad", 100, "", NULL);
    assert_in_range(f->cut.layout.count, 1, 4);
    for (size_t i = 0; i < 4; i++)
        held[i] = 100;
    held[f->cut.layout.count - 1] = 7000;
    add_report_held(f, "codfw", 100, "", held);
    assert_non_null(
        strstr(conclude(f), "codfw must not be lost now (out.v1: in eqiad partition 0 of "));
    assert_non_null(
        strstr(conclude(f), "'s strand is 7000 records behind); eqiad could be lost now"));
}

static void a_dc_that_is_behind_is_said_with_its_strand(void **state)
{
    struct fixture *f = *state;

    f->cut.member_count = 1;
    f->cut.strands[0].position = 4711;
    add_cut(f);
    add_report(f, "eqiad", 100, "");
    add_report(f, "codfw", 100, "");
    assert_non_null(strstr(conclude(f),
                           "(out.v1 would have no member left: eqiad is no member, because "
                           "partition 0 of codfw's strand is 4711 records behind)"));
}

static void no_stream_is_fine(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(snapshot_init(&f->snap, &f->arena), 0);
    assert_string_equal(conclude(f), "No stream yet.");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(two_members_that_report_are_fine_and_either_may_go),
        TEST(a_dc_that_does_not_report_is_not_fine_and_the_other_must_stay),
        TEST(a_sole_member_is_said),
        TEST(an_alarm_is_said),
        TEST(a_task_that_stands_still_is_said_with_its_reason_and_remedy),
        TEST(min_members_keep_both),
        TEST(a_stream_without_a_cut_is_not_fine),
        TEST(values_that_make_no_sense_are_counted_not_trusted),
        TEST(the_newest_cut_is_found_by_number_not_by_text),
        TEST(a_spec_that_cannot_be_read_hides_nothing_of_its_stream),
        TEST(what_a_dc_alone_holds_keeps_it),
        TEST(a_dc_that_is_behind_is_said_with_its_strand),
        TEST(no_stream_is_fine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
