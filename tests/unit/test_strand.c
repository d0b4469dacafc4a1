/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: held is never overstated, and a full ring costs time, not records.
 * Method: one log with two strands of small rings, fed by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/strand.h"

enum {
    OWN,   /* eqiad enriched eqiad's */
    PEER,  /* eqiad enriched codfw's: the same log */
    OTHER, /* codfw enriched eqiad's: a copy */
    STRANDS
};

enum {
    GRACE_MS = 1000,
    RING = STRAND_ENTRIES_MIN
};

struct fixture {
    struct arena arena;
    struct strand_name names[STRANDS];
    struct strands s;
    int64_t next_log[2];
};

static struct fixture fixture; /* The one fixture. */

static struct strand_name name(const char *by, const char *origin)
{
    return (struct strand_name){.by = slice_str(by),
                                .from = {.dc = slice_str(origin), .topic = SLICE_LIT("t")}};
}

static int setup(void **state)
{
    struct fixture *f = &fixture;
    const struct place start = {.last = POSITION_NONE};

    *f = (struct fixture){0};
    arena_init(&f->arena, (size_t)1 << 20, (size_t)1 << 24);
    f->names[OWN] = name("eqiad", "eqiad");
    f->names[PEER] = name("eqiad", "codfw");
    f->names[OTHER] = name("codfw", "eqiad");
    struct layout layout = {.count = STRANDS, .names = f->names};
    const struct strands_config config = {.dc = SLICE_LIT("eqiad"),
                                          .layout = &layout,
                                          .entries_max = RING,
                                          .bytes_max = 3000,
                                          .grace_ms = GRACE_MS};
    assert_int_equal(strands_init(&f->s, &config, 16, &f->arena), 0);
    for (uint32_t i = 0; i < f->s.log_count; i++)
        f->s.logs[i].has_bounds = true;
    for (uint32_t i = 0; i < STRANDS; i++)
        strand_place_set(&f->s, i, &start);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    return 0;
}

static struct record record_of(const struct fixture *f, uint32_t strand, int64_t log_offset,
                               int64_t prev, int64_t offset)
{
    static int handle;
    struct record r = {
        .log_offset = log_offset,
        .braid = {.has_origin = true,
                  .has_by = true,
                  .origin = {.from = f->names[strand].from, .prev = prev, .offset = offset},
                  .status = STATUS_OK,
                  .by_dc = f->names[strand].by},
        .content_hash = (uint64_t)offset + 1,
        .handle = &handle,
        .bytes = 10,
    };

    if (strand == OTHER)
        r.braid.raw[HEADER_COPY] = SLICE_LIT("eqiad");
    return r;
}

/* Gives one record at the log's end; true if its handle was kept. */
static bool feed_record(struct fixture *f, uint32_t strand, struct record r, int64_t now_ms)
{
    bool keep = false;

    (void)strands_read(&f->s, f->s.list[strand].log, &r, 1, now_ms, &keep);
    return keep;
}

static bool feed(struct fixture *f, uint32_t strand, int64_t prev, int64_t offset)
{
    const uint32_t log = f->s.list[strand].log;
    const struct record r = record_of(f, strand, f->next_log[log], prev, offset);

    f->next_log[log]++;
    return feed_record(f, strand, r, 0);
}

static void read_again(struct fixture *f, uint32_t strand)
{
    struct log *l = &f->s.logs[f->s.list[strand].log];

    log_rewind(&f->s, f->s.list[strand].log);
    l->has_bounds = true;
}

static void held_grows_by_what_links(void **state)
{
    struct fixture *f = *state;

    assert_true(feed(f, OWN, -1, 0));
    assert_false(feed(f, OWN, 1, 2));
    assert_int_equal(f->s.list[OWN].last, 0);
    assert_int_equal(f->s.holes, 1);
    assert_true(feed(f, OWN, 0, 1));
    assert_false(feed(f, OWN, 0, 1));
    assert_int_equal(f->s.list[OWN].last, 1);
    assert_int_equal(f->s.duplicates, 1);
}

static void a_copy_made_for_another_dc_is_foreign(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(f, OTHER, 0, -1, 0);

    r.braid.raw[HEADER_COPY] = SLICE_LIT("codfw");
    assert_false(feed_record(f, OTHER, r, 0));
    r.braid.raw[HEADER_COPY] = (struct slice){0};
    assert_false(feed_record(f, OTHER, r, 0));
    assert_int_equal(f->s.foreign, 2);
    assert_int_equal(f->s.list[OTHER].last, POSITION_NONE);
}

