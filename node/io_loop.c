/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_loop.h"

#include <time.h>

#include "proto/err.h"

int64_t io_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t io_mono_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Thread: libuv's pool. */
static void on_run(uv_work_t *work)
{
    struct io_work *w = work->data;

    w->run(w->data);
}

static void on_done(uv_work_t *work, int status)
{
    struct io_work *w = work->data;

    (void)status; /* never cancelled */
    w->done(w->data);
}

int io_work_run(uv_loop_t *loop, struct io_work *w)
{
    w->work.data = w;
    return uv_queue_work(loop, &w->work, on_run, on_done) == 0 ? 0 : ERR_IO;
}
