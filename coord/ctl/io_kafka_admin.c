/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_kafka_admin.h"

#include <librdkafka/rdkafka.h>

#include "coord/ctl/doctor.h"
#include "coord/ctl/io_kafka.h"

struct kafka_admin {
    struct session *session; /* borrowed */
    const char *bootstrap;   /* borrowed */
    rd_kafka_t *rk;          /* owned */
    rd_kafka_queue_t *queue; /* owned */
};

static int failed(struct kafka_admin *k, const char *doing, const char *why)
{
    output_error(&k->session->output, "%s at %s: %s", doing, k->bootstrap, why);
    return EXIT_REFUSED;
}

int kafka_admin_open(struct session *s, const char *bootstrap, struct kafka_admin **out)
{
    struct kafka_admin *k = arena_calloc(&s->arena, 1, sizeof(*k));
    rd_kafka_conf_t *conf = k == NULL ? NULL : kafka_conf(s, bootstrap);
    char why[256];

    if (conf == NULL)
        return EXIT_CONFIG;
    *k = (struct kafka_admin){.session = s, .bootstrap = bootstrap};
    k->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (k->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        output_error(&s->output, "cannot use the Kafka at %s: %s", bootstrap, why);
        return EXIT_CONFIG;
    }
    k->queue = rd_kafka_queue_new(k->rk);
    *out = k;
    return 0;
}

void kafka_admin_close(struct kafka_admin *k)
{
    if (k == NULL)
        return;
    rd_kafka_queue_destroy(k->queue);
    rd_kafka_destroy(k->rk);
}

int kafka_admin_brokers(struct kafka_admin *k)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(k->rk, 0, NULL, &metadata, KAFKA_ADMIN_TIMEOUT_MS);
    int count = -1;

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)failed(k, "cannot ask the brokers", rd_kafka_err2str(err));
        return -1;
    }
    count = metadata->broker_cnt;
    rd_kafka_metadata_destroy(metadata);
    return count;
}

int kafka_admin_partitions(struct kafka_admin *k, const char *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(k->rk, 1, NULL, &metadata, KAFKA_ADMIN_TIMEOUT_MS);
    int count = 0;

    /* All topics, not this one: asking for one by name can create it. */
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)failed(k, "cannot ask for topics", rd_kafka_err2str(err));
        return -1;
    }
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (slice_equal(slice_str(metadata->topics[i].topic), slice_str(topic)))
            count = metadata->topics[i].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    return count;
}

/* Waits for the answer to an admin request; NULL: said. */
static rd_kafka_event_t *await(struct kafka_admin *k, const char *doing)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(k->queue, KAFKA_ADMIN_TIMEOUT_MS);

    if (event != NULL && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    (void)failed(k, doing,
                 event == NULL ? "no answer in time" : rd_kafka_event_error_string(event));
    if (event != NULL)
        rd_kafka_event_destroy(event);
    return NULL;
}

static rd_kafka_AdminOptions_t *options_for(struct kafka_admin *k, rd_kafka_admin_op_t op)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(k->rk, op);
    char why[256];

    /* Fails only for a timeout out of range. */
    (void)rd_kafka_AdminOptions_set_request_timeout(options, KAFKA_ADMIN_TIMEOUT_MS - 2000, why,
                                                    sizeof(why));
    return options;
}

/* ---- settings --------------------------------------------------------------------------------- */

static int take_settings(struct kafka_admin *k, const rd_kafka_ConfigResource_t *resource,
                         struct topic_actual out[KAFKA_SETTINGS_MAX])
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    int taken = 0;

    for (size_t i = 0; i < count && taken < KAFKA_SETTINGS_MAX; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);

        if (value == NULL)
            continue;
        out[taken++] = (struct topic_actual){
            text_format(&k->session->arena, "%s", rd_kafka_ConfigEntry_name(entries[i])),
            text_format(&k->session->arena, "%s", value)};
    }
    return taken;
}

