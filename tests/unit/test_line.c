/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a line writes each input record once, in order, never past a failure or a hole, and saves
 *       only places from which the next run does the same.
 * Method: events by hand, actions compared as one line of text each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>

#include "node/line.h"
#include "proto/err.h"

#define TEXT_MAX 4096

struct fixture {
    struct line line;
    struct line_actions actions;
    char text[TEXT_MAX]; /* of the last step's actions */
};

static struct fixture fixture; /* The one fixture. */

static const struct line_place NO_PLACE = {0};
static const struct origin_partition FROM = {
    {(const uint8_t *)"eqiad", 5}, {(const uint8_t *)"t", 1}, 0, 0};

static const char *const NAMES[] = {
    [LINE_DO_READ_OUT] = "read-out", [LINE_DO_READ_IN] = "read-in", [LINE_DO_WORK] = "work",
    [LINE_DO_PRODUCE] = "produce",   [LINE_DO_SKIP] = "skip",       [LINE_DO_GAP] = "gap",
    [LINE_DO_DROP] = "drop",         [LINE_DO_COMMIT] = "commit",   [LINE_DO_STOP] = "stop",
};

/* "produce 0>3 work 4; ...": what was asked, with prev>offset where there is one. */
static const char *step(struct fixture *f, const struct line_event *ev)
{
    size_t at = 0;

    line_step(&f->line, ev, &f->actions);
    f->text[0] = '\0';
    for (uint32_t i = 0; i < f->actions.count; i++) {
        const struct line_action *a = &f->actions.list[i];
        at += (size_t)snprintf(f->text + at, TEXT_MAX - at, "%s%s", i > 0 ? "; " : "",
                               NAMES[a->kind]);
        if (a->kind == LINE_DO_READ_IN || a->kind == LINE_DO_READ_OUT)
            at += (size_t)snprintf(f->text + at, TEXT_MAX - at, " %" PRId64, a->log_offset);
        else if (a->kind == LINE_DO_STOP)
            at += (size_t)snprintf(f->text + at, TEXT_MAX - at, " %s", err_name(a->code));
        else if (a->origin.offset != a->origin.prev)
            at += (size_t)snprintf(f->text + at, TEXT_MAX - at, " %" PRId64 ">%" PRId64,
                                   a->origin.prev, a->origin.offset);
    }
    return f->text;
}

static struct record chained(int64_t log_offset, int64_t prev, int64_t offset)
{
    return (struct record){
        .log_offset = log_offset,
        .braid = {.has_origin = true,
                  .origin = {.from = FROM, .prev = prev, .offset = offset},
                  .time_ms = 1000 + offset},
    };
}

static struct record raw(int64_t log_offset)
{
    return (struct record){.log_offset = log_offset, .log_time_ms = 1000 + log_offset};
}

static const char *give(struct fixture *f, enum line_event_kind kind, const struct record *list,
                        uint32_t count)
{
    const struct line_event ev = {.kind = kind, .records = list, .count = count, .now_ms = 1};

    return step(f, &ev);
}

static const char *tell(struct fixture *f, enum line_event_kind kind, uint64_t ticket)
{
    const struct line_event ev = {.kind = kind, .ticket = ticket, .now_ms = 1};

    return step(f, &ev);
}

static const char *start(struct fixture *f, const struct line_place *in,
                         const struct line_place *out, struct log_bounds in_log,
                         struct log_bounds out_log)
{
    const struct line_event ev = {
        .kind = LINE_EV_START, .place_in = in, .place_out = out, .in = in_log, .out = out_log};

    return step(f, &ev);
}

static void init(struct fixture *f, enum line_kind kind, bool is_raw)
{
    struct line_config config = {
        .kind = kind, .raw = is_raw, .strand_count = 1, .in_flight_max = 8};

    config.strands[0] = FROM;
    config.start[0] = POSITION_NONE;
    line_init(&f->line, &config);
}

/* A line of the given kind that has just begun to read its input; all logs are new. */
static void run(struct fixture *f, enum line_kind kind, bool is_raw)
{
    const struct log_bounds empty = {0, 0};
    const struct log_bounds input = {0, 100};
    const struct line_event end = {.kind = LINE_EV_OUT_END};

    init(f, kind, is_raw);
    assert_string_equal(start(f, &NO_PLACE, &NO_PLACE, input, empty), "read-out -2");
    assert_string_equal(step(f, &end), is_raw ? "read-in 0" : "read-in -2");
}

