/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_merge.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "coord/text.h"
#include "node/io_loop.h"
#include "node/io_merge_part.h"
#include "proto/err.h"

#define TICK_MIN_MS 10

static void on_timer(uv_timer_t *timer);

/* ---- steps ---------------------------------------------------------------------------------- */

static void carry_out(struct io_merge *m, const struct merge_action *a)
{
    switch (a->kind) {
    case MERGE_DO_READ:
        merge_log_read(&m->logs[a->log], a);
        return;
    case MERGE_DO_PAUSE:
        merge_log_pause(&m->logs[a->log]);
        return;
    case MERGE_DO_REPORT:
        merge_etcd_report(m);
        return;
    case MERGE_DO_NEED_CUT:
        merge_cut_wanted(m, a->era, a->number);
        return;
    case MERGE_DO_LOG_CUT:
        merge_note(m, a->number, true, a->bytes);
        return;
    case MERGE_DO_EMIT:
        merge_emit_part(m);
        return;
    case MERGE_DO_LOG_EMITTED:
        merge_note(m, a->number, false, a->bytes);
        return;
    case MERGE_DO_DELETE_CUTS:
        merge_etcd_delete(m, a->era, a->number);
        return;
    case MERGE_DO_RELEASE:
        io_kafka_release(a->handle);
        return;
    case MERGE_DO_RESET:
        merge_reset(m);
        return;
    case MERGE_DO_COPY:
        merge_copy_begin(m, a->why);
        return;
    case MERGE_DO_STOP:
        merge_run_end(m, a->code, a->why);
        return;
    }
}

static void release_all(const struct merge_actions *actions)
{
    for (uint32_t i = 0; i < actions->released_count; i++)
        io_kafka_release(actions->released[i]);
}

void merge_wake(struct io_merge *m)
{
    int64_t every_ms = 50;

    if (m->spec != NULL)
        every_ms = m->spec->spec.cut_interval_ms;
    if (every_ms < TICK_MIN_MS)
        every_ms = TICK_MIN_MS;
    (void)uv_timer_start(m->timer, on_timer, 0, (uint64_t)every_ms);
}

void merge_run_step(struct io_merge *m, struct merge_event *ev)
{
    struct merge_actions *actions = &m->host->merge_actions;

    ev->now_ms = io_mono_ms();
    ev->wall_ms = io_now_ms();
    merge_step(m->merge, ev, actions);
    release_all(actions);
    if (m->logs == NULL && merge_log_count(m->merge) > 0)
        merge_logs_open(m);
    for (uint32_t i = 0; i < actions->count && m->stage == STAGE_RUNNING; i++)
        carry_out(m, &actions->list[i]);
}

void merge_run_end(struct io_merge *m, int code, const char *why)
{
    if (m->stage >= STAGE_CLOSING)
        return;
    m->stage = STAGE_CLOSING;
    m->code = code;
    m->is_failed = m->is_failed || err_class(code) == ERR_CLASS_FATAL;
    (void)snprintf(m->why, sizeof(m->why), "%s", why);
    if (code != 0)
        io_log_about(&m->host->log, m, m->is_failed ? LOG_ERROR : LOG_WARN,
                     m->is_failed ? "task stopped until an operator acts" : "task's run ended",
                     "task=%s err=%s why=\"%s\"", m->name, err_name(code), m->why);
    merge_wake(m);
}

void merge_too_large(struct io_merge *m)
{
    char why[192];

    m->is_failed = true;
    (void)snprintf(why, sizeof(why),
                   "a record is too large; raise max.message.bytes of %s: it is %lld",
                   m->topic_global, (long long)m->limit.bytes);
    merge_run_end(m, ERR_TOO_LARGE, why);
}

/* ---- life cycle ----------------------------------------------------------------------------- */

static int set_up(struct io_merge *m)
{
    const struct config *config = &m->host->config;

    m->stream = io_stream_find(&m->host->streams, m->task.output);
    if (m->stream == NULL || m->stream->spec == NULL || !m->stream->has_head)
        return ERR_UNAVAILABLE;
    int rc = io_host_site(m->host, config->dc, false, &m->site);
    if (rc != 0)
        return rc;
    m->spec = io_spec_hold(m->stream);
    m->topic_global = text_format(&m->names, "global.%s", m->stream->output);
    m->topic_cuts = text_format(&m->names, "%.*s.braid.cuts", SLICE_ARG(config->dc));
    m->transactional_id = text_format(&m->names, "braid-%.*s-%.*s-%s", SLICE_ARG(config->cluster),
                                      SLICE_ARG(config->dc), m->stream->output);
    m->restored.pause = text_format(&m->names, "chain/%s", m->stream->output);
    m->proposer =
        text_format(&m->names, "%.*s/%.*s", SLICE_ARG(config->dc), SLICE_ARG(config->node));
    m->head_era = m->stream->head.era;
    m->layout_hash = m->stream->head.layout.hash;
    rc = merge_notes_open(m);
    return rc != 0 ? rc : merge_etcd_open(m);
}

