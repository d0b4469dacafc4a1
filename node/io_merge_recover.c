/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From nothing to START: fence, tail, lines, view, ids (R10, R11). And from RESET to TAIL: a new
 * producer, then the tail. The order matters: what is read of the global topic before the fence
 * could still change.
 */
#include <stdlib.h>

#include "node/global.h"
#include "node/io_loop.h"
#include "node/io_merge_part.h"
#include "proto/err.h"

static void scan_tail(struct io_merge *m);
static void scan_lines(struct io_merge *m);
static void scan_ids(struct io_merge *m);
static void start(struct io_merge *m);

static void enter(struct io_merge *m, enum merge_stage stage)
{
    m->stage = stage;
    m->entered_ms[stage] = io_mono_ms();
}

/* True if the run goes on. */
static bool check_scan(struct io_merge *m, int code, const char *detail)
{
    m->scan = NULL;
    if (m->stage >= STAGE_CLOSING)
        return false;
    if (code != 0)
        merge_run_end(m, code == ERR_CONFLICT ? ERR_UNAVAILABLE : code, detail);
    return code == 0;
}

static void start_scan(struct io_merge *m, const struct io_scan_config *config)
{
    m->scan = io_scan_start(m->site->reader, m->host->loop, config);
    if (m->scan == NULL)
        merge_run_end(m, ERR_NO_MEMORY, "cannot read a log");
}

/* ---- the producer --------------------------------------------------------------------------- */

static void on_ready(void *data, int code, const char *detail)
{
    struct io_merge *m = data;

    if (m->stage >= STAGE_CLOSING)
        return;
    if (code != 0) {
        merge_run_end(m, code, detail);
        return;
    }
    m->is_txn_ready = true;
    scan_tail(m);
}

static void on_room(void *data)
{
    merge_wake(data);
}

static void on_ended(void *data, enum io_txn_result result, const char *detail)
{
    merge_emit_ended(data, result, detail);
}

static void on_limit(void *data)
{
    struct io_merge *m = data;
    const struct io_txn_config config = {.transactional_id = m->transactional_id,
                                         .topic = m->topic_global,
                                         .partition = 0,
                                         .limit = m->limit.bytes,
                                         .data = m,
                                         .ready = on_ready,
                                         .room = on_room,
                                         .ended = on_ended};

    if (m->stage >= STAGE_CLOSING)
        return;
    const int rc = io_txn_open(&m->site->cluster, &config, &m->txn);
    if (rc != 0)
        merge_run_end(m, rc, "cannot make a transactional producer");
}

static void open_producer(struct io_merge *m)
{
    m->is_txn_ready = false;
    io_limit_ask(&m->limit, m->site->ask, m->topic_global, on_limit, m);
}

static void on_producer_closed(void *data)
{
    struct io_merge *m = data;

    m->is_txn_closing = false;
    if ((m->stage == STAGE_RUNNING || m->stage == STAGE_COPYING) && m->wants_reset)
        open_producer(m);
    else
        merge_wake(m);
}

static void close_producer(struct io_merge *m)
{
    if (m->txn == NULL)
        return;
    m->is_txn_closing = true;
    m->is_txn_ready = false;
    io_txn_close(m->txn, on_producer_closed, m);
    m->txn = NULL;
}

void merge_recover(struct io_merge *m)
{
    enter(m, STAGE_FENCING);
    open_producer(m);
}

void merge_reset(struct io_merge *m)
{
    m->wants_reset = true;
    close_producer(m);
}

/* ---- the tail of the global topic ----------------------------------------------------------- */

static void on_tail_record(void *data, const struct record *r)
{
    struct io_merge *m = data;
    struct merge_recovery *to = &m->recovery;
    uint64_t seq;
    uint64_t cut;
    uint64_t chain;
    uint32_t era;

    if (global_parse(&r->braid, &seq, &era, &cut, &chain) != 0) {
        m->foreign_at_tail++; /* R3 */
        io_log_seldom(&m->host->log, m, LOG_WARN, "a foreign record in the global topic, left out",
                      "topic=%s offset=%lld", m->topic_global, (long long)r->log_offset);
        return;
    }
    to->has_tail = true;
    to->tail_seq = seq;
    to->tail_era = era;
    to->tail_cut = cut;
    to->tail_chain = chain;
}

static void on_tail_begin(void *data)
{
    struct io_merge *m = data;

    m->recovery.has_tail = false;
    m->foreign_at_tail = 0;
}

