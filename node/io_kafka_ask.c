/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_kafka_ask.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/io_loop.h"
#include "proto/err.h"

#define SWEEP_MS     1000    /* looks for questions that take too long */
#define TIMEOUTS_MAX 2       /* after so many in a row another client is asked */
#define NEVER_MS     3600000 /* librdkafka's longest timeout; a client does not live to see it */

struct client {
    rd_kafka_t *rk;            /* owned */
    rd_kafka_queue_t *answers; /* owned; NULL: closed */
    rd_kafka_queue_t *main;    /* owned */
};

struct io_kafka_ask {
    struct io_kafka_cluster cluster;
    struct client client;
    struct io_kafka_wake *wake;      /* owned */
    uv_timer_t *sweep;               /* owned; freed when closed */
    struct io_kafka_question *first; /* under way */
    int64_t ask_ms;
    int64_t group_ms;
    uint32_t timeouts; /* of questions about logs and topics, in a row */
    uint32_t clients;
    bool is_closed;
};

/* One request of librdkafka; the opaque of its answer. */
struct request {
    struct io_kafka_question *question;
    bool is_end;
};

struct io_kafka_question {
    struct io_kafka_ask *ask;
    struct io_kafka_question *next;
    struct io_kafka_asker asker; /* done NULL: cancelled */
    struct request requests[2];
    int64_t asked_ms; /* monotonic */
    bool is_about_group;
    uint32_t open; /* answers still to come */
    int code;      /* first failure */
    char detail[128];
    struct log_bounds bounds;
    size_t topic_count;
};

static void fail(struct io_kafka_question *q, rd_kafka_resp_err_t err, const char *why)
{
    if (q->code != 0)
        return;
    q->code = io_kafka_code(err);
    (void)snprintf(q->detail, sizeof(q->detail), "%s", why != NULL ? why : rd_kafka_err2str(err));
}

static void unlink_question(struct io_kafka_question *q)
{
    for (struct io_kafka_question **at = &q->ask->first; *at != NULL; at = &(*at)->next)
        if (*at == q) {
            *at = q->next;
            return;
        }
}

static void finish(struct io_kafka_question *q, struct io_kafka_answer *answer)
{
    const struct io_kafka_asker asker = q->asker;

    assert(q->open > 0);
    q->open--;
    if (q->open > 0)
        return;
    unlink_question(q);
    if (!q->is_about_group)
        q->ask->timeouts = q->code == ERR_TIMEOUT ? q->ask->timeouts + 1 : 0;
    answer->code = q->code;
    answer->detail = q->detail;
    answer->bounds = q->bounds;
    if (asker.done != NULL)
        asker.done(asker.data, answer);
    free(q);
}

/* ---- answers -------------------------------------------------------------------------------- */

/* A leader that gave no answer: librdkafka 2.15.1 keeps the error to itself and leaves the offset
 * RD_KAFKA_OFFSET_INVALID (rd_kafka_ListOffsets_response_merge looks at results alone). */
static void fail_unnamed(struct io_kafka_question *q)
{
    if (io_mono_ms() - q->asked_ms >= q->ask->ask_ms)
        fail(q, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL);
    else
        fail(q, RD_KAFKA_RESP_ERR__TRANSPORT, "no answer from the partition's leader");
}

static void take_bounds(struct io_kafka_question *q, rd_kafka_event_t *event, bool is_end)
{
    size_t count = 0;
    const rd_kafka_ListOffsets_result_t *result = rd_kafka_event_ListOffsets_result(event);
    const rd_kafka_ListOffsetsResultInfo_t **infos =
        rd_kafka_ListOffsets_result_infos(result, &count);

    if (count != 1) {
        fail(q, RD_KAFKA_RESP_ERR__BAD_MSG, "answer without an offset");
        return;
    }
    const rd_kafka_topic_partition_t *at = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[0]);
    if (at->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail(q, at->err, NULL);
    else if (at->offset < 0)
        fail_unnamed(q);
    else if (is_end)
        q->bounds.end = at->offset;
    else
        q->bounds.start = at->offset;
}

