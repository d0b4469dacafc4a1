/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report.h"

#include <math.h>

double point_cpu_per_1000(const struct point *p)
{
    return p->events == 0 ? 0 : p->cpu_s * 1000 / (double)p->events;
}

double point_ratio(const struct point *p)
{
    return p->floor_cpu_s_per_1000 <= 0 ? -1 : point_cpu_per_1000(p) / p->floor_cpu_s_per_1000;
}

bool point_has_target(const struct point *p)
{
    return p->ratio_at_most >= 0 || p->cpu_at_most >= 0 || p->p50_at_most_ms >= 0 ||
           p->p99_at_most_ms >= 0 || p->enriched_at_most_s >= 0 || p->start_at_most_s >= 0 ||
           p->rss_at_most_mb >= 0;
}

/* Times that were not measured are not met. */
static bool starts_in_time(const struct point *p)
{
    return (p->enriched_at_most_s < 0 ||
            (p->enriched_s >= 0 && p->enriched_s <= p->enriched_at_most_s)) &&
           (p->start_at_most_s < 0 || (p->start_s >= 0 && p->start_s <= p->start_at_most_s));
}

bool point_is_met(const struct point *p)
{
    const bool is_cpu_asked = p->ratio_at_most >= 0 || p->cpu_at_most >= 0;
    const bool is_latency_asked = p->p50_at_most_ms >= 0 || p->p99_at_most_ms >= 0;

    if ((is_cpu_asked && p->events == 0) || (is_latency_asked && p->latency.count == 0))
        return false; /* not measured */
    return starts_in_time(p) && (p->rss_at_most_mb < 0 || p->peak_rss_mb <= p->rss_at_most_mb) &&
           (p->ratio_at_most < 0 || point_ratio(p) <= p->ratio_at_most) &&
           (p->cpu_at_most < 0 || point_cpu_per_1000(p) <= p->cpu_at_most) &&
           (p->p50_at_most_ms < 0 || p->latency.p50 <= p->p50_at_most_ms) &&
           (p->p99_at_most_ms < 0 || p->latency.p99 <= p->p99_at_most_ms);
}

/* 0, then ever closer to 100: 8 steps for each halving of what is left. */
double point_percentile(int i)
{
    return 100.0 * (1.0 - pow(0.5, i / 4.0));
}

static void add_string(struct text *out, const char *string)
{
    text_adds(out, "\"");
    for (const char *c = string; *c != '\0'; c++)
        if (*c == '"' || *c == '\\')
            text_addf(out, "\\%c", *c);
        else if ((unsigned char)*c >= ' ')
            text_addf(out, "%c", *c);
    text_adds(out, "\"");
}

static void add_text(struct text *out, const char *name, const char *value)
{
    text_addf(out, "\"%s\": ", name);
    add_string(out, value);
    text_adds(out, ", ");
}

/* null where there is none. */
static void add_number(struct text *out, const char *name, double value)
{
    if (value < 0)
        text_addf(out, "\"%s\": null, ", name);
    else
        text_addf(out, "\"%s\": %.6g, ", name, value);
}

static void add_count(struct text *out, const char *name, uint64_t value)
{
    text_addf(out, "\"%s\": %llu, ", name, (unsigned long long)value);
}

static void json_environment(const struct environment *e, struct text *out)
{
    text_adds(out, "  \"environment\": {");
    add_text(out, "started", e->started);
    add_text(out, "braid", e->version);
    add_text(out, "cpu", e->cpu);
    add_count(out, "cpus", (uint64_t)e->cpus);
    add_number(out, "memory_gb", e->memory_gb);
    add_text(out, "kernel", e->kernel);
    add_text(out, "librdkafka", e->librdkafka);
    add_text(out, "libcurl", e->libcurl);
    add_text(out, "compiler", e->compiler);
    add_text(out, "kafka", e->kafka);
    add_number(out, "load_before", e->load_before);
    add_count(out, "seed", e->seed);
    text_addf(out, "\"full\": %s},\n", e->is_full ? "true" : "false");
}

static void json_latency(const struct point_latency *l, struct text *out)
{
    if (l->count == 0) {
        text_adds(out, "\"latency_ms\": null, ");
        return;
    }
    text_addf(out,
              "\"latency_ms\": {\"count\": %llu, \"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, "
              "\"p999\": %.3f, \"p9999\": %.3f, \"max\": %.3f}, ",
              (unsigned long long)l->count, l->p50, l->p90, l->p99, l->p999, l->p9999, l->max);
}

static void json_parameters(const struct point *p, struct text *out)
{
    text_adds(out, "\"parameters\": {");
    add_count(out, "event_bytes", p->event_bytes);
    add_count(out, "text_bytes", p->text_bytes);
    add_count(out, "batch", p->batch);
    add_count(out, "partitions", p->partitions);
    add_count(out, "nodes_per_dc", p->nodes);
    add_number(out, "api_latency_ms", p->api_latency_ms);
    add_count(out, "one_way_ms", p->one_way_ms);
    add_count(out, "warm_up_events", p->warm_up);
    text_addf(out, "\"steady_events_per_s\": %.6g}, ", p->rate);
}

