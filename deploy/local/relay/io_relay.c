/* SPDX-License-Identifier: Apache-2.0 */
#include "deploy/local/relay/io_relay.h"

#include "deploy/local/relay/io_conn.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    COMMAND_MAX = 256,
    ANSWER_MAX = 8192,
    BACKLOG = 256
};

struct relay {
    uv_loop_t loop;
    const struct relay_config *config;
    struct faults *faults;
    struct conns conns;
    uv_tcp_t listeners[RELAY_LINKS_MAX];
    uv_pipe_t control;
    uv_signal_t signals[2];
};

/* One connection to the control socket. */
struct session {
    struct relay *relay; /* borrowed */
    uv_pipe_t pipe;
    uv_write_t write;
    char line[COMMAND_MAX];
    size_t len;
    char answer[ANSWER_MAX];
    size_t answer_len;
};

/* ---- commands --------------------------------------------------------------------------------- */

/* Adds to the answer; what does not fit is left out. */
__attribute__((format(printf, 2, 3))) static void say(struct session *s, const char *format, ...)
{
    size_t room = sizeof(s->answer) - s->answer_len;
    va_list args;

    va_start(args, format);
    int count = vsnprintf(s->answer + s->answer_len, room, format, args);

    va_end(args);
    if (count > 0 && (size_t)count < room)
        s->answer_len += (size_t)count;
}

static void say_counter(struct session *s, const char *name, uint64_t value)
{
    say(s, "counter %s %" PRIu64 "\n", name, value);
}

/* Lines of three words: what, which, value. */
static void answer_status(struct session *s)
{
    const struct faults *f = s->relay->faults;
    const struct conns *cs = &s->relay->conns;
    uint64_t waiting = 0;

    for (uint32_t from = 0; from < f->site_count; from++)
        for (uint32_t to = 0; to < f->site_count; to++) {
            if (f->is_cut[from][to])
                say(s, "cut %s>%s 1\n", f->sites[from], f->sites[to]);
            if (f->latency_ms[from][to] > 0)
                say(s, "latency_ms %s>%s %u\n", f->sites[from], f->sites[to],
                    f->latency_ms[from][to]);
        }
    for (size_t i = 0; i < FAULTS_RULES_MAX; i++)
        waiting += f->rules[i].left;
    say_counter(s, "connections", cs->count);
    say_counter(s, "accepted", cs->accepted);
    say_counter(s, "bytes", cs->bytes);
    say_counter(s, "faults_waiting", waiting);
    say_counter(s, "delayed", cs->delayed);
    say_counter(s, "dropped", cs->dropped);
    say_counter(s, "replies_dropped", cs->replies_dropped);
    say_counter(s, "repeats_answered", cs->repeated);
}

static void on_session_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_answered(uv_write_t *req, int status)
{
    (void)status; /* whoever asked has gone: nobody to tell */
    struct session *s = req->data;

    uv_close((uv_handle_t *)&s->pipe, on_session_closed);
}

static void session_answer(struct session *s)
{
    struct slice line = slice_of(s->line, s->len - 1);
    char why[FAULTS_ANSWER_MAX];

    if (slice_equal(line, SLICE_LIT("status"))) {
        answer_status(s);
        say(s, "ok\n");
    } else if (faults_command(s->relay->faults, line, why) == 0) {
        (void)fprintf(stderr, "level=info msg=\"command\" line=\"%.*s\"\n", SLICE_ARG(line));
        conns_pump(&s->relay->conns);
        say(s, "ok\n");
    } else {
        say(s, "error: %s\n", why);
    }
    uv_buf_t buf = uv_buf_init(s->answer, (unsigned)s->answer_len);

    (void)uv_read_stop((uv_stream_t *)&s->pipe);
    s->write.data = s;
    if (uv_write(&s->write, (uv_stream_t *)&s->pipe, &buf, 1, on_answered) != 0)
        uv_close((uv_handle_t *)&s->pipe, on_session_closed);
}

static void on_session_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct session *s = handle->data;

    (void)size;
    *out = uv_buf_init(s->line + s->len, (unsigned)(COMMAND_MAX - s->len));
}

static void on_session_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct session *s = stream->data;

    (void)buf;
    if (count < 0) {
        uv_close((uv_handle_t *)&s->pipe, on_session_closed);
        return;
    }
    s->len += (size_t)count;
    if (s->len > 0 && s->line[s->len - 1] == '\n')
        session_answer(s);
}

