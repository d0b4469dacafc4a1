/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: `verify` finds each way in which a global stream can be wrong, and nothing in one that is
 *       right.
 * Method: make two equal copies of a small stream from three origin partitions, doctor one thing
 *         in one or both, run the audit as the program does, and look at the kinds of findings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coord/ctl/audit.h"

enum {
    RECORDS = 60,
    PARTS = 3,
    TEXT_MAX = 96,
    COPIES = 2
};

/* One record with its own storage. */
struct made {
    char origin[TEXT_MAX];
    char time[TEXT_MAX];
    char id[TEXT_MAX];
    char status[TEXT_MAX];
    char seq[TEXT_MAX];
    char cut[TEXT_MAX];
    char chain[TEXT_MAX];
    char value[TEXT_MAX];
    int part;
    int64_t prev;
    int64_t offset;
    uint64_t cut_number;
    bool has_id;
    bool is_absent; /* left out of the copy */
    struct audit_raw raw;
};

struct source {
    int part;
    int64_t offset;
    char id[TEXT_MAX];
    enum audit_why why;
    uint64_t filtered_by;
};

struct fixture {
    struct arena arena;
    struct made copies[COPIES][RECORDS];
    struct source sources[RECORDS + 8];
    size_t source_count;
    struct made enriched[4]; /* what explains open ones */
    size_t enriched_count;
    bool is_error_topic; /* that they are from */
    int64_t log_start;
    uint64_t window;
    bool is_behind[COPIES];
    struct audit_result result;
    const struct audit_finding *findings;
    size_t finding_count;
};

static const char *const DCS[PARTS] = {"eqiad", "eqiad", "codfw"};

static struct slice text(const char *s)
{
    return slice_str(s);
}

static void put(struct audit_raw *raw, const char *name, struct slice value)
{
    raw->headers[raw->header_count++] = (struct header){slice_str(name), value};
}

/* Writes the headers anew from the record's fields. */
static void dress(struct made *m, uint64_t seq, const char *chain)
{
    struct audit_raw *raw = &m->raw;

    raw->header_count = 0;
    (void)snprintf(m->origin, TEXT_MAX, "%s/page_change/0/%d/%" PRId64 "/%" PRId64, DCS[m->part],
                   m->part, m->prev, m->offset);
    (void)snprintf(m->seq, TEXT_MAX, "%" PRIu64, seq);
    (void)snprintf(m->cut, TEXT_MAX, "0.%" PRIu64, m->cut_number);
    (void)snprintf(m->time, TEXT_MAX, "%d", 1000);
    raw->key = text("key");
    raw->value = text(m->value);
    raw->time_ms = 1000 + (int64_t)m->cut_number;
    raw->offset = (int64_t)seq * 2;
    put(raw, "traceparent", text("00-1-2-3"));
    put(raw, "braid-origin", text(m->origin));
    put(raw, "braid-time", text(m->time));
    if (m->has_id) {
        put(raw, "braid-id", text(m->id));
    }
    put(raw, "braid-status", text(m->status));
    put(raw, "braid-by", text("eqiad/0"));
    put(raw, "braid-spec", text("1"));
    put(raw, "braid-seq", text(m->seq));
    put(raw, "braid-cut", text(m->cut));
    if (chain != NULL) {
        audit_record_chain(raw, slice_str(chain), m->chain);
    }
    put(raw, "braid-chain", text(m->chain));
}

/* Numbers and chains a copy again from its first record on. */
static void seal(struct made *copy)
{
    char before[AUDIT_CHAIN_LEN + 1] = "0000000000000000";
    uint64_t seq = 0;

    for (int i = 0; i < RECORDS; i++) {
        if (copy[i].is_absent) {
            continue;
        }
        dress(&copy[i], seq++, before);
        memcpy(before, copy[i].chain, sizeof(before));
    }
}

