/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "node/io_admin_text.h"
#include "node/io_loop.h"
#include "node/metrics.h"

#define LABELS_MAX 6

/* Labels of a line: stage, stream, origin, partition. */
struct line_labels {
    struct metrics_label list[LABELS_MAX];
    char partition[16];
};

static void label_line(const struct io_line_status *s, bool with_partition, struct line_labels *out)
{
    const bool is_copy = s->task->kind == TASK_REPLICATE;

    *out = (struct line_labels){0};
    (void)snprintf(out->partition, sizeof(out->partition), "%u", s->task->partition);
    out->list[0] =
        (struct metrics_label){"stage", is_copy ? SLICE_LIT("replicate") : SLICE_LIT("enrich")};
    out->list[1] = (struct metrics_label){"stream", is_copy ? s->task->topic : s->task->output};
    out->list[2] = (struct metrics_label){"origin", s->task->dc};
    if (with_partition) {
        out->list[3] = (struct metrics_label){"topic", s->task->topic};
        out->list[4] = (struct metrics_label){"partition", slice_str(out->partition)};
    }
}

typedef void print_line(struct text *out, const struct io_line_status *s);
typedef void print_merge(struct text *out, const struct io_merge_status *s);

static void each_line(const struct io_admin_source *source, struct text *out, print_line *print)
{
    struct io_line_status s;

    for (const struct io_task *task = source->tasks->first; task != NULL; task = task->next)
        if (task->line != NULL) {
            io_line_status(task->line, &s);
            print(out, &s);
        }
}

