/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_explain.c - why a record of the global stream is what and where it is: its source record,
 * every DC's enrichment of it, and the cut that ordered it.
 */
#include <inttypes.h>
#include <string.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_kafka.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/ctl/topics.h"
#include "coord/pb_arena.h"
#include "coord/tasks.h"
#include "proto/braid.pb-c.h"
#include "proto/event.h"

enum {
    EXPLAIN_POLL_MS = 100,
    EXPLAIN_WAITS_MAX = 100,
    EXPLAIN_BEFORE_MS = 60000 /* how far clocks of brokers may differ */
};

/* What is looked for, then what was found, in copies of its own. */
struct explaining {
    struct session *session;
    struct snapshot snap;
    const struct snapshot_stream *stream;
    struct slice dc; /* whose copy */
    struct kafka_reader *reader;
    int64_t seq; /* -1: not by number */
    const char *id;
    struct slice wiki;
    int64_t rev;
    struct event *event;  /* for decoding */
    struct arena scratch; /* of one decoding */
    bool is_found;
    struct audit_raw raw; /* slices in the session's arena */
    struct audit_record record;
};

/* Reads a partition up to its end; `take` returns false when it has what it wants. */
typedef bool explain_take(struct explaining *x, struct view *v, const struct kafka_record *r);

static int scan(struct explaining *x, struct view *v, const char *topic, int32_t partition,
                int64_t from, explain_take *take)
{
    struct kafka_record *r = arena_alloc(&x->session->arena, sizeof(*r));
    int waits = 0;

    kafka_start(x->reader);
    if (r == NULL || !kafka_add(x->reader, topic, partition, from) || !kafka_begin(x->reader))
        return EXIT_REFUSED;
    while (waits < EXPLAIN_WAITS_MAX) {
        enum kafka_event event = kafka_next(x->reader, EXPLAIN_POLL_MS, r);

        if (event == KAFKA_FAILED)
            return EXIT_REFUSED;
        if (event == KAFKA_END || (event == KAFKA_RECORD && !take(x, v, r)))
            return 0;
        waits = event == KAFKA_NOTHING ? waits + 1 : 0;
    }
    output_error(&x->session->output, "no answer in time for %s", topic);
    return EXIT_REFUSED;
}

/* ---- which record ----------------------------------------------------------------------------- */

static void keep(struct explaining *x, const struct audit_raw *raw)
{
    struct arena *a = &x->session->arena;

    x->raw = *raw;
    x->raw.key = arena_copy(a, raw->key);
    x->raw.value = arena_copy(a, raw->value);
    for (size_t i = 0; i < raw->header_count; i++) {
        x->raw.headers[i] = (struct header){arena_copy(a, raw->headers[i].name),
                                            arena_copy(a, raw->headers[i].value)};
    }
    audit_record_parse(&x->raw, &x->record);
    x->is_found = true;
}

static bool is_revision(struct explaining *x, struct slice value)
{
    struct event_flaw flaw;
    bool is_it = value.ptr != NULL && event_decode(&x->scratch, value, x->event, &flaw) == 0 &&
                 x->event->rev_id == x->rev && slice_equal(x->event->wiki_id, x->wiki);

    arena_reset(&x->scratch);
    return is_it;
}

static bool take_wanted(struct explaining *x, struct view *v, const struct kafka_record *r)
{
    struct audit_record parsed;
    bool is_it = false;

    (void)v;
    audit_record_parse(&r->raw, &parsed);
    if (!parsed.has_seq)
        return true;
    if (x->seq >= 0) {
        if (parsed.seq == x->seq)
            keep(x, &r->raw);
        return parsed.seq < x->seq;
    }
    is_it = x->id != NULL ? slice_equal(parsed.id, slice_str(x->id)) : is_revision(x, r->raw.value);
    if (is_it)
        keep(x, &r->raw);
    return !is_it;
}

static int find_record(struct explaining *x)
{
    const char *topic = topic_global(&x->session->arena, x->stream->output);
    int64_t offset = 0;
    int64_t end = 0;

    if (!kafka_bounds(x->reader, topic, 0, &offset, &end))
        return EXIT_REFUSED;
    if (x->seq >= 0 && !kafka_find_seq(x->reader, topic, x->seq, &offset))
        return EXIT_REFUSED;
    if (x->seq < 0)
        output_progress(&x->session->output, "reading %s from its beginning", topic);
    return offset >= end ? 0 : scan(x, NULL, topic, 0, offset, take_wanted);
}

/* SEQ, --id or --rev: exactly one. */
static int read_wish(struct explaining *x)
{
    struct session *s = x->session;
    struct slice seq = session_operand(s, 1);
    const char *rev = session_option(s, OPTION_REV);
    const char *colon = rev == NULL ? NULL : strrchr(rev, ':');

    x->seq = -1;
    x->id = session_option(s, OPTION_ID);
    if ((seq.ptr != NULL ? 1 : 0) + (x->id != NULL ? 1 : 0) + (rev != NULL ? 1 : 0) != 1) {
        output_error(&s->output, "explain needs a sequence number, --id ID or --rev WIKI:REV");
        return EXIT_USAGE;
    }
    if (seq.ptr != NULL && (keys_parse_number(seq, &x->seq) != 0 || x->seq < 0)) {
        output_error(&s->output, "'%.*s' is no sequence number", SLICE_ARG(seq));
        return EXIT_USAGE;
    }
    if (rev == NULL)
        return 0;
    if (colon == NULL || keys_parse_number(slice_str(colon + 1), &x->rev) != 0) {
        output_error(&s->output, "--rev takes WIKI:REV, such as testwiki:1042");
        return EXIT_USAGE;
    }
    x->wiki = slice_of(rev, (size_t)(colon - rev));
    return 0;
}

