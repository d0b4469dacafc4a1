/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_kafka.h"

#include <stdlib.h>
#include <string.h>

struct kafka_reader {
    struct session *session;                 /* borrowed */
    rd_kafka_t *rk;                          /* owned */
    const char *bootstrap;                   /* borrowed */
    rd_kafka_topic_partition_list_t *wanted; /* owned */
    rd_kafka_message_t *message;             /* owned; the last one given out */
};

/* Without this librdkafka writes to standard error by itself. */
static void drop_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static bool set(struct session *s, rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char why[256];

    if (rd_kafka_conf_set(conf, key, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return true;
    output_error(&s->output, "kafka_properties: %s", why);
    return false;
}

rd_kafka_conf_t *kafka_conf(struct session *s, const char *bootstrap)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const struct key_pairs *properties = &s->config.kafka_properties;
    bool is_good = conf != NULL && set(s, conf, "bootstrap.servers", bootstrap) &&
                   set(s, conf, "client.id", "braidctl") &&
                   set(s, conf, "socket.timeout.ms", "10000") &&
                   set(s, conf, "broker.address.family", "any");

    for (size_t i = 0; is_good && i < properties->count; i++) {
        is_good = set(s, conf, arena_strdup(&s->arena, properties->items[i].name),
                      arena_strdup(&s->arena, properties->items[i].value));
    }
    if (!is_good) {
        if (conf != NULL)
            rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_log_cb(conf, drop_log);
    return conf;
}

static int failed(struct kafka_reader *r, const char *doing, rd_kafka_resp_err_t err)
{
    output_error(&r->session->output, "%s at %s: %s", doing, r->bootstrap, rd_kafka_err2str(err));
    return EXIT_REFUSED;
}

/* ---- opening ---------------------------------------------------------------------------------- */

int kafka_open(struct session *s, const char *bootstrap, bool is_committed,
               struct kafka_reader **out)
{
    struct kafka_reader *r = arena_calloc(&s->arena, 1, sizeof(*r));
    rd_kafka_conf_t *conf = r == NULL ? NULL : kafka_conf(s, bootstrap);
    char why[256];

    if (conf == NULL)
        return EXIT_CONFIG;
    if (!set(s, conf, "group.id", "braidctl") || !set(s, conf, "enable.auto.commit", "false") ||
        !set(s, conf, "enable.partition.eof", "true") ||
        !set(s, conf, "auto.offset.reset", "error") ||
        !set(s, conf, "isolation.level", is_committed ? "read_committed" : "read_uncommitted") ||
        !set(s, conf, "fetch.wait.max.ms", "50") || !set(s, conf, "fetch.queue.backoff.ms", "10") ||
        !set(s, conf, "queued.max.messages.kbytes", "16384")) {
        rd_kafka_conf_destroy(conf);
        return EXIT_CONFIG;
    }
    r->session = s;
    r->bootstrap = bootstrap;
    r->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (r->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        output_error(&s->output, "cannot use the Kafka at %s: %s", bootstrap, why);
        return EXIT_CONFIG;
    }
    (void)rd_kafka_poll_set_consumer(r->rk); /* fails only without a group */
    r->wanted = rd_kafka_topic_partition_list_new(8);
    *out = r;
    return 0;
}

static void drop_message(struct kafka_reader *r)
{
    if (r->message != NULL)
        rd_kafka_message_destroy(r->message);
    r->message = NULL;
}

void kafka_close(struct kafka_reader *r)
{
    if (r == NULL)
        return;
    drop_message(r);
    rd_kafka_topic_partition_list_destroy(r->wanted);
    (void)rd_kafka_assign(r->rk, NULL); /* about to go anyway */
    rd_kafka_destroy_flags(r->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

/* ---- questions -------------------------------------------------------------------------------- */

int kafka_partitions(struct kafka_reader *r, const char *topic)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(r->rk, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__INVALID_ARG;
    int count = -1;

    if (handle != NULL)
        err = rd_kafka_metadata(r->rk, 0, handle, &metadata, KAFKA_TIMEOUT_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)failed(r, text_format(&r->session->arena, "cannot look at topic %s", topic), err);
    } else if (metadata->topic_cnt == 1) {
        err = metadata->topics[0].err;
        count = err == RD_KAFKA_RESP_ERR_NO_ERROR ? metadata->topics[0].partition_cnt : 0;
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            (void)failed(r, topic, err);
            count = -1;
        }
    }
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    if (handle != NULL)
        rd_kafka_topic_destroy(handle);
    return count;
}

bool kafka_bounds(struct kafka_reader *r, const char *topic, int32_t partition, int64_t *out_first,
                  int64_t *out_end)
{
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(r->rk, topic, partition, out_first,
                                                               out_end, KAFKA_TIMEOUT_MS);

    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    (void)failed(r, text_format(&r->session->arena, "cannot ask for the offsets of %s", topic),
                 err);
    return false;
}

bool kafka_offset_at(struct kafka_reader *r, const char *topic, int32_t partition, int64_t ms,
                     int64_t *out)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    int64_t first = 0;
    int64_t end = 0;

    p->offset = ms;
    err = rd_kafka_offsets_for_times(r->rk, list, KAFKA_TIMEOUT_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        err = p->err;
    *out = p->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)failed(r, text_format(&r->session->arena, "cannot find a time in %s", topic), err);
        return false;
    }
    if (*out >= 0)
        return true;
    if (!kafka_bounds(r, topic, partition, &first, &end)) { /* -1: no record that young */
        return false;
    }
    *out = end;
    return true;
}

