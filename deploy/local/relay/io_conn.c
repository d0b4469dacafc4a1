/* SPDX-License-Identifier: Apache-2.0 */
#include "deploy/local/relay/io_conn.h"

#include "deploy/local/relay/frames.h"
#include "deploy/local/relay/io_lane.h"
#include "deploy/local/relay/io_repeat.h"
#include "proto/err.h"

#include <assert.h>
#include <stdlib.h>

enum conn_state {
    CONN_PROXY,      /* a CONNECT request is being read */
    CONN_WAITING,    /* a cut keeps it from the target */
    CONN_CONNECTING, /* the handshake takes its time */
    CONN_JOINED,
    CONN_CLOSING,
};

/* One end of a connection: its socket, and the lane that leads away from it. */
struct end {
    uv_tcp_t socket;
    struct lane lane; /* to the other end */
    struct frames frames;
    bool is_reading;
    bool has_ended; /* nothing more will come from here */
};

struct conn {
    struct conns *cs; /* borrowed */
    struct conn *next;
    struct conn *prev;
    const struct relay_link *link; /* borrowed */
    struct relay_address target;
    int from_site;
    int to_site;
    enum conn_state state;
    struct end client;
    struct end server;
    uv_timer_t handshake;
    uv_connect_t connect;
    uint32_t open_handles;
    uint32_t ended_lanes;
    uint8_t request[RELAY_CONNECT_MAX]; /* CONN_PROXY */
    size_t request_len;
    struct repeat *copy; /* owned: a request to be sent again, while it comes in */
    bool has_lost_reply; /* lost_reply is set */
    int32_t lost_reply;  /* correlation id of the reply to swallow */
};

static void end_read(struct end *e);

/* ---- ends ----------------------------------------------------------------------------------- */

static void conn_closed(struct conn *c)
{
    assert(c->open_handles > 0);
    c->open_handles--;
    if (c->open_handles > 0)
        return;
    lane_deinit(&c->client.lane);
    lane_deinit(&c->server.lane);
    free(c);
}

static void on_socket_closed(uv_handle_t *handle)
{
    conn_closed(handle->data);
}

static void on_lane_closed(uv_handle_t *handle)
{
    struct lane *l = handle->data;

    conn_closed(l->owner);
}

static void close_socket(uv_tcp_t *socket, bool is_reset)
{
    if (is_reset && uv_tcp_close_reset(socket, on_socket_closed) == 0)
        return;
    uv_close((uv_handle_t *)socket, on_socket_closed);
}

static void conn_close(struct conn *c, bool is_reset)
{
    struct conns *cs = c->cs;

    if (c->state == CONN_CLOSING)
        return;
    c->state = CONN_CLOSING;
    lane_drop(&c->client.lane);
    lane_drop(&c->server.lane);
    repeat_free(c->copy);
    c->copy = NULL;
    close_socket(&c->client.socket, is_reset);
    close_socket(&c->server.socket, is_reset);
    uv_close((uv_handle_t *)&c->client.lane.timer, on_lane_closed);
    uv_close((uv_handle_t *)&c->server.lane.timer, on_lane_closed);
    uv_close((uv_handle_t *)&c->handshake, on_socket_closed);
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        cs->first = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    assert(cs->count > 0);
    cs->count--;
}

static struct end *end_of(struct conn *c, const struct lane *l)
{
    return l == &c->client.lane ? &c->client : &c->server;
}

static struct end *other_end(struct conn *c, const struct end *e)
{
    return e == &c->client ? &c->server : &c->client;
}

/* An end's socket is dead: the other end hears of it by reset, in its turn. */
static void end_die(struct conn *c, struct end *e)
{
    if (e->lane.is_dropped) { /* the other end is dead, too: nobody is left to hear of it */
        conn_close(c, true);
        return;
    }
    lane_drop(&other_end(c, e)->lane);
    e->has_ended = true;
    if (e->is_reading)
        (void)uv_read_stop((uv_stream_t *)&e->socket);
    e->is_reading = false;
    lane_put_reset(&e->lane);
    lane_pump(&e->lane);
}

static void on_news(struct lane *l, enum lane_news news)
{
    struct conn *c = l->owner;
    struct end *e = end_of(c, l);

    if (c->state == CONN_CLOSING)
        return;
    switch (news) {
    case LANE_DRAINED:
        if (!e->is_reading && !e->has_ended && c->state == CONN_JOINED)
            end_read(e);
        break;
    case LANE_ENDED:
        c->ended_lanes++;
        if (c->ended_lanes == 2)
            conn_close(c, false);
        break;
    case LANE_RESET:
        conn_close(c, true);
        break;
    case LANE_BROKEN:
        end_die(c, other_end(c, e));
        break;
    }
}

/* ---- reaching the target ---------------------------------------------------------------------- */

