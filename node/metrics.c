/* SPDX-License-Identifier: Apache-2.0 */
#include "node/metrics.h"

#include <assert.h>
#include <stdio.h>

#define LABELS_MAX 8

static const int64_t BOUNDS_MS[METRICS_BUCKETS] = {5,    10,   25,   50,    100,   250,   500,
                                                   1000, 2500, 5000, 10000, 20000, 30000, 60000};

static void add_escaped(struct text *out, struct slice value, bool with_quote)
{
    for (size_t i = 0; i < value.len; i++) {
        const uint8_t c = value.ptr[i];
        if (c == '\n')
            text_adds(out, "\\n");
        else if (c == '\\')
            text_adds(out, "\\\\");
        else if (c == '"' && with_quote)
            text_adds(out, "\\\"");
        else if (c < 0x20 || c == 0x7f)
            text_adds(out, "?");
        else
            text_add(out, slice_of(&c, 1));
    }
}

void metrics_family(struct text *out, const char *name, const char *type, const char *help)
{
    text_addf(out, "# HELP %s ", name);
    add_escaped(out, slice_str(help), false);
    text_addf(out, "\n# TYPE %s %s\n", name, type);
}

static void add_head(struct text *out, const char *name, const struct metrics_label *labels)
{
    bool is_first = true;

    text_adds(out, name);
    for (const struct metrics_label *l = labels; l != NULL && l->name != NULL; l++) {
        text_addf(out, "%s%s=\"", is_first ? "{" : ",", l->name);
        add_escaped(out, l->value, true);
        text_adds(out, "\"");
        is_first = false;
    }
    text_adds(out, is_first ? " " : "} ");
}

void metrics_add(struct text *out, const char *name, const struct metrics_label *labels,
                 double value)
{
    add_head(out, name, labels);
    text_addf(out, "%.15g\n", value);
}

void metrics_add_count(struct text *out, const char *name, const struct metrics_label *labels,
                       uint64_t value)
{
    add_head(out, name, labels);
    text_addf(out, "%llu\n", (unsigned long long)value);
}

void metrics_times_add(struct metrics_times *t, int64_t ms)
{
    const int64_t positive_ms = ms > 0 ? ms : 0; /* clocks of two machines */

    t->count++;
    t->sum_ms += (uint64_t)positive_ms;
    for (int i = 0; i < METRICS_BUCKETS; i++)
        if (positive_ms <= BOUNDS_MS[i]) {
            t->buckets[i]++;
            return;
        }
}

void metrics_add_times(struct text *out, const char *name, const struct metrics_label *labels,
                       const struct metrics_times *t)
{
    struct metrics_label with_le[LABELS_MAX + 2] = {{0}};
    char metric[128];
    char bound[32];
    size_t count = 0;
    uint64_t below = 0;

    for (; labels != NULL && labels[count].name != NULL; count++) {
        assert(count < LABELS_MAX);
        with_le[count] = labels[count];
    }
    (void)snprintf(metric, sizeof(metric), "%s_bucket", name);
    for (int i = 0; i < METRICS_BUCKETS; i++) {
        below += t->buckets[i];
        (void)snprintf(bound, sizeof(bound), "%g", (double)BOUNDS_MS[i] / 1000.0);
        with_le[count] = (struct metrics_label){.name = "le", .value = slice_str(bound)};
        metrics_add_count(out, metric, with_le, below);
    }
    with_le[count] = (struct metrics_label){.name = "le", .value = SLICE_LIT("+Inf")};
    metrics_add_count(out, metric, with_le, t->count);
    (void)snprintf(metric, sizeof(metric), "%s_sum", name);
    metrics_add(out, metric, labels, (double)t->sum_ms / 1000.0);
    (void)snprintf(metric, sizeof(metric), "%s_count", name);
    metrics_add_count(out, metric, labels, t->count);
}
