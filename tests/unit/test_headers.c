/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: from a record's headers Braid takes only what is sound; the rest counts as absent.
 * Method: headers as a careless or hostile writer would send them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/err.h"
#include "proto/headers.h"

static struct header h(const char *name, const char *value)
{
    return (struct header){.name = slice_str(name), .value = slice_str(value)};
}

static void a_sound_record_is_read_whole(void **state)
{
    const struct header list[] = {
        h("traceparent", "00-1"),         h("braid-origin", "eqiad/t/0/1/4/5"),
        h("braid-time", "1700000000000"), h("braid-id", "u-1"),
        h("braid-status", "failed:sha1"), h("braid-by", "codfw/3"),
    };
    struct braid_headers b;

    (void)state;
    headers_parse(list, 6, &b);
    assert_true(b.has_origin);
    assert_int_equal(b.origin.offset, 5);
    assert_int_equal(b.origin.prev, 4);
    assert_int_equal(b.time_ms, 1700000000000);
    assert_int_equal(b.status, STATUS_FAILED);
    assert_true(slice_equal(b.reason, SLICE_LIT("sha1")));
    assert_true(b.has_by);
    assert_int_equal(b.by_incarnation, 3);
    assert_true(slice_equal(b.raw[HEADER_ID], SLICE_LIT("u-1")));
    assert_null(b.raw[HEADER_SEQ].ptr);
}

static void an_origin_without_a_time_or_with_a_broken_one_is_absent(void **state)
{
    const struct header no_time[] = {h("braid-origin", "eqiad/t/0/1/4/5")};
    const struct header bad_time[] = {h("braid-origin", "eqiad/t/0/1/4/5"), h("braid-time", "1e3")};
    const struct header bad_origin[] = {h("braid-origin", "eqiad/t/0/1/5/5"), h("braid-time", "1")};
    const struct header null_origin[] = {h("braid-origin", NULL), h("braid-time", "1")};
    struct braid_headers b;

    (void)state;
    headers_parse(no_time, 1, &b);
    assert_false(b.has_origin);
    headers_parse(bad_time, 2, &b);
    assert_false(b.has_origin);
    headers_parse(bad_origin, 2, &b);
    assert_false(b.has_origin);
    headers_parse(null_origin, 2, &b);
    assert_false(b.has_origin);
    headers_parse(NULL, 0, &b);
    assert_false(b.has_origin);
    assert_int_equal(b.status, STATUS_NONE);
}

static void a_timestamp_of_minus_one_is_kept(void **state)
{
    const struct header list[] = {h("braid-origin", "eqiad/t/0/1/4/5"), h("braid-time", "-1")};
    struct braid_headers b;

    (void)state;
    headers_parse(list, 2, &b);
    assert_true(b.has_origin);
    assert_int_equal(b.time_ms, -1);
}

static void of_equal_names_the_last_wins(void **state)
{
    const struct header list[] = {h("braid-status", "ok"), h("braid-status", "withheld:text")};
    struct braid_headers b;

    (void)state;
    headers_parse(list, 2, &b);
    assert_int_equal(b.status, STATUS_WITHHELD);
}

static void every_name_and_status_has_one_text(void **state)
{
    (void)state;
    for (int i = 0; i < HEADER_COUNT; i++) {
        const struct slice name = slice_str(header_text((enum header_name)i));
        assert_int_equal(header_lookup(name), i);
        assert_true(header_is_reserved(name));
    }
    for (int i = STATUS_NONE + 1; i < STATUS_COUNT; i++) {
        enum status s = STATUS_NONE;
        struct slice reason = SLICE_LIT("x");
        assert_int_equal(status_parse(slice_str(status_text((enum status)i)), &s, &reason), 0);
        assert_int_equal(s, i);
        assert_null(reason.ptr);
    }
}

static void names_of_others_are_not_ours(void **state)
{
    (void)state;
    assert_int_equal(header_lookup(SLICE_LIT("traceparent")), HEADER_COUNT);
    assert_int_equal(header_lookup(SLICE_LIT("braid-forged")), HEADER_COUNT);
    assert_true(header_is_reserved(SLICE_LIT("braid-forged")));
    assert_false(header_is_reserved(SLICE_LIT("braid")));
    assert_false(header_is_reserved((struct slice){0}));
}

static void unknown_statuses_and_broken_by_are_absent(void **state)
{
    static const char *const BY[] = {"codfw", "codfw/", "/1", "codfw/01", "codfw/-1", "codfw/1/2"};
    enum status s;
    struct slice reason;

    (void)state;
    assert_int_equal(status_parse(SLICE_LIT("okay"), &s, &reason), ERR_MALFORMED);
    assert_int_equal(status_parse(SLICE_LIT(""), &s, &reason), ERR_MALFORMED);
    assert_int_equal(status_parse(SLICE_LIT(":ok"), &s, &reason), ERR_MALFORMED);
    for (size_t i = 0; i < sizeof BY / sizeof BY[0]; i++) {
        const struct header list[] = {h("braid-by", BY[i])};
        struct braid_headers b;
        headers_parse(list, 1, &b);
        assert_false(b.has_by);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_record_is_read_whole),
        cmocka_unit_test(an_origin_without_a_time_or_with_a_broken_one_is_absent),
        cmocka_unit_test(a_timestamp_of_minus_one_is_kept),
        cmocka_unit_test(of_equal_names_the_last_wins),
        cmocka_unit_test(every_name_and_status_has_one_text),
        cmocka_unit_test(names_of_others_are_not_ours),
        cmocka_unit_test(unknown_statuses_and_broken_by_are_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