static bool has_tail(void *data)
{
    const struct io_merge *m = data;

    return m->recovery.has_tail;
}

static void on_tail_ended(void *data, int code, const char *detail, struct log_bounds bounds)
{
    struct io_merge *m = data;
    struct merge_event ev = {.kind = MERGE_EV_TAIL, .recovery = &m->recovery};

    if (!check_scan(m, code, detail))
        return;
    m->recovery.tail_is_emptied = !m->recovery.has_tail && bounds.end > 0 && bounds.start > 0;
    if (!m->wants_reset) {
        scan_lines(m);
        return;
    }
    m->wants_reset = false;
    if (m->stage == STAGE_COPYING)
        merge_copy_tail(m);
    else
        merge_run_step(m, &ev);
}

static void scan_tail(struct io_merge *m)
{
    const struct io_scan_config config = {.topic = m->topic_global,
                                          .partition = 0,
                                          .from = IO_SCAN_BACK,
                                          .data = m,
                                          .begin = on_tail_begin,
                                          .record = on_tail_record,
                                          .is_found = has_tail,
                                          .ended = on_tail_ended};

    if (!m->wants_reset)
        enter(m, STAGE_TAIL);
    m->recovery.has_tail = false;
    start_scan(m, &config);
}

/* ---- the log of cuts: the newest line that agrees with the tail ------------------------------- */

static bool is_of_stream(const struct io_merge *m, const struct record *r)
{
    return slice_equal(r->key, slice_str(m->stream->output));
}

/* Decodes a line of the stream into the host's scratch memory. */
static bool decode_line(struct io_merge *m, const struct record *r, bool *is_cut, struct slice *cut,
                        struct emitted_line *line)
{
    if (!is_of_stream(m, r))
        return false;
    arena_reset(&m->host->scratch);
    if (line_decode(r->value, &m->host->scratch, is_cut, cut, line) == 0)
        return true;
    io_log_about(&m->host->log, m, LOG_WARN, "a line of the log of cuts makes no sense, left out",
                 "topic=%s offset=%lld", m->topic_cuts, (long long)r->log_offset);
    return false;
}

/* A line can be where recovery starts if the global topic holds all it says. Its chain can only be
 * compared at the tail; further back the core compares what it merges again. */
static bool agrees(const struct io_merge *m, const struct emitted *e)
{
    const struct merge_recovery *r = &m->recovery;

    if (!r->has_tail)
        return r->tail_is_emptied || e->next_seq == 0;
    if (e->next_seq > r->tail_seq + 1)
        return false;
    return e->next_seq != r->tail_seq + 1 || e->chain == r->tail_chain;
}

static bool is_newer(const struct emitted *a, const struct emitted *b)
{
    return a->era > b->era || (a->era == b->era && a->number > b->number);
}

/* The recovery line, in memory that lives until START. */
static void keep_line(struct io_merge *m, struct slice bytes)
{
    struct slice none;
    bool is_cut;

    arena_reset(&m->recovery_arena);
    const struct slice copy = arena_copy(&m->recovery_arena, bytes);
    m->recovery.has_line = copy.ptr != NULL && line_decode(copy, &m->recovery_arena, &is_cut, &none,
                                                           &m->recovery.line) == 0;
    if (!m->recovery.has_line)
        merge_run_end(m, ERR_NO_MEMORY, "cannot keep a line of the log of cuts");
}

/* A logged cut: its number is kept, in log order. */
static void keep_number(struct io_merge *m, struct slice bytes)
{
    struct cut cut;

    if (cut_decode(bytes, &m->host->scratch, &cut) != 0)
        return;
    if (m->logged_count == m->logged_room) {
        const size_t room = m->logged_room == 0 ? 1024 : 2 * m->logged_room;
        struct logged_cut *logged = realloc(m->logged, room * sizeof(*logged));
        if (logged == NULL) {
            merge_run_end(m, ERR_NO_MEMORY, "cannot keep the numbers of logged cuts");
            return;
        }
        m->logged = logged;
        m->logged_room = room;
    }
    m->logged[m->logged_count++] = (struct logged_cut){.era = cut.era, .number = cut.number};
}

