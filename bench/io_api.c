/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/io_api.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uv.h>

#include "bench/api_answer.h"
#include "bench/chance.h"
#include "proto/err.h"

#define TEXT_MEMORY (64 * 1024 * 1024)
#define BACKLOG     512

struct api {
    uv_loop_t loop;
    uv_tcp_t listener;
    struct io_api_config config;
    struct texts texts;
    struct arena arena;
    struct chance chance;
    struct io_api_counts *counts; /* shared with who started it; never NULL */
    struct io_api_counts unseen;  /* where nobody wants to know */
};

/* One connection; it has one request under way at most: clients do not pipeline. */
struct connection {
    struct api *api;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    uint8_t in[API_REQUEST_MAX];
    size_t in_len;
    uint8_t *out; /* owned, while a reply is under way */
    size_t out_len;
    size_t out_room;
    bool is_busy;
    uint32_t open_handles;
};

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;

    c->open_handles--;
    if (c->open_handles > 0)
        return;
    free(c->out);
    free(c);
}

static void hang_up(struct connection *c)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void serve_next(struct connection *c);

static void on_written(uv_write_t *write, int status)
{
    struct connection *c = write->data;

    c->is_busy = false;
    if (status < 0)
        hang_up(c);
    else
        serve_next(c);
}

static void on_due(uv_timer_t *timer)
{
    struct connection *c = timer->data;
    const uv_buf_t buf = uv_buf_init((char *)c->out, (unsigned)c->out_len);

    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0)
        hang_up(c);
}

static bool make_reply(struct connection *c, const struct api_request *r)
{
    struct api *api = c->api;
    const size_t room = api_answer_bytes(r, &api->texts) + API_HEAD_MAX + API_PAGE_MAX;

    if (room > c->out_room) {
        free(c->out);
        c->out_room = 0;
        c->out = malloc(room);
        if (c->out == NULL)
            return false;
        c->out_room = room;
    }
    const uint64_t dice = chance_next(&api->chance);
    if (dice % 1000 < api->config.errors) {
        const enum api_failure any = dice & 1024 ? API_FAILURE_500 : API_FAILURE_MAXLAG;
        const int failure = api->config.failure;
        c->out_len = api_failure_write(failure < 0 ? any : (enum api_failure)failure, c->out);
        return true;
    }
    return api_answer_write(r, &api->texts, c->out, c->out_room, &c->out_len) == 0;
}

static void serve_next(struct connection *c)
{
    struct api *api = c->api;
    struct api_request r;

    if (c->is_busy || uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    const int rc = api_request_parse(slice_of(c->in, c->in_len), &r);
    if (rc == ERR_BUSY)
        return;
    if (rc != 0 || !make_reply(c, &r)) {
        hang_up(c);
        return;
    }
    api->counts->requests++;
    c->in_len -= r.len;
    memmove(c->in, c->in + r.len, c->in_len);
    c->is_busy = true;
    const double wait = api->config.latency_ms <= 0
                            ? 0
                            : chance_spread(api->config.latency_ms, api->config.latency_sigma,
                                            chance_next(&api->chance));
    if (wait < 0.5)
        on_due(&c->timer);
    else
        (void)uv_timer_start(&c->timer, on_due, (uint64_t)(wait + 0.5), 0);
}

static void give_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct connection *c = handle->data;

    (void)wanted;
    *buf = uv_buf_init((char *)c->in + c->in_len, (unsigned)(sizeof c->in - c->in_len));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct connection *c = stream->data;

    (void)buf;
    if (got < 0) {
        hang_up(c);
        return;
    }
    c->in_len += (size_t)got;
    serve_next(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct api *api = listener->data;
    struct connection *c = status < 0 ? NULL : calloc(1, sizeof *c);

    if (c == NULL)
        return;
    api->counts->connections++;
    c->api = api;
    c->open_handles = 2;
    (void)uv_tcp_init(&api->loop, &c->tcp); /* these never fail */
    (void)uv_timer_init(&api->loop, &c->timer);
    c->tcp.data = c;
    c->timer.data = c;
    c->write.data = c;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 || uv_tcp_nodelay(&c->tcp, 1) != 0 ||
        uv_read_start((uv_stream_t *)&c->tcp, give_room, on_read) != 0)
        hang_up(c);
}

/* Counts live in a file that both sides see: asking would be a request more. */
static struct io_api_counts *open_counts(const char *path)
{
    const int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    void *at = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (ftruncate(fd, sizeof(struct io_api_counts)) == 0)
        at = mmap(NULL, sizeof(struct io_api_counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd); /* the mapping stays */
    return at == MAP_FAILED ? NULL : at;
}

int io_api_read_counts(struct io_api_counts *out)
{
    const char *path = getenv(IO_API_COUNTS);
    const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return ERR_IO;
    const ssize_t got = pread(fd, out, sizeof *out, 0);
    (void)close(fd); /* only read */
    return got == (ssize_t)sizeof *out ? 0 : ERR_IO;
}

int io_api_serve(const struct io_api_config *config)
{
    struct api *api = calloc(1, sizeof *api);
    struct sockaddr_in address;

    if (api == NULL || uv_loop_init(&api->loop) != 0)
        return EXIT_FAILURE;
    (void)signal(SIGPIPE, SIG_IGN);
    api->config = *config;
    api->counts = open_counts(getenv(IO_API_COUNTS));
    if (api->counts == NULL)
        api->counts = &api->unseen;
    api->chance.state = config->seed;
    arena_init(&api->arena, 1024 * 1024, TEXT_MEMORY);
    if (texts_fill(&api->texts, config->seed, config->text_bytes, config->text_sigma,
                   &api->arena) != 0)
        return EXIT_FAILURE;
    (void)uv_ip4_addr("127.0.0.1", config->port, &address); /* a number: always right */
    (void)uv_tcp_init(&api->loop, &api->listener);
    api->listener.data = api;
    if (uv_tcp_bind(&api->listener, (const struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&api->listener, BACKLOG, on_connection) != 0) {
        (void)fprintf(stderr, "braid-bench: API server: port %d is taken\n", config->port);
        return EXIT_FAILURE;
    }
    return uv_run(&api->loop, UV_RUN_DEFAULT);
}
