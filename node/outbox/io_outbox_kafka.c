/* SPDX-License-Identifier: Apache-2.0 */
#include "node/outbox/io_outbox_kafka.h"

#include <assert.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/outbox/io_outbox_log.h"
#include "proto/err.h"

enum {
    TOPIC_BYTES_MAX = 256,
    CLOSE_MS_MAX = 2000,
};

struct outbox_kafka {
    rd_kafka_t *rk; /* owned */
    char topic[TOPIC_BYTES_MAX];
    bool is_closing;
    bool has_failed;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct outbox_kafka *k = opaque;
    const struct shipment_place *place = message->_private;
    bool is_acked = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;

    (void)rk;
    if (!is_acked && !k->is_closing) {
        k->has_failed = true;
        outbox_log("error",
                   "msg=\"Kafka did not take a record of '%s', going back to it\" err=\"%s\"",
                   k->topic, rd_kafka_err2str(message->err));
    }
    shipment_answer(place->shipment, place->index, is_acked);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct outbox_kafka *k = opaque;

    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__FATAL)
        k->has_failed = true;
    outbox_log("warn", "msg=\"trouble with Kafka\" err=%s reason=\"%s\"",
               rd_kafka_err2name((rd_kafka_resp_err_t)err), reason);
}

/* Thread: librdkafka's; only writes a line. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *line)
{
    (void)rk;
    /* That enable.gapless.guarantee is experimental, at every start. */
    if (strcmp(facility, "CONFWARN") == 0 && strstr(line, "gapless") != NULL)
        return;
    outbox_log(level <= 3   ? "error"
               : level <= 5 ? "warn"
                            : "info",
               "msg=\"librdkafka says\" facility=%s text=\"%s\"", facility, line);
}

static int set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char message[256];

    if (rd_kafka_conf_set(conf, name, value, message, sizeof(message)) == RD_KAFKA_CONF_OK)
        return 0;
    outbox_log("error", "msg=\"librdkafka does not take '%s=%s'\" err=\"%s\"", name, value,
               message);
    return ERR_CONFIG;
}

static int configure(rd_kafka_conf_t *conf, const struct outbox_options *o)
{
    static const struct kafka_option FIXED[] = {
        {"enable.idempotence", "true"}, {"enable.gapless.guarantee", "true"},
        {"message.timeout.ms", "0"}, /* never given up by the client: rows wait for Kafka */
        {"partitioner", "murmur2"},  /* as the Java client: a page keeps its partition */
        {"compression.type", "lz4"},    {"linger.ms", "2"},
        {"client.id", "braid-outbox"},
    };
    int rc = set(conf, "bootstrap.servers", o->kafka);

    for (size_t i = 0; i < o->kafka_option_count && rc == 0; i++)
        rc = set(conf, o->kafka_options[i].name, o->kafka_options[i].value);
    /* Last, so that no option can undo them. */
    for (size_t i = 0; i < sizeof(FIXED) / sizeof(FIXED[0]) && rc == 0; i++)
        rc = set(conf, FIXED[i].name, FIXED[i].value);
    return rc;
}

int outbox_kafka_new(const struct outbox_options *o, struct outbox_kafka **out)
{
    struct outbox_kafka *k = calloc(1, sizeof(*k));
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc;

    if (k == NULL) {
        rd_kafka_conf_destroy(conf);
        return ERR_NO_MEMORY;
    }
    (void)snprintf(k->topic, sizeof(k->topic), "%s.%s", o->dc, o->stream);
    rc = configure(conf, o);
    if (rc == 0) {
        char message[256];

        rd_kafka_conf_set_opaque(conf, k);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        rd_kafka_conf_set_error_cb(conf, on_error);
        rd_kafka_conf_set_log_cb(conf, on_log);
        k->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof(message));
        if (k->rk == NULL) {
            outbox_log("error", "msg=\"cannot make a producer\" err=\"%s\"", message);
            rc = ERR_CONFIG;
        }
    }
    if (rc != 0) {
        /* librdkafka owns the configuration only once there is a producer. */
        rd_kafka_conf_destroy(conf);
        free(k);
        return rc;
    }
    *out = k;
    return 0;
}

void outbox_kafka_free(struct outbox_kafka *k)
{
    if (k == NULL)
        return;
    k->is_closing = true;
    (void)rd_kafka_purge(k->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(k->rk, CLOSE_MS_MAX);
    rd_kafka_destroy(k->rk);
    free(k);
}

int outbox_kafka_check_topic(struct outbox_kafka *k, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(k->rk, k->topic, NULL);
    rd_kafka_resp_err_t err;
    int rc = 0;

    if (topic == NULL)
        return ERR_NO_MEMORY;
    err = rd_kafka_metadata(k->rk, 0, topic, &metadata, timeout_ms);
    rd_kafka_topic_destroy(topic);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        outbox_log("warn", "msg=\"cannot reach Kafka, trying again\" err=\"%s\"",
                   rd_kafka_err2str(err));
        return ERR_UNAVAILABLE;
    }
    if (metadata->topic_cnt != 1 || metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        outbox_log("warn", "msg=\"topic '%s' is not there yet, trying again\"", k->topic);
        rc = ERR_NOT_FOUND;
    }
    rd_kafka_metadata_destroy(metadata);
    return rc;
}

/* 0; ERR_BUSY (the queue is full); ERR_DELIVERY. */
static int send_row(struct outbox_kafka *k, struct shipment *s, size_t index, struct slice wiki_id)
{
    const struct outbox_row *row = &s->rows[index];
    uint8_t key_bytes[SHIPMENT_KEY_BYTES_MAX];
    struct slice key = shipment_key(wiki_id, row->page_id, key_bytes);
    rd_kafka_resp_err_t err;

    assert(key.ptr != NULL);
    err = rd_kafka_producev(k->rk, RD_KAFKA_V_TOPIC(k->topic),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_KEY(key.ptr, key.len),
                            RD_KAFKA_V_VALUE((void *)(uintptr_t)row->event.ptr, row->event.len),
                            RD_KAFKA_V_TIMESTAMP(row->created_ms),
                            RD_KAFKA_V_OPAQUE(&s->places[index]), RD_KAFKA_V_END);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return ERR_BUSY;
    outbox_log("error", "msg=\"cannot send row %lld, beginning anew\" err=\"%s\"",
               (long long)row->id, rd_kafka_err2str(err));
    return ERR_DELIVERY;
}

int outbox_kafka_send(struct outbox_kafka *k, struct shipment *s, size_t from, struct slice wiki_id,
                      size_t *out_sent)
{
    size_t sent = from;
    int rc = 0;

    while (sent < s->count && rc == 0) {
        rc = send_row(k, s, sent, wiki_id);
        if (rc == 0)
            sent++;
    }
    *out_sent = sent;
    return rc == ERR_BUSY ? 0 : rc;
}

int outbox_kafka_poll(struct outbox_kafka *k, int wait_ms)
{
    (void)rd_kafka_poll(k->rk, wait_ms);
    return k->has_failed ? ERR_DELIVERY : 0;
}
