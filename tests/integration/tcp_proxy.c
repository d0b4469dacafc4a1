/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/tcp_proxy.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    READ_BYTES = 64 * 1024
};

struct tcp_end {
    uv_tcp_t tcp;
    struct tcp_link *link;
    bool is_server;
};

struct tcp_link {
    struct tcp_link *next;
    struct tcp_link *previous;
    struct tcp_proxy *proxy;
    struct tcp_end client;
    struct tcp_end server;
    uv_connect_t connect;
    int open; /* handles */
    bool is_cut;
};

struct write {
    uv_write_t request;
    char bytes[];
};

static void on_end_closed(uv_handle_t *handle)
{
    struct tcp_link *l = ((struct tcp_end *)handle->data)->link;

    if (--l->open == 0)
        free(l);
}

static void link_cut(struct tcp_link *l)
{
    if (l->is_cut)
        return;
    l->is_cut = true;
    if (l->previous != NULL)
        l->previous->next = l->next;
    else
        l->proxy->links = l->next;
    if (l->next != NULL)
        l->next->previous = l->previous;
    uv_close((uv_handle_t *)&l->client.tcp, on_end_closed);
    uv_close((uv_handle_t *)&l->server.tcp, on_end_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    buf->base = malloc(READ_BYTES);
    buf->len = READ_BYTES;
}

static void on_written(uv_write_t *request, int status)
{
    (void)status;
    free(request->data);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    const struct tcp_end *from = stream->data;
    struct tcp_link *l = from->link;
    const struct tcp_proxy *p = l->proxy;
    const bool is_lost = p->drops_all || (p->drops_answers && from->is_server);

    if (len > 0 && !is_lost) {
        struct tcp_end *to = from->is_server ? &l->client : &l->server;
        struct write *w = malloc(sizeof *w + (size_t)len);
        memcpy(w->bytes, buf->base, (size_t)len);
        w->request.data = w;
        const uv_buf_t out = uv_buf_init(w->bytes, (unsigned int)len);
        if (uv_write(&w->request, (uv_stream_t *)&to->tcp, &out, 1, on_written) != 0)
            free(w);
    }
    free(buf->base);
    if (len < 0)
        link_cut(l);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct tcp_link *l = connect->data;

    if (status != 0) {
        link_cut(l);
        return;
    }
    (void)uv_read_start((uv_stream_t *)&l->client.tcp, on_alloc, on_read);
    (void)uv_read_start((uv_stream_t *)&l->server.tcp, on_alloc, on_read);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct tcp_proxy *p = listener->data;
    struct tcp_link *l = calloc(1, sizeof *l);
    struct sockaddr_in address;

    assert(status == 0);
    p->accepted++;
    l->proxy = p;
    l->client = (struct tcp_end){.link = l};
    l->server = (struct tcp_end){.link = l, .is_server = true};
    (void)uv_tcp_init(p->loop, &l->client.tcp);
    (void)uv_tcp_init(p->loop, &l->server.tcp);
    l->client.tcp.data = &l->client;
    l->server.tcp.data = &l->server;
    l->connect.data = l;
    l->open = 2;
    l->next = p->links;
    if (p->links != NULL)
        p->links->previous = l;
    p->links = l;
    (void)uv_accept(listener, (uv_stream_t *)&l->client.tcp);
    (void)uv_ip4_addr("127.0.0.1", p->target_port, &address);
    if (uv_tcp_connect(&l->connect, &l->server.tcp, (struct sockaddr *)&address, on_connected) != 0)
        link_cut(l);
}

void tcp_proxy_open(struct tcp_proxy *p, uv_loop_t *loop, int port, int target_port)
{
    struct sockaddr_in address;

    memset(p, 0, sizeof *p);
    p->loop = loop;
    p->target_port = target_port;
    (void)uv_tcp_init(loop, &p->listener);
    p->listener.data = p;
    (void)uv_ip4_addr("127.0.0.1", port, &address);
    int rc = uv_tcp_bind(&p->listener, (struct sockaddr *)&address, 0);
    assert(rc == 0);
    rc = uv_listen((uv_stream_t *)&p->listener, 64, on_connection);
    assert(rc == 0);
    (void)rc;
}

void tcp_proxy_cut(struct tcp_proxy *p)
{
    while (p->links != NULL)
        link_cut(p->links);
}

void tcp_proxy_close(struct tcp_proxy *p)
{
    tcp_proxy_cut(p);
    uv_close((uv_handle_t *)&p->listener, NULL);
}
