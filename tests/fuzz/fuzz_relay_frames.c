/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: any bytes come out of the relay's frames once, in order and unchanged, whatever the pieces.
 * Input: the first byte says the kind and the size of the pieces, the rest is the stream.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "deploy/local/relay/frames.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frames f = {.kind = FRAMES_REQUESTS};
    size_t out = 0;

    if (size < 1)
        return 0;
    if ((data[0] & 1) != 0)
        f.kind = FRAMES_REPLIES;
    const size_t piece = 1 + (data[0] >> 1);
    const struct slice all = slice_of(data + 1, size - 1);

    for (size_t at = 0; at < all.len; at += piece) {
        struct slice in = slice_sub(all, at, at + piece < all.len ? at + piece : all.len);
        struct frame_event ev;

        while (frames_next(&f, &in, &ev) != FRAME_MORE) {
            check(ev.bytes.len <= all.len - out);
            check(memcmp(ev.bytes.ptr, all.ptr + out, ev.bytes.len) == 0);
            out += ev.bytes.len;
        }
        check(in.len == 0);
    }
    check(out + f.head_len == all.len);
    return 0;
}
