/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report.h"

static void add_number(struct text *out, const char *format_before, double value, int digits)
{
    if (value >= 0)
        text_addf(out, "%s%.*f", format_before, digits, value);
    else
        text_addf(out, "%s", format_before);
}

static void add_row(const struct point *p, struct text *out)
{
    text_addf(out, "| %s | %s |", p->scenario, p->name);
    add_number(out, " ", p->seconds > 0 ? (double)p->events / p->seconds : -1, 0);
    add_number(out, " | ", p->events > 0 ? point_cpu_per_1000(p) : -1, 4);
    add_number(out, " | ", point_ratio(p), 2);
    add_number(out, " | ", p->peak_rss_mb > 0 ? p->peak_rss_mb : -1, 0);
    if (p->requests > 0)
        text_addf(out, " | %.0f, %.0f", p->requests, p->connections);
    else
        text_adds(out, " | ");
    if (p->latency.count > 0)
        text_addf(out, " | %.0f / %.0f / %.0f%s", p->latency.p50, p->latency.p99, p->latency.max,
                  p->is_saturated ? " (generator saturated)" : "");
    else
        text_adds(out, " | ");
    text_addf(out, " | %llu, %llu, %llu |\n", (unsigned long long)p->lost,
              (unsigned long long)p->duplicated, (unsigned long long)p->reordered);
}

static void add_target(struct text *out, const char *what, double value, double at_most)
{
    if (at_most < 0)
        return;
    if (value < 0)
        text_addf(out, "%s: not measured, at most %g; ", what, at_most);
    else
        text_addf(out, "%s %.3g, at most %g: %s; ", what, value, at_most,
                  value <= at_most ? "met" : "**missed**");
}

static void add_targets(const struct point *p, struct text *out)
{
    const bool has_latency = p->latency.count > 0;

    text_addf(out, "| %s, %s | ", p->scenario, p->name);
    add_target(out, "x floor", point_ratio(p), p->ratio_at_most);
    add_target(out, "CPU-s per 1,000 events", p->events > 0 ? point_cpu_per_1000(p) : -1,
               p->cpu_at_most);
    add_target(out, "p50 ms", has_latency ? p->latency.p50 : -1, p->p50_at_most_ms);
    add_target(out, "p99 ms", has_latency ? p->latency.p99 : -1, p->p99_at_most_ms);
    add_target(out, "first enriched s", p->enriched_s, p->enriched_at_most_s);
    add_target(out, "first global s", p->start_s, p->start_at_most_s);
    add_target(out, "MB", p->peak_rss_mb, p->rss_at_most_mb);
    text_addf(out, "%s |\n", point_is_met(p) ? "all met" : "not all met");
}

void report_markdown(const struct bench_report *r, struct text *out)
{
    const struct environment *e = &r->environment;

    text_addf(out,
              "Begun %s on %s, %d CPUs, %.0f GB, %s; %s, librdkafka %s, libcurl %s, Kafka %s; seed "
              "%llu; load of the machine before: %.2f.\n\n",
              e->started, e->cpu, e->cpus, e->memory_gb, e->kernel, e->compiler, e->librdkafka,
              e->libcurl, e->kafka, (unsigned long long)e->seed, e->load_before);
    text_adds(out,
              "| scenario | point | events/s | CPU-s per 1,000 | x floor | peak MB | requests, "
              "connections | latency ms p50 / p99 / max | lost, twice, out of order |\n"
              "|---|---|---|---|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < r->count; i++)
        add_row(&r->points[i], out);
    text_adds(out, "\n| target of | measured |\n|---|---|\n");
    for (uint32_t i = 0; i < r->count; i++)
        if (point_has_target(&r->points[i]))
            add_targets(&r->points[i], out);
    for (uint32_t i = 0; i < r->count; i++)
        if (r->points[i].gap_max_ms >= 0)
            text_addf(out, "\n%s, %s: the longest time without a record was %.0f ms.\n",
                      r->points[i].scenario, r->points[i].name, r->points[i].gap_max_ms);
}