static void a_raw_copy_names_each_record_and_the_one_before(void **state)
{
    struct fixture *f = *state;
    const struct record list[] = {raw(0), raw(3), raw(4)};

    run(f, LINE_COPY, true);
    assert_string_equal(give(f, LINE_EV_IN, list, 3), "produce -1>0; produce 0>3; produce 3>4");
    assert_int_equal(f->actions.list[1].source_time_ms, 1003);
    assert_int_equal(line_room(&f->line), 5);
}

static void work_leaves_in_input_order_whatever_is_done_first(void **state)
{
    struct fixture *f = *state;
    const struct record list[] = {chained(0, -1, 0), chained(1, 0, 1), chained(2, 1, 2)};

    run(f, LINE_ENRICH, false);
    assert_string_equal(give(f, LINE_EV_IN, list, 3), "work -1>0; work 0>1; work 1>2");
    assert_string_equal(tell(f, LINE_EV_DONE, 2), "");
    assert_string_equal(tell(f, LINE_EV_DONE, 0), "produce -1>0");
    assert_string_equal(tell(f, LINE_EV_DONE, 1), "produce 0>1; produce 1>2");
}

static void duplicates_and_holes_and_foreign_records_are_dropped(void **state)
{
    struct fixture *f = *state;
    struct record list[] = {chained(0, -1, 0), chained(1, -1, 0), chained(2, 1, 2),
                            chained(3, 0, 1),  chained(4, 1, 2),  chained(5, 2, 3)};

    list[5].braid.has_origin = false;
    run(f, LINE_COPY, false);
    assert_string_equal(give(f, LINE_EV_IN, list, 6),
                        "produce -1>0; drop; drop; produce 0>1; produce 1>2; drop");
    assert_int_equal(f->line.duplicates, 1);
    assert_int_equal(f->line.holes, 1);
    assert_int_equal(f->line.foreign, 1);
}

static void only_copies_of_this_dc_count(void **state)
{
    struct fixture *f = *state;
    struct record list[] = {chained(0, -1, 0), chained(1, -1, 0)};

    list[0].braid.raw[HEADER_COPY] = SLICE_LIT("eqiad");
    list[1].braid.raw[HEADER_COPY] = SLICE_LIT("codfw");
    run(f, LINE_ENRICH, false);
    f->line.config.input_copy_dc = SLICE_LIT("codfw");
    assert_string_equal(give(f, LINE_EV_IN, list, 2), "drop; work -1>0");
}

static void what_the_output_has_is_not_written_again(void **state)
{
    struct fixture *f = *state;
    const struct record out[] = {chained(0, -1, 0), chained(1, 0, 1), chained(2, 0, 1)};
    const struct record in[] = {chained(0, -1, 0), chained(1, 0, 1), chained(2, 1, 2)};
    const struct log_bounds three = {0, 3};
    const struct line_event end = {.kind = LINE_EV_OUT_END, .log_offset = 3};

    init(f, LINE_ENRICH, false);
    assert_string_equal(start(f, &NO_PLACE, &NO_PLACE, three, three), "read-out -2");
    assert_string_equal(give(f, LINE_EV_OUT, out, 3), "");
    assert_string_equal(step(f, &end), "read-in -2");
    assert_string_equal(give(f, LINE_EV_IN, in, 3), "drop; drop; work 1>2");
}

static void a_raw_line_asks_for_exactly_the_next_offset(void **state)
{
    struct fixture *f = *state;
    const struct record out[] = {chained(0, -1, 6)};
    const struct log_bounds one = {0, 1};
    const struct log_bounds input = {2, 9};
    const struct line_event end = {.kind = LINE_EV_OUT_END, .log_offset = 1};

    init(f, LINE_COPY, true);
    (void)start(f, &NO_PLACE, &NO_PLACE, input, one);
    (void)give(f, LINE_EV_OUT, out, 1);
    assert_string_equal(step(f, &end), "read-in 7");
}

