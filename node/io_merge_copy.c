/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_merge_copy.h"

#include <assert.h>
#include <stdio.h>

#include "node/global.h"
#include "node/io_loop.h"
#include "node/io_merge_part.h"
#include "proto/err.h"

static void find_lines(struct io_merge *m);

static void topic_of(const struct io_merge *m, bool is_cuts, char out[TOPIC_NAME_MAX + 1])
{
    const struct merge_copying *c = &m->copying;

    if (is_cuts)
        (void)snprintf(out, TOPIC_NAME_MAX + 1, "%s.braid.cuts", c->dc);
    else
        (void)snprintf(out, TOPIC_NAME_MAX + 1, "%s", m->topic_global);
}

static void start_scan(struct io_merge *m, struct io_reader *reader, struct io_scan_config *config)
{
    config->data = m;
    m->copying.scan = io_scan_start(reader, m->host->loop, config);
    if (m->copying.scan == NULL)
        merge_run_end(m, ERR_NO_MEMORY, "cannot read a log");
}

/* True if the copy goes on after a scan. */
static bool check_scan(struct io_merge *m, int code, const char *detail)
{
    m->copying.scan = NULL;
    if (m->stage != STAGE_COPYING)
        return false;
    if (code != 0)
        merge_run_end(m, code == ERR_CONFLICT ? ERR_UNAVAILABLE : code, detail);
    return code == 0;
}

/* True if the copy goes on: SKIP, TAKE, OVER. */
static bool check_verdict(struct io_merge *m, enum peer_copy_verdict verdict)
{
    switch (verdict) {
    case PEER_COPY_SKIP:
    case PEER_COPY_TAKE:
    case PEER_COPY_OVER:
        return true;
    case PEER_COPY_GONE:
        merge_run_end(
            m, ERR_DATA_LOSS,
            "the peer's global topic begins after the end of this one: delete this one and"
            " apply the stream again, so that it begins where the peer's does");
        return false;
    case PEER_COPY_DIVERGED:
        merge_run_end(m, ERR_DIVERGED, "the peer's global topic does not fit this one");
        return false;
    case PEER_COPY_FAR:
        merge_run_end(m, ERR_UNAVAILABLE, "waits for the peer to emit what this DC has");
        return false;
    }
    return false;
}

/* ---- records -------------------------------------------------------------------------------- */

static void on_peer_records(struct io_merge *m, const struct io_read_event *ev)
{
    struct merge_copying *c = &m->copying;

    for (uint32_t i = 0; i < ev->count; i++) {
        const struct record *r = &ev->records[i];
        enum peer_copy_verdict verdict = PEER_COPY_OVER;

        if (m->stage == STAGE_COPYING && !peer_copy_has_records(&c->state))
            verdict = peer_copy_record(&c->state, r);
        if (verdict == PEER_COPY_TAKE) {
            assert(c->taken_count < IO_READER_BATCH);
            c->taken[c->taken_count++] = r->handle;
            continue;
        }
        io_kafka_release(r->handle);
        if (m->stage == STAGE_COPYING)
            (void)check_verdict(m, verdict);
    }
    if (m->stage == STAGE_COPYING && (c->taken_count > 0 || peer_copy_has_records(&c->state)))
        merge_wake(m);
}

static void on_peer_lines(struct io_merge *m, const struct io_read_event *ev);

static void on_read(void *data, const struct io_read_event *ev)
{
    struct io_merge *m = data;
    struct merge_copying *c = &m->copying;

    switch (ev->kind) {
    case IO_READ_BOUNDS:
        io_reading_from(c->reading, c->from >= 0 ? c->from : ev->bounds.start);
        return;
    case IO_READ_RECORDS:
        if (c->in_lines)
            on_peer_lines(m, ev);
        else
            on_peer_records(m, ev);
        return;
    case IO_READ_END:
        if (m->stage != STAGE_COPYING)
            return;
        if (c->in_lines)
            c->is_ended = true;
        else if (c->taken_count == 0 && !peer_copy_has_records(&c->state))
            merge_run_end(m, ERR_HOLE, "the peer's global topic lacks what it has emitted");
        merge_wake(m);
        return;
    case IO_READ_RANGE:
    case IO_READ_MOVED:
        merge_run_end(m, ERR_HOLE, "the peer's log has moved while it was copied");
        return;
    case IO_READ_FAILED:
        merge_run_end(m, ev->code, ev->detail);
        return;
    }
}

