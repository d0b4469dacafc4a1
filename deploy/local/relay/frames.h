/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames.h - Kafka's framing, as bytes come in.
 *
 * Promise: cut a stream of Kafka requests or replies, fed in pieces of any size, into the head of
 *          each frame and pieces of its body; every byte fed comes out once and in order. Bytes
 *          that cannot be Kafka's come out as they are, from there on (FRAME_RAW): a relay does
 *          not judge.
 * Pure:    yes; allocates nothing.
 * Not here: what to do with a request (faults.h), the sockets (io_conn.h).
 *
 * A frame is: length (32 bits, without itself), then for a request api key (16), api version (16)
 * and correlation id (32), for a reply the correlation id (https://kafka.apache.org/protocol).
 */
#ifndef BRAID_DEPLOY_LOCAL_RELAY_FRAMES_H
#define BRAID_DEPLOY_LOCAL_RELAY_FRAMES_H

#include "proto/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FRAME_HEAD_MAX = 12,
    FRAME_SIZE_MAX = 100 << 20, /* socket.request.max.bytes of a broker, by default */
};

enum frames_kind {
    FRAMES_REQUESTS,
    FRAMES_REPLIES
};

/* All zeros: a stream of requests, nothing seen yet. */
struct frames {
    enum frames_kind kind;
    uint8_t head[FRAME_HEAD_MAX];
    uint32_t head_len;
    uint32_t body_left; /* bytes of the present frame's body still to come */
    bool is_raw;
};

enum frame_part {
    FRAME_MORE, /* the input is used up */
    FRAME_HEAD, /* a frame begins */
    FRAME_BODY, /* some of its body */
    FRAME_RAW,  /* not Kafka */
};

struct frame_event {
    struct slice bytes; /* borrowed from the input, or from `struct frames` until the next call */
    uint32_t size;      /* the frame's length in bytes, with the length itself */
    int32_t correlation_id;
    int16_t api_key;     /* of a request; -1 for a reply */
    int16_t api_version; /* of a request; -1 for a reply */
    bool is_last;        /* the frame ends with these bytes */
};

/* The next part of the stream; takes from the front of `in` what it used. `out` is written unless
 * the answer is FRAME_MORE; correlation_id, api_key, api_version and size only for FRAME_HEAD. */
enum frame_part frames_next(struct frames *f, struct slice *in, struct frame_event *out);

#endif
