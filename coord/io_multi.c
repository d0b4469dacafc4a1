/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/io_multi.h"

#include "proto/err.h"

#include <assert.h>
#include <stdlib.h>

/* One of libcurl's sockets. */
struct watched {
    uv_poll_t poll;
    struct io_multi *multi; /* borrowed */
    curl_socket_t fd;
};

static void handle_gone(struct io_multi *m)
{
    assert(m->handles > 0);
    m->handles--;
    if (m->handles == 0 && m->closed != NULL)
        m->closed(m->arg);
}

static void turn(struct io_multi *m)
{
    if (m->curl != NULL)
        m->turned(m->arg);
}

static void on_timer(uv_timer_t *timer)
{
    struct io_multi *m = timer->data;
    int running;

    (void)curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
    turn(m);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct watched *w = poll->data;
    struct io_multi *m = w->multi;
    int flags = 0;
    int running;

    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if ((events & UV_READABLE) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        flags |= CURL_CSELECT_OUT;
    (void)curl_multi_socket_action(m->curl, w->fd, flags, &running);
    turn(m);
}

/* libcurl's: wake me in timeout_ms; -1: not any more. */
static int on_curl_timer(CURLM *curl, long timeout_ms, void *arg)
{
    struct io_multi *m = arg;

    (void)curl;
    if (uv_is_closing((uv_handle_t *)&m->timer))
        return 0;
    if (timeout_ms < 0)
        return uv_timer_stop(&m->timer);
    return uv_timer_start(&m->timer, on_timer, (uint64_t)timeout_ms, 0) == 0 ? 0 : -1;
}

static void on_watched_closed(uv_handle_t *handle)
{
    struct watched *w = handle->data;
    struct io_multi *m = w->multi;

    free(w);
    handle_gone(m);
}

static struct watched *watch(struct io_multi *m, curl_socket_t fd)
{
    struct watched *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->multi = m;
    w->fd = fd;
    if (uv_poll_init_socket(m->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    m->handles++;
    (void)curl_multi_assign(m->curl, fd, w);
    return w;
}

/* libcurl's: wake me when this socket can be read or written. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct io_multi *m = arg;
    struct watched *w = socket_arg;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            (void)uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, on_watched_closed);
            (void)curl_multi_assign(m->curl, fd, NULL);
        }
        return 0;
    }
    if (w == NULL)
        w = watch(m, fd);
    if (w == NULL)
        return -1;
    if (what != CURL_POLL_OUT)
        events |= UV_READABLE;
    if (what != CURL_POLL_IN)
        events |= UV_WRITABLE;
    return uv_poll_start(&w->poll, events, on_poll) == 0 ? 0 : -1;
}

int io_multi_open(struct io_multi *m, uv_loop_t *loop, void (*turned)(void *arg), void *arg)
{
    *m = (struct io_multi){.loop = loop, .turned = turned, .arg = arg};
    m->curl = curl_multi_init();
    if (m->curl == NULL)
        return ERR_NO_MEMORY;
    (void)uv_timer_init(loop, &m->timer);
    m->timer.data = m;
    m->handles = 1;
    (void)curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    (void)curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
    (void)curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    (void)curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
    (void)curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

void io_multi_close(struct io_multi *m, void (*closed)(void *arg))
{
    assert(m->curl != NULL);
    assert(m->closed == NULL);

    CURLM *curl = m->curl;
    /* Closes the connections; libcurl then asks us to stop watching their sockets. */
    (void)curl_multi_cleanup(curl);
    m->curl = NULL;
    m->closed = closed;
    uv_close((uv_handle_t *)&m->timer, on_timer_closed);
}

void io_multi_kick(struct io_multi *m)
{
    (void)uv_timer_start(&m->timer, on_timer, 0, 0);
}
