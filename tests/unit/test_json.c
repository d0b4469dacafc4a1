/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what is not one sound JSON object within limits is refused with its place, cheaply; and for
 *       what is sound, the place of each value in the original bytes is exact.
 * Method: a table of bad bytes; for places, random documents, each value read again by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "proto/err.h"
#include "proto/json.h"
#include "tests/unit/random_json.h"

static const struct json_limits LIMITS = {.bytes_max = 1000000, .depth_max = 64};

static int parse(struct slice bytes, const struct json_limits *limits)
{
    struct arena a;
    struct json j;
    struct json_flaw flaw = {0};

    arena_init(&a, 65536, 64 * 1024 * 1024);
    const int rc = json_parse(&a, bytes, limits, &j, &flaw);
    if (rc != 0) {
        assert_non_null(flaw.text);
        assert_true(flaw.at <= bytes.len);
    }
    arena_deinit(&a);
    return rc;
}

static void bytes_that_are_not_one_sound_object_are_malformed(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } BAD[] = {
#define ROW(text) {(text), sizeof(text) - 1}
        ROW(""),
        ROW(" \n"),
        ROW("null"),
        ROW("17"),
        ROW("\"x\""),
        ROW("[]"),
        ROW("\xef\xbb\xbf{}"),
        ROW("\xff\xfe{\0}\0"),
        ROW("{"),
        ROW("{\"a\":1"),
        ROW("{\"a\":1]"),
        ROW("{]"),
        ROW("{\"a\"}"),
        ROW("{\"a\":}"),
        ROW("{\"a\":1,}"),
        ROW("{,}"),
        ROW("{a:1}"),
        ROW("{'a':1}"),
        ROW("{\"a\":01}"),
        ROW("{\"a\":+1}"),
        ROW("{\"a\":NaN}"),
        ROW("{\"a\":1}x"),
        ROW("{\"a\":1}{}"),
        ROW("{\"a\":\"\0\"}"),
        ROW("{\"a\":1}\0"),
        ROW("{\"a\":\"\n\"}"),
        ROW("{\"a\":\"\\p\"}"),
        ROW("{\"a\":\"\\u12\"}"),
        ROW("{\"a\":\"\\ud800\"}"),
        ROW("{\"a\":\"\\udc00\\ud800\"}"),
        ROW("{\"a\":\"\xc3\"}"),
        ROW("{\"a\":\"\xed\xa0\x80\"}"),
        ROW("{\"a\":\"\xf5\x80\x80\x80\"}"),
        ROW("{\"a\":\"\xc0\xaf\"}"),
        ROW("{\"a\":\"unfinished}"),
        ROW("{\"a\":\"\\\"}"),
        ROW("<!DOCTYPE html><html></html>"),
        ROW("{/* no comments */}"),
#undef ROW
    };

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        /* on the heap with its exact size, so that reading past its end is seen */
        uint8_t *copy = malloc(BAD[i].len + 1);
        memcpy(copy, BAD[i].bytes, BAD[i].len);
        if (parse(slice_of(copy, BAD[i].len), &LIMITS) != ERR_MALFORMED)
            fail_msg("row %zu was not refused: %s", i, BAD[i].bytes);
        free(copy);
    }
    assert_int_equal(parse((struct slice){0}, &LIMITS), ERR_MALFORMED);
}

static void depth_is_judged_before_the_parser_sees_the_bytes(void **state)
{
    enum {
        DEPTH = 5000000
    };
    char *deep = malloc(DEPTH + 8);

    memcpy(deep, "{\"a\":", 5);
    memset(deep + 5, '[', DEPTH);
    const clock_t start = clock();
    assert_int_equal(parse(slice_of(deep, 900000), &LIMITS), ERR_UNSUPPORTED);
    assert_true(clock() - start < CLOCKS_PER_SEC / 20);
    free(deep);

    assert_int_equal(parse(SLICE_LIT("{\"a\":[[1]]}"), &(struct json_limits){100, 3, false}), 0);
    assert_int_equal(parse(SLICE_LIT("{\"a\":[[1]]}"), &(struct json_limits){100, 2, false}),
                     ERR_UNSUPPORTED);
    assert_int_equal(parse(SLICE_LIT("{\"a\":\"[[[[\"}"), &(struct json_limits){100, 1, false}), 0);
}