int kafka_admin_settings(struct kafka_admin *k, const char *topic,
                         struct topic_actual out[KAFKA_SETTINGS_MAX])
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *options = options_for(k, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    const rd_kafka_ConfigResource_t **answers = NULL;
    rd_kafka_event_t *event = NULL;
    size_t count = 0;
    int taken = -1;

    rd_kafka_DescribeConfigs(k->rk, &resource, 1, options, k->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
    event = await(k, text_format(&k->session->arena, "cannot ask for the settings of %s", topic));
    if (event == NULL)
        return -1;
    answers = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    if (count == 1 && rd_kafka_ConfigResource_error(answers[0]) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        taken = take_settings(k, answers[0], out);
    } else {
        (void)failed(k, topic,
                     count == 1 ? rd_kafka_ConfigResource_error_string(answers[0]) : "no settings");
    }
    rd_kafka_event_destroy(event);
    return taken;
}

/* ---- ACLs ------------------------------------------------------------------------------------- */

static unsigned access_of(const rd_kafka_TopicDescription_t *topic)
{
    size_t count = 0;
    const rd_kafka_AclOperation_t *operations =
        rd_kafka_TopicDescription_authorized_operations(topic, &count);
    unsigned access = 0;

    for (size_t i = 0; operations != NULL && i < count; i++) {
        if (operations[i] == RD_KAFKA_ACL_OPERATION_READ)
            access |= DOCTOR_MAY_READ;
        if (operations[i] == RD_KAFKA_ACL_OPERATION_WRITE)
            access |= DOCTOR_MAY_WRITE;
    }
    return access;
}

int kafka_admin_access(struct kafka_admin *k, const char **topics, size_t count, unsigned *out)
{
    rd_kafka_TopicCollection_t *names = rd_kafka_TopicCollection_of_topic_names(topics, count);
    rd_kafka_AdminOptions_t *options = options_for(k, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    const rd_kafka_TopicDescription_t **answers = NULL;
    rd_kafka_event_t *event = NULL;
    size_t answer_count = 0;

    rd_kafka_error_destroy(rd_kafka_AdminOptions_set_include_authorized_operations(options, 1));
    rd_kafka_DescribeTopics(k->rk, names, options, k->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_TopicCollection_destroy(names);
    event = await(k, "cannot ask what we may");
    if (event == NULL)
        return EXIT_REFUSED;
    answers = rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event),
                                                    &answer_count);
    for (size_t i = 0; i < count; i++) {
        out[i] = 0;
        for (size_t at = 0; at < answer_count; at++) {
            if (slice_equal(slice_str(rd_kafka_TopicDescription_name(answers[at])),
                            slice_str(topics[i])))
                out[i] = access_of(answers[at]);
        }
    }
    rd_kafka_event_destroy(event);
    return 0;
}

/* ---- create and delete ------------------------------------------------------------------------ */

static rd_kafka_NewTopic_t *new_topic(struct kafka_admin *k, const struct topic_wanted *topic,
                                      int replication)
{
    char why[256];
    rd_kafka_NewTopic_t *made =
        rd_kafka_NewTopic_new(topic->name, topic->partitions, replication, why, sizeof(why));

    if (made == NULL) {
        (void)failed(k, topic->name, why);
        return NULL;
    }
    /* These fail only for a NULL name. */
    for (size_t i = 0; i < topic->setting_count; i++)
        (void)rd_kafka_NewTopic_set_config(made, topic->settings[i].name, topic->settings[i].value);
    (void)rd_kafka_NewTopic_set_config(made, "min.insync.replicas", replication > 2 ? "2" : "1");
    return made;
}

int kafka_admin_create(struct kafka_admin *k, const struct topic_wanted *topic, int replication)
{
    int brokers = replication > 0 ? replication : kafka_admin_brokers(k);
    rd_kafka_NewTopic_t *made =
        brokers < 1 ? NULL : new_topic(k, topic, brokers > 3 && replication == 0 ? 3 : brokers);
    rd_kafka_AdminOptions_t *options = NULL;
    const rd_kafka_topic_result_t **results = NULL;
    rd_kafka_event_t *event = NULL;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t count = 0;

    if (made == NULL)
        return EXIT_REFUSED;
    options = options_for(k, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(k->rk, &made, 1, options, k->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(made);
    event = await(k, text_format(&k->session->arena, "cannot create %s", topic->name));
    if (event == NULL)
        return EXIT_UNKNOWN;
    results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (count == 1)
        err = rd_kafka_topic_result_error(results[0]);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        (void)failed(k, text_format(&k->session->arena, "cannot create %s", topic->name),
                     rd_kafka_topic_result_error_string(results[0]) == NULL
                         ? rd_kafka_err2str(err)
                         : rd_kafka_topic_result_error_string(results[0]));
    }
    rd_kafka_event_destroy(event);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS
               ? 0
               : EXIT_REFUSED;
}

int kafka_admin_delete(struct kafka_admin *k, const char *topic)
{
    rd_kafka_DeleteTopic_t *gone = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_AdminOptions_t *options = options_for(k, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    const rd_kafka_topic_result_t **results = NULL;
    rd_kafka_event_t *event = NULL;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t count = 0;

    rd_kafka_DeleteTopics(k->rk, &gone, 1, options, k->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_DeleteTopic_destroy(gone);
    event = await(k, text_format(&k->session->arena, "cannot delete %s", topic));
    if (event == NULL)
        return EXIT_UNKNOWN;
    results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    if (count == 1)
        err = rd_kafka_topic_result_error(results[0]);
    rd_kafka_event_destroy(event);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return 0;
    return failed(k, text_format(&k->session->arena, "cannot delete %s", topic),
                  rd_kafka_err2str(err));
}