static void what_retention_took_is_named_in_a_gap(void **state)
{
    struct fixture *f = *state;
    const struct record out[] = {chained(0, -1, 6)};
    const struct record in[] = {raw(12)};
    const struct log_bounds one = {0, 1};
    const struct log_bounds input = {10, 20};
    const struct line_event end = {.kind = LINE_EV_OUT_END, .log_offset = 1};

    init(f, LINE_COPY, true);
    (void)start(f, &NO_PLACE, &NO_PLACE, input, one);
    (void)give(f, LINE_EV_OUT, out, 1);
    assert_string_equal(step(f, &end), "read-in 10; gap 6>9");
    assert_string_equal(give(f, LINE_EV_IN, in, 1), "produce 9>12");
}

static void a_copy_that_may_start_anywhere_starts_at_the_earliest(void **state)
{
    struct fixture *f = *state;
    const struct record in[] = {raw(12)};
    const struct log_bounds empty = {0, 0};
    const struct log_bounds input = {10, 20};
    const struct line_event end = {.kind = LINE_EV_OUT_END};

    init(f, LINE_COPY, true);
    f->line.config.start[0] = LINE_START_ANY;
    (void)start(f, &NO_PLACE, &NO_PLACE, input, empty);
    assert_string_equal(step(f, &end), "read-in 10");
    assert_string_equal(give(f, LINE_EV_IN, in, 1), "produce 9>12");
}

static void a_source_that_ends_too_early_has_lost_data(void **state)
{
    struct fixture *f = *state;
    const struct record out[] = {chained(0, -1, 6)};
    const struct log_bounds one = {0, 1};
    const struct log_bounds input = {0, 5};
    const struct line_event end = {.kind = LINE_EV_OUT_END, .log_offset = 1};

    init(f, LINE_COPY, true);
    (void)start(f, &NO_PLACE, &NO_PLACE, input, one);
    (void)give(f, LINE_EV_OUT, out, 1);
    assert_string_equal(step(f, &end), "stop ERR_DATA_LOSS");
}

/* An older run that still writes may have copied a record that is newer than the bounds. */
static void a_source_that_ends_too_early_as_the_output_grew_starts_again(void **state)
{
    struct fixture *f = *state;
    const struct record out[] = {chained(0, -1, 4), chained(1, 4, 6)};
    const struct log_bounds one = {0, 1};
    const struct log_bounds input = {0, 5};
    const struct line_event end = {.kind = LINE_EV_OUT_END, .log_offset = 2};

    init(f, LINE_COPY, true);
    (void)start(f, &NO_PLACE, &NO_PLACE, input, one);
    (void)give(f, LINE_EV_OUT, out, 2);
    assert_string_equal(step(f, &end), "stop ERR_CONFLICT");
}

static void an_output_that_does_not_hold_its_place_has_lost_data(void **state)
{
    struct fixture *f = *state;
    const struct line_place place = {.valid = true, .log_offset = 5};
    const struct log_bounds input = {0, 9};
    const struct log_bounds later = {6, 9};
    const struct log_bounds shorter = {0, 4};

    init(f, LINE_ENRICH, false);
    assert_string_equal(start(f, &NO_PLACE, &place, input, later), "stop ERR_DATA_LOSS");
    init(f, LINE_ENRICH, false);
    assert_string_equal(start(f, &NO_PLACE, &place, input, shorter), "stop ERR_DATA_LOSS");
    init(f, LINE_ENRICH, false);
    assert_string_equal(start(f, &NO_PLACE, &NO_PLACE, input, later), "stop ERR_DATA_LOSS");
}

static void a_place_ahead_of_the_output_is_not_used(void **state)
{
    struct fixture *f = *state;
    const struct line_place ahead = {.valid = true, .log_offset = 5, .last = {4}};
    const struct log_bounds input = {0, 9};
    const struct log_bounds empty = {0, 0};
    const struct log_bounds emptied = {3, 9};
    const struct line_event end = {.kind = LINE_EV_OUT_END};

    init(f, LINE_ENRICH, false);
    (void)start(f, &ahead, &NO_PLACE, input, empty);
    assert_string_equal(step(f, &end), "read-in -2");
    init(f, LINE_ENRICH, false);
    (void)start(f, &ahead, &NO_PLACE, emptied, empty);
    assert_string_equal(step(f, &end), "read-in -2");
    init(f, LINE_ENRICH, false);
    (void)start(f, &NO_PLACE, &NO_PLACE, emptied, empty);
    assert_string_equal(step(f, &end), "stop ERR_DATA_LOSS");
}

/* The record before a place, from another leader: the log lost some and grew again. */
static struct record of_epoch(int64_t log_offset, int64_t offset, int32_t epoch)
{
    struct record r = chained(log_offset, offset - 1, offset);

