/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a merge writes: parts of cuts to the global topic, each in one transaction (R10), and lines
 * to the log of cuts.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/global.h"
#include "node/io_loop.h"
#include "node/io_merge_part.h"
#include "proto/err.h"

/* ---- parts ---------------------------------------------------------------------------------- */

static void part_over(struct io_merge *m, struct merge_event *ev)
{
    m->is_emitting = false;
    m->is_committing = false;
    m->has_begun = false;
    ev->chain = m->chain;
    merge_run_step(m, ev);
}

static void count_record(struct io_merge *m, const struct record *r)
{
    m->part_statuses[r->braid.status]++;
    if (r->braid.time_ms > 0)
        metrics_times_add(&m->times, io_now_ms() - r->braid.time_ms);
}

enum item_result {
    ITEM_DONE,
    ITEM_BUSY,
    ITEM_MISMATCH,
    ITEM_STOPPED, /* the run was ended */
    ITEM_UNCLEAR,
};

static enum item_result write_item(struct io_merge *m, const struct record *r,
                                   const struct global_headers *sealed, int64_t time_ms)
{
    const struct io_write record = {
        .key = r->key,
        .value = r->value,
        .headers = sealed->list,
        .header_count = sealed->count,
        .time_ms = time_ms,
    };
    int rc = 0;

    if (!m->has_begun) {
        rc = io_txn_begin(m->txn);
        m->has_begun = rc == 0;
    }
    if (rc == 0)
        rc = io_txn_produce(m->txn, &record);
    if (rc == ERR_BUSY)
        return ITEM_BUSY;
    if (rc == ERR_TOO_LARGE) {
        merge_too_large(m);
        return ITEM_STOPPED;
    }
    if (rc != 0)
        return ITEM_UNCLEAR;
    count_record(m, r);
    return ITEM_DONE;
}

/* Seals the next record of the part and writes it, if it is not there already. */
static enum item_result do_item(struct io_merge *m, const struct merge_part *part)
{
    const struct merge_item *item = &part->items[m->next_item];
    struct header in[IO_KAFKA_HEADERS_MAX];
    struct global_headers sealed;
    struct record r;
    const struct global_place at = {
        .seq = item->seq,
        .era = part->era,
        .cut = part->number,
        .time_ms = part->time_ms,
        .chain = m->chain,
    };

    io_kafka_record(item->handle, false, &r);
    const size_t count = io_kafka_headers(item->handle, in);
    if (global_seal(&r, in, count, &at, &sealed) != 0) {
        merge_run_end(m, ERR_DIVERGED, "a record has too many headers for the global topic");
        return ITEM_STOPPED;
    }
    if (item->seq >= part->write_from) {
        const enum item_result result = write_item(m, &r, &sealed, part->time_ms);
        if (result != ITEM_DONE)
            return result;
    } else if (part->has_tail && item->seq + 1 == part->write_from &&
               sealed.chain != part->tail_chain) {
        return ITEM_MISMATCH;
    }
    m->chain = sealed.chain;
    m->next_item++;
    return ITEM_DONE;
}

/* Goes on with the part; what it leads to is told by events, never inside a step. */
static void go_on(struct io_merge *m)
{
    const struct merge_part *part = merge_part(m->merge);
    struct merge_event committed = {.kind = MERGE_EV_COMMITTED};
    struct merge_event unclear = {.kind = MERGE_EV_UNCLEAR};
    struct merge_event mismatch = {.kind = MERGE_EV_MISMATCH};
    enum item_result result = ITEM_DONE;

    while (m->next_item < part->count && result == ITEM_DONE)
        result = do_item(m, part);
    switch (result) {
    case ITEM_BUSY: /* the next tick goes on, at the latest when there is room */
    case ITEM_STOPPED:
        return;
    case ITEM_MISMATCH:
        part_over(m, &mismatch);
        return;
    case ITEM_UNCLEAR:
        part_over(m, &unclear);
        return;
    case ITEM_DONE:
        break;
    }
    if (!m->has_begun) {
        part_over(m, &committed); /* all of it was there */
        return;
    }
    m->is_committing = true;
    io_txn_commit(m->txn);
}

void merge_emit_part(struct io_merge *m)
{
    assert(!m->is_emitting);
    m->is_emitting = true;
    m->next_item = 0;
    m->chain = merge_part(m->merge)->chain;
    memset(m->part_statuses, 0, sizeof(m->part_statuses));
    merge_wake(m);
}

void merge_emit_tick(struct io_merge *m)
{
    if (m->is_emitting && !m->is_committing && m->is_txn_ready && !m->wants_reset)
        go_on(m);
}

