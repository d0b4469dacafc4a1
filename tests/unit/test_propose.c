/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the next cut goes exactly as far as all its members hold, members come and go by the
 *       rules, and a proposer that slept blames nobody (R6, R7, A13).
 * Method: eqiad proposes; codfw's reports are written by hand; time is a number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/member.h"
#include "node/propose.h"

enum {
    OWN,  /* codfw enriched eqiad's: sorted first */
    PEER, /* eqiad enriched eqiad's */
    STRANDS
};

enum {
    TIMEOUT_MS = 1000,
    REJOIN_MS = 500,
    LAG_MS = 3000,
    STEP_MS = 100
};

struct fixture {
    struct arena arena;
    struct strand_name names[STRANDS];
    struct strands s;
    struct members members;
    struct merge_config config;
    struct merge_view view;
    struct strand_position head[STRANDS];
    int64_t codfw_holds[STRANDS];
    struct strand_position next[STRANDS];
    struct member_decision decision;
    struct cut cut;
    struct proposer proposer;
    int64_t now_ms;
    int64_t log_next[STRANDS];
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
        f->codfw_holds[i] = POSITION_NONE;
    }
    layout_hash(&layout);
    const struct strands_config config = {.dc = SLICE_LIT("eqiad"),
                                          .layout = &layout,
                                          .entries_max = 1024,
                                          .bytes_max = (uint64_t)1 << 20,
                                          .grace_ms = 0};
    assert_int_equal(strands_init(&f->s, &config, 16, &f->arena), 0);
    for (uint32_t i = 0; i < f->s.log_count; i++)
        f->s.logs[i].has_bounds = true;
    for (uint32_t i = 0; i < STRANDS; i++)
        strand_place_set(&f->s, i, &start);
}

static void init_view(struct fixture *f)
{
    f->view.has_head = true;
    f->view.head = (struct cut){.member_count = 2,
                                .members = {{SLICE_LIT("codfw"), 0}, {SLICE_LIT("eqiad"), 0}},
                                .layout = f->s.layout,
                                .strands = f->head,
                                .time_ms = 1000};
    f->view.dc_count = 2;
    f->view.dcs[0] = (struct merge_dc_view){.dc = SLICE_LIT("codfw"),
                                            .is_pooled = true,
                                            .has_report = true,
                                            .report_revision = 55,
                                            .report = {.layout_hash = f->s.layout.hash,
                                                       .count = STRANDS,
                                                       .read_back = f->codfw_holds,
                                                       .offer = f->codfw_holds,
                                                       .number = 1,
                                                       .clock_ms = 5000,
                                                       .caught_up = true}};
    f->view.dcs[1] =
        (struct merge_dc_view){.dc = SLICE_LIT("eqiad"), .is_pooled = true, .has_report = true};
}

static int setup(void **state)
{
    struct fixture *f = &fixture;

    *f = (struct fixture){.now_ms = 10000};
    arena_init(&f->arena, (size_t)1 << 20, (size_t)1 << 24);
    f->config = (struct merge_config){.dc = SLICE_LIT("eqiad"),
                                      .member_timeout_ms = TIMEOUT_MS,
                                      .member_rejoin_ms = REJOIN_MS,
                                      .member_lag_max_ms = LAG_MS,
                                      .min_members = 1};
    init_strands(f);
    assert_int_equal(members_init(&f->members, &f->config, STRANDS, &f->arena), 0);
    init_view(f);
    f->proposer = (struct proposer){.config = &f->config,
                                    .strands = &f->s,
                                    .members = &f->members,
                                    .params = {.cap_records = 100, .cap_bytes = 1 << 20},
                                    .last_cut_ms = f->now_ms};
    f->view.head.params = f->proposer.params;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    return 0;
}

