/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_line.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "coord/text.h"
#include "node/io_line_part.h"
#include "node/io_loop.h"
#include "node/place.h"
#include "proto/err.h"

static void on_timer(uv_timer_t *timer);

/* ---- steps ---------------------------------------------------------------------------------- */

void line_end(struct io_line *l, int rc, const char *why)
{
    if (l->is_over)
        return;
    l->is_over = true;
    l->code = rc;
    (void)snprintf(l->why_text, sizeof(l->why_text), "%s", why);
    l->why = l->why_text;
    if (err_class(rc) == ERR_CLASS_FATAL)
        l->is_failed = true;
    if (rc != 0)
        io_log_about(&l->host->log, l, l->is_failed ? LOG_ERROR : LOG_WARN,
                     l->is_failed ? "task stopped until an operator acts" : "task's run ended",
                     "task=%s err=%s why=\"%s\"", l->name, err_name(rc), l->why);
    (void)uv_timer_start(l->timer, on_timer, 0, IO_LINE_TICK_MS);
}

void line_done_later(struct io_line *l, uint64_t ticket)
{
    assert(l->done_count < l->config.in_flight_max);
    l->done[l->done_count++] = ticket;
}

static void carry_out(struct io_line *l, const struct line_action *a, const struct line_event *ev)
{
    const struct record *r = a->index < ev->count ? &ev->records[a->index] : NULL;

    switch (a->kind) {
    case LINE_DO_READ_OUT:
        io_reading_from(l->reading_out, a->log_offset);
        return;
    case LINE_DO_READ_IN:
        io_reading_from(l->reading_in, a->log_offset);
        return;
    case LINE_DO_WORK:
        line_work(l, a, r);
        return;
    case LINE_DO_PRODUCE:
        if (l->config.kind == LINE_COPY)
            line_produce(l, a, r);
        else
            line_produce_work(l, a);
        return;
    case LINE_DO_SKIP:
        line_drop_work(l, a->ticket);
        line_produce(l, a, NULL);
        return;
    case LINE_DO_GAP:
        line_produce(l, a, NULL);
        return;
    case LINE_DO_DROP:
        assert(r != NULL);
        io_kafka_release(r->handle);
        return;
    case LINE_DO_COMMIT:
        line_commit(l);
        return;
    case LINE_DO_STOP:
        line_end(l, a->code, a->why);
        return;
    }
}

static void step_once(struct io_line *l, struct line_event *ev)
{
    struct line_actions *actions = &l->host->line_actions;

    ev->now_ms = io_mono_ms();
    line_step(l->line, ev, actions);
    for (uint32_t i = 0; i < actions->count; i++)
        carry_out(l, &actions->list[i], ev);
}

void line_tell_done(struct io_line *l)
{
    while (l->done_count > 0 && !l->is_over) {
        l->done_count--;
        const uint64_t ticket = l->done[l->done_count];
        struct line_event ev = {
            .kind = LINE_EV_DONE, .ticket = ticket, .work = line_work_result(l, ticket)};
        step_once(l, &ev);
    }
}

static void step(struct io_line *l, struct line_event *ev)
{
    if (l->is_over)
        return;
    step_once(l, ev);
    line_tell_done(l);
}

/* ---- what the logs and the writer say ------------------------------------------------------- */

static bool ends_early(const struct io_line *l)
{
    return (l->place_in.valid && l->in.end < l->place_in.log_offset) ||
           (l->place_out.valid && l->out.end < l->place_out.log_offset);
}

/*
 * The first run of a stream whose source is another's output. A beginning that retention has taken
 * is no fault there: numbers leave nothing out, so the log's first record says what it goes on
 * from, and one behind the stream's start shows as a hole.
 */
static void start_in_global(struct io_line *l)
{
    const int64_t start = l->config.start[0];

    if (l->state != NULL)
        l->place_in = line_state_place(l->state);
    if (!l->is_global || l->place_in.valid || l->place_out.valid || start == LINE_START_ANY)
        return;
    l->place_in =
        (struct line_place){.valid = true, .log_offset = l->in.start, .last = {start}, .epoch = -1};
}