static void on_line(void *data, const struct record *r)
{
    struct io_merge *m = data;
    struct emitted_line line;
    struct slice cut;
    bool is_cut;

    if (!decode_line(m, r, &is_cut, &cut, &line))
        return;
    if (is_cut)
        keep_number(m, cut);
    else if (agrees(m, &line.emitted) &&
             (!m->recovery.has_line || is_newer(&line.emitted, &m->recovery.line.emitted)))
        keep_line(m, r->value);
}

static void on_lines_begin(void *data)
{
    struct io_merge *m = data;

    m->recovery.has_line = false;
    m->logged_count = 0;
}

static bool has_line(void *data)
{
    const struct io_merge *m = data;

    return m->recovery.has_line;
}

static void on_lines_ended(void *data, int code, const char *detail, struct log_bounds bounds)
{
    struct io_merge *m = data;

    (void)bounds;
    if (!check_scan(m, code, detail))
        return;
    enter(m, STAGE_VIEW);
    merge_etcd_read(m);
}

static void scan_lines(struct io_merge *m)
{
    const struct io_scan_config config = {.topic = m->topic_cuts,
                                          .partition = 0,
                                          .from = IO_SCAN_BACK,
                                          .data = m,
                                          .begin = on_lines_begin,
                                          .record = on_line,
                                          .is_found = has_line,
                                          .ended = on_lines_ended};

    enter(m, STAGE_LINES);
    start_scan(m, &config);
}

/* ---- view, ids, start ----------------------------------------------------------------------- */

static int make_core(struct io_merge *m)
{
    const struct config *config = &m->host->config;
    const struct spec *spec = &m->spec->spec;
    const struct config_share share = config_share(config, io_streams_count(&m->host->streams));
    const struct merge_config core = {
        .dc = config->dc,
        .node = slice_str(m->proposer),
        .cut_interval_ms = (uint32_t)spec->cut_interval_ms,
        .member_timeout_ms = (uint32_t)spec->member_timeout_ms,
        .member_rejoin_ms = (uint32_t)spec->member_rejoin_ms,
        .member_lag_max_ms = (uint32_t)spec->member_lag_max_ms,
        .failed_grace_ms = (uint32_t)spec->failed_grace_ms,
        .min_members = (uint32_t)spec->min_members,
        .spec_version = spec->version,
        .params = spec_merge_params(spec, m->stream->streams->rules_version),
        .entries_max = share.merge_entries,
        .bytes_max = share.merge_bytes,
        .claim_revision = m->claim_revision,
        .cuts_kept = IO_MERGE_CUTS_KEPT,
        .seed = (uint64_t)io_mono_ms() ^ (uint64_t)uv_os_getpid() << 32,
    };
    struct merge_config with_window = core;

    /* The window is as large as the chain asks for, should the newest spec ask for less. */
    with_window.window_ids_max = (uint64_t)spec->dedup_window;
    if (m->views[m->view_now].has_head &&
        m->views[m->view_now].head.params.dedup_window > with_window.window_ids_max)
        with_window.window_ids_max = m->views[m->view_now].head.params.dedup_window;
    m->merge = merge_new(&with_window, &m->arena);
    return m->merge != NULL ? 0 : ERR_NO_MEMORY;
}

void merge_recover_view(struct io_merge *m, const struct merge_view *view)
{
    if (!view->claim_held) {
        merge_run_end(m, ERR_FENCED, "the claim on this merge is gone");
        return;
    }
    if (make_core(m) != 0) {
        merge_run_end(m, ERR_NO_MEMORY, "no memory for a merge");
        return;
    }
    if (m->recovery.has_line)
        scan_ids(m);
    else
        start(m);
}

/*
 * From where the window begins: only an unbroken row of lines counts, for an older merge may have
 * added lines late, and one that could not be delivered is missing. The row's last is the recovery
 * line.
 */
static void on_ids(void *data, const struct record *r)
{
    struct io_merge *m = data;
    struct emitted_line line;
    struct slice cut;
    bool is_cut;

    if (!decode_line(m, r, &is_cut, &cut, &line))
        return;
    if (is_cut) {
        keep_number(m, cut);
        return;
    }
    if (line.emitted.era > m->line_era || !agrees(m, &line.emitted) ||
        (m->has_ids && line.emitted.number != m->recovery.line.emitted.number + 1))
        return;
    struct merge_event ev = {.kind = MERGE_EV_IDS,
                             .now_ms = io_mono_ms(),
                             .first_seq = line.first_seq,
                             .ids = line.ids,
                             .count = line.id_count};
    m->has_ids = true;
    merge_step(m->merge, &ev, &m->host->merge_actions);
    keep_line(m, r->value);
}

