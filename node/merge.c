/* SPDX-License-Identifier: Apache-2.0 */
#include "node/merge.h"

#include "node/cover.h"
#include "node/merge_era.h"
#include "node/mutant.h"
#include "proto/err.h"

#include <assert.h>

#define SCRATCH_BLOCK_BYTES ((size_t)64 << 10)
#define SCRATCH_BYTES_MAX   ((size_t)16 << 20)

struct merge_action *merge_act(struct merge_actions *out, enum merge_action_kind kind)
{
    assert(out->count < MERGE_ACTIONS_MAX);

    struct merge_action *a = &out->list[out->count];
    *a = (struct merge_action){.kind = kind};
    out->count++;
    return a;
}

void merge_stop(struct merge *m, struct merge_actions *out, int code, const char *why)
{
    struct merge_action *a = merge_act(out, MERGE_DO_STOP);

    a->code = code;
    a->why = why;
    m->phase = MERGE_STOPPED;
    m->code = code;
    m->why = why;
}

struct merge *merge_new(const struct merge_config *config, struct arena *a)
{
    struct merge *m = arena_calloc(a, 1, sizeof *m);

    if (m == NULL)
        return NULL;
    m->config = *config;
    m->arena = a;
    m->newest_spec = config->spec_version;
    m->newest_params = config->params;
    arena_init(&m->scratch, SCRATCH_BLOCK_BYTES, SCRATCH_BYTES_MAX);
    const uint64_t least = config->params.dedup_window;
    const uint64_t ids_max = config->window_ids_max > least ? config->window_ids_max : least;
    if (window_init(&m->window, ids_max, a) != 0)
        return NULL;
    return m;
}

void merge_close(struct merge *m, struct merge_actions *out)
{
    out->count = 0;
    m->strands.released_count = 0;
    for (uint32_t i = 0; m->strands.list != NULL && i < m->strands.layout.count; i++)
        strand_emitted(&m->strands, i, INT64_MAX);
    out->released = m->strands.released;
    out->released_count = m->strands.released_count;
    arena_deinit(&m->scratch);
    m->phase = MERGE_STOPPED;
}

void merge_set_spec(struct merge *m, uint64_t spec_version, const struct merge_params *params)
{
    m->newest_spec = spec_version;
    m->newest_params = *params;
}

/* Logs that stopped for want of room and have it again are read on. */
static void read_on(struct merge *m, struct merge_actions *out)
{
    for (uint32_t i = 0; i < m->strands.log_count; i++) {
        if (!log_wants_reading(&m->strands, i))
            continue;
        log_rewind(&m->strands, i);
        struct merge_action *a = merge_act(out, MERGE_DO_READ);
        a->log = i;
        a->log_offset = log_check_from(&m->strands, i);
        a->log_next = log_from(&m->strands, i);
    }
}

static void records(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    const bool was_paused = m->strands.logs[ev->log].is_paused;
    const bool is_paused =
        strands_read(&m->strands, ev->log, ev->records, ev->count, ev->now_ms, ev->keep);

    if (is_paused && !was_paused)
        merge_act(out, MERGE_DO_PAUSE)->log = ev->log;
    m->is_report_due = true;
}

static void running(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    switch (ev->kind) {
    case MERGE_EV_VIEW:
        merge_view_taken(m, ev, out);
        break;
    case MERGE_EV_REPORTED:
        m->is_reporting = false;
        m->view_is_current = false;
        break;
    case MERGE_EV_BOUNDS:
        merge_bounds(m, ev, out);
        break;
    case MERGE_EV_MOVED:
        if (!MUTANT(ignore_truncation))
            merge_stop(m, out, ERR_HOLE, "a log was truncated under the reader");
        break;
    case MERGE_EV_RECORDS:
        records(m, ev, out);
        break;
    case MERGE_EV_CAUGHT_UP:
        log_caught_up(&m->strands, ev->log, ev->log_offset);
        break;
    case MERGE_EV_CUT:
        merge_cut_taken(m, ev->cut_bytes, ev->cut, out);
        break;
    case MERGE_EV_LOGGED:
        if (ev->number > m->logged_number)
            m->logged_number = ev->number;
        m->is_report_due = true;
        break;
    case MERGE_EV_NOTED:
        merge_noted(m, ev->number, ev->log_offset, out);
        break;
    case MERGE_EV_COMMITTED:
        merge_committed(m, ev->chain, out);
        break;
    case MERGE_EV_UNCLEAR:
        merge_unclear(m, ev, out);
        break;
    case MERGE_EV_TAIL:
        merge_tail_read(m, ev, out);
        break;
    case MERGE_EV_MISMATCH:
        merge_stop(m, out, ERR_DIVERGED, "a record in the global topic is not the one merged");
        break;
    case MERGE_EV_FENCED:
        COVER(fenced);
        merge_stop(m, out, ERR_FENCED, "a newer merge has taken over the global topic");
        break;
    case MERGE_EV_TICK:
    case MERGE_EV_IDS:
    case MERGE_EV_START:
        break;
    }
}