/* The copy's records with their own storage; headers point into the record itself. */
static void make(struct fixture *f)
{
    int64_t last[PARTS] = {-1, 4, -1}; /* the second begins after offset 4 */

    for (int i = 0; i < RECORDS; i++) {
        int part = i % PARTS;
        int64_t offset = last[part] + 1;

        for (int copy = 0; copy < COPIES; copy++) {
            struct made *m = &f->copies[copy][i];

            m->part = part;
            m->prev = last[part];
            m->offset = offset;
            m->has_id = true;
            m->cut_number = 1 + (uint64_t)i / 6;
            (void)snprintf(m->id, TEXT_MAX, "id-%d", i);
            (void)snprintf(m->value, TEXT_MAX, "{\"n\":%d}", i);
            (void)snprintf(m->status, TEXT_MAX, "ok");
        }
        f->sources[f->source_count].part = part;
        f->sources[f->source_count].offset = offset;
        (void)snprintf(f->sources[f->source_count].id, TEXT_MAX, "id-%d", i);
        f->source_count++;
        last[part] = offset;
    }
    for (int copy = 0; copy < COPIES; copy++) {
        seal(f->copies[copy]);
    }
    f->window = 1000;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 1 << 20, 256 << 20);
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

/* What one DC may be ahead of the others; false once it has ended. */
static bool feed_copy(struct fixture *f, struct audit *au, size_t dc, size_t *at)
{
    while (*at < RECORDS && audit_may_feed(au, dc)) {
        const struct made *m = &f->copies[dc][(*at)++];
        struct audit_record r;

        if (m->is_absent)
            continue;
        audit_record_parse(&m->raw, &r);
        if (!audit_copy(au, dc, &r))
            *at = RECORDS;
    }
    if (*at == RECORDS)
        audit_copy_end(au, dc, f->is_behind[dc]);
    return *at < RECORDS;
}

static void feed_copies(struct fixture *f, struct audit *au)
{
    size_t at[COPIES] = {0};
    bool is_busy = true;

    while (is_busy) {
        is_busy = false;
        for (size_t dc = 0; dc < COPIES; dc++)
            is_busy = feed_copy(f, au, dc, &at[dc]) || is_busy;
    }
}

static void feed_sources(struct fixture *f, struct audit *au)
{
    for (int part = 0; part < PARTS; part++) {
        audit_source_start(au, (size_t)part, f->log_start);
        for (size_t i = 0; i < f->source_count; i++) {
            const struct source *s = &f->sources[i];

            if (s->part == part && s->offset >= f->log_start &&
                audit_source(au, (size_t)part, s->offset)) {
                const struct audit_absent what = {s->why, s->filtered_by, text(s->id)};
                audit_source_open(au, (size_t)part, s->offset, &what);
            }
        }
        audit_source_end(au, (size_t)part);
    }
}

static void feed_again(struct fixture *f, struct audit *au)
{
    struct audit_record r;

    for (size_t i = 0; i < f->enriched_count; i++) {
        audit_record_parse(&f->enriched[i].raw, &r);
        audit_explain(au, &r, !f->is_error_topic);
    }
    audit_duplicate_begin(au);
    for (int i = 0; i < RECORDS; i++) {
        if (f->copies[0][i].is_absent) {
            continue;
        }
        audit_record_parse(&f->copies[0][i].raw, &r);
        audit_duplicate(au, &r);
    }
    audit_duplicate_end(au);
}

static void run(struct fixture *f)
{
    static const struct slice NAMES[COPIES] = {{(const uint8_t *)"codfw", 5},
                                               {(const uint8_t *)"eqiad", 5}};
    struct audit_config config = {
        .dcs = NAMES, .dc_count = COPIES, .end_cut = 10, .spec_version = 2, .window = f->window};
    struct audit *au = audit_new(&config, &f->arena);

    assert_non_null(au);
    for (uint32_t part = 0; part < PARTS; part++) {
        const struct audit_part p = {.dc = slice_str(DCS[part]),
                                     .topic = SLICE_LIT("page_change"),
                                     .partition = part,
                                     .lo = part == 1 ? 4 : -1,
                                     .hi = RECORDS / PARTS - 1 + (part == 1 ? 5 : 0),
                                     .lo_is_known = true};

        assert_int_equal(audit_part_add(au, &p), (int)part);
    }
    feed_copies(f, au);
    feed_sources(f, au);
    feed_again(f, au);
    audit_finish(au, &f->result);
    f->findings = audit_findings(au, &f->finding_count);
}

