/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/record.h"

#include <assert.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define ABSENT UINT32_MAX

static void hash_slice(XXH3_state_t *state, uint32_t tag, struct slice s)
{
    const uint32_t head[2] = {tag, s.ptr == NULL ? ABSENT : (uint32_t)s.len};

    (void)XXH3_64bits_update(state, head, sizeof head);
    if (s.len > 0)
        (void)XXH3_64bits_update(state, s.ptr, s.len);
}

uint64_t record_content_hash(const struct record *r, const struct header *headers, size_t count)
{
    XXH3_state_t state;

    (void)XXH3_64bits_reset(&state);
    for (int i = 0; i < HEADER_COUNT; i++) {
        if (i != HEADER_COPY)
            hash_slice(&state, (uint32_t)i, r->braid.raw[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (header_is_reserved(headers[i].name))
            continue;
        hash_slice(&state, HEADER_COUNT, headers[i].name);
        hash_slice(&state, HEADER_COUNT + 1, headers[i].value);
    }
    hash_slice(&state, HEADER_COUNT + 2, r->key);
    hash_slice(&state, HEADER_COUNT + 3, r->value);
    return XXH3_64bits_digest(&state);
}
