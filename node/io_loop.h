/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_loop.h - time, and work that would block the loop.
 *
 * Promise: io_work_run's `work` runs on libuv's pool, its `done` later on the loop's thread.
 * Pure:    no: shell.
 * Thread:  the loop's, but for `work`.
 */
#ifndef BRAID_NODE_IO_LOOP_H
#define BRAID_NODE_IO_LOOP_H

#include <stdint.h>
#include <uv.h>

/* Wall clock, ms since 1970. */
int64_t io_now_ms(void);

/* A clock that never goes back, ms. */
int64_t io_mono_ms(void);

struct io_work {
    uv_work_t work; /* its data is the io_work */
    void (*run)(void *data);
    void (*done)(void *data);
    void *data;
};

/* Starts it; the io_work must live until done was called. 0 or ERR_IO. */
int io_work_run(uv_loop_t *loop, struct io_work *w);

#endif
