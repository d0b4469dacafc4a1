/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_http.h - an HTTP server on the loop: what io_admin.c and io_intake.c listen with.
 *
 * Promise: bound to one address. Functions of the owner run on the loop's thread.
 * Pure:    no: shell. libmicrohttpd without threads of its own: its epoll descriptor is polled by
 *          the loop.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_HTTP_H
#define BRAID_NODE_IO_HTTP_H

#include <microhttpd.h>
#include <uv.h>

#include "proto/slice.h"

struct io_http;

struct io_http_config {
    uv_loop_t *loop;      /* borrowed */
    struct slice address; /* host and port; borrowed for the call */
    unsigned connections_max;
    unsigned timeout_s; /* of a connection on which nothing happens */
    MHD_AccessHandlerCallback handle;
    MHD_RequestCompletedCallback completed; /* NULL: not needed */
    void *data;                             /* of both */
};

/* ERR_CONFIG: the address cannot be used. */
int io_http_open(const struct io_http_config *config, struct io_http **out);

/* Takes no new connections; those that are there go on. */
void io_http_quiesce(struct io_http *h);

/* No connection may be suspended. No call of the owner's functions after this. Accepts NULL. */
void io_http_close(struct io_http *h);

/* Queues an answer; the body is copied. */
enum MHD_Result io_http_answer(struct MHD_Connection *connection, unsigned code, const char *type,
                               struct slice body);

#endif
