/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logs of enriched records that a merge reads.
 *
 * Happy path: READ -> bounds asked for -> BOUNDS -> RECORDS ... PAUSE, while emission is behind -> READ
 * -> RECORDS go on. A log that was paused is not read anew: its reading keeps its place, what came
 * with the last batch and was not taken waits here, and after READ all of it is handed over as if
 * there had been no pause. Only if the core wants records from before that is the log read anew.
 * Under backlog each round has a pause, and reading anew would be two requests, what was fetched
 * thrown away, and up to fetch.wait.max.ms of waiting.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "coord/text.h"
#include "node/io_loop.h"
#include "node/io_merge_part.h"
#include "proto/err.h"

#define IO_MERGE_HELD_BYTES (4 * 1024 * 1024) /* in all logs, while they are paused */
#define IO_MERGE_BOUNDS_MS  15000 /* a restarted broker may show an older end for so long */

/* ---- what waits for the end of a pause ------------------------------------------------------- */

static void held_drop(struct merge_log *log)
{
    for (uint32_t i = 0; i < log->held_count; i++)
        io_kafka_release(log->held[i]);
    log->merge->held_bytes -= log->held_bytes;
    log->held_bytes = 0;
    log->held_count = 0;
    log->has_end = false;
    log->is_in_place = false;
    log->is_resuming = false;
}

/* The records of a batch that came with a PAUSE, from the first one after which none was taken. */
static void held_keep(struct merge_log *log, const struct io_read_event *read, const bool *keep)
{
    uint32_t first = read->count;
    size_t bytes = 0;

    while (first > 0 && !keep[first - 1]) {
        first--;
        bytes += read->records[first].bytes;
    }
    log->is_in_place = log->merge->held_bytes + bytes <= IO_MERGE_HELD_BYTES;
    log->held_from = first < read->count ? read->records[first].log_offset : log->end;
    for (uint32_t i = first; i < read->count; i++) {
        if (log->is_in_place)
            log->held[log->held_count++] = read->records[i].handle;
        else
            io_kafka_release(read->records[i].handle);
    }
    if (log->is_in_place) {
        log->held_bytes = bytes;
        log->merge->held_bytes += bytes;
    }
}

void merge_log_pause(struct merge_log *log)
{
    log->is_paused = true;
}

void merge_log_read(struct merge_log *log, const struct merge_action *a)
{
    log->from = a->log_offset;
    log->is_late = false;
    log->wants_bounds = true;
    log->is_paused = false;
    if (log->is_in_place && a->log_offset != MERGE_FROM_START && log->held_from <= a->log_next) {
        log->is_resuming = true; /* told with the tick, not inside this step */
        merge_wake(log->merge);
        return;
    }
    held_drop(log);
    log->bounds_ms = io_mono_ms();
    io_reading_ask_bounds(log->reading);
}

/* ---- events ------------------------------------------------------------------------------------ */

static void on_bounds(struct merge_log *log, const struct io_read_event *read)
{
    struct merge_event ev = {
        .kind = MERGE_EV_BOUNDS,
        .log = log->index,
        .log_start = read->bounds.start,
        .log_end = read->bounds.end,
    };

    if (read->bounds.end < log->from && io_mono_ms() - log->bounds_ms < IO_MERGE_BOUNDS_MS) {
        log->is_late = true;
        return;
    }
    log->wants_bounds = false;
    log->start = read->bounds.start;
    log->end = read->bounds.end;
    merge_run_step(log->merge, &ev);
    if (log->merge->stage != STAGE_RUNNING || log->wants_bounds || log->is_paused)
        return; /* wants_bounds: the core reads on elsewhere, new bounds are asked for */
    /* Had the log lost what lies between, the step would have stopped the run. */
    if (log->from == MERGE_FROM_START || log->from < read->bounds.start)
        io_reading_from(log->reading, read->bounds.start);
    else
        io_reading_from(log->reading, log->from);
}

/* Hands records over. What was not taken: kept if that was because of a PAUSE, else released. */
static void on_records(struct merge_log *log, const struct io_read_event *read)
{
    bool keep[IO_READER_BATCH] = {false};
    struct merge_event ev = {
        .kind = MERGE_EV_RECORDS,
        .log = log->index,
        .records = read->records,
        .count = read->count,
        .keep = keep,
    };

    assert(read->count > 0);
    assert(read->count <= IO_READER_BATCH);
    assert(!log->is_paused);
    if (read->records[read->count - 1].log_offset >= log->end)
        log->end = read->records[read->count - 1].log_offset + 1;
    merge_run_step(log->merge, &ev);
    if (log->is_paused && log->merge->stage == STAGE_RUNNING) {
        held_keep(log, read, keep);
        return;
    }
    for (uint32_t i = 0; i < read->count; i++)
        if (!keep[i])
            io_kafka_release(read->records[i].handle);
}

static void on_end(struct merge_log *log, int64_t log_offset)
{
    struct merge_event ev = {
        .kind = MERGE_EV_CAUGHT_UP, .log = log->index, .log_offset = log_offset};

    if (log_offset > log->end)
        log->end = log_offset;
    log->has_end = log->is_paused; /* the core will want to know it then */
    if (!log->is_paused)
        merge_run_step(log->merge, &ev);
}