static void expect_only(const struct fixture *f, enum audit_kind kind)
{
    assert_true(f->result.findings[kind] > 0);
    assert_int_equal(f->result.finding_count, f->result.findings[kind]);
}

static void a_sound_stream_has_no_findings(void **state)
{
    struct fixture *f = *state;

    run(f);
    for (size_t i = 0; i < f->finding_count; i++) {
        print_error("%s: %s\n", audit_kind_name(f->findings[i].kind), f->findings[i].message);
    }
    assert_int_equal(f->result.finding_count, 0);
    assert_int_equal(f->result.shortest, RECORDS);
    assert_int_equal(f->result.first_unequal, -1);
    assert_int_equal(f->result.sources, RECORDS);
    assert_int_equal(f->result.statuses[STATUS_OK], RECORDS);
    assert_true(f->result.ok_percent > 99.9);
}

static void a_record_missing_in_one_copy_breaks_its_density_and_chain(void **state)
{
    struct fixture *f = *state;

    f->copies[1][20].is_absent = true;
    run(f);
    assert_int_equal(f->result.findings[AUDIT_NOT_DENSE], 1);
    assert_int_equal(f->result.findings[AUDIT_CHAIN], 1);
    assert_int_equal(f->result.findings[AUDIT_LOST], 1);
    assert_int_equal(f->result.finding_count, 3);
}

static void a_record_that_one_copy_leaves_out_is_named_with_the_first_unequal_number(void **state)
{
    struct fixture *f = *state;
    const struct audit_finding *lost = NULL;

    f->copies[1][20].is_absent = true;
    seal(f->copies[1]); /* its numbers and chain are sound: a merge that skips one */
    run(f);
    for (size_t i = 0; i < f->finding_count; i++) {
        if (f->findings[i].kind == AUDIT_LOST)
            lost = &f->findings[i];
    }
    assert_int_equal(f->result.findings[AUDIT_LOST], 1);
    assert_int_equal(f->result.lost[1], 1);
    assert_int_equal(f->result.lost[0], 0);
    assert_int_equal(f->result.first_unequal, 20);
    assert_int_equal(f->result.findings[AUDIT_UNEQUAL], RECORDS - 21);
    assert_non_null(lost);
    assert_non_null(strstr(lost->message, "codfw/page_change/0/2 offset 6"));
    assert_true(slice_equal(lost->dc, SLICE_LIT("eqiad")));
}

static void a_copy_that_is_behind_has_lost_nothing_after_its_end(void **state)
{
    struct fixture *f = *state;

    for (int i = RECORDS - 5; i < RECORDS; i++)
        f->copies[1][i].is_absent = true;
    run(f);
    assert_int_equal(f->result.findings[AUDIT_LOST], 5);
    arena_reset(&f->arena);
    f->is_behind[1] = true;
    run(f);
    assert_int_equal(f->result.finding_count, 0);
}

static void a_record_missing_in_all_copies_is_missed_by_the_sources(void **state)
{
    struct fixture *f = *state;

    for (int copy = 0; copy < COPIES; copy++) {
        f->copies[copy][20].is_absent = true;
        seal(f->copies[copy]);
    }
    run(f);
    expect_only(f, AUDIT_MISSING);
    assert_int_equal(f->result.finding_count, 1);
    assert_non_null(strstr(f->findings[0].message, "codfw/page_change/0/2 offset 6"));
}

