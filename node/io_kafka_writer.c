/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_kafka_writer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/io_loop.h"
#include "proto/err.h"

/* One producer's life: a new one after each failure. */
struct session {
    struct io_writer *writer;
    rd_kafka_t *rk;                         /* owned */
    rd_kafka_queue_t *queue;                /* owned */
    const struct io_writer_client *culprit; /* whose record could not be delivered; only compared */
    struct io_kafka_wake *wake;
    bool is_broken;
};

struct io_writer_client {
    struct io_writer *writer;
    struct session *session; /* the one its records are with; NULL before the first */
    struct io_writer_client *next;
    struct io_writer_config config;
    char *topic;       /* owned */
    uint64_t *tickets; /* owned ring, oldest first */
    size_t ticket_room;
    size_t ticket_first;
    size_t ticket_count;
    bool is_closed;
    bool is_failed;
};

struct io_writer {
    struct io_kafka_cluster cluster;
    struct session *session; /* the present one; NULL until it is needed */
    struct io_writer_client *first;
    size_t destroying;
    bool is_closed;
};

#define TICKETS_AT_FIRST 64

/* ---- clients -------------------------------------------------------------------------------- */

static void client_free(struct io_writer_client *c)
{
    for (struct io_writer_client **at = &c->writer->first; *at != NULL; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    free(c->tickets);
    free(c->topic);
    free(c);
}

static bool push_ticket(struct io_writer_client *c, uint64_t ticket)
{
    if (c->ticket_count == c->ticket_room) {
        const size_t room = c->ticket_room == 0 ? TICKETS_AT_FIRST : 2 * c->ticket_room;
        uint64_t *tickets = malloc(room * sizeof(*tickets));
        if (tickets == NULL)
            return false;
        for (size_t i = 0; i < c->ticket_count; i++)
            tickets[i] = c->tickets[(c->ticket_first + i) % c->ticket_room];
        free(c->tickets);
        c->tickets = tickets;
        c->ticket_room = room;
        c->ticket_first = 0;
    }
    c->tickets[(c->ticket_first + c->ticket_count) % c->ticket_room] = ticket;
    c->ticket_count++;
    return true;
}

static uint64_t pop_ticket(struct io_writer_client *c)
{
    assert(c->ticket_count > 0);
    const uint64_t ticket = c->tickets[c->ticket_first];

    c->ticket_first = (c->ticket_first + 1) % c->ticket_room;
    c->ticket_count--;
    return ticket;
}

/* ---- sessions ------------------------------------------------------------------------------- */

static void on_session_destroyed(void *data)
{
    struct session *s = data;
    struct io_writer *w = s->writer;

    free(s);
    w->destroying--;
    if (w->is_closed && w->destroying == 0)
        free(w);
}

/* Ends a producer; its clients must not use it any more. */
static void session_end(struct session *s)
{
    io_kafka_wake_remove(s->queue);
    rd_kafka_queue_destroy(s->queue);
    io_kafka_wake_close(s->wake);
    s->writer->destroying++;
    /* Nothing more of it shall be sent. */
    (void)rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    io_kafka_destroy_later(s->writer->cluster.loop, s->rk, on_session_destroyed, s);
}

static struct io_writer_client *client_of(struct io_writer *w, const struct session *s)
{
    struct io_writer_client *c = w->first;

    while (c != NULL && c->session != s)
        c = c->next;
    return c;
}

/* Tells every client that has records with this producer, and ends it. Only who wrote what is too large
 * hears that: to the others it is a producer that failed, and they go on with the next. */
static void session_fail(struct session *s, int code, const char *detail)
{
    struct io_writer *w = s->writer;

    io_log(w->cluster.log, LOG_WARN, "a record could not be delivered, starting a new producer",
           "cluster=%s err=%s why=\"%s\"", w->cluster.name, err_name(code), detail);
    if (w->session == s)
        w->session = NULL;
    /* Who has nothing under way goes on with the next producer. */
    for (struct io_writer_client *c = w->first; c != NULL; c = c->next)
        if (c->session == s && c->ticket_count == 0)
            c->session = NULL;
        else if (c->session == s)
            c->is_failed = true;
    for (struct io_writer_client *c = client_of(w, s); c != NULL; c = client_of(w, s)) {
        const int told = code == ERR_TOO_LARGE && c != s->culprit ? ERR_DELIVERY : code;

        c->session = NULL; /* from here on it may be closed, by itself or by another */
        if (c->is_closed)
            client_free(c);
        else
            c->config.failed(c->config.data, told, detail);
    }
    session_end(s);
}

/* A record that nobody waits for is lost: its client is told. */
static void side_failed(struct io_writer_client *c, const rd_kafka_message_t *msg)
{
    const bool is_told = c->is_failed || c->is_closed;

    (void)pop_ticket(c);
    c->is_failed = true;
    if (c->is_closed && c->ticket_count == 0)
        client_free(c);
    else if (!is_told)
        c->config.failed(c->config.data, io_kafka_code(msg->err), rd_kafka_err2str(msg->err));
}

/* One delivery report. Returns 0, or the failure that ends the producer. */
static int take_report(struct session *s, const rd_kafka_message_t *msg)
{
    struct io_writer_client *c = msg->_private;

    assert(c->session == s);
    if (msg->err != RD_KAFKA_RESP_ERR_NO_ERROR && c->config.is_side) {
        side_failed(c, msg);
        return 0;
    }
    if (msg->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        s->culprit = c;
        return msg->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? ERR_TOO_LARGE : ERR_DELIVERY;
    }
    const uint64_t ticket = pop_ticket(c);
    if (c->is_closed) {
        if (c->ticket_count == 0)
            client_free(c);
    } else {
        c->config.acked(c->config.data, ticket, msg->offset);
    }
    return 0;
}

static int take_event(struct session *s, rd_kafka_event_t *event, char *detail, size_t detail_size)
{
    const rd_kafka_message_t *msg;

    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR &&
        rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL) {
        const rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->rk, detail, detail_size);
        (void)err; /* its text is in detail */
        return ERR_DELIVERY;
    }
    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_DR) {
        io_kafka_log_event(&s->writer->cluster, event);
        return 0;
    }
    while ((msg = rd_kafka_event_message_next(event)) != NULL) {
        const int rc = take_report(s, msg);
        if (rc != 0) {
            (void)snprintf(detail, detail_size, "%s [%d]: %s", rd_kafka_topic_name(msg->rkt),
                           msg->partition, rd_kafka_err2str(msg->err));
            return rc;
        }
    }
    return 0;
}

