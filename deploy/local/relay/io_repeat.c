/* SPDX-License-Identifier: Apache-2.0 */
#include "deploy/local/relay/io_repeat.h"

#include <assert.h>
#include <stdlib.h>

struct repeat {
    uv_loop_t *loop; /* borrowed */
    uv_tcp_t socket;
    uv_timer_t timer;
    uv_connect_t connect;
    uv_write_t write;
    uint64_t *answered; /* borrowed */
    int open_handles;
    uint32_t size;
    uint32_t len;
    uint8_t scratch[512];
    uint8_t bytes[];
};

struct repeat *repeat_new(uv_loop_t *loop, uint32_t size, uint64_t *answered)
{
    if (size > REPEAT_BYTES_MAX)
        return NULL;
    struct repeat *r = malloc(sizeof(*r) + size);

    if (r != NULL) {
        r->loop = loop;
        r->size = size;
        r->len = 0;
        r->answered = answered;
        r->open_handles = 0;
    }
    return r;
}

void repeat_free(struct repeat *r)
{
    assert(r == NULL || r->open_handles == 0);
    free(r);
}

void repeat_add(struct repeat *r, struct slice bytes)
{
    assert(bytes.len <= r->size - r->len);
    memcpy(r->bytes + r->len, bytes.ptr, bytes.len);
    r->len += (uint32_t)bytes.len;
}

static void on_closed(uv_handle_t *handle)
{
    struct repeat *r = handle->data;

    r->open_handles--;
    if (r->open_handles == 0)
        free(r);
}

static void end(struct repeat *r)
{
    if (uv_is_closing((uv_handle_t *)&r->timer))
        return;
    uv_close((uv_handle_t *)&r->timer, on_closed);
    uv_close((uv_handle_t *)&r->socket, on_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    end(timer->data);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct repeat *r = handle->data;

    (void)size;
    *out = uv_buf_init((char *)r->scratch, sizeof(r->scratch));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct repeat *r = stream->data;

    (void)buf;
    if (count == 0)
        return;
    if (count > 0)
        (*r->answered)++;
    end(r);
}

static void on_written(uv_write_t *req, int status)
{
    struct repeat *r = req->data;

    if (status == UV_ECANCELED)
        return;
    if (status < 0 || uv_read_start((uv_stream_t *)&r->socket, on_alloc, on_read) != 0)
        end(r);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct repeat *r = req->data;
    uv_buf_t buf = uv_buf_init((char *)r->bytes, r->len);

    if (status == UV_ECANCELED)
        return;
    r->write.data = r;
    if (status < 0 || uv_write(&r->write, (uv_stream_t *)&r->socket, &buf, 1, on_written) != 0)
        end(r);
}

void repeat_send(struct repeat *r, const struct relay_address *target)
{
    struct sockaddr_in address;
    int rc = uv_tcp_init(r->loop, &r->socket);

    assert(rc == 0);
    rc = uv_timer_init(r->loop, &r->timer);
    assert(rc == 0);
    r->socket.data = r;
    r->timer.data = r;
    r->connect.data = r;
    r->open_handles = 2;
    (void)uv_timer_start(&r->timer, on_timeout, REPEAT_MS_MAX, 0);
    if (uv_ip4_addr(target->host, target->port, &address) != 0 ||
        uv_tcp_connect(&r->connect, &r->socket, (const struct sockaddr *)&address, on_connect) != 0)
        end(r);
}