static void join(struct conn *c)
{
    c->state = CONN_JOINED;
    (void)uv_tcp_nodelay(&c->server.socket, 1);
    c->client.lane.is_open = true;
    c->server.lane.is_open = true;
    if (c->link->to_site < 0) {
        char answer[] = "HTTP/1.1 200 OK\r\n\r\n";
        uv_buf_t buf = uv_buf_init(answer, sizeof(answer) - 1);

        /* The client has sent all it may before this answer: its socket takes 19 bytes. */
        if (uv_try_write((uv_stream_t *)&c->client.socket, &buf, 1) != (int)buf.len) {
            conn_close(c, true);
            return;
        }
    }
    end_read(&c->server);
    lane_pump(&c->client.lane);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct conn *c = req->data;

    if (c->state == CONN_CLOSING)
        return;
    if (status < 0)
        conn_close(c, true);
    else
        join(c);
}

static void connect_now(struct conn *c)
{
    struct sockaddr_in address;

    c->connect.data = c;
    if (uv_ip4_addr(c->target.host, c->target.port, &address) != 0 ||
        uv_tcp_connect(&c->connect, &c->server.socket, (const struct sockaddr *)&address,
                       on_connect) != 0)
        conn_close(c, true);
}

static void on_handshake(uv_timer_t *timer)
{
    struct conn *c = timer->data;

    if (faults_blocks_connect(c->cs->faults, c->from_site, c->to_site))
        c->state = CONN_WAITING;
    else
        connect_now(c);
}

/* Both sites are known: start the handshake, which takes one way and back, or wait. */
static void conn_start(struct conn *c)
{
    const struct faults *f = c->cs->faults;

    if (faults_blocks_connect(f, c->from_site, c->to_site)) {
        c->state = CONN_WAITING;
        return;
    }
    c->state = CONN_CONNECTING;
    uint64_t rtt_ms =
        (uint64_t)f->latency_ms[c->from_site][c->to_site] + f->latency_ms[c->to_site][c->from_site];

    if (rtt_ms == 0)
        connect_now(c);
    else
        (void)uv_timer_start(&c->handshake, on_handshake, rtt_ms, 0);
}

static void set_sites(struct conn *c, int to_site)
{
    struct faults *f = c->cs->faults;

    c->to_site = to_site;
    c->client.lane.is_cut = &f->is_cut[c->from_site][to_site];
    c->client.lane.latency_ms = &f->latency_ms[c->from_site][to_site];
    c->server.lane.is_cut = &f->is_cut[to_site][c->from_site];
    c->server.lane.latency_ms = &f->latency_ms[to_site][c->from_site];
}

static void take_proxy_request(struct conn *c, struct slice in)
{
    struct relay_address asked;
    size_t used;

    if (in.len > sizeof(c->request) - c->request_len) {
        conn_close(c, true);
        return;
    }
    memcpy(c->request + c->request_len, in.ptr, in.len);
    c->request_len += in.len;
    int rc = connect_read(slice_of(c->request, c->request_len), &asked, &used);

    if (rc == ERR_BUSY)
        return;
    const struct relay_route *route = rc == 0 ? relay_route_find(c->cs->config, &asked) : NULL;

    if (route == NULL) {
        conn_close(c, true);
        return;
    }
    c->target = route->target;
    set_sites(c, route->to_site);
    lane_put(&c->client.lane, slice_of(c->request + used, c->request_len - used), 0);
    conn_start(c);
}

/* ---- bytes ------------------------------------------------------------------------------------ */

/* Decides on a request whose head has come in; the milliseconds that it is to wait, -1 if the
 * connection is closed. */
static int64_t take_request(struct conn *c, const struct frame_event *ev)
{
    struct conns *cs = c->cs;
    struct fault fault = faults_take(cs->faults, c->link->name, ev->api_key);

    switch (fault.kind) {
    case FAULT_NONE:
        break;
    case FAULT_DELAY:
        cs->delayed++;
        return fault.delay_ms;
    case FAULT_DROP:
        cs->dropped++;
        conn_close(c, true);
        return -1;
    case FAULT_DROP_REPLY:
        c->has_lost_reply = true;
        c->lost_reply = ev->correlation_id;
        break;
    case FAULT_REPEAT:
        c->copy = repeat_new(cs->loop, ev->size, &cs->repeated);
        break;
    }
    return 0;
}

static void feed_requests(struct conn *c, struct slice in)
{
    uint8_t out[CONN_READ_BYTES + FRAME_HEAD_MAX];
    size_t len = 0;
    uint32_t delay_ms = 0;
    struct frame_event ev;
    enum frame_part part;

    while ((part = frames_next(&c->client.frames, &in, &ev)) != FRAME_MORE) {
        if (part == FRAME_HEAD) {
            int64_t wait_ms = take_request(c, &ev);

            if (wait_ms < 0)
                return;
            if (wait_ms > 0) {
                lane_put(&c->client.lane, slice_of(out, len), delay_ms);
                len = 0;
                delay_ms = (uint32_t)wait_ms;
            }
        }
        assert(ev.bytes.len <= sizeof(out) - len);
        memcpy(out + len, ev.bytes.ptr, ev.bytes.len);
        len += ev.bytes.len;
        if (c->copy == NULL)
            continue;
        repeat_add(c->copy, ev.bytes);
        if (ev.is_last) {
            repeat_send(c->copy, &c->target);
            c->copy = NULL;
        }
    }
    lane_put(&c->client.lane, slice_of(out, len), delay_ms);
}

