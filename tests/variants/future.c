/* SPDX-License-Identifier: Apache-2.0 */
/*
 * future.c - braidd of a later version, linked into build/future/braidd and nowhere else: every message
 * that it writes has a field more, every enriched record a header more, and it knows later merge rules
 * (the Makefile). What it reads has the field, or a present version wrote it and it is absent.
 */
#include "node/inner.h"
#include "proto/braid.pb-c.h"

#include <stdlib.h>

#ifdef BRAID_LATER /* what only reads this file has not the later messages */

#define LATER "of a later version"

static void set_later(ProtobufCBinaryData *later)
{
    static uint8_t text[] = LATER;

    later->data = text;
    later->len = sizeof text - 1;
}

/* Nothing between may change the field. */
static void check_later(const ProtobufCBinaryData *later)
{
    if (later->len != 0 && !slice_equal(slice_of(later->data, later->len), SLICE_LIT(LATER)))
        abort();
}

/* X(function's prefix, type): messages that a node writes. ld's --wrap puts these in the places. */
#define LATER_MAP(X)                                                                               \
    X(cut, Cut)                                                                                    \
    X(report, Report)                                                                              \
    X(log_line, LogLine)                                                                           \
    X(emitted_line, EmittedLine)                                                                   \
    X(epoch, Epoch)                                                                                \
    X(node_info, NodeInfo)                                                                         \
    X(claim, Claim)

#define X(name, type)                                                                              \
    void __real_braid__##name##__init(Braid__##type *message);                                     \
    void __wrap_braid__##name##__init(Braid__##type *message);                                     \
    Braid__##type *__real_braid__##name##__unpack(ProtobufCAllocator *a, size_t len,               \
                                                  const uint8_t *data);                            \
    Braid__##type *__wrap_braid__##name##__unpack(ProtobufCAllocator *a, size_t len,               \
                                                  const uint8_t *data);                            \
    void __wrap_braid__##name##__init(Braid__##type *message)                                      \
    {                                                                                              \
        __real_braid__##name##__init(message);                                                     \
        set_later(&message->later);                                                                \
    }                                                                                              \
    Braid__##type *__wrap_braid__##name##__unpack(ProtobufCAllocator *a, size_t len,               \
                                                  const uint8_t *data)                             \
    {                                                                                              \
        Braid__##type *message = __real_braid__##name##__unpack(a, len, data);                     \
                                                                                                   \
        if (message != NULL)                                                                       \
            check_later(&message->later);                                                          \
        return message;                                                                            \
    }
LATER_MAP(X)
#undef X

size_t __real_inner_headers(const struct header *source, size_t source_count,
                            const struct inner_fields *fields, struct inner_text *text,
                            struct header out[INNER_HEADERS_MAX]);
size_t __wrap_inner_headers(const struct header *source, size_t source_count,
                            const struct inner_fields *fields, struct inner_text *text,
                            struct header out[INNER_HEADERS_MAX]);

size_t __wrap_inner_headers(const struct header *source, size_t source_count,
                            const struct inner_fields *fields, struct inner_text *text,
                            struct header out[INNER_HEADERS_MAX])
{
    const size_t count = __real_inner_headers(source, source_count, fields, text, out);

    if (count == INNER_HEADERS_MAX)
        return count;
    out[count] = (struct header){.name = SLICE_LIT("braid-later"), .value = SLICE_LIT(LATER)};
    return count + 1;
}

#endif
