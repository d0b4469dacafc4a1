/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a DC is declared lost only when it is, only where something is lost, and the stream goes on from the best
 * copy that is left.
 * Method: a snapshot of two DCs of which codfw was the sole member, changed by hand one thing at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "coord/ctl/apply.h"
#include "coord/ctl/lost.h"

enum {
    NOW_MS = 1000000
};

struct fixture {
    struct arena arena;
    struct snapshot snap;
    struct slice dcs[2];
    struct slice source;
    struct snapshot_stream *stream;
};

static struct report report_of(struct fixture *f, const char *dc)
{
    struct report r = {.dc = slice_str(dc),
                       .clock_ms = NOW_MS,
                       .layout_hash = f->stream->cut.layout.hash,
                       .count = f->stream->cut.layout.count};

    r.read_back = arena_calloc(&f->arena, r.count, sizeof(int64_t));
    return r;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct apply_start starts[2];

    arena_init(&f->arena, 1 << 16, 64 << 20);
    assert_int_equal(snapshot_init(&f->snap, &f->arena), 0);
    f->dcs[0] = SLICE_LIT("codfw");
    f->dcs[1] = SLICE_LIT("eqiad");
    f->source = SLICE_LIT("in.v1");
    f->snap.now_ms = NOW_MS;
    f->snap.dc_count = 2;
    f->snap.stream_count = 1;
    f->stream = &f->snap.streams[0];
    f->stream->output = SLICE_LIT("out.v1");
    f->stream->spec_version = 1;
    f->stream->has_spec = f->stream->has_cut = true;
    f->stream->spec = (struct spec){.output = f->stream->output,
                                    .dcs = {f->dcs, 2},
                                    .sources = {&f->source, 1},
                                    .min_members = 1};
    for (int i = 0; i < 2; i++) {
        f->snap.dcs[i].dc = f->dcs[i];
        starts[i] =
            (struct apply_start){.from = {.dc = f->dcs[i], .topic = f->source}, .position = -1};
    }
    assert_int_equal(apply_first_cut(&f->stream->spec, starts, 2, 1, &f->arena, &f->stream->cut),
                     0);
    f->stream->report_count = 2;
    f->stream->reports[0] = report_of(f, "codfw");
    f->stream->reports[1] = report_of(f, "eqiad");
    f->stream->cut_number = f->stream->cut.number = 9;
    f->stream->cut.member_count = 1; /* codfw, which is silent, has emitted more */
    f->stream->cut.strands[0].position = 3;
    f->stream->reports[0].clock_ms = NOW_MS - LOST_SILENT_MS;
    f->stream->reports[0].emitted = (struct emitted){.number = 9, .next_seq = 40};
    f->stream->reports[1].emitted = (struct emitted){.number = 5, .next_seq = 30};
    f->stream->reports[1].caught_up = true;
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

static const char *judge(struct fixture *f, struct lost_stream *out)
{
    return lost_judge(&f->snap, f->stream, f->dcs[0], &f->arena, out);
}

static void a_stream_goes_on_from_what_the_other_has_emitted(void **state)
{
    struct fixture *f = *state;
    struct lost_stream l;

    assert_null(lost_refusal(&f->snap, f->dcs[0], &f->arena));
    assert_null(judge(f, &l));
    assert_true(l.needs_era);
    assert_true(slice_equal(l.from, f->dcs[1]));
    assert_int_equal(l.from_cut, 5);
    assert_int_equal(l.first_seq, 30);
    assert_int_equal(l.last_known, 39);
}

static void a_dc_with_a_node_lives(void **state)
{
    struct fixture *f = *state;
    struct snapshot_node node = {.dc = f->dcs[0], .name = SLICE_LIT("n1")};

    f->snap.nodes = &node;
    f->snap.node_count = 1;
    assert_non_null(strstr(lost_refusal(&f->snap, f->dcs[0], &f->arena), "lives"));
    node.dc = f->dcs[1];
    assert_null(lost_refusal(&f->snap, f->dcs[0], &f->arena));
}

static void a_dc_that_has_reported_lately_may_live(void **state)
{
    struct fixture *f = *state;

    f->stream->reports[0].clock_ms++;
    assert_non_null(strstr(lost_refusal(&f->snap, f->dcs[0], &f->arena), "may live"));
}

static void nothing_is_lost_where_another_is_a_member_or_holds_all(void **state)
{
    struct fixture *f = *state;
    struct lost_stream l;

    f->stream->cut.member_count = 2;
    assert_null(judge(f, &l));
    assert_false(l.needs_era);
    f->stream->cut.member_count = 1;
    f->stream->reports[1].read_back[0] = 3;
    for (uint32_t i = 1; i < f->stream->reports[1].count; i++)
        f->stream->reports[1].read_back[i] = f->stream->cut.strands[i].position;
    assert_null(judge(f, &l));
    assert_false(l.needs_era);
}

static void nobody_goes_on_from_a_copy_of_an_older_era_or_a_silent_dc(void **state)
{
    struct fixture *f = *state;
    struct lost_stream l;

    f->stream->cut_era = 1;
    f->stream->reports[0].emitted.era = 1;
    assert_non_null(strstr(judge(f, &l), "no other DC"));
    f->stream->reports[1].emitted.era = 1;
    assert_null(judge(f, &l));
    f->stream->reports[1].clock_ms = NOW_MS - LOST_SILENT_MS;
    assert_non_null(strstr(judge(f, &l), "no other DC"));
}

static void it_is_declared_once(void **state)
{
    struct fixture *f = *state;
    struct lost_stream l;

    f->stream->incarnation_count = 1;
    f->stream->incarnations[0] = (struct snapshot_incarnation){.dc = f->dcs[1], .begins_era = 1};
    assert_non_null(strstr(judge(f, &l), "already"));
}

static void a_lost_dc_is_pooled_once_its_copy_is_of_the_newest_era(void **state)
{
    struct fixture *f = *state;

    f->stream->dcs[0] = f->dcs[0];
    f->stream->dc_count = 1;
    f->stream->cut_era = 1;
    assert_non_null(strstr(lost_return_refusal(&f->snap, f->dcs[0], &f->arena), "era 1"));
    f->stream->reports[0].emitted.era = 1;
    assert_null(lost_return_refusal(&f->snap, f->dcs[0], &f->arena));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_stream_goes_on_from_what_the_other_has_emitted),
        TEST(a_dc_with_a_node_lives),
        TEST(a_dc_that_has_reported_lately_may_live),
        TEST(nothing_is_lost_where_another_is_a_member_or_holds_all),
        TEST(nobody_goes_on_from_a_copy_of_an_older_era_or_a_silent_dc),
        TEST(it_is_declared_once),
        TEST(a_lost_dc_is_pooled_once_its_copy_is_of_the_newest_era),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