    r.leader_epoch = epoch;
    return r;
}

static void the_record_before_a_place_is_read_again_and_compared(void **state)
{
    struct fixture *f = *state;
    const struct line_place place = {.valid = true, .log_offset = 5, .epoch = 3, .last = {4}};
    const struct log_bounds input = {0, 9};
    const struct log_bounds output = {0, 9};
    const struct record same[] = {of_epoch(4, 4, 3)};
    const struct record other[] = {of_epoch(4, 4, 4)};

    init(f, LINE_COPY, false);
    assert_string_equal(start(f, &NO_PLACE, &place, input, output), "read-out 4");
    assert_string_equal(give(f, LINE_EV_OUT, same, 1), "");
    init(f, LINE_COPY, false);
    (void)start(f, &NO_PLACE, &place, input, output);
    assert_string_equal(give(f, LINE_EV_OUT, other, 1), "read-out -2");
    init(f, LINE_ENRICH, false);
    (void)start(f, &NO_PLACE, &place, input, output);
    assert_string_equal(give(f, LINE_EV_OUT, other, 1), "stop ERR_DATA_LOSS");
}

static void an_input_that_was_truncated_stops_a_copy_and_not_an_enrichment(void **state)
{
    struct fixture *f = *state;
    const struct line_place in = {.valid = true, .log_offset = 5, .epoch = 3, .last = {4}};
    const struct line_place out = {.valid = true, .log_offset = 9, .epoch = -1, .last = {4}};
    const struct log_bounds bounds = {0, 9};
    const struct line_event end = {.kind = LINE_EV_OUT_END, .log_offset = 9};
    const struct record other[] = {of_epoch(4, 4, 4)};

    init(f, LINE_COPY, false);
    (void)start(f, &in, &out, bounds, bounds);
    assert_string_equal(step(f, &end), "read-in 4");
    assert_string_equal(give(f, LINE_EV_IN, other, 1), "drop; stop ERR_DATA_LOSS");
    init(f, LINE_ENRICH, false);
    (void)start(f, &in, &out, bounds, bounds);
    (void)step(f, &end);
    assert_string_equal(give(f, LINE_EV_IN, other, 1), "drop; read-in -2");
}

static void a_failed_delivery_ends_the_run(void **state)
{
    struct fixture *f = *state;
    const struct record list[] = {raw(0)};

    run(f, LINE_COPY, true);
    (void)give(f, LINE_EV_IN, list, 1);
    assert_string_equal(tell(f, LINE_EV_FAILED, 0), "stop ERR_DELIVERY");
    assert_string_equal(give(f, LINE_EV_IN, list, 1), "");
    assert_int_equal(line_room(&f->line), 0);
}

static void places_are_saved_behind_what_was_read_back(void **state)
{
    struct fixture *f = *state;
    const struct record in[] = {raw(0), raw(3)};
    const struct record out[] = {chained(0, -1, 0)};
    const struct line_event tick = {.kind = LINE_EV_TICK, .now_ms = 2000};
    struct line_place place_in;
    struct line_place place_out;

    run(f, LINE_COPY, true);
    (void)give(f, LINE_EV_IN, in, 2);
    (void)tell(f, LINE_EV_ACKED, 0);
    (void)tell(f, LINE_EV_ACKED, 1);
    line_places(&f->line, &place_in, &place_out);
    assert_false(place_in.valid);
    (void)give(f, LINE_EV_OUT, out, 1);
    assert_string_equal(step(f, &tick), "commit");
    line_places(&f->line, &place_in, &place_out);
    assert_int_equal(place_in.log_offset, 1);
    assert_int_equal(place_in.last[0], 0);
    assert_int_equal(place_out.log_offset, 1);
    assert_int_equal(place_out.last[0], 0);
    assert_string_equal(step(f, &tick), "");
}

static void acks_that_are_not_read_back_end_the_run(void **state)
{
    struct fixture *f = *state;
    const struct record in[] = {raw(0)};
    struct line_event tick = {.kind = LINE_EV_TICK, .now_ms = 1000};

    run(f, LINE_COPY, true);
    (void)give(f, LINE_EV_IN, in, 1);
    (void)tell(f, LINE_EV_ACKED, 0);
    (void)step(f, &tick);
    tick.now_ms = 1000 + LINE_READ_BACK_MS;
    (void)step(f, &tick);
    assert_int_equal(f->line.phase, LINE_RUNNING);
    tick.now_ms++;
    assert_string_equal(step(f, &tick), "stop ERR_DELIVERY");
}