/* What may follow from any event. */
static void proceed(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    if (m->has_floor) {
        (void)strands_offer(&m->strands, ev->now_ms);
        merge_heal(m, out);
        merge_cuts_ask(m, out);
        merge_emit(m, out);
    }
    if (m->phase == MERGE_RUNNING && m->has_floor) {
        merge_stuck(m, ev->now_ms, out);
        read_on(m, out);
        merge_caught_up(m);
    }
    if (m->phase == MERGE_RUNNING && m->has_floor)
        merge_report(m, ev->now_ms, out);
}

void merge_step(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    m->wall_ms = ev->wall_ms;
    out->count = 0;
    out->released = NULL;
    out->released_count = 0;
    m->strands.released_count = 0;
    arena_reset(&m->scratch);
    if (ev->kind == MERGE_EV_RECORDS)
        memset(ev->keep, 0, ev->count * sizeof *ev->keep);
    switch (m->phase) {
    case MERGE_IDLE:
        if (ev->kind == MERGE_EV_IDS)
            merge_ids(m, ev);
        if (ev->kind == MERGE_EV_START)
            merge_start(m, ev, out);
        break;
    case MERGE_ASKING:
        merge_asking(m, ev, out);
        break;
    case MERGE_ENTERING:
        merge_entering(m, ev, out);
        break;
    case MERGE_RUNNING:
        running(m, ev, out);
        break;
    case MERGE_COPYING:
    case MERGE_STOPPED:
        return;
    }
    if (m->phase == MERGE_RUNNING)
        proceed(m, ev, out);
    out->released = m->strands.released;
    out->released_count = m->strands.released_count;
}

uint32_t merge_log_count(const struct merge *m)
{
    return m->strands.log_count;
}

void merge_log_name(const struct merge *m, uint32_t log, struct slice *out_by,
                    uint32_t *out_partition)
{
    assert(log < m->strands.log_count);

    *out_by = m->strands.logs[log].by;
    *out_partition = m->strands.logs[log].partition;
}

const struct merge_proposal *merge_proposal(const struct merge *m)
{
    return &m->proposal;
}

const struct merge_part *merge_part(const struct merge *m)
{
    return &m->part;
}

const struct merge_copy *merge_copy(const struct merge *m)
{
    return &m->copy;
}

void merge_status(const struct merge *m, struct merge_status *out)
{
    *out = (struct merge_status){
        .era = m->era,
        .head_number = m->known_number,
        .emitted_number = m->emitted.number,
        .next_seq = m->emitted.next_seq,
        .chain = m->emitted.chain,
        .head_time_ms = m->view != NULL && m->view->has_head ? m->view->head.time_ms : 0,
        .holes = m->strands.holes,
        .foreign = m->strands.foreign,
        .copies_dropped = m->strands.duplicates,
        .source_duplicates = m->plan.duplicates,
        .is_member = m->is_member,
        .is_caught_up = m->is_caught_up,
        .is_stopped = m->phase == MERGE_STOPPED,
        .code = m->code,
        .why = m->why,
    };
    for (uint32_t i = 0; m->strands.list != NULL && i < m->strands.layout.count; i++) {
        const struct strand *st = &m->strands.list[i];
        out->entries += st->tail - st->head;
        out->bytes += st->bytes;
    }
}
