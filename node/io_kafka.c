/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_kafka.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/io_loop.h"
#include "proto/err.h"

#define RECORD_OVERHEAD 256 /* librdkafka's own per message, about */

int io_kafka_check_version(struct io_log *log)
{
    const int version = rd_kafka_version();

    if (version < IO_KAFKA_VERSION_MIN) {
        io_log(log, LOG_ERROR, "librdkafka is too old, it can lose records", "version=%s min=2.3.0",
               rd_kafka_version_str());
        return ERR_UNSUPPORTED;
    }
    if (version < IO_KAFKA_VERSION_WARN)
        io_log(log, LOG_WARN, "librdkafka is old: slow after a broker's death", "version=%s",
               rd_kafka_version_str());
    return 0;
}

/* ---- instances ------------------------------------------------------------------------------ */

/* False if librdkafka does not know the setting or its value. */
static bool set(const struct io_kafka_cluster *cluster, rd_kafka_conf_t *conf, const char *key,
                const char *value)
{
    char text[256];

    if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return true;
    io_log(cluster->log, LOG_ERROR, "librdkafka refuses a setting", "key=%s why=\"%s\"", key, text);
    return false;
}

rd_kafka_conf_t *io_kafka_conf(const struct io_kafka_cluster *cluster,
                               const struct io_kafka_setting *settings, int events)
{
    const struct io_kafka_setting common[] = {
        {"bootstrap.servers", cluster->bootstrap},
        {"client.id", cluster->name},
        {"log.queue", "true"},
        {"log.connection.close", "false"},
        {"socket.nagle.disable", "true"},
        {"socket.keepalive.enable", "true"},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "2000"},
        {"socket.connection.setup.timeout.ms", "5000"},
        {"topic.metadata.refresh.interval.ms", "30000"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    for (const struct io_kafka_setting *s = common; s->key != NULL; s++)
        if (!set(cluster, conf, s->key, s->value))
            goto out;
    /* Figures for brokers that ask for them: eight histograms a connection, 100 KB. */
    if (rd_kafka_version() >= IO_KAFKA_VERSION_PUSH &&
        !set(cluster, conf, "enable.metrics.push", "false"))
        goto out;
    for (const struct io_kafka_setting *s = settings; s != NULL && s->key != NULL; s++)
        if (!set(cluster, conf, s->key, s->value))
            goto out;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_ERROR | events);
    return conf;
out: /* refused */
    rd_kafka_conf_destroy(conf);
    return NULL;
}

int io_kafka_new_from(const struct io_kafka_cluster *cluster, rd_kafka_type_t type,
                      rd_kafka_conf_t *conf, rd_kafka_t **out)
{
    char text[256];

    if (conf == NULL)
        return ERR_CONFIG;
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof(text));
    if (rk == NULL) {
        io_log(cluster->log, LOG_ERROR, "cannot make a Kafka client", "cluster=%s why=\"%s\"",
               cluster->name, text);
        rd_kafka_conf_destroy(conf);
        return ERR_CONFIG;
    }
    /* Its log comes through the main queue too. */
    if (rd_kafka_set_log_queue(rk, NULL) != RD_KAFKA_RESP_ERR_NO_ERROR)
        io_log(cluster->log, LOG_WARN, "librdkafka's log is lost", "cluster=%s", cluster->name);
    *out = rk;
    return 0;
}

int io_kafka_new(const struct io_kafka_cluster *cluster, rd_kafka_type_t type,
                 const struct io_kafka_setting *settings, int events, rd_kafka_t **out)
{
    return io_kafka_new_from(cluster, type, io_kafka_conf(cluster, settings, events), out);
}

rd_kafka_topic_t *io_kafka_know(rd_kafka_t *rk, const char *topic)
{
    rd_kafka_topic_t *known = rd_kafka_topic_new(rk, topic, NULL);

    assert(known != NULL); /* the name is one of ours, and the settings are the instance's */
    return known;
}

struct destroy {
    struct io_work work;
    rd_kafka_t *rk;           /* owned */
    void (*done)(void *data); /* may be NULL */
    void *data;
};