static void each_merge(const struct io_admin_source *source, struct text *out, print_merge *print)
{
    struct io_merge_status s;

    for (const struct io_task *task = source->tasks->first; task != NULL; task = task->next)
        if (task->merge != NULL) {
            io_merge_status(task->merge, &s);
            print(out, &s);
        }
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void print_consumed(struct text *out, const struct io_line_status *s)
{
    struct line_labels labels;

    label_line(s, true, &labels);
    metrics_add_count(out, "braid_events_consumed_total", labels.list, s->consumed);
}

static void print_enriched(struct text *out, const struct io_line_status *s)
{
    struct line_labels labels;

    if (s->task->kind != TASK_ENRICH)
        return;
    label_line(s, true, &labels);
    metrics_add_count(out, "braid_events_enriched_total", labels.list, s->statuses[STATUS_OK]);
}

static void print_failed(struct text *out, const struct io_line_status *s)
{
    struct line_labels labels;

    for (int i = 0; i < REASON_COUNT; i++) {
        if (s->reasons[i] == 0)
            continue;
        label_line(s, true, &labels);
        labels.list[0] = (struct metrics_label){"reason", slice_str(reason_word((enum reason)i))};
        metrics_add_count(out, "braid_events_failed_total", labels.list, s->reasons[i]);
    }
}

static void print_lag_records(struct text *out, const struct io_line_status *s)
{
    struct line_labels labels;

    label_line(s, true, &labels);
    if (s->lag_records >= 0)
        metrics_add_count(out, "braid_lag_records", labels.list, (uint64_t)s->lag_records);
}

static void print_lag_seconds(struct text *out, const struct io_line_status *s)
{
    struct line_labels labels;

    label_line(s, true, &labels);
    metrics_add(out, "braid_lag_seconds", labels.list, (double)s->lag_ms / 1000.0);
}

static void print_line_holes(struct text *out, const struct io_line_status *s)
{
    const struct metrics_label labels[] = {{"strand", slice_str(s->name)}, {NULL, {0}}};

    metrics_add_count(out, "braid_holes_total", labels, s->holes);
}

static void print_foreign(struct text *out, const struct io_line_status *s)
{
    const struct metrics_label labels[] = {
        {"topic", slice_str(s->topic_in)}, {"task", slice_str(s->name)}, {NULL, {0}}};

    metrics_add_count(out, "braid_foreign_records_total", labels, s->foreign);
}

static void print_line_duplicates(struct text *out, const struct io_line_status *s)
{
    struct line_labels labels;

    label_line(s, true, &labels);
    labels.list[0] = (struct metrics_label){"kind", SLICE_LIT("copy")};
    metrics_add_count(out, "braid_duplicates_dropped_total", labels.list, s->duplicates);
}

/* ---- merges --------------------------------------------------------------------------------- */

static void print_merge_duplicates(struct text *out, const struct io_merge_status *s)
{
    struct metrics_label labels[] = {
        {"stream", slice_str(s->output)}, {"kind", SLICE_LIT("copy")}, {NULL, {0}}};

    if (!s->is_running)
        return;
    metrics_add_count(out, "braid_duplicates_dropped_total", labels, s->merge.copies_dropped);
    labels[1].value = SLICE_LIT("source");
    metrics_add_count(out, "braid_duplicates_dropped_total", labels, s->merge.source_duplicates);
}

static void print_merge_holes(struct text *out, const struct io_merge_status *s)
{
    const struct metrics_label labels[] = {{"strand", slice_str(s->name)}, {NULL, {0}}};

    if (s->is_running)
        metrics_add_count(out, "braid_holes_total", labels, s->merge.holes);
}

static void print_merge_foreign(struct text *out, const struct io_merge_status *s)
{
    char topic[TOPIC_NAME_MAX + 32];
    struct metrics_label labels[] = {{"topic", {0}}, {"task", slice_str(s->name)}, {NULL, {0}}};

    if (!s->is_running)
        return;
    /* The DCs' enriched topics are counted together. */
    (void)snprintf(topic, sizeof(topic), TASK_ENRICHED_PREFIX "%s", s->output);
    labels[0].value = slice_str(topic);
    metrics_add_count(out, "braid_foreign_records_total", labels, s->merge.foreign);
    (void)snprintf(topic, sizeof(topic), "global.%s", s->output);
    labels[0].value = slice_str(topic);
    metrics_add_count(out, "braid_foreign_records_total", labels, s->foreign_at_tail);
}

static void print_emitted(struct text *out, const struct io_merge_status *s)
{
    struct metrics_label labels[] = {
        {"stream", slice_str(s->output)}, {"status", {0}}, {NULL, {0}}};

    for (int i = STATUS_NONE + 1; i < STATUS_COUNT; i++) {
        labels[1].value = slice_str(status_text((enum status)i));
        if (s->statuses[i] > 0 || i == STATUS_OK)
            metrics_add_count(out, "braid_events_emitted_total", labels, s->statuses[i]);
    }
}

static void print_cut_number(struct text *out, const struct io_merge_status *s)
{
    struct metrics_label labels[] = {
        {"stream", slice_str(s->output)}, {"what", SLICE_LIT("committed")}, {NULL, {0}}};

    if (!s->is_running)
        return;
    metrics_add_count(out, "braid_cut_number", labels, s->merge.head_number);
    labels[1].value = SLICE_LIT("emitted");
    metrics_add_count(out, "braid_cut_number", labels, s->merge.emitted_number);
}

static void print_cut_age(struct text *out, const struct io_merge_status *s)
{
    const struct metrics_label labels[] = {{"stream", slice_str(s->output)}, {NULL, {0}}};

    if (s->is_running && s->merge.head_time_ms > 0)
        metrics_add(out, "braid_cut_age_seconds", labels,
                    (double)(io_now_ms() - s->merge.head_time_ms) / 1000.0);
}

static void print_members(struct text *out, const struct io_merge_status *s)
{
    for (uint32_t i = 0; i < s->member_count; i++) {
        const struct metrics_label labels[] = {
            {"stream", slice_str(s->output)}, {"dc", s->members[i]}, {NULL, {0}}};
        metrics_add_count(out, "braid_cut_members", labels, 1);
    }
}

static void print_last_output(struct text *out, const struct io_merge_status *s)
{
    const struct metrics_label labels[] = {{"stream", slice_str(s->output)}, {NULL, {0}}};

    if (s->last_output_ms > 0)
        metrics_add(out, "braid_last_output_timestamp_seconds", labels,
                    (double)s->last_output_ms / 1000.0);
}

static void print_times(struct text *out, const struct io_merge_status *s)
{
    const struct metrics_label labels[] = {{"stream", slice_str(s->output)}, {NULL, {0}}};

    metrics_add_times(out, "braid_end_to_end_seconds", labels, s->times);
}

/* ---- streams and the node ------------------------------------------------------------------- */

static void print_fetches(const struct io_admin_source *source, struct text *out)
{
    char code[16];

    metrics_family(out, "braid_fetch_duration_seconds", "histogram",
                   "How long calls of the API took, by HTTP status; 0: no answer");
    for (const struct io_stream *s = source->host->streams.first; s != NULL; s = s->next)
        for (uint32_t i = 0; i < s->code_count; i++) {
            (void)snprintf(code, sizeof(code), "%u", s->codes[i].code);
            const struct metrics_label labels[] = {
                {"stream", slice_str(s->output)}, {"code", slice_str(code)}, {NULL, {0}}};
            metrics_add_times(out, "braid_fetch_duration_seconds", labels, &s->codes[i].times);
        }
}

static void print_shares(const struct io_admin_source *source, struct text *out)
{
    metrics_family(out, "braid_fetch_share", "gauge",
                   "Calls at once that a stream may make of this node's api.in_flight");
    for (const struct io_stream *s = source->host->streams.first; s != NULL; s = s->next) {
        const struct metrics_label labels[] = {{"stream", slice_str(s->output)}, {NULL, {0}}};
        if (s->api_share > 0)
            metrics_add_count(out, "braid_fetch_share", labels, s->api_share);
    }
}

static void print_shared(const struct io_admin_source *source, struct text *out)
{
    struct io_share_stats stats;

    io_share_stats(source->host->streams.share, &stats);
    const struct {
        struct slice how;
        uint64_t count;
    } rows[] = {{SLICE_LIT("asked"), stats.asked},
                {SLICE_LIT("joined"), stats.joined},
                {SLICE_LIT("kept"), stats.taken}};
    metrics_family(out, "braid_fetch_questions_total", "counter",
                   "Questions of this node's streams: asked, or served by another's answer");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct metrics_label labels[] = {{"how", rows[i].how}, {NULL, {0}}};
        metrics_add_count(out, "braid_fetch_questions_total", labels, rows[i].count);
    }
}

