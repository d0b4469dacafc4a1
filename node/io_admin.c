/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_admin.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coord/text.h"
#include "node/io_admin_text.h"
#include "node/io_loop.h"
#include "proto/err.h"

struct io_admin {
    struct io_admin_source source;
    struct MHD_Daemon *http; /* owned */
    uv_poll_t poll;
    uv_timer_t timer;
    int open_handles;
};

struct page {
    const char *url;
    const char *type;
    void (*print)(const struct io_admin_source *source, bool is_verbose, struct text *out);
    /* NULL: always 200. */
    bool (*is_well)(const struct io_admin_source *source);
};

static const struct page PAGES[] = {
    {"/", "text/html; charset=utf-8", admin_page, NULL},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", admin_metrics, NULL},
    {"/livez", "text/plain; charset=utf-8", admin_live, NULL},
    {"/readyz", "text/plain; charset=utf-8", admin_ready, admin_is_ready},
    {"/status", "application/json", admin_status, NULL},
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned int code,
                              const char *type, struct slice body)
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

static enum MHD_Result print_page(const struct io_admin *a, struct MHD_Connection *connection,
                                  const struct page *page)
{
    struct arena arena;
    const bool is_verbose =
        MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "verbose") != NULL ||
        MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "verbose", 7, NULL,
                                      NULL) == MHD_YES;
    const bool is_well = page->is_well == NULL || page->is_well(&a->source);

    arena_init(&arena, 65536, IO_ADMIN_TEXT_MAX);
    struct text out = text_in(&arena);
    page->print(&a->source, is_verbose, &out);
    const enum MHD_Result result =
        answer(connection, is_well ? 200 : 503, page->type, text_slice(&out));
    arena_deinit(&arena);
    return result;
}

// NOLINTNEXTLINE(readability-function-size): the library fixes the parameters
static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    const struct io_admin *a = data;

    (void)version;
    (void)upload;
    if (*state == NULL) { /* headers only so far: the answer comes with the next call */
        *state = connection;
        return MHD_YES;
    }
    *upload_size = 0; /* a body is thrown away */
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return answer(connection, 405, "text/plain", SLICE_LIT("only GET\n"));
    for (size_t i = 0; i < sizeof(PAGES) / sizeof(PAGES[0]); i++)
        if (strcmp(url, PAGES[i].url) == 0)
            return print_page(a, connection, &PAGES[i]);
    return answer(connection, 404, "text/plain", SLICE_LIT("/ /metrics /livez /readyz /status\n"));
}

/* ---- on the loop ---------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void run(struct io_admin *a)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 1000;

    (void)MHD_run(a->http); /* fails only for a daemon with threads */
    if (MHD_get_timeout(a->http, &wait_ms) != MHD_YES || wait_ms > 1000)
        wait_ms = 1000;
    (void)uv_timer_start(&a->timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : 1, 0);
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

int io_admin_open(const struct io_admin_source *source, struct io_admin **out)
{
    struct io_admin *a = calloc(1, sizeof(*a));
    struct sockaddr_in address;
    const union MHD_DaemonInfo *info = NULL;

    if (a == NULL)
        return ERR_NO_MEMORY;
    a->source = *source;
    if (parse_address(source->host->config.http, &address) == 0)
        a->http =
            MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, a, MHD_OPTION_SOCK_ADDR,
                             &address, MHD_OPTION_CONNECTION_LIMIT,
                             (unsigned)IO_ADMIN_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, 15U,
                             MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END);
    if (a->http != NULL)
        info = MHD_get_daemon_info(a->http, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || uv_poll_init(source->host->loop, &a->poll, info->epoll_fd) != 0) {
        io_log(&source->host->log, LOG_ERROR, "cannot listen", "http=\"%.*s\"",
               SLICE_ARG(source->host->config.http));
        if (a->http != NULL)
            MHD_stop_daemon(a->http);
        free(a);
        return ERR_CONFIG;
    }
    a->poll.data = a;
    (void)uv_poll_start(&a->poll, UV_READABLE, on_poll); /* these never fail here */
    (void)uv_timer_init(source->host->loop, &a->timer);
    a->timer.data = a;
    run(a);
    *out = a;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct io_admin *a = handle->data;

    a->open_handles--;
    if (a->open_handles == 0)
        free(a);
}

void io_admin_close(struct io_admin *a)
{
    if (a == NULL)
        return;
    a->open_handles = 2;
    (void)uv_poll_stop(&a->poll);
    MHD_stop_daemon(a->http);
    uv_close((uv_handle_t *)&a->poll, on_handle_closed);
    uv_close((uv_handle_t *)&a->timer, on_handle_closed);
}