static void size_is_limited_and_a_full_arena_is_an_answer(void **state)
{
    struct arena a;
    struct json j;
    struct json_flaw flaw;

    assert_int_equal(parse(SLICE_LIT("{\"a\":1}"), &(struct json_limits){6, 64, false}),
                     ERR_TOO_LARGE);
    arena_init(&a, 16, 16);
    assert_int_equal(json_parse(&a, SLICE_LIT("{\"a\":[1,2,3,4,5,6]}"), &LIMITS, &j, &flaw),
                     ERR_NO_MEMORY);
    arena_deinit(&a);
}

static void a_trailer_is_reported_where_it_is_allowed(void **state)
{
    const struct json_limits limits = {.bytes_max = 100, .depth_max = 9, .trailer_is_ok = true};
    struct arena a;
    struct json j;
    struct json_flaw flaw;

    arena_init(&a, 4096, 65536);
    assert_int_equal(
        json_parse(&a, SLICE_LIT("{\"e\":1}\n<!DOCTYPE html>\"[[["), &limits, &j, &flaw), 0);
    assert_true(j.has_trailer);
    assert_int_equal(json_parse(&a, SLICE_LIT(" {\"e\":1} \n"), &limits, &j, &flaw), 0);
    assert_false(j.has_trailer);
    arena_deinit(&a);
}

static void a_key_twice_is_found_in_any_spelling(void **state)
{
    static const struct {
        const char *text;
        int rc;
    } ROWS[] = {{"{}", 0},
                {"{\"a\":1,\"b\":2}", 0},
                {"{\"a\":1,\"b\":2,\"a\":3}", ERR_MALFORMED},
                {"{\"meta\":1,\"m\\u0065ta\":2}", ERR_MALFORMED},
                {"{\"\":1,\"\":2}", ERR_MALFORMED}};
    struct arena a;
    struct json j;
    struct json_flaw flaw;

    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(json_parse(&a, slice_str(ROWS[i].text), &LIMITS, &j, &flaw), 0);
        assert_int_equal(json_check_keys(j.root), ROWS[i].rc);
    }
    char many[8192] = "{\"k\":0";
    size_t len = strlen(many);
    for (int i = 0; i < JSON_MEMBERS_MAX; i++)
        len += (size_t)snprintf(many + len, sizeof many - len, ",\"%d\":0", i);
    memcpy(many + len, "}", 2);
    assert_int_equal(json_parse(&a, slice_str(many), &LIMITS, &j, &flaw), 0);
    assert_int_equal(json_check_keys(j.root), ERR_MALFORMED);
    arena_deinit(&a);
}