static void close_core_for_ids(struct io_merge *m)
{
    merge_close(m->merge, &m->host->merge_actions); /* it holds no records yet */
    m->merge = NULL;
    arena_reset(&m->arena);
}

static void on_ids_ended(void *data, int code, const char *detail, struct log_bounds bounds)
{
    struct io_merge *m = data;

    (void)bounds;
    if (!check_scan(m, code, detail))
        return;
    /* The row may have ended at an older line, whose window begins further back: once more. */
    if (m->ids_from >= 0 && m->recovery.line.window_offset < m->ids_from) {
        close_core_for_ids(m);
        merge_recover_view(m, &m->views[m->view_now]);
        return;
    }
    start(m);
}

static void scan_ids(struct io_merge *m)
{
    const int64_t from = m->recovery.line.window_offset;
    const struct io_scan_config config = {.topic = m->topic_cuts,
                                          .partition = 0,
                                          .from = from >= 0 ? from : LINE_FROM_START,
                                          .data = m,
                                          .record = on_ids,
                                          .ended = on_ids_ended};

    enter(m, STAGE_IDS);
    m->has_ids = false;
    m->ids_from = from;
    m->line_era = m->recovery.line.emitted.era;
    m->logged_count = 0;
    start_scan(m, &config);
}

/* The last of an unbroken row of logged cuts, from the recovery line's on. */
static void settle_logged(struct io_merge *m)
{
    struct merge_recovery *r = &m->recovery;

    r->has_logged = r->has_line;
    r->logged_era = r->has_line ? r->line.emitted.era : m->views[m->view_now].head.era;
    r->logged_number = r->has_line ? r->line.emitted.number : 0;
    for (size_t i = 0; i < m->logged_count; i++) {
        const struct logged_cut *c = &m->logged[i];
        if (c->era != r->logged_era || c->number != (r->has_logged ? r->logged_number + 1 : 0))
            continue;
        r->has_logged = true;
        r->logged_number = c->number;
    }
    free(m->logged);
    m->logged = NULL;
    m->logged_count = m->logged_room = 0;
}

/* Where the time of a take-over went, before the logs of enriched records are read. */
static void log_stages(struct io_merge *m)
{
    const int64_t *at = m->entered_ms;
    const bool has_ids = m->recovery.has_line;

    io_log(&m->host->log, LOG_INFO, "how long a merge's start took",
           "stream=%s waiting_ms=%lld fencing_ms=%lld tail_ms=%lld lines_ms=%lld view_ms=%lld "
           "ids_ms=%lld",
           m->stream->output, (long long)(at[STAGE_FENCING] - at[STAGE_WAITING]),
           (long long)(at[STAGE_TAIL] - at[STAGE_FENCING]),
           (long long)(at[STAGE_LINES] - at[STAGE_TAIL]),
           (long long)(at[STAGE_VIEW] - at[STAGE_LINES]),
           (long long)(at[has_ids ? STAGE_IDS : STAGE_RUNNING] - at[STAGE_VIEW]),
           has_ids ? (long long)(at[STAGE_RUNNING] - at[STAGE_IDS]) : 0LL);
}

static void start(struct io_merge *m)
{
    const struct merge_view *view = &m->views[m->view_now];
    struct merge_event ev = {.kind = MERGE_EV_START, .view = view, .recovery = &m->recovery};

    settle_logged(m);
    m->head_era = view->head.era;
    m->layout_hash = view->head.layout.hash;
    enter(m, STAGE_RUNNING);
    io_log(&m->host->log, LOG_INFO, "merge starts",
           "stream=%s cut=%u.%llu emitted=%llu next_seq=%llu tail=%lld", m->stream->output,
           view->head.era, (unsigned long long)view->head.number,
           (unsigned long long)(m->recovery.has_line ? m->recovery.line.emitted.number : 0),
           (unsigned long long)(m->recovery.has_line ? m->recovery.line.emitted.next_seq : 0),
           m->recovery.has_tail ? (long long)m->recovery.tail_seq : -1LL);
    log_stages(m);
    merge_run_step(m, &ev);
}

void merge_recover_close(struct io_merge *m)
{
    io_scan_cancel(m->scan);
    m->scan = NULL;
    close_producer(m);
    free(m->logged);
    m->logged = NULL;
    m->logged_count = m->logged_room = 0;
}