/* We read `count` records of a strand. */
static void read_records(struct fixture *f, uint32_t strand, int count)
{
    for (int i = 0; i < count; i++) {
        const int64_t last = f->s.list[strand].last;
        struct record r = {
            .log_offset = f->log_next[strand],
            .braid = {.has_origin = true,
                      .has_by = true,
                      .origin = {.from = f->names[strand].from, .prev = last, .offset = last + 1},
                      .status = STATUS_OK,
                      .by_dc = f->names[strand].by},
            .handle = f,
            .bytes = 10,
        };
        bool keep = false;
        if (strand == OWN)
            r.braid.raw[HEADER_COPY] = SLICE_LIT("eqiad");
        f->log_next[strand]++;
        (void)strands_read(&f->s, f->s.list[strand].log, &r, 1, f->now_ms, &keep);
    }
    (void)strands_offer(&f->s, f->now_ms);
}

/* A re-read of etcd every STEP_MS, for ms; codfw reports anew if `alive`. */
static void pass(struct fixture *f, int64_t ms, bool alive)
{
    for (int64_t t = 0; t < ms; t += STEP_MS) {
        f->now_ms += STEP_MS;
        if (alive)
            f->view.dcs[0].report_revision++;
        members_view(&f->members, &f->view, &f->s, f->now_ms);
    }
}

static bool propose(struct fixture *f)
{
    f->proposer.wall_ms = f->now_ms;
    return propose_cut(&f->proposer, &f->view, f->now_ms, f->next, &f->decision, &f->cut);
}

static void a_cut_goes_as_far_as_all_members_hold(void **state)
{
    struct fixture *f = *state;

    read_records(f, PEER, 5);
    f->codfw_holds[PEER] = 2;
    pass(f, STEP_MS, true);
    assert_true(propose(f));
    assert_int_equal(f->next[PEER].position, 2);
    assert_int_equal(f->next[OWN].position, POSITION_NONE);
    assert_int_equal(f->next[PEER].log_offset, 2);
    assert_int_equal(f->cut.number, 1);
    assert_int_equal(f->cut.member_count, 2);
}

static void nothing_new_is_no_cut(void **state)
{
    struct fixture *f = *state;

    read_records(f, PEER, 5);
    pass(f, STEP_MS, true);
    assert_false(propose(f));
}

static void the_caps_hold(void **state)
{
    struct fixture *f = *state;

    read_records(f, PEER, 50);
    f->codfw_holds[PEER] = 49;
    pass(f, STEP_MS, true);
    f->proposer.params.cap_records = 10;
    f->view.head.params.cap_records = 10;
    assert_true(propose(f));
    assert_int_equal(f->next[PEER].position, 9);
    f->proposer.params.cap_bytes = 30;
    f->view.head.params.cap_bytes = 30;
    assert_true(propose(f));
    assert_int_equal(f->next[PEER].position, 3);
}

static void a_position_never_goes_back(void **state)
{
    struct fixture *f = *state;

    read_records(f, PEER, 5);
    f->head[PEER].position = 4;
    f->codfw_holds[PEER] = 1;
    pass(f, STEP_MS, true);
    assert_false(propose(f));
    assert_int_equal(f->next[PEER].position, 4);
}

static void the_cut_time_is_the_slowest_clock_and_never_goes_back(void **state)
{
    struct fixture *f = *state;

    read_records(f, PEER, 1);
    f->codfw_holds[PEER] = 0;
    pass(f, STEP_MS, true);
    assert_true(propose(f));
    assert_int_equal(f->cut.time_ms, 5000);
    f->view.dcs[0].report.clock_ms = 500;
    assert_true(propose(f));
    assert_int_equal(f->cut.time_ms, 1000);
}