/* One batch at a time: a transaction of records, or lines that the writer has room for. */
static uint32_t room(void *data)
{
    const struct io_merge *m = data;
    const struct merge_copying *c = &m->copying;
    const bool is_full = c->in_lines ? m->notes != NULL : c->taken_count > 0;

    return is_full || c->is_ended || m->stage != STAGE_COPYING ? 0 : IO_READER_BATCH;
}

static void start_reading(struct io_merge *m)
{
    struct merge_copying *c = &m->copying;
    char topic[TOPIC_NAME_MAX + 1];

    topic_of(m, c->in_lines, topic);
    const struct io_reading_config config = {
        .topic = topic, .partition = 0, .data = m, .room = room, .on_event = on_read};
    c->is_ended = false;
    c->reading = io_reading_start(c->site->reader, &config);
    if (c->reading == NULL)
        merge_run_end(m, ERR_NO_MEMORY, "cannot read a peer's log");
}

/* Where the next number is in the peer's topic: at or behind the last record that is here. */
static void on_find_record(void *data, const struct record *r)
{
    struct io_merge *m = data;
    uint64_t seq;
    uint64_t cut;
    uint64_t chain;
    uint32_t era;

    if (global_parse(&r->braid, &seq, &era, &cut, &chain) == 0 && seq < m->copying.state.next)
        m->copying.from = r->log_offset;
}

static void on_find_begin(void *data)
{
    struct io_merge *m = data;

    m->copying.from = -1;
}

static bool has_from(void *data)
{
    const struct io_merge *m = data;

    return m->copying.from >= 0;
}

static void on_find_ended(void *data, int code, const char *detail, struct log_bounds bounds)
{
    struct io_merge *m = data;

    (void)bounds;
    if (check_scan(m, code, detail))
        start_reading(m);
}

static void find_records(struct io_merge *m)
{
    struct io_scan_config config = {.topic = m->topic_global,
                                    .partition = 0,
                                    .from = IO_SCAN_BACK,
                                    .begin = on_find_begin,
                                    .record = on_find_record,
                                    .is_found = has_from,
                                    .ended = on_find_ended};

    m->copying.from = -1;
    if (!m->copying.state.has_next)
        start_reading(m); /* an empty topic: from the peer's first record */
    else
        start_scan(m, m->copying.site->reader, &config);
}

/* Writes what was taken. False: the producer is full, or the run has ended. */
static bool write_taken(struct io_merge *m)
{
    struct merge_copying *c = &m->copying;
    struct header headers[IO_KAFKA_HEADERS_MAX];
    struct record r;

    while (c->written < c->taken_count) {
        int rc = 0;

        io_kafka_record(c->taken[c->written], false, &r);
        const struct io_write record = {
            .key = r.key,
            .value = r.value,
            .headers = headers,
            .header_count = io_kafka_headers(c->taken[c->written], headers),
            .time_ms = r.log_time_ms,
        };
        if (!m->has_begun) {
            rc = io_txn_begin(m->txn);
            m->has_begun = rc == 0;
        }
        if (rc == 0)
            rc = io_txn_produce(m->txn, &record);
        if (rc == ERR_BUSY)
            return false; /* the next tick goes on, at the latest when there is room */
        if (rc == ERR_TOO_LARGE)
            merge_too_large(m);
        else if (rc != 0)
            merge_run_end(m, ERR_TXN, "a record of the peer cannot be written");
        if (rc != 0)
            return false;
        c->written++;
    }
    return true;
}

static void release_taken(struct merge_copying *c)
{
    for (uint32_t i = 0; i < c->taken_count; i++)
        io_kafka_release(c->taken[i]);
    c->taken_count = c->written = 0;
}