static void a_record_of_another_strand_incarnation_is_void(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(f, OWN, 0, -1, 0);

    r.braid.by_incarnation = 1;
    assert_false(feed_record(f, OWN, r, 0));
    assert_int_equal(f->s.foreign, 0);
    assert_int_equal(f->s.list[OWN].last, POSITION_NONE);
}

static void equal_records_give_equal_digests(void **state)
{
    struct fixture *f = *state;
    uint64_t first = 0;
    uint64_t second = 0;

    (void)feed(f, OWN, -1, 0);
    (void)feed(f, OTHER, -1, 0);
    assert_true(strand_digest_at(&f->s.list[OWN], 0, &first));
    assert_true(strand_digest_at(&f->s.list[OTHER], 0, &second));
    assert_int_equal(first, second);
    struct record r = record_of(f, OTHER, 1, 0, 1);
    r.content_hash = 99;
    (void)feed_record(f, OTHER, r, 0);
    (void)feed(f, OWN, 0, 1);
    assert_true(strand_digest_at(&f->s.list[OWN], 1, &first));
    assert_true(strand_digest_at(&f->s.list[OTHER], 1, &second));
    assert_int_not_equal(first, second);
    assert_false(strand_digest_at(&f->s.list[OWN], 7, &first));
}

static void a_place_gives_the_same_state_again(void **state)
{
    struct fixture *f = *state;
    struct place at;

    for (int64_t i = 0; i < 4; i++)
        (void)feed(f, OWN, i - 1, i);
    strand_emitted(&f->s, OWN, 1);
    strand_place(&f->s, OWN, &at);
    assert_int_equal(at.last, 1);
    assert_int_equal(at.from, 2); /* the log offset of record 2 */
    strand_emitted(&f->s, OWN, 3);
    strand_place(&f->s, OWN, &at);
    assert_int_equal(at.last, 3);
    assert_int_equal(at.from, 4);
    strand_place(&f->s, PEER, &at);
    assert_int_equal(at.last, POSITION_NONE);
    assert_int_equal(at.from, 4); /* judged to the log's end */
}

static void a_full_ring_pauses_its_log_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    const uint32_t log = f->s.list[OWN].log;
    int64_t offset = 0;

    f->s.list[OWN].ahead = RING - 1; /* cuts that emission has still to follow */
    while (!f->s.logs[log].is_paused) {
        (void)feed(f, OWN, offset - 1, offset);
        (void)strands_offer(&f->s, 0);
        offset++;
        assert_true(offset < 10 * RING);
    }
    const int64_t held = f->s.list[OWN].last;
    assert_int_equal(held, RING - 1);
    assert_false(log_wants_reading(&f->s, log));
    strand_emitted(&f->s, OWN, held);
    assert_true(log_wants_reading(&f->s, log));
    read_again(f, OWN);
    assert_int_equal(f->s.logs[log].next, held + 1);
    f->next_log[log] = held + 1;
    assert_true(feed(f, OWN, held, held + 1));
}

/* What an older reading still delivers must not move the place past what is read again. */
static void nothing_counts_between_a_rewind_and_the_bounds(void **state)
{
    struct fixture *f = *state;
    const uint32_t log = f->s.list[OWN].log;

    assert_true(feed(f, OWN, -1, 0));
    log_rewind(&f->s, log);
    assert_false(feed_record(f, OWN, record_of(f, OWN, 5, 4, 5), 0));
    log_caught_up(&f->s, log, 6);
    assert_int_equal(f->s.holes, 0);
    assert_int_equal(log_from(&f->s, log), 1);
    assert_false(f->s.logs[log].is_caught_up);
    f->s.logs[log].has_bounds = true;
    assert_true(feed(f, OWN, 0, 1));
    assert_int_equal(f->s.list[OWN].last, 1);
}