static void an_hour_is_stepped_over_only_if_clocks_agree(void **state)
{
    struct fixture *f = *state;

    read_records(f, PEER, 1);
    f->codfw_holds[PEER] = 0;
    pass(f, STEP_MS, true);
    f->now_ms += 10 * MERGE_TIME_STEP_MS;
    f->view.dcs[0].report.clock_ms = f->now_ms + MERGE_CLOCKS_AGREE_MS + 1;
    assert_true(propose(f));
    assert_int_equal(f->cut.time_ms, 1000);
    f->view.dcs[0].report.clock_ms = f->now_ms + MERGE_CLOCKS_AGREE_MS;
    assert_true(propose(f));
    assert_int_equal(f->cut.time_ms, f->now_ms);
    f->view.dcs[0].is_pooled = false; /* alone */
    assert_true(propose(f));
    assert_int_equal(f->cut.time_ms, 1000);
}

static void a_silent_member_is_dropped_by_its_very_report(void **state)
{
    struct fixture *f = *state;

    pass(f, STEP_MS, true);
    pass(f, TIMEOUT_MS, false);
    assert_false(propose(f));
    pass(f, STEP_MS, false);
    assert_true(propose(f));
    assert_int_equal(f->cut.member_count, 1);
    assert_true(slice_equal(f->decision.dropped, SLICE_LIT("codfw")));
    assert_int_equal(f->decision.dropped_revision, f->view.dcs[0].report_revision);
    assert_true(f->decision.is_silence);
    assert_true(slice_equal(f->cut.reason, SLICE_LIT("dropped codfw: no report")));
}

static void a_silent_dc_that_holds_everything_stays_out_until_it_reports(void **state)
{
    struct fixture *f = *state;

    pass(f, STEP_MS, true);
    pass(f, TIMEOUT_MS + STEP_MS, false);
    assert_true(propose(f));
    f->view.head.member_count = 1;
    f->view.head.members[0] = (struct member){SLICE_LIT("eqiad"), 0};
    pass(f, 10 * TIMEOUT_MS, false);
    assert_false(propose(f));
    pass(f, STEP_MS, true);
    assert_true(propose(f));
    assert_true(slice_equal(f->cut.reason, SLICE_LIT("took in codfw: it holds every strand")));
}

static void a_proposer_that_slept_drops_nobody(void **state)
{
    struct fixture *f = *state;

    pass(f, STEP_MS, true);
    f->now_ms += 100 * TIMEOUT_MS;
    pass(f, STEP_MS, false);
    assert_false(propose(f));
}

static void a_member_whose_strand_stands_still_is_dropped(void **state)
{
    struct fixture *f = *state;

    read_records(f, PEER, 5);
    f->codfw_holds[PEER] = 2;
    f->head[PEER].position = 2;
    pass(f, STEP_MS, true);
    pass(f, TIMEOUT_MS + STEP_MS, true);
    assert_true(propose(f));
    assert_int_equal(f->cut.member_count, 1);
    assert_true(slice_equal(f->cut.reason, SLICE_LIT("dropped codfw: a strand stands still")));
    assert_false(f->decision.is_silence); /* its report is a newer one each time */
    assert_int_equal(f->next[PEER].position, 4);
}

/* It may be slow because it waits for a cut. */
static void a_slow_member_is_kept_where_it_is_needed(void **state)
{
    struct fixture *f = *state;

    f->config.min_members = 2;
    read_records(f, PEER, 5);
    f->codfw_holds[PEER] = 2;
    f->head[PEER].position = 2;
    pass(f, STEP_MS, true);
    pass(f, TIMEOUT_MS + STEP_MS, true);
    f->codfw_holds[PEER] = 3;
    assert_true(propose(f));
    assert_int_equal(f->cut.member_count, 2);
    assert_int_equal(f->next[PEER].position, 3);
}

static void a_member_that_has_more_than_is_cut_is_kept(void **state)
{
    struct fixture *f = *state;

    f->codfw_holds[PEER] = 2;
    read_records(f, PEER, 5);
    pass(f, 2 * TIMEOUT_MS, true);
    assert_true(propose(f));
    assert_int_equal(f->cut.member_count, 2);
    assert_int_equal(f->next[PEER].position, 2);
}

