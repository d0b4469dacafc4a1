/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_errors.c - the events that failed: shown, tried again, dropped.
 *
 * A retry is a record of <dc>.braid.retry.<output> in the DC where the event came from: one more source
 * of the stream. A drop is one more record of the error topic, about the same event.
 */
#include <inttypes.h>
#include <string.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_errors.h"
#include "coord/ctl/io_kafka_put.h"
#include "coord/ctl/io_ops.h"
#include "coord/ctl/io_stream.h"
#include "coord/ctl/topics.h"
#include "coord/tasks.h"
#include "coord/yaml_file.h"
#include "proto/origin.h"

enum {
    ERRORS_CHANGED_MAX = 1000, /* events of one retry or drop */
    ERRORS_BODY_BYTES = 200
};

/* ---- which ------------------------------------------------------------------------------------ */

static bool is_listed(const struct session *s, const struct failure *f)
{
    if (f->retry_of.ptr != NULL)
        return false; /* shown with its event */
    return session_given(s, OPTION_ALL) || f->state == ERROR_FAILED || f->state == ERROR_RETRYING;
}

/* The one that EVENT names; NULL: said. */
static struct failure *wanted(struct errors_run *run)
{
    struct session *s = run->session;
    struct slice what = session_operand(s, 2);
    size_t count = 0;
    struct failure *f = errors_find(&run->errors, what, &count);

    if (count == 1)
        return f;
    if (count == 0) {
        output_error(&s->output,
                     "no error topic names the event '%.*s' of %.*s; 'braidctl errors list %.*s "
                     "--all' lists them",
                     SLICE_ARG(what), SLICE_ARG(run->stream->output),
                     SLICE_ARG(run->stream->output));
    } else {
        output_error(&s->output, "%zu events have the id '%.*s': name one by its position", count,
                     SLICE_ARG(what));
    }
    return NULL;
}

/* ---- showing ---------------------------------------------------------------------------------- */

static struct slice failed_in(struct session *s, const struct failure *f)
{
    struct text t = text_in(&s->arena);

    for (size_t i = 0; i < f->by_count; i++)
        text_addf(&t, "%s%.*s", i == 0 ? "" : ",", SLICE_ARG(f->by[i]));
    return text_slice(&t);
}

static void add_row(struct session *s, struct view *v, struct view_table *t,
                    const struct failure *f)
{
    view_cell_text(v, t, errors_position(f, &s->arena));
    view_cell_text(v, t, f->id.len == 0 ? (struct slice){0} : f->id);
    view_cell_text(v, t, slice_str(errors_state_name(f->state)));
    view_cell_text(v, t, f->reason);
    view_cell_text(v, t, failed_in(s, f));
    view_cell_number(v, t, (int64_t)f->retries);
    view_cell_time(v, t, f->source_ms);
}

static const char *const ROW_TITLES[] = {"position",  "id",      "state",       "reason",
                                         "failed_in", "retries", "source_time", NULL};

static int list(struct errors_run *run)
{
    struct session *s = run->session;
    struct view v = view_new(&s->arena, "Errors");
    struct view_table *t = NULL;
    int64_t max = 0;
    size_t count = 0;
    size_t shown = 0;

    if (!session_number(s, OPTION_RECORDS, 1000, &max))
        return EXIT_USAGE;
    t = view_table(&v, "errors", ROW_TITLES);
    for (size_t i = 0; i < run->errors.count; i++) {
        const struct failure *f = &run->errors.items[i];

        if (!is_listed(s, f))
            continue;
        count++;
        if (shown == (size_t)max)
            continue;
        add_row(s, &v, t, f);
        shown++;
    }
    view_heading(&v, "%zu event%s of %.*s %s%s.", count, count == 1 ? "" : "s",
                 SLICE_ARG(run->stream->output),
                 session_given(s, OPTION_ALL) ? "failed somewhere" : "failed",
                 shown < count ? text_format(&s->arena, "; the first %zu of them", shown) : "");
    view_text(&v, "stream", run->stream->output);
    view_number(&v, "count", (int64_t)count);
    output_view(&s->output, &v);
    return EXIT_DONE;
}