/* ---- what is known about it ------------------------------------------------------------------- */

static bool is_same_origin(const struct audit_record *a, const struct audit_record *b)
{
    return a->has_origin && b->has_origin && a->offset == b->offset &&
           a->partition == b->partition && a->incarnation == b->incarnation &&
           slice_equal(a->dc, b->dc) && slice_equal(a->topic, b->topic);
}

static struct slice header_of(const struct audit_raw *raw, const char *name)
{
    for (size_t i = 0; i < raw->header_count; i++) {
        if (slice_equal(raw->headers[i].name, slice_str(name)))
            return raw->headers[i].value;
    }
    return (struct slice){0};
}

static bool take_source(struct explaining *x, struct view *v, const struct kafka_record *r)
{
    const bool is_global = slice_equal(x->record.dc, SLICE_LIT(TASK_GLOBAL));
    struct audit_record parsed;

    audit_record_parse(&r->raw, &parsed);
    const bool is_it = is_global ? parsed.has_seq && parsed.seq == x->record.offset
                                 : r->raw.offset == x->record.offset;
    view_bool(v, "source_is_there", is_it);
    if (is_it)
        view_time(v, "source_time", r->raw.time_ms);
    return false;
}

static bool take_enriched(struct explaining *x, struct view *v, const struct kafka_record *r)
{
    struct view_table *t = &v->tables[0];
    struct audit_record parsed;

    audit_record_parse(&r->raw, &parsed);
    if (!is_same_origin(&parsed, &x->record))
        return true;
    view_cell_text(v, t, slice_str(r->topic));
    view_cell_number(v, t, r->raw.offset);
    view_cell_text(v, t, header_of(&r->raw, "braid-by"));
    view_cell_text(v, t, header_of(&r->raw, "braid-status"));
    view_cell_text(v, t, header_of(&r->raw, "braid-fetch"));
    view_cell_time(v, t, r->raw.time_ms);
    view_cell_number(v, t, (int64_t)r->raw.value.len);
    return true; /* a later one is a duplicate that readers dropped: shown too */
}

static bool take_cut(struct explaining *x, struct view *v, const struct kafka_record *r)
{
    struct session *s = x->session;
    ProtobufCAllocator allocator = pb_allocator(&s->arena);
    Braid__LogLine *line = NULL;
    struct text members = text_in(&s->arena);
    struct cut cut;

    if (!slice_equal(r->raw.key, x->stream->output))
        return true;
    line = braid__log_line__unpack(&allocator, r->raw.value.len, r->raw.value.ptr);
    if (line == NULL || line->line_case != BRAID__LOG_LINE__LINE_CUT ||
        cut_decode(pb_slice(line->cut), &s->arena, &cut) != 0 || cut.era != x->record.era ||
        cut.number != x->record.cut) {
        return true;
    }
    for (uint32_t m = 0; m < cut.member_count; m++)
        text_addf(&members, "%s%.*s", m == 0 ? "" : ",", SLICE_ARG(cut.members[m].dc));
    view_text(v, "cut_members", text_slice(&members));
    view_text(v, "cut_proposer", cut.proposer);
    view_number(v, "cut_spec", (int64_t)cut.spec_version);
    return false;
}

/* Reader at another Kafka. */
static int move_to(struct explaining *x, const char *place)
{
    kafka_close(x->reader);
    x->reader = NULL;
    return place == NULL ? EXIT_REFUSED : kafka_open(x->session, place, true, &x->reader);
}

/* From a time on, if the topic is there; what cannot be read is only left out. */
static int scan_from_time(struct explaining *x, struct view *v, const char *topic,
                          int32_t partition, int64_t ms, explain_take *take)
{
    int64_t offset = 0;

    if (kafka_partitions(x->reader, topic) <= partition)
        return 0;
    if (!kafka_offset_at(x->reader, topic, partition, ms < 0 ? 0 : ms, &offset))
        return EXIT_REFUSED;
    return scan(x, v, topic, partition, offset, take);
}

