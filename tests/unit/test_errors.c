/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: which events failed is concluded rightly from error topics, retries and the global stream.
 * Method: records by hand, one story a test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "coord/ctl/errors.h"

struct fixture {
    struct arena arena;
    struct errors errors;
};

static struct audit_raw *raw_of(struct fixture *f, int64_t offset, const char *const *headers)
{
    struct audit_raw *raw = arena_calloc(&f->arena, 1, sizeof(*raw));

    raw->offset = offset;
    raw->time_ms = 5000;
    for (; headers[0] != NULL; headers += 2)
        raw->headers[raw->header_count++] =
            (struct header){slice_str(headers[0]), slice_str(headers[1])};
    return raw;
}

static void add_failed(struct fixture *f, const char *origin, const char *id, const char *by)
{
    const char *const headers[] = {"braid-origin", origin, "braid-time", "4000", "braid-id", id,
                                   "braid-by",     by,     NULL};
    struct audit_record p;

    audit_record_parse(raw_of(f, 9, headers), &p);
    assert_int_equal(errors_add(&f->errors, &(struct errors_record){.parsed = &p,
                                                                    .reason = SLICE_LIT("timeout"),
                                                                    .message = SLICE_LIT("late")}),
                     0);
}

static void add_retry(struct fixture *f, int64_t offset, const char *of, const char *number)
{
    const char *const headers[] = {ERRORS_RETRY_OF, of, "braid-retry", number, NULL};
    struct audit_record p;

    audit_record_parse(raw_of(f, offset, headers), &p);
    assert_int_equal(errors_add(&f->errors, &(struct errors_record){.parsed = &p,
                                                                    .is_retry = true,
                                                                    .dc = SLICE_LIT("eqiad")}),
                     0);
}

static void emit(struct fixture *f, const char *origin, const char *status)
{
    const char *const headers[] = {
        "braid-time", "4000", "braid-origin", origin, "braid-status", status,
        "braid-seq",  "3",    "braid-cut",    "0.1",  "braid-chain",  "0011223344556677",
        NULL};
    struct audit_record p;

    audit_record_parse(raw_of(f, 3, headers), &p);
    assert_true(p.has_seq);
    errors_decide(&f->errors, &p);
}

static enum error_state state_of(struct fixture *f, const char *what)
{
    size_t count = 0;
    const struct failure *found = NULL;

    errors_finish(&f->errors);
    found = errors_find(&f->errors, slice_str(what), &count);
    assert_non_null(found);
    assert_int_equal(count, 1);
    return found->state;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 1 << 16, 64 << 20);
    errors_init(&f->errors, SLICE_LIT("out.v1"), &f->arena);
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

static void one_event_that_failed_in_two_dcs_is_one(void **state)
{
    struct fixture *f = *state;
    size_t count = 0;

    add_failed(f, "eqiad/in.v1/0/3/6/7", "a", "eqiad/0");
    add_failed(f, "eqiad/in.v1/0/3/6/7", "a", "codfw/2");
    add_failed(f, "eqiad/in.v1/0/3/6/7", "a", "codfw/2");
    errors_index(&f->errors);
    assert_int_equal(f->errors.count, 1);
    assert_int_equal(errors_find(&f->errors, SLICE_LIT("a"), &count)->by_count, 2);
    assert_true(slice_equal(f->errors.items[0].by[1], SLICE_LIT("codfw")));
    assert_int_equal(f->errors.items[0].source_ms, 4000);
}

static void an_event_is_failed_once_the_stream_went_past_it(void **state)
{
    struct fixture *f = *state;

    add_failed(f, "eqiad/in.v1/0/3/6/7", "a", "eqiad/0");
    errors_index(&f->errors);
    assert_int_equal(state_of(f, "a"), ERROR_OPEN);
    emit(f, "eqiad/in.v1/0/3/5/6", "ok");
    emit(f, "eqiad/in.v1/0/2/8/9", "ok"); /* another partition */
    assert_int_equal(state_of(f, "a"), ERROR_OPEN);
    assert_non_null(errors_undecided(&f->errors));
    emit(f, "eqiad/in.v1/0/3/7/8", "ok");
    assert_int_equal(state_of(f, "a"), ERROR_FAILED);
    assert_null(errors_undecided(&f->errors));
}

static void an_event_that_another_dc_enriched_is_emitted(void **state)
{
    struct fixture *f = *state;

    add_failed(f, "eqiad/in.v1/0/3/6/7", "a", "eqiad/0");
    errors_index(&f->errors);
    emit(f, "eqiad/in.v1/0/3/6/7", "ok");
    assert_int_equal(state_of(f, "eqiad/in.v1/0/3/7"), ERROR_EMITTED);
}