static void on_control(uv_stream_t *listener, int status)
{
    struct relay *r = listener->data;
    struct session *s = status == 0 ? calloc(1, sizeof(*s)) : NULL;

    if (s == NULL)
        return;
    s->relay = r;
    int rc = uv_pipe_init(&r->loop, &s->pipe, 0);

    assert(rc == 0);
    s->pipe.data = s;
    if (uv_accept(listener, (uv_stream_t *)&s->pipe) != 0 ||
        uv_read_start((uv_stream_t *)&s->pipe, on_session_alloc, on_session_read) != 0)
        uv_close((uv_handle_t *)&s->pipe, on_session_closed);
}

/* ---- start and end ---------------------------------------------------------------------------- */

static void on_connection(uv_stream_t *listener, int status)
{
    struct relay *r = listener->data;

    if (status == 0)
        conns_accept(&r->conns, listener, &r->config->links[(uv_tcp_t *)listener - r->listeners]);
}

static int listen_link(struct relay *r, uint32_t i)
{
    const struct relay_link *link = &r->config->links[i];
    uv_tcp_t *listener = &r->listeners[i];
    struct sockaddr_in address;
    int rc = uv_tcp_init(&r->loop, listener);

    listener->data = r;
    if (rc == 0)
        rc = uv_ip4_addr(link->listen.host, link->listen.port, &address);
    if (rc == 0)
        rc = uv_tcp_bind(listener, (const struct sockaddr *)&address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
    if (rc != 0)
        (void)fprintf(stderr, "level=error msg=\"cannot listen for '%s' on %s:%u\" err=\"%s\"\n",
                      link->name, link->listen.host, link->listen.port, uv_strerror(rc));
    return rc;
}

static int listen_control(struct relay *r, const char *path)
{
    int rc = uv_pipe_init(&r->loop, &r->control, 0);

    r->control.data = r;
    (void)unlink(path); /* of a relay that was killed; a live one holds the ports */
    if (rc == 0)
        rc = uv_pipe_bind(&r->control, path);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&r->control, BACKLOG, on_control);
    if (rc != 0)
        (void)fprintf(stderr, "level=error msg=\"cannot listen on '%s'\" err=\"%s\"\n", path,
                      uv_strerror(rc));
    return rc;
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    uv_stop(signal->loop);
}

int relay_run(const struct relay_config *config, struct faults *faults, const char *socket_path)
{
    struct relay *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return UV_ENOMEM;
    int rc = uv_loop_init(&r->loop);

    assert(rc == 0);
    r->config = config;
    r->faults = faults;
    r->conns = (struct conns){.loop = &r->loop, .faults = faults, .config = config};
    for (uint32_t i = 0; i < config->link_count && rc == 0; i++)
        rc = listen_link(r, i);
    if (rc == 0)
        rc = listen_control(r, socket_path);
    if (rc == 0) {
        (void)uv_signal_init(&r->loop, &r->signals[0]);
        (void)uv_signal_init(&r->loop, &r->signals[1]);
        (void)uv_signal_start(&r->signals[0], on_signal, SIGTERM);
        (void)uv_signal_start(&r->signals[1], on_signal, SIGINT);
        (void)fprintf(stderr, "level=info msg=\"relaying\" links=%u\n", config->link_count);
        (void)uv_run(&r->loop, UV_RUN_DEFAULT);
        (void)unlink(socket_path);
    }
    /* The process ends here: the kernel closes what is open. */
    return rc;
}

int relay_ctl(const char *socket_path, const char *command)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char answer[ANSWER_MAX];
    size_t len = 0;
    ssize_t count = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)fprintf(stderr, "braid-relay: cannot reach a relay at %s: %s\n", socket_path,
                      strerrordesc_np(errno));
        if (fd >= 0)
            (void)close(fd);
        return 1;
    }
    if (write(fd, command, strlen(command)) != (ssize_t)strlen(command))
        (void)fprintf(stderr, "braid-relay: cannot send the command: %s\n", strerrordesc_np(errno));
    while (len < sizeof(answer) && (count = read(fd, answer + len, sizeof(answer) - len)) > 0)
        len += (size_t)count;
    (void)close(fd);
    if (len >= 3 && memcmp(answer + len - 3, "ok\n", 3) == 0) {
        (void)printf("%.*s", (int)(len - 3), answer);
        return 0;
    }
    (void)fprintf(stderr, "braid-relay: %.*s", (int)len, len == 0 ? "no answer\n" : answer);
    return 1;
}