static struct slice header_of(const struct audit_raw *raw, const char *name)
{
    for (size_t i = 0; i < raw->header_count; i++) {
        if (slice_equal(raw->headers[i].name, slice_str(name)))
            return raw->headers[i].value;
    }
    return (struct slice){0};
}

static int show(struct errors_run *run)
{
    struct session *s = run->session;
    struct audit_raw *raw = arena_calloc(&s->arena, 1, sizeof(*raw));
    const struct failure *f = wanted(run);
    struct view v = view_new(&s->arena, "Error");
    struct errors_text text;
    int64_t body = 0;

    if (f == NULL || raw == NULL)
        return EXIT_REFUSED;
    if (!session_number(s, OPTION_BODY, ERRORS_BODY_BYTES, &body))
        return EXIT_USAGE;
    view_heading(&v, "%.*s: %.*s", (int)strlen(errors_state_name(f->state)),
                 errors_state_name(f->state), SLICE_ARG(f->message));
    view_text(&v, "stream", run->stream->output);
    view_text(&v, "position", errors_position(f, &s->arena));
    view_text(&v, "id", f->id.len == 0 ? (struct slice){0} : f->id);
    view_text(&v, "state", slice_str(errors_state_name(f->state)));
    view_text(&v, "reason", f->reason);
    view_text(&v, "message", f->message);
    view_text(&v, "failed_in", failed_in(s, f));
    view_number(&v, "retries", (int64_t)f->retries);
    view_time(&v, "source_time", f->source_ms);
    view_time(&v, "failed_time", f->first_ms);
    if (f->site >= 0 && errors_record_read(run, f, raw)) {
        errors_text_read(run, raw->value, &text);
        view_text(&v, "fetch", header_of(raw, "braid-fetch"));
        view_text(&v, "spec", header_of(raw, "braid-spec"));
        view_text(&v, "key", raw->key);
        view_number(&v, "event_bytes", (int64_t)text.raw.len);
        view_text(
            &v, "event",
            slice_sub(text.raw, 0, text.raw.len < (size_t)body ? text.raw.len : (size_t)body));
    }
    output_view(&s->output, &v);
    return EXIT_DONE;
}

/* ---- changing --------------------------------------------------------------------------------- */

struct change {
    struct errors_run *run;
    bool is_retry;
    struct failure **events;
    size_t count;
    const char *what; /* for the log */
};

static int choose(struct change *c)
{
    struct session *s = c->run->session;
    int64_t max = 0;

    if (!session_number(s, OPTION_RECORDS, ERRORS_CHANGED_MAX, &max))
        return EXIT_USAGE;
    if (max > ERRORS_CHANGED_MAX)
        max = ERRORS_CHANGED_MAX;
    c->events = arena_calloc(&s->arena, (size_t)max + 1, sizeof(*c->events));
    if (c->events == NULL)
        return EXIT_REFUSED;
    if (session_operand(s, 2).ptr != NULL) {
        c->events[0] = wanted(c->run);
        c->count = c->events[0] != NULL ? 1 : 0;
        return c->count == 1 ? 0 : EXIT_REFUSED;
    }
    for (size_t i = 0; i < c->run->errors.count && c->count < (size_t)max; i++) {
        struct failure *f = &c->run->errors.items[i];

        if (f->retry_of.ptr == NULL && f->state == ERROR_FAILED)
            c->events[c->count++] = f;
    }
    return 0;
}

/* Does the stream read the DC's retries? Else the record would wait for ever. */
static bool reads_retries(const struct snapshot_stream *st, struct slice dc, const char *topic)
{
    for (uint32_t i = 0; st->has_cut && i < st->cut.layout.count; i++) {
        const struct origin_partition *from = &st->cut.layout.names[i].from;

        if (slice_equal(from->dc, dc) && slice_equal(from->topic, slice_str(topic)))
            return true;
    }
    return false;
}

