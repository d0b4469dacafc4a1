/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_admin_text.h"

#include <stdio.h>

#include "node/io_loop.h"
#include "proto/err.h"

/* ---- health --------------------------------------------------------------------------------- */

struct health {
    bool is_registered;
    bool is_live; /* etcd is heard of */
    size_t running;
    size_t waiting;
    size_t failed;
    bool is_draining;
};

static struct health health_of(const struct io_admin_source *source)
{
    const struct node_status node = node_status(source->host->node);
    struct health h = {
        .is_registered = node.is_registered,
        .is_live = node.is_live,
        .running = node.tasks_running,
        .waiting = node.tasks_waiting,
        .is_draining = *source->is_draining,
    };
    struct io_line_status line;
    struct io_merge_status merge;

    for (const struct io_task *task = source->tasks->first; task != NULL; task = task->next) {
        if (task->line != NULL) {
            io_line_status(task->line, &line);
            h.failed += line.is_failed ? 1 : 0;
        } else if (task->merge != NULL) {
            io_merge_status(task->merge, &merge);
            h.failed += merge.is_failed ? 1 : 0;
        }
    }
    return h;
}

bool admin_is_ready(const struct io_admin_source *source)
{
    const struct health h = health_of(source);

    return h.is_registered && h.failed == 0 && !h.is_draining;
}

void admin_live(const struct io_admin_source *source, bool is_verbose, struct text *out)
{
    (void)source;
    (void)is_verbose;
    text_adds(out, "ok\n"); /* said by the loop itself: so it turns */
}