static void add_record(struct explaining *x, struct view *v)
{
    const struct audit_record *r = &x->record;

    view_text(v, "stream", x->stream->output);
    view_number(v, "seq", r->seq);
    view_textf(v, "cut", "%u.%" PRIu64, r->era, r->cut);
    view_time(v, "cut_time", x->raw.time_ms);
    view_text(v, "status", header_of(&x->raw, "braid-status"));
    view_text(v, "id", r->id);
    view_text(v, "taken_from", r->by);
    view_text(v, "fetch", header_of(&x->raw, "braid-fetch"));
    view_text(v, "spec", header_of(&x->raw, "braid-spec"));
    view_text(v, "chain", r->chain);
    view_text(v, "origin", r->dc);
    view_text(v, "source_topic", r->topic);
    view_number(v, "source_partition", r->partition);
    view_number(v, "source_offset", r->offset);
    view_number(v, "source_before", r->prev);
    view_text(v, "key", x->raw.key);
    view_number(v, "value_bytes", (int64_t)x->raw.value.len);
}

/* Whether the source record is still there. Another stream's output has numbers for offsets. */
static int add_source(struct explaining *x, struct view *v)
{
    struct session *s = x->session;
    const struct audit_record *r = &x->record;
    const bool is_global = slice_equal(r->dc, SLICE_LIT(TASK_GLOBAL));
    const char *topic = topic_prefixed(&s->arena, r->dc, r->topic);
    int64_t offset = r->offset;
    int64_t first = 0;
    int64_t end = 0;
    int rc = move_to(x, is_global ? place_kafka(s, &x->snap, x->dc)
                                  : place_source_kafka(s, &x->snap, r->dc));

    if (rc != 0)
        return rc;
    if (!kafka_bounds(x->reader, topic, (int32_t)r->partition, &first, &end) ||
        (is_global && !kafka_find_seq(x->reader, topic, r->offset, &offset)))
        return EXIT_REFUSED;
    if (offset < first) {
        view_text(v, "source_is_there", SLICE_LIT("expired"));
        return 0;
    }
    return scan(x, v, topic, (int32_t)r->partition, offset, take_source);
}

static int add_story(struct explaining *x, struct view *v)
{
    static const char *const TITLES[] = {"topic", "offset", "by",          "status",
                                         "fetch", "time",   "value_bytes", NULL};
    struct session *s = x->session;
    const struct audit_record *r = &x->record;
    int64_t time_ms = 0;
    int rc = 0;

    (void)view_table(v, "enriched", TITLES);
    (void)keys_parse_number(header_of(&x->raw, "braid-time"), &time_ms); /* 0: from the start */
    rc = scan_from_time(x, v, topic_prefixed(&s->arena, x->dc, SLICE_LIT("braid.cuts")), 0,
                        x->raw.time_ms - EXPLAIN_BEFORE_MS, take_cut);
    for (size_t i = 0; rc == 0 && i < x->stream->spec.dcs.count; i++) {
        struct slice by = x->stream->spec.dcs.items[i];

        rc = move_to(x, place_kafka(s, &x->snap, by));
        if (rc == 0) {
            rc = scan_from_time(x, v, topic_enriched(&s->arena, by, x->stream->output),
                                (int32_t)r->partition, time_ms - EXPLAIN_BEFORE_MS, take_enriched);
        }
    }
    return rc == 0 ? add_source(x, v) : rc;
}

/* ---- the command ------------------------------------------------------------------------------ */

static int explain(struct explaining *x)
{
    struct session *s = x->session;
    struct view *v = arena_calloc(&s->arena, 1, sizeof(*v));
    const char *dc = session_option(s, OPTION_DC);
    int rc = 0;

    x->dc = dc == NULL ? x->stream->spec.dcs.items[0] : slice_str(dc);
    rc = v == NULL ? EXIT_REFUSED : move_to(x, place_kafka(s, &x->snap, x->dc));
    if (rc == 0)
        rc = find_record(x);
    if (rc != 0)
        return rc;
    if (!x->is_found) {
        output_error(&s->output, "no such record in %.*s's copy", SLICE_ARG(x->dc));
        return EXIT_REFUSED;
    }
    *v = view_new(&s->arena, "Explanation");
    add_record(x, v);
    rc = add_story(x, v);
    if (rc != 0)
        return rc;
    view_heading(v,
                 "Number %" PRId64 " is %.*s's event at %.*s/%u offset %" PRId64
                 ", enriched by %.*s, ordered by cut %u.%" PRIu64 ".",
                 x->record.seq, SLICE_ARG(x->record.dc), SLICE_ARG(x->record.topic),
                 x->record.partition, x->record.offset, SLICE_ARG(x->record.by), x->record.era,
                 x->record.cut);
    output_view(&s->output, v);
    return EXIT_DONE;
}

int cmd_explain(struct session *s)
{
    struct explaining *x = arena_calloc(&s->arena, 1, sizeof(*x));
    int rc = 0;

    if (x == NULL)
        return EXIT_REFUSED;
    x->session = s;
    x->event = arena_alloc(&s->arena, sizeof(*x->event));
    rc = x->event == NULL ? EXIT_REFUSED : read_wish(x);
    if (rc == 0)
        rc = store_load(s, &x->snap);
    if (rc != 0)
        return rc;
    x->stream = stream_wanted(s, &x->snap);
    if (x->stream == NULL || !x->stream->has_spec)
        return EXIT_REFUSED;
    arena_init(&x->scratch, 1 << 20, (size_t)512 << 20);
    rc = explain(x);
    kafka_close(x->reader);
    arena_deinit(&x->scratch);
    return rc;
}
