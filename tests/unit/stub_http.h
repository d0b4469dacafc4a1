/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub_http.h - an HTTP server on loopback that says exactly the bytes a test wants, at the pace
 *               it wants, sound or not.
 *
 * Promise: one thread a connection; keeps connections alive unless told to close. `answer` is
 *          called under the stub's lock.
 */
#ifndef BRAID_TESTS_UNIT_STUB_HTTP_H
#define BRAID_TESTS_UNIT_STUB_HTTP_H

#include "proto/slice.h"

struct stub_reply {
    uint8_t *bytes; /* malloc'ed by `answer`, freed by the stub; the whole reply with its head */
    size_t len;
    unsigned delay_ms; /* before the first byte */
    unsigned drip_ms;  /* after each byte */
    bool must_close;   /* afterwards */
};

struct stub_http; /* in stub_http.c */

/* Listens on a free port of 127.0.0.1. `request` is the head, NUL-terminated. */
struct stub_http *stub_http_start(void (*answer)(void *data, const char *request,
                                                 struct stub_reply *out),
                                  void *data);
uint16_t stub_http_port(const struct stub_http *s);

/* Connections accepted so far. */
unsigned stub_http_connections(struct stub_http *s);

/* Closes everything and joins all threads. */
void stub_http_stop(struct stub_http *s);

#endif
