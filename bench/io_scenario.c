/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/io_scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/io_client.h"
#include "bench/io_process.h"
#include "proto/err.h"

#define SILENCE_US    (30LL * 1000000)
#define TEXT_SIGMA    0.8
#define LATENCY_SIGMA 0.3
#define STEADY_WARM_S 2 /* of the steady part, not measured */

struct point *bench_point(struct bench *b, const char *scenario, const struct setting *setting)
{
    struct bench_report *r = b->report;

    if (r->count == POINTS_MAX)
        return NULL; /* the scenario fails */
    struct point *p = &r->points[r->count++];
    *p = (struct point){
        .event_bytes = setting->event_bytes,
        .text_bytes = setting->text_bytes,
        .batch = setting->batch,
        .partitions = (uint32_t)setting->partitions,
        .nodes = (uint32_t)setting->nodes,
        .api_latency_ms = setting->api_latency_ms,
        .one_way_ms = (uint32_t)setting->one_way_ms,
        .rate = setting->rate,
        .warm_up = setting->warm_up,
        .requests = -1,
        .connections = -1,
        .floor_cpu_s_per_1000 = -1,
        .ratio_at_most = -1,
        .cpu_at_most = -1,
        .p50_at_most_ms = -1,
        .p99_at_most_ms = -1,
        .enriched_s = -1,
        .start_s = -1,
        .enriched_at_most_s = -1,
        .start_at_most_s = -1,
        .rss_at_most_mb = -1,
        .gap_max_ms = -1,
    };
    (void)snprintf(p->scenario, sizeof p->scenario, "%s", scenario);
    (void)snprintf(p->name, sizeof p->name, "%s", setting->name);
    (void)fprintf(stderr, "braid-bench: %s: %s\n", scenario, setting->name);
    return p;
}

static bool has_point(const struct bench_report *r, const char *scenario, const char *name)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (strcmp(r->points[i].scenario, scenario) == 0 && strcmp(r->points[i].name, name) == 0)
            return true;
    return false;
}

void bench_run(struct bench *b, const char *scenario, const struct setting *setting,
               int (*one)(struct bench *b, const struct setting *setting))
{
    const uint32_t before = b->report->count;

    if (has_point(b->report, scenario, setting->name))
        return;
    if (b->only != NULL && strstr(setting->name, b->only) == NULL)
        return;
    if (now_us() > b->until_us) {
        (void)fprintf(stderr, "braid-bench: no time left for %s: %s\n", scenario, setting->name);
        b->failed++;
        return;
    }
    if (one(b, setting) != 0) {
        (void)fprintf(stderr, "braid-bench: %s: %s could not be measured\n", scenario,
                      setting->name);
        b->report->count = before;
        b->failed++;
        return;
    }
    b->save(b);
}

static int prepare_texts(struct bench *b, uint32_t text_bytes)
{
    if (b->text_bytes == text_bytes)
        return 0;
    arena_deinit(&b->text_arena);
    arena_init(&b->text_arena, 1024 * 1024, 128 * 1024 * 1024);
    b->text_bytes = text_bytes;
    return texts_fill(&b->texts, b->seed, text_bytes, TEXT_SIGMA, &b->text_arena);
}

int bench_prepare(struct bench *b, const struct setting *setting)
{
    const struct io_api_config api = {
        .port = b->stage.api_port,
        .seed = b->seed,
        .text_bytes = setting->text_bytes,
        .text_sigma = TEXT_SIGMA,
        .latency_ms = setting->api_latency_ms,
        .latency_sigma = LATENCY_SIGMA,
    };
    int rc = prepare_texts(b, setting->text_bytes);

    rc = rc != 0 ? rc : stage_api_start(&b->stage, &api);
    if (rc == 0)
        event_source_init(&b->source, b->seed, &b->texts, setting->event_bytes);
    if (rc == 0 && b->one_way_ms != setting->one_way_ms)
        rc = stage_latency(&b->stage, setting->one_way_ms);
    b->one_way_ms = setting->one_way_ms;
    /* Fresh ones: what the last stream left in a heap would count as this one's memory. */
    return rc != 0 ? rc : stage_nodes_start(&b->stage, setting->nodes);
}