static void on_woken(void *data)
{
    struct session *s = data;
    rd_kafka_event_t *event;
    char detail[256] = "";

    while ((event = rd_kafka_queue_poll(s->queue, 0)) != NULL) {
        const int rc = take_event(s, event, detail, sizeof(detail));
        rd_kafka_event_destroy(event);
        if (rc != 0) {
            session_fail(s, rc, detail);
            return;
        }
        if (s->writer->is_closed)
            return; /* cannot be: a writer is not closed from within its own event */
    }
}

static int session_open(struct io_writer *w)
{
    char kbytes[16];
    char timeout[16];
    (void)snprintf(kbytes, sizeof(kbytes), "%d", IO_WRITER_QUEUE_KB);
    (void)snprintf(timeout, sizeof(timeout), "%d", IO_WRITER_TIMEOUT_MS);
    const struct io_kafka_setting settings[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"linger.ms", "5"},
        {"message.copy.max.bytes", "4096"}, /* larger values are sent from where they lie */
        {"message.max.bytes", "15728640"},  /* the topic's own limit is the broker's to check */
        {"queue.buffering.max.kbytes", kbytes},
        {"queue.buffering.max.messages", "50000"},
        {"message.timeout.ms", timeout},
        {NULL, NULL},
    };
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return ERR_NO_MEMORY;
    s->writer = w;
    int rc = io_kafka_new(&w->cluster, RD_KAFKA_PRODUCER, settings, RD_KAFKA_EVENT_DR, &s->rk);
    if (rc == 0)
        rc = io_kafka_wake_open(w->cluster.loop, on_woken, s, &s->wake);
    if (rc != 0) {
        if (s->rk != NULL)
            rd_kafka_destroy(s->rk);
        free(s);
        return rc;
    }
    s->queue = rd_kafka_queue_get_main(s->rk);
    io_kafka_wake_add(s->wake, s->queue);
    w->session = s;
    return 0;
}

