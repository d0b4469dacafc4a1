/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: no bytes from a server do harm, and a message is the same in whatever pieces it comes.
 * Method: the input is taken as frames, whole and byte by byte, and as header lines.
 */
#include <assert.h>

#include "coord/grpc.h"
#include "proto/err.h"

/* The fuzzer names it. */
// NOLINTNEXTLINE(readability-identifier-naming)
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    MESSAGE_MAX = 1000
};

static void frames(struct slice input)
{
    struct slice message;
    size_t used = 0;
    size_t at = 0;

    while (grpc_message_next(slice_sub(input, at, input.len), MESSAGE_MAX, &message, &used) == 0 &&
           used > 0) {
        size_t pieces_used = 0;
        struct slice again;
        /* Nothing is there until the last byte is. */
        for (size_t len = 0; len < used; len++) {
            const int rc = grpc_message_next(slice_sub(input, at, at + len), MESSAGE_MAX, &again,
                                             &pieces_used);
            assert(rc == 0);
            assert(pieces_used == 0);
        }
        assert(message.len == used - GRPC_HEAD_BYTES);
        assert(message.len <= MESSAGE_MAX);
        uint8_t head[GRPC_HEAD_BYTES];
        grpc_head_write(head, (uint32_t)message.len);
        assert(memcmp(head, input.ptr + at, sizeof head) == 0);
        at += used;
    }
}

static void lines(struct slice input)
{
    struct grpc_trailer trailer;
    size_t from = 0;

    grpc_trailer_init(&trailer);
    for (size_t i = 0; i < input.len; i++) {
        if (input.ptr[i] != '\n')
            continue;
        grpc_trailer_line(&trailer, slice_sub(input, from, i + 1));
        from = i + 1;
    }
    grpc_trailer_line(&trailer, slice_sub(input, from, input.len));
    assert(strlen(trailer.text) < sizeof trailer.text);
    assert(trailer.status >= GRPC_STATUS_NONE);
    assert(trailer.status <= 999);
    assert(trailer.http_status >= 0);
    const int rc = grpc_status_rc(trailer.status, trailer.text, false);
    assert(rc <= 0);
    assert(rc != ERR_UNKNOWN);
    assert((rc == 0) == (trailer.status == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice input = slice_of(size == 0 ? (const uint8_t *)"" : data, size);

    frames(input);
    lines(input);
    return 0;
}
