/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a global record has the headers and the chain of docs/formats.md, byte for byte.
 * Method: one record sealed; its chain computed again from the written rule, with the hash
 *         library alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "node/global.h"
#include "proto/err.h"

static const struct header HEADERS[] = {
    {{(const uint8_t *)"traceparent", 11}, {(const uint8_t *)"00-1", 4}},
    {{(const uint8_t *)"braid-origin", 12}, {(const uint8_t *)"eqiad/t/0/0/4/5", 15}},
    {{(const uint8_t *)"braid-time", 10}, {(const uint8_t *)"1700", 4}},
    {{(const uint8_t *)"braid-status", 12}, {(const uint8_t *)"ok", 2}},
    {{(const uint8_t *)"braid-copy", 10}, {(const uint8_t *)"codfw", 5}},
    {{(const uint8_t *)"braid-by", 8}, {(const uint8_t *)"eqiad/0", 7}},
};

static void append(uint8_t *buf, size_t *at, const char *text)
{
    const uint32_t len = text == NULL ? UINT32_MAX : (uint32_t)strlen(text);

    for (int i = 0; i < 4; i++)
        buf[(*at)++] = (uint8_t)(len >> (8 * i));
    if (text != NULL) {
        memcpy(buf + *at, text, strlen(text));
        *at += strlen(text);
    }
}

static void the_chain_is_the_documented_one(void **state)
{
    static const char *const PARTS[] = {
        "00000000000000ab",
        "eqiad/t/0/0/4/5",
        "1700",
        NULL,
        "ok",
        "eqiad/0",
        NULL,
        NULL,
        "7",
        "1.9",
        "1234",
        "key",
        NULL,
    };
    struct record r = {.key = SLICE_LIT("key"), .value = {0}};
    const struct global_place at = {.seq = 7, .era = 1, .cut = 9, .time_ms = 1234, .chain = 0xab};
    struct global_headers out;
    uint8_t buf[512];
    size_t len = 0;

    (void)state;
    headers_parse(HEADERS, 6, &r.braid);
    assert_int_equal(global_seal(&r, HEADERS, 6, &at, &out), 0);
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++)
        append(buf, &len, PARTS[i]);
    assert_int_equal(out.chain, XXH3_64bits(buf, len));
}

static void headers_are_the_sources_then_ours_in_order_without_copy(void **state)
{
    static const char *const NAMES[] = {
        "traceparent", "braid-origin", "braid-time", "braid-status",
        "braid-by",    "braid-seq",    "braid-cut",  "braid-chain",
    };
    struct record r = {.key = SLICE_LIT("key"), .value = SLICE_LIT("{}")};
    const struct global_place at = {.seq = 7, .era = 0, .cut = 9, .time_ms = 1234};
    struct global_headers out;
    struct braid_headers parsed;
    uint64_t seq;
    uint32_t era;
    uint64_t cut;
    uint64_t read_chain;

    (void)state;
    headers_parse(HEADERS, 6, &r.braid);
    assert_int_equal(global_seal(&r, HEADERS, 6, &at, &out), 0);
    assert_int_equal(out.count, 8);
    for (size_t i = 0; i < out.count; i++)
        assert_true(slice_equal(out.list[i].name, slice_str(NAMES[i])));
    headers_parse(out.list, out.count, &parsed);
    assert_int_equal(global_parse(&parsed, &seq, &era, &cut, &read_chain), 0);
    assert_int_equal(seq, 7);
    assert_int_equal(era, 0);
    assert_int_equal(cut, 9);
    assert_int_equal(read_chain, out.chain);
    assert_int_equal(global_chain(0, &parsed, 1234, r.key, r.value), out.chain);
}

static void null_and_empty_differ_in_the_chain(void **state)
{
    struct braid_headers b = {0};

    (void)state;
    const uint64_t null = global_chain(0, &b, 0, SLICE_LIT("k"), (struct slice){0});
    const uint64_t empty = global_chain(0, &b, 0, SLICE_LIT("k"), SLICE_LIT(""));
    assert_int_not_equal(null, empty);
}

static void records_without_sound_global_headers_are_refused(void **state)
{
    static const char *const BAD[][3] = {
        {"7", "1.9", "xyz"},
        {"7", "1.9", "00000000000000AB"},
        {"7", "19", "00000000000000ab"},
        {"-1", "1.9", "00000000000000ab"},
        {"07", "1.9", "00000000000000ab"},
        {"7", "1.", "00000000000000ab"},
        {"7", ".9", "00000000000000ab"},
    };
    uint64_t seq;
    uint32_t era;
    uint64_t cut;
    uint64_t chain;

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct braid_headers b = {0};
        b.raw[HEADER_SEQ] = slice_str(BAD[i][0]);
        b.raw[HEADER_CUT] = slice_str(BAD[i][1]);
        b.raw[HEADER_CHAIN] = slice_str(BAD[i][2]);
        assert_int_equal(global_parse(&b, &seq, &era, &cut, &chain), ERR_MALFORMED);
    }
    const struct braid_headers none = {0};
    assert_int_equal(global_parse(&none, &seq, &era, &cut, &chain), ERR_MALFORMED);
}

static void too_many_headers_are_an_error(void **state)
{
    struct header many[GLOBAL_HEADERS_MAX];
    struct record r = {0};
    const struct global_place at = {0};
    struct global_headers out;

    (void)state;
    for (int i = 0; i < GLOBAL_HEADERS_MAX; i++)
        many[i] = HEADERS[0];
    assert_int_equal(global_seal(&r, many, GLOBAL_HEADERS_MAX, &at, &out), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chain_is_the_documented_one),
        cmocka_unit_test(headers_are_the_sources_then_ours_in_order_without_copy),
        cmocka_unit_test(null_and_empty_differ_in_the_chain),
        cmocka_unit_test(records_without_sound_global_headers_are_refused),
        cmocka_unit_test(too_many_headers_are_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
