/* SPDX-License-Identifier: Apache-2.0 */
#include "deploy/local/relay/io_lane.h"

#include <assert.h>
#include <stdlib.h>

enum chunk_kind {
    CHUNK_BYTES,
    CHUNK_END,
    CHUNK_RESET
};

struct lane_chunk {
    struct lane_chunk *next; /* owned */
    uint64_t due_ms;
    size_t len;
    size_t written;
    enum chunk_kind kind;
    uint8_t bytes[];
};

void lane_init(struct lane *l, uv_loop_t *loop)
{
    assert(l->to != NULL);
    assert(l->on_news != NULL);
    int rc = uv_timer_init(loop, &l->timer);

    assert(rc == 0);
    l->timer.data = l;
    l->write.data = l;
    l->shutdown.data = l;
}

static void pop(struct lane *l)
{
    struct lane_chunk *chunk = l->first;

    l->bytes -= chunk->len;
    l->first = chunk->next;
    if (l->first == NULL)
        l->last = NULL;
    free(chunk);
}

void lane_deinit(struct lane *l)
{
    while (l->first != NULL)
        pop(l);
    assert(l->bytes == 0);
}

/* A chunk under a write must outlive it. */
void lane_drop(struct lane *l)
{
    l->is_dropped = true;
    if (!l->is_writing)
        lane_deinit(l);
}

static void put(struct lane *l, enum chunk_kind kind, struct slice bytes, uint32_t delay_ms)
{
    if (l->is_dropped)
        return;
    struct lane_chunk *chunk = malloc(sizeof(*chunk) + bytes.len);

    if (chunk == NULL)
        abort(); /* a test tool: memory is bounded by lanes and connections */
    uint64_t due_ms = uv_now(l->timer.loop) + *l->latency_ms + delay_ms;

    if (due_ms < l->last_due_ms)
        due_ms = l->last_due_ms; /* order stays when the latency shrinks */
    l->last_due_ms = due_ms;
    *chunk = (struct lane_chunk){.due_ms = due_ms, .len = bytes.len, .kind = kind};
    if (bytes.len > 0)
        memcpy(chunk->bytes, bytes.ptr, bytes.len);
    if (l->last == NULL)
        l->first = chunk;
    else
        l->last->next = chunk;
    l->last = chunk;
    l->bytes += bytes.len;
}

void lane_put(struct lane *l, struct slice bytes, uint32_t delay_ms)
{
    if (bytes.len > 0)
        put(l, CHUNK_BYTES, bytes, delay_ms);
}

void lane_put_end(struct lane *l)
{
    put(l, CHUNK_END, (struct slice){.ptr = NULL}, 0);
}

void lane_put_reset(struct lane *l)
{
    put(l, CHUNK_RESET, (struct slice){.ptr = NULL}, 0);
}

bool lane_is_full(const struct lane *l)
{
    return l->bytes >= LANE_BYTES_MAX;
}

static void on_timer(uv_timer_t *timer)
{
    lane_pump(timer->data);
}

static void on_written(uv_write_t *req, int status)
{
    struct lane *l = req->data;

    l->is_writing = false;
    if (l->is_dropped) {
        lane_deinit(l);
        return;
    }
    if (status < 0) {
        l->on_news(l, LANE_BROKEN);
        return;
    }
    pop(l);
    lane_pump(l);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    struct lane *l = req->data;

    l->is_writing = false;
    if (l->is_dropped) {
        lane_deinit(l);
        return;
    }
    l->on_news(l, status < 0 ? LANE_BROKEN : LANE_ENDED);
}

/* Writes the first chunk, as much as the socket takes at once; false if that was not all. */
static bool write_first(struct lane *l)
{
    struct lane_chunk *chunk = l->first;
    uv_buf_t buf =
        uv_buf_init((char *)chunk->bytes + chunk->written, (unsigned)(chunk->len - chunk->written));
    int count = uv_try_write((uv_stream_t *)l->to, &buf, 1);

    if (count > 0)
        chunk->written += (size_t)count;
    if (chunk->written == chunk->len) {
        pop(l);
        return true;
    }
    buf =
        uv_buf_init((char *)chunk->bytes + chunk->written, (unsigned)(chunk->len - chunk->written));
    if ((count < 0 && count != UV_EAGAIN) ||
        uv_write(&l->write, (uv_stream_t *)l->to, &buf, 1, on_written) != 0) {
        l->on_news(l, LANE_BROKEN);
        return false;
    }
    l->is_writing = true;
    return false;
}

void lane_pump(struct lane *l)
{
    while (l->is_open && !l->is_writing && !l->is_dropped && l->first != NULL && !*l->is_cut) {
        uint64_t now_ms = uv_now(l->timer.loop);

        if (l->first->due_ms > now_ms) {
            (void)uv_timer_start(&l->timer, on_timer, l->first->due_ms - now_ms, 0);
            return;
        }
        switch (l->first->kind) {
        case CHUNK_BYTES:
            if (!write_first(l))
                return;
            break;
        case CHUNK_END:
            l->is_writing = true;
            if (uv_shutdown(&l->shutdown, (uv_stream_t *)l->to, on_shutdown) != 0) {
                l->is_writing = false;
                l->on_news(l, LANE_BROKEN);
            }
            return;
        case CHUNK_RESET:
            l->on_news(l, LANE_RESET);
            return;
        }
    }
    if (!l->is_dropped && !lane_is_full(l))
        l->on_news(l, LANE_DRAINED);
}