static void integers_are_exact_to_64_bits_and_nothing_else_is_one(void **state)
{
    static const struct {
        const char *text;
        int rc;
        int64_t value;
    } ROWS[] = {
        {"{\"n\":0}", 0, 0},
        {"{\"n\":-0}", 0, 0},
        {"{\"n\":9007199254740993}", 0, 9007199254740993},
        {"{\"n\":9223372036854775807}", 0, INT64_MAX},
        {"{\"n\":-9223372036854775808}", 0, INT64_MIN},
        {"{\"n\":9223372036854775808}", ERR_MALFORMED, 0},
        {"{\"n\":-9223372036854775809}", ERR_MALFORMED, 0},
        {"{\"n\":99999999999999999999999}", ERR_MALFORMED, 0},
        {"{\"n\":1.0}", ERR_MALFORMED, 0},
        {"{\"n\":1e3}", ERR_MALFORMED, 0},
        {"{\"n\":\"1\"}", ERR_MALFORMED, 0},
        {"{\"n\":true}", ERR_MALFORMED, 0},
        {"{\"n\":null}", ERR_MALFORMED, 0},
        {"{\"n\":[]}", ERR_MALFORMED, 0},
    };
    struct arena a;
    struct json j;
    struct json_flaw flaw;

    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        int64_t value = 0;
        assert_int_equal(json_parse(&a, slice_str(ROWS[i].text), &LIMITS, &j, &flaw), 0);
        yyjson_val *val = json_value(json_key(j.root, SLICE_LIT("n")));
        assert_int_equal(json_integer(val, &value), ROWS[i].rc);
        assert_int_equal(value, ROWS[i].value);
    }
    assert_int_equal(json_integer(NULL, &(int64_t){0}), ERR_MALFORMED);
    arena_deinit(&a);
}

/* The bytes at a value's span, read alone, are that value. Numbers are compared as text. */
static void check_place(struct arena *a, const struct json *j, yyjson_val *key)
{
    char wrapped[RANDOM_JSON_MAX + 16];
    struct json alone;
    struct json_flaw flaw;
    const struct span place = json_value_span(j, key);
    const struct span whole = json_member_span(j, key);

    assert_true(place.from < place.to);
    assert_true(place.to <= j->bytes.len);
    assert_true(whole.from < place.from);
    assert_true(whole.to >= place.to);
    const int len = snprintf(wrapped, sizeof wrapped, "{\"v\":%.*s}", (int)(place.to - place.from),
                             (const char *)j->bytes.ptr + place.from);
    assert_int_equal(json_parse(a, slice_of(wrapped, (size_t)len), &LIMITS, &alone, &flaw), 0);
    yyjson_val *again = json_value(json_key(alone.root, SLICE_LIT("v")));
    assert_true(yyjson_equals(again, json_value(key)));
    assert_int_equal(json_value_span(&alone, json_key(alone.root, SLICE_LIT("v"))).to, len - 1);
}

static void every_value_of_100000_random_documents_is_where_its_span_says(void **state)
{
    struct random_json *r = calloc(1, sizeof *r);
    struct arena a;
    struct json j;
    struct json_flaw flaw;
    size_t checked = 0;

    arena_init(&a, 1 << 20, 1 << 26);
    for (unsigned n = 0; n < 100000; n++) {
        arena_reset(&a);
        r->seed = n;
        r->len = 0;
        random_json_space(r);
        random_json_object(r, 3);
        random_json_space(r);
        assert_int_equal(json_parse(&a, random_json_slice(r), &LIMITS, &j, &flaw), 0);
        assert_int_equal(json_check_keys(j.root), 0);
        size_t i;
        size_t count;
        yyjson_val *key;
        yyjson_val *val;
        yyjson_obj_foreach(j.root, i, count, key, val)
        {
            check_place(&a, &j, key);
            checked++;
            size_t k;
            size_t inner;
            yyjson_val *key2;
            yyjson_val *val2;
            yyjson_obj_foreach(val, k, inner, key2, val2)
            {
                check_place(&a, &j, key2);
                checked++;
            }
        }
    }
    assert_true(checked > 200000);
    arena_deinit(&a);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_not_one_sound_object_are_malformed),
        cmocka_unit_test(depth_is_judged_before_the_parser_sees_the_bytes),
        cmocka_unit_test(size_is_limited_and_a_full_arena_is_an_answer),
        cmocka_unit_test(a_trailer_is_reported_where_it_is_allowed),
        cmocka_unit_test(a_key_twice_is_found_in_any_spelling),
        cmocka_unit_test(integers_are_exact_to_64_bits_and_nothing_else_is_one),
        cmocka_unit_test(every_value_of_100000_random_documents_is_where_its_span_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
