/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_kafka_writer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/batch_size.h"
#include "node/io_kafka_gate.h"
#include "node/io_loop.h"
#include "proto/err.h"

/* What the clients that write to one partition share, as long as there is one of them. */
struct gate {
    struct io_gate gate;
    struct gate *next;
    char *topic; /* owned */
    uint32_t clients;
};

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
    struct session *knower;  /* whose `known` is; NULL: nobody's */
    rd_kafka_topic_t *known; /* owned: see io_kafka_know */
    struct io_writer_config config;
    struct gate *gate; /* held */
    uint64_t *tickets; /* owned ring, oldest first */
    size_t ticket_room;
    size_t ticket_first;
    size_t ticket_count;
    bool is_closed;
    bool is_failed;
};

struct io_writer {
    struct io_kafka_cluster cluster;
    uint64_t queue_bytes;
    struct session *session; /* the present one; NULL until it is needed */
    struct io_writer_client *first;
    struct gate *gates;  /* owned */
    struct io_pool pool; /* of what waits at the gates */
    uv_prepare_t
        *prepare; /* owned; freed when closed. Runs before the loop waits: see open_gates */
    size_t bytes; /* of records that wait or are under way */
    size_t destroying;
    bool is_single;
    bool is_closed;
};

#define TICKETS_AT_FIRST 64

static void on_prepare(uv_prepare_t *prepare);

/* ---- gates ---------------------------------------------------------------------------------- */

/* NULL without memory. */
static struct gate *gate_hold(struct io_writer *w, const char *topic, int32_t partition)
{
    for (struct gate *g = w->gates; g != NULL; g = g->next)
        if (g->gate.partition == partition && strcmp(g->topic, topic) == 0) {
            g->clients++;
            return g;
        }
    struct gate *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    g->topic = strdup(topic);
    if (g->topic == NULL) {
        free(g);
        return NULL;
    }
    g->gate = (struct io_gate){.topic = g->topic, .partition = partition};
    g->clients = 1;
    g->next = w->gates;
    w->gates = g;
    return g;
}

static void gate_release(struct io_writer *w, struct gate *g)
{
    g->clients--;
    if (g->clients > 0)
        return;
    for (struct gate **at = &w->gates; *at != NULL; at = &(*at)->next)
        if (*at == g) {
            *at = g->next;
            break;
        }
    io_gate_clear(&g->gate, &w->pool);
    free(g->topic);
    free(g);
}

/* The gates are opened when the loop has nothing more to do at once: what came until then goes
 * together. */
static void open_later(struct io_writer *w, const struct gate *g)
{
    if (io_gate_is_open(&g->gate))
        (void)uv_prepare_start(w->prepare, on_prepare); /* cannot fail with a callback */
}

/* ---- clients -------------------------------------------------------------------------------- */

static void forget(struct io_writer_client *c)
{
    if (c->knower != NULL)
        rd_kafka_topic_destroy(c->known);
    c->knower = NULL;
    c->known = NULL;
}

