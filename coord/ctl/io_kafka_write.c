/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_kafka_write.h"

#include <inttypes.h>
#include <stdlib.h>

#include "coord/ctl/io_kafka.h"

enum {
    QUEUE_FULL_WAIT_MS = 100,
    QUEUE_FULL_WAITS_MAX = 600,
    FLUSH_MS_MAX = 60000
};

struct kafka_writer {
    struct session *session; /* borrowed */
    rd_kafka_t *rk;          /* owned */
    uint64_t acked;
    uint64_t failed;
    rd_kafka_resp_err_t err; /* of the first that failed */
};

/* Thread: this one, inside poll and flush. */
static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_writer *w = opaque;

    (void)rk;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        w->acked++;
        return;
    }
    if (w->failed == 0)
        w->err = message->err;
    w->failed++;
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    return rd_kafka_conf_set(conf, name, value, NULL, 0) == RD_KAFKA_CONF_OK;
}

int kafka_write_open(struct session *s, const char *bootstrap, struct kafka_writer **out)
{
    struct kafka_writer *w = arena_calloc(&s->arena, 1, sizeof(*w));
    rd_kafka_conf_t *conf = w == NULL ? NULL : kafka_conf(s, bootstrap);
    char why[256] = "out of memory";

    if (conf == NULL)
        return EXIT_REFUSED;
    w->session = s;
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    rd_kafka_conf_set_opaque(conf, w);
    if (set(conf, "enable.idempotence", "true") && set(conf, "acks", "all") &&
        set(conf, "message.timeout.ms", "30000") && set(conf, "message.max.bytes", "300000000"))
        w->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (w->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        output_error(&s->output, "cannot write to Kafka at %s: %s", bootstrap, why);
        return EXIT_REFUSED;
    }
    *out = w;
    return 0;
}

static rd_kafka_headers_t *headers_of(const struct kafka_write *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);

    for (size_t i = 0; headers != NULL && i < record->header_count; i++) {
        const struct header *h = &record->headers[i];
        (void)rd_kafka_header_add(headers, (const char *)h->name.ptr, (ssize_t)h->name.len,
                                  h->value.ptr,
                                  (ssize_t)h->value.len); /* only fails if read-only */
    }
    return headers;
}

static rd_kafka_resp_err_t produce(struct kafka_writer *w, const struct kafka_write *record)
{
    rd_kafka_headers_t *headers = headers_of(record);

    if (headers == NULL)
        return RD_KAFKA_RESP_ERR__FAIL;
    const rd_kafka_resp_err_t err =
        rd_kafka_producev(w->rk, RD_KAFKA_V_TOPIC(record->topic), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY((void *)(uintptr_t)record->key.ptr, record->key.len),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)record->value.ptr, record->value.len),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_headers_destroy(headers);
    return err;
}

int kafka_write(struct kafka_writer *w, const struct kafka_write *record)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__QUEUE_FULL;

    for (int i = 0; err == RD_KAFKA_RESP_ERR__QUEUE_FULL && i < QUEUE_FULL_WAITS_MAX; i++) {
        err = produce(w, record);
        (void)rd_kafka_poll(w->rk, err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? QUEUE_FULL_WAIT_MS : 0);
    }
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && w->failed == 0)
        return 0;
    output_error(&w->session->output, "cannot write to %s: %s", record->topic,
                 rd_kafka_err2str(w->failed > 0 ? w->err : err));
    return EXIT_REFUSED;
}

int kafka_write_end(struct kafka_writer *w, uint64_t *out_acked)
{
    if (w == NULL || w->rk == NULL)
        return 0;
    const rd_kafka_resp_err_t err = rd_kafka_flush(w->rk, FLUSH_MS_MAX);
    const bool is_whole = err == RD_KAFKA_RESP_ERR_NO_ERROR && w->failed == 0;

    *out_acked = w->acked;
    if (!is_whole) {
        output_error(&w->session->output, "not all was written, only %" PRIu64 " records: %s",
                     w->acked, rd_kafka_err2str(w->failed > 0 ? w->err : err));
    }
    rd_kafka_destroy(w->rk);
    w->rk = NULL;
    return is_whole ? 0 : EXIT_REFUSED;
}