static void json_targets(const struct point *p, struct text *out)
{
    text_adds(out, "\"target\": {");
    add_number(out, "ratio_at_most", p->ratio_at_most);
    add_number(out, "cpu_s_per_1000_events_at_most", p->cpu_at_most);
    add_number(out, "p50_ms_at_most", p->p50_at_most_ms);
    add_number(out, "p99_ms_at_most", p->p99_at_most_ms);
    add_number(out, "first_enriched_s_at_most", p->enriched_at_most_s);
    add_number(out, "first_global_s_at_most", p->start_at_most_s);
    add_number(out, "peak_rss_mb_at_most", p->rss_at_most_mb);
    text_addf(out, "\"met\": %s}",
              !point_has_target(p) ? "null"
              : point_is_met(p)    ? "true"
                                   : "false");
}

static void json_point(const struct point *p, struct text *out)
{
    text_adds(out, "    {");
    add_text(out, "scenario", p->scenario);
    add_text(out, "name", p->name);
    json_parameters(p, out);
    add_count(out, "events", p->events);
    add_number(out, "seconds", p->seconds);
    add_number(out, "events_per_s", p->seconds > 0 ? (double)p->events / p->seconds : 0);
    add_number(out, "cpu_s_per_1000_events", point_cpu_per_1000(p));
    add_number(out, "peak_rss_mb", p->peak_rss_mb);
    add_number(out, "requests", p->requests);
    add_number(out, "connections", p->connections);
    add_number(out, "floor_cpu_s_per_1000_events", p->floor_cpu_s_per_1000);
    add_number(out, "ratio_to_floor", point_ratio(p));
    json_latency(&p->latency, out);
    add_number(out, "first_enriched_s", p->enriched_s);
    add_number(out, "start_s", p->start_s);
    add_number(out, "gap_max_ms", p->gap_max_ms);
    add_count(out, "lost", p->lost);
    add_count(out, "duplicated", p->duplicated);
    add_count(out, "reordered", p->reordered);
    add_count(out, "not_ok", p->not_ok);
    text_addf(out, "\"generator_saturated\": %s, ", p->is_saturated ? "true" : "false");
    add_number(out, "generator_late_max_ms", p->late_max_ms);
    add_text(out, "note", p->note);
    json_targets(p, out);
    text_adds(out, "}");
}

void report_json(const struct bench_report *r, struct text *out)
{
    text_adds(out, "{\n  \"apiVersion\": \"braid-bench/v1\",\n");
    json_environment(&r->environment, out);
    text_adds(out, "  \"points\": [\n");
    for (uint32_t i = 0; i < r->count; i++) {
        json_point(&r->points[i], out);
        text_adds(out, i + 1 < r->count ? ",\n" : "\n");
    }
    text_adds(out, "  ]\n}\n");
}

void report_line(const struct point *p, struct text *out)
{
    text_addf(out, "%-11s %-26s", p->scenario, p->name);
    if (p->events > 0)
        text_addf(out, " %8.0f events/s  %.4f CPU-s/1,000",
                  p->seconds > 0 ? (double)p->events / p->seconds : 0, point_cpu_per_1000(p));
    if (point_ratio(p) >= 0)
        text_addf(out, "  %.2f x floor", point_ratio(p));
    if (p->peak_rss_mb > 0)
        text_addf(out, "  %.0f MB", p->peak_rss_mb);
    if (p->latency.count > 0)
        text_addf(out, "  latency p50 %.0f p99 %.0f max %.0f ms", p->latency.p50, p->latency.p99,
                  p->latency.max);
    if (p->enriched_s >= 0)
        text_addf(out, "  first enriched %.2f s", p->enriched_s);
    if (p->start_s >= 0)
        text_addf(out, "  first global %.2f s", p->start_s);
    if (p->gap_max_ms >= 0)
        text_addf(out, "  longest gap %.0f ms", p->gap_max_ms);
    if (p->lost + p->duplicated + p->reordered > 0)
        text_addf(out, "  LOST %llu DUPLICATED %llu REORDERED %llu", (unsigned long long)p->lost,
                  (unsigned long long)p->duplicated, (unsigned long long)p->reordered);
    if (p->not_ok > 0)
        text_addf(out, "  not ok: %llu", (unsigned long long)p->not_ok);
    if (point_has_target(p))
        text_adds(out, point_is_met(p) ? "  target met" : "  TARGET MISSED");
    if (p->is_saturated)
        text_addf(out, "  GENERATOR SATURATED (late by up to %.0f ms)", p->late_max_ms);
}