/* ---- operations ----------------------------------------------------------------------------- */

rd_kafka_headers_t *io_writer_headers(const struct header *headers, size_t count)
{
    rd_kafka_headers_t *list = rd_kafka_headers_new(count);

    for (size_t i = 0; i < count; i++) {
        const struct header *h = &headers[i];
        if (rd_kafka_header_add(list, (const char *)h->name.ptr, (ssize_t)h->name.len, h->value.ptr,
                                (ssize_t)h->value.len) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_headers_destroy(list);
            return NULL;
        }
    }
    return list;
}

static int produce_code(const rd_kafka_error_t *error)
{
    switch (rd_kafka_error_code(error)) { /* of some two hundred, the ones produce gives */
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return ERR_BUSY;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return ERR_TOO_LARGE;
    default:
        return ERR_DELIVERY;
    }
}

int io_writer_produce(struct io_writer_client *c, const struct io_write *record)
{
    struct io_writer *w = c->writer;

    assert(!c->is_closed);
    if (c->is_failed)
        return ERR_DELIVERY;
    if (w->session == NULL && session_open(w) != 0)
        return ERR_BUSY;
    if (c->session != NULL && c->session != w->session)
        return ERR_DELIVERY;
    rd_kafka_headers_t *headers = io_writer_headers(record->headers, record->header_count);
    if (headers == NULL || !push_ticket(c, record->ticket)) {
        if (headers != NULL)
            rd_kafka_headers_destroy(headers);
        return ERR_BUSY;
    }
    const rd_kafka_vu_t vus[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = c->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = c->config.partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS,
         .u.i = record->value_heap != NULL ? RD_KAFKA_MSG_F_FREE : RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)record->key.ptr, record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)record->value.ptr, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->time_ms},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = c},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(w->session->rk, vus, sizeof(vus) / sizeof(vus[0]));
    if (error != NULL) {
        const int code = produce_code(error);
        rd_kafka_error_destroy(error);
        rd_kafka_headers_destroy(headers);
        c->ticket_count--;
        return code;
    }
    c->session = w->session;
    return 0;
}

size_t io_writer_under_way(const struct io_writer_client *c)
{
    return c->ticket_count;
}

/* ---- life cycle ----------------------------------------------------------------------------- */

struct io_writer_client *io_writer_client_open(struct io_writer *w,
                                               const struct io_writer_config *config)
{
    struct io_writer_client *c = calloc(1, sizeof(*c));

    assert(config->acked != NULL);
    assert(config->failed != NULL);
    if (c == NULL)
        return NULL;
    *c = (struct io_writer_client){.writer = w, .config = *config};
    c->topic = strdup(config->topic);
    if (c->topic == NULL) {
        free(c);
        return NULL;
    }
    c->config.topic = c->topic;
    c->next = w->first;
    w->first = c;
    return c;
}

void io_writer_client_close(struct io_writer_client *c)
{
    if (c == NULL)
        return;
    assert(!c->is_closed);
    c->is_closed = true;
    /* Reports that are still to come name it, as long as its producer lives. */
    if (c->session == NULL || c->ticket_count == 0)
        client_free(c);
}

int io_writer_open(const struct io_kafka_cluster *cluster, struct io_writer **out)
{
    struct io_writer *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return ERR_NO_MEMORY;
    w->cluster = *cluster;
    *out = w;
    return 0;
}

void io_writer_close(struct io_writer *w)
{
    if (w == NULL)
        return;
    w->is_closed = true;
    for (struct io_writer_client *c = w->first, *next; c != NULL; c = next) {
        next = c->next;
        assert(c->is_closed);
        free(c->tickets);
        free(c->topic);
        free(c);
    }
    w->first = NULL;
    if (w->session != NULL)
        session_end(w->session);
    else if (w->destroying == 0)
        free(w);
}
