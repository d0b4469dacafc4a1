/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc.h - what gRPC adds to HTTP/2: five bytes before each message, and a status at the end.
 *
 * Promise: takes any bytes.
 * Pure:    yes.
 * Not here: sockets (io_grpc.h).
 */
#ifndef BRAID_COORD_GRPC_H
#define BRAID_COORD_GRPC_H

#include "proto/slice.h"

enum {
    GRPC_HEAD_BYTES = 5,
    GRPC_TEXT_MAX = 256, /* bytes kept of a grpc-message */
    GRPC_STATUS_NONE = -1,
};

/* The five bytes before a message of `len` bytes: not compressed, length. */
void grpc_head_write(uint8_t out[GRPC_HEAD_BYTES], uint32_t len);

/*
 * The first message of `bytes`. 0, and *out_used bytes are done with: 0 if the message is not
 * complete yet, then *out_message is absent. ERR_TOO_LARGE (more than bytes_max), ERR_MALFORMED
 * (compressed, which we never allow, or another flag).
 */
int grpc_message_next(struct slice bytes, size_t bytes_max, struct slice *out_message,
                      size_t *out_used);

/* What the headers and trailers of an answer have said so far. */
struct grpc_trailer {
    int http_status; /* 0: none yet */
    int status;      /* GRPC_STATUS_NONE: none yet */
    char text[GRPC_TEXT_MAX];
};

void grpc_trailer_init(struct grpc_trailer *t);

/* Takes one header line, "grpc-status: 14\r\n" or "HTTP/2 200 \r\n"; others are ignored. */
void grpc_trailer_line(struct grpc_trailer *t, struct slice line);

/*
 * What a status of etcd means (api/v3rpc/rpctypes/error.go), as an error of ours. `may_write`:
 * the call could have changed something; then statuses that do not tell are ERR_UNKNOWN.
 */
int grpc_status_rc(int status, const char *text, bool may_write);

#endif