static void a_missing_record_at_the_end_is_found_too(void **state)
{
    struct fixture *f = *state;

    for (int copy = 0; copy < COPIES; copy++) {
        f->copies[copy][RECORDS - 1].is_absent = true;
        seal(f->copies[copy]);
    }
    run(f);
    expect_only(f, AUDIT_MISSING);
}

static void a_number_that_comes_twice_is_found(void **state)
{
    struct fixture *f = *state;

    f->copies[0][31].cut_number = f->copies[0][30].cut_number;
    dress(&f->copies[0][31], 30, f->copies[0][30].chain);
    run(f);
    assert_true(f->result.findings[AUDIT_NOT_DENSE] >= 1);
}

static void the_same_event_twice_is_found_by_order_and_by_id(void **state)
{
    struct fixture *f = *state;

    for (int copy = 0; copy < COPIES; copy++) {
        f->copies[copy][33] = f->copies[copy][30];
        f->copies[copy][33].cut_number = 6;
        seal(f->copies[copy]);
    }
    run(f);
    assert_int_equal(f->result.findings[AUDIT_ORDER], COPIES);
    assert_int_equal(f->result.findings[AUDIT_TWICE], 1);
    assert_int_equal(f->result.findings[AUDIT_MISSING], 1); /* what stood there */
}

static void the_same_id_twice_within_the_window_is_found(void **state)
{
    struct fixture *f = *state;

    for (int copy = 0; copy < COPIES; copy++) {
        (void)snprintf(f->copies[copy][40].id, TEXT_MAX, "id-39");
        seal(f->copies[copy]);
    }
    run(f);
    expect_only(f, AUDIT_TWICE);
}

static void the_same_id_beyond_the_window_is_none_of_its_business(void **state)
{
    struct fixture *f = *state;

    f->window = 10;
    for (int copy = 0; copy < COPIES; copy++) {
        (void)snprintf(f->copies[copy][40].id, TEXT_MAX, "id-20");
        seal(f->copies[copy]);
    }
    run(f);
    assert_int_equal(f->result.finding_count, 0);
}

static void two_records_of_a_partition_in_the_wrong_order_are_found(void **state)
{
    struct fixture *f = *state;

    for (int copy = 0; copy < COPIES; copy++) {
        struct made swap = f->copies[copy][30];

        f->copies[copy][30] = f->copies[copy][33];
        f->copies[copy][33] = swap;
        f->copies[copy][30].cut_number = 6;
        f->copies[copy][33].cut_number = 6;
        seal(f->copies[copy]);
    }
    run(f);
    expect_only(f, AUDIT_ORDER);
}

static void an_altered_value_breaks_chain_and_equality(void **state)
{
    struct fixture *f = *state;

    (void)snprintf(f->copies[1][10].value, TEXT_MAX, "{\"n\":11}");
    f->copies[1][10].raw.value = text(f->copies[1][10].value);
    run(f);
    assert_int_equal(f->result.findings[AUDIT_CHAIN], 1);
    assert_int_equal(f->result.findings[AUDIT_UNEQUAL], 1);
    assert_int_equal(f->result.finding_count, 2);
}

static void a_copy_that_is_sound_by_itself_but_another_is_found(void **state)
{
    struct fixture *f = *state;

    (void)snprintf(f->copies[1][10].value, TEXT_MAX, "{\"n\":11}");
    seal(f->copies[1]);
    run(f);
    expect_only(f, AUDIT_UNEQUAL);
    assert_int_equal(f->result.findings[AUDIT_UNEQUAL], RECORDS - 10); /* the chain carries it on */
}

static void a_header_outside_the_chain_counts_for_equality(void **state)
{
    struct fixture *f = *state;

    f->copies[1][10].raw.headers[0].value = text("00-1-2-4");
    run(f);
    expect_only(f, AUDIT_UNEQUAL);
    assert_int_equal(f->result.finding_count, 1);
}