static void count_part(struct io_merge *m)
{
    if (m->emitted == 0)
        io_log(&m->host->log, LOG_INFO, "merge emits", "stream=%s cut=%llu after_start_ms=%lld",
               m->stream->output, (unsigned long long)merge_part(m->merge)->number,
               (long long)(io_mono_ms() - m->entered_ms[STAGE_RUNNING]));
    for (int i = 0; i < STATUS_COUNT; i++) {
        m->statuses[i] += m->part_statuses[i];
        m->emitted += m->part_statuses[i];
    }
    m->last_output_ms = io_now_ms();
}

void merge_emit_ended(struct io_merge *m, enum io_txn_result result, const char *detail)
{
    struct merge_event ev = {.kind = MERGE_EV_COMMITTED};

    if (m->stage == STAGE_COPYING)
        merge_copy_ended(m, result == IO_TXN_COMMITTED, detail);
    if (m->stage != STAGE_RUNNING)
        return;
    switch (result) {
    case IO_TXN_COMMITTED:
        count_part(m);
        break;
    case IO_TXN_UNCLEAR:
        ev.kind = MERGE_EV_UNCLEAR;
        io_log_about(&m->host->log, m, LOG_WARN,
                     "a transaction's outcome is unclear, reading the tail", "stream=%s why=\"%s\"",
                     m->stream->output, detail);
        break;
    case IO_TXN_FENCED:
        ev.kind = MERGE_EV_FENCED;
        break;
    }
    part_over(m, &ev);
}

/* ---- lines of the log of cuts --------------------------------------------------------------- */

static void on_acked(void *data, uint64_t ticket, int64_t log_offset)
{
    struct io_merge *m = data;
    const bool is_cut = (ticket & 1) != 0;
    struct merge_event ev = {
        .kind = is_cut ? MERGE_EV_LOGGED : MERGE_EV_NOTED,
        .number = ticket >> 1,
        .log_offset = log_offset,
    };

    m->notes_out--;
    if (m->stage == STAGE_RUNNING)
        merge_run_step(m, &ev);
    else if (m->stage == STAGE_COPYING)
        merge_wake(m);
}

static void on_failed(void *data, int code, const char *detail)
{
    merge_run_end(data, code == ERR_TOO_LARGE ? ERR_DELIVERY : code, detail);
}

int merge_notes_open(struct io_merge *m)
{
    const struct io_writer_config config = {
        .topic = m->topic_cuts, .partition = 0, .data = m, .acked = on_acked, .failed = on_failed};

    m->client = io_writer_client_open(m->site->writer, &config);
    return m->client != NULL ? 0 : ERR_NO_MEMORY;
}

/* False: the writer is full. */
static bool write_note(struct io_merge *m, uint64_t ticket, struct slice bytes)
{
    const struct io_write record = {
        .key = slice_str(m->stream->output), .value = bytes, .ticket = ticket};
    const int rc = io_writer_produce(m->client, &record);

    if (rc == ERR_TOO_LARGE)
        merge_run_end(m, ERR_CONFIG, "a line is too large for the log of cuts");
    return rc != ERR_BUSY; /* another failure is told by the writer from the loop */
}

void merge_note(struct io_merge *m, uint64_t number, bool is_cut, struct slice bytes)
{
    const uint64_t ticket = number << 1 | (is_cut ? 1U : 0U);

    m->notes_out++;
    if (m->notes == NULL && write_note(m, ticket, bytes))
        return;
    struct merge_note *note = malloc(sizeof(*note) + bytes.len);
    if (note == NULL) {
        merge_run_end(m, ERR_NO_MEMORY, "cannot keep a line of the log of cuts");
        return;
    }
    *note = (struct merge_note){.ticket = ticket, .len = bytes.len};
    memcpy(note->bytes, bytes.ptr, bytes.len);
    if (m->notes_last != NULL)
        m->notes_last->next = note;
    else
        m->notes = note;
    m->notes_last = note;
}

void merge_notes_tick(struct io_merge *m)
{
    while (m->notes != NULL) {
        struct merge_note *note = m->notes;
        if (!write_note(m, note->ticket, slice_of(note->bytes, note->len)))
            return;
        m->notes = note->next;
        if (m->notes == NULL)
            m->notes_last = NULL;
        free(note);
    }
}

void merge_notes_close(struct io_merge *m)
{
    io_writer_client_close(m->client);
    m->client = NULL;
    while (m->notes != NULL) {
        struct merge_note *note = m->notes;
        m->notes = note->next;
        free(note);
    }
    m->notes_last = NULL;
}