void merge_copy_ended(struct io_merge *m, bool is_committed, const char *detail)
{
    struct merge_copying *c = &m->copying;

    m->is_committing = m->has_begun = false;
    if (!is_committed) {
        merge_run_end(m, ERR_TXN, detail);
        return;
    }
    c->copied += c->taken_count;
    release_taken(c);
    if (peer_copy_has_records(&c->state))
        merge_wake(m);
    else
        io_reading_kick(c->reading);
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* Decodes a line of the stream into the host's scratch memory. */
static bool decode_line(struct io_merge *m, const struct record *r, bool *is_cut, struct cut *cut,
                        struct emitted_line *line)
{
    struct slice bytes;

    if (!slice_equal(r->key, slice_str(m->stream->output)))
        return false;
    arena_reset(&m->host->scratch);
    if (line_decode(r->value, &m->host->scratch, is_cut, &bytes, line) != 0)
        return false;
    return !*is_cut || cut_decode(bytes, &m->host->scratch, cut) == 0;
}

static void take_line(struct io_merge *m, const struct record *r)
{
    struct merge_copying *c = &m->copying;
    struct emitted_line line;
    struct slice bytes;
    struct cut cut;
    bool is_cut;

    if (!decode_line(m, r, &is_cut, &cut, &line))
        return;
    if (is_cut) {
        if (peer_copy_wants_cut(&c->state, &cut))
            merge_note(m, cut.number, true, r->value);
        return;
    }
    if (r->log_offset < c->window_from || !peer_copy_wants_line(&c->state, &line))
        return;
    if (peer_copy_line(&line, c->own_end, &m->host->scratch, &bytes) != 0)
        merge_run_end(m, ERR_NO_MEMORY, "a peer's line cannot be rewritten");
    else
        merge_note(m, line.emitted.number, false, bytes);
}

static void on_peer_lines(struct io_merge *m, const struct io_read_event *ev)
{
    struct merge_copying *c = &m->copying;

    for (uint32_t i = 0; i < ev->count; i++) {
        const struct record *r = &ev->records[i];
        if (m->stage == STAGE_COPYING && r->log_offset <= c->last_offset)
            take_line(m, r);
        if (r->log_offset >= c->last_offset)
            c->is_ended = true;
        io_kafka_release(r->handle);
    }
    merge_wake(m);
}

static void on_lines_begin(void *data)
{
    struct io_merge *m = data;
    struct merge_copying *c = &m->copying;

    c->last_offset = c->window_from = c->first_wanted = -1;
    c->least_cut = UINT64_MAX;
}

static void on_line(void *data, const struct record *r)
{
    struct io_merge *m = data;
    struct merge_copying *c = &m->copying;
    struct emitted_line line;
    struct cut cut;
    bool is_cut;

    if (!decode_line(m, r, &is_cut, &cut, &line))
        return;
    if (is_cut && cut.era == c->goal.until.era && cut.number < c->least_cut)
        c->least_cut = cut.number;
    if (is_cut && peer_copy_wants_cut(&c->state, &cut) && c->first_wanted < 0)
        c->first_wanted = r->log_offset;
    if (!is_cut && peer_copy_is_last(&c->state, &line)) {
        c->last_offset = r->log_offset;
        c->window_from = line.window_offset;
    }
}

/* The goal's line, and all cuts that the own log lacks, are in this pass. */
static bool has_lines(void *data)
{
    const struct io_merge *m = data;
    const struct merge_copying *c = &m->copying;

    return c->last_offset >= 0 && c->state.has_logged && c->least_cut <= c->state.logged + 1;
}

static void on_lines_ended(void *data, int code, const char *detail, struct log_bounds bounds)
{
    struct io_merge *m = data;
    struct merge_copying *c = &m->copying;

    (void)bounds;
    if (!check_scan(m, code, detail))
        return;
    if (c->last_offset < 0) {
        merge_run_end(m, ERR_HOLE, "the peer's log of cuts has not the line asked for");
        return;
    }
    if (c->first_wanted < 0)
        peer_copy_cuts_there(&c->state);
    c->from = c->first_wanted < 0 ? c->window_from : c->first_wanted;
    start_reading(m);
}

static void on_own_record(void *data, const struct record *r)
{
    (void)data;
    (void)r;
}

static void on_own_ended(void *data, int code, const char *detail, struct log_bounds bounds)
{
    struct io_merge *m = data;
    char topic[TOPIC_NAME_MAX + 1];

    if (!check_scan(m, code, detail))
        return;
    m->copying.own_end = bounds.end;
    topic_of(m, true, topic);
    struct io_scan_config config = {.topic = topic,
                                    .partition = 0,
                                    .from = IO_SCAN_BACK,
                                    .begin = on_lines_begin,
                                    .record = on_line,
                                    .is_found = has_lines,
                                    .ended = on_lines_ended};
    start_scan(m, m->copying.site->reader, &config);
}

/* First the own log's end: the copied window begins there. */
static void find_lines(struct io_merge *m)
{
    struct merge_copying *c = &m->copying;
    struct io_scan_config config = {.topic = m->topic_cuts,
                                    .partition = 0,
                                    .from = IO_SCAN_BACK,
                                    .record = on_own_record,
                                    .ended = on_own_ended};

    io_reading_stop(c->reading);
    c->reading = NULL;
    c->in_lines = true;
    io_log(&m->host->log, LOG_INFO, "a peer's records are copied, now its lines",
           "stream=%s peer=%s records=%llu next_seq=%llu", m->stream->output, c->dc,
           (unsigned long long)c->copied, (unsigned long long)c->goal.until.next_seq);
    start_scan(m, m->site->reader, &config);
}

/* ---- operations ----------------------------------------------------------------------------- */

void merge_copy_begin(struct io_merge *m, const char *why)
{
    struct merge_copying *c = &m->copying;
    const struct merge_copy *goal = merge_copy(m->merge);

    *c = (struct merge_copying){.goal = *goal, .from = -1};
    (void)snprintf(c->dc, sizeof(c->dc), "%.*s", SLICE_ARG(goal->dc));
    (void)snprintf(c->why, sizeof(c->why), "%s", why);
    c->goal.dc = slice_str(c->dc);
    io_log(&m->host->log, LOG_WARN, "copying a peer's global topic",
           "stream=%s peer=%s cut=%llu next_seq=%llu why=\"%s\"", m->stream->output, c->dc,
           (unsigned long long)goal->until.number, (unsigned long long)goal->until.next_seq, why);
    const int rc = io_host_site(m->host, c->goal.dc, false, &c->site);
    if (rc != 0) {
        merge_run_end(m, ERR_UNAVAILABLE, "no node of the peer's DC is known yet");
        return;
    }
    io_scan_cancel(m->scan); /* of a tail that was wanted for the run before */
    m->scan = NULL;
    m->stage = STAGE_COPYING;
    m->is_emitting = m->is_committing = m->has_begun = false;
    merge_reset(m);
}

void merge_copy_tail(struct io_merge *m)
{
    struct merge_copying *c = &m->copying;
    const enum peer_copy_verdict verdict = peer_copy_begin(&c->state, &c->goal, &m->recovery);

    if (!check_verdict(m, verdict))
        return;
    if (verdict == PEER_COPY_OVER)
        find_lines(m);
    else
        find_records(m);
}

static void tick_records(struct io_merge *m)
{
    struct merge_copying *c = &m->copying;

    if (m->is_committing || c->scan != NULL || !m->is_txn_ready || c->reading == NULL)
        return;
    if (c->taken_count == 0) {
        if (peer_copy_has_records(&c->state))
            find_lines(m);
        return;
    }
    if (!write_taken(m))
        return;
    m->is_committing = true;
    io_txn_commit(m->txn);
}

/* All cuts that were wanted are acknowledged: the log is read again for its lines. */
static void go_on_to_lines(struct io_merge *m)
{
    struct merge_copying *c = &m->copying;

    peer_copy_cuts_there(&c->state);
    io_reading_stop(c->reading);
    c->from = c->window_from;
    start_reading(m);
}

static void tick_lines(struct io_merge *m)
{
    struct merge_copying *c = &m->copying;

    merge_notes_tick(m);
    if (m->stage != STAGE_COPYING || c->scan != NULL || m->notes != NULL)
        return;
    if (!c->is_ended) {
        if (c->reading != NULL)
            io_reading_kick(c->reading);
        return;
    }
    if (m->notes_out > 0)
        return;
    if (!c->state.has_cuts)
        go_on_to_lines(m);
    else if (!peer_copy_has_lines(&c->state))
        merge_run_end(m, ERR_HOLE, "the peer's log of cuts has no unbroken row of lines");
    else
        merge_run_end(m, ERR_CONFLICT, "copied what a peer has: starts again from it");
}

void merge_copy_tick(struct io_merge *m)
{
    for (uint32_t i = 0; i < m->log_count; i++) {
        io_reading_stop(m->logs[i].reading);
        m->logs[i].reading = NULL;
    }
    if (m->copying.in_lines)
        tick_lines(m);
    else
        tick_records(m);
}

void merge_copy_close(struct io_merge *m)
{
    struct merge_copying *c = &m->copying;

    io_scan_cancel(c->scan);
    c->scan = NULL;
    io_reading_stop(c->reading);
    c->reading = NULL;
}

void merge_copy_release(struct io_merge *m)
{
    release_taken(&m->copying);
}