static void a_wrong_chain_is_found_once(void **state)
{
    struct fixture *f = *state;

    for (int copy = 0; copy < COPIES; copy++) {
        struct made *m = f->copies[copy];

        memcpy(m[25].chain, "0123456789abcdef", AUDIT_CHAIN_LEN);
        for (int i = 26; i < RECORDS; i++) {
            dress(&m[i], (uint64_t)i, m[i - 1].chain);
        }
    }
    run(f);
    expect_only(f, AUDIT_CHAIN);
    assert_int_equal(f->result.finding_count, COPIES);
}

static void a_cut_number_that_goes_back_is_found(void **state)
{
    struct fixture *f = *state;

    for (int copy = 0; copy < COPIES; copy++) {
        f->copies[copy][30].cut_number = 2;
        seal(f->copies[copy]);
    }
    run(f);
    expect_only(f, AUDIT_CUT_BACK);
}

static void a_record_without_source_is_found(void **state)
{
    struct fixture *f = *state;

    f->sources[30].offset = 1000; /* beyond the range: not looked at */
    run(f);
    expect_only(f, AUDIT_PHANTOM);
    assert_int_equal(f->result.finding_count, 1);
}

static void an_offset_beyond_the_cuts_is_found(void **state)
{
    struct fixture *f = *state;

    for (int copy = 0; copy < COPIES; copy++) {
        f->copies[copy][RECORDS - 1].offset = 500;
        seal(f->copies[copy]);
    }
    run(f);
    assert_int_equal(f->result.findings[AUDIT_PHANTOM], COPIES);
    assert_int_equal(f->result.findings[AUDIT_MISSING], 1);
}

static void a_malformed_number_is_found(void **state)
{
    struct fixture *f = *state;

    (void)snprintf(f->copies[0][12].seq, TEXT_MAX, "012");
    f->copies[0][12].raw.headers[7].value = text(f->copies[0][12].seq);
    run(f);
    assert_int_equal(f->result.findings[AUDIT_UNSOUND], 1);
}

static void a_foreign_record_is_counted_and_skipped(void **state)
{
    struct fixture *f = *state;

    f->copies[0][RECORDS - 1].raw.header_count = 1; /* no header of ours */
    f->copies[1][RECORDS - 1].raw.header_count = 1;
    f->source_count--;
    run(f);
    assert_int_equal(f->result.foreign[0], 1);
    assert_int_equal(f->result.finding_count, 0);
}

static void records_of_later_cuts_are_not_looked_at(void **state)
{
    struct fixture *f = *state;

    for (int copy = 0; copy < COPIES; copy++) {
        f->copies[copy][RECORDS - 1].cut_number = 11;
        seal(f->copies[copy]);
    }
    f->source_count--;
    run(f);
    assert_int_equal(f->result.finding_count, 0);
    assert_int_equal(f->result.shortest, RECORDS - 1);
}

/* Takes record 20 out of both copies; its source record stays. */
static struct source *take_out(struct fixture *f)
{
    for (int copy = 0; copy < COPIES; copy++) {
        f->copies[copy][20].is_absent = true;
        seal(f->copies[copy]);
    }
    return &f->sources[20];
}

static void what_the_filter_left_out_is_accounted_for(void **state)
{
    struct fixture *f = *state;

    take_out(f)->why = AUDIT_WHY_FILTERED;
    run(f);
    assert_int_equal(f->result.finding_count, 0);
    assert_int_equal(f->result.accounted[AUDIT_WHY_FILTERED], 1);
}

/* A record of a log of decisions, about the one that was taken out or, with `back`, an earlier one. */
static void decide(struct fixture *f, const char *status, int back)
{
    f->enriched[0] = f->copies[0][20 - back * PARTS];
    (void)snprintf(f->enriched[0].status, TEXT_MAX, "%s", status);
    dress(&f->enriched[0], 0, "0000000000000000"); /* by version 1 */
    f->enriched_count = 1;
}

enum {
    NEWEST = 1,
    OLDER = 2
}; /* bits of filtered_by: of version 2, of version 1 */