/* ---- records ---------------------------------------------------------------------------------- */

void kafka_start(struct kafka_reader *r)
{
    rd_kafka_topic_partition_list_destroy(r->wanted);
    r->wanted = rd_kafka_topic_partition_list_new(8);
}

bool kafka_add(struct kafka_reader *r, const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(r->wanted, topic, partition);

    p->offset = offset;
    return r->wanted->cnt <= KAFKA_PARTITIONS_MAX;
}

bool kafka_begin(struct kafka_reader *r)
{
    rd_kafka_resp_err_t err = rd_kafka_assign(r->rk, r->wanted);

    drop_message(r);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    (void)failed(r, "cannot read", err);
    return false;
}

static void take_headers(rd_kafka_message_t *message, struct audit_raw *out)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name = NULL;
    const void *value = NULL;
    size_t len = 0;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    while (out->header_count < AUDIT_HEADERS_MAX &&
           rd_kafka_header_get_all(headers, out->header_count, &name, &value, &len) ==
               RD_KAFKA_RESP_ERR_NO_ERROR) {
        out->headers[out->header_count++] = (struct header){slice_str(name), slice_of(value, len)};
    }
}

static void take_record(rd_kafka_message_t *message, struct kafka_record *out)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;

    out->topic = rd_kafka_topic_name(message->rkt);
    out->partition = message->partition;
    out->raw.offset = message->offset;
    out->raw.time_ms = rd_kafka_message_timestamp(message, &type);
    out->raw.key = slice_of(message->key, message->key_len);
    out->raw.value = slice_of(message->payload, message->len);
    out->raw.header_count = 0;
    take_headers(message, &out->raw);
}

enum kafka_event kafka_next(struct kafka_reader *r, int timeout_ms, struct kafka_record *out)
{
    rd_kafka_message_t *message = NULL;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    drop_message(r);
    message = rd_kafka_consumer_poll(r->rk, timeout_ms);
    if (message == NULL)
        return KAFKA_NOTHING;
    r->message = message;
    err = message->err;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        take_record(message, out);
        return KAFKA_RECORD;
    }
    if (err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        out->topic = message->rkt == NULL ? "" : rd_kafka_topic_name(message->rkt);
        out->partition = message->partition;
        out->raw.offset = message->offset;
        return KAFKA_END;
    }
    if (err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__RESOLVE) {
        return KAFKA_NOTHING; /* one broker or connection; the next may do */
    }
    output_error(&r->session->output, "cannot read %s at %s: %s",
                 message->rkt == NULL ? "topics" : rd_kafka_topic_name(message->rkt), r->bootstrap,
                 message->payload != NULL ? (const char *)message->payload : rd_kafka_err2str(err));
    return KAFKA_FAILED;
}

