/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: one thing has one key and one name. Method: what is parsed as a key or a task is built
 * again and must be the same bytes.
 */
#include <assert.h>

#include "coord/keyspace.h"
#include "coord/tasks.h"

/* The fuzzer names it. */
// NOLINTNEXTLINE(readability-identifier-naming)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = slice_of(size == 0 ? (const uint8_t *)"" : data, size);
    struct keyspace_key key;
    struct task task;
    struct slice again;
    struct arena a;
    int rc;

    arena_init(&a, 4096, 1 << 20);
    if (keyspace_parse(input, &key) == 0) {
        rc = keyspace_build(&key, &a, &again);
        assert(rc == 0);
        assert(slice_equal(again, input));
        rc = keyspace_prefix(&key, &a, &again);
        assert(rc == 0);
        assert(slice_starts_with(input, again));
    }
    if (task_parse(input, &task) == 0) {
        rc = task_build(&task, &a, &again);
        assert(rc == 0);
        assert(slice_equal(again, input));
    }
    (void)rc;
    arena_deinit(&a);
    return 0;
}
