/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_kafka_topics.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/io_loop.h"
#include "proto/err.h"

struct io_topic {
    struct io_topic *next;
    char *name; /* owned */
    uint32_t incarnation;
    char id[IO_KAFKA_TOPIC_ID]; /* "": not known yet */
    uint32_t partitions;
    uint32_t holders;
    int64_t released_ms; /* monotonic; when the last holder left */
    bool is_anew;
};

struct io_topics {
    struct io_kafka_cluster cluster;
    struct io_kafka_ask *ask; /* borrowed */
    struct io_topic *first;   /* owned */
    struct io_kafka_question *question;
    int64_t asked_ms;
    bool has_new; /* a topic was added since the last question */
};

static struct io_topic *find(const struct io_topics *t, const char *name, uint32_t incarnation)
{
    struct io_topic *topic = t->first;

    while (topic != NULL && (topic->incarnation != incarnation || strcmp(topic->name, name) != 0))
        topic = topic->next;
    return topic;
}

static void topic_free(struct io_topic *topic)
{
    free(topic->name);
    free(topic);
}

/* ---- holding -------------------------------------------------------------------------------- */

struct io_topic *io_topics_hold(struct io_topics *t, const char *name, uint32_t incarnation)
{
    struct io_topic *topic = find(t, name, incarnation);

    if (topic == NULL) {
        topic = calloc(1, sizeof(*topic));
        if (topic == NULL)
            return NULL;
        topic->name = strdup(name);
        if (topic->name == NULL) {
            topic_free(topic);
            return NULL;
        }
        topic->incarnation = incarnation;
        topic->next = t->first;
        t->first = topic;
        t->has_new = true;
    }
    topic->holders++;
    return topic;
}

void io_topic_release(struct io_topic *topic)
{
    if (topic == NULL)
        return;
    assert(topic->holders > 0);
    topic->holders--;
    topic->released_ms = io_mono_ms();
}

bool io_topic_is_anew(const struct io_topic *topic)
{
    return topic != NULL && topic->is_anew;
}

uint32_t io_topic_partitions(const struct io_topic *topic)
{
    return topic != NULL ? topic->partitions : 0;
}

static void forget(struct io_topics *t)
{
    const int64_t now_ms = io_mono_ms();

    for (struct io_topic **at = &t->first; *at != NULL;) {
        struct io_topic *topic = *at;
        if (topic->holders > 0 || now_ms - topic->released_ms < IO_TOPICS_FORGET_MS) {
            at = &topic->next;
            continue;
        }
        *at = topic->next;
        topic_free(topic);
    }
}

/* ---- asking --------------------------------------------------------------------------------- */

static void take_id(const struct io_topics *t, struct io_topic *topic, const char *id)
{
    if (topic->id[0] == '\0')
        (void)snprintf(topic->id, sizeof(topic->id), "%s", id);
    if (topic->is_anew || strcmp(topic->id, id) == 0)
        return;
    topic->is_anew = true;
    io_log_about(t->cluster.log, topic, LOG_ERROR, "a topic was made anew",
                 "cluster=%s topic=%s id=%s was=%s", t->cluster.name, topic->name, id, topic->id);
}

void io_topics_take(struct io_topics *t, const char *name, const char *id, uint32_t partitions)
{
    for (struct io_topic *topic = t->first; topic != NULL && id[0] != '\0'; topic = topic->next) {
        if (strcmp(topic->name, name) != 0)
            continue;
        topic->partitions = partitions;
        take_id(t, topic, id);
    }
}

static void on_topics(void *data, const struct io_kafka_answer *answer)
{
    struct io_topics *t = data;

    t->question = NULL;
    for (size_t i = 0; answer->code == 0 && i < answer->topic_count; i++)
        if (answer->topics[i].code == 0)
            io_topics_take(t, answer->topics[i].name, answer->topics[i].id,
                           (uint32_t)answer->topics[i].partitions);
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* The topics asked for go to the end of the list. */
static void ask(struct io_topics *t)
{
    const char *names[IO_TOPICS_ASK_MAX];
    size_t count = 0;
    struct io_topic **at = &t->first;

    while (*at != NULL && count < IO_TOPICS_ASK_MAX) {
        if (!is_among(names, count, (*at)->name))
            names[count++] = (*at)->name;
        at = &(*at)->next;
    }
    struct io_topic *rest = *at;
    *at = NULL;
    if (rest != NULL) {
        struct io_topic *last = rest;
        while (last->next != NULL)
            last = last->next;
        last->next = t->first;
        t->first = rest;
    }
    if (count > 0)
        t->question =
            io_kafka_ask_topics(t->ask, names, count, (struct io_kafka_asker){on_topics, t});
}

void io_topics_sweep(struct io_topics *t)
{
    const int64_t now_ms = io_mono_ms();

    forget(t);
    if (t->question != NULL || (!t->has_new && now_ms - t->asked_ms < IO_TOPICS_MS))
        return;
    t->has_new = false;
    t->asked_ms = now_ms;
    ask(t);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

int io_topics_open(const struct io_kafka_cluster *cluster, struct io_kafka_ask *ask,
                   struct io_topics **out)
{
    struct io_topics *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return ERR_NO_MEMORY;
    t->cluster = *cluster;
    t->ask = ask;
    *out = t;
    return 0;
}

void io_topics_close(struct io_topics *t)
{
    if (t == NULL)
        return;
    io_kafka_ask_cancel(t->question);
    while (t->first != NULL) {
        struct io_topic *topic = t->first;
        assert(topic->holders == 0);
        t->first = topic->next;
        topic_free(topic);
    }
    free(t);
}
