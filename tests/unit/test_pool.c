/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a DC is taken out only if others go on, and is out only when nothing is left with it alone.
 * Method: a snapshot of two DCs, changed by hand one thing at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "coord/ctl/apply.h"
#include "coord/ctl/pool.h"

enum {
    NOW_MS = 1000000
};

struct fixture {
    struct arena arena;
    struct snapshot snap;
    struct slice dcs[2];
    struct slice source;
    struct snapshot_stream *stream;
    struct pool_wait wait;
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

static const char *refusal(struct fixture *f, const char *dc)
{
    const char *why = pool_refusal(&f->snap, slice_str(dc), &f->arena);

    return why == NULL ? "" : why;
}

static void a_dc_may_go_while_another_member_is_heard_of(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(refusal(f, "codfw"), "");
    assert_string_equal(refusal(f, "eqiad"), "");
    assert_string_equal(pool_consequence(&f->snap, SLICE_LIT("codfw"), &f->arena),
                        "what out.v1 emits then exists in eqiad alone");
}

static void the_last_member_stays(void **state)
{
    struct fixture *f = *state;

    f->stream->cut.member_count = 1; /* codfw */
    assert_non_null(strstr(refusal(f, "codfw"), "last member of out.v1: eqiad is no member"));
    assert_string_equal(refusal(f, "eqiad"), ""); /* it is out already */
    assert_null(pool_consequence(&f->snap, SLICE_LIT("eqiad"), &f->arena));
}

static void a_member_that_is_silent_or_depooled_is_no_other(void **state)
{
    struct fixture *f = *state;

    f->stream->reports[1].clock_ms = NOW_MS - 60000;
    assert_non_null(strstr(refusal(f, "codfw"), "eqiad has been silent for 60 s"));
    f->stream->reports[1].clock_ms = NOW_MS;
    f->snap.dcs[1].pool = 1;
    assert_non_null(strstr(refusal(f, "codfw"), "eqiad is depooled"));
    f->snap.dcs[1].pool = 0;
    f->stream->report_count = 1;
    assert_non_null(strstr(refusal(f, "codfw"), "eqiad has never reported"));
}

static void fewer_than_min_members_would_stand_still(void **state)
{
    struct fixture *f = *state;

    f->stream->spec.min_members = 2;
    assert_non_null(strstr(refusal(f, "codfw"), "min_members is 2"));
}

static void a_node_is_drained_only_if_another_can_take_its_tasks(void **state)
{
    struct fixture *f = *state;
    const char *why = NULL;

    f->snap.nodes[0] = (struct snapshot_node){.dc = f->dcs[0], .name = SLICE_LIT("n1")};
    f->snap.nodes[1] = (struct snapshot_node){.dc = f->dcs[1], .name = SLICE_LIT("n1")};
    f->snap.node_count = 2;
    why = pool_drain_refusal(&f->snap, SLICE_LIT("codfw/n1"), &f->arena);
    assert_non_null(strstr(why, "codfw has no other node"));
    assert_non_null(
        strstr(pool_drain_refusal(&f->snap, SLICE_LIT("codfw/n9"), &f->arena), "no live node"));
    f->snap.nodes[2] = (struct snapshot_node){.dc = f->dcs[0], .name = SLICE_LIT("n2")};
    f->snap.node_count = 3;
    assert_null(pool_drain_refusal(&f->snap, SLICE_LIT("codfw/n1"), &f->arena));
    f->snap.nodes[2].is_draining = true;
    assert_non_null(pool_drain_refusal(&f->snap, SLICE_LIT("codfw/n1"), &f->arena));
}

/* ---- waiting ---------------------------------------------------------------------------------- */

/* What it waits for, or "". */
static const char *step(struct fixture *f)
{
    const char *why = pool_wait_step(&f->wait, &f->snap, &f->arena);

    return why == NULL ? "" : why;
}

static void begin(struct fixture *f)
{
    for (uint32_t i = 0; i < f->stream->cut.layout.count; i++)
        ((int64_t *)(uintptr_t)f->stream->reports[0].read_back)[i] = 7;
    assert_int_equal(pool_wait_begin(&f->snap, SLICE_LIT("codfw"), &f->arena, &f->wait), 0);
}

static void leave_eqiad_alone(struct fixture *f)
{
    f->stream->cut.members[0].dc = SLICE_LIT("eqiad");
    f->stream->cut.member_count = 1;
}

static void a_member_is_not_out(void **state)
{
    begin(*state);
    assert_non_null(strstr(step(*state), "codfw is still a member of out.v1"));
}

static void what_it_held_alone_is_named(void **state)
{
    struct fixture *f = *state;

    begin(f);
    leave_eqiad_alone(f);
    assert_non_null(strstr(step(f), "offsets 0 to 7 of codfw.in.v1 partition 0"));
}

static void it_is_out_once_the_others_have_emitted_all_of_it(void **state)
{
    struct fixture *f = *state;

    begin(f);
    leave_eqiad_alone(f);
    for (uint32_t i = 0; i < f->stream->cut.layout.count; i++)
        f->stream->cut.strands[i].position = 7;
    f->stream->cut.number = 40;
    f->stream->reports[1].emitted.number = 39;
    assert_non_null(strstr(step(f), "eqiad has emitted up to cut 39, not 40"));
    /* Later cuts are not waited for. */
    f->stream->cut.number = 90;
    f->stream->reports[1].emitted.number = 40;
    assert_string_equal(step(f), "");
}

static void it_is_back_once_it_is_a_member_of_all_its_streams(void **state)
{
    struct fixture *f = *state;
    const char *why = NULL;

    assert_null(pool_join_step(&f->snap, SLICE_LIT("codfw"), &f->arena));
    leave_eqiad_alone(f);
    why = pool_join_step(&f->snap, SLICE_LIT("codfw"), &f->arena);
    assert_string_equal(why, "codfw is not a member of out.v1 yet");
    f->stream->reports[0].clock_ms = NOW_MS - 60000;
    why = pool_join_step(&f->snap, SLICE_LIT("codfw"), &f->arena);
    assert_non_null(strstr(why, "yet: codfw has been silent for 60 s"));
    f->stream->spec.dcs =
        (struct key_texts){&f->dcs[1], 1}; /* codfw is not one of the stream's DCs */
    assert_null(pool_join_step(&f->snap, SLICE_LIT("codfw"), &f->arena));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_dc_may_go_while_another_member_is_heard_of, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_last_member_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_member_that_is_silent_or_depooled_is_no_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(fewer_than_min_members_would_stand_still, setup, teardown),
        cmocka_unit_test_setup_teardown(a_node_is_drained_only_if_another_can_take_its_tasks, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_member_is_not_out, setup, teardown),
        cmocka_unit_test_setup_teardown(what_it_held_alone_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_out_once_the_others_have_emitted_all_of_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(it_is_back_once_it_is_a_member_of_all_its_streams, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
