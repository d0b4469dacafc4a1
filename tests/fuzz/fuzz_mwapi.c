/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: any answer of the API is read or refused, and its contents are tokens of its own bytes, of
 * visible revisions only. */
#include <assert.h>
#include <stdlib.h>

#include "proto/mwapi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_revision(const struct mwapi_answer *answer, size_t n, struct slice body)
{
    const struct mwapi_revision *revision = &answer->revisions[n];
    const struct mwapi_revision *found = NULL;

    assert(mwapi_find(answer, revision->rev_id, &found) == MWAPI_FOUND);
    assert(found->rev_id == revision->rev_id);
    for (size_t i = 0; i < revision->slot_count; i++) {
        const struct mwapi_slot *slot = &revision->slots[i];
        assert(mwapi_slot_of(revision, slot->role) != NULL);
        if (slot->content.ptr == NULL)
            continue;
        assert(revision->visibility == MWAPI_VISIBLE);
        assert(slot->content.ptr >= body.ptr);
        assert(slot->content.ptr + slot->content.len <= body.ptr + body.len);
        assert(slot->content.len >= 2);
        assert(slot->content.ptr[0] == '"');
        assert(slot->content.ptr[slot->content.len - 1] == '"');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena scratch;
    struct arena keep;
    struct mwapi_answer answer;
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    const struct slice body = slice_of(copy, size);
    arena_init(&scratch, 1 << 16, 1 << 26);
    arena_init(&keep, 1 << 12, 1 << 22);
    if (mwapi_decode(&scratch, &keep, body, &answer) == 0) {
        arena_deinit(&scratch);
        const struct mwapi_revision *none = NULL;
        for (size_t n = 0; n < answer.revision_count; n++)
            check_revision(&answer, n, body);
        if (answer.error_class == MWAPI_ERROR_NONE)
            (void)mwapi_find(&answer, INT64_MIN, &none);
        assert(strlen(answer.error_code) < MWAPI_CODE_MAX);
    }
    arena_deinit(&scratch);
    arena_deinit(&keep);
    free(copy);
    return 0;
}