static void a_byte_budget_holds_but_not_against_the_next_cut(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(f, OWN, 0, -1, 0);

    r.bytes = 5000;
    assert_true(feed_record(f, OWN, r, 0));
    assert_false(feed_record(f, OWN, record_of(f, OWN, 1, 0, 1), 0));
    assert_int_equal(f->s.list[OWN].last, 0);
    f->s.list[OWN].wanted = 1;
    assert_true(log_wants_reading(&f->s, f->s.list[OWN].log));
    read_again(f, OWN);
    assert_true(feed_record(f, OWN, record_of(f, OWN, 1, 0, 1), 0));
    assert_int_equal(f->s.list[OWN].last, 1);
}

/* Of 3,000 bytes for three strands 1,500 are for those that lead, 500 are each one's own. */
static void a_strand_that_leads_takes_what_is_common_the_others_their_share(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(f, OTHER, 0, -1, 0);

    r.bytes = 400;
    assert_true(feed_record(f, OTHER, r, 0));
    r = record_of(f, OTHER, 1, 0, 1);
    r.bytes = 400;
    assert_true(feed_record(f, OTHER, r, 0));
    assert_false(feed_record(f, OTHER, record_of(f, OTHER, 2, 1, 2), 0));
    r = record_of(f, OWN, 0, -1, 0);
    r.bytes = 600;
    assert_true(feed_record(f, OWN, r, 0));
    r = record_of(f, OWN, 1, 0, 1);
    r.bytes = 600;
    assert_true(feed_record(f, OWN, r, 0));
    assert_false(feed_record(f, OWN, record_of(f, OWN, 2, 1, 2), 0));
    assert_int_equal(f->s.bytes, 2000);
    strand_emitted(&f->s, OTHER, 1);
    strand_emitted(&f->s, OWN, 0);
    assert_int_equal(f->s.bytes, 600);
    assert_true(log_wants_reading(&f->s, f->s.list[OTHER].log));
    assert_false(log_wants_reading(&f->s, f->s.list[OWN].log)); /* the other one leads now */
    strand_emitted(&f->s, OWN, 1);
    assert_true(log_wants_reading(&f->s, f->s.list[OWN].log));
}

/* Otherwise emission waits for the log, and the log for emission. */
static void a_full_strand_does_not_keep_back_another_that_the_next_cut_needs(void **state)
{
    struct fixture *f = *state;
    const uint32_t log = f->s.list[OWN].log;
    struct record r = record_of(f, OWN, 0, -1, 0);

    r.bytes = 5000;           /* more than the budget */
    f->s.list[OWN].ahead = 0; /* a cut that emission has still to follow */
    assert_true(feed_record(f, OWN, r, 0));
    (void)strands_offer(&f->s, 0);
    assert_false(feed_record(f, OWN, record_of(f, OWN, 1, 0, 1), 0));
    assert_true(f->s.logs[log].is_paused);
    assert_false(log_wants_reading(&f->s, log));
    f->s.list[PEER].wanted = 0;
    f->s.list[PEER].ahead = 1;
    assert_true(log_wants_reading(&f->s, log));
    read_again(f, OWN);
    assert_false(feed_record(f, OWN, record_of(f, OWN, 1, 0, 1), 0));
    assert_true(feed_record(f, PEER, record_of(f, PEER, 2, -1, 0), 0));
    assert_false(f->s.logs[log].is_paused);
    assert_true(feed_record(f, PEER, record_of(f, PEER, 3, 0, 1), 0));
    assert_true(f->s.logs[log].is_paused);
    assert_int_equal(log_from(&f->s, log), 1);
}

/* The next cut may wait for that other strand, while in another DC it is the other way round. */
static void a_full_strand_that_waits_for_a_cut_keeps_back_no_other(void **state)
{
    struct fixture *f = *state;
    const uint32_t log = f->s.list[OWN].log;

    for (int64_t offset = 0; offset <= RING; offset++) {
        (void)feed(f, OWN, offset - 1, offset);
        (void)strands_offer(&f->s, 0);
    }
    assert_true(f->s.list[OWN].is_over);
    assert_false(f->s.logs[log].is_paused);
    assert_true(feed_record(f, PEER, record_of(f, PEER, RING + 1, -1, 0), 0));
}