int bench_stream(struct bench *b, const char *scenario, const struct setting *setting,
                 struct stage_stream *st)
{
    st->partitions = setting->partitions;
    st->batch = (int)setting->batch;
    st->in_flight = 32;
    st->dedup_window = setting->dedup_window > 0 ? setting->dedup_window : 200000;
    return stage_stream_open(&b->stage, scenario, st);
}

int bench_fill(struct bench *b, const struct stage_stream *st, int d, uint64_t count)
{
    const struct load_config config = {
        .bootstrap = b->stage.kafka[d],
        .topic = st->source[d],
        .partitions = st->partitions,
        .source = &b->source,
        .first = b->next_event,
        .count = count,
    };
    struct load *l = load_start(&config);

    if (l == NULL)
        return ERR_UNAVAILABLE;
    const struct load_result result = load_wait(l);
    b->next_event += count;
    if (result.sent == count && result.failed == 0)
        return 0;
    (void)fprintf(stderr, "braid-bench: Kafka in %s did not take all events\n", STAGE_DC[d]);
    return ERR_DELIVERY;
}

/* ---- floors ----------------------------------------------------------------------------------- */

static int parse_floor(const char *text, int code, struct floor_result *out)
{
    char *at = NULL;

    out->events = strtoull(text, &at, 10);
    out->seconds = strtod(at, &at);
    out->cpu_s = strtod(at, &at);
    out->peak_mb = strtod(at, NULL);
    if (code == 0 && out->events > 0 && out->seconds > 0)
        return 0;
    (void)fprintf(stderr, "braid-bench: a floor could not be measured\n");
    return ERR_UNAVAILABLE;
}

int bench_floor_copy(struct bench *b, const struct floor_copy *f, struct floor_result *out)
{
    char numbers[5][32];
    char text[256];
    const char *const argv[] = {"/proc/self/exe",
                                "--child",
                                "floor-copy",
                                f->from,
                                f->topics[0],
                                (f->topics[1] != NULL ? f->topics[1] : "-"),
                                (f->to != NULL ? f->to : "-"),
                                (f->topic_to != NULL ? f->topic_to : "-"),
                                numbers[0],
                                numbers[1],
                                numbers[2],
                                numbers[3],
                                numbers[4],
                                NULL};

    (void)b;
    (void)snprintf(numbers[0], 32, "%d", f->partitions);
    (void)snprintf(numbers[1], 32, "%llu", (unsigned long long)f->count);
    (void)snprintf(numbers[2], 32, "%llu", (unsigned long long)f->warm);
    (void)snprintf(numbers[3], 32, "%u", f->value_bytes);
    (void)snprintf(numbers[4], 32, "%u", f->cut_ms);
    const int code = process_read(argv, text, sizeof text);
    return parse_floor(text, code, out);
}

int bench_floor_curl(struct bench *b, const struct floor_curl *f, struct floor_result *out)
{
    char numbers[4][32];
    char text[256];
    const char *const argv[] = {"/proc/self/exe", "--child",  "floor-curl", f->url,     f->host,
                                numbers[0],       numbers[1], numbers[2],   numbers[3], NULL};

    (void)b;
    (void)snprintf(numbers[0], 32, "%llu", (unsigned long long)f->count);
    (void)snprintf(numbers[1], 32, "%llu", (unsigned long long)f->warm);
    (void)snprintf(numbers[2], 32, "%u", f->batch);
    (void)snprintf(numbers[3], 32, "%u", f->in_flight);
    const int code = process_read(argv, text, sizeof text);
    return parse_floor(text, code, out);
}

/* ---- measuring -------------------------------------------------------------------------------- */

struct meter bench_meter(const struct bench *b)
{
    struct meter m = {.counts = {0}};

    stage_reset_peak(&b->stage);
    m.has_counts = io_api_read_counts(&m.counts) == 0;
    m.start_us = now_us();
    m.cpu_s = stage_cpu_s(&b->stage);
    return m;
}

void bench_meter_read(const struct bench *b, const struct meter *m, struct point *p)
{
    struct io_api_counts now;

    p->cpu_s = stage_cpu_s(&b->stage) - m->cpu_s;
    p->seconds = (double)(now_us() - m->start_us) / 1e6;
    p->peak_rss_mb = stage_peak_mb(&b->stage);
    if (!m->has_counts || io_api_read_counts(&now) != 0)
        return;
    p->requests = (double)(now.requests - m->counts.requests);
    p->connections = (double)(now.connections - m->counts.connections);
}

