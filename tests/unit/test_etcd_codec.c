/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: requests and answers are etcd's bytes. Method: requests against bytes written out from
 * etcd's rpc.proto by hand; answers from such bytes; limits and nonsense. What a real server makes
 * of them is tests/integration/test_etcd_calls.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "coord/etcd_decode.h"
#include "coord/etcd_watch_codec.h"
#include "proto/err.h"

static struct arena arena_of(size_t max)
{
    struct arena a;

    arena_init(&a, 4096, max);
    return a;
}

#define ASSERT_BYTES(got, literal) assert_true(slice_equal((got), SLICE_LIT(literal)))

static void a_range_names_its_key_and_end(void **state)
{
    struct arena a = arena_of(1 << 20);
    struct slice bytes;

    (void)state;
    assert_int_equal(etcd_encode_range(&(struct etcd_range){.key = SLICE_LIT("k")}, &a, &bytes), 0);
    ASSERT_BYTES(bytes, "\x0a\x01k");
    assert_int_equal(
        etcd_encode_range(&(struct etcd_range){.key = SLICE_LIT("p/"), .is_prefix = true}, &a,
                          &bytes),
        0);
    ASSERT_BYTES(bytes, "\x0a\x02p/\x12\x02p0");
    assert_int_equal(etcd_encode_range(&(struct etcd_range){.is_prefix = true}, &a, &bytes), 0);
    ASSERT_BYTES(bytes, "\x0a\x01\x00\x12\x01\x00"); /* all keys */
    assert_int_equal(etcd_encode_range(&(struct etcd_range){0}, &a, &bytes), ERR_MALFORMED);
    arena_deinit(&a);
}

static void the_end_of_a_prefix_is_the_next_key_that_has_it_not(void **state)
{
    struct arena a = arena_of(1 << 20);

    (void)state;
    ASSERT_BYTES(etcd_prefix_end(SLICE_LIT("abc"), &a), "abd");
    ASSERT_BYTES(etcd_prefix_end(SLICE_LIT("a\xff"), &a), "b");
    ASSERT_BYTES(etcd_prefix_end(SLICE_LIT("\xff\xff"), &a), "\x00");
    ASSERT_BYTES(etcd_prefix_end(SLICE_LIT(""), &a), "\x00");
    arena_deinit(&a);
}

static void a_transaction_holds_compares_and_both_branches(void **state)
{
    struct arena a = arena_of(1 << 20);
    struct slice bytes;
    const struct etcd_compare compare = {
        .key = SLICE_LIT("c"), .target = ETCD_COMPARE_MOD_REVISION, .number = 5};
    const struct etcd_op put = {
        .type = ETCD_OP_PUT, .put = {.key = SLICE_LIT("a"), .value = SLICE_LIT("b"), .lease = 7}};
    const struct etcd_op look = {.type = ETCD_OP_RANGE, .range = {.key = SLICE_LIT("a")}};
    const struct etcd_txn txn = {.compares = &compare,
                                 .compare_count = 1,
                                 .then = &put,
                                 .then_count = 1,
                                 .otherwise = &look,
                                 .otherwise_count = 1};

    (void)state;
    assert_int_equal(etcd_encode_txn(&txn, &a, &bytes), 0);
    ASSERT_BYTES(bytes, "\x0a\x07\x10\x02\x1a\x01"
                        "c\x30\x05"
                        "\x12\x0a\x12\x08\x0a\x01"
                        "a\x12\x01"
                        "b\x18\x07"
                        "\x1a\x05\x0a\x03\x0a\x01"
                        "a");
    assert_true(etcd_txn_may_write(&txn));
    const struct etcd_txn read = {.then = &look, .then_count = 1};
    assert_false(etcd_txn_may_write(&read));
    arena_deinit(&a);
}