static void feed_replies(struct conn *c, struct slice in)
{
    uint8_t out[CONN_READ_BYTES + FRAME_HEAD_MAX];
    size_t len = 0;
    struct frame_event ev;
    enum frame_part part;

    while ((part = frames_next(&c->server.frames, &in, &ev)) != FRAME_MORE) {
        if (part == FRAME_HEAD && c->has_lost_reply && ev.correlation_id == c->lost_reply) {
            c->cs->replies_dropped++;
            conn_close(c, true);
            return;
        }
        assert(ev.bytes.len <= sizeof(out) - len);
        memcpy(out + len, ev.bytes.ptr, ev.bytes.len);
        len += ev.bytes.len;
    }
    lane_put(&c->server.lane, slice_of(out, len), 0);
}

static void feed(struct conn *c, struct end *e, struct slice in)
{
    if (c->state == CONN_PROXY)
        take_proxy_request(c, in);
    else if (!c->link->is_kafka)
        lane_put(&e->lane, in, 0);
    else if (e == &c->client)
        feed_requests(c, in);
    else
        feed_replies(c, in);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct conn *c = handle->data;

    (void)size;
    *out = uv_buf_init((char *)c->cs->scratch, CONN_READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct conn *c = stream->data;
    struct end *e = (uv_stream_t *)&c->client.socket == stream ? &c->client : &c->server;

    if (count == 0)
        return;
    if (count > 0) {
        c->cs->bytes += (uint64_t)count;
        feed(c, e, slice_of(buf->base, (size_t)count));
    } else if (c->state != CONN_JOINED) {
        conn_close(c, true); /* gone before the target heard of it */
    } else if (count == UV_EOF) {
        e->has_ended = true;
        lane_put_end(&e->lane);
    } else {
        end_die(c, e);
        return;
    }
    if (c->state == CONN_CLOSING)
        return;
    if (e->has_ended || lane_is_full(&e->lane)) {
        (void)uv_read_stop(stream);
        e->is_reading = false;
    }
    lane_pump(&e->lane);
}

static void end_read(struct end *e)
{
    e->is_reading = uv_read_start((uv_stream_t *)&e->socket, on_alloc, on_read) == 0;
}

/* ---- operations ------------------------------------------------------------------------------- */

static struct conn *conn_new(struct conns *cs, const struct relay_link *link)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    c->cs = cs;
    c->link = link;
    c->target = link->target;
    c->from_site = link->from_site;
    c->state = CONN_PROXY;
    c->server.frames.kind = FRAMES_REPLIES;
    c->client.socket.data = c;
    c->server.socket.data = c;
    c->client.lane.to = &c->server.socket;
    c->server.lane.to = &c->client.socket;
    c->client.lane.owner = c;
    c->server.lane.owner = c;
    c->client.lane.on_news = on_news;
    c->server.lane.on_news = on_news;
    int rc = uv_tcp_init(cs->loop, &c->client.socket);

    assert(rc == 0);
    rc = uv_tcp_init(cs->loop, &c->server.socket);
    assert(rc == 0);
    rc = uv_timer_init(cs->loop, &c->handshake);
    assert(rc == 0);
    c->handshake.data = c;
    lane_init(&c->client.lane, cs->loop);
    lane_init(&c->server.lane, cs->loop);
    c->open_handles = 5;
    c->next = cs->first;
    if (cs->first != NULL)
        cs->first->prev = c;
    cs->first = c;
    cs->count++;
    return c;
}

void conns_accept(struct conns *cs, uv_stream_t *listener, const struct relay_link *link)
{
    struct conn *c = conn_new(cs, link);

    if (c == NULL)
        return;
    cs->accepted++;
    if (uv_accept(listener, (uv_stream_t *)&c->client.socket) != 0 || cs->count > CONNS_MAX) {
        conn_close(c, true);
        return;
    }
    (void)uv_tcp_nodelay(&c->client.socket, 1);
    if (link->to_site >= 0) {
        set_sites(c, link->to_site);
        conn_start(c);
    }
    if (c->state != CONN_CLOSING)
        end_read(&c->client);
}

void conns_pump(struct conns *cs)
{
    struct conn *next;

    for (struct conn *c = cs->first; c != NULL; c = next) {
        next = c->next;
        if (c->state == CONN_WAITING)
            conn_start(c);
        if (c->state != CONN_JOINED)
            continue;
        lane_pump(&c->client.lane);
        if (c->state == CONN_JOINED)
            lane_pump(&c->server.lane);
    }
}