static void tick(struct io_merge *m)
{
    struct merge_event ev = {.kind = MERGE_EV_TICK};

    if (m->stage == STAGE_WAITING) {
        const int rc = set_up(m);
        if (rc == 0) {
            merge_recover(m);
            merge_wake(m);
        } else if (rc != ERR_UNAVAILABLE && rc != ERR_NOT_FOUND) {
            merge_run_end(m, rc, "cannot set up the merge");
        }
        return;
    }
    if (m->stage == STAGE_COPYING) {
        merge_copy_tick(m);
        return;
    }
    merge_etcd_tick(m);
    if (m->stage != STAGE_RUNNING)
        return;
    merge_logs_tick(m);
    if (m->stage != STAGE_RUNNING)
        return;
    merge_notes_tick(m);
    merge_cut_tick(m);
    if (m->stage != STAGE_RUNNING)
        return;
    merge_emit_tick(m);
    if (m->stage == STAGE_RUNNING)
        merge_run_step(m, &ev);
}

/* Everything but the producer, which takes its time. */
static void close_all(struct io_merge *m)
{
    merge_logs_close(m);
    merge_recover_close(m);
    merge_copy_close(m);
    merge_etcd_close(m);
    merge_cut_close(m);
    merge_notes_close(m);
}

/* After the producer is gone, nothing needs the records any more. */
static void close_core(struct io_merge *m)
{
    struct merge_actions *actions = &m->host->merge_actions;

    if (m->merge != NULL) {
        merge_close(m->merge, actions);
        release_all(actions);
    }
    merge_copy_release(m);
    m->merge = NULL;
    arena_deinit(&m->arena);
    free(m->logs);
    m->logs = NULL;
    io_spec_release(m->spec);
    m->spec = NULL;
}

static void on_timer(uv_timer_t *timer)
{
    struct io_merge *m = timer->data;

    if (m->is_stopped && m->stage < STAGE_CLOSING &&
        (!m->is_emitting || io_mono_ms() - m->stop_ms > IO_MERGE_FINISH_MS))
        merge_run_end(m, 0, "finished");
    if (m->stage < STAGE_CLOSING)
        tick(m);
    if (m->stage == STAGE_CLOSING) {
        close_all(m);
        if (m->txn != NULL || m->is_txn_closing)
            return;
        close_core(m);
        m->stage = STAGE_OVER;
    }
    if (m->stage == STAGE_OVER && m->code == ERR_TOO_LARGE && io_limit_is_changed(&m->limit))
        m->is_failed = false; /* an operator has acted */
    if (m->stage == STAGE_OVER && m->code == ERR_RESTORED && !m->is_stopped)
        merge_restored_tick(m);
    if (m->stage != STAGE_OVER || (m->is_failed && !m->is_stopped))
        return;
    io_limit_cancel(&m->limit);
    merge_restored_close(m);
    (void)uv_timer_stop(m->timer);
    m->finished(m->data, m, m->is_stopped ? 0 : m->code);
}