static void what_an_older_spec_filtered_is_accounted_for(void **state)
{
    struct fixture *f = *state;

    take_out(f)->filtered_by = OLDER;
    decide(f, "filtered", 0);
    run(f);
    assert_int_equal(f->result.finding_count, 0);
    assert_int_equal(f->result.accounted[AUDIT_WHY_FILTERED], 1);
}

/* Version 1 decided, and did not filter it. */
static void what_only_a_spec_filters_that_did_not_decide_is_missing(void **state)
{
    struct fixture *f = *state;

    take_out(f)->filtered_by = NEWEST;
    decide(f, "filtered", 0);
    run(f);
    expect_only(f, AUDIT_MISSING);
}

static void what_is_said_to_be_filtered_by_no_spec_is_missing(void **state)
{
    struct fixture *f = *state;

    (void)take_out(f);
    decide(f, "filtered", 0);
    run(f);
    expect_only(f, AUDIT_MISSING);
}

static void what_no_log_decided_is_missing_though_a_spec_filters_it(void **state)
{
    struct fixture *f = *state;

    take_out(f)->filtered_by = OLDER;
    decide(f, "ok", 1); /* the log is there from an earlier record on */
    run(f);
    expect_only(f, AUDIT_MISSING);
}

static void what_a_spec_filters_and_no_log_knows_any_more_is_counted_as_such(void **state)
{
    struct fixture *f = *state;

    take_out(f)->filtered_by = OLDER;
    decide(f, "ok", -1); /* the log begins behind it */
    run(f);
    assert_int_equal(f->result.finding_count, 0);
    assert_int_equal(f->result.accounted[AUDIT_WHY_FILTERED_ONCE], 1);
}

/* It has only what failed. */
static void an_error_topic_does_not_say_what_was_filtered(void **state)
{
    struct fixture *f = *state;

    take_out(f)->filtered_by = OLDER;
    f->is_error_topic = true;
    decide(f, "failed:timeout", 1);
    run(f);
    assert_int_equal(f->result.accounted[AUDIT_WHY_FILTERED_ONCE], 1);
    decide(f, "filtered", 0);
    run(f);
    assert_int_equal(f->result.accounted[AUDIT_WHY_FILTERED], 0);
}

static void an_omitted_failure_is_accounted_for_and_lowers_the_share(void **state)
{
    struct fixture *f = *state;

    (void)take_out(f);
    decide(f, "failed:timeout", 0);
    run(f);
    assert_int_equal(f->result.finding_count, 0);
    assert_int_equal(f->result.accounted[AUDIT_WHY_FAILED], 1);
    assert_true(f->result.ok_percent < 98.4);
}

static void a_success_elsewhere_does_not_account_for_it(void **state)
{
    struct fixture *f = *state;

    (void)take_out(f);
    f->enriched[0] = f->copies[0][20];
    dress(&f->enriched[0], 0, "0000000000000000");
    f->enriched_count = 1;
    run(f);
    expect_only(f, AUDIT_MISSING);
}

static void a_dropped_duplicate_is_accounted_for_by_the_id_before_it(void **state)
{
    struct fixture *f = *state;

    (void)snprintf(take_out(f)->id, TEXT_MAX, "id-7");
    run(f);
    assert_int_equal(f->result.finding_count, 0);
    assert_int_equal(f->result.accounted[AUDIT_WHY_DUPLICATE], 1);
}

static void an_id_before_the_window_accounts_for_nothing(void **state)
{
    struct fixture *f = *state;

    f->window = 4;
    (void)snprintf(take_out(f)->id, TEXT_MAX, "id-7");
    run(f);
    expect_only(f, AUDIT_MISSING);
}

static void an_id_that_only_comes_later_accounts_for_nothing(void **state)
{
    struct fixture *f = *state;

    (void)snprintf(take_out(f)->id, TEXT_MAX, "id-50");
    run(f);
    expect_only(f, AUDIT_MISSING);
}

