/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what a cut emits, from which strand and in which order, is R8 and R9 to the letter.
 * Method: two DCs, one or two origin partitions; records fed by hand through strands_read, one
 *         cut planned, the outcome compared as text: number:strand/offset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>

#include "node/plan.h"
#include "node/strand.h"
#include "proto/err.h"

#define TEXT_MAX 1024

/* Strands, in the layout's order: who enriched what of whom. */
enum {
    C_C, /* codfw enriched codfw's */
    C_E, /* codfw enriched eqiad's */
    E_C,
    E_E,
    STRANDS
};

struct fixture {
    struct arena arena;
    struct strand_name names[STRANDS];
    struct strands strands;
    struct plan plan;
    struct window window;
    struct merge_params params;
    struct strand_position positions[STRANDS];
    int64_t next_log[STRANDS];
    char text[TEXT_MAX];
};

static struct fixture fixture; /* The one fixture. */

static int handles[64]; /* something to point at */

static int setup(void **state)
{
    struct fixture *f = &fixture;
    static const char *const DCS[2] = {"codfw", "eqiad"};

    *f = (struct fixture){0};
    arena_init(&f->arena, (size_t)1 << 20, (size_t)1 << 24);
    for (int i = 0; i < STRANDS; i++) {
        f->names[i].by = slice_str(DCS[i / 2]);
        f->names[i].from.dc = slice_str(DCS[i % 2]);
        f->names[i].from.topic = SLICE_LIT("t");
        f->positions[i].position = POSITION_NONE;
    }
    struct layout layout = {.count = STRANDS, .names = f->names};
    const struct strands_config config = {.dc = SLICE_LIT("eqiad"),
                                          .layout = &layout,
                                          .entries_max = 1024,
                                          .bytes_max = (uint64_t)1 << 20,
                                          .grace_ms = 10000};
    assert_int_equal(strands_init(&f->strands, &config, 16, &f->arena), 0);
    for (uint32_t i = 0; i < f->strands.log_count; i++)
        f->strands.logs[i].has_bounds = true;
    assert_int_equal(plan_init(&f->plan, STRANDS, &f->arena), 0);
    assert_int_equal(window_init(&f->window, 100, &f->arena), 0);
    const struct place start = {.last = POSITION_NONE};
    for (uint32_t i = 0; i < STRANDS; i++)
        strand_place_set(&f->strands, i, &start);
    f->params = (struct merge_params){.dedup_window = 100};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    return 0;
}

/* Feeds the next record of a strand and moves the cut's position to it. */
static void feed(struct fixture *f, uint32_t strand, int64_t offset, int64_t time_ms,
                 enum status status, const char *id)
{
    const uint32_t log = f->strands.list[strand].log;
    struct record r = {
        .log_offset = f->next_log[log],
        .braid = {.has_origin = true,
                  .has_by = true,
                  .origin = {.from = f->names[strand].from,
                             .prev = f->strands.list[strand].last,
                             .offset = offset},
                  .time_ms = time_ms,
                  .status = status,
                  .by_dc = f->names[strand].by},
        .handle = &handles[offset % 64],
        .bytes = 10,
    };
    bool keep = false;

    r.braid.raw[HEADER_ID] = slice_str(id);
    if (strand == C_C || strand == C_E)
        r.braid.raw[HEADER_COPY] = SLICE_LIT("eqiad");
    f->next_log[log]++;
    (void)strands_read(&f->strands, log, &r, 1, 0, &keep);
    assert_int_equal(f->strands.list[strand].last, offset);
    f->positions[strand].position = offset;
}

static const char *plan(struct fixture *f)
{
    static const char *const STRAND[STRANDS] = {"cc", "ce", "ec", "ee"};
    size_t at = 0;

    f->text[0] = '\0';
    assert_int_equal(plan_cut(&f->plan, &f->strands, f->positions, &f->params, &f->window), 0);
    for (uint32_t i = 0; i < f->plan.count; i++) {
        const struct merge_item *item = &f->plan.items[i];
        at += (size_t)snprintf(f->text + at, TEXT_MAX - at, "%s%" PRIu64 ":%s/%" PRId64,
                               i > 0 ? " " : "", item->seq, STRAND[item->strand], item->offset);
    }
    return f->text;
}

static void the_origins_own_strand_is_preferred(void **state)
{
    struct fixture *f = *state;

    feed(f, C_E, 0, 5, STATUS_OK, "a");
    feed(f, E_E, 0, 5, STATUS_OK, "a");
    feed(f, C_C, 0, 5, STATUS_OK, "b");
    feed(f, E_C, 0, 5, STATUS_OK, "b");
    assert_string_equal(plan(f), "0:cc/0 1:ee/0");
}

static void withheld_beats_ok_beats_failed(void **state)
{
    struct fixture *f = *state;

    feed(f, C_E, 0, 5, STATUS_WITHHELD, "a");
    feed(f, E_E, 0, 5, STATUS_OK, "a");
    feed(f, C_E, 1, 6, STATUS_OK, "b");
    feed(f, E_E, 1, 6, STATUS_FAILED, "b");
    assert_string_equal(plan(f), "0:ce/0 1:ce/1");
}

