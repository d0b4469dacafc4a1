/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what Braid writes carries the source's headers and Braid's own, and nothing forged.
 * Method: small lists of headers, compared one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/inner.h"

static void check(const struct header *h, const char *name, const char *value)
{
    assert_true(slice_equal(h->name, slice_str(name)));
    assert_true(slice_equal(h->value, slice_str(value)));
}

static struct inner_fields fields(void)
{
    return (struct inner_fields){
        .origin = {.from = {.dc = SLICE_LIT("eqiad"), .topic = SLICE_LIT("s"), .partition = 3},
                   .prev = 4,
                   .offset = 6},
        .time_ms = -1,
    };
}

static void own_headers_keep_their_order_and_forged_ones_go(void **state)
{
    (void)state;
    const struct header source[] = {
        {SLICE_LIT("b"), SLICE_LIT("1")},
        {SLICE_LIT("braid-seq"), SLICE_LIT("99")},
        {SLICE_LIT("braid-new"), SLICE_LIT("99")},
        {SLICE_LIT("a"), SLICE_LIT("2")},
    };
    struct inner_fields f = fields();
    struct inner_text text;
    struct header out[INNER_HEADERS_MAX];

    f.copy_dc = SLICE_LIT("codfw");
    assert_int_equal(inner_headers(source, 4, &f, &text, out), 5);
    check(&out[0], "b", "1");
    check(&out[1], "a", "2");
    check(&out[2], "braid-origin", "eqiad/s/0/3/4/6");
    check(&out[3], "braid-time", "-1");
    check(&out[4], "braid-copy", "codfw");
}

static void an_enriched_record_has_its_headers_in_header_order(void **state)
{
    (void)state;
    struct inner_fields f = fields();
    struct inner_text text;
    struct header out[INNER_HEADERS_MAX];

    f.id = SLICE_LIT("id");
    f.status = SLICE_LIT("failed:sha1");
    f.by_dc = SLICE_LIT("codfw");
    f.by_incarnation = 2;
    f.fetch = SLICE_LIT("attempts=1");
    f.spec_version = 7;
    assert_int_equal(inner_headers(NULL, 0, &f, &text, out), 7);
    check(&out[2], "braid-id", "id");
    check(&out[3], "braid-status", "failed:sha1");
    check(&out[4], "braid-by", "codfw/2");
    check(&out[5], "braid-fetch", "attempts=1");
    check(&out[6], "braid-spec", "7");
}

static void a_copy_keeps_all_but_who_copied(void **state)
{
    (void)state;
    const struct header source[] = {
        {SLICE_LIT("x"), {0}},
        {SLICE_LIT("braid-origin"), SLICE_LIT("whatever")},
        {SLICE_LIT("braid-copy"), SLICE_LIT("else")},
        {SLICE_LIT("braid-status"), SLICE_LIT("ok")},
    };
    struct header out[INNER_HEADERS_MAX];

    assert_int_equal(inner_copy_headers(source, 4, SLICE_LIT("eqiad"), out), 4);
    assert_true(out[0].value.ptr == NULL);
    check(&out[1], "braid-origin", "whatever");
    check(&out[2], "braid-status", "ok");
    check(&out[3], "braid-copy", "eqiad");
}

static void a_record_with_too_many_headers_loses_the_last_ones(void **state)
{
    (void)state;
    struct header source[200];
    struct inner_fields f = fields();
    struct inner_text text;
    struct header out[INNER_HEADERS_MAX];

    for (size_t i = 0; i < 200; i++)
        source[i] = (struct header){SLICE_LIT("h"), SLICE_LIT("v")};
    assert_int_equal(inner_headers(source, 200, &f, &text, out), INNER_SOURCE_MAX + 2);
    check(&out[INNER_SOURCE_MAX], "braid-origin", "eqiad/s/0/3/4/6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_headers_keep_their_order_and_forged_ones_go),
        cmocka_unit_test(an_enriched_record_has_its_headers_in_header_order),
        cmocka_unit_test(a_copy_keeps_all_but_who_copied),
        cmocka_unit_test(a_record_with_too_many_headers_loses_the_last_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