static void what_a_cut_has_decided_is_skipped_without_work(void **state)
{
    struct fixture *f = *state;
    const struct record list[] = {chained(0, -1, 0), chained(1, 0, 2), chained(2, 2, 3),
                                  chained(3, 3, 4)};
    const int64_t positions[LINE_STRANDS_MAX] = {3};
    const struct line_event cut = {.kind = LINE_EV_CUT, .positions = positions};

    run(f, LINE_ENRICH, false);
    assert_string_equal(step(f, &cut), "");
    assert_string_equal(give(f, LINE_EV_IN, list, 4), "drop; drop; drop; work 3>4; skip -1>3");
}

/* A1: the place behind it names the leader epoch of the last record that it took in. */
static void a_skip_that_grows_takes_in_the_newer_leader_epoch(void **state)
{
    struct fixture *f = *state;
    struct record in[] = {raw(0), raw(1), raw(2)};
    const struct record out[] = {chained(0, -1, 2)};
    const int64_t positions[LINE_STRANDS_MAX] = {2};
    const struct line_event cut = {.kind = LINE_EV_CUT, .positions = positions};
    struct line_place place_in;
    struct line_place place_out;

    in[2].leader_epoch = 1;
    run(f, LINE_ENRICH, true);
    (void)step(f, &cut);
    assert_string_equal(give(f, LINE_EV_IN, in, 3), "drop; drop; drop; skip -1>2");
    (void)tell(f, LINE_EV_ACKED, 0);
    (void)give(f, LINE_EV_OUT, out, 1);
    line_places(&f->line, &place_in, &place_out);
    assert_int_equal(place_in.log_offset, 3);
    assert_int_equal(place_in.epoch, 1);
}

/* R3: the copy of the source was lost and made anew, and lacks what the output has. */
static void a_range_begins_where_the_output_ends(void **state)
{
    struct fixture *f = *state;
    const struct record out[] = {chained(0, -1, 0), chained(1, 0, 3)};
    struct record in[] = {chained(0, -1, 0), chained(1, 0, 6)};
    const struct log_bounds two = {0, 2};
    const struct line_event end = {.kind = LINE_EV_OUT_END, .log_offset = 2};

    in[1].braid.status = STATUS_GAP;
    init(f, LINE_ENRICH, false);
    (void)start(f, &NO_PLACE, &NO_PLACE, two, two);
    (void)give(f, LINE_EV_OUT, out, 2);
    (void)step(f, &end);
    assert_string_equal(give(f, LINE_EV_IN, in, 2), "drop; drop; gap 3>6");
}

/* Of an incarnation of eqiad's strands, as its own topic has it. */
static struct record of_incarnation(uint32_t number, int64_t log_offset, int64_t prev,
                                    int64_t offset)
{
    struct record r = chained(log_offset, prev, offset);

    r.braid.has_by = true;
    r.braid.by_dc = slice_str("eqiad");
    r.braid.by_incarnation = number;
    return r;
}

static void begin_a_later_incarnation(struct fixture *f)
{
    const struct log_bounds empty = {0, 0};
    const struct log_bounds input = {5, 100};
    const struct line_event end = {.kind = LINE_EV_OUT_END};

    init(f, LINE_COPY, false);
    f->line.config.by_dc = slice_str("eqiad");
    f->line.config.by_incarnation = 1;
    f->line.config.start[0] = 3;
    (void)start(f, &NO_PLACE, &NO_PLACE, input, empty);
    assert_string_equal(step(f, &end), "read-in -2");
}

static void a_record_that_came_too_early_behind_void_ones_is_no_lost_beginning(void **state)
{
    struct fixture *f = *state;
    const struct record whole[] = {of_incarnation(0, 5, 3, 4), of_incarnation(1, 6, 4, 5),
                                   of_incarnation(1, 7, 3, 4), of_incarnation(1, 8, 4, 5)};

    begin_a_later_incarnation(f);
    assert_string_equal(give(f, LINE_EV_IN, whole, 4), "drop; drop; produce 3>4; produce 4>5");
    begin_a_later_incarnation(f);
    assert_string_equal(give(f, LINE_EV_IN, whole + 1, 1), "drop; stop ERR_HOLE");
}