/* The first record with a sequence number at or after an offset. KAFKA_RECORD, _END or _FAILED. */
static enum kafka_event probe(struct kafka_reader *r, const char *topic, int64_t offset,
                              int64_t *out_offset, int64_t *out_seq)
{
    struct kafka_record record;
    struct audit_record parsed;
    int waits = 0;

    kafka_start(r);
    if (!kafka_add(r, topic, 0, offset) || !kafka_begin(r))
        return KAFKA_FAILED;
    while (waits < KAFKA_TIMEOUT_MS / 100) {
        enum kafka_event event = kafka_next(r, 100, &record);

        if (event == KAFKA_END || event == KAFKA_FAILED)
            return event;
        if (event == KAFKA_NOTHING) {
            waits++;
            continue;
        }
        audit_record_parse(&record.raw, &parsed);
        if (!parsed.has_origin || !parsed.has_seq)
            continue;
        *out_offset = record.raw.offset;
        *out_seq = parsed.seq;
        return KAFKA_RECORD;
    }
    output_error(&r->session->output, "no answer in time from %s", r->bootstrap);
    return KAFKA_FAILED;
}

bool kafka_first_seq(struct kafka_reader *r, const char *topic, int64_t from, int64_t *out_seq)
{
    int64_t offset = 0;

    *out_seq = -1;
    return probe(r, topic, from, &offset, out_seq) != KAFKA_FAILED;
}

bool kafka_last_seq(struct kafka_reader *r, const char *topic, int64_t from, int64_t *out_seq)
{
    struct kafka_record record;
    struct audit_record parsed;

    *out_seq = -1;
    kafka_start(r);
    if (!kafka_add(r, topic, 0, from) || !kafka_begin(r))
        return false;
    for (int waits = 0; waits < KAFKA_TIMEOUT_MS / 100;) {
        const enum kafka_event event = kafka_next(r, 100, &record);

        if (event == KAFKA_END || event == KAFKA_FAILED)
            return event == KAFKA_END;
        waits = event == KAFKA_NOTHING ? waits + 1 : 0;
        if (event == KAFKA_NOTHING)
            continue;
        audit_record_parse(&record.raw, &parsed);
        if (parsed.has_origin && parsed.has_seq)
            *out_seq = parsed.seq;
    }
    output_error(&r->session->output, "no answer in time from %s", r->bootstrap);
    return false;
}

/* Offsets rise at least as fast as sequence numbers, so that a guess from a record below never
 * lands above; each step at least halves what markers of transactions leave between. */
bool kafka_find_seq(struct kafka_reader *r, const char *topic, int64_t seq, int64_t *out_offset)
{
    const int steps_max = 100;
    int64_t offset = 0;
    int64_t end = 0;
    int64_t found = -1;

    if (!kafka_bounds(r, topic, 0, &offset, &end))
        return false;
    for (int step = 0; step < steps_max; step++) {
        enum kafka_event event;

        if (offset >= end) {
            *out_offset = end;
            return true;
        }
        event = probe(r, topic, offset, &offset, &found);
        if (event == KAFKA_FAILED)
            return false;
        if (event == KAFKA_END) {
            *out_offset = end;
            return true;
        }
        if (found >= seq) {
            *out_offset = offset;
            return true;
        }
        offset += seq - found;
    }
    output_error(&r->session->output, "cannot find number %lld in %s", (long long)seq, topic);
    return false;
}