static void too_many_ops_too_many_bytes_and_too_deep_are_refused(void **state)
{
    static struct etcd_op ops[ETCD_OPS_MAX + 1];
    static uint8_t large[ETCD_REQUEST_BYTES_MAX];
    struct arena a = arena_of(8 << 20);
    struct arena small = arena_of(16);
    struct slice bytes = {0};
    const struct etcd_put put = {.key = SLICE_LIT("k"), .value = slice_of(large, sizeof large)};
    struct etcd_txn txn = {.then = ops, .then_count = ETCD_OPS_MAX + 1};

    (void)state;
    for (size_t i = 0; i <= ETCD_OPS_MAX; i++)
        ops[i] = (struct etcd_op){.type = ETCD_OP_RANGE, .range = {.key = SLICE_LIT("k")}};
    assert_int_equal(etcd_encode_txn(&txn, &a, &bytes), ERR_TOO_LARGE);
    txn.then_count = ETCD_OPS_MAX;
    assert_int_equal(etcd_encode_txn(&txn, &a, &bytes), 0);
    assert_int_equal(etcd_encode_put(&put, &a, &bytes), ERR_TOO_LARGE);
    assert_int_equal(etcd_encode_txn(&txn, &small, &bytes), ERR_NO_MEMORY);
    const struct etcd_op inner = {.type = ETCD_OP_TXN, .txn = &txn};
    const struct etcd_txn middle = {.then = &inner, .then_count = 1};
    const struct etcd_op outer = {.type = ETCD_OP_TXN, .txn = &middle};
    const struct etcd_txn deep = {.then = &outer, .then_count = 1};
    assert_int_equal(etcd_encode_txn(&middle, &a, &bytes), 0);
    assert_int_equal(etcd_encode_txn(&deep, &a, &bytes), ERR_UNSUPPORTED);
    arena_deinit(&a);
    arena_deinit(&small);
}

static void an_answer_gives_header_keys_and_counts(void **state)
{
    struct arena a = arena_of(1 << 20);
    struct etcd_answer answer;
    const struct slice bytes = SLICE_LIT("\x0a\x06\x08\x01\x10\x02\x18\x09"
                                         "\x12\x0c\x0a\x01k\x10\x05\x18\x06\x20\x01\x2a\x01v"
                                         "\x18\x01\x20\x03");

    (void)state;
    assert_int_equal(etcd_decode_answer(ETCD_METHOD_RANGE, bytes, &a, &answer), 0);
    assert_int_equal(answer.header.cluster_id, 1);
    assert_int_equal(answer.header.revision, 9);
    assert_int_equal(answer.op_count, 1);
    assert_int_equal(answer.ops[0].kv_count, 1);
    assert_true(answer.ops[0].more);
    assert_int_equal(answer.ops[0].count, 3);
    ASSERT_BYTES(answer.ops[0].kvs[0].key, "k");
    ASSERT_BYTES(answer.ops[0].kvs[0].value, "v");
    assert_int_equal(answer.ops[0].kvs[0].create_revision, 5);
    assert_int_equal(answer.ops[0].kvs[0].mod_revision, 6);
    arena_deinit(&a);
}

static void an_empty_answer_is_zeros_and_a_lost_lease(void **state)
{
    struct arena a = arena_of(1 << 20);
    struct etcd_answer answer;

    (void)state;
    assert_int_equal(etcd_decode_answer(ETCD_METHOD_LEASE_KEEP_ALIVE, SLICE_LIT(""), &a, &answer),
                     0);
    assert_int_equal(answer.ttl_s, 0);
    assert_int_equal(answer.header.cluster_id, 0);
    assert_int_equal(etcd_decode_answer(ETCD_METHOD_TXN, SLICE_LIT(""), &a, &answer), 0);
    assert_false(answer.succeeded);
    arena_deinit(&a);
}

static void an_answer_cut_anywhere_is_refused_or_shorter_never_harmful(void **state)
{
    const struct slice bytes = SLICE_LIT("\x0a\x06\x08\x01\x10\x02\x18\x09\x10\x01"
                                         "\x1a\x10\x0a\x0e\x12\x0c\x0a\x01k\x10\x05\x18\x06\x20\x01"
                                         "\x2a\x01v");

    (void)state;
    for (size_t len = 0; len <= bytes.len; len++) {
        struct arena a = arena_of(1 << 20);
        struct etcd_answer answer = {.rc = 77};
        /* In a piece of memory of its own, so that reading past it is noticed. */
        uint8_t *copy = malloc(len + 1);
        memcpy(copy, bytes.ptr, len);
        const int rc = etcd_decode_answer(ETCD_METHOD_TXN, slice_of(copy, len), &a, &answer);
        assert_true(rc == 0 || rc == ERR_MALFORMED);
        assert_int_equal(answer.rc, rc == 0 ? 0 : 77);
        free(copy);
        arena_deinit(&a);
    }
}