static int check(const struct change *c)
{
    struct session *s = c->run->session;
    const struct snapshot_stream *st = c->run->stream;
    const char *topic = text_format(&s->arena, TASK_RETRY_PREFIX "%.*s", SLICE_ARG(st->output));

    for (size_t i = 0; i < c->count; i++) {
        const struct failure *f = c->events[i];

        if (f->state == ERROR_EMITTED || f->state == ERROR_OPEN ||
            (c->is_retry && f->state == ERROR_RETRYING)) {
            output_error(&s->output, "%.*s is %s%s: nothing to %s",
                         SLICE_ARG(errors_position(f, &s->arena)), errors_state_name(f->state),
                         f->state == ERROR_OPEN ? ", the global stream has not come to it" : "",
                         c->is_retry ? "retry" : "drop");
            return EXIT_REFUSED;
        }
        if (c->is_retry && !reads_retries(st, errors_dc(c->run, f), topic)) {
            output_error(&s->output,
                         "%.*s does not read %.*s.%s: it was applied by a version that knew no "
                         "retries; a new stream reads them",
                         SLICE_ARG(st->output), SLICE_ARG(errors_dc(c->run, f)), topic);
            return EXIT_REFUSED;
        }
    }
    return 0;
}

static void add_header(struct audit_raw *raw, const char *name, struct slice value)
{
    if (raw->header_count < AUDIT_HEADERS_MAX)
        raw->headers[raw->header_count++] = (struct header){slice_str(name), value};
}

static int put(struct change *c, const struct failure *f, const char *topic,
               const struct audit_raw *raw)
{
    struct session *s = c->run->session;
    struct slice dc = c->is_retry ? errors_dc(c->run, f) : c->run->stream->dcs[f->site];
    const char *kafka = place_kafka(s, &c->run->snap, dc);
    struct kafka_writer *writer = NULL;
    int rc = kafka == NULL ? EXIT_REFUSED : kafka_writer_open(s, kafka, &writer);

    if (rc == 0)
        rc = kafka_put(writer, topic_prefixed(&s->arena, dc, slice_str(topic)), raw);
    kafka_writer_close(writer);
    return rc;
}

/* The source record's own headers, then what the line reads and what ties it to the event. */
static int retry_one(struct change *c, const struct failure *f)
{
    struct session *s = c->run->session;
    struct audit_raw *raw = arena_calloc(&s->arena, 1, sizeof(*raw));
    struct slice source = task_source_of(&f->origin.from, &s->arena);
    struct slice backfill = SLICE_LIT(TASK_BACKFILL_PREFIX);
    size_t kept = 0;

    if (raw == NULL || !errors_source_read(c->run, f, raw))
        return EXIT_REFUSED;
    for (size_t i = 0; i < raw->header_count; i++) {
        if (!slice_starts_with(raw->headers[i].name, SLICE_LIT("braid-")))
            raw->headers[kept++] = raw->headers[i];
    }
    raw->header_count = kept;
    if (slice_starts_with(source, backfill))
        source = slice_sub(source, backfill.len, source.len);
    add_header(raw, "braid-retry", slice_str(text_format(&s->arena, "%" PRIu32, f->retries + 1)));
    add_header(raw, "braid-source", source);
    add_header(raw, ERRORS_RETRY_OF, errors_position(f, &s->arena));
    return put(c, f,
               text_format(&s->arena, TASK_RETRY_PREFIX "%.*s", SLICE_ARG(c->run->stream->output)),
               raw);
}

static int drop_one(struct change *c, const struct failure *f)
{
    struct session *s = c->run->session;
    struct audit_raw *raw = arena_calloc(&s->arena, 1, sizeof(*raw));

    if (raw == NULL || !errors_record_read(c->run, f, raw))
        return EXIT_REFUSED;
    add_header(raw, ERRORS_DROPPED, slice_str(s->who));
    return put(c, f, "braid.error", raw);
}

