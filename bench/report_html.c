/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report.h"

#include <math.h>

enum {
    PLOT_WIDTH = 760,
    PLOT_HEIGHT = 260,
    MARGIN = 56,
    BAR_HEIGHT = 22,
};

static const char *const STYLE =
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#202122;background:#fff}table{border-collapse:collapse;width:100%;font-size:13px}"
    "td,th{border-bottom:1px solid #c8ccd1;padding:3px 8px;text-align:right}td:nth-child(-n+2),"
    "th:nth-child(-n+2){text-align:left}.met{color:#14866d}.missed{color:#d33;font-weight:600}"
    "svg text{font:11px system-ui,sans-serif;fill:#54595d}.own{fill:#36c;stroke:#36c}"
    ".floor{fill:#a2a9b1}.line{fill:none;stroke:#36c;stroke-width:1.5}.axis{stroke:#c8ccd1}"
    ".loud{background:#fee7e6;padding:.5rem 1rem;border-left:4px solid #d33}"
    "@media(prefers-color-scheme:dark){body{background:#101418;color:#eaecf0}td,th{border-color:"
    "#404244}svg text{fill:#a2a9b1}.loud{background:#3c1212}}";

static void add_escaped(struct text *out, const char *string)
{
    for (const char *c = string; *c != '\0'; c++)
        switch (*c) {
        case '<':
            text_adds(out, "&lt;");
            break;
        case '&':
            text_adds(out, "&amp;");
            break;
        default:
            text_add(out, slice_of(c, 1));
        }
}

static void add_row(struct text *out, const char *name, const char *value)
{
    text_addf(out, "<tr><td>%s<td>", name);
    add_escaped(out, value);
    text_adds(out, "\n");
}

static void add_environment(const struct environment *e, struct text *out)
{
    text_adds(out, "<h2>Environment</h2><table>");
    add_row(out, "started", e->started);
    add_row(out, "processor", e->cpu);
    text_addf(out, "<tr><td>processors, memory<td>%d, %.1f GB\n", e->cpus, e->memory_gb);
    add_row(out, "kernel", e->kernel);
    add_row(out, "Braid", e->version);
    add_row(out, "librdkafka", e->librdkafka);
    add_row(out, "libcurl", e->libcurl);
    add_row(out, "compiler", e->compiler);
    add_row(out, "Kafka", e->kafka);
    text_addf(out, "<tr><td>load of the machine before<td>%.2f\n<tr><td>seed<td>%llu\n</table>\n",
              e->load_before, (unsigned long long)e->seed);
}

static void add_point(const struct point *p, struct text *out)
{
    const bool has_cpu = p->events > 0;

    text_addf(out, "<tr><td>%s<td>", p->scenario);
    add_escaped(out, p->name);
    text_addf(out, "<td>%llu", (unsigned long long)p->events);
    text_addf(out, "<td>%.0f", p->seconds > 0 ? (double)p->events / p->seconds : 0);
    if (has_cpu)
        text_addf(out, "<td>%.4f", point_cpu_per_1000(p));
    else
        text_adds(out, "<td>");
    if (point_ratio(p) >= 0)
        text_addf(out, "<td>%.2f", point_ratio(p));
    else
        text_adds(out, "<td>");
    text_addf(out, "<td>%.0f", p->peak_rss_mb);
    if (p->latency.count > 0)
        text_addf(out, "<td>%.0f / %.0f / %.0f", p->latency.p50, p->latency.p99, p->latency.max);
    else
        text_adds(out, "<td>");
    text_addf(out, "<td>%llu / %llu / %llu", (unsigned long long)p->lost,
              (unsigned long long)p->duplicated, (unsigned long long)p->reordered);
    if (!point_has_target(p))
        text_adds(out, "<td>\n");
    else
        text_addf(out, "<td class=%s\n", point_is_met(p) ? "met>met" : "missed>missed");
}

static void add_points(const struct bench_report *r, struct text *out)
{
    text_adds(out, "<h2>All points</h2><table><tr><th>scenario<th>point<th>events<th>events/s"
                   "<th>CPU-s per 1,000<th>x floor<th>peak MB<th>latency ms p50 / p99 / max"
                   "<th>lost / twice / out of order<th>target\n");
    for (uint32_t i = 0; i < r->count; i++)
        add_point(&r->points[i], out);
    text_adds(out, "</table>\n<ul>");
    for (uint32_t i = 0; i < r->count; i++)
        if (r->points[i].note[0] != '\0') {
            text_addf(out, "<li>%s, ", r->points[i].scenario);
            add_escaped(out, r->points[i].name);
            text_adds(out, ": ");
            add_escaped(out, r->points[i].note);
            text_adds(out, "\n");
        }
    text_adds(out, "</ul>\n");
}

static double largest_cpu(const struct bench_report *r)
{
    double max = 0;

    for (uint32_t i = 0; i < r->count; i++) {
        max = fmax(max, point_cpu_per_1000(&r->points[i]));
        max = fmax(max, r->points[i].floor_cpu_s_per_1000);
    }
    return max > 0 ? max : 1;
}