void line_maybe_start(struct io_line *l)
{
    struct line_event ev = {
        .kind = LINE_EV_START,
        .place_in = &l->place_in,
        .place_out = &l->place_out,
        .in = l->in,
        .out = l->out,
    };

    if (l->has_started || l->client == NULL || !l->has_places || !l->has_in || !l->has_out)
        return;
    if (l->state != NULL && !line_state_is_read(l->state))
        return;
    start_in_global(l);
    if (ends_early(l) && io_mono_ms() - l->opened_ms < IO_LINE_BOUNDS_MS) {
        l->is_late = true;
        return;
    }
    l->has_started = true;
    step(l, &ev);
    io_line_stream_changed(l, l->stream);
}

static uint32_t room_in(void *data)
{
    const struct io_line *l = data;

    if (l->is_over || l->is_draining || l->pending.first != NULL)
        return 0;
    const uint32_t room = line_room(l->line);
    if (l->state != NULL && line_state_room(l->state) < room)
        return line_state_room(l->state);
    return room;
}

/* Of either log; true if it was no record and no end. */
static bool take_state(struct io_line *l, const struct io_read_event *read, const char *which)
{
    if (read->kind == IO_READ_RANGE) {
        line_end(l, ERR_CONFLICT, "a log has moved: starting again from its bounds");
        return true;
    }
    if (read->kind == IO_READ_FAILED) {
        char why[192];

        (void)snprintf(why, sizeof(why), "cannot read the %s: %s", which, read->detail);
        line_end(l, read->code, why);
        return true;
    }
    return false;
}

static void on_in(void *data, const struct io_read_event *read)
{
    struct io_line *l = data;
    struct line_event ev = {.records = read->records, .count = read->count};

    if (l->is_over) {
        for (uint32_t i = 0; i < read->count; i++)
            io_kafka_release(read->records[i].handle);
        return;
    }
    if (read->kind == IO_READ_MOVED) {
        ev.kind = LINE_EV_MOVED;
        step(l, &ev);
        return;
    }
    if (take_state(l, read, "input"))
        return;
    if (read->kind == IO_READ_BOUNDS) {
        l->in = read->bounds;
        l->has_in = l->has_out; /* older than the output's: they are asked for once more */
        line_maybe_start(l);
        return;
    }
    ev.kind = read->kind == IO_READ_RECORDS ? LINE_EV_IN : LINE_EV_IN_END;
    ev.log_offset = read->log_offset;
    if (read->count > 0) {
        l->consumed += read->count;
        l->last_time_ms = read->records[read->count - 1].log_time_ms;
    }
    if (l->state != NULL && !line_state_take(l->state, read->records, read->count)) {
        for (uint32_t i = 0; i < read->count; i++)
            io_kafka_release(read->records[i].handle);
        return;
    }
    step(l, &ev);
}

static void on_out(void *data, const struct io_read_event *read)
{
    struct io_line *l = data;
    struct line_event ev = {.records = read->records, .count = read->count};

    if (!l->is_over && !take_state(l, read, "output")) {
        if (read->kind == IO_READ_BOUNDS) {
            l->out = read->bounds;
            l->has_out = true;
            /* Another owner may have copied records that came after an earlier look at the input: the
             * output must not seem to hold what the input does not have. */
            if (!l->has_started)
                io_reading_ask_bounds(l->reading_in);
            return;
        }
        ev.kind = read->kind == IO_READ_MOVED     ? LINE_EV_MOVED
                  : read->kind == IO_READ_RECORDS ? LINE_EV_OUT
                                                  : LINE_EV_OUT_END;
        ev.is_output = true;
        ev.log_offset = read->log_offset;
        step(l, &ev);
        if (!l->is_over)
            io_reading_kick(l->reading_in); /* what is read back makes room */
    }
    for (uint32_t i = 0; i < read->count; i++)
        io_kafka_release(read->records[i].handle);
}