static int make_change(struct change *c)
{
    struct session *s = c->run->session;
    const struct store_change log = {.what = c->what};
    size_t made = 0;
    int rc = 0;

    while (rc == 0 && made < c->count) {
        rc = c->is_retry ? retry_one(c, c->events[made]) : drop_one(c, c->events[made]);
        if (rc == 0)
            made++;
    }
    if (rc != 0) {
        output_error(&s->output,
                     "%zu of %zu are done; 'braidctl errors list %.*s --all' says which", made,
                     c->count, SLICE_ARG(c->run->stream->output));
    }
    if (made > 0 && rc == 0)
        return store_change(s, &log);
    return rc;
}

static int change(struct errors_run *run, bool is_retry)
{
    struct session *s = run->session;
    struct change c = {.run = run, .is_retry = is_retry};
    struct view v = view_new(&s->arena, "Plan");
    struct view_table *t = NULL;
    int code = EXIT_DONE;
    int rc = choose(&c);

    if (rc == 0)
        rc = check(&c);
    if (rc != 0)
        return rc;
    if (c.count == 0) {
        output_note(&s->output, "no event of %.*s failed: nothing to do",
                    SLICE_ARG(run->stream->output));
        return EXIT_DONE;
    }
    t = view_table(&v, "events", ROW_TITLES);
    for (size_t i = 0; i < c.count; i++)
        add_row(s, &v, t, c.events[i]);
    c.what = text_format(&s->arena, "%s %zu event%s of %.*s", is_retry ? "retry" : "drop", c.count,
                         c.count == 1 ? "" : "s", SLICE_ARG(run->stream->output));
    view_textf(&v, "step", "%s", c.what);
    view_text(&v, "writes_to",
              is_retry ? slice_str(text_format(&s->arena, "<dc>." TASK_RETRY_PREFIX "%.*s",
                                               SLICE_ARG(run->stream->output)))
                       : SLICE_LIT("<dc>.braid.error"));
    if (!store_may_change(s, &v, &run->snap, c.what, &code))
        return code;
    rc = make_change(&c);
    if (rc == 0)
        ops_done(s, &v, c.what);
    return rc;
}

/* ---- the command ------------------------------------------------------------------------------ */

static int act(struct errors_run *run, struct slice action)
{
    int rc = errors_load(run);

    if (rc != 0)
        return rc;
    if (slice_equal(action, SLICE_LIT("list")))
        return list(run);
    if (slice_equal(action, SLICE_LIT("show")))
        return show(run);
    return change(run, slice_equal(action, SLICE_LIT("retry")));
}

static bool is_action(struct session *s, struct slice action)
{
    static const char *const ACTIONS[] = {"list", "show", "retry", "drop"};

    for (size_t i = 0; i < sizeof(ACTIONS) / sizeof(ACTIONS[0]); i++) {
        if (slice_equal(action, slice_str(ACTIONS[i])))
            return true;
    }
    output_error(&s->output, "errors does list, show, retry or drop, not '%.*s'",
                 SLICE_ARG(action));
    return false;
}

int cmd_errors(struct session *s)
{
    struct errors_run *run = arena_calloc(&s->arena, 1, sizeof(*run));
    struct slice action = session_operand(s, 0);
    int rc = 0;

    if (run == NULL)
        return EXIT_REFUSED;
    if (!is_action(s, action))
        return EXIT_USAGE;
    if (slice_equal(action, SLICE_LIT("show")) && session_operand(s, 2).ptr == NULL) {
        output_error(&s->output,
                     "errors show needs EVENT: a meta.id, or a position as list has it");
        return EXIT_USAGE;
    }
    run->session = s;
    rc = store_load(s, &run->snap);
    if (rc != 0)
        return rc;
    run->stream = stream_named(s, &run->snap, session_operand(s, 1));
    if (run->stream == NULL)
        return EXIT_REFUSED;
    if (run->stream->dc_count == 0) {
        output_error(&s->output, "'%.*s' is deleted", SLICE_ARG(run->stream->output));
        return EXIT_REFUSED;
    }
    rc = act(run, action);
    errors_unload(run);
    return rc;
}