static void a_failed_record_is_offered_after_its_grace_or_another_success(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(f, OWN, 0, -1, 0);

    r.braid.status = STATUS_FAILED;
    (void)feed_record(f, OWN, r, 100);
    (void)strands_offer(&f->s, 100 + GRACE_MS - 1);
    assert_int_equal(strand_offer(&f->s.list[OWN]), POSITION_NONE);
    (void)strands_offer(&f->s, 100 + GRACE_MS);
    assert_int_equal(strand_offer(&f->s.list[OWN]), 0);
    r = record_of(f, OWN, 1, 0, 1);
    r.braid.status = STATUS_FAILED;
    (void)feed_record(f, OWN, r, 5000);
    (void)strands_offer(&f->s, 5000);
    assert_int_equal(strand_offer(&f->s.list[OWN]), 0);
    (void)feed(f, OTHER, -1, 1);
    (void)strands_offer(&f->s, 5001);
    assert_int_equal(strand_offer(&f->s.list[OWN]), 1);
}

static void a_gap_is_offered_when_the_cut_of_every_other_strand_is_past_it(void **state)
{
    struct fixture *f = *state;
    struct record r = record_of(f, OWN, 0, -1, 5);

    r.braid.status = STATUS_GAP;
    (void)feed_record(f, OWN, r, 0);
    (void)strands_offer(&f->s, 1000000);
    assert_int_equal(strand_offer(&f->s.list[OWN]), POSITION_NONE);
    (void)feed(f, OTHER, -1, 5);
    (void)strands_offer(&f->s, 1000001);
    assert_int_equal(strand_offer(&f->s.list[OWN]), POSITION_NONE);
    f->s.list[OTHER].cut = 5;
    (void)strands_offer(&f->s, 1000002);
    assert_int_equal(strand_offer(&f->s.list[OWN]), 5);
}

static void a_strand_held_up_by_a_gap_does_not_hold_up_its_log(void **state)
{
    struct fixture *f = *state;
    const uint32_t log = f->s.list[OWN].log;
    struct record r = record_of(f, OWN, 0, -1, 0);

    r.braid.status = STATUS_GAP;
    (void)feed_record(f, OWN, r, 0);
    f->next_log[log] = 1;
    for (int64_t i = 1; i < 2 * RING; i++) {
        (void)feed(f, OWN, i - 1, i);
        (void)strands_offer(&f->s, 0);
    }
    assert_true(f->s.list[OWN].is_over);
    assert_false(f->s.logs[log].is_paused);
    assert_true(feed(f, PEER, -1, 0));
    assert_int_equal(log_from(&f->s, log), f->s.list[OWN].from);
}

/* After a peer's cut, which has 11; a run that lost its first batch had written all the same. */
static void place_at_11(struct fixture *f, int64_t start)
{
    strand_place_set(&f->s, OWN, &(struct place){.last = 11});
    strand_skim(&f->s, OWN, start);
}

static void a_skim_starts_where_the_strand_began(void **state)
{
    struct fixture *f = *state;

    place_at_11(f, 9);
    for (int64_t offset = 11; offset <= 12; offset++)
        assert_false(feed(f, OWN, offset - 1, offset));
    for (int64_t offset = 10; offset <= 11; offset++)
        assert_false(feed(f, OWN, offset - 1, offset));
    assert_int_equal(f->s.list[OWN].last, 11);
    assert_true(feed(f, OWN, 11, 12));
    assert_int_equal(f->s.list[OWN].last, 12);
}

static void a_strand_that_stands_where_it_began_is_not_skimmed(void **state)
{
    struct fixture *f = *state;

    place_at_11(f, 11);
    assert_true(feed(f, OWN, 11, 12));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(held_grows_by_what_links, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_made_for_another_dc_is_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(a_record_of_another_strand_incarnation_is_void, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(equal_records_give_equal_digests, setup, teardown),
        cmocka_unit_test_setup_teardown(a_place_gives_the_same_state_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_ring_pauses_its_log_and_loses_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_counts_between_a_rewind_and_the_bounds, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_full_strand_does_not_keep_back_another_that_the_next_cut_needs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_strand_that_waits_for_a_cut_keeps_back_no_other,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_byte_budget_holds_but_not_against_the_next_cut, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_strand_that_leads_takes_what_is_common_the_others_their_share, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_failed_record_is_offered_after_its_grace_or_another_success, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_gap_is_offered_when_the_cut_of_every_other_strand_is_past_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strand_held_up_by_a_gap_does_not_hold_up_its_log, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_skim_starts_where_the_strand_began, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strand_that_stands_where_it_began_is_not_skimmed, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
