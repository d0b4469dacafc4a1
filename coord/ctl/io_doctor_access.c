/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_doctor_access.c - what these credentials may do with a stream's topics, as the brokers say it: run
 * where a node runs and with a node's credentials, it says what the node may.
 */
#include <string.h>

#include "coord/ctl/io_doctor.h"
#include "coord/tasks.h"

struct asking {
    const char *names[TOPICS_WANTED_MAX];
    unsigned wanted[TOPICS_WANTED_MAX];
    unsigned had[TOPICS_WANTED_MAX];
    size_t count;
};

static void ask_for(struct asking *q, const char *topic, unsigned wanted)
{
    if (q->count == TOPICS_WANTED_MAX)
        return;
    q->names[q->count] = topic;
    q->wanted[q->count++] = wanted;
}

/* Asks one Kafka; a line for each topic with which something may not be done. How many were asked. */
static size_t ask(struct visiting *x, struct kafka_admin *admin, struct slice dc, struct asking *q)
{
    struct arena *a = x->doctor->arena;

    if (q->count == 0)
        return 0;
    if (kafka_admin_access(admin, q->names, q->count, q->had) != 0) {
        doctor_add(x->doctor,
                   (struct doctor_line){.verdict = DOCTOR_BAD,
                                        .check = "ACLs",
                                        .where = text_format(a, "%.*s", SLICE_ARG(dc)),
                                        .what = "the brokers do not say what we may: see above",
                                        .fix = "Braid needs brokers that describe topics"});
        return 0;
    }
    for (size_t i = 0; i < q->count; i++)
        doctor_check_access(x->doctor, dc, q->names[i], q->wanted[i] & ~q->had[i]);
    return q->count;
}

static size_t ask_site(struct visiting *x, const struct applying *ap, const struct apply_site *site)
{
    struct arena *a = x->doctor->arena;
    struct asking *own = arena_calloc(a, 1, sizeof(*own));
    struct asking *sources = arena_calloc(a, 1, sizeof(*sources));

    if (own == NULL || sources == NULL)
        return 0;
    for (size_t i = 0; i < site->wanted_count; i++) {
        if (!site->is_missing[i])
            ask_for(own, site->wanted[i].name, DOCTOR_MAY_READ | DOCTOR_MAY_WRITE);
    }
    for (size_t i = 0; i < ap->source_count; i++) {
        const struct topic_source *source = &ap->sources[i];

        if (slice_equal(source->dc, site->dc) && !task_is_request(source->topic))
            ask_for(sources, topic_prefixed(a, site->dc, source->topic), DOCTOR_MAY_READ);
    }
    return ask(x, site->admin, site->dc, own) + ask(x, site->source_admin, site->dc, sources);
}

void doctor_access(struct visiting *x, const struct applying *ap)
{
    const size_t bad = x->doctor->bad;
    size_t asked = 0;

    for (size_t i = 0; i < ap->site_count; i++)
        asked += ask_site(x, ap, &ap->sites[i]);
    if (x->doctor->bad > bad)
        return;
    doctor_add(
        x->doctor,
        (struct doctor_line){
            .check = "ACLs",
            .where = text_format(x->doctor->arena, "%.*s", SLICE_ARG(ap->spec.output)),
            .what = text_format(x->doctor->arena,
                                "these credentials may use %zu topics as a node does", asked)});
}