/* ---- watching --------------------------------------------------------------------------------- */

struct watch *bench_watch(const struct bench *b, const struct stage_stream *st, int d,
                          const char *topic)
{
    const struct watch_config config = {
        .bootstrap = b->stage.kafka[d],
        .topic = topic,
        .partitions = topic == st->global ? 1 : st->partitions,
        .is_global = topic == st->global,
        .dcs = {slice_str(STAGE_DC[0]), slice_str(STAGE_DC[1])},
        .source_partitions = st->partitions,
        .offsets_max = 2000000,
    };

    return watch_start(&config);
}

int bench_await(const struct watch *w, uint64_t count)
{
    uint64_t before = 0;
    int64_t heard_us = now_us();

    while (watch_distinct(w) < count) {
        const uint64_t now = watch_distinct(w);
        if (now != before)
            heard_us = now_us();
        before = now;
        if (now_us() - heard_us > SILENCE_US) {
            (void)fprintf(stderr, "braid-bench: %llu of %llu events, and no more for 30 s\n",
                          (unsigned long long)now, (unsigned long long)count);
            return ERR_TIMEOUT;
        }
        sleep_us(2000);
    }
    return 0;
}

void bench_latency(struct point *p, const struct hdr_histogram *h)
{
    struct point_latency *l = &p->latency;

    l->count = (uint64_t)h->total_count;
    if (l->count == 0)
        return;
    const struct {
        double percentile;
        double *to;
    } wanted[] = {
        {50, &l->p50}, {90, &l->p90}, {99, &l->p99}, {99.9, &l->p999}, {99.99, &l->p9999}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        *wanted[i].to = (double)hdr_value_at_percentile(h, wanted[i].percentile) / 1000;
    l->max = (double)hdr_max(h) / 1000;
    for (int i = 0; i < POINT_CURVE; i++)
        l->curve[i] = (double)hdr_value_at_percentile(h, point_percentile(i)) / 1000;
}

void bench_audit(struct point *p, struct watch_result *w, uint64_t sent)
{
    const struct tally *t = &w->tally;

    p->lost += sent > t->distinct ? sent - t->distinct : 0;
    p->duplicated += t->duplicated;
    p->reordered += t->reordered + t->seq_faults;
    p->not_ok += t->not_ok + t->unknown;
    p->slice_ms = WATCH_SLICE_MS;
    p->slice_count = w->slice_count < POINT_SLICES ? w->slice_count : POINT_SLICES;
    memcpy(p->slices, w->slices, p->slice_count * sizeof p->slices[0]);
    hdr_close(w->latency);
}

/* ---- the steady part -------------------------------------------------------------------------- */

static void note_load(struct point *p, const struct load_result *r)
{
    const double late_ms = (double)r->late_max_us / 1000;

    p->is_saturated = p->is_saturated || load_is_saturated(r);
    p->late_max_ms = late_ms > p->late_max_ms ? late_ms : p->late_max_ms;
}

int bench_steady(struct bench *b, const struct stage_stream *st, const struct setting *setting,
                 struct point *p, int dcs, struct watch *w)
{
    const uint64_t count = (uint64_t)(setting->rate / dcs * setting->steady_s);
    const uint64_t before = watch_distinct(w);
    struct load *loads[STAGE_DCS] = {NULL};
    int rc = 0;

    watch_measure(w, now_wall_us() + STEADY_WARM_S * 1000000);
    for (int d = 0; d < dcs; d++) {
        const struct load_config config = {
            .bootstrap = b->stage.kafka[d],
            .topic = st->source[d],
            .partitions = st->partitions,
            .source = &b->source,
            .first = b->next_event,
            .count = count,
            .rate = setting->rate / dcs,
        };
        b->next_event += count;
        loads[d] = load_start(&config);
        if (loads[d] == NULL)
            rc = ERR_UNAVAILABLE;
    }
    for (int d = 0; d < dcs; d++) {
        if (loads[d] == NULL)
            continue;
        const struct load_result result = load_wait(loads[d]);
        note_load(p, &result);
        if (result.sent != count || result.failed > 0)
            rc = ERR_DELIVERY;
    }
    return rc != 0 ? rc : bench_await(w, before + count * (uint64_t)dcs);
}