void admin_ready(const struct io_admin_source *source, bool is_verbose, struct text *out)
{
    const struct health h = health_of(source);

    if (!is_verbose) {
        text_adds(out, admin_is_ready(source) ? "ok\n" : "not ready: /readyz?verbose says why\n");
        return;
    }
    text_addf(out, "[%s] registered in etcd\n", h.is_registered ? "+" : "-");
    text_addf(out, "[%s] etcd is heard of (tasks go on without it)\n", h.is_live ? "+" : "!");
    text_addf(out, "[%s] no task waits for an operator (%zu do)\n", h.failed == 0 ? "+" : "-",
              h.failed);
    text_addf(out, "[%s] not leaving\n", h.is_draining ? "-" : "+");
    text_addf(out, "    %zu tasks run, %zu wait\n", h.running, h.waiting);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void add_json(struct text *out, struct slice value)
{
    text_adds(out, "\"");
    for (size_t i = 0; i < value.len; i++) {
        const uint8_t c = value.ptr[i];
        if (c == '"' || c == '\\')
            text_addf(out, "\\%c", c);
        else if (c < 0x20)
            text_addf(out, "\\u%04x", c);
        else
            text_add(out, slice_of(&c, 1));
    }
    text_adds(out, "\"");
}

static void add_field(struct text *out, const char *name, struct slice value)
{
    text_addf(out, "\"%s\":", name);
    add_json(out, value);
    text_adds(out, ",");
}

static void add_number(struct text *out, const char *name, int64_t value)
{
    text_addf(out, "\"%s\":%lld,", name, (long long)value);
}

static const char *phase_text(enum line_phase phase)
{
    switch (phase) {
    case LINE_IDLE:
        return "starting";
    case LINE_RECOVERING:
        return "reading its own output";
    case LINE_RUNNING:
        return "running";
    case LINE_STOPPED:
        return "stopped";
    }
    return "";
}

static void add_counts(struct text *out, const uint64_t counts[STATUS_COUNT])
{
    text_adds(out, "\"statuses\":{");
    for (int i = STATUS_NONE + 1, n = 0; i < STATUS_COUNT; i++)
        if (counts[i] > 0)
            text_addf(out, "%s\"%s\":%llu", n++ > 0 ? "," : "", status_text((enum status)i),
                      (unsigned long long)counts[i]);
    text_adds(out, "}");
}

static void status_line(struct text *out, const struct io_line *line)
{
    struct io_line_status s;

    io_line_status(line, &s);
    text_adds(out, "{");
    add_field(out, "task", slice_str(s.name));
    add_field(out, "phase", slice_str(phase_text(s.phase)));
    text_addf(out, "\"failed\":%s,", s.is_failed ? "true" : "false");
    add_field(out, "error", s.code != 0 ? slice_str(err_name(s.code)) : SLICE_LIT(""));
    add_field(out, "why", slice_str(s.why));
    add_number(out, "consumed", (int64_t)s.consumed);
    add_number(out, "produced", (int64_t)s.produced);
    add_number(out, "holes", (int64_t)s.holes);
    add_number(out, "foreign", (int64_t)s.foreign);
    add_number(out, "duplicates", (int64_t)s.duplicates);
    add_number(out, "under_way", s.under_way);
    add_number(out, "lag_records", s.lag_records);
    add_number(out, "lag_ms", s.lag_ms);
    text_addf(out, "\"caught_up\":%s,", s.is_caught_up ? "true" : "false");
    add_counts(out, s.statuses);
    text_adds(out, "}");
}

static void status_merge(struct text *out, const struct io_merge *merge)
{
    struct io_merge_status s;

    io_merge_status(merge, &s);
    text_adds(out, "{");
    add_field(out, "task", slice_str(s.name));
    add_field(out, "phase", slice_str(s.stage));
    text_addf(out, "\"failed\":%s,", s.is_failed ? "true" : "false");
    add_field(out, "error", s.code != 0 ? slice_str(err_name(s.code)) : SLICE_LIT(""));
    add_field(out, "why", slice_str(s.why));
    add_number(out, "era", s.merge.era);
    add_number(out, "cut", (int64_t)s.merge.head_number);
    add_number(out, "emitted_cut", (int64_t)s.merge.emitted_number);
    add_number(out, "next_seq", (int64_t)s.merge.next_seq);
    text_addf(out, "\"chain\":\"%016llx\",", (unsigned long long)s.merge.chain);
    add_number(out, "holes", (int64_t)s.merge.holes);
    add_number(out, "foreign", (int64_t)s.merge.foreign);
    add_number(out, "copies_dropped", (int64_t)s.merge.copies_dropped);
    add_number(out, "source_duplicates", (int64_t)s.merge.source_duplicates);
    add_number(out, "entries", (int64_t)s.merge.entries);
    add_number(out, "bytes", (int64_t)s.merge.bytes);
    text_addf(out, "\"member\":%s,\"caught_up\":%s,\"members\":[",
              s.merge.is_member ? "true" : "false", s.merge.is_caught_up ? "true" : "false");
    for (uint32_t i = 0; i < s.member_count; i++) {
        text_adds(out, i > 0 ? "," : "");
        add_json(out, s.members[i]);
    }
    text_adds(out, "],");
    add_number(out, "emitted", (int64_t)s.emitted);
    add_number(out, "last_output_ms", s.last_output_ms);
    add_counts(out, s.statuses);
    text_adds(out, "}");
}

void admin_status(const struct io_admin_source *source, bool is_verbose, struct text *out)
{
    const struct health h = health_of(source);
    const struct config *c = &source->host->config;

    (void)is_verbose;
    text_adds(out, "{\"apiVersion\":\"braid/v1\",");
    add_field(out, "cluster", c->cluster);
    add_field(out, "dc", c->dc);
    add_field(out, "node", c->node);
    add_field(out, "version", SLICE_LIT(BRAID_VERSION));
    add_number(out, "uptime_ms", io_now_ms() - source->started_ms);
    text_addf(out, "\"ready\":%s,\"registered\":%s,\"etcd\":%s,\"draining\":%s,",
              admin_is_ready(source) ? "true" : "false", h.is_registered ? "true" : "false",
              h.is_live ? "true" : "false", h.is_draining ? "true" : "false");
    add_number(out, "tasks_waiting", (int64_t)h.waiting);
    add_number(out, "tasks_failed", (int64_t)h.failed);
    text_adds(out, "\"tasks\":[");
    for (const struct io_task *task = source->tasks->first; task != NULL; task = task->next) {
        if (task->line != NULL)
            status_line(out, task->line);
        else if (task->merge != NULL)
            status_merge(out, task->merge);
        else
            text_adds(out, "{}");
        text_adds(out, task->next != NULL ? "," : "");
    }
    text_adds(out, "]}\n");
}

/* ---- the page -------------------------------------------------------------------------------- */

static const char PAGE_HEAD[] =
    "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta http-equiv=\"refresh\" content=\"3\"><title>Braid</title><style>"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;"
    "color:#202122;background:#fff}h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #eaecf0;"
    "font-variant-numeric:tabular-nums}td.n,th.n{text-align:right}"
    ".bad{color:#b32424;font-weight:600}.good{color:#14866d}"
    "@media(prefers-color-scheme:dark){body{background:#101418;color:#eaecf0}"
    "th,td{border-color:#333}}</style></head><body>";

static void add_html(struct text *out, struct slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        const uint8_t c = value.ptr[i];
        if (c == '<')
            text_adds(out, "&lt;");
        else if (c == '>')
            text_adds(out, "&gt;");
        else if (c == '&')
            text_adds(out, "&amp;");
        else if (c == '"')
            text_adds(out, "&quot;");
        else
            text_add(out, slice_of(&c, 1));
    }
}