static void client_free(struct io_writer_client *c)
{
    forget(c);
    for (struct io_writer_client **at = &c->writer->first; *at != NULL; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    gate_release(c->writer, c->gate);
    free(c->tickets);
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
    for (struct io_writer_client *c = s->writer->first; c != NULL; c = c->next)
        if (c->knower == s)
            forget(c);
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
    if (w->session == s) {
        w->session = NULL;
        w->bytes = 0;
        for (struct gate *g = w->gates; g != NULL; g = g->next)
            io_gate_clear(&g->gate, &w->pool); /* whose clients are told below */
    }
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
    io_gate_reported(&c->gate->gate);
    s->writer->bytes -= msg->len + msg->key_len;
    open_later(s->writer, c->gate);
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
    char kbytes[24];
    char timeout[16];
    char largest[16];
    char batch[16];
    (void)snprintf(largest, sizeof(largest), "%d", IO_WRITER_RECORD_MAX);
    (void)snprintf(batch, sizeof(batch), "%d", IO_WRITER_BATCH_MAX);
    (void)snprintf(kbytes, sizeof(kbytes), "%llu", /* ours is the limit */
                   (unsigned long long)(2 * w->queue_bytes + IO_WRITER_RECORD_MAX) / 1024);
    (void)snprintf(timeout, sizeof(timeout), "%d", IO_WRITER_TIMEOUT_MS);
    const struct io_kafka_setting settings[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"linger.ms", "1"},                 /* the gates have gathered what goes together */
        {"message.copy.max.bytes", "4096"}, /* larger values are sent from where they lie */
        {"message.max.bytes", largest},
        {"batch.size", batch},
        {"batch.num.messages", w->is_single ? "1" : "10000"},
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

static bool is_above_limit(const struct io_writer_client *c, const struct io_write *r)
{
    return c->config.limit > 0 &&
           batch_size(r->key, r->value, r->headers, r->header_count) > (size_t)c->config.limit;
}

int io_writer_produce(struct io_writer_client *c, const struct io_write *record)
{
    struct io_writer *w = c->writer;
    const size_t bytes = record->key.len + record->value.len; /* as its report will say */

    assert(!c->is_closed);
    if (c->is_failed)
        return ERR_DELIVERY;
    if (io_gate_bytes(record) > IO_WRITER_RECORD_MAX || is_above_limit(c, record))
        return ERR_TOO_LARGE;
    if (w->session == NULL && session_open(w) != 0)
        return ERR_BUSY;
    if (c->session != NULL && c->session != w->session)
        return ERR_DELIVERY;
    if (w->bytes > 0 && w->bytes + bytes > w->queue_bytes)
        return ERR_BUSY;
    if (!push_ticket(c, record->ticket))
        return ERR_BUSY;
    if (io_gate_add(&c->gate->gate, &w->pool, record, c) != 0) {
        c->ticket_count--;
        return ERR_BUSY;
    }
    w->bytes += bytes;
    c->session = w->session;
    open_later(w, c->gate);
    return 0;
}

static void open_gates(struct io_writer *w)
{
    for (struct gate *g = w->gates; g != NULL; g = g->next) {
        void *culprit = NULL;
        if (!io_gate_is_open(&g->gate))
            continue;
        const rd_kafka_resp_err_t err =
            io_gate_hand_over(&g->gate, &w->pool, w->session->rk, &culprit);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) /* again when the loop comes round */
            (void)uv_prepare_start(w->prepare, on_prepare);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            continue;
        w->session->culprit = culprit;
        session_fail(w->session,
                     err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? ERR_TOO_LARGE : ERR_DELIVERY,
                     rd_kafka_err2str(err));
        return; /* what waited is forgotten */
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    (void)uv_prepare_stop(prepare); /* never fails */
    open_gates(prepare->data);
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
    c->gate = gate_hold(w, config->topic, config->partition);
    if (c->gate == NULL) {
        free(c);
        return NULL;
    }
    c->config.topic = c->gate->topic;
    c->next = w->first;
    w->first = c;
    /* A producer takes half a second until it may write: let that pass while the client finds out where
     * it goes on. If there is none now, the first record tries again. */
    if (w->session == NULL && session_open(w) != 0)
        return c;
    c->knower = w->session;
    c->known = io_kafka_know(w->session->rk, c->config.topic);
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

int io_writer_open(const struct io_kafka_cluster *cluster, uint64_t queue_bytes, bool is_single,
                   struct io_writer **out)
{
    struct io_writer *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return ERR_NO_MEMORY;
    w->cluster = *cluster;
    w->is_single = is_single;
    w->prepare = calloc(1, sizeof(*w->prepare));
    if (w->prepare == NULL) {
        free(w);
        return ERR_NO_MEMORY;
    }
    (void)uv_prepare_init(cluster->loop, w->prepare); /* never fails */
    w->prepare->data = w;
    w->queue_bytes = queue_bytes;
    *out = w;
    return 0;
}

static void on_prepare_closed(uv_handle_t *handle)
{
    free(handle);
}

void io_writer_close(struct io_writer *w)
{
    if (w == NULL)
        return;
    w->is_closed = true;
    for (struct io_writer_client *c = w->first, *next; c != NULL; c = next) {
        next = c->next;
        assert(c->is_closed);
        client_free(c);
    }
    assert(w->gates == NULL);
    io_pool_deinit(&w->pool, NULL);
    uv_close((uv_handle_t *)w->prepare, on_prepare_closed);
    if (w->session != NULL)
        session_end(w->session);
    else if (w->destroying == 0)
        free(w);
}
