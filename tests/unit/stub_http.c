/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/stub_http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 256,
    HEAD_MAX = 8192,
};

struct connection {
    struct stub_http *stub;
    pthread_t thread;
    int fd;
};

struct stub_http {
    void (*answer)(void *data, const char *request, struct stub_reply *out);
    void *data;
    int listener;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    bool is_stopping;
    unsigned count;
    struct connection connections[CONNECTIONS_MAX];
};

static void sleep_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static bool send_all(int fd, const uint8_t *bytes, size_t len, unsigned drip_ms)
{
    while (len > 0) {
        const ssize_t sent = send(fd, bytes, drip_ms > 0 ? 1 : len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
        if (drip_ms > 0)
            sleep_ms(drip_ms);
    }
    return true;
}

/* Reads one request's head (there are no bodies). False at the end of the connection. */
static bool read_head(int fd, char head[HEAD_MAX])
{
    size_t len = 0;

    while (len < HEAD_MAX - 1) {
        const ssize_t got = recv(fd, head + len, 1, 0);
        if (got <= 0)
            return false;
        len++;
        head[len] = '\0';
        if (len >= 4 && memcmp(head + len - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    char head[HEAD_MAX];
    bool is_open = true;

    while (is_open && read_head(c->fd, head)) {
        struct stub_reply reply = {0};
        (void)pthread_mutex_lock(&c->stub->lock);
        c->stub->answer(c->stub->data, head, &reply);
        (void)pthread_mutex_unlock(&c->stub->lock);
        sleep_ms(reply.delay_ms);
        is_open = send_all(c->fd, reply.bytes, reply.len, reply.drip_ms) && !reply.must_close;
        free(reply.bytes);
    }
    (void)shutdown(c->fd, SHUT_RDWR);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct stub_http *s = arg;

    for (;;) {
        const int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        (void)pthread_mutex_lock(&s->lock);
        if (s->is_stopping || s->count == CONNECTIONS_MAX) {
            (void)close(fd);
        } else {
            struct connection *c = &s->connections[s->count++];
            *c = (struct connection){.stub = s, .fd = fd};
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
            const int rc = pthread_create(&c->thread, NULL, serve, c);
            assert(rc == 0);
        }
        (void)pthread_mutex_unlock(&s->lock);
    }
}

struct stub_http *stub_http_start(void (*answer)(void *data, const char *request,
                                                 struct stub_reply *out),
                                  void *data)
{
    struct stub_http *s = calloc(1, sizeof *s);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    assert(s != NULL);
    s->answer = answer;
    s->data = data;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    int rc = bind(s->listener, (struct sockaddr *)&address, sizeof address);
    assert(rc == 0);
    rc = listen(s->listener, 64);
    assert(rc == 0);
    rc = getsockname(s->listener, (struct sockaddr *)&address, &len);
    assert(rc == 0);
    s->port = ntohs(address.sin_port);
    rc = pthread_create(&s->thread, NULL, accept_all, s);
    assert(rc == 0);
    return s;
}

uint16_t stub_http_port(const struct stub_http *s)
{
    return s->port;
}

unsigned stub_http_connections(struct stub_http *s)
{
    (void)pthread_mutex_lock(&s->lock);
    const unsigned count = s->count;
    (void)pthread_mutex_unlock(&s->lock);
    return count;
}

void stub_http_stop(struct stub_http *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->is_stopping = true;
    for (unsigned i = 0; i < s->count; i++)
        (void)shutdown(s->connections[i].fd, SHUT_RDWR);
    (void)pthread_mutex_unlock(&s->lock);
    (void)shutdown(s->listener, SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    for (unsigned i = 0; i < s->count; i++) {
        (void)pthread_join(s->connections[i].thread, NULL);
        (void)close(s->connections[i].fd);
    }
    (void)close(s->listener);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
