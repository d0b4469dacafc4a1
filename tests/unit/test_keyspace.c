/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: one thing has one key, and a key says which thing. Method: every kind is built, compared
 * with its text, parsed back; texts that are nearly keys are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "coord/keyspace.h"
#include "proto/err.h"

struct row {
    const char *text;
    struct keyspace_key key;
};

#define CLUSTER               .cluster = {(const uint8_t *)"demo", 4}
#define NAMED(field, literal) .field = {(const uint8_t *)(literal), sizeof(literal) - 1}

static const struct row ROWS[] = {
    {"/braid/demo/nodes/eqiad/n1", {KEYSPACE_NODE, CLUSTER, NAMED(dc, "eqiad"), NAMED(name, "n1")}},
    {"/braid/demo/claims/eqiad/enrich/out.v1/codfw/page_change.v1/3",
     {KEYSPACE_CLAIM, CLUSTER, NAMED(dc, "eqiad"),
      NAMED(name, "enrich/out.v1/codfw/page_change.v1/3")}},
    {"/braid/demo/streams/out.v1/spec/18446744073709551",
     {KEYSPACE_SPEC, CLUSTER, NAMED(output, "out.v1"), .number = 18446744073709551u}},
    {"/braid/demo/streams/out.v1/cuts/0/0", {KEYSPACE_CUT, CLUSTER, NAMED(output, "out.v1")}},
    {"/braid/demo/streams/out.v1/cuts/4294967295/17",
     {KEYSPACE_CUT, CLUSTER, NAMED(output, "out.v1"), .era = UINT32_MAX, .number = 17}},
    {"/braid/demo/streams/out.v1/held/codfw",
     {KEYSPACE_HELD, CLUSTER, NAMED(output, "out.v1"), NAMED(dc, "codfw")}},
    {"/braid/demo/streams/out.v1/epochs/codfw",
     {KEYSPACE_EPOCH, CLUSTER, NAMED(output, "out.v1"), NAMED(dc, "codfw")}},
    {"/braid/demo/streams/out.v1/incarnations/codfw",
     {KEYSPACE_INCARNATION, CLUSTER, NAMED(output, "out.v1"), NAMED(dc, "codfw")}},
    {"/braid/demo/dcs/eqiad", {KEYSPACE_DC, CLUSTER, NAMED(dc, "eqiad")}},
    {"/braid/demo/pauses/out.v1/3", {KEYSPACE_PAUSE, CLUSTER, NAMED(name, "out.v1/3")}},
    {"/braid/demo/drains/eqiad/n1", {KEYSPACE_DRAIN, CLUSTER, NAMED(name, "eqiad/n1")}},
    {"/braid/demo/ops/lock", {KEYSPACE_LOCK, CLUSTER}},
    {"/braid/demo/ops/12", {KEYSPACE_OP, CLUSTER, .number = 12}},
    {"/braid/demo/changed", {KEYSPACE_CHANGED, CLUSTER}},
};
enum {
    ROW_COUNT = sizeof ROWS / sizeof ROWS[0]
};

static void every_kind_is_built_as_documented_and_parsed_back(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct slice text;
        struct keyspace_key key;
        assert_int_equal(keyspace_build(&ROWS[i].key, &a, &text), 0);
        assert_true(slice_equal(text, slice_str(ROWS[i].text)));
        assert_int_equal(keyspace_parse(text, &key), 0);
        assert_int_equal(key.kind, ROWS[i].key.kind);
        assert_true(slice_equal(key.cluster, ROWS[i].key.cluster));
        assert_true(slice_equal(key.dc, ROWS[i].key.dc));
        assert_true(slice_equal(key.output, ROWS[i].key.output));
        assert_true(slice_equal(key.name, ROWS[i].key.name));
        assert_int_equal(key.era, ROWS[i].key.era);
        assert_int_equal(key.number, ROWS[i].key.number);
    }
    arena_deinit(&a);
}

static void a_key_starts_with_the_prefix_of_its_kind(void **state)
{
    struct arena a;

    (void)state;
    arena_init(&a, 4096, 1 << 20);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct slice prefix;
        assert_int_equal(keyspace_prefix(&ROWS[i].key, &a, &prefix), 0);
        assert_true(slice_starts_with(slice_str(ROWS[i].text), prefix));
    }
    arena_deinit(&a);
}

static void texts_that_are_nearly_keys_are_refused(void **state)
{
    static const char *const BAD[] = {
        "",
        "/",
        "/braid/",
        "/braid/demo",
        "/braid/demo/",
        "/braid//nodes/eqiad/n1",
        "braid/demo/dcs/eqiad",
        "/braid/demo/nodes/eqiad",
        "/braid/demo/nodes/eqiad/",
        "/braid/demo/nodes/eqiad/n1/",
        "/braid/demo/nodes/eqiad/n1/x",
        "/braid/demo/nodes//n1",
        "/braid/demo/claims/eqiad/",
        "/braid/demo/claims/eqiad/merge//x",
        "/braid/demo/claims/eqiad/merge/x/",
        "/braid/demo/streams/out/cuts/0/01",
        "/braid/demo/streams/out/cuts/00/1",
        "/braid/demo/streams/out/cuts/0/-1",
        "/braid/demo/streams/out/cuts/0/+1",
        "/braid/demo/streams/out/cuts/0",
        "/braid/demo/streams/out/cuts/0/",
        "/braid/demo/streams/out/cuts/4294967296/1",
        "/braid/demo/streams/out/cuts/0/99999999999999999999",
        "/braid/demo/streams/out/spec/",
        "/braid/demo/streams/out/other/1",
        "/braid/demo/streams/out",
        "/braid/demo/ops/locks",
        "/braid/demo/ops/",
        "/braid/demo/changed/",
        "/braid/demo/changedx",
        "/braid/demo/dcs/eq iad",
        "/braid/demo/dcs/\xc3\xa9",
    };

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct keyspace_key key = {.number = 77};
        if (keyspace_parse(slice_str(BAD[i]), &key) != ERR_MALFORMED)
            fail_msg("accepted: %s", BAD[i]);
        assert_int_equal(key.number, 77); /* untouched */
    }
}

static void names_that_would_make_another_key_are_refused(void **state)
{
    struct arena a;
    struct slice text;
    struct keyspace_key key = {KEYSPACE_NODE, CLUSTER, NAMED(dc, "eqiad"), NAMED(name, "n/1")};

    (void)state;
    arena_init(&a, 4096, 1 << 20);
    assert_int_equal(keyspace_build(&key, &a, &text), ERR_MALFORMED);
    key.name = SLICE_LIT("");
    assert_int_equal(keyspace_build(&key, &a, &text), ERR_MALFORMED);
    key.name = SLICE_LIT("n1");
    key.dc = (struct slice){0};
    assert_int_equal(keyspace_build(&key, &a, &text), ERR_MALFORMED);
    key.dc = SLICE_LIT("..");
    assert_int_equal(keyspace_build(&key, &a, &text), 0); /* no file system here */
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_built_as_documented_and_parsed_back),
        cmocka_unit_test(a_key_starts_with_the_prefix_of_its_kind),
        cmocka_unit_test(texts_that_are_nearly_keys_are_refused),
        cmocka_unit_test(names_that_would_make_another_key_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
