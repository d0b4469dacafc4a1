/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_admin.h"

#include <stdlib.h>
#include <string.h>

#include "coord/text.h"
#include "node/io_admin_text.h"
#include "node/io_http.h"
#include "proto/err.h"

struct io_admin {
    struct io_admin_source source;
    struct io_http *http; /* owned */
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
        io_http_answer(connection, is_well ? 200 : 503, page->type, text_slice(&out));
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
        return io_http_answer(connection, 405, "text/plain", SLICE_LIT("only GET\n"));
    for (size_t i = 0; i < sizeof(PAGES) / sizeof(PAGES[0]); i++)
        if (strcmp(url, PAGES[i].url) == 0)
            return print_page(a, connection, &PAGES[i]);
    return io_http_answer(connection, 404, "text/plain",
                          SLICE_LIT("/ /metrics /livez /readyz /status\n"));
}

/* ---- life cycle ---------------------------------------------------------------------------- */

int io_admin_open(const struct io_admin_source *source, struct io_admin **out)
{
    struct io_admin *a = calloc(1, sizeof(*a));
    const struct io_http_config config = {
        .loop = source->host->loop,
        .address = source->host->config.http,
        .connections_max = IO_ADMIN_CONNECTIONS_MAX,
        .timeout_s = IO_ADMIN_TIMEOUT_S,
        .handle = on_request,
        .data = a,
    };

    if (a == NULL)
        return ERR_NO_MEMORY;
    a->source = *source;
    const int rc = io_http_open(&config, &a->http);
    if (rc != 0) {
        io_log(&source->host->log, LOG_ERROR, "cannot listen", "http=\"%.*s\"",
               SLICE_ARG(source->host->config.http));
        free(a);
        return rc;
    }
    *out = a;
    return 0;
}

void io_admin_close(struct io_admin *a)
{
    if (a == NULL)
        return;
    io_http_close(a->http);
    free(a);
}
