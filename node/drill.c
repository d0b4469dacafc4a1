/* SPDX-License-Identifier: Apache-2.0 */
#include "node/drill.h"

#include "coord/keyspace.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"

/* Is it "drill/<dc>"? */
static bool is_for(struct slice name, struct slice dc)
{
    const struct slice prefix = SLICE_LIT("drill/");

    return slice_starts_with(name, prefix) &&
           slice_equal(slice_sub(name, prefix.len, name.len), dc);
}

static int64_t end_of(struct slice value)
{
    struct arena a;
    int64_t until_ms = 0;

    arena_init(&a, 4096, 65536);
    ProtobufCAllocator allocator = pb_allocator(&a);
    const Braid__Pause *pause = braid__pause__unpack(&allocator, value.len, value.ptr);
    if (pause != NULL)
        until_ms = pause->until_ms;
    arena_deinit(&a);
    return until_ms;
}

int64_t drill_until_ms(const struct etcd_kv *pauses, size_t count, struct slice dc, int64_t now_ms)
{
    struct keyspace_key key;

    for (size_t i = 0; i < count; i++) {
        if (keyspace_parse(pauses[i].key, &key) != 0 || key.kind != KEYSPACE_PAUSE ||
            !is_for(key.name, dc))
            continue;
        const int64_t until_ms = end_of(pauses[i].value);
        if (until_ms > now_ms && until_ms - now_ms <= DRILL_DOWN_MS_MAX)
            return until_ms;
    }
    return 0;
}