static void fewer_members_than_the_minimum_make_no_cut(void **state)
{
    struct fixture *f = *state;

    f->config.min_members = 2;
    read_records(f, PEER, 5);
    pass(f, STEP_MS, true);
    pass(f, 2 * TIMEOUT_MS, false);
    assert_false(propose(f));
}

static void a_dc_is_taken_in_after_it_held_everything_for_a_while(void **state)
{
    struct fixture *f = *state;

    read_records(f, PEER, 5);
    f->view.head.member_count = 1;
    f->view.head.members[0] = (struct member){SLICE_LIT("eqiad"), 0};
    f->head[PEER].position = 4;
    f->codfw_holds[PEER] = 3;
    pass(f, 2 * REJOIN_MS, true);
    assert_false(propose(f));
    f->codfw_holds[PEER] = 4;
    pass(f, REJOIN_MS, true);
    assert_false(propose(f));
    pass(f, STEP_MS, true);
    assert_true(propose(f));
    assert_int_equal(f->cut.member_count, 2);
}

/* What is cut becomes the head. Returns true if a cut was made. */
static bool cut(struct fixture *f)
{
    if (!propose(f))
        return false;
    f->proposer.last_cut_ms = f->now_ms;
    memcpy(f->head, f->next, sizeof f->head);
    f->view.head.number = f->cut.number;
    f->view.head.member_count = f->cut.member_count;
    memcpy(f->view.head.members, f->cut.members, sizeof f->cut.members);
    return true;
}

static void eqiad_alone(struct fixture *f)
{
    f->config.cuts_kept = 1000;
    f->view.head.member_count = 1;
    f->view.head.members[0] = (struct member){SLICE_LIT("eqiad"), 0};
}

static void a_dc_whose_reports_are_older_than_each_cut_is_taken_in(void **state)
{
    struct fixture *f = *state;
    int64_t one_before = POSITION_NONE;

    eqiad_alone(f);
    for (int i = 0; i < 50 && f->view.head.member_count == 1; i++) {
        f->codfw_holds[PEER] = one_before;
        one_before = f->s.list[PEER].last;
        read_records(f, PEER, 1);
        pass(f, STEP_MS, true);
        (void)cut(f);
    }
    assert_int_equal(f->view.head.member_count, 2);
}

static void a_dc_that_never_gets_there_is_not_awaited_for_long(void **state)
{
    struct fixture *f = *state;
    int64_t still_ms = 0;
    int64_t longest_ms = 0;

    eqiad_alone(f);
    f->head[PEER].position = 4;
    f->codfw_holds[PEER] = 0;
    read_records(f, PEER, 6);
    for (int i = 0; i < 200; i++) {
        f->codfw_holds[PEER]++;
        read_records(f, PEER, 2);
        pass(f, STEP_MS, true);
        still_ms = cut(f) ? 0 : still_ms + STEP_MS;
        longest_ms = still_ms > longest_ms ? still_ms : longest_ms;
    }
    assert_in_range(longest_ms, STEP_MS, MEMBER_AWAIT_MS + STEP_MS);
    assert_int_equal(f->view.head.member_count, 1);
}

static void a_dc_that_lacks_cuts_in_its_log_is_not_taken_in(void **state)
{
    struct fixture *f = *state;

    f->config.cuts_kept = 10;
    f->view.head.number = 50;
    f->view.head.member_count = 1;
    f->view.head.members[0] = (struct member){SLICE_LIT("eqiad"), 0};
    f->view.dcs[0].report.logged_number = 39;
    pass(f, 4 * REJOIN_MS, true);
    assert_false(propose(f));
    f->view.dcs[0].report.logged_number = 40;
    assert_true(propose(f));
    assert_int_equal(f->cut.member_count, 2);
}

static void a_depooled_dc_leaves_and_stays_out(void **state)
{
    struct fixture *f = *state;

    f->view.dcs[0].is_pooled = false;
    pass(f, STEP_MS, true);
    assert_true(propose(f));
    assert_int_equal(f->cut.member_count, 1);
    f->view.head.member_count = 1;
    f->view.head.members[0] = (struct member){SLICE_LIT("eqiad"), 0};
    pass(f, 4 * REJOIN_MS, true);
    assert_false(propose(f));
}