static void a_gap_record_accounts_for_its_range(void **state)
{
    struct fixture *f = *state;

    (void)take_out(f);
    f->enriched[0] = f->copies[0][23];
    f->enriched[0].prev = 5;
    (void)snprintf(f->enriched[0].status, TEXT_MAX, "gap");
    dress(&f->enriched[0], 0, "0000000000000000");
    f->enriched_count = 1;
    run(f);
    assert_int_equal(f->result.finding_count, 0);
    assert_int_equal(f->result.accounted[AUDIT_WHY_GAP], 1);
}

static void expired_sources_are_counted_not_missed(void **state)
{
    struct fixture *f = *state;

    f->log_start = 7;
    run(f);
    assert_int_equal(f->result.finding_count, 0);
    assert_int_equal(f->result.sources_expired, 7 + 2 + 7);
}

static void a_range_too_large_for_the_memory_is_said(void **state)
{
    struct fixture *f = *state;
    static const struct slice NAME = {(const uint8_t *)"eqiad", 5};
    struct audit_config config = {.dcs = &NAME, .dc_count = 1, .end_cut = 10, .window = 10};
    struct audit *au = audit_new(&config, &f->arena);
    const struct audit_part p = {.dc = SLICE_LIT("eqiad"),
                                 .topic = SLICE_LIT("page_change"),
                                 .lo = -1,
                                 .hi = INT64_C(1) << 40,
                                 .lo_is_known = true};

    assert_int_equal(audit_part_add(au, &p), 0);
    assert_false(audit_source(au, 0, 5));
    audit_finish(au, &f->result);
    expect_only(f, AUDIT_LIMIT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_sound_stream_has_no_findings),
        TEST(a_record_missing_in_one_copy_breaks_its_density_and_chain),
        TEST(a_record_that_one_copy_leaves_out_is_named_with_the_first_unequal_number),
        TEST(a_copy_that_is_behind_has_lost_nothing_after_its_end),
        TEST(a_record_missing_in_all_copies_is_missed_by_the_sources),
        TEST(a_missing_record_at_the_end_is_found_too),
        TEST(a_number_that_comes_twice_is_found),
        TEST(the_same_event_twice_is_found_by_order_and_by_id),
        TEST(the_same_id_twice_within_the_window_is_found),
        TEST(the_same_id_beyond_the_window_is_none_of_its_business),
        TEST(two_records_of_a_partition_in_the_wrong_order_are_found),
        TEST(an_altered_value_breaks_chain_and_equality),
        TEST(a_copy_that_is_sound_by_itself_but_another_is_found),
        TEST(a_header_outside_the_chain_counts_for_equality),
        TEST(a_wrong_chain_is_found_once),
        TEST(a_cut_number_that_goes_back_is_found),
        TEST(a_record_without_source_is_found),
        TEST(an_offset_beyond_the_cuts_is_found),
        TEST(a_malformed_number_is_found),
        TEST(a_foreign_record_is_counted_and_skipped),
        TEST(records_of_later_cuts_are_not_looked_at),
        TEST(what_the_filter_left_out_is_accounted_for),
        TEST(what_an_older_spec_filtered_is_accounted_for),
        TEST(what_only_a_spec_filters_that_did_not_decide_is_missing),
        TEST(what_is_said_to_be_filtered_by_no_spec_is_missing),
        TEST(what_no_log_decided_is_missing_though_a_spec_filters_it),
        TEST(what_a_spec_filters_and_no_log_knows_any_more_is_counted_as_such),
        TEST(an_error_topic_does_not_say_what_was_filtered),
        TEST(an_omitted_failure_is_accounted_for_and_lowers_the_share),
        TEST(a_success_elsewhere_does_not_account_for_it),
        TEST(a_dropped_duplicate_is_accounted_for_by_the_id_before_it),
        TEST(an_id_before_the_window_accounts_for_nothing),
        TEST(an_id_that_only_comes_later_accounts_for_nothing),
        TEST(a_gap_record_accounts_for_its_range),
        TEST(expired_sources_are_counted_not_missed),
        TEST(a_range_too_large_for_the_memory_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
