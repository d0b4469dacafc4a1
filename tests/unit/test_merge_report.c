/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no more cuts are made than may be missing in a member's log of cuts, but for one that drops a
 *       member (A5).
 * Method: eqiad's merge, made by hand, looks at views made by hand: codfw holds every record, and has
 *         logged as many cuts as the test says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/merge_state.h"

enum {
    STRANDS = 2, /* codfw's and eqiad's, of eqiad's topic */
    OWN = 1,
    TIMEOUT_MS = 1000,
    STEP_MS = 100,
    HEAD = 5000 /* number of the newest cut */
};

struct fixture {
    struct arena arena;
    struct merge m;
    struct merge_view view;
    struct merge_actions out;
    struct strand_name names[STRANDS];
    struct strand_name next_names[STRANDS];
    struct strand_position head[STRANDS];
    struct strand_position next[STRANDS];
    int64_t holds[STRANDS];
    int64_t read_back[STRANDS];
    int64_t offer[STRANDS];
    struct log_tail tails[STRANDS];
    int64_t now_ms;
};

static struct fixture fixture; /* The one fixture. */

static void init_strands(struct fixture *f)
{
    static const char *const BY[STRANDS] = {"codfw", "eqiad"};
    const struct place start = {.last = POSITION_NONE};
    struct layout layout = {.count = STRANDS, .names = f->names};

    for (int i = 0; i < STRANDS; i++) {
        f->names[i] = (struct strand_name){
            .by = slice_str(BY[i]), .from = {.dc = SLICE_LIT("eqiad"), .topic = SLICE_LIT("t")}};
        f->head[i].position = POSITION_NONE;
        f->holds[i] = POSITION_NONE;
    }
    layout_hash(&layout);
    const struct strands_config config = {.dc = SLICE_LIT("eqiad"),
                                          .layout = &layout,
                                          .entries_max = 1024,
                                          .bytes_max = (uint64_t)1 << 20};
    assert_int_equal(strands_init(&f->m.strands, &config, 16, &f->arena), 0);
    for (uint32_t i = 0; i < f->m.strands.log_count; i++)
        f->m.strands.logs[i].has_bounds = true;
    for (uint32_t i = 0; i < STRANDS; i++)
        strand_place_set(&f->m.strands, i, &start);
}

/* A record that no cut has yet, and that both hold. */
static void read_record(struct fixture *f)
{
    struct strands *s = &f->m.strands;
    bool keep = false;
    const struct record r = {.braid = {.has_origin = true,
                                       .has_by = true,
                                       .origin = {.from = f->names[OWN].from, .prev = -1},
                                       .status = STATUS_OK,
                                       .by_dc = f->names[OWN].by},
                             .handle = f,
                             .bytes = 10};

    (void)strands_read(s, s->list[OWN].log, &r, 1, f->now_ms, &keep);
    (void)strands_offer(s, f->now_ms);
    f->holds[OWN] = 0;
}

static void init_view(struct fixture *f)
{
    const struct layout layout = f->m.strands.layout;
    const struct report codfw = {.layout_hash = layout.hash,
                                 .count = STRANDS,
                                 .read_back = f->holds,
                                 .offer = f->holds,
                                 .number = 1,
                                 .clock_ms = 5000,
                                 .caught_up = true};

    f->view.has_head = true;
    f->view.head = (struct cut){.number = HEAD,
                                .member_count = 2,
                                .members = {{SLICE_LIT("codfw"), 0}, {SLICE_LIT("eqiad"), 0}},
                                .layout = layout,
                                .strands = f->head,
                                .params = {.cap_records = 100, .cap_bytes = 1 << 20},
                                .time_ms = 1000};
    f->view.dc_count = 2;
    f->view.dcs[0] = (struct merge_dc_view){.dc = SLICE_LIT("codfw"),
                                            .is_pooled = true,
                                            .has_report = true,
                                            .report_revision = 55,
                                            .report = codfw};
    f->view.dcs[1] =
        (struct merge_dc_view){.dc = SLICE_LIT("eqiad"), .is_pooled = true, .has_report = true};
}