static void an_op_that_says_nothing_and_a_third_transaction_are_refused(void **state)
{
    struct arena a = arena_of(1 << 20);
    struct etcd_answer answer;

    (void)state;
    assert_int_equal(etcd_decode_answer(ETCD_METHOD_TXN, SLICE_LIT("\x1a\x00"), &a, &answer),
                     ERR_MALFORMED);
    assert_int_equal(
        etcd_decode_answer(ETCD_METHOD_TXN, SLICE_LIT("\x1a\x04\x22\x02\x10\x01"), &a, &answer), 0);
    assert_true(answer.ops[0].succeeded);
    assert_int_equal(etcd_decode_answer(ETCD_METHOD_TXN,
                                        SLICE_LIT("\x1a\x06\x22\x04\x1a\x02\x22\x00"), &a, &answer),
                     ERR_UNSUPPORTED);
    arena_deinit(&a);
}

static void a_copy_of_an_answer_borrows_nothing(void **state)
{
    struct arena from = arena_of(1 << 20);
    struct arena to = arena_of(1 << 20);
    struct arena small = arena_of(64);
    struct etcd_answer answer;
    struct etcd_answer copy;
    const struct slice bytes = SLICE_LIT("\x1a\x10\x0a\x0e\x12\x0c\x0a\x01k\x10\x05\x18\x06\x20\x01"
                                         "\x2a\x01v");

    (void)state;
    assert_int_equal(etcd_decode_answer(ETCD_METHOD_TXN, bytes, &from, &answer), 0);
    assert_int_equal(etcd_answer_copy(&answer, &to, &copy), 0);
    assert_int_equal(etcd_answer_copy(&answer, &small, &answer), ERR_NO_MEMORY);
    arena_deinit(&from);
    ASSERT_BYTES(copy.ops[0].kvs[0].key, "k");
    ASSERT_BYTES(copy.ops[0].kvs[0].value, "v");
    arena_deinit(&to);
    arena_deinit(&small);
}

static void a_watch_message_tells_puts_deletes_and_its_end(void **state)
{
    struct arena a = arena_of(1 << 20);
    struct etcd_watch_message message;

    (void)state;
    assert_int_equal(etcd_decode_watch(SLICE_LIT("\x10\x01\x5a\x07\x12\x05\x0a\x01k\x18\x06"
                                                 "\x5a\x09\x08\x01\x12\x05\x0a\x01k\x18\x07"),
                                       &a, &message),
                     0);
    assert_int_equal(message.watch_id, 1);
    assert_int_equal(message.change_count, 2);
    assert_false(message.changes[0].is_delete);
    assert_true(message.changes[1].is_delete);
    assert_int_equal(message.changes[1].kv.mod_revision, 7);
    assert_int_equal(etcd_decode_watch(SLICE_LIT("\x18\x01\x20\x01\x28\x09"), &a, &message), 0);
    assert_true(message.is_created);
    assert_true(message.is_canceled);
    assert_int_equal(message.compact_revision, 9);
    /* An event without a key, and one of a kind that we do not know. */
    assert_int_equal(etcd_decode_watch(SLICE_LIT("\x5a\x00"), &a, &message), ERR_MALFORMED);
    assert_int_equal(
        etcd_decode_watch(SLICE_LIT("\x5a\x07\x08\x02\x12\x03\x0a\x01k"), &a, &message),
        ERR_MALFORMED);
    arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_names_its_key_and_end),
        cmocka_unit_test(the_end_of_a_prefix_is_the_next_key_that_has_it_not),
        cmocka_unit_test(a_transaction_holds_compares_and_both_branches),
        cmocka_unit_test(too_many_ops_too_many_bytes_and_too_deep_are_refused),
        cmocka_unit_test(an_answer_gives_header_keys_and_counts),
        cmocka_unit_test(an_empty_answer_is_zeros_and_a_lost_lease),
        cmocka_unit_test(an_answer_cut_anywhere_is_refused_or_shorter_never_harmful),
        cmocka_unit_test(an_op_that_says_nothing_and_a_third_transaction_are_refused),
        cmocka_unit_test(a_copy_of_an_answer_borrows_nothing),
        cmocka_unit_test(a_watch_message_tells_puts_deletes_and_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
