/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/drill_html.h"

#include <inttypes.h>

enum {
    PAGE_WIDTH = 960,
    CHART_LEFT = 70,
    CHART_WIDTH = PAGE_WIDTH - CHART_LEFT - 10,
    CHART_HEIGHT = 90,
    CHART_SPACE = 40,
    LABELS_HEIGHT = 40
};

static void add_escaped(struct text *out, struct slice words)
{
    for (size_t i = 0; i < words.len; i++) {
        switch (words.ptr[i]) {
        case '<':
            text_adds(out, "&lt;");
            break;
        case '>':
            text_adds(out, "&gt;");
            break;
        case '&':
            text_adds(out, "&amp;");
            break;
        case '"':
            text_adds(out, "&quot;");
            break;
        default:
            text_add(out, slice_sub(words, i, i + 1));
        }
    }
}

static void add_ms(struct text *out, int64_t ms)
{
    if (ms == DRILL_NONE) {
        text_adds(out, "&ndash;");
    } else {
        text_addf(out, "%" PRId64 " ms", ms);
    }
}

/* From acting to a moment. */
static int64_t after(const struct drill *d, int64_t moment_ms)
{
    return moment_ms == DRILL_NONE || d->acted_ms == DRILL_NONE ? DRILL_NONE
                                                                : moment_ms - d->acted_ms;
}

static void add_figure(struct text *out, const char *name, int64_t ms)
{
    text_addf(out, "<tr><th>%s</th><td>", name);
    add_ms(out, ms);
    text_adds(out, "</td></tr>\n");
}

static void print_figures(const struct drill *d, struct text *out)
{
    text_adds(out, "<table>\n");
    add_figure(out, "detected after", after(d, d->detected_ms));
    add_figure(out, "taken over after", after(d, d->taken_ms));
    add_figure(out, "largest gap elsewhere", drill_gap_ms(d));
    add_figure(out, "failure lasted", after(d, d->ended_ms));
    add_figure(out, "fine again after", after(d, d->fine_ms));
    add_figure(out, "longest stall of the recorder", d->stall_max_ms);
    text_addf(out,
              "<tr><th>lost</th><td>%" PRIu64 "</td></tr>\n<tr><th>duplicated</th><td>%" PRIu64
              "</td></tr>\n<tr><th>reordered</th><td>%" PRIu64 "</td></tr>\n",
              d->lost, d->duplicated, d->reordered);
    text_addf(out,
              "<tr><th>audited</th><td>numbers %" PRId64 " to %" PRId64 "</td></tr>\n</table>\n",
              d->from_seq, d->to_seq);
}

/* ---- the timeline ----------------------------------------------------------------------------- */

static int64_t x_of(const struct drill *d, int64_t ms)
{
    return CHART_LEFT + (d->total_ms <= 0 ? 0 : ms * CHART_WIDTH / d->total_ms);
}

static void add_mark(const struct drill *d, int64_t ms, const char *name, int row, struct text *out)
{
    int64_t height = (int64_t)d->copy_count * (CHART_HEIGHT + CHART_SPACE) + LABELS_HEIGHT;

    if (ms == DRILL_NONE)
        return;
    text_addf(out,
              "<line class=\"mark\" x1=\"%" PRId64 "\" y1=\"%d\" x2=\"%" PRId64 "\" y2=\"%" PRId64
              "\"/><text x=\"%" PRId64 "\" y=\"%d\">%s</text>\n",
              x_of(d, ms), 14 + row * 12, x_of(d, ms), height, x_of(d, ms) + 3, 12 + row * 12,
              name);
}

static void add_copy(const struct drill *d, const struct drill_copy *c, int64_t top,
                     struct text *out)
{
    int64_t buckets = d->total_ms / DRILL_BUCKET_MS + 1;
    uint32_t most = 1;

    buckets = buckets > DRILL_BUCKETS_MAX ? DRILL_BUCKETS_MAX : buckets;
    for (int64_t i = 0; i < buckets; i++)
        most = c->buckets[i] > most ? c->buckets[i] : most;
    text_addf(out, "<text x=\"4\" y=\"%" PRId64 "\">", top + 14);
    add_escaped(out, c->dc);
    text_addf(out,
              "</text><text class=\"small\" x=\"4\" y=\"%" PRId64 "\">max %" PRIu64 "/s</text>\n",
              top + 28, (uint64_t)most * 1000 / DRILL_BUCKET_MS);
    if (c->gap_max_ms > 0) {
        text_addf(out,
                  "<rect class=\"gap\" x=\"%" PRId64 "\" y=\"%" PRId64 "\" width=\"%" PRId64
                  "\" height=\"%d\"><title>gap of %" PRId64 " ms</title></rect>\n",
                  x_of(d, c->gap_from_ms), top,
                  x_of(d, c->gap_from_ms + c->gap_max_ms) - x_of(d, c->gap_from_ms) + 1,
                  CHART_HEIGHT, c->gap_max_ms);
    }
    text_addf(out, "<path class=\"%s\" d=\"M%d %" PRId64, c->is_harmed ? "harmed" : "kept",
              CHART_LEFT, top + CHART_HEIGHT);
    for (int64_t i = 0; i < buckets; i++) {
        text_addf(out, "L%" PRId64 " %" PRId64, x_of(d, i * DRILL_BUCKET_MS),
                  top + CHART_HEIGHT - (int64_t)c->buckets[i] * CHART_HEIGHT / most);
    }
    text_addf(out, "L%" PRId64 " %" PRId64 "Z\"/>\n", x_of(d, (buckets - 1) * DRILL_BUCKET_MS),
              top + CHART_HEIGHT);
}

