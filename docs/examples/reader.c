// SPDX-License-Identifier: Apache-2.0
// Reads a global stream from any DC's copy and keeps its place with its state: docs/consumers.md.
// cc reader.c -lrdkafka -o reader; ./reader STREAM BROKERS STATE [uncommitted]
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *why) { fprintf(stderr, "reader: %s\n", why); exit(1); }
static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) die(why);
}
// The header's value, NUL-terminated by librdkafka; "" if there is none.
static const char *header(const rd_kafka_message_t *m, const char *name) {
    rd_kafka_headers_t *all;
    const void *value = ""; size_t size;
    if (rd_kafka_message_headers(m, &all) == 0) rd_kafka_header_get_last(all, name, &value, &size);
    return value;
}

int main(int argc, char **argv) {
    long long seq = -1, time = 0, counted = 0, redacted = 0; // the state: the place, and what was made of it
    int64_t low, high; char topic[256], fresh[512];
    if (argc < 4) die("usage: reader STREAM BROKERS STATE [uncommitted]");
    FILE *file = fopen(argv[3], "r");
    if (file && fscanf(file, "%lld %lld %lld %lld", &seq, &time, &counted, &redacted) != 4) die("the state is broken");
    if (file) fclose(file);
    const long long before = seq;
    snprintf(topic, sizeof(topic), "global.%s", argv[1]);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", argv[2]), set(conf, "group.id", "reader-example");
    set(conf, "enable.auto.commit", "false"), set(conf, "auto.offset.reset", "error");
    set(conf, "enable.partition.eof", "true");
    set(conf, "isolation.level", argc > 4 ? "read_uncommitted" : "read_committed");
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, fresh, sizeof(fresh));
    if (!kafka) die(fresh);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = time;
    if (seq < 0 && rd_kafka_query_watermark_offsets(kafka, topic, 0, &low, &high, 9000)) die("no offsets");
    // offsets differ from DC to DC; sequence numbers and times do not
    if (seq >= 0 && rd_kafka_offsets_for_times(kafka, list, 9000)) die("no offset for the time");
    if (seq < 0) list->elems[0].offset = low;
    if (rd_kafka_assign(kafka, list)) die("cannot assign");
    for (rd_kafka_message_t *m; (m = rd_kafka_consumer_poll(kafka, 10000)); rd_kafka_message_destroy(m)) {
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) break; // all is read; a service would go on
        if (m->err) die(rd_kafka_message_errstr(m));
        const char *text = header(m, "braid-seq");
        if (!*text || atoll(text) <= seq) continue; // not Braid's, read before, or written again
        if (seq >= 0 && atoll(text) > seq + 1) die("a number is gone: retention has passed this reader");
        seq = atoll(text), time = rd_kafka_message_timestamp(m, NULL);
        if (strcmp(header(m, "braid-status"), "canary")) counted++;
        if (!strcmp(header(m, "braid-status"), "redaction")) redacted++; // and forget what the page's records showed
    }
    snprintf(fresh, sizeof(fresh), "%s.new", argv[3]);
    if (!(file = fopen(fresh, "w"))) die("cannot save"); // place and state in one step
    fprintf(file, "%lld %lld %lld %lld\n", seq, time, counted, redacted);
    if (fclose(file) || rename(fresh, argv[3])) die("cannot save");
    printf("seq=%lld counted=%lld behind=%lld\n", seq, counted, seq - before); // offsets have gaps
}
