/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pb_arena.h - protobuf-c messages whose memory is an arena's.
 *
 * Promise: unpacked messages live until the arena is reset and are not freed; an arena that is
 *          full makes protobuf-c fail, nothing else.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_PB_ARENA_H
#define BRAID_COORD_PB_ARENA_H

#include "proto/arena.h"

#include <protobuf-c/protobuf-c.h>

/* For <message>__unpack. Valid as long as `a`. */
ProtobufCAllocator pb_allocator(struct arena *a);

/* The message's bytes, in the arena. ERR_TOO_LARGE above bytes_max, ERR_NO_MEMORY. */
int pb_pack(const ProtobufCMessage *message, size_t bytes_max, struct arena *a, struct slice *out);

static inline struct slice pb_slice(ProtobufCBinaryData bytes)
{
    return slice_of(bytes.data, bytes.len);
}

/* protobuf-c never writes through a field's pointer when it packs, so the cast is sound. */
static inline ProtobufCBinaryData pb_bytes(struct slice s)
{
    union {
        const uint8_t *borrowed;
        uint8_t *field;
    } ptr = {.borrowed = s.ptr};

    return (ProtobufCBinaryData){.data = ptr.field, .len = s.len};
}

#endif
