/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenarios of one line: floor, replicate, enrich. The line's output topic is not transactional,
 * so its end says how many records there are, and nobody need read them while it is measured.
 */
#include "bench/io_scenario.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/io_client.h"
#include "bench/io_process.h"
#include "proto/err.h"

#define SILENCE_US (30LL * 1000000)

enum {
    TEXT_BYTES = 10500, /* with 1.5 KB of event: 12 KB enriched */
};

static const struct setting PLAIN = {
    .name = "1.5 KB",
    .event_bytes = 1500,
    .text_bytes = TEXT_BYTES,
    .batch = 50,
    .partitions = 1,
    .nodes = 1,
    .events = 120000,
    .warm_up = 20000,
    .rate = 500,
    .steady_s = 8,
};

/* ---- floor ------------------------------------------------------------------------------------ */

static int add_floor(struct bench *b, const char *name, const struct floor_copy *f, struct point *p,
                     double *out_cpu)
{
    struct floor_result result = {0};
    const int rc = bench_floor_copy(b, f, &result);

    (void)snprintf(p->name, sizeof p->name, "%s", name);
    p->events = result.events;
    p->seconds = result.seconds;
    p->cpu_s = result.cpu_s;
    p->peak_rss_mb = result.peak_mb;
    if (rc == 0)
        *out_cpu = point_cpu_per_1000(p);
    return rc;
}

/* Copies DC 0's source topic to a new topic in DC 1. */
static int floor_of_stream(struct bench *b, const struct setting *setting,
                           const struct stage_stream *st, uint32_t cut_ms, double *out_cpu)
{
    char topic[STAGE_NAME_MAX + 32];
    const struct floor_copy f = {
        .from = b->stage.kafka[0],
        .topics = {st->source[0], NULL},
        .partitions = setting->partitions,
        .to = b->stage.kafka[1],
        .topic_to = topic,
        .count = setting->events,
        .warm = setting->warm_up,
        .cut_ms = cut_ms,
    };
    struct point *p = bench_point(b, "floor", setting);

    if (p == NULL)
        return ERR_NO_MEMORY;
    (void)snprintf(topic, sizeof topic, "floor.%u.%s", cut_ms, st->topic);
    int rc = client_create_topic(b->stage.kafka[1], topic, setting->partitions);
    if (rc == 0)
        rc = add_floor(b, cut_ms > 0 ? "copy, transactional" : "copy", &f, p, out_cpu);
    (void)snprintf(p->note, sizeof p->note, "of %u byte events, %d partition%s",
                   setting->event_bytes, setting->partitions, setting->partitions > 1 ? "s" : "");
    client_delete_topic(b->stage.kafka[1], topic);
    return rc;
}

static int floor_one(struct bench *b, const struct setting *setting)
{
    struct stage_stream st = {0};
    double cpu;

    int rc = bench_prepare(b, setting);
    rc = rc != 0 ? rc : bench_stream(b, "floor", setting, &st);
    rc = rc != 0 ? rc : bench_fill(b, &st, 0, setting->events);
    rc = rc != 0 ? rc : floor_of_stream(b, setting, &st, 0, &cpu);
    rc = rc != 0 ? rc : floor_of_stream(b, setting, &st, 50, &cpu);
    stage_stream_close(&b->stage, &st);
    return rc;
}

void scenario_floor(struct bench *b)
{
    struct setting setting = PLAIN;

    setting.name = "copy"; /* the first of its two points */
    bench_run(b, "floor", &setting, floor_one);
}

/* ---- the backlog of a line -------------------------------------------------------------------- */

struct output {
    rd_kafka_t *rk;
    const char *topic;
    int partitions;
};

static int await_ends(const struct output *o, uint64_t count)
{
    int64_t before = -1;
    int64_t heard_us = now_us();

    for (;;) {
        const int64_t ends = client_ends(o->rk, o->topic, o->partitions);
        if (ends >= (int64_t)count)
            return 0;
        if (ends != before)
            heard_us = now_us();
        before = ends;
        if (now_us() - heard_us > SILENCE_US) {
            (void)fprintf(stderr, "braid-bench: '%s' ends at %lld of %llu, and nothing comes\n",
                          o->topic, (long long)ends, (unsigned long long)count);
            return ERR_TIMEOUT;
        }
        sleep_us(5000);
    }
}