static void on_acked(void *data, uint64_t ticket, int64_t log_offset)
{
    struct io_line *l = data;
    struct line_event ev = {.kind = LINE_EV_ACKED, .ticket = ticket};

    (void)log_offset; /* only what is read back counts (R5) */
    step(l, &ev);
    line_retry(l);
}

static void on_failed(void *data, int code, const char *detail)
{
    struct io_line *l = data;
    struct line_event ev = {.kind = LINE_EV_FAILED};
    const bool was_alone = l->limit.bytes == 0 || io_limit_is_small(l->limit.bytes);

    /* A8. Otherwise the topic's limit is lower than it was: the next run knows it, and sees for itself
     * which records are too large. */
    if (code == ERR_TOO_LARGE && l->config.kind == LINE_COPY && was_alone)
        line_too_large(l, detail);
    else
        step(l, &ev);
}

void line_too_large(struct io_line *l, const char *detail)
{
    char why[192];

    l->is_failed = true;
    (void)snprintf(why, sizeof(why), "%s; raise max.message.bytes of %s: it is %lld", detail,
                   l->topic_out, (long long)l->limit.bytes);
    line_end(l, ERR_TOO_LARGE, why);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static void on_limit(void *data)
{
    struct io_line *l = data;
    const bool is_small = io_limit_is_small(l->limit.bytes);
    const struct io_writer_config client = {.topic = l->topic_out,
                                            .partition = (int32_t)l->task.partition,
                                            .limit = l->limit.bytes,
                                            .data = l,
                                            .acked = on_acked,
                                            .failed = on_failed};

    if (l->is_over)
        return;
    l->is_limited = is_small;
    l->config.retention_ms = l->limit.retention_ms;
    line_init(l->line, &l->config);
    l->client =
        io_writer_client_open(is_small ? l->site_out->single : l->site_out->writer, &client);
    if (l->client == NULL)
        line_end(l, ERR_NO_MEMORY, "cannot open a writer");
    line_maybe_start(l);
}

/* Opens both logs once the strands are known. */
static int open_logs(struct io_line *l)
{
    const uint32_t incarnation = l->config.by_incarnation; /* 0 for copies of a source */
    const struct io_reading_config in = {.topic = l->topic_in,
                                         .incarnation =
                                             l->task.kind == TASK_REPLICATE ? incarnation : 0,
                                         .source = l->is_global ? &l->config.strands[0] : NULL,
                                         .partition = (int32_t)l->task.partition,
                                         .data = l,
                                         .room = room_in,
                                         .on_event = on_in};
    const struct io_reading_config out = {.topic = l->topic_out,
                                          .incarnation = incarnation,
                                          .partition = (int32_t)l->task.partition,
                                          .data = l,
                                          .on_event = on_out};

    l->line = malloc(sizeof(*l->line));
    l->jobs = calloc(l->config.in_flight_max, sizeof(struct job *));
    l->done = calloc(l->config.in_flight_max, sizeof(*l->done));
    if (l->line == NULL || l->jobs == NULL || l->done == NULL)
        return ERR_NO_MEMORY;
    line_init(l->line, &l->config);
    l->strands_hash = place_strands_hash(&l->config);
    l->is_set_up = true;
    l->reading_in = io_reading_start(l->site_in->reader, &in);
    l->reading_out = io_reading_start(l->site_out->reader, &out);
    if (l->reading_in == NULL || l->reading_out == NULL)
        return ERR_NO_MEMORY;
    if (l->is_remembering) {
        const int rc = line_state_open(l, &l->state);
        if (rc != 0)
            return rc;
    }
    line_ask_places(l);
    io_limit_ask(&l->limit, l->site_out->ask, l->topic_out, on_limit, l);
    return 0;
}

static void close_run(struct io_line *l)
{
    io_reading_stop(l->reading_in);
    io_reading_stop(l->reading_out);
    io_writer_client_close(l->client);
    io_writer_client_close(l->errors);
    line_state_close(l->state);
    l->state = NULL;
    l->errors = NULL;
    if (l->question != NULL)
        io_kafka_ask_cancel(l->question);
    l->reading_in = NULL;
    l->reading_out = NULL;
    l->client = NULL;
    l->question = NULL;
    line_drop_jobs(l);
}

/* True if nothing is under way any more, or there was time enough. */
static bool is_drained(const struct io_line *l)
{
    if (!l->has_started || l->line->phase != LINE_RUNNING)
        return true;
    if (io_mono_ms() - l->drain_ms > IO_LINE_DRAIN_MS)
        return true;
    return l->line->ticket_read == l->line->ticket_next && l->question == NULL && !l->commit_again;
}

static void tick(struct io_line *l)
{
    struct line_event ev = {.kind = LINE_EV_TICK};

    if (!l->is_set_up) {
        int rc = line_set_up(l);
        if (rc == 0)
            rc = open_logs(l);
        if (rc == 0 || rc == ERR_NO_MEMORY || io_mono_ms() - l->opened_ms > IO_LINE_OPEN_MS) {
            if (rc != 0)
                line_end(l, rc, "where this task reads or writes is not known");
        }
        return;
    }
    const bool is_reading = l->state != NULL && !line_state_is_read(l->state);
    if (!l->has_started && !is_reading && io_mono_ms() - l->opened_ms > IO_LINE_OPEN_MS) {
        line_end(l, ERR_TIMEOUT, "no answer about places and bounds");
        return;
    }
    if (l->is_late) {
        l->is_late = l->has_in = l->has_out = false;
        io_reading_ask_bounds(l->reading_out); /* and the input's after them */
    }
    if (!l->has_started)
        return;
    step(l, &ev);
    if (l->is_over)
        return;
    if (l->is_limited && io_limit_is_changed(&l->limit)) {
        line_end(l, ERR_CONFLICT, "the topic's limit has changed: starting again");
        return;
    }
    if (l->commit_again)
        line_commit(l);
    line_retry(l);
    if (l->state != NULL && l->line->place_in.valid)
        line_state_settled(l->state, &l->line->place_in, io_mono_ms());
    io_reading_kick(l->reading_in);
}

static void on_timer(uv_timer_t *timer)
{
    struct io_line *l = timer->data;

    if (!l->is_over)
        tick(l);
    if (!l->is_over && l->is_draining && is_drained(l))
        line_end(l, 0, "finished");
    if (!l->is_over)
        return;
    close_run(l);
    if (l->code == ERR_TOO_LARGE && io_limit_is_changed(&l->limit))
        l->is_failed = false; /* an operator has acted */
    if (l->is_failed && !l->is_stopped)
        return; /* stays, visible, until it is asked to stop */
    io_limit_cancel(&l->limit);
    (void)uv_timer_stop(l->timer);
    l->finished(l->data, l, l->is_stopped ? 0 : l->code);
}

int io_line_open(struct io_host *h, struct slice name, const struct task *task,
                 void (*finished)(void *data, struct io_line *l, int rc), void *data,
                 struct io_line **out)
{
    struct io_line *l = calloc(1, sizeof(*l));
    uv_timer_t *timer = calloc(1, sizeof(*timer));

    assert(task->kind == TASK_REPLICATE || task->kind == TASK_ENRICH);
    if (l != NULL)
        l->name = strndup((const char *)name.ptr, name.len);
    if (l == NULL || timer == NULL || l->name == NULL) {
        free(timer);
        free(l);
        return ERR_NO_MEMORY;
    }
    l->host = h;
    l->finished = finished;
    l->data = data;
    l->timer = timer;
    l->opened_ms = io_mono_ms();
    l->why = "";
    arena_init(&l->arena, 4096, 1024 * 1024);
    const int rc = task_parse(slice_str(l->name), &l->task);
    assert(rc == 0); /* it was parsed before from the same text */
    (void)rc;
    (void)uv_timer_init(h->loop, timer); /* never fails */
    timer->data = l;
    (void)uv_timer_start(timer, on_timer, 0, IO_LINE_TICK_MS);
    *out = l;
    return 0;
}

void io_line_stop(struct io_line *l)
{
    l->is_stopped = true;
    if (!l->is_draining)
        l->drain_ms = io_mono_ms();
    l->is_draining = true;
    if (!l->is_over && l->has_started && l->line->phase == LINE_RUNNING)
        line_commit(l);
    (void)uv_timer_start(l->timer, on_timer, 0, 20);
}

void io_line_stream_changed(struct io_line *l, const struct io_stream *s)
{
    int64_t positions[LINE_STRANDS_MAX];
    struct line_event ev = {.kind = LINE_EV_CUT, .positions = positions};

    if (s == NULL || l->stream != s || !l->is_set_up || !s->has_head)
        return;
    if (line_strands_changed(l)) {
        l->is_failed = false;
        l->is_over = false;
        line_end(l, ERR_CONFLICT, "the stream's strands have changed: starting again");
        return;
    }
    if (!l->has_started)
        return;
    for (uint32_t i = 0; i < l->config.strand_count; i++)
        positions[i] = io_stream_position(s, &l->config.strands[i]);
    if (l->config.kind == LINE_ENRICH) {
        const struct strand_name name = {l->config.by_dc, l->config.by_incarnation,
                                         l->config.strands[0]};
        io_stream_strands(s, &name, &ev.own, &ev.others);
        l->line->config.failed_share_max = line_share_max(s);
    }
    step(l, &ev);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void io_line_free(struct io_line *l)
{
    if (l == NULL)
        return;
    close_run(l);
    io_limit_cancel(&l->limit);
    uv_close((uv_handle_t *)l->timer, on_timer_closed);
    arena_deinit(&l->arena);
    free(l->line);
    free(l->jobs);
    free(l->done);
    free(l->name);
    free(l);
}

/* One task speaks for its topic. */
static void count_partitions(const struct io_line *l, struct io_line_status *out)
{
    if (l->task.kind != TASK_ENRICH || l->task.partition != 0 || l->reading_in == NULL ||
        l->is_global || !slice_equal(l->task.dc, l->host->config.dc))
        return;
    out->partitions = io_reading_partitions(l->reading_in);
    out->partitions_read = io_stream_partitions(l->stream, l->task.dc, l->task.topic);
}

void io_line_status(const struct io_line *l, struct io_line_status *out)
{
    *out = (struct io_line_status){
        .name = l->name,
        .is_failed = l->is_failed,
        .code = l->code,
        .why = l->why,
        .consumed = l->consumed,
        .produced = l->produced,
        .lag_records = l->reading_in != NULL ? io_reading_behind(l->reading_in) : -1,
    };
    memcpy(out->statuses, l->statuses, sizeof(out->statuses));
    memcpy(out->reasons, l->reasons, sizeof(out->reasons));
    out->task = &l->task;
    out->topic_in = l->topic_in != NULL ? l->topic_in : "";
    out->topic_out = l->topic_out != NULL ? l->topic_out : "";
    count_partitions(l, out);
    if (l->line == NULL)
        return;
    out->phase = l->line->phase;
    out->holes = l->line->holes;
    out->foreign = l->line->foreign;
    out->duplicates = l->line->duplicates;
    out->under_way = (uint32_t)(l->line->ticket_next - l->line->ticket_read);
    out->is_caught_up = l->line->in_caught_up;
    /* Where nothing is under way, nothing waits for another DC, however the last requests ended. */
    if (!l->is_over && (out->under_way > 0 || l->line->is_old))
        out->waits = line_waits(l->line);
    if (out->waits != NULL) {
        out->code = 0;
        out->why = out->waits;
    }
    if (out->lag_records > 0 && l->last_time_ms > 0 && io_now_ms() > l->last_time_ms)
        out->lag_ms = io_now_ms() - l->last_time_ms;
}