/* Braid's CPU time beside the floor's, a bar each. */
static void plot_cpu(const struct bench_report *r, struct text *out)
{
    const double scale = (PLOT_WIDTH - 320) / largest_cpu(r);
    uint32_t rows = 0;

    for (uint32_t i = 0; i < r->count; i++)
        rows += r->points[i].events > 0;
    text_addf(out,
              "<h2>CPU-seconds per 1,000 events</h2><p>Blue: Braid's processes alone; grey: the "
              "least that the same work costs.</p><svg viewBox='0 0 %d %u' role=img>",
              PLOT_WIDTH, rows * BAR_HEIGHT + 4);
    rows = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct point *p = &r->points[i];
        const uint32_t y = rows * BAR_HEIGHT;
        const bool is_floor = strcmp(p->scenario, "floor") == 0;
        if (p->events == 0)
            continue;
        rows++;
        text_addf(out, "<text x=0 y=%u>%s: ", y + 14, p->scenario);
        add_escaped(out, p->name);
        text_addf(out, "</text><rect class=%s x=240 y=%u width=%.1f height=9 />",
                  is_floor ? "floor" : "own", y + 4, fmax(1, point_cpu_per_1000(p) * scale));
        if (p->floor_cpu_s_per_1000 > 0)
            text_addf(out, "<rect class=floor x=240 y=%u width=%.1f height=5 />", y + 14,
                      fmax(1, p->floor_cpu_s_per_1000 * scale));
        text_addf(out, "<text x=%.1f y=%u>%.4f</text>",
                  244 + fmax(1, point_cpu_per_1000(p) * scale), y + 13, point_cpu_per_1000(p));
    }
    text_adds(out, "</svg>\n");
}

/* Percentiles, ever closer to 100 from left to right: where the tail is. */
static void plot_latency(const struct point *p, struct text *out)
{
    const double top = p->latency.max > 0 ? p->latency.max : 1;
    int last = POINT_CURVE - 1;

    /* No further than there are events: 1 of n is the last step. */
    while (last > 1 && (100 - point_percentile(last - 1)) / 100 * (double)p->latency.count < 1)
        last--;
    text_addf(out, "<h3>%s, ", p->scenario);
    add_escaped(out, p->name);
    text_addf(out, ": latency from intended time, ms</h3><svg viewBox='0 0 %d %d' role=img>",
              PLOT_WIDTH, PLOT_HEIGHT);
    for (int i = 0; i <= 4; i++) {
        const double y = 10 + (PLOT_HEIGHT - 40) * i / 4.0;
        text_addf(out,
                  "<line class=axis x1=%d x2=%d y1=%.1f y2=%.1f /><text x=0 y=%.1f>%.0f</text>",
                  MARGIN, PLOT_WIDTH, y, y, y + 4, top * (4 - i) / 4);
    }
    text_adds(out, "<polyline class=line points='");
    for (int i = 0; i <= last; i++)
        text_addf(out, "%.1f,%.1f ", MARGIN + (PLOT_WIDTH - MARGIN) * (double)i / last,
                  10 + (PLOT_HEIGHT - 40) * (1 - p->latency.curve[i] / top));
    text_adds(out, "'/>");
    for (int i = 0; i <= last; i += 8)
        text_addf(out, "<text x=%.1f y=%d>%.5g%%</text>",
                  MARGIN + (PLOT_WIDTH - MARGIN) * (double)i / last - (i > 0 ? 30 : 0),
                  PLOT_HEIGHT - 8, point_percentile(i));
    text_adds(out, "</svg>\n");
}

/* How many records arrived in each slice of time. */
static void plot_arrivals(const struct point *p, struct text *out)
{
    uint32_t top = 1;

    for (uint32_t i = 0; i < p->slice_count; i++)
        top = p->slices[i] > top ? p->slices[i] : top;
    text_addf(out, "<h3>%s, ", p->scenario);
    add_escaped(out, p->name);
    text_addf(out,
              ": records arriving in each %u ms, from 0 to %.0f s; at most %u</h3>"
              "<svg viewBox='0 0 %d 130' role=img>",
              p->slice_ms, p->slice_count * p->slice_ms / 1000.0, top, PLOT_WIDTH);
    for (uint32_t i = 0; i < p->slice_count; i++) {
        const double width = (double)PLOT_WIDTH / p->slice_count;
        const double height = 120.0 * p->slices[i] / top;
        text_addf(out, "<rect class=own x=%.1f y=%.1f width=%.1f height=%.1f />", i * width,
                  125 - height, width * 0.9, height);
    }
    text_adds(out, "</svg>\n");
}

static void add_verdict(const struct bench_report *r, struct text *out)
{
    uint32_t targets = 0;
    uint32_t met = 0;

    for (uint32_t i = 0; i < r->count; i++) {
        const struct point *p = &r->points[i];
        targets += point_has_target(p);
        met += point_has_target(p) && point_is_met(p);
        if (p->is_saturated)
            text_addf(out,
                      "<p class=loud>Generator saturated in %s, %s: late by up to %.0f ms. Its "
                      "latencies say nothing.</p>",
                      p->scenario, p->name, p->late_max_ms);
        if (p->lost + p->duplicated + p->reordered > 0)
            text_addf(out, "<p class=loud>Events lost, doubled or out of order in %s, %s.</p>",
                      p->scenario, p->name);
    }
    text_addf(out, "<p>%u of %u targets met.</p>\n", met, targets);
}

void report_html(const struct bench_report *r, struct text *out)
{
    text_adds(out, "<!DOCTYPE html><html lang=en><meta charset=utf-8><meta name=viewport "
                   "content='width=device-width'><title>braid-bench</title><style>");
    text_adds(out, STYLE);
    text_addf(out, "</style><h1>braid-bench, %s</h1>\n", r->environment.started);
    add_verdict(r, out);
    plot_cpu(r, out);
    add_points(r, out);
    text_adds(out, "<h2>Latency</h2>");
    for (uint32_t i = 0; i < r->count; i++)
        if (r->points[i].latency.count > 0)
            plot_latency(&r->points[i], out);
    text_adds(out, "<h2>Arrivals</h2>");
    for (uint32_t i = 0; i < r->count; i++)
        if (r->points[i].rate > 0 && r->points[i].slice_count > 1)
            plot_arrivals(&r->points[i], out);
    add_environment(&r->environment, out);
    text_adds(out, "</html>\n");
}