static void an_event_that_is_emitted_as_failed_is_failed(void **state)
{
    struct fixture *f = *state;

    add_failed(f, "eqiad/in.v1/0/3/6/7", "a", "eqiad/0");
    errors_index(&f->errors);
    emit(f, "eqiad/in.v1/0/3/6/7", "failed:timeout");
    assert_int_equal(state_of(f, "a"), ERROR_FAILED);
}

static void a_retry_is_tied_to_its_event_by_its_position(void **state)
{
    struct fixture *f = *state;

    add_failed(f, "eqiad/in.v1/0/3/6/7", "a", "eqiad/0");
    add_retry(f, 4, "eqiad/in.v1/0/3/7", "1");
    add_retry(f, 5, "eqiad/in.v1/0/3/7", "2");
    errors_index(&f->errors);
    emit(f, "eqiad/in.v1/0/3/7/8", "ok");
    emit(f, "eqiad/braid.retry.out.v1/0/0/3/4", "failed:timeout");
    assert_int_equal(state_of(f, "a"), ERROR_RETRYING);
    assert_int_equal(errors_find(&f->errors, SLICE_LIT("a"), &(size_t){0})->retries, 2);
    emit(f, "eqiad/braid.retry.out.v1/0/0/4/5", "ok");
    assert_int_equal(state_of(f, "a"), ERROR_EMITTED);
}

static void a_retry_that_failed_leaves_its_event_failed(void **state)
{
    struct fixture *f = *state;

    add_failed(f, "eqiad/in.v1/0/3/6/7", "a", "eqiad/0");
    add_retry(f, 4, "eqiad/in.v1/0/3/7", "1");
    add_failed(f, "eqiad/braid.retry.out.v1/0/0/3/4", "a#1", "eqiad/0");
    errors_index(&f->errors);
    emit(f, "eqiad/in.v1/0/3/7/8", "ok");
    emit(f, "eqiad/braid.retry.out.v1/0/0/4/5", "ok");
    assert_int_equal(state_of(f, "a"), ERROR_FAILED);
}

static void a_dropped_event_is_dropped(void **state)
{
    struct fixture *f = *state;
    const char *const headers[] = {
        "braid-time", "4000", "braid-origin", "eqiad/in.v1/0/3/6/7", ERRORS_DROPPED, "me", NULL};
    struct audit_record p;

    add_failed(f, "eqiad/in.v1/0/3/6/7", "a", "eqiad/0");
    audit_record_parse(raw_of(f, 12, headers), &p);
    assert_int_equal(errors_add(&f->errors, &(struct errors_record){.parsed = &p}), 0);
    errors_index(&f->errors);
    assert_int_equal(f->errors.count, 1);
    assert_int_equal(state_of(f, "a"), ERROR_DROPPED);
    assert_int_equal(f->errors.items[0].by_count, 1);
}

static void records_without_an_origin_are_skipped(void **state)
{
    struct fixture *f = *state;

    add_failed(f, "nonsense", "a", "eqiad/0");
    errors_index(&f->errors);
    assert_int_equal(f->errors.count, 0);
    emit(f, "eqiad/in.v1/0/3/6/7", "ok");
    assert_null(errors_undecided(&f->errors));
}

static void the_emitter_names_cluster_and_stream(void **state)
{
    (void)state;
    assert_true(
        errors_is_of(SLICE_LIT("braid-main-eqiad-out.v1"), SLICE_LIT("main"), SLICE_LIT("out.v1")));
    assert_false(errors_is_of(SLICE_LIT("braid-main-eqiad-out.v12"), SLICE_LIT("main"),
                              SLICE_LIT("out.v1")));
    assert_false(errors_is_of(SLICE_LIT("braid-other-eqiad-out.v1"), SLICE_LIT("main"),
                              SLICE_LIT("out.v1")));
    assert_false(
        errors_is_of(SLICE_LIT("braid-main-out.v1"), SLICE_LIT("main"), SLICE_LIT("out.v1")));
    assert_false(errors_is_of(SLICE_LIT(""), SLICE_LIT("main"), SLICE_LIT("out.v1")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_event_that_failed_in_two_dcs_is_one),
        TEST(an_event_is_failed_once_the_stream_went_past_it),
        TEST(an_event_that_another_dc_enriched_is_emitted),
        TEST(an_event_that_is_emitted_as_failed_is_failed),
        TEST(a_retry_is_tied_to_its_event_by_its_position),
        TEST(a_retry_that_failed_leaves_its_event_failed),
        TEST(a_dropped_event_is_dropped),
        TEST(records_without_an_origin_are_skipped),
        TEST(the_emitter_names_cluster_and_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
