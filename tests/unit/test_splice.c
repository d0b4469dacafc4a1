/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a splice changes what it was told to and not one byte else, and cutting members leaves a
 *       valid object.
 * Method: small cases by hand; then random documents and random edits against a slow model that
 *       builds the result byte by byte, and random cuts whose result is parsed again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "proto/err.h"
#include "proto/splice.h"
#include "tests/unit/random_json.h"

static const struct json_limits LIMITS = {.bytes_max = 1000000, .depth_max = 64};

static void check(const struct splice *s, const char *expected)
{
    const size_t size = splice_size(s);
    uint8_t *out = malloc(size + 1);

    assert_int_equal(size, strlen(expected));
    splice_write(s, out);
    out[size] = '\0';
    assert_string_equal((char *)out, expected);
    free(out);
}

static void edits_may_come_in_any_order_and_keep_theirs_at_one_place(void **state)
{
    struct splice s;

    splice_init(&s, SLICE_LIT("0123456789"));
    assert_int_equal(splice_put(&s, &(struct splice_edit){{8, 9}, {SLICE_LIT("eight")}, 0}), 0);
    assert_int_equal(splice_put(&s, &(struct splice_edit){{0, 0}, {SLICE_LIT("<")}, 0}), 0);
    assert_int_equal(splice_put(&s, &(struct splice_edit){{10, 10}, {SLICE_LIT(">")}, 0}), 0);
    assert_int_equal(splice_put(&s, &(struct splice_edit){{3, 3}, {SLICE_LIT("a")}, 0}), 0);
    assert_int_equal(
        splice_put(
            &s, &(struct splice_edit){{3, 3}, {SLICE_LIT("b"), SLICE_LIT("c"), SLICE_LIT("d")}, 0}),
        0);
    assert_int_equal(splice_put(&s, &(struct splice_edit){{4, 7}, {{0}}, 0}), 0);
    check(&s, "<012abcd37eight9>");
}

static void overlapping_edits_and_too_many_are_refused_and_change_nothing(void **state)
{
    struct splice s;

    splice_init(&s, SLICE_LIT("0123456789"));
    assert_int_equal(splice_put(&s, &(struct splice_edit){{3, 6}, {SLICE_LIT("x")}, 0}), 0);
    assert_int_equal(splice_put(&s, &(struct splice_edit){{5, 7}, {{0}}, 0}), ERR_CONFLICT);
    assert_int_equal(splice_put(&s, &(struct splice_edit){{2, 4}, {{0}}, 0}), ERR_CONFLICT);
    assert_int_equal(splice_put(&s, &(struct splice_edit){{4, 5}, {{0}}, 0}), ERR_CONFLICT);
    assert_int_equal(splice_put(&s, &(struct splice_edit){{2, 9}, {{0}}, 0}), ERR_CONFLICT);
    check(&s, "012x6789");
    for (size_t i = 1; i < SPLICE_EDITS_MAX; i++)
        assert_int_equal(splice_put(&s, &(struct splice_edit){{6, 6}, {SLICE_LIT("-")}, 0}), 0);
    assert_int_equal(splice_put(&s, &(struct splice_edit){{6, 6}, {SLICE_LIT("-")}, 0}), ERR_BUSY);
    assert_int_equal(splice_size(&s), 8 + SPLICE_EDITS_MAX - 1);
}

static void without_edits_the_source_comes_out(void **state)
{
    struct splice s;

    splice_init(&s, SLICE_LIT(""));
    splice_seal(&s);
    check(&s, "");
    splice_init(&s, SLICE_LIT("{\"a\": 1}\n"));
    splice_seal(&s);
    check(&s, "{\"a\": 1}\n");
}