/* From the warm-up's end to the backlog's: exactly what came out between two looks. */
static int measure_backlog(struct bench *b, const struct output *o, const struct setting *setting,
                           struct point *p)
{
    int rc = await_ends(o, setting->warm_up);

    if (rc != 0)
        return rc;
    const int64_t first = client_ends(o->rk, o->topic, o->partitions);
    const struct meter m = bench_meter(b);
    rc = await_ends(o, setting->events);
    if (rc != 0 || first < 0)
        return rc != 0 ? rc : ERR_UNAVAILABLE;
    bench_meter_read(b, &m, p);
    p->events = setting->events - (uint64_t)first;
    return 0;
}

/* A line alone: the backlog, then the steady part, then the audit. d: where its output is. */
static int run_line(struct bench *b, const struct setting *setting, struct stage_stream *st, int d,
                    struct point *p)
{
    const char *topic =
        (st->rest[d] & STAGE_REST_COPY_SOURCE) != 0 ? st->enriched[d] : st->source[0];
    struct output o = {.topic = topic, .partitions = setting->partitions};
    struct watch_result result;

    int rc = stage_stream_apply(&b->stage, st);
    if (rc != 0)
        return rc;
    o.rk = client_new(RD_KAFKA_CONSUMER, b->stage.kafka[d], NULL, NULL, NULL);
    if (o.rk == NULL)
        return ERR_UNAVAILABLE;
    rc = measure_backlog(b, &o, setting, p);
    rd_kafka_destroy(o.rk);
    if (rc != 0)
        return rc;
    struct watch *w = bench_watch(b, st, d, topic);
    if (w == NULL)
        return ERR_NO_MEMORY;
    rc = bench_await(w, setting->events);
    if (rc == 0 && setting->rate > 0)
        rc = bench_steady(b, st, setting, p, 1, w);
    watch_end(w, &result);
    bench_latency(p, result.latency);
    const uint64_t steady = (uint64_t)(setting->rate * setting->steady_s);
    bench_audit(p, &result, setting->events + steady);
    return rc;
}

/* ---- replicate -------------------------------------------------------------------------------- */

static int replicate_one(struct bench *b, const struct setting *setting)
{
    struct stage_stream st = {.rest = {STAGE_REST_ALL, STAGE_REST_ALL & ~STAGE_REST_COPY_SOURCE}};
    double floor = -1;

    int rc = bench_prepare(b, setting);
    rc = rc != 0 ? rc : bench_stream(b, "replicate", setting, &st);
    rc = rc != 0 ? rc : bench_fill(b, &st, 0, setting->events);
    rc = rc != 0 ? rc : floor_of_stream(b, setting, &st, 0, &floor);
    struct point *p = rc != 0 ? NULL : bench_point(b, "replicate", setting);
    if (p != NULL) {
        p->floor_cpu_s_per_1000 = floor;
        p->ratio_at_most = setting->event_bytes == PLAIN.event_bytes ? 1.3 : -1;
        rc = run_line(b, setting, &st, 1, p);
    }
    stage_stream_close(&b->stage, &st);
    return rc;
}

void scenario_replicate(struct bench *b)
{
    const struct {
        const char *name;
        uint32_t bytes;
        int partitions;
        uint64_t events;
    } points[] = {
        {"1 KB", 1000, 1, 120000},           {"12 partitions", 1500, 12, 120000},
        {"96 partitions", 1500, 96, 120000}, {"12 KB", 12000, 1, 30000},
        {"4 MB", 4000000, 1, 120},
    };
    struct setting setting = PLAIN;

    bench_run(b, "replicate", &setting, replicate_one);
    for (size_t i = 0; b->is_full && i < sizeof points / sizeof points[0]; i++) {
        setting = PLAIN;
        setting.name = points[i].name;
        setting.event_bytes = points[i].bytes;
        setting.partitions = points[i].partitions;
        setting.events = points[i].events;
        setting.warm_up = points[i].events / 6;
        setting.rate = points[i].bytes > 100000 ? 2 : 500;
        bench_run(b, "replicate", &setting, replicate_one);
    }
}

