/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_intake_kafka.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/io_kafka_writer.h"
#include "proto/err.h"

/* One producer's life: a new one after a fatal error. */
struct session {
    struct intake_kafka *owner;
    struct session *next;
    rd_kafka_t *rk;             /* owned */
    rd_kafka_queue_t *queue;    /* owned */
    struct io_kafka_wake *wake; /* owned */
    size_t under_way;
    bool is_ending;
};

struct intake_kafka {
    struct intake_kafka_config config;
    struct session *first;   /* owned: all */
    struct session *session; /* the present one; NULL until it is needed */
};

static void on_destroyed(void *data)
{
    free(data);
}

static void session_end(struct session *s, uv_loop_t *loop)
{
    for (struct session **at = &s->owner->first; *at != NULL; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    io_kafka_wake_remove(s->queue);
    rd_kafka_queue_destroy(s->queue);
    io_kafka_wake_close(s->wake);
    io_kafka_destroy_later(loop, s->rk, on_destroyed, s);
}

/* Nothing more of it is sent; the reports of what was under way are still to come. */
static void session_give_up(struct session *s)
{
    char why[256] = "";

    if (s->is_ending)
        return;
    const rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->rk, why, sizeof(why));
    io_log(s->owner->config.cluster.log, LOG_WARN, "the intake's producer has failed, a new one",
           "cluster=%s err=%s why=\"%s\"", s->owner->config.cluster.name, rd_kafka_err2name(err),
           why);
    s->is_ending = true;
    s->owner->session = NULL;
    (void)rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

static void take_reports(struct session *s, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *msg;

    while ((msg = rd_kafka_event_message_next(event)) != NULL) {
        assert(s->under_way > 0);
        s->under_way--;
        s->owner->config.settled(s->owner->config.data, msg->_private, io_kafka_code(msg->err));
    }
}

static void on_woken(void *data)
{
    struct session *s = data;
    uv_loop_t *loop = s->owner->config.cluster.loop;
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(s->queue, 0)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
            take_reports(s, event);
        else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR &&
                 rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL)
            session_give_up(s);
        else
            io_kafka_log_event(&s->owner->config.cluster, event);
        rd_kafka_event_destroy(event);
    }
    if (s->is_ending && s->under_way == 0)
        session_end(s, loop);
}

static int session_open(struct intake_kafka *k)
{
    char kbytes[16];
    char timeout[16];
    char largest[16];
    (void)snprintf(largest, sizeof(largest), "%d", IO_WRITER_RECORD_MAX);
    (void)snprintf(kbytes, sizeof(kbytes), "%d", INTAKE_KAFKA_QUEUE_KB);
    (void)snprintf(timeout, sizeof(timeout), "%u", k->config.timeout_ms);
    const struct io_kafka_setting settings[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"linger.ms", "5"},
        {"partitioner", "murmur2_random"}, /* as the Java client: a page keeps its partition */
        {"message.max.bytes", largest},    /* the topic's own limit is the broker's to check */
        {"queue.buffering.max.kbytes", kbytes},
        {"message.timeout.ms", timeout},
        {"topic.metadata.propagation.max.ms", "5000"},
        {NULL, NULL},
    };
    struct session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return ERR_NO_MEMORY;
    s->owner = k;
    int rc =
        io_kafka_new(&k->config.cluster, RD_KAFKA_PRODUCER, settings, RD_KAFKA_EVENT_DR, &s->rk);
    if (rc == 0)
        rc = io_kafka_wake_open(k->config.cluster.loop, on_woken, s, &s->wake);
    if (rc != 0) {
        if (s->rk != NULL)
            rd_kafka_destroy(s->rk);
        free(s);
        return rc;
    }
    s->queue = rd_kafka_queue_get_main(s->rk);
    io_kafka_wake_add(s->wake, s->queue);
    s->next = k->first;
    k->first = s;
    k->session = s;
    return 0;
}

static int produce_code(rd_kafka_resp_err_t err)
{
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return ERR_BUSY;
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? ERR_TOO_LARGE : ERR_DELIVERY;
}

int intake_kafka_produce(struct intake_kafka *k, const struct intake_record *record)
{
    const struct header trace = {SLICE_LIT("traceparent"), record->traceparent};
    int rc = k->session == NULL ? session_open(k) : 0;

    if (rc != 0)
        return rc;
    rd_kafka_headers_t *headers = io_writer_headers(&trace, trace.value.len > 0 ? 1 : 0);
    if (headers == NULL)
        return ERR_BUSY;
    const rd_kafka_vu_t vus[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)record->key.ptr, record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)record->value.ptr, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = record->ticket},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(k->session->rk, vus, sizeof(vus) / sizeof(vus[0]));
    if (error != NULL) {
        rc = produce_code(rd_kafka_error_code(error));
        rd_kafka_error_destroy(error);
        rd_kafka_headers_destroy(headers);
        return rc;
    }
    k->session->under_way++;
    return 0;
}

int intake_kafka_open(const struct intake_kafka_config *config, struct intake_kafka **out)
{
    struct intake_kafka *k = calloc(1, sizeof(*k));

    assert(config->settled != NULL);
    if (k == NULL)
        return ERR_NO_MEMORY;
    k->config = *config;
    const int rc = session_open(k);
    if (rc != 0) {
        free(k);
        return rc;
    }
    *out = k;
    return 0;
}

void intake_kafka_close(struct intake_kafka *k)
{
    if (k == NULL)
        return;
    while (k->first != NULL) {
        (void)rd_kafka_purge(k->first->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        session_end(k->first, k->config.cluster.loop);
    }
    free(k);
}
