/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_kafka_put.h"

#include "coord/ctl/io_kafka.h"

enum {
    PUT_TIMEOUT_MS = 30000
};

struct kafka_writer {
    struct session *session; /* borrowed */
    const char *bootstrap;   /* borrowed */
    rd_kafka_t *rk;          /* owned */
    /* Of the record under way. */
    bool is_done;
    rd_kafka_resp_err_t err;
    rd_kafka_msg_status_t status;
};

/* Thread: ours, inside rd_kafka_poll. */
static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_writer *w = opaque;

    (void)rk;
    w->is_done = true;
    w->err = message->err;
    w->status = rd_kafka_message_status(message);
}

int kafka_writer_open(struct session *s, const char *bootstrap, struct kafka_writer **out)
{
    static const char *const PROPERTIES[][2] = {{"enable.idempotence", "true"},
                                                {"message.timeout.ms", "20000"},
                                                {"linger.ms", "0"},
                                                {"message.max.bytes", "64000000"}};
    struct kafka_writer *w = arena_calloc(&s->arena, 1, sizeof(*w));
    rd_kafka_conf_t *conf = w == NULL ? NULL : kafka_conf(s, bootstrap);
    char why[256] = "";

    if (conf == NULL)
        return EXIT_CONFIG;
    *w = (struct kafka_writer){.session = s, .bootstrap = bootstrap};
    for (size_t i = 0; i < sizeof(PROPERTIES) / sizeof(PROPERTIES[0]); i++) {
        /* Names and values are ours: cannot fail. */
        (void)rd_kafka_conf_set(conf, PROPERTIES[i][0], PROPERTIES[i][1], why, sizeof(why));
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    rd_kafka_conf_set_opaque(conf, w);
    w->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (w->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        output_error(&s->output, "cannot use the Kafka at %s: %s", bootstrap, why);
        return EXIT_CONFIG;
    }
    *out = w;
    return 0;
}

void kafka_writer_close(struct kafka_writer *w)
{
    if (w != NULL)
        rd_kafka_destroy(w->rk);
}

static rd_kafka_headers_t *headers_of(const struct audit_raw *raw)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(raw->header_count);

    for (size_t i = 0; headers != NULL && i < raw->header_count; i++) {
        const struct header *h = &raw->headers[i];

        /* Fails only for want of memory, where librdkafka ends the process. */
        (void)rd_kafka_header_add(headers, (const char *)h->name.ptr, (ssize_t)h->name.len,
                                  h->value.ptr, (ssize_t)h->value.len);
    }
    return headers;
}

static int produce(struct kafka_writer *w, const char *topic, const struct audit_raw *raw)
{
    rd_kafka_headers_t *headers = headers_of(raw);
    rd_kafka_resp_err_t err = rd_kafka_producev(
        w->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(raw->key.ptr, raw->key.len),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)raw->value.ptr, raw->value.len),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);

    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    rd_kafka_headers_destroy(headers);
    output_error(&w->session->output, "cannot write to %s at %s: %s", topic, w->bootstrap,
                 rd_kafka_err2str(err));
    return EXIT_REFUSED;
}

int kafka_put(struct kafka_writer *w, const char *topic, const struct audit_raw *raw)
{
    int64_t deadline_ms = session_now_ms() + PUT_TIMEOUT_MS;
    int rc = 0;

    w->is_done = false;
    rc = produce(w, topic, raw);
    if (rc != 0)
        return rc;
    while (!w->is_done && session_now_ms() < deadline_ms)
        (void)rd_kafka_poll(w->rk, 100);
    if (w->is_done && w->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    output_error(&w->session->output, "cannot write to %s at %s: %s", topic, w->bootstrap,
                 w->is_done ? rd_kafka_err2str(w->err) : "no answer in time");
    return w->is_done && w->status == RD_KAFKA_MSG_STATUS_NOT_PERSISTED ? EXIT_REFUSED
                                                                        : EXIT_UNKNOWN;
}