static void a_strand_that_the_cut_does_not_cover_is_not_taken(void **state)
{
    struct fixture *f = *state;

    feed(f, C_E, 0, 5, STATUS_WITHHELD, "a");
    feed(f, E_E, 0, 5, STATUS_OK, "a");
    f->positions[C_E].position = POSITION_NONE;
    assert_string_equal(plan(f), "0:ee/0");
}

static void partitions_are_merged_by_the_running_maximum(void **state)
{
    struct fixture *f = *state;

    feed(f, E_E, 0, 10, STATUS_OK, "a");
    feed(f, E_E, 1, 3, STATUS_OK, "b"); /* counts as 10 */
    feed(f, E_E, 2, 20, STATUS_OK, "c");
    feed(f, C_C, 0, 4, STATUS_OK, "d");
    feed(f, C_C, 1, 10, STATUS_OK, "e");
    feed(f, C_C, 2, 15, STATUS_OK, "f");
    assert_string_equal(plan(f), "0:cc/0 1:cc/1 2:ee/0 3:ee/1 4:cc/2 5:ee/2");
}

static void what_gets_no_number_counts_for_the_maximum(void **state)
{
    struct fixture *f = *state;

    feed(f, E_E, 0, 10, STATUS_FILTERED, "a");
    feed(f, E_E, 1, 3, STATUS_OK, "b"); /* counts as 10 */
    feed(f, C_C, 0, 5, STATUS_OK, "c");
    assert_string_equal(plan(f), "0:cc/0 1:ee/1");
}

static void failed_and_canaries_follow_the_spec(void **state)
{
    struct fixture *f = *state;

    feed(f, E_E, 0, 1, STATUS_FAILED, "a");
    feed(f, E_E, 1, 2, STATUS_CANARY, "b");
    feed(f, E_E, 2, 3, STATUS_OK, "c");
    assert_string_equal(plan(f), "0:ee/1 1:ee/2");
    f->params.failed_emit = true;
    f->params.canaries_drop = true;
    window_reset(&f->window, 0);
    assert_string_equal(plan(f), "0:ee/0 1:ee/2");
}

static void a_repeated_id_is_dropped_in_the_same_cut_and_in_later_ones(void **state)
{
    struct fixture *f = *state;

    feed(f, E_E, 0, 1, STATUS_OK, "a");
    feed(f, E_E, 1, 2, STATUS_OK, "a");
    feed(f, C_C, 0, 3, STATUS_OK, "a");
    feed(f, C_C, 1, 4, STATUS_OK, "b");
    assert_string_equal(plan(f), "0:ee/0 1:cc/1");
    assert_int_equal(f->plan.duplicates, 2);
}

static void an_id_older_than_the_window_is_emitted_again(void **state)
{
    struct fixture *f = *state;

    f->params.dedup_window = 2;
    feed(f, E_E, 0, 1, STATUS_OK, "a");
    feed(f, E_E, 1, 2, STATUS_OK, "b");
    feed(f, E_E, 2, 3, STATUS_OK, "c");
    feed(f, E_E, 3, 4, STATUS_OK, "a");
    feed(f, E_E, 4, 5, STATUS_OK, "c");
    assert_string_equal(plan(f), "0:ee/0 1:ee/1 2:ee/2 3:ee/3");
}

static void records_without_an_id_are_never_duplicates(void **state)
{
    struct fixture *f = *state;

    feed(f, E_E, 0, 1, STATUS_OK, NULL);
    feed(f, E_E, 1, 2, STATUS_OK, NULL);
    assert_string_equal(plan(f), "0:ee/0 1:ee/1");
}

static void what_an_earlier_cut_decided_is_never_decided_again(void **state)
{
    struct fixture *f = *state;

    feed(f, E_E, 0, 1, STATUS_OK, "a");
    assert_string_equal(plan(f), "0:ee/0");
    f->strands.parts[f->strands.list[E_E].part].decided = 0;
    for (uint32_t i = 0; i < STRANDS; i++)
        strand_emitted(&f->strands, i, f->positions[i].position);
    feed(f, C_E, 0, 1, STATUS_WITHHELD, "a");
    feed(f, E_E, 1, 2, STATUS_OK, "b");
    assert_string_equal(plan(f), "1:ee/1");
}

static void an_offset_that_no_strand_can_give_is_an_error(void **state)
{
    struct fixture *f = *state;

    feed(f, E_E, 0, 1, STATUS_SKIPPED, NULL);
    assert_int_equal(plan_cut(&f->plan, &f->strands, f->positions, &f->params, &f->window),
                     ERR_DIVERGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_origins_own_strand_is_preferred, setup, teardown),
        cmocka_unit_test_setup_teardown(withheld_beats_ok_beats_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_strand_that_the_cut_does_not_cover_is_not_taken, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(partitions_are_merged_by_the_running_maximum, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_gets_no_number_counts_for_the_maximum, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(failed_and_canaries_follow_the_spec, setup, teardown),
        cmocka_unit_test_setup_teardown(a_repeated_id_is_dropped_in_the_same_cut_and_in_later_ones,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_older_than_the_window_is_emitted_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(records_without_an_id_are_never_duplicates, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_an_earlier_cut_decided_is_never_decided_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_offset_that_no_strand_can_give_is_an_error, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