/* The one partition of an answer about a group; NULL with the failure noted. */
static const rd_kafka_topic_partition_t *group_partition(struct io_kafka_question *q,
                                                         const rd_kafka_group_result_t **groups,
                                                         size_t count)
{
    const rd_kafka_topic_partition_list_t *list;
    const rd_kafka_error_t *error;

    if (count != 1) {
        fail(q, RD_KAFKA_RESP_ERR__BAD_MSG, "answer without a group");
        return NULL;
    }
    error = rd_kafka_group_result_error(groups[0]);
    list = rd_kafka_group_result_partitions(groups[0]);
    if (error != NULL)
        fail(q, rd_kafka_error_code(error), rd_kafka_error_string(error));
    else if (list == NULL || list->cnt != 1)
        fail(q, RD_KAFKA_RESP_ERR__BAD_MSG, "answer without a partition");
    else if (list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail(q, list->elems[0].err, NULL);
    else
        return &list->elems[0];
    return NULL;
}

static void take_committed(struct io_kafka_question *q, rd_kafka_event_t *event,
                           struct io_kafka_answer *answer)
{
    size_t count = 0;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
    const rd_kafka_topic_partition_t *at = group_partition(q, groups, count);

    if (at == NULL)
        return;
    answer->offset = at->offset >= 0 ? at->offset : -1;
    answer->metadata = slice_of(at->metadata, at->metadata_size);
}

static void take_commit(struct io_kafka_question *q, rd_kafka_event_t *event)
{
    size_t count = 0;
    const rd_kafka_group_result_t **groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
        rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count);

    (void)group_partition(q, groups, count); /* only for the failure it notes */
}

/* Fills `out`, an array of the number of topics asked for. */
static void take_topics(rd_kafka_event_t *event, struct io_kafka_topic *out, size_t *out_count)
{
    size_t count = 0;
    const rd_kafka_TopicDescription_t **list =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &count);
    size_t partitions;

    if (count > *out_count)
        count = *out_count;
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(list[i]);
        const rd_kafka_Uuid_t *id = rd_kafka_TopicDescription_topic_id(list[i]);
        out[i] = (struct io_kafka_topic){.name = rd_kafka_TopicDescription_name(list[i])};
        (void)rd_kafka_TopicDescription_partitions(list[i], &partitions);
        out[i].partitions = (int32_t)partitions;
        if (error != NULL && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            out[i].code = io_kafka_code(rd_kafka_error_code(error));
            out[i].partitions = 0;
        } else if (id != NULL) {
            (void)snprintf(out[i].id, sizeof(out[i].id), "%s", rd_kafka_Uuid_base64str(id));
        }
    }
    *out_count = count;
}

static void take_limits(struct io_kafka_question *q, rd_kafka_event_t *event,
                        struct io_kafka_answer *answer)
{
    size_t count = 0;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);

    if (count != 1) {
        fail(q, RD_KAFKA_RESP_ERR__BAD_MSG, "answer without a topic");
        return;
    }
    if (rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail(q, rd_kafka_ConfigResource_error(resources[0]),
             rd_kafka_ConfigResource_error_string(resources[0]));
        return;
    }
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[0], &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        const int64_t number = value != NULL ? strtoll(value, NULL, 10) : 0;
        if (strcmp(name, "max.message.bytes") == 0)
            answer->limit = number;
        else if (strcmp(name, "retention.ms") == 0 && number > 0)
            answer->retention_ms = number;
    }
}

static void take(struct io_kafka_question *q, rd_kafka_event_t *event, bool is_end)
{
    struct io_kafka_answer answer = {.offset = -1, .detail = ""};
    struct io_kafka_topic *topics = NULL;

    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail(q, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_LISTOFFSETS_RESULT) {
        take_bounds(q, event, is_end);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT) {
        take_committed(q, event, &answer);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ALTERCONSUMERGROUPOFFSETS_RESULT) {
        take_commit(q, event);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT) {
        take_limits(q, event, &answer);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT) {
        answer.topic_count = q->topic_count;
        topics = calloc(q->topic_count + 1, sizeof(*topics));
        if (topics != NULL)
            take_topics(event, topics, &answer.topic_count);
        else
            fail(q, RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE, "out of memory");
        answer.topics = topics;
    }
    finish(q, &answer);
    free(topics);
}

