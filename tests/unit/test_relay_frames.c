/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the relay sees each Kafka request and reply, however the bytes arrive, and changes none.
 * Method: streams of a few frames, fed in pieces of every size; what comes out is put together
 *         again and compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/local/relay/frames.h"

/* A Metadata request with 3 bytes of body, then one that is only a head. */
static const uint8_t REQUESTS[] = {
    0, 0, 0, 11, 0, 3,  0, 9, 0,    0,    0,    7,    'a', 'b', 'c', /* */
    0, 0, 0, 8,  0, 18, 0, 4, 0xff, 0xff, 0xff, 0xfe,
};
/* A reply with a body of 2 bytes, then one without. */
static const uint8_t REPLIES[] = {
    0, 0, 0, 6, 0, 0, 0, 7, 'x', 'y', 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xfe,
};

enum {
    HEADS_MAX = 8
};

/* What came out. */
struct seen {
    struct frame_event heads[HEADS_MAX];
    size_t head_count;
    size_t last_count;
    size_t raw_bytes;
    uint8_t bytes[256];
    size_t len;
};

static void feed(struct frames *f, struct slice in, struct seen *s)
{
    struct frame_event ev;
    enum frame_part part;

    while ((part = frames_next(f, &in, &ev)) != FRAME_MORE) {
        assert_true(ev.bytes.len <= sizeof s->bytes - s->len);
        memcpy(s->bytes + s->len, ev.bytes.ptr, ev.bytes.len);
        s->len += ev.bytes.len;
        if (part == FRAME_HEAD) {
            assert_true(s->head_count < HEADS_MAX);
            s->heads[s->head_count++] = ev;
        }
        if (part == FRAME_RAW)
            s->raw_bytes += ev.bytes.len;
        if (ev.is_last)
            s->last_count++;
    }
    assert_int_equal(in.len, 0);
}

static struct seen fed_in_pieces(enum frames_kind kind, struct slice all, size_t piece)
{
    struct frames f = {.kind = kind};
    struct seen s = {.len = 0};

    for (size_t at = 0; at < all.len; at += piece) {
        const size_t end = at + piece < all.len ? at + piece : all.len;

        feed(&f, slice_sub(all, at, end), &s);
    }
    return s;
}

static void every_byte_of_requests_comes_out_once_whatever_the_pieces(void **state)
{
    for (size_t piece = 1; piece <= sizeof REQUESTS; piece++) {
        const struct seen s =
            fed_in_pieces(FRAMES_REQUESTS, slice_of(REQUESTS, sizeof REQUESTS), piece);

        assert_int_equal(s.len, sizeof REQUESTS);
        assert_memory_equal(s.bytes, REQUESTS, sizeof REQUESTS);
        assert_int_equal(s.raw_bytes, 0);
        assert_int_equal(s.head_count, 2);
        assert_int_equal(s.last_count, 2);
    }
}

static void a_request_says_its_api_and_correlation_id(void **state)
{
    const struct seen s = fed_in_pieces(FRAMES_REQUESTS, slice_of(REQUESTS, sizeof REQUESTS), 5);

    assert_int_equal(s.heads[0].api_key, 3);
    assert_int_equal(s.heads[0].api_version, 9);
    assert_int_equal(s.heads[0].correlation_id, 7);
    assert_int_equal(s.heads[0].size, 15);
    assert_false(s.heads[0].is_last);
    assert_int_equal(s.heads[1].api_key, 18);
    assert_int_equal(s.heads[1].correlation_id, -2);
    assert_true(s.heads[1].is_last);
}

static void a_reply_says_its_correlation_id_and_no_api(void **state)
{
    for (size_t piece = 1; piece <= sizeof REPLIES; piece++) {
        const struct seen s =
            fed_in_pieces(FRAMES_REPLIES, slice_of(REPLIES, sizeof REPLIES), piece);

        assert_memory_equal(s.bytes, REPLIES, sizeof REPLIES);
        assert_int_equal(s.head_count, 2);
        assert_int_equal(s.heads[0].correlation_id, 7);
        assert_int_equal(s.heads[0].api_key, -1);
        assert_int_equal(s.heads[1].correlation_id, -2);
        assert_int_equal(s.last_count, 2);
    }
}

static void a_length_that_no_frame_has_makes_all_that_follows_raw(void **state)
{
    static const uint8_t TOO_SHORT[] = {0, 0, 0, 7, 0, 3, 0, 9, 0, 0, 0, 7, 1, 2, 3};
    static const uint8_t TOO_LONG[] = {0x7f, 0, 0, 0, 0, 3, 0, 9, 0, 0, 0, 7, 1, 2, 3};
    static const uint8_t NEGATIVE[] = {0xff, 0xff, 0xff, 0xff, 0, 3, 0, 9, 0, 0, 0, 7, 1, 2, 3};
    const uint8_t *const streams[] = {TOO_SHORT, TOO_LONG, NEGATIVE};

    for (size_t i = 0; i < 3; i++)
        for (size_t piece = 1; piece <= sizeof TOO_SHORT; piece++) {
            const struct seen s =
                fed_in_pieces(FRAMES_REQUESTS, slice_of(streams[i], sizeof TOO_SHORT), piece);

            assert_int_equal(s.head_count, 0);
            assert_int_equal(s.raw_bytes, sizeof TOO_SHORT);
            assert_memory_equal(s.bytes, streams[i], sizeof TOO_SHORT);
        }
}

static void a_head_that_never_ends_is_held_back(void **state)
{
    const struct seen s = fed_in_pieces(FRAMES_REQUESTS, slice_of(REQUESTS, 11), 11);

    assert_int_equal(s.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_of_requests_comes_out_once_whatever_the_pieces),
        cmocka_unit_test(a_request_says_its_api_and_correlation_id),
        cmocka_unit_test(a_reply_says_its_correlation_id_and_no_api),
        cmocka_unit_test(a_length_that_no_frame_has_makes_all_that_follows_raw),
        cmocka_unit_test(a_head_that_never_ends_is_held_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
