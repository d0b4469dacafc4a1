/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_scan.h"

#include <stdlib.h>

#include "node/io_loop.h"
#include "proto/err.h"

struct io_scan {
    struct io_scan_config config;
    struct io_reading *reading;
    uv_timer_t *timer; /* owned; freed when closed */
    struct log_bounds bounds;
    int64_t back;     /* offsets before the end that this pass began at */
    int64_t began_at; /* offset of the pass under way */
    int64_t moved_ms;
};

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void io_scan_cancel(struct io_scan *s)
{
    if (s == NULL)
        return;
    io_reading_stop(s->reading);
    uv_close((uv_handle_t *)s->timer, on_timer_closed);
    free(s);
}

static void finish(struct io_scan *s, int code, const char *detail)
{
    const struct io_scan_config config = s->config;
    const struct log_bounds bounds = s->bounds;

    io_scan_cancel(s);
    config.ended(config.data, code, detail, bounds);
}

static void begin(struct io_scan *s)
{
    if (s->config.from == IO_SCAN_BACK) {
        s->began_at = s->bounds.end - s->back;
        if (s->began_at < s->bounds.start)
            s->began_at = s->bounds.start;
    } else {
        s->began_at = s->config.from < s->bounds.start ? s->bounds.start : s->config.from;
    }
    if (s->began_at >= s->bounds.end) {
        finish(s, 0, "");
        return;
    }
    if (s->config.begin != NULL)
        s->config.begin(s->config.data);
    io_reading_from(s->reading, s->began_at);
}

static void at_end(struct io_scan *s)
{
    const bool is_found = s->config.is_found == NULL || s->config.is_found(s->config.data);

    if (is_found || s->config.from != IO_SCAN_BACK || s->began_at <= s->bounds.start) {
        finish(s, 0, "");
        return;
    }
    s->back *= 2;
    begin(s);
}

static void on_event(void *data, const struct io_read_event *ev)
{
    struct io_scan *s = data;

    s->moved_ms = io_mono_ms();
    switch (ev->kind) {
    case IO_READ_BOUNDS:
        s->bounds = ev->bounds;
        begin(s);
        return;
    case IO_READ_RECORDS:
        for (uint32_t i = 0; i < ev->count; i++) {
            s->config.record(s->config.data, &ev->records[i]);
            io_kafka_release(ev->records[i].handle);
        }
        return;
    case IO_READ_END:
        /* The log may have grown since the bounds; what is newer is part of this pass. */
        at_end(s);
        return;
    case IO_READ_MOVED:
    case IO_READ_RANGE:
        finish(s, ERR_CONFLICT, "the log has moved while it was read");
        return;
    case IO_READ_FAILED:
        finish(s, ev->code, ev->detail);
        return;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct io_scan *s = timer->data;

    if (io_mono_ms() - s->moved_ms > IO_SCAN_MS)
        finish(s, ERR_TIMEOUT, "no answer while reading a log's tail");
}

struct io_scan *io_scan_start(struct io_reader *reader, uv_loop_t *loop,
                              const struct io_scan_config *config)
{
    struct io_scan *s = calloc(1, sizeof(*s));
    const struct io_reading_config reading = {
        .topic = config->topic, .partition = config->partition, .data = s, .on_event = on_event};

    if (s == NULL)
        return NULL;
    *s = (struct io_scan){.config = *config, .back = IO_SCAN_BACK_FIRST, .moved_ms = io_mono_ms()};
    s->timer = calloc(1, sizeof(*s->timer));
    s->reading = s->timer != NULL ? io_reading_start(reader, &reading) : NULL;
    if (s->reading == NULL) {
        free(s->timer);
        free(s);
        return NULL;
    }
    s->config.topic = NULL;              /* the reading has its own */
    (void)uv_timer_init(loop, s->timer); /* these never fail */
    s->timer->data = s;
    (void)uv_timer_start(s->timer, on_timer, 1000, 1000);
    return s;
}