static void print_timeline(const struct drill *d, struct text *out)
{
    int64_t height = (int64_t)d->copy_count * (CHART_HEIGHT + CHART_SPACE) + LABELS_HEIGHT + 16;

    text_addf(out,
              "<svg viewBox=\"0 0 %d %" PRId64 "\" width=\"100%%\" role=\"img\" "
              "aria-label=\"records a second in each DC\">\n",
              PAGE_WIDTH, height);
    for (size_t i = 0; i < d->copy_count; i++)
        add_copy(d, &d->copies[i], LABELS_HEIGHT + (int64_t)i * (CHART_HEIGHT + CHART_SPACE), out);
    add_mark(d, d->acted_ms, "failure", 0, out);
    add_mark(d, d->detected_ms, "detected", 1, out);
    add_mark(d, d->taken_ms, "taken over", 2, out);
    add_mark(d, d->ended_ms, "ended", 0, out);
    add_mark(d, d->fine_ms, "fine", 1, out);
    for (int64_t s = 0; s * 1000 <= d->total_ms; s += d->total_ms > 120000 ? 30 : 5) {
        text_addf(
            out, "<text class=\"small\" x=\"%" PRId64 "\" y=\"%" PRId64 "\">%" PRId64 " s</text>\n",
            x_of(d, s * 1000), height - 4, s);
    }
    text_adds(out, "</svg>\n");
}

/* ---- tables ----------------------------------------------------------------------------------- */

static void print_tables(const struct drill *d, struct text *out)
{
    text_adds(out, "<h2>Copies</h2>\n<table><tr><th>DC</th><th>records</th><th>numbers</th>"
                   "<th>largest gap</th><th>late</th><th>latest</th></tr>\n");
    for (size_t i = 0; i < d->copy_count; i++) {
        const struct drill_copy *c = &d->copies[i];

        text_adds(out, "<tr><td>");
        add_escaped(out, c->dc);
        text_addf(out,
                  "%s</td><td>%" PRIu64 "</td><td>%" PRId64 " to %" PRId64 "</td><td>%" PRId64
                  " ms</td><td>%" PRIu64 "</td><td>%" PRId64 " ms</td></tr>\n",
                  c->is_harmed ? " (harmed)" : "", c->records, c->first_seq, c->last_seq,
                  c->gap_max_ms, c->late_records, c->late_max_ms);
    }
    text_adds(out, "</table>\n<h2>Partitions</h2>\n<table><tr><th>copy</th><th>origin</th>"
                   "<th>topic</th><th>partition</th><th>records</th><th>latest</th></tr>\n");
    for (size_t i = 0; i < d->copy_count; i++) {
        for (size_t k = 0; k < d->copies[i].part_count; k++) {
            const struct drill_part *p = &d->copies[i].parts[k];

            text_adds(out, "<tr><td>");
            add_escaped(out, d->copies[i].dc);
            text_adds(out, "</td><td>");
            add_escaped(out, p->dc);
            text_adds(out, "</td><td>");
            add_escaped(out, p->topic);
            text_addf(out, "</td><td>%u</td><td>%" PRIu64 "</td><td>%" PRId64 " ms</td></tr>\n",
                      p->partition, p->records, p->late_max_ms);
        }
    }
    text_adds(out, "</table>\n");
}

void drill_print_html(const struct drill *d, const char *verdict, const char *when,
                      struct text *out)
{
    text_adds(
        out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
             "<title>Braid drill</title>\n<style>\n"
             ":root{color-scheme:light dark}body{font:15px/1.5 sans-serif;max-width:960px;"
             "margin:2em auto;padding:0 1em}table{border-collapse:collapse;margin:1em 0}"
             "th,td{text-align:left;padding:.2em .8em;border-bottom:1px solid #8888}"
             "svg text{font-size:11px;fill:currentColor}svg .small{font-size:9px;opacity:.7}"
             ".kept{fill:#3a7bd5}.harmed{fill:#999}.gap{fill:#e74c3c;opacity:.25}"
             ".mark{stroke:#c60;stroke-dasharray:3 2}.passed{color:#1a7f37}.failed{color:#c0392b}\n"
             "</style></head><body>\n<h1>Drill: ");
    add_escaped(out, d->mode);
    text_adds(out, " ");
    add_escaped(out, d->dc);
    text_addf(out, ": <span class=\"%s\">%s</span></h1>\n<p>",
              verdict == NULL ? "passed" : "failed", verdict == NULL ? "passed" : "failed");
    if (verdict != NULL) {
        add_escaped(out, slice_str(verdict));
        text_adds(out, ". ");
    }
    text_adds(out, "Stream ");
    add_escaped(out, d->stream);
    text_adds(out, ", ");
    add_escaped(out, slice_str(when));
    text_adds(out, ".</p>\n");
    print_figures(d, out);
    text_adds(out, "<h2>Records a second, by arrival</h2>\n");
    print_timeline(d, out);
    print_tables(d, out);
    text_adds(out, "</body></html>\n");
}
