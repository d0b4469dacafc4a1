/* SPDX-License-Identifier: Apache-2.0 */
#include "node/io_line_state.h"

#include <stdlib.h>

#include "coord/text.h"
#include "node/io_line_part.h"
#include "node/io_loop.h"
#include "node/last_revs.h"
#include "proto/err.h"

enum {
    NOTED_MAX = 4096, /* not in the output yet, or not yet taken by the writer */
    BEAT_MS = 2000,   /* how often it is said that all is there */
};

struct line_state {
    struct io_line *line; /* borrowed */
    char topic[TOPIC_NAME_MAX + 1];
    struct last_revs revs;
    struct io_reading *reading;
    struct io_writer_client *client;
    bool is_read;    /* to its end, or it cannot be */
    bool is_broken;  /* nothing can be written: without the topic all is noted anew at each start */
    bool is_whole;   /* has all from the stream's start to `through` */
    int64_t through; /* number of the newest record noted */
    struct last_rev newest; /* of the topic */
    int64_t began_ms;       /* by the topic: when it was begun anew; -1: it does not say */
    int64_t all_ms;         /* the same, as its newest LAST_REVS_ALL has it */
    bool must_begin;        /* this has to be said yet */
    int64_t said_seq;       /* of the last LAST_REVS_ALL that was written */
    int64_t said_ms;
    int64_t before[IO_READER_BATCH];
    struct last_rev noted[NOTED_MAX]; /* ring */
    uint64_t noted_first;
    uint64_t noted_next;
    struct event event;
};

/* ---- the topic ------------------------------------------------------------------------------ */

static int write_one(struct line_state *s, const struct last_rev *r)
{
    char value[LAST_REVS_VALUE_MAX];
    const struct io_write record = {.key = slice_of(r->key, r->key_len),
                                    .value = slice_of(value, last_revs_format(r, value)),
                                    .ticket = s->noted_first};

    return s->is_broken ? 0 : io_writer_produce(s->client, &record);
}

static void take_mark(struct line_state *s, const struct last_rev *read)
{
    if (slice_equal(slice_of(read->key, read->key_len), SLICE_LIT(LAST_REVS_BEGIN))) {
        s->began_ms = read->rev_id;
        return;
    }
    s->all_ms = read->rev_id;
    if (read->seq > s->newest.seq)
        s->newest = *read;
}

/* A line of the topic: the newest of a page counts. One that comes late is put right. */
static void take_line(struct line_state *s, const struct record *r)
{
    struct last_rev read;
    struct last_rev known;

    if (last_revs_parse(r->key, r->value, &read) != 0)
        return; /* foreign */
    if (r->key.ptr[0] == '/') {
        if (!s->is_read)
            take_mark(s, &read);
        return;
    }
    known = read;
    known.rev_id = last_revs_find(&s->revs, r->key, &known.seq);
    if (known.seq > read.seq) {
        known.log_offset =
            s->newest.log_offset < read.log_offset ? s->newest.log_offset : read.log_offset;
        (void)write_one(s,
                        &known); /* if there is no room now, it is found again at the next start */
        return;
    }
    if (s->is_read)
        return; /* our own: noted when its source record came */
    if (last_revs_note(&s->revs, &read) != 0)
        line_end(s->line, ERR_NO_MEMORY, "no memory for the stream's state");
    if (read.seq > s->newest.seq)
        s->newest = read;
}

/* All is read. Unless it is whole it is as if there were nothing. */
static void judge(struct line_state *s)
{
    s->is_read = true;
    s->must_begin = s->began_ms < 0 || s->began_ms != s->all_ms;
    if (!s->must_begin) {
        s->through = s->newest.seq > s->through ? s->newest.seq : s->through;
        return;
    }
    s->began_ms = io_now_ms();
    if (s->newest.seq < 0)
        return;
    io_log_about(&s->line->host->log, s->line, LOG_WARN,
                 "a stream's state lacks something, it is made anew from its source",
                 "task=%s topic=%s", s->line->name, s->topic);
    s->newest.seq = -1;
    if (last_revs_reset(&s->revs) != 0)
        line_end(s->line, ERR_NO_MEMORY, "no memory for the stream's state");
}

