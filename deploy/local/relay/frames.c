/* SPDX-License-Identifier: Apache-2.0 */
#include "deploy/local/relay/frames.h"

#include <assert.h>

enum {
    LENGTH_BYTES = 4,
    REPLY_HEAD_BYTES = 8
};

static uint32_t head_bytes(const struct frames *f)
{
    return f->kind == FRAMES_REQUESTS ? FRAME_HEAD_MAX : REPLY_HEAD_BYTES;
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int16_t be16(const uint8_t *p)
{
    return (int16_t)((uint32_t)p[0] << 8 | p[1]);
}

static struct slice take(struct slice *in, size_t len)
{
    assert(len <= in->len);
    struct slice front = slice_sub(*in, 0, len);

    *in = slice_sub(*in, len, in->len);
    return front;
}

/* Describes the head in f->head; false if no frame can begin so. */
static bool head_decode(struct frames *f, struct frame_event *out)
{
    uint32_t length = be32(f->head);
    uint32_t want = head_bytes(f);

    if (length < want - LENGTH_BYTES || length > FRAME_SIZE_MAX)
        return false;
    *out = (struct frame_event){
        .bytes = slice_of(f->head, want),
        .size = length + LENGTH_BYTES,
        .api_key = -1,
        .api_version = -1,
        .is_last = length == want - LENGTH_BYTES,
    };
    if (f->kind == FRAMES_REQUESTS) {
        out->api_key = be16(f->head + 4);
        out->api_version = be16(f->head + 6);
        out->correlation_id = (int32_t)be32(f->head + 8);
    } else {
        out->correlation_id = (int32_t)be32(f->head + 4);
    }
    f->body_left = length + LENGTH_BYTES - want;
    return true;
}

enum frame_part frames_next(struct frames *f, struct slice *in, struct frame_event *out)
{
    assert(f->head_len <= FRAME_HEAD_MAX);
    if (in->len == 0)
        return FRAME_MORE;
    if (f->is_raw) {
        *out = (struct frame_event){.bytes = take(in, in->len)};
        return FRAME_RAW;
    }
    if (f->body_left > 0) {
        size_t len = in->len < f->body_left ? in->len : f->body_left;

        f->body_left -= (uint32_t)len;
        *out = (struct frame_event){.bytes = take(in, len), .is_last = f->body_left == 0};
        return FRAME_BODY;
    }
    uint32_t missing = head_bytes(f) - f->head_len;
    size_t len = in->len < missing ? in->len : missing;

    memcpy(f->head + f->head_len, in->ptr, len);
    f->head_len += (uint32_t)len;
    (void)take(in, len);
    if (f->head_len < head_bytes(f))
        return FRAME_MORE;
    f->head_len = 0;
    if (head_decode(f, out))
        return FRAME_HEAD;
    f->is_raw = true;
    *out = (struct frame_event){.bytes = slice_of(f->head, head_bytes(f))};
    return FRAME_RAW;
}