/* NOLINTNEXTLINE(readability-function-size): called once, as io_line_open is, plus the claim. */
int io_merge_open(struct io_host *h, struct slice name, const struct task *task,
                  int64_t claim_revision, void (*finished)(void *data, struct io_merge *m, int rc),
                  void *data, struct io_merge **out)
{
    struct io_merge *m = calloc(1, sizeof(*m));
    uv_timer_t *timer = calloc(1, sizeof(*timer));

    assert(task->kind == TASK_MERGE);
    if (m == NULL || timer == NULL)
        goto out;
    m->name = strndup((const char *)name.ptr, name.len);
    m->views = calloc(2, sizeof(*m->views));
    if (m->name == NULL || m->views == NULL)
        goto out;
    m->host = h;
    m->finished = finished;
    m->data = data;
    m->timer = timer;
    m->claim_revision = claim_revision;
    m->entered_ms[STAGE_WAITING] = io_mono_ms();
    arena_init(&m->names, 4096, 4 * 1024 * 1024);
    arena_init(&m->arena, 1024 * 1024, IO_MERGE_ARENA_MAX);
    arena_init(&m->recovery_arena, 65536, IO_STREAM_ARENA_MAX);
    arena_init(&m->search.arena, 65536, IO_STREAM_ARENA_MAX);
    arena_init(&m->view_arenas[0], 65536, IO_STREAM_ARENA_MAX);
    arena_init(&m->view_arenas[1], 65536, IO_STREAM_ARENA_MAX);
    const int rc = task_parse(slice_str(m->name), &m->task);
    assert(rc == 0); /* it was parsed before from the same text */
    (void)rc;
    (void)uv_timer_init(h->loop, timer); /* never fails */
    timer->data = m;
    (void)uv_timer_start(timer, on_timer, 0, 100);
    *out = m;
    return 0;
out:
    if (m != NULL) {
        free(m->views);
        free(m->name);
    }
    free(m);
    free(timer);
    return ERR_NO_MEMORY;
}

void io_merge_claim(struct io_merge *m, int64_t claim_revision)
{
    m->claim_revision = claim_revision;
}

void io_merge_stop(struct io_merge *m)
{
    if (!m->is_stopped)
        m->stop_ms = io_mono_ms();
    m->is_stopped = true;
    merge_wake(m);
}

void io_merge_stream_changed(struct io_merge *m, const struct io_stream *s)
{
    if (m->stream != s)
        return;
    if (m->stage == STAGE_OVER && m->is_failed &&
        (s->head.era != m->head_era || s->head.layout.hash != m->layout_hash)) {
        m->is_failed = false; /* an operator has acted: a new run may fit */
        m->code = ERR_CONFLICT;
        merge_wake(m);
    }
    if (m->merge != NULL && m->stage == STAGE_RUNNING) {
        const struct merge_params params =
            spec_merge_params(&s->spec->spec, s->streams->rules_version);
        merge_set_spec(m->merge, s->spec->spec.version, &params);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void io_merge_free(struct io_merge *m)
{
    if (m == NULL)
        return;
    m->stage = STAGE_CLOSING;
    close_all(m);
    if (m->txn != NULL)
        io_txn_close(m->txn, NULL, NULL);
    io_limit_cancel(&m->limit);
    merge_restored_close(m);
    close_core(m);
    uv_close((uv_handle_t *)m->timer, on_timer_closed);
    arena_deinit(&m->names);
    arena_deinit(&m->recovery_arena);
    arena_deinit(&m->search.arena);
    arena_deinit(&m->view_arenas[0]);
    arena_deinit(&m->view_arenas[1]);
    free(m->views);
    free(m->name);
    free(m);
}

static const char *stage_text(enum merge_stage stage)
{
    switch (stage) {
    case STAGE_WAITING:
        return "waiting for the stream's spec and cut";
    case STAGE_FENCING:
        return "fencing an older merge";
    case STAGE_TAIL:
        return "reading the global topic's tail";
    case STAGE_LINES:
        return "reading the log of cuts";
    case STAGE_VIEW:
        return "reading etcd";
    case STAGE_IDS:
        return "rebuilding the window of ids";
    case STAGE_RUNNING:
        return "running";
    case STAGE_COPYING:
        return "copying a peer's global topic";
    case STAGE_CLOSING:
        return "closing";
    case STAGE_OVER:
        return "stopped";
    }
    return "";
}

void io_merge_status(const struct io_merge *m, struct io_merge_status *out)
{
    *out = (struct io_merge_status){
        .name = m->name,
        .output = m->stream != NULL ? m->stream->output : "",
        .stage = stage_text(m->stage),
        .is_running = m->stage == STAGE_RUNNING,
        .is_failed = m->is_failed,
        .code = m->code,
        .why = m->why,
        .emitted = m->emitted,
        .foreign_at_tail = m->foreign_at_tail,
        .last_output_ms = m->last_output_ms,
        .times = &m->times,
    };
    memcpy(out->statuses, m->statuses, sizeof(out->statuses));
    if (m->stage != STAGE_RUNNING)
        return;
    merge_status(m->merge, &out->merge);
    const struct merge_view *view = &m->views[m->view_now];
    for (uint32_t i = 0; view->has_head && i < view->head.member_count; i++)
        out->members[out->member_count++] = view->head.members[i].dc;
}