static void on_woken(void *data)
{
    struct io_kafka_ask *a = data;
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(a->client.main, 0)) != NULL) {
        io_kafka_log_event(&a->cluster, event);
        rd_kafka_event_destroy(event);
    }
    /* A `done` may close this very ask: then `a` lives on until the loop comes round. */
    while (a->client.answers != NULL &&
           (event = rd_kafka_queue_poll(a->client.answers, 0)) != NULL) {
        const struct request *request = rd_kafka_event_opaque(event);
        if (request != NULL)
            take(request->question, event, request->is_end);
        rd_kafka_event_destroy(event);
    }
}

/* ---- questions ------------------------------------------------------------------------------ */

static struct io_kafka_question *question_new(struct io_kafka_ask *a, struct io_kafka_asker asker,
                                              uint32_t open)
{
    struct io_kafka_question *q = calloc(1, sizeof(*q));

    assert(q != NULL); /* 250 bytes; without them the process is lost anyway */
    *q = (struct io_kafka_question){
        .ask = a, .next = a->first, .asker = asker, .open = open, .asked_ms = io_mono_ms()};
    a->first = q;
    return q;
}

static bool is_about_group(rd_kafka_admin_op_t op)
{
    return op == RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS ||
           op == RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS;
}

static rd_kafka_AdminOptions_t *options_new(struct io_kafka_question *q, rd_kafka_admin_op_t op,
                                            bool is_end)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(q->ask->client.rk, op);
    struct request *request = &q->requests[is_end ? 1 : 0];
    char text[128];

    *request = (struct request){.question = q, .is_end = is_end};
    q->is_about_group = is_about_group(op);
    rd_kafka_AdminOptions_set_opaque(options, request);
    (void)rd_kafka_AdminOptions_set_request_timeout(
        options, q->is_about_group ? NEVER_MS : (int)q->ask->ask_ms, text, sizeof(text));
    return options;
}

static void list_offsets(struct io_kafka_question *q, struct io_kafka_partition where, bool is_end)
{
    rd_kafka_AdminOptions_t *options = options_new(q, RD_KAFKA_ADMIN_OP_LISTOFFSETS, is_end);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_error_t *error =
        rd_kafka_AdminOptions_set_isolation_level(options, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED);

    assert(error == NULL); /* the option exists for this request */
    rd_kafka_topic_partition_list_add(list, where.topic, where.partition)->offset =
        is_end ? RD_KAFKA_OFFSET_SPEC_LATEST : RD_KAFKA_OFFSET_SPEC_EARLIEST;
    rd_kafka_ListOffsets(q->ask->client.rk, list, options, q->ask->client.answers);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_AdminOptions_destroy(options);
}

struct io_kafka_question *io_kafka_ask_bounds(struct io_kafka_ask *a,
                                              struct io_kafka_partition where,
                                              struct io_kafka_asker asker)
{
    struct io_kafka_question *q = question_new(a, asker, 2);

    list_offsets(q, where, false);
    list_offsets(q, where, true);
    return q;
}

struct io_kafka_question *io_kafka_ask_committed(struct io_kafka_ask *a, const char *group,
                                                 struct io_kafka_partition where,
                                                 struct io_kafka_asker asker)
{
    struct io_kafka_question *q = question_new(a, asker, 1);
    rd_kafka_AdminOptions_t *options =
        options_new(q, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, false);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, where.topic, where.partition);
    rd_kafka_ListConsumerGroupOffsets_t *request =
        rd_kafka_ListConsumerGroupOffsets_new(group, list);
    rd_kafka_ListConsumerGroupOffsets(a->client.rk, &request, 1, options, a->client.answers);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_AdminOptions_destroy(options);
    return q;
}

