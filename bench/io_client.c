/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/io_client.h"

#include <stdio.h>
#include <string.h>

#include "proto/err.h"

#define ASK_MS 10000

static int complain(const char *what, const char *why)
{
    (void)fprintf(stderr, "braid-bench: %s: %s\n", what, why);
    return ERR_UNAVAILABLE;
}

rd_kafka_t *client_new(rd_kafka_type_t type, const char *bootstrap, const char *const settings[],
                       void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *),
                       void *opaque)
{
    char text[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    bool is_good = rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text) ==
                       RD_KAFKA_CONF_OK &&
                   rd_kafka_conf_set(conf, "log_level", "2", text, sizeof text) == RD_KAFKA_CONF_OK;
    for (int i = 0; is_good && settings != NULL && settings[i] != NULL; i += 2)
        is_good = rd_kafka_conf_set(conf, settings[i], settings[i + 1], text, sizeof text) ==
                  RD_KAFKA_CONF_OK;
    if (delivered != NULL)
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, opaque);
    rd_kafka_t *rk = is_good ? rd_kafka_new(type, conf, text, sizeof text) : NULL;
    if (rk == NULL) {
        (void)complain("a Kafka client", text);
        rd_kafka_conf_destroy(conf);
    }
    return rk;
}

static int created(rd_kafka_event_t *event, const char *topic)
{
    size_t count = 0;

    if (event == NULL)
        return complain(topic, "no answer about its creation");
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return complain(topic, rd_kafka_event_error_string(event));
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_resp_err_t err = rd_kafka_topic_result_error(topics[i]);
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return complain(topic, rd_kafka_err2str(err));
    }
    return 0;
}

int client_create_topic(const char *bootstrap, const char *topic, int partitions)
{
    char text[256];
    rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, bootstrap, NULL, NULL, NULL);

    if (rk == NULL)
        return ERR_UNAVAILABLE;
    rd_kafka_NewTopic_t *topics[1] = {
        rd_kafka_NewTopic_new(topic, partitions, 1, text, sizeof text)};
    (void)rd_kafka_NewTopic_set_config(topics[0], "max.message.bytes", "10485760");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, topics, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ASK_MS);
    const int rc = created(event, topic);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(topics[0]);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return rc;
}

void client_delete_topic(const char *bootstrap, const char *topic)
{
    rd_kafka_t *rk = client_new(RD_KAFKA_PRODUCER, bootstrap, NULL, NULL, NULL);

    if (rk == NULL)
        return;
    rd_kafka_DeleteTopic_t *topics[1] = {rd_kafka_DeleteTopic_new(topic)};
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopics(rk, topics, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ASK_MS);
    if (event != NULL) /* what it says does not matter: it only saves disk space */
        rd_kafka_event_destroy(event);
    rd_kafka_DeleteTopic_destroy(topics[0]);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

int64_t client_ends(rd_kafka_t *rk, const char *topic, int partitions)
{
    int64_t sum = 0;

    for (int p = 0; p < partitions; p++) {
        int64_t low = 0;
        int64_t high = 0;
        if (rd_kafka_query_watermark_offsets(rk, topic, p, &low, &high, ASK_MS) !=
            RD_KAFKA_RESP_ERR_NO_ERROR)
            return -1;
        sum += high;
    }
    return sum;
}

rd_kafka_t *client_reader(const char *bootstrap, const char *topic, int partitions,
                          const char *isolation, rd_kafka_queue_t **out_queue)
{
    const char *const settings[] = {"group.id",
                                    "braid-bench",
                                    "enable.auto.commit",
                                    "false",
                                    "auto.offset.reset",
                                    "error",
                                    "isolation.level",
                                    isolation,
                                    "fetch.wait.max.ms",
                                    "5",
                                    "queued.max.messages.kbytes",
                                    "32768",
                                    NULL};
    rd_kafka_t *rk = client_new(RD_KAFKA_CONSUMER, bootstrap, settings, NULL, NULL);

    if (rk == NULL)
        return NULL;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int p = 0; p < partitions; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
    const rd_kafka_resp_err_t err = rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_poll_set_consumer(rk);
    *out_queue = rd_kafka_queue_get_consumer(rk);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        (void)complain(topic, rd_kafka_err2str(err));
    return rk;
}