static void a_member_with_another_log_epoch_is_dropped(void **state)
{
    struct fixture *f = *state;

    f->view.dcs[0].incarnation = 1;
    pass(f, STEP_MS, true);
    assert_true(propose(f));
    assert_int_equal(f->cut.member_count, 1);
}

static void an_outsider_proposes_only_to_join(void **state)
{
    struct fixture *f = *state;

    read_records(f, PEER, 5);
    f->codfw_holds[PEER] = 4;
    f->view.head.member_count = 1;
    pass(f, STEP_MS, true);
    assert_false(propose(f));
    pass(f, REJOIN_MS, true);
    assert_true(propose(f));
    assert_int_equal(f->cut.member_count, 2);
}

static void a_new_spec_is_a_cut(void **state)
{
    struct fixture *f = *state;

    pass(f, STEP_MS, true);
    assert_false(propose(f));
    f->proposer.spec_version = 2;
    f->proposer.params.dedup_window = 77;
    assert_true(propose(f));
    assert_int_equal(f->cut.spec_version, 2);
    assert_int_equal(f->cut.params.dedup_window, 77);
}

static void newer_merge_rules_wait_until_every_dc_knows_them(void **state)
{
    struct fixture *f = *state;

    f->view.head.params.rules_version = 1;
    f->view.dcs[0].report.rules_version_max = 1;
    f->view.dcs[1].report.rules_version_max = 2;
    f->proposer.params.rules_version = 2;
    pass(f, STEP_MS, true);
    assert_false(propose(f)); /* codfw has a node that does not know them, member or not */
    f->view.dcs[0].report.rules_version_max = 3;
    assert_true(propose(f));
    assert_int_equal(f->cut.params.rules_version, 2);
}

static void merge_rules_never_go_back(void **state)
{
    struct fixture *f = *state;

    f->view.head.params.rules_version = 2;
    f->view.dcs[0].report.rules_version_max = 1;
    f->view.dcs[1].report.rules_version_max = 2;
    f->proposer.params.rules_version = 2;
    f->proposer.spec_version = 2;
    pass(f, STEP_MS, true);
    assert_true(propose(f));
    assert_int_equal(f->cut.params.rules_version, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_cut_goes_as_far_as_all_members_hold),
        TEST(nothing_new_is_no_cut),
        TEST(the_caps_hold),
        TEST(a_position_never_goes_back),
        TEST(the_cut_time_is_the_slowest_clock_and_never_goes_back),
        TEST(an_hour_is_stepped_over_only_if_clocks_agree),
        TEST(a_silent_member_is_dropped_by_its_very_report),
        TEST(a_silent_dc_that_holds_everything_stays_out_until_it_reports),
        TEST(a_proposer_that_slept_drops_nobody),
        TEST(a_member_whose_strand_stands_still_is_dropped),
        TEST(a_slow_member_is_kept_where_it_is_needed),
        TEST(a_member_that_has_more_than_is_cut_is_kept),
        TEST(fewer_members_than_the_minimum_make_no_cut),
        TEST(a_dc_is_taken_in_after_it_held_everything_for_a_while),
        TEST(a_dc_whose_reports_are_older_than_each_cut_is_taken_in),
        TEST(a_dc_that_never_gets_there_is_not_awaited_for_long),
        TEST(a_dc_that_lacks_cuts_in_its_log_is_not_taken_in),
        TEST(a_depooled_dc_leaves_and_stays_out),
        TEST(a_member_with_another_log_epoch_is_dropped),
        TEST(an_outsider_proposes_only_to_join),
        TEST(a_new_spec_is_a_cut),
        TEST(newer_merge_rules_wait_until_every_dc_knows_them),
        TEST(merge_rules_never_go_back),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