struct io_kafka_question *io_kafka_ask_commit(struct io_kafka_ask *a, const char *group,
                                              struct io_kafka_partition where, int64_t offset,
                                              struct slice metadata, struct io_kafka_asker asker)
{
    struct io_kafka_question *q = question_new(a, asker, 1);
    rd_kafka_AdminOptions_t *options =
        options_new(q, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, false);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *at =
        rd_kafka_topic_partition_list_add(list, where.topic, where.partition);

    assert(metadata.len <= IO_KAFKA_PLACE_MAX);
    at->offset = offset;
    at->metadata = malloc(metadata.len + 1); /* freed with the list */
    assert(at->metadata != NULL);
    if (metadata.len > 0)
        memcpy(at->metadata, metadata.ptr, metadata.len);
    at->metadata_size = metadata.len;
    rd_kafka_AlterConsumerGroupOffsets_t *request =
        rd_kafka_AlterConsumerGroupOffsets_new(group, list);
    rd_kafka_AlterConsumerGroupOffsets(a->client.rk, &request, 1, options, a->client.answers);
    rd_kafka_AlterConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_AdminOptions_destroy(options);
    return q;
}

struct io_kafka_question *io_kafka_ask_topics(struct io_kafka_ask *a, const char **names,
                                              size_t count, struct io_kafka_asker asker)
{
    struct io_kafka_question *q = question_new(a, asker, 1);
    rd_kafka_AdminOptions_t *options = options_new(q, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, false);
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, count);

    q->topic_count = count;
    rd_kafka_DescribeTopics(a->client.rk, topics, options, a->client.answers);
    rd_kafka_TopicCollection_destroy(topics);
    rd_kafka_AdminOptions_destroy(options);
    return q;
}

struct io_kafka_question *io_kafka_ask_limits(struct io_kafka_ask *a, const char *topic,
                                              struct io_kafka_asker asker)
{
    struct io_kafka_question *q = question_new(a, asker, 1);
    rd_kafka_AdminOptions_t *options = options_new(q, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, false);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);

    rd_kafka_DescribeConfigs(a->client.rk, &resource, 1, options, a->client.answers);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    return q;
}

void io_kafka_ask_cancel(struct io_kafka_question *q)
{
    if (q != NULL)
        q->asker.done = NULL;
}

/* ---- clients -------------------------------------------------------------------------------- */

static int client_open(const struct io_kafka_ask *a, struct client *out)
{
    /* A consumer, though nothing is consumed: librdkafka 2.15.1 crashes when a group's coordinator
     * answers ListConsumerGroupOffsets with "not me" and the client has no group
     * (rd_kafka_handle_OffsetFetch uses rk_cgrp unchecked). */
    const struct io_kafka_setting settings[] = {
        {"socket.timeout.ms", "10000"},
        /* A leader's epoch goes up when its broker restarts; requests with the old one fail until
         * the metadata is fetched again. */
        {"metadata.max.age.ms", "1000"},
        {"group.id", "braid-ask"},
        {"enable.auto.commit", "false"},
        {NULL, NULL},
    };
    rd_kafka_t *rk = NULL;
    const int rc = io_kafka_new(&a->cluster, RD_KAFKA_CONSUMER, settings, 0, &rk);

    if (rc != 0)
        return rc;
    *out = (struct client){
        .rk = rk, .answers = rd_kafka_queue_new(rk), .main = rd_kafka_queue_get_main(rk)};
    io_kafka_wake_add(a->wake, out->answers);
    io_kafka_wake_add(a->wake, out->main);
    return 0;
}

/* Answers that are still to come die with their queue. */
static void client_close(uv_loop_t *loop, struct client *c, void (*done)(void *data), void *data)
{
    io_kafka_wake_remove(c->answers);
    io_kafka_wake_remove(c->main);
    rd_kafka_queue_destroy(c->answers);
    rd_kafka_queue_destroy(c->main);
    io_kafka_destroy_later(loop, c->rk, done, data);
    *c = (struct client){0};
}

