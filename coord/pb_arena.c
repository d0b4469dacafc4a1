/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/pb_arena.h"

#include "proto/err.h"

static void *arena_take(void *data, size_t size)
{
    return arena_alloc(data, size);
}

static void arena_leave(void *data, void *ptr)
{
    (void)data; /* the arena's reset frees it */
    (void)ptr;
}

ProtobufCAllocator pb_allocator(struct arena *a)
{
    return (ProtobufCAllocator){.alloc = arena_take, .free = arena_leave, .allocator_data = a};
}

int pb_pack(const ProtobufCMessage *message, size_t bytes_max, struct arena *a, struct slice *out)
{
    const size_t len = protobuf_c_message_get_packed_size(message);

    if (len > bytes_max)
        return ERR_TOO_LARGE;
    uint8_t *bytes = arena_alloc(a, len);
    if (bytes == NULL)
        return ERR_NO_MEMORY;
    (void)protobuf_c_message_pack(message, bytes);
    *out = slice_of(bytes, len);
    return 0;
}