static void on_line(void *data, const struct io_read_event *read)
{
    struct line_state *s = data;

    for (uint32_t i = 0; i < read->count; i++) {
        take_line(s, &read->records[i]);
        io_kafka_release(read->records[i].handle);
    }
    switch (read->kind) {
    case IO_READ_RECORDS:
        return;
    case IO_READ_BOUNDS:
        if (!s->is_read)
            io_reading_from(s->reading, LINE_FROM_START);
        return;
    case IO_READ_END:
        break;
    case IO_READ_RANGE:
    case IO_READ_MOVED:
    case IO_READ_FAILED:
        if (!s->is_broken)
            io_log_about(&s->line->host->log, s->line, LOG_WARN,
                         "a stream's state is not kept, it is made anew from its source at each "
                         "start: apply the stream again",
                         "task=%s topic=%s why=\"%s\"", s->line->name, s->topic,
                         read->detail == NULL ? "" : read->detail);
        s->is_broken = true;
        break;
    }
    if (s->is_read)
        return;
    judge(s);
    line_maybe_start(s->line);
}

static void on_acked(void *data, uint64_t ticket, int64_t log_offset)
{
    (void)data, (void)ticket, (void)log_offset; /* nobody waits for it */
}

static void on_failed(void *data, int code, const char *detail)
{
    struct line_state *s = data;

    s->is_broken = true; /* what the topic lacks is read from the source at the next start */
    io_log_about(&s->line->host->log, s->line, LOG_WARN, "a stream's state cannot be written",
                 "topic=%s err=%s why=\"%s\"", s->topic, err_name(code), detail);
}

int line_state_open(struct io_line *l, struct line_state **out)
{
    struct line_state *s = calloc(1, sizeof(*s));
    const struct io_writer_config client = {
        .is_side = true, .data = s, .acked = on_acked, .failed = on_failed};
    const struct io_reading_config reading = {.data = s, .on_event = on_line};
    struct io_writer_config client_of = client;
    struct io_reading_config reading_of = reading;

    if (s == NULL)
        return ERR_NO_MEMORY;
    s->line = l;
    s->through = l->config.start[0]; /* LINE_START_ANY is below all numbers */
    s->is_whole = true;
    s->newest.seq = s->said_seq = s->began_ms = s->all_ms = -1;
    (void)snprintf(s->topic, sizeof(s->topic), "%.*s." TASK_STATE_PREFIX "%.*s",
                   SLICE_ARG(l->host->config.dc), SLICE_ARG(l->task.output));
    client_of.topic = reading_of.topic = s->topic;
    s->client = io_writer_client_open(l->site_out->writer, &client_of);
    s->reading = io_reading_start(l->site_out->reader, &reading_of);
    if (s->client == NULL || s->reading == NULL || last_revs_init(&s->revs) != 0) {
        line_state_close(s);
        return ERR_NO_MEMORY;
    }
    *out = s;
    return 0;
}

void line_state_close(struct line_state *s)
{
    if (s == NULL)
        return;
    io_reading_stop(s->reading);
    io_writer_client_close(s->client);
    last_revs_deinit(&s->revs);
    free(s);
}

bool line_state_is_read(const struct line_state *s)
{
    return s->is_read;
}

struct line_place line_state_place(const struct line_state *s)
{
    return (struct line_place){.valid = s->newest.seq >= 0,
                               .log_offset = s->newest.log_offset,
                               .epoch = s->newest.epoch,
                               .last = {s->newest.seq}};
}

/* ---- the source ------------------------------------------------------------------------------- */