/* The reading goes on where it was paused: the log has what was read of it. */
static void resume(struct merge_log *log)
{
    struct record records[IO_READER_BATCH];
    struct io_merge *m = log->merge;
    struct merge_event bounds = {
        .kind = MERGE_EV_BOUNDS, .log = log->index, .log_start = log->start, .log_end = log->end};
    struct io_read_event read = {.kind = IO_READ_RECORDS, .records = records};
    const bool has_end = log->has_end;

    log->is_resuming = false;
    log->wants_bounds = false;
    merge_run_step(m, &bounds);
    if (m->stage != STAGE_RUNNING || log->wants_bounds || log->is_paused)
        return; /* of another READ; what is held is still held, or has been dropped by it */
    for (uint32_t i = 0; i < log->held_count; i++)
        io_kafka_record(log->held[i], true, &records[read.count++]);
    log->held_count = 0; /* they are the event's now */
    held_drop(log);
    if (read.count > 0)
        on_records(log, &read);
    if (m->stage != STAGE_RUNNING)
        return;
    if (has_end && log->is_in_place)
        log->has_end = true;
    else if (has_end && !log->is_paused && !log->wants_bounds)
        on_end(log, log->end);
    io_reading_kick(log->reading);
}

static void on_read(void *data, const struct io_read_event *read)
{
    struct merge_log *log = data;
    struct io_merge *m = log->merge;
    char why[192];

    /* Between a READ and its bounds, what comes is of the reading before: it would look like a hole,
     * and the place would move past what is to be read again. */
    const bool is_stale =
        log->wants_bounds && (read->kind == IO_READ_RECORDS || read->kind == IO_READ_END);
    if (m->stage != STAGE_RUNNING || is_stale) {
        for (uint32_t i = 0; i < read->count; i++)
            io_kafka_release(read->records[i].handle);
        return;
    }
    switch (read->kind) {
    case IO_READ_RANGE:
        held_drop(log);
        log->wants_bounds = true;
        on_bounds(log, read);
        return;
    case IO_READ_BOUNDS:
        if (log->wants_bounds)
            on_bounds(log, read);
        return;
    case IO_READ_MOVED: {
        struct merge_event ev = {.kind = MERGE_EV_MOVED, .log = log->index};
        merge_run_step(m, &ev);
        return;
    }
    case IO_READ_RECORDS:
        on_records(log, read);
        return;
    case IO_READ_END:
        on_end(log, read->log_offset);
        return;
    case IO_READ_FAILED:
        (void)snprintf(why, sizeof(why), "cannot read enriched records: %s", read->detail);
        merge_run_end(m, read->code, why);
        return;
    }
}

static uint32_t room(void *data)
{
    const struct merge_log *log = data;

    return log->is_paused || log->wants_bounds || log->merge->stage != STAGE_RUNNING
               ? 0
               : IO_READER_BATCH;
}

static void open_log(struct io_merge *m, uint32_t index)
{
    struct merge_log *log = &m->logs[index];
    struct slice by;
    uint32_t partition;

    merge_log_name(m->merge, index, &by, &partition);
    const char *topic =
        text_format(&m->names, "%.*s." TASK_ENRICHED_PREFIX "%s", SLICE_ARG(by), m->stream->output);
    const struct io_reading_config config = {.topic = topic,
                                             .partition = (int32_t)partition,
                                             .incarnation = io_stream_incarnation(m->stream, by),
                                             .with_hash = true,
                                             .keeps = true,
                                             .data = log,
                                             .room = room,
                                             .on_event = on_read};
    *log = (struct merge_log){.merge = m, .index = index};
    log->reading = io_reading_start(m->site->reader, &config);
    if (log->reading == NULL)
        merge_run_end(m, ERR_NO_MEMORY, "cannot read enriched records");
}

void merge_logs_open(struct io_merge *m)
{
    const uint32_t count = merge_log_count(m->merge);

    m->logs = calloc(count + 1, sizeof(*m->logs));
    if (m->logs == NULL) {
        merge_run_end(m, ERR_NO_MEMORY, "cannot read enriched records");
        return;
    }
    m->log_count = count;
    for (uint32_t i = 0; i < count && m->stage == STAGE_RUNNING; i++)
        open_log(m, i);
}

void merge_logs_tick(struct io_merge *m)
{
    for (uint32_t i = 0; i < m->log_count && m->stage == STAGE_RUNNING; i++) {
        struct merge_log *log = &m->logs[i];
        if (log->is_resuming)
            resume(log);
        if (log->is_late) {
            log->is_late = false;
            io_reading_ask_bounds(log->reading);
        }
    }
}

void merge_logs_close(struct io_merge *m)
{
    for (uint32_t i = 0; i < m->log_count; i++) {
        held_drop(&m->logs[i]);
        io_reading_stop(m->logs[i].reading);
    }
    m->log_count = 0;
}