struct row {
    const char *name;
    const char *phase;
    bool is_failed;
    const char *why;
    uint64_t in;
    uint64_t out;
    int64_t behind;
    uint64_t holes;
};

static void add_row(struct text *out, const struct row *r)
{
    text_adds(out, "<tr><td>");
    add_html(out, slice_str(r->name));
    text_addf(out, "</td><td class=\"%s\">", r->is_failed ? "bad" : "");
    add_html(out, slice_str(r->phase));
    if (r->why[0] != '\0') {
        text_adds(out, ": ");
        add_html(out, slice_str(r->why));
    }
    text_addf(out, "</td><td class=n>%llu</td><td class=n>%llu</td>", (unsigned long long)r->in,
              (unsigned long long)r->out);
    if (r->behind >= 0)
        text_addf(out, "<td class=n>%lld</td>", (long long)r->behind);
    else
        text_adds(out, "<td class=n>-</td>");
    text_addf(out, "<td class=n>%llu</td></tr>", (unsigned long long)r->holes);
}

static void add_task(struct text *out, const struct io_task *task)
{
    struct io_line_status line;
    struct io_merge_status merge;

    if (task->line != NULL) {
        io_line_status(task->line, &line);
        const struct row r = {line.name,     phase_text(line.phase), line.is_failed,   line.why,
                              line.consumed, line.produced,          line.lag_records, line.holes};
        add_row(out, &r);
    } else if (task->merge != NULL) {
        io_merge_status(task->merge, &merge);
        const struct row r = {merge.name,
                              merge.stage,
                              merge.is_failed,
                              merge.why,
                              merge.merge.next_seq,
                              merge.emitted,
                              (int64_t)(merge.merge.head_number - merge.merge.emitted_number),
                              merge.merge.holes};
        add_row(out, &r);
    }
}

void admin_page(const struct io_admin_source *source, bool is_verbose, struct text *out)
{
    const struct health h = health_of(source);
    const struct config *c = &source->host->config;

    (void)is_verbose;
    text_adds(out, PAGE_HEAD);
    text_adds(out, "<h1>Braid node ");
    add_html(out, c->dc);
    text_adds(out, "/");
    add_html(out, c->node);
    text_addf(out, "</h1><p class=\"%s\">%s</p>", admin_is_ready(source) ? "good" : "bad",
              h.is_draining      ? "Leaving: tasks finish and claims are released."
              : !h.is_registered ? "Not registered in etcd."
              : h.failed > 0     ? "A task waits for an operator."
                                 : "All is well.");
    text_addf(out,
              "<p>version " BRAID_VERSION ", up %lld s, etcd %s, %zu tasks run, %zu wait; also: "
              "<a href=/metrics>metrics</a>, <a href=/status>status</a>, "
              "<a href=\"/readyz?verbose\">health</a></p>",
              (long long)(io_now_ms() - source->started_ms) / 1000,
              h.is_live ? "is heard of" : "does not answer (tasks go on)", h.running, h.waiting);
    text_adds(out, "<table><tr><th>task</th><th>state</th><th class=n>in, or next number</th>"
                   "<th class=n>out</th><th class=n>behind</th><th class=n>holes</th></tr>");
    for (const struct io_task *task = source->tasks->first; task != NULL; task = task->next)
        add_task(out, task);
    text_adds(out, "</table></body></html>\n");
}