/* Thread: libuv's pool. */
static void destroy_run(void *data)
{
    struct destroy *d = data;

    /* Without the flag a consumer would close itself first, which needs its group's coordinator. */
    rd_kafka_destroy_flags(d->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void destroy_done(void *data)
{
    struct destroy *d = data;

    if (d->done != NULL)
        d->done(d->data);
    free(d);
}

void io_kafka_destroy_later(uv_loop_t *loop, rd_kafka_t *rk, void (*done)(void *data), void *data)
{
    struct destroy *d = calloc(1, sizeof(*d));

    assert(d != NULL); /* 200 bytes; without them the process is lost anyway */
    *d = (struct destroy){.rk = rk, .done = done, .data = data};
    d->work = (struct io_work){.run = destroy_run, .done = destroy_done, .data = d};
    const int rc = io_work_run(loop, &d->work);
    assert(rc == 0); /* only fails without a work function */
    (void)rc;
}

/* ---- wake ----------------------------------------------------------------------------------- */

struct io_kafka_wake {
    uv_poll_t poll;
    int fd; /* owned; an eventfd */
    void (*woken)(void *data);
    void *data;
};

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct io_kafka_wake *w = poll->data;
    uint64_t count;

    (void)events;
    if (status < 0)
        return;
    /* Empty it first: what comes after this read wakes us again. */
    const ssize_t got = read(w->fd, &count, sizeof(count));
    (void)got; /* EAGAIN: another wake-up has emptied it */
    w->woken(w->data);
}

int io_kafka_wake_open(uv_loop_t *loop, void (*woken)(void *data), void *data,
                       struct io_kafka_wake **out)
{
    struct io_kafka_wake *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return ERR_NO_MEMORY;
    w->woken = woken;
    w->data = data;
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->fd < 0 || uv_poll_init(loop, &w->poll, w->fd) != 0) {
        if (w->fd >= 0)
            (void)close(w->fd);
        free(w);
        return ERR_IO;
    }
    w->poll.data = w;
    (void)uv_poll_start(&w->poll, UV_READABLE, on_readable); /* cannot fail on a fresh handle */
    *out = w;
    return 0;
}

void io_kafka_wake_add(struct io_kafka_wake *w, rd_kafka_queue_t *queue)
{
    const uint64_t one = 1; /* copied by librdkafka */

    rd_kafka_queue_io_event_enable(queue, w->fd, &one, sizeof(one));
}

void io_kafka_wake_remove(rd_kafka_queue_t *queue)
{
    rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct io_kafka_wake *w = handle->data;

    (void)close(w->fd);
    free(w);
}

void io_kafka_wake_close(struct io_kafka_wake *w)
{
    if (w == NULL)
        return;
    (void)uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_wake_closed);
}

/* ---- events and errors ---------------------------------------------------------------------- */

void io_kafka_log_event(const struct io_kafka_cluster *cluster, rd_kafka_event_t *event)
{
    const char *facility = "";
    const char *text = "";
    int level = 7;

    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
        io_log_seldom(cluster->log, cluster->name, LOG_WARN, "Kafka client reports an error",
                      "cluster=%s err=%s why=\"%s\"", cluster->name,
                      rd_kafka_err2name(rd_kafka_event_error(event)),
                      rd_kafka_event_error_string(event));
        return;
    }
    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_LOG ||
        rd_kafka_event_log(event, &facility, &text, &level) != 0)
        return;
    io_log_about(cluster->log, cluster, level <= 2 ? LOG_WARN : LOG_DEBUG, "Kafka client says",
                 "cluster=%s about=%s what=\"%.300s\"", cluster->name, facility, text);
}

int io_kafka_code(rd_kafka_resp_err_t err)
{
    switch (err) { /* of some two hundred, those that mean something to a caller */
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return 0;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
        return ERR_TIMEOUT;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return ERR_BUSY;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return ERR_TOO_LARGE;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
        return ERR_FENCED;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__LOG_TRUNCATION:
        return ERR_CONFLICT;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return ERR_REFUSED;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return ERR_NOT_FOUND;
    default:
        return ERR_UNAVAILABLE;
    }
}

/* ---- records -------------------------------------------------------------------------------- */

size_t io_kafka_headers(void *handle, struct header out[IO_KAFKA_HEADERS_MAX])
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;
    size_t count = 0;

    if (rd_kafka_message_headers(handle, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0; /* none, or not readable: the record is then foreign */
    while (count < IO_KAFKA_HEADERS_MAX &&
           rd_kafka_header_get_all(headers, count, &name, &value, &size) ==
               RD_KAFKA_RESP_ERR_NO_ERROR) {
        out[count].name = slice_str(name);
        out[count].value = slice_of(value, size);
        count++;
    }
    return count;
}

static struct slice bytes_of(const void *ptr, size_t len)
{
    return slice_of(ptr, ptr == NULL ? 0 : len);
}

void io_kafka_record(rd_kafka_message_t *msg, bool with_hash, struct record *out)
{
    struct header headers[IO_KAFKA_HEADERS_MAX];
    const size_t count = io_kafka_headers(msg, headers);
    rd_kafka_timestamp_type_t type;
    size_t header_bytes = 0;

    *out = (struct record){.log_offset = msg->offset,
                           .leader_epoch = rd_kafka_message_leader_epoch(msg),
                           .handle = msg};
    out->log_time_ms = rd_kafka_message_timestamp(msg, &type);
    out->key = bytes_of(msg->key, msg->key_len);
    out->value = bytes_of(msg->payload, msg->len);
    headers_parse(headers, count, &out->braid);
    for (size_t i = 0; i < count; i++)
        header_bytes += headers[i].name.len + headers[i].value.len + 48;
    out->bytes = (uint32_t)(msg->len + msg->key_len + header_bytes + RECORD_OVERHEAD);
    if (with_hash)
        out->content_hash = record_content_hash(out, headers, count);
}

void io_kafka_release(void *handle)
{
    if (handle != NULL)
        rd_kafka_message_destroy(handle);
}
