/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_grpc.h - gRPC calls over one HTTP/2 connection (libcurl), on a libuv loop.
 *
 * Promise: a call sends its request at most once. Callbacks come from the loop, never from within a
 *          function of this file; on_end comes once, unless the call is cancelled or its channel
 *          closed. Calls and channels may be ended from within callbacks.
 * Pure:    no.
 * Not here: timeouts (a call waits for ever: the caller cancels it), choosing a server, what the
 *          messages mean (io_etcd.h).
 * Thread:  the loop's.
 *
 * Over http:// every call has a connection of its own: libcurl 7.88 cannot use one twice without
 * TLS (curl issue 10634).
 */
#ifndef BRAID_COORD_IO_GRPC_H
#define BRAID_COORD_IO_GRPC_H

#include <uv.h>

#include "coord/grpc.h"
#include "proto/slice.h"

enum {
    /* The kernel gives a connection up when sent bytes are not acknowledged for so long. */
    GRPC_UNACKNOWLEDGED_MS = 5000,
    GRPC_CALLS_MAX = 1024, /* of one connection, at once */
};

struct grpc_config {
    const char *url;       /* "https://host:port"; all copied */
    const char *ca_file;   /* NULL: the system's */
    const char *cert_file; /* NULL: none */
    const char *key_file;
    uint32_t connect_timeout_ms;
    uint32_t message_bytes_max; /* of an answer */
};

struct grpc_channel;
struct grpc_call;

/* How a call ended. Borrowed until on_end returns. */
struct grpc_end {
    int rc;               /* 0: look at status; ERR_TOO_LARGE, ERR_MALFORMED: so was the answer */
    int status;           /* the server's verdict, or GRPC_STATUS_NONE */
    const char *text;     /* the server's, or libcurl's if there is no status */
    bool was_sent;        /* the server may have seen the request */
    struct slice message; /* of a unary call with rc 0 and status 0: the answer */
};

struct grpc_request {
    const char *path;
    struct slice message; /* the first, copied */
    bool is_stream;       /* more may follow (grpc_call_send), and many messages come back */
    bool needs_leader;    /* the server must refuse while it has no leader */
    uint32_t timeout_ms;  /* told to the server; 0: none */
    void (*on_message)(void *arg, struct slice message); /* streams only */
    void (*on_end)(void *arg, const struct grpc_end *end);
    void *arg;
};

/* Connects with the first call. ERR_NO_MEMORY. */
int grpc_channel_open(uv_loop_t *loop, const struct grpc_config *config, struct grpc_channel **out);

/* Cancels all calls, drops the connection; `closed` comes later, when nothing of it is left. */
void grpc_channel_close(struct grpc_channel *ch, void (*closed)(void *arg), void *arg);

/* When (uv_now) the server was last heard of, 0 if never. */
uint64_t grpc_channel_heard_ms(const struct grpc_channel *ch);

/* ERR_NO_MEMORY, ERR_BUSY. */
int grpc_call_start(struct grpc_channel *ch, const struct grpc_request *request,
                    struct grpc_call **out);

/* One more message on a stream (copied). ERR_NO_MEMORY. */
int grpc_call_send(struct grpc_call *call, struct slice message);

/* The call is gone, without on_end. Returns true if the server may have seen the request. */
bool grpc_call_cancel(struct grpc_call *call);

#endif