/* ---- enrich ----------------------------------------------------------------------------------- */

/* Consume and produce of the same bytes, and the bare requests. */
static int enrich_floor(struct bench *b, const struct setting *setting,
                        const struct stage_stream *st, double *out_cpu)
{
    char topic[STAGE_NAME_MAX + 32];
    double copy = 0;
    struct floor_result result = {0};
    const struct floor_copy f = {
        .from = b->stage.kafka[0],
        .topics = {st->source[0], NULL},
        .partitions = setting->partitions,
        .to = b->stage.kafka[0],
        .topic_to = topic,
        .count = setting->events,
        .warm = setting->warm_up,
        .value_bytes = setting->event_bytes + (uint32_t)b->texts.bytes_mean,
    };
    const struct floor_curl requests = {
        .url = b->stage.api_url,
        .host = event_text_domain(1),
        .count = setting->events,
        .warm = setting->warm_up,
        .batch = setting->batch,
        .in_flight = 8, /* curl_multi_poll looks at each of them each time: more would only cost */
    };

    struct point *p = bench_point(b, "floor", setting);
    struct point *q = bench_point(b, "floor", setting);
    if (p == NULL || q == NULL)
        return ERR_NO_MEMORY;
    (void)snprintf(topic, sizeof topic, "floor.enriched.%s", st->topic);
    int rc = client_create_topic(b->stage.kafka[0], topic, setting->partitions);
    rc = rc != 0 ? rc : add_floor(b, "consume 1.5, produce 12 KB", &f, p, &copy);
    client_delete_topic(b->stage.kafka[0], topic);
    rc = rc != 0 ? rc : bench_floor_curl(b, &requests, &result);
    (void)snprintf(q->name, sizeof q->name, "libcurl, %u a request", setting->batch);
    q->events = result.events;
    q->seconds = result.seconds;
    q->cpu_s = result.cpu_s;
    q->peak_rss_mb = result.peak_mb;
    *out_cpu = copy + point_cpu_per_1000(q);
    return rc;
}

static int enrich_one(struct bench *b, const struct setting *setting)
{
    struct stage_stream st = {.rest = {STAGE_REST_ALL & ~STAGE_REST_ENRICH_OWN, STAGE_REST_ALL}};
    double floor = -1;

    int rc = bench_prepare(b, setting);
    rc = rc != 0 ? rc : bench_stream(b, "enrich", setting, &st);
    rc = rc != 0 ? rc : bench_fill(b, &st, 0, setting->events);
    rc = rc != 0 ? rc : enrich_floor(b, setting, &st, &floor);
    struct point *p = rc != 0 ? NULL : bench_point(b, "enrich", setting);
    if (p != NULL) {
        p->floor_cpu_s_per_1000 = floor;
        p->cpu_at_most = setting->batch == 1 ? 0.05 : 0.03;
        p->ratio_at_most = setting->batch == 1 ? 1.3 : -1;
        rc = run_line(b, setting, &st, 0, p);
    }
    stage_stream_close(&b->stage, &st);
    return rc;
}

void scenario_enrich(struct bench *b)
{
    struct setting setting = PLAIN;

    setting.name = "1.5 to 12 KB, one a request";
    setting.events = 20000;
    setting.warm_up = 4000;
    setting.batch = 1;
    bench_run(b, "enrich", &setting, enrich_one);
    setting.name = "1.5 to 12 KB, 50 a request";
    setting.events = 40000;
    setting.warm_up = 8000;
    setting.batch = 50;
    bench_run(b, "enrich", &setting, enrich_one);
    if (!b->is_full)
        return;
    setting.name = "API 100 ms, 50 a request";
    setting.api_latency_ms = 100;
    bench_run(b, "enrich", &setting, enrich_one);
    setting.name = "API 100 ms, one a request";
    setting.batch = 1;
    setting.events = 6000;
    setting.warm_up = 1000;
    setting.rate = 200;
    bench_run(b, "enrich", &setting, enrich_one);
}
