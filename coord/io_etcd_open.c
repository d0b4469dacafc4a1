/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing a client: io_etcd.h. */
#include "coord/io_etcd_core.h"

#include "proto/err.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>

static bool copy_string(const char *from, char **out)
{
    *out = from == NULL ? NULL : strdup(from);
    return from == NULL || *out != NULL;
}

/* Cuts "a,b,c" into urls. */
static int endpoints_split(struct etcd *e)
{
    char *rest = e->endpoints;
    char *url;

    while ((url = strsep(&rest, ", ")) != NULL) {
        if (*url == '\0')
            continue;
        if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
            return ERR_CONFIG;
        if (e->url_count == ETCD_ENDPOINTS_MAX)
            return ERR_CONFIG;
        const size_t len = strlen(url);
        if (url[len - 1] == '/')
            url[len - 1] = '\0';
        e->urls[e->url_count++] = url;
    }
    return e->url_count == 0 ? ERR_CONFIG : 0;
}

static int config_copy(struct etcd *e, const struct etcd_config *config)
{
    if (config->endpoints == NULL)
        return ERR_CONFIG;
    if (!copy_string(config->endpoints, &e->endpoints) ||
        !copy_string(config->ca_file, &e->ca_file) ||
        !copy_string(config->cert_file, &e->cert_file) ||
        !copy_string(config->key_file, &e->key_file))
        return ERR_NO_MEMORY;
    e->call_timeout_ms =
        config->call_timeout_ms == 0 ? ETCD_CALL_TIMEOUT_MS : config->call_timeout_ms;
    e->connect_timeout_ms =
        config->connect_timeout_ms == 0 ? ETCD_CONNECT_TIMEOUT_MS : config->connect_timeout_ms;
    return endpoints_split(e);
}

static void etcd_free(struct etcd *e)
{
    arena_deinit(&e->scratch);
    free(e->endpoints);
    free(e->ca_file);
    free(e->cert_file);
    free(e->key_file);
    free(e);
}

int etcd_open(uv_loop_t *loop, const struct etcd_config *config, struct etcd **out)
{
    struct etcd *e = calloc(1, sizeof *e);

    if (e == NULL)
        return ERR_NO_MEMORY;
    e->loop = loop;
    e->seen.last_answer_ms = -1;
    e->chance = uv_hrtime() ^ (uint64_t)uv_os_getpid() << 32;
    arena_init(&e->scratch, 16 * 1024, ETCD_SCRATCH_BYTES);
    int rc = config_copy(e, config);
    /* Counted by libcurl: others may use it too. */
    if (rc == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        rc = ERR_NO_MEMORY;
    if (rc != 0) {
        etcd_free(e);
        return rc;
    }
    (void)uv_timer_init(loop, &e->timer);
    e->timer.data = e;
    *out = e;
    return 0;
}

void etcd_maybe_free(struct etcd *e)
{
    if (!e->is_closing || !e->is_timer_closed || e->closing_count > 0)
        return;
    etcd_closed_fn *closed = e->closed;
    void *arg = e->closed_arg;

    etcd_free(e);
    curl_global_cleanup();
    if (closed != NULL)
        closed(arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct etcd *e = handle->data;

    e->is_timer_closed = true;
    etcd_maybe_free(e);
}

void etcd_close(struct etcd *e, etcd_closed_fn *closed, void *arg)
{
    if (e == NULL) {
        if (closed != NULL)
            closed(arg);
        return;
    }
    assert(!e->is_closing);
    while (e->parts != NULL) {
        struct etcd_part *part = e->parts;
        etcd_part_remove(e, part);
        part->moved(part);
        part->release(part);
    }
    e->is_closing = true;
    e->closed = closed;
    e->closed_arg = arg;
    etcd_links_close(e);
    while (e->calls != NULL) {
        struct etcd_call *call = e->calls;
        e->calls = call->next;
        free(call);
    }
    e->call_count = 0;
    uv_close((uv_handle_t *)&e->timer, on_timer_closed);
}
