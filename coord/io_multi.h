/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_multi.h - a libcurl multi handle driven by a libuv loop.
 *
 * Promise: whenever libcurl has done something, `turned` is called, outside all of libcurl's
 *          callbacks: there transfers may be added, removed and looked at. io_multi_close may be
 *          called at any time but from within one of libcurl's callbacks.
 * Pure:    no.
 * Thread:  the loop's.
 */
#ifndef BRAID_COORD_IO_MULTI_H
#define BRAID_COORD_IO_MULTI_H

#include <curl/curl.h>
#include <uv.h>

struct io_multi {
    uv_loop_t *loop; /* borrowed */
    CURLM *curl;     /* owned; NULL once closed */
    uv_timer_t timer;
    size_t handles; /* of libuv that are open */
    void (*turned)(void *arg);
    void (*closed)(void *arg); /* set by io_multi_close */
    void *arg;
};

/* ERR_NO_MEMORY. `m` must stay where it is until `closed`. */
int io_multi_open(struct io_multi *m, uv_loop_t *loop, void (*turned)(void *arg), void *arg);

/* All transfers must have been removed. `closed` comes later, from the loop. */
void io_multi_close(struct io_multi *m, void (*closed)(void *arg));

/* Lets libcurl work at the next turn of the loop. */
void io_multi_kick(struct io_multi *m);

#endif