/* A client whose broker stood still for a while can lose it for good (librdkafka 2.15.1: no broker in
 * its metadata), and then answers nothing although the broker is back. */
static bool is_overdue(const struct io_kafka_ask *a)
{
    const int64_t now_ms = io_mono_ms();

    if (a->timeouts >= TIMEOUTS_MAX)
        return true;
    for (const struct io_kafka_question *q = a->first; q != NULL; q = q->next)
        if (q->is_about_group && now_ms - q->asked_ms > a->group_ms)
            return true;
    return false;
}

/* Ends what the old client was asked; what is asked meanwhile goes to the new one. */
static void end_old(struct io_kafka_ask *a, struct io_kafka_question *old)
{
    const struct io_kafka_answer answer = {
        .code = ERR_TIMEOUT, .detail = "no answer in time, nor to others before", .offset = -1};

    while (old != NULL) {
        struct io_kafka_question *next = old->next;
        if (!a->is_closed && old->asker.done != NULL)
            old->asker.done(old->asker.data, &answer);
        free(old);
        old = next;
    }
}

/*
 * A request to a group's coordinator must not time out by itself: if the coordinator comes back
 * after that, librdkafka (2.15.1, rd_kafka_coord_req_fsm) answers it once more from freed memory.
 * A client that is destroyed first takes its requests with it.
 */
static void on_sweep(uv_timer_t *timer)
{
    struct io_kafka_ask *a = timer->data;
    struct io_kafka_question *old = a->first;
    struct client fresh;

    if (!is_overdue(a) || client_open(a, &fresh) != 0)
        return;
    io_log_seldom(a->cluster.log, a, LOG_WARN, "no answers, asking anew on another client",
                  "cluster=%s", a->cluster.name);
    a->first = NULL;
    client_close(a->cluster.loop, &a->client, NULL, NULL);
    a->client = fresh;
    a->clients++;
    a->timeouts = 0;
    end_old(a, old);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
    free(handle);
}

int io_kafka_ask_open(const struct io_kafka_cluster *cluster, struct io_kafka_ask **out)
{
    struct io_kafka_ask *a = calloc(1, sizeof(*a));
    uv_timer_t *sweep = calloc(1, sizeof(*sweep));
    int rc = ERR_NO_MEMORY;

    if (a == NULL || sweep == NULL)
        goto out;
    a->cluster = *cluster;
    a->ask_ms = IO_KAFKA_ASK_MS;
    a->group_ms = IO_KAFKA_GROUP_MS;
    a->clients = 1;
    rc = io_kafka_wake_open(cluster->loop, on_woken, a, &a->wake);
    if (rc == 0)
        rc = client_open(a, &a->client);
    if (rc != 0)
        goto out;
    a->sweep = sweep;
    (void)uv_timer_init(cluster->loop, sweep); /* these never fail */
    sweep->data = a;
    (void)uv_timer_start(sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    *out = a;
    return 0;
out:
    if (a != NULL)
        io_kafka_wake_close(a->wake);
    free(sweep);
    free(a);
    return rc;
}

void io_kafka_ask_set_patience(struct io_kafka_ask *a, int64_t ask_ms, int64_t group_ms)
{
    a->ask_ms = ask_ms;
    a->group_ms = group_ms;
}

uint32_t io_kafka_ask_clients(const struct io_kafka_ask *a)
{
    return a->clients;
}

static void on_destroyed(void *data)
{
    free(data);
}

void io_kafka_ask_close(struct io_kafka_ask *a)
{
    if (a == NULL)
        return;
    a->is_closed = true;
    while (a->first != NULL) {
        struct io_kafka_question *q = a->first;
        a->first = q->next;
        free(q);
    }
    uv_close((uv_handle_t *)a->sweep, on_handle_closed);
    client_close(a->cluster.loop, &a->client, on_destroyed, a);
    io_kafka_wake_close(a->wake);
}