/* A slow model: each source byte is taken or not, each edit is put before its first byte. */
static size_t model(const struct splice_edit *edits, size_t count, struct slice source,
                    uint8_t *out)
{
    size_t len = 0;

    for (size_t at = 0; at <= source.len; at++) {
        bool is_cut = false;
        for (size_t i = 0; i < count; i++) {
            if (edits[i].cut.from == at) {
                memcpy(out + len, edits[i].parts[0].ptr, edits[i].parts[0].len);
                len += edits[i].parts[0].len;
            }
            if (edits[i].cut.from <= at && at < edits[i].cut.to)
                is_cut = true;
        }
        if (at < source.len && !is_cut)
            out[len++] = source.ptr[at];
    }
    return len;
}

static void random_edits_equal_a_slow_model(void **state)
{
    struct random_json r = {.seed = 1};
    uint8_t source[200];
    uint8_t expected[4096];
    uint8_t out[4096];

    for (unsigned n = 0; n < 20000; n++) {
        struct splice_edit accepted[16];
        size_t count = 0;
        const size_t len = random_json_below(&r, sizeof source);
        for (size_t i = 0; i < len; i++)
            source[i] = (uint8_t)random_json_below(&r, 256);
        struct splice s;
        splice_init(&s, slice_of(source, len));
        for (unsigned k = 0; k < 8; k++) {
            const size_t from = random_json_below(&r, (uint32_t)len + 1);
            const size_t to = from + random_json_below(&r, (uint32_t)(len - from) + 1) / 4;
            const struct splice_edit edit = {{from, to}, {SLICE_LIT("new bytes")}, 0};
            if (splice_put(&s, &edit) == 0)
                accepted[count++] = edit;
        }
        splice_seal(&s);
        const size_t size = model(accepted, count, slice_of(source, len), expected);
        assert_int_equal(splice_size(&s), size);
        splice_write(&s, out);
        assert_memory_equal(out, expected, size);
    }
}

/* Cuts a random subset of a random object's members. */
static void check_cuts(struct random_json *r, struct arena *a)
{
    struct json j;
    struct json after;
    struct json_flaw flaw;
    struct splice s;
    uint8_t out[RANDOM_JSON_MAX];
    yyjson_val *kept[8];
    size_t kept_count = 0;
    size_t i;
    size_t n;
    yyjson_val *key;
    yyjson_val *val;

    assert_int_equal(json_parse(a, random_json_slice(r), &LIMITS, &j, &flaw), 0);
    splice_init(&s, j.bytes);
    yyjson_obj_foreach(j.root, i, n, key, val)
    {
        if (random_json_below(r, 2) == 0)
            kept[kept_count++] = key;
        else
            assert_int_equal(splice_cut(&s, json_member_span(&j, key)), 0);
    }
    splice_seal(&s);
    assert_true(splice_size(&s) <= j.bytes.len);
    splice_write(&s, out);
    assert_int_equal(json_parse(a, slice_of(out, splice_size(&s)), &LIMITS, &after, &flaw), 0);
    assert_int_equal(yyjson_obj_size(after.root), kept_count);
    yyjson_obj_foreach(after.root, i, n, key, val)
    {
        assert_true(yyjson_equals(key, kept[i]));
        assert_true(yyjson_equals(val, json_value(kept[i])));
    }
}

static void cutting_any_members_of_100000_random_objects_leaves_the_others_and_valid_json(
    void **state)
{
    struct random_json *r = calloc(1, sizeof *r);
    struct arena a;

    arena_init(&a, 1 << 20, 1 << 26);
    for (unsigned n = 0; n < 100000; n++) {
        arena_reset(&a);
        r->seed = n;
        r->len = 0;
        random_json_object(r, 2);
        check_cuts(r, &a);
    }
    arena_deinit(&a);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_may_come_in_any_order_and_keep_theirs_at_one_place),
        cmocka_unit_test(overlapping_edits_and_too_many_are_refused_and_change_nothing),
        cmocka_unit_test(without_edits_the_source_comes_out),
        cmocka_unit_test(random_edits_equal_a_slow_model),
        cmocka_unit_test(
            cutting_any_members_of_100000_random_objects_leaves_the_others_and_valid_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