static void print_intake(const struct io_admin_source *source, struct text *out)
{
    struct io_intake_stats stats;
    char code[16];

    if (*source->intake == NULL)
        return;
    io_intake_stats(*source->intake, &stats);
    const struct {
        struct slice result;
        uint64_t count;
    } rows[] = {{SLICE_LIT("accepted"), stats.accepted},
                {SLICE_LIT("invalid"), stats.invalid},
                {SLICE_LIT("error"), stats.errors}};
    metrics_family(out, "braid_intake_events_total", "counter", "Events posted to the intake");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct metrics_label labels[] = {{"result", rows[i].result}, {NULL, {0}}};
        metrics_add_count(out, "braid_intake_events_total", labels, rows[i].count);
    }
    metrics_family(out, "braid_intake_requests_total", "counter",
                   "Requests to the intake, by HTTP status");
    for (size_t i = 0; i < stats.code_count; i++) {
        (void)snprintf(code, sizeof(code), "%u", stats.answers[i].code);
        const struct metrics_label labels[] = {{"code", slice_str(code)}, {NULL, {0}}};
        metrics_add_count(out, "braid_intake_requests_total", labels, stats.answers[i].count);
    }
}

static void print_build(const struct io_admin_source *source, struct text *out)
{
    const struct metrics_label labels[] = {{"version", SLICE_LIT(BRAID_VERSION)},
                                           {"librdkafka", slice_str(rd_kafka_version_str())},
                                           {"dc", source->host->config.dc},
                                           {"node", source->host->config.node},
                                           {NULL, {0}}};

    metrics_family(out, "braid_build_info", "gauge", "What runs here");
    metrics_add_count(out, "braid_build_info", labels, 1);
}

void admin_metrics(const struct io_admin_source *source, bool is_verbose, struct text *out)
{
    const struct {
        const char *name;
        const char *type;
        const char *help;
        print_line *line;   /* may be NULL */
        print_merge *merge; /* may be NULL */
    } families[] = {
        {"braid_events_consumed_total", "counter", "Records read by a task", print_consumed, NULL},
        {"braid_events_enriched_total", "counter", "Records written as ok", print_enriched, NULL},
        {"braid_events_failed_total", "counter", "Records written as failed", print_failed, NULL},
        {"braid_duplicates_dropped_total", "counter", "Records left out as duplicates",
         print_line_duplicates, print_merge_duplicates},
        {"braid_end_to_end_seconds", "histogram", "From the source record to the global record",
         NULL, print_times},
        {"braid_lag_records", "gauge", "Records behind the end of the input", print_lag_records,
         NULL},
        {"braid_lag_seconds", "gauge", "Age of the last record read, while there are more",
         print_lag_seconds, NULL},
        {"braid_cut_number", "gauge", "Newest cut", NULL, print_cut_number},
        {"braid_cut_members", "gauge", "DCs that the newest cut waited for", NULL, print_members},
        {"braid_cut_age_seconds", "gauge", "Time since the newest cut", NULL, print_cut_age},
        {"braid_last_output_timestamp_seconds", "gauge", "When a global record was last written",
         NULL, print_last_output},
        {"braid_events_emitted_total", "counter", "Global records written", NULL, print_emitted},
        {"braid_holes_total", "counter", "Records that do not follow the one before",
         print_line_holes, print_merge_holes},
        {"braid_foreign_records_total", "counter", "Records that are not Braid's", print_foreign,
         print_merge_foreign},
    };

    (void)is_verbose;
    print_build(source, out);
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        metrics_family(out, families[i].name, families[i].type, families[i].help);
        if (families[i].line != NULL)
            each_line(source, out, families[i].line);
        if (families[i].merge != NULL)
            each_merge(source, out, families[i].merge);
    }
    print_fetches(source, out);
    print_shared(source, out);
    if (source->host->config.api_in_flight_max > 0)
        print_shares(source, out);
    print_intake(source, out);
}