static int setup(void **state)
{
    struct fixture *f = &fixture;
    struct merge *m = &f->m;

    *f = (struct fixture){.now_ms = 10000};
    arena_init(&f->arena, (size_t)1 << 20, (size_t)1 << 24);
    arena_init(&m->scratch, (size_t)1 << 16, (size_t)1 << 24);
    m->config = (struct merge_config){.dc = SLICE_LIT("eqiad"),
                                      .node = SLICE_LIT("eqiad/n1"),
                                      .cut_interval_ms = 1,
                                      .member_timeout_ms = TIMEOUT_MS,
                                      .member_rejoin_ms = TIMEOUT_MS,
                                      .member_lag_max_ms = 3 * TIMEOUT_MS,
                                      .min_members = 1};
    init_strands(f);
    assert_int_equal(members_init(&m->members, &m->config, STRANDS, &f->arena), 0);
    init_view(f);
    m->phase = MERGE_RUNNING;
    m->view = &f->view;
    m->view_is_current = true;
    m->is_caught_up = true;
    m->is_member = true;
    m->known_number = HEAD;
    m->logged_number = HEAD;
    m->head_seen_ms = f->now_ms;
    m->newest_params = f->view.head.params;
    m->next_positions = f->next;
    m->next_names = f->next_names;
    m->report_read_back = f->read_back;
    m->report_offer = f->offer;
    m->tails = f->tails;
    read_record(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->m.scratch);
    arena_deinit(&f->arena);
    return 0;
}

/* codfw reports, or is silent, for ms; then eqiad's merge reports. True if it proposes a cut, too. */
static bool proposes(struct fixture *f, int64_t ms, bool reports)
{
    for (int64_t t = 0; t < ms; t += STEP_MS) {
        f->now_ms += STEP_MS;
        f->view.dcs[0].report_revision += reports ? 1 : 0;
        members_view(&f->m.members, &f->view, &f->m.strands, f->now_ms);
    }
    f->out = (struct merge_actions){0};
    f->m.is_reporting = false;
    f->m.is_report_due = true;
    merge_report(&f->m, f->now_ms, &f->out);
    assert_true(f->m.is_reporting); /* what it holds is reported whatever becomes of cuts */
    return f->m.proposal.has_cut;
}

static void a_cut_is_proposed_while_few_are_not_logged(void **state)
{
    struct fixture *f = *state;

    f->view.dcs[0].report.logged_number = HEAD - MERGE_UNLOGGED_MAX;
    assert_true(proposes(f, STEP_MS, true));
    assert_int_equal(f->m.proposal.number, HEAD + 1);
    assert_int_equal(f->m.proposal.member_count, 2);
}

static void no_cut_is_proposed_while_a_member_has_not_logged_too_many(void **state)
{
    struct fixture *f = *state;

    f->view.dcs[0].report.logged_number = HEAD - MERGE_UNLOGGED_MAX - 1;
    assert_false(proposes(f, STEP_MS, true));
    f->view.dcs[0].report.logged_number++;
    assert_true(proposes(f, STEP_MS, true));
}

/* What it logged in another era are other cuts. */
static void what_a_member_has_logged_of_another_era_does_not_count(void **state)
{
    struct fixture *f = *state;

    f->view.dcs[0].report.logged_number = HEAD;
    f->view.dcs[0].report.logged_era = 1;
    assert_false(proposes(f, STEP_MS, true));
}

static void who_fills_the_chain_and_is_silent_is_dropped_all_the_same(void **state)
{
    struct fixture *f = *state;

    f->view.dcs[0].report.logged_number = HEAD - MERGE_UNLOGGED_MAX - 1;
    assert_false(proposes(f, STEP_MS, true));
    assert_true(proposes(f, 2 * TIMEOUT_MS, false));
    assert_int_equal(f->m.proposal.member_count, 1);
    assert_true(slice_equal(f->m.proposal.members[0], SLICE_LIT("eqiad")));
    assert_true(slice_equal(f->m.proposal.dropped, SLICE_LIT("codfw")));
    assert_int_equal(f->m.proposal.dropped_revision, f->view.dcs[0].report_revision);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cut_is_proposed_while_few_are_not_logged),
        TEST(no_cut_is_proposed_while_a_member_has_not_logged_too_many),
        TEST(what_a_member_has_logged_of_another_era_does_not_count),
        TEST(who_fills_the_chain_and_is_silent_is_dropped_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
