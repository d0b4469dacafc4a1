/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenarios that end in the global stream: merge, end-to-end, failover. Its topic has commit
 * markers, so what has come out is what a reader has read.
 */
#include "bench/io_scenario.h"

#include <stdio.h>

#include "bench/io_client.h"
#include "bench/io_process.h"
#include "proto/err.h"

#define FILL_S 120

static const struct setting PLAIN = {
    .name = "1.5 to 12 KB",
    .event_bytes = 1500,
    .text_bytes = 10500,
    .batch = 50,
    .partitions = 1,
    .nodes = 1,
    .events = 15000,
    .warm_up = 3000,
};

/* ---- readers in both DCs ---------------------------------------------------------------------- */

struct readers {
    struct watch *of[STAGE_DCS];
};

static int readers_open(struct bench *b, const struct stage_stream *st, struct readers *r)
{
    for (int d = 0; d < STAGE_DCS; d++) {
        r->of[d] = bench_watch(b, st, d, st->global);
        if (r->of[d] == NULL)
            return ERR_NO_MEMORY;
    }
    return 0;
}

static int readers_await(const struct readers *r, uint64_t count)
{
    for (int d = 0; d < STAGE_DCS; d++) {
        const int rc = bench_await(r->of[d], count);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Ends them; the latency is the worse one's. */
static void readers_close(struct readers *r, struct point *p, uint64_t sent)
{
    double worst = -1;

    for (int d = 0; d < STAGE_DCS; d++) {
        struct watch_result result;
        if (r->of[d] == NULL)
            continue;
        watch_end(r->of[d], &result);
        r->of[d] = NULL;
        const double p99 = (double)hdr_value_at_percentile(result.latency, 99);
        if (result.latency->total_count > 0 && p99 > worst) {
            worst = p99;
            bench_latency(p, result.latency);
        }
        bench_audit(p, &result, sent);
    }
}

/* CPU and time between two numbers of events that both readers have read. */
static int measure(struct bench *b, const struct readers *r, const struct setting *setting,
                   struct point *p)
{
    int rc = readers_await(r, setting->warm_up);

    if (rc != 0)
        return rc;
    const uint64_t first0 = watch_distinct(r->of[0]);
    const uint64_t first1 = watch_distinct(r->of[1]);
    const struct meter m = bench_meter(b);
    rc = readers_await(r, setting->events);
    if (rc != 0)
        return rc;
    bench_meter_read(b, &m, p);
    p->events = setting->events - (first0 + first1) / 2;
    return 0;
}

/* ---- merge ------------------------------------------------------------------------------------ */

/* Reads both strands, writes one, in transactions: what one DC's merge has to do at least. */
static int merge_floor(struct bench *b, const struct setting *setting,
                       const struct stage_stream *st, double *out_cpu)
{
    char topic[STAGE_NAME_MAX + 32];
    struct floor_result result = {0};
    const struct floor_copy f = {
        .from = b->stage.kafka[0],
        .topics = {st->enriched[0], st->enriched[1]},
        .partitions = setting->partitions,
        .to = b->stage.kafka[0],
        .topic_to = topic,
        .count = setting->events,
        .warm = setting->warm_up,
        .cut_ms = 50,
    };
    struct point *p = bench_point(b, "floor", setting);

    if (p == NULL)
        return ERR_NO_MEMORY;
    (void)snprintf(topic, sizeof topic, "floor.merge.%s", st->topic);
    int rc = client_create_topic(b->stage.kafka[0], topic, setting->partitions);
    rc = rc != 0 ? rc : bench_floor_copy(b, &f, &result);
    client_delete_topic(b->stage.kafka[0], topic);
    (void)snprintf(p->name, sizeof p->name, "merge, %s", setting->name);
    (void)snprintf(p->note, sizeof p->note, "reads both strands, writes one, commits every 50 ms");
    p->events = result.events;
    p->seconds = result.seconds;
    p->cpu_s = result.cpu_s;
    p->peak_rss_mb = result.peak_mb;
    *out_cpu = point_cpu_per_1000(p);
    return rc;
}

/* Until both strands of each DC hold the whole backlog. */
static int await_strands(struct bench *b, const struct stage_stream *st, uint64_t events)
{
    for (int d = 0; d < STAGE_DCS; d++) {
        rd_kafka_t *rk = client_new(RD_KAFKA_CONSUMER, b->stage.kafka[d], NULL, NULL, NULL);
        if (rk == NULL)
            return ERR_UNAVAILABLE;
        const int64_t deadline = now_us() + FILL_S * 1000000LL;
        bool is_there = false;
        while (!is_there && now_us() < deadline) {
            sleep_us(50000);
            is_there = client_ends(rk, st->enriched[0], st->partitions) >= (int64_t)events &&
                       client_ends(rk, st->enriched[1], st->partitions) >= (int64_t)events;
        }
        rd_kafka_destroy(rk);
        if (!is_there) {
            (void)fprintf(stderr, "braid-bench: the strands in %s are not complete after %d s\n",
                          STAGE_DC[d], FILL_S);
            return ERR_TIMEOUT;
        }
    }
    return 0;
}

static int merge_one(struct bench *b, const struct setting *setting)
{
    struct stage_stream st = {.rest = {STAGE_REST_MERGE, STAGE_REST_MERGE}};
    struct readers readers = {{NULL}};
    double floor = -1;

    int rc = bench_prepare(b, setting);
    rc = rc != 0 ? rc : bench_stream(b, "merge", setting, &st);
    rc = rc != 0 ? rc : bench_fill(b, &st, 0, setting->events);
    rc = rc != 0 ? rc : stage_stream_apply(&b->stage, &st);
    rc = rc != 0 ? rc : await_strands(b, &st, setting->events);
    rc = rc != 0 ? rc : merge_floor(b, setting, &st, &floor);
    struct point *p = rc != 0 ? NULL : bench_point(b, "merge", setting);
    if (p != NULL) {
        p->floor_cpu_s_per_1000 = floor;
        p->ratio_at_most = 2;
        (void)snprintf(p->note, sizeof p->note, "CPU of one DC's merge: half of both nodes'");
        rc = readers_open(b, &st, &readers);
        rc = rc != 0 ? rc : stage_release(&b->stage, &st, STAGE_REST_MERGE);
        rc = rc != 0 ? rc : measure(b, &readers, setting, p);
        p->cpu_s /= STAGE_DCS;
        readers_close(&readers, p, setting->events);
    }
    stage_stream_close(&b->stage, &st);
    return rc;
}

void scenario_merge(struct bench *b)
{
    struct setting setting = PLAIN;

    setting.name = "12 KB";
    bench_run(b, "merge", &setting, merge_one);
    setting.name = "1.5 KB"; /* the events with next to no text */
    setting.event_bytes = 1300;
    setting.text_bytes = 200;
    setting.events = 30000;
    setting.warm_up = 6000;
    bench_run(b, "merge", &setting, merge_one);
    if (!b->is_full)
        return;
    setting.name = "dedup window 10^4";
    setting.dedup_window = 10000;
    bench_run(b, "merge", &setting, merge_one);
    setting.name = "dedup window 10^6";
    setting.dedup_window = 1000000;
    bench_run(b, "merge", &setting, merge_one);
}

/* ---- end to end ------------------------------------------------------------------------------- */

static int end_to_end_backlog(struct bench *b, const struct setting *setting)
{
    struct stage_stream st = {.partitions = 1};
    struct readers readers = {{NULL}};

    int rc = bench_prepare(b, setting);
    rc = rc != 0 ? rc : bench_stream(b, "end-to-end", setting, &st);
    for (int d = 0; rc == 0 && d < STAGE_DCS; d++)
        rc = bench_fill(b, &st, d, setting->events / STAGE_DCS);
    struct point *p = rc != 0 ? NULL : bench_point(b, "end-to-end", setting);
    if (p != NULL) {
        p->cpu_at_most = setting->nodes == 1 && setting->partitions == 1 ? 0.25 : -1;
        p->rss_at_most_mb = 100;
        (void)snprintf(p->note, sizeof p->note,
                       "2 copies of source, 2 enrichments, 2 copies of enriched, 2 merges");
        const int64_t start_us = now_us();
        rc = stage_stream_apply(&b->stage, &st);
        rc = rc != 0 ? rc : readers_open(b, &st, &readers);
        rc = rc != 0 ? rc : bench_await(readers.of[0], 1);
        p->start_s = (double)(now_us() - start_us) / 1e6;
        rc = rc != 0 ? rc : measure(b, &readers, setting, p);
        readers_close(&readers, p, setting->events);
    }
    stage_stream_close(&b->stage, &st);
    return rc;
}

/* Latency alone: a steady load on a stream that is not behind. */
static int end_to_end_steady(struct bench *b, const struct setting *setting)
{
    struct stage_stream st = {.partitions = 1};
    struct readers readers = {{NULL}};
    const uint64_t sent =
        setting->events + (uint64_t)(setting->rate / STAGE_DCS * setting->steady_s) * STAGE_DCS;

    int rc = bench_prepare(b, setting);
    rc = rc != 0 ? rc : bench_stream(b, "end-to-end", setting, &st);
    rc = rc != 0 ? rc : bench_fill(b, &st, 0, setting->events);
    rc = rc != 0 ? rc : stage_stream_apply(&b->stage, &st);
    rc = rc != 0 ? rc : readers_open(b, &st, &readers);
    rc = rc != 0 ? rc : readers_await(&readers, setting->events);
    struct point *p = rc != 0 ? NULL : bench_point(b, "end-to-end", setting);
    if (p != NULL) {
        p->p50_at_most_ms = 250;
        p->p99_at_most_ms = 500;
        p->rss_at_most_mb = 100;
        watch_measure(readers.of[1], now_wall_us() + 2000000);
        const struct meter m = bench_meter(b);
        rc = bench_steady(b, &st, setting, p, STAGE_DCS, readers.of[0]);
        rc = rc != 0 ? rc : readers_await(&readers, sent);
        bench_meter_read(b, &m, p);
        p->events = sent - setting->events;
    }
    if (p != NULL)
        readers_close(&readers, p, sent);
    stage_stream_close(&b->stage, &st);
    return rc;
}

void scenario_end_to_end(struct bench *b)
{
    const struct {
        const char *name;
        int nodes;
        int partitions;
    } points[] = {
        {"1 node a DC, 12 partitions", 1, 12},
        {"2 nodes a DC, 12 partitions", 2, 12},
        {"4 nodes a DC, 12 partitions", 4, 12},
    };
    const struct setting steady = {.name = "500/s, 20 ms one way, API 50 ms",
                                   .event_bytes = 1500,
                                   .text_bytes = 10500,
                                   .batch = 50,
                                   .partitions = 1,
                                   .nodes = 1,
                                   .api_latency_ms = 50,
                                   .one_way_ms = 20,
                                   .events = 200,
                                   .rate = 500,
                                   .steady_s = 20};
    struct setting setting = PLAIN;

    bench_run(b, "end-to-end", &setting, end_to_end_backlog);
    bench_run(b, "end-to-end", &steady, end_to_end_steady);
    for (size_t i = 0; b->is_full && i < sizeof points / sizeof points[0]; i++) {
        setting.name = points[i].name;
        setting.nodes = points[i].nodes;
        setting.partitions = points[i].partitions;
        bench_run(b, "end-to-end", &setting, end_to_end_backlog);
    }
    if (b->is_full)
        scenario_many_streams(b);
}

/* ---- failover --------------------------------------------------------------------------------- */

/* Both DCs are written to; DC 0 dies in the middle and comes back; DC 1's readers are watched. */
struct failover {
    struct load *loads[STAGE_DCS];
    struct load_result results[STAGE_DCS];
    uint64_t sent;
};

static int failover_start(struct bench *b, const struct stage_stream *st,
                          const struct setting *setting, struct failover *f)
{
    for (int d = 0; d < STAGE_DCS; d++) {
        const struct load_config config = {
            .bootstrap = b->stage.kafka[d],
            .topic = st->source[d],
            .partitions = st->partitions,
            .source = &b->source,
            .first = b->next_event,
            .count = (uint64_t)(setting->rate / STAGE_DCS * setting->steady_s),
            .rate = setting->rate / STAGE_DCS,
        };
        b->next_event += config.count;
        f->loads[d] = load_start(&config);
        if (f->loads[d] == NULL)
            return ERR_UNAVAILABLE;
    }
    return 0;
}

/* Both loads' ends; what Kafka has acknowledged must come out. */
static void failover_end(struct failover *f, struct point *p)
{
    for (int d = 0; d < STAGE_DCS; d++) {
        if (f->loads[d] == NULL)
            continue;
        f->results[d] = load_wait(f->loads[d]);
        f->sent += f->results[d].sent - f->results[d].failed;
        p->is_saturated = p->is_saturated || load_is_saturated(&f->results[d]);
    }
}

static int failover_story(struct bench *b, const struct setting *setting, struct failover *f,
                          const struct readers *r)
{
    sleep_us((int64_t)(setting->steady_s * 1e6 / 4));
    watch_measure(r->of[1], now_wall_us());
    sleep_us(2000000);
    int rc = stage_cluster(&b->stage, "kill-dc", STAGE_DC[0]);
    load_stop(f->loads[0]); /* its events' Kafka is dead: nobody takes them */
    sleep_us((int64_t)(setting->steady_s * 1e6 / 4));
    rc = rc != 0 ? rc : stage_cluster(&b->stage, "start-dc", STAGE_DC[0]);
    stage_nodes_find(&b->stage);
    return rc;
}

static int failover_one(struct bench *b, const struct setting *setting)
{
    struct stage_stream st = {.partitions = 1};
    struct readers readers = {{NULL}};
    struct failover f = {.sent = 0};
    struct watch_result seen;

    int rc = bench_prepare(b, setting);
    rc = rc != 0 ? rc : bench_stream(b, "failover", setting, &st);
    rc = rc != 0 ? rc : bench_fill(b, &st, 1, setting->events);
    rc = rc != 0 ? rc : stage_stream_apply(&b->stage, &st);
    rc = rc != 0 ? rc : readers_open(b, &st, &readers);
    rc = rc != 0 ? rc : readers_await(&readers, setting->events);
    struct point *p = rc != 0 ? NULL : bench_point(b, "failover", setting);
    if (p == NULL)
        goto out;
    f.sent = setting->events;
    rc = failover_start(b, &st, setting, &f);
    rc = rc != 0 ? rc : failover_story(b, setting, &f, &readers);
    failover_end(&f, p);
    /* DC 0's Kafka was away: its reader begins anew, and reads everything again. */
    watch_end(readers.of[0], &seen);
    hdr_close(seen.latency);
    readers.of[0] = bench_watch(b, &st, 0, st.global);
    rc = rc != 0 ? rc : readers_await(&readers, f.sent);
    watch_end(readers.of[1], &seen);
    readers.of[1] = NULL;
    p->gap_max_ms = (double)seen.gap_max_us / 1000;
    bench_latency(p, seen.latency);
    bench_audit(p, &seen, f.sent);
    readers_close(&readers, p, f.sent);
    (void)snprintf(
        p->note, sizeof p->note,
        "gap: longest time without a record in the DC that lives; latency there, from 2 s "
        "before the fault to the end of the catching up");
out:
    stage_stream_close(&b->stage, &st);
    return rc;
}

void scenario_failover(struct bench *b)
{
    const struct setting setting = {.name = "a DC dies at 400 events/s",
                                    .event_bytes = 1500,
                                    .text_bytes = 10500,
                                    .batch = 50,
                                    .partitions = 1,
                                    .nodes = 1,
                                    .api_latency_ms = 50,
                                    .one_way_ms = 20,
                                    .events = 200,
                                    .rate = 400,
                                    .steady_s = 40};

    bench_run(b, "failover", &setting, failover_one);
}