static int setup(void **state)
{
    *state = &fixture;
    return 0;
}

/* R5, A13: test_failing.c has when. */
static void a_failing_strand_waits_and_skips_what_cuts_have_passed(void **state)
{
    struct fixture *f = *state;
    const int64_t furthest = POSITION_NONE;
    struct line_event cut = {
        .kind = LINE_EV_CUT, .positions = &furthest, .own = -1, .others = -1, .now_ms = 1};

    run(f, LINE_ENRICH, true);
    f->line.config.failed_share_max = 50;
    f->line.failing.results = UINT64_MAX;
    f->line.failing.count = 64;
    (void)step(f, &cut);
    const struct record list[] = {raw(0), raw(1)};
    (void)give(f, LINE_EV_IN, list, 2);
    struct line_event done = {.kind = LINE_EV_DONE, .work = LINE_WORK_FAILED, .now_ms = 1};
    assert_string_equal(step(f, &done), "");
    assert_non_null(line_waits(&f->line));
    done.ticket = 1;
    done.work = LINE_WORK_NOT_ASKED;
    assert_string_equal(step(f, &done), "");
    cut.others = 0;
    assert_string_equal(step(f, &cut), "skip -1>0; produce 0>1");
    f->line.failing.results = 0;
    assert_null(line_waits(&f->line));
}

/* A2: test_uncut.c has when. */
static void enrich_takes_no_more_while_the_oldest_without_a_cut_is_old(void **state)
{
    struct fixture *f = *state;
    const int64_t furthest = 0;
    const struct line_event cut = {
        .kind = LINE_EV_CUT, .positions = &furthest, .own = 0, .others = FAILING_ALONE};
    struct line_event tick = {.kind = LINE_EV_TICK, .now_ms = 1001};
    struct record r = chained(0, -1, 0);

    run(f, LINE_ENRICH, true);
    uncut_init(&f->line.uncut, 2000);
    (void)give(f, LINE_EV_OUT, &r, 1);
    (void)step(f, &tick);
    assert_int_equal(line_room(&f->line), 0);
    assert_non_null(line_waits(&f->line));
    (void)step(f, &cut);
    tick.now_ms = 1251;
    (void)step(f, &tick);
    assert_int_equal(line_room(&f->line), 8);
    assert_null(line_waits(&f->line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_raw_copy_names_each_record_and_the_one_before),
        cmocka_unit_test(work_leaves_in_input_order_whatever_is_done_first),
        cmocka_unit_test(duplicates_and_holes_and_foreign_records_are_dropped),
        cmocka_unit_test(only_copies_of_this_dc_count),
        cmocka_unit_test(what_the_output_has_is_not_written_again),
        cmocka_unit_test(a_raw_line_asks_for_exactly_the_next_offset),
        cmocka_unit_test(what_retention_took_is_named_in_a_gap),
        cmocka_unit_test(a_copy_that_may_start_anywhere_starts_at_the_earliest),
        cmocka_unit_test(a_source_that_ends_too_early_has_lost_data),
        cmocka_unit_test(a_source_that_ends_too_early_as_the_output_grew_starts_again),
        cmocka_unit_test(an_output_that_does_not_hold_its_place_has_lost_data),
        cmocka_unit_test(a_place_ahead_of_the_output_is_not_used),
        cmocka_unit_test(the_record_before_a_place_is_read_again_and_compared),
        cmocka_unit_test(an_input_that_was_truncated_stops_a_copy_and_not_an_enrichment),
        cmocka_unit_test(a_failed_delivery_ends_the_run),
        cmocka_unit_test(places_are_saved_behind_what_was_read_back),
        cmocka_unit_test(acks_that_are_not_read_back_end_the_run),
        cmocka_unit_test(what_a_cut_has_decided_is_skipped_without_work),
        cmocka_unit_test(a_skip_that_grows_takes_in_the_newer_leader_epoch),
        cmocka_unit_test(a_range_begins_where_the_output_ends),
        cmocka_unit_test(a_record_that_came_too_early_behind_void_ones_is_no_lost_beginning),
        cmocka_unit_test(a_failing_strand_waits_and_skips_what_cuts_have_passed),
        cmocka_unit_test(enrich_takes_no_more_while_the_oldest_without_a_cut_is_old),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
