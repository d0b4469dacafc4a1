/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no bytes that an etcd answers do harm. Method: the input is taken as the answer to every
 * method and as a message of a watch; what was decoded is copied, which walks through all of it.
 */
#include <assert.h>

#include "coord/etcd_decode.h"
#include "coord/etcd_watch_codec.h"

/* The fuzzer names it. */
// NOLINTNEXTLINE(readability-identifier-naming)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = slice_of(size == 0 ? (const uint8_t *)"" : data, size);
    struct etcd_watch_message message;
    struct arena a;

    arena_init(&a, 1 << 16, 64 << 20);
    for (int method = ETCD_METHOD_RANGE; method <= ETCD_METHOD_MEMBER_LIST; method++) {
        struct etcd_answer answer;
        struct etcd_answer copy;
        if (etcd_decode_answer((enum etcd_method)method, input, &a, &answer) != 0)
            continue;
        const int rc = etcd_answer_copy(&answer, &a, &copy);
        assert(rc == 0);
        assert(copy.op_count == answer.op_count);
        for (size_t i = 0; i < copy.op_count; i++) {
            assert(copy.ops[i].kv_count == answer.ops[i].kv_count);
            for (size_t k = 0; k < copy.ops[i].kv_count; k++)
                assert(slice_equal(copy.ops[i].kvs[k].value, answer.ops[i].kvs[k].value));
        }
    }
    if (etcd_decode_watch(input, &a, &message) == 0) {
        size_t bytes = 0;
        for (size_t i = 0; i < message.change_count; i++)
            bytes += message.changes[i].kv.key.len + message.changes[i].kv.value.len;
        assert(bytes <= size);
    }
    arena_deinit(&a);
    return 0;
}
