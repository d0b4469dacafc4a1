/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/err.h"
#include "proto/origin.h"

#define WAIT_MS_MAX 1000

struct io_http {
    struct MHD_Daemon *daemon; /* owned */
    uv_poll_t poll;
    uv_timer_t timer;
    int open_handles;
    bool is_quiet; /* takes no new connections */
};

enum MHD_Result io_http_answer(struct MHD_Connection *connection, unsigned code, const char *type,
                               struct slice body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_NO;

    if (response == NULL)
        return MHD_NO;
    if (MHD_add_response_header(response, "Content-Type", type) == MHD_YES &&
        MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES)
        result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- on the loop ---------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void run(struct io_http *h)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = WAIT_MS_MAX;

    (void)MHD_run(h->daemon); /* fails only for a daemon with threads */
    if (MHD_get_timeout(h->daemon, &wait_ms) != MHD_YES || wait_ms > WAIT_MS_MAX)
        wait_ms = WAIT_MS_MAX;
    (void)uv_timer_start(&h->timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : 1, 0);
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)events;
    if (status == 0)
        run(poll->data);
}

static int parse_address(struct slice text, struct sockaddr_in *out)
{
    char host[64];
    size_t colon = text.len;
    int64_t port;

    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon < 2 || colon > sizeof(host) ||
        number_parse(slice_sub(text, colon, text.len), false, &port) != 0 || port > 65535)
        return ERR_CONFIG;
    memcpy(host, text.ptr, colon - 1);
    host[colon - 1] = '\0';
    if (strcmp(host, "localhost") == 0)
        (void)snprintf(host, sizeof(host), "127.0.0.1");
    return uv_ip4_addr(host, (int)port, out) == 0 ? 0 : ERR_CONFIG;
}

int io_http_open(const struct io_http_config *config, struct io_http **out)
{
    struct io_http *h = calloc(1, sizeof(*h));
    struct sockaddr_in address;
    const union MHD_DaemonInfo *info = NULL;

    if (h == NULL)
        return ERR_NO_MEMORY;
    if (parse_address(config->address, &address) == 0)
        h->daemon = MHD_start_daemon(
            MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, config->handle, config->data,
            MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, config->connections_max,
            MHD_OPTION_CONNECTION_TIMEOUT, config->timeout_s, MHD_OPTION_LISTENING_ADDRESS_REUSE,
            1U, MHD_OPTION_NOTIFY_COMPLETED, config->completed, config->data, MHD_OPTION_END);
    if (h->daemon != NULL)
        info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || uv_poll_init(config->loop, &h->poll, info->epoll_fd) != 0) {
        if (h->daemon != NULL)
            MHD_stop_daemon(h->daemon);
        free(h);
        return ERR_CONFIG;
    }
    h->poll.data = h;
    (void)uv_poll_start(&h->poll, UV_READABLE, on_poll); /* these never fail here */
    (void)uv_timer_init(config->loop, &h->timer);
    h->timer.data = h;
    run(h);
    *out = h;
    return 0;
}

void io_http_quiesce(struct io_http *h)
{
    if (h->is_quiet)
        return;
    h->is_quiet = true;
    const int fd = MHD_quiesce_daemon(h->daemon);
    if (fd >= 0)
        (void)close(fd); /* nothing was written to it */
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct io_http *h = handle->data;

    h->open_handles--;
    if (h->open_handles == 0)
        free(h);
}

void io_http_close(struct io_http *h)
{
    if (h == NULL)
        return;
    h->open_handles = 2;
    (void)uv_poll_stop(&h->poll);
    MHD_stop_daemon(h->daemon);
    uv_close((uv_handle_t *)&h->poll, on_handle_closed);
    uv_close((uv_handle_t *)&h->timer, on_handle_closed);
}