/* Notes one record; what was known of its page before it. */
static int64_t note(struct line_state *s, const struct record *r)
{
    const struct spec *spec = &s->line->stream->spec->spec;
    const struct event_shape shape = spec_shape(spec, 0); /* it has one source */
    struct last_rev now = {
        .seq = r->braid.origin.offset, .log_offset = r->log_offset + 1, .epoch = r->leader_epoch};
    struct event_flaw flaw;
    int64_t seq;

    arena_reset(&s->line->host->scratch);
    const int rc = r->value.ptr == NULL ? ERR_MALFORMED
                                        : event_decode_as(&s->line->host->scratch, r->value, &shape,
                                                          &s->event, &flaw);
    arena_reset(&s->line->host->scratch);
    now.key_len = rc == 0 ? last_revs_key(&s->event, now.key) : 0;
    if (now.key_len == 0)
        return LAST_REVS_UNKNOWN;
    const int64_t before = last_revs_find(&s->revs, slice_of(now.key, now.key_len), &seq);
    last_revs_read(&s->event, before, &now);
    if (now.rev_id == before)
        return before;
    if (last_revs_note(&s->revs, &now) != 0)
        line_end(s->line, ERR_NO_MEMORY, "no memory for the stream's state");
    s->noted[s->noted_next++ % NOTED_MAX] = now;
    return before;
}

/* The source is read once more from before what is known: all is noted anew, if it is all there. */
static bool begin_anew(struct line_state *s, int64_t seq)
{
    const int64_t start = s->line->config.start[0];

    s->noted_first = s->noted_next;
    if (last_revs_reset(&s->revs) != 0) {
        line_end(s->line, ERR_NO_MEMORY, "no memory for the stream's state");
        return false;
    }
    s->through = seq - 1 > start ? seq - 1 : start;
    s->is_whole = seq == 0 || seq - 1 <= start;
    return true;
}

bool line_state_take(struct line_state *s, const struct record *records, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const int64_t seq = records[i].braid.origin.offset;

        s->before[i] = LAST_REVS_UNKNOWN;
        if (!records[i].braid.has_origin)
            continue;
        if (seq < s->through && s->through > s->line->config.start[0] && !begin_anew(s, seq))
            return false;
        if (seq <= s->through)
            continue;
        if (s->through != LINE_START_ANY && seq > s->through + 1)
            s->is_whole = false;
        if (!s->is_whole) {
            s->line->is_failed = true;
            line_end(s->line, ERR_DATA_LOSS,
                     "the stream's state is gone, and the start of its source, too");
            return false;
        }
        s->before[i] = note(s, &records[i]);
        s->through = seq;
    }
    return true;
}

int64_t line_state_before(const struct line_state *s, uint32_t index)
{
    return s->before[index];
}

uint32_t line_state_room(const struct line_state *s)
{
    return NOTED_MAX - (uint32_t)(s->noted_next - s->noted_first);
}

void line_state_settled(struct line_state *s, const struct line_place *in, int64_t now_ms)
{
    if (s->must_begin) {
        const struct last_rev begin = {
            .key = LAST_REVS_BEGIN, .key_len = sizeof LAST_REVS_BEGIN - 1, .rev_id = s->began_ms};
        if (write_one(s, &begin) != 0)
            return;
        s->must_begin = false;
    }
    while (s->noted_first < s->noted_next) {
        const struct last_rev *r = &s->noted[s->noted_first % NOTED_MAX];
        if (r->seq > in->last[0])
            break;
        const int rc = write_one(s, r);
        if (rc != 0 && rc != ERR_DELIVERY)
            return;
        s->noted_first++;
    }
    if (in->last[0] <= s->said_seq || now_ms - s->said_ms < BEAT_MS || in->last[0] > s->through)
        return;
    const struct last_rev all = {.key = LAST_REVS_ALL,
                                 .key_len = 1,
                                 .seq = in->last[0],
                                 .rev_id = s->began_ms,
                                 .log_offset = in->log_offset,
                                 .epoch = in->epoch};
    if (write_one(s, &all) != 0)
        return;
    s->said_seq = all.seq;
    s->said_ms = now_ms;
}
