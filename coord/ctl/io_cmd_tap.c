/* SPDX-License-Identifier: Apache-2.0 */
/* io_cmd_tap.c - shows records of a stream as they come. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_kafka.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/ctl/topics.h"
#include "coord/tasks.h"
#include "coord/yaml_file.h"

enum {
    BODY_BYTES = 200,
    BODY_BYTES_MAX = 1 << 24,
    TAP_RECORDS_MAX = 1000000, /* of -n */
    TAP_WAIT_MS = 500
};

struct tap_topic {
    const char *name;
    int partitions;
    int64_t *offsets; /* where each begins */
};

struct tapping {
    struct session *session;
    struct snapshot snap;
    const struct snapshot_stream *stream;
    struct kafka_reader *reader;
    int64_t left; /* records still to show; -1: no end */
    int64_t body; /* bytes of a value */
    const char *format;
    bool is_following;
    size_t open_partitions; /* whose end has not been reached */
    struct tap_topic topics[SPEC_SOURCES_MAX];
    size_t topic_count;
    int64_t from; /* offset of --from-seq */
};

/* ---- one record ------------------------------------------------------------------------------- */

/* The value cut to what was asked for, with what a terminal might obey shown as '?'. */
static struct slice body_of(const struct tapping *t, struct slice value)
{
    return slice_of(value.ptr, value.len > (size_t)t->body ? (size_t)t->body : value.len);
}

static struct view view_of(struct tapping *t, const struct kafka_record *r)
{
    static const char *const TITLES[] = {"name", "value", NULL};
    struct view v = view_new(&t->session->arena, "Record");
    struct view_table *headers = NULL;

    view_text(&v, "topic", slice_str(r->topic));
    view_number(&v, "partition", r->partition);
    view_number(&v, "offset", r->raw.offset);
    view_number(&v, "timestamp_ms", r->raw.time_ms);
    view_text(&v, "key", r->raw.key);
    view_number(&v, "value_bytes", (int64_t)r->raw.value.len);
    view_bool(&v, "value_is_cut", r->raw.value.len > (size_t)t->body);
    view_text(&v, "value", body_of(t, r->raw.value));
    headers = view_table(&v, "headers", TITLES);
    for (size_t i = 0; i < r->raw.header_count; i++) {
        view_cell_text(&v, headers, r->raw.headers[i].name);
        view_cell_text(&v, headers, r->raw.headers[i].value);
    }
    return v;
}

/* For people: number, cut, status, origin, key, value. */
static void add_line(struct tapping *t, const struct kafka_record *r, struct text *out)
{
    struct audit_record p;

    audit_record_parse(&r->raw, &p);
    if (p.has_seq) {
        text_addf(out, "%" PRId64 "  %u.%" PRIu64 "  ", p.seq, p.era, p.cut);
    } else {
        text_addf(out, "%s/%d@%" PRId64 "  ", r->topic, r->partition, r->raw.offset);
    }
    for (size_t i = 0; i < r->raw.header_count; i++) {
        if (slice_equal(r->raw.headers[i].name, SLICE_LIT("braid-status")))
            text_addf(out, "%.*s  ", SLICE_ARG(r->raw.headers[i].value));
    }
    if (p.has_origin)
        text_addf(out, "%.*s/%u@%" PRId64 "  ", SLICE_ARG(p.dc), p.partition, p.offset);
    yaml_add_visible(out, body_of(t, r->raw.key));
    text_adds(out, "  ");
    yaml_add_visible(out, body_of(t, r->raw.value));
    if (r->raw.value.len > (size_t)t->body)
        text_addf(out, "... (%zu bytes)", r->raw.value.len);
}

static void add_tsv(struct tapping *t, const struct kafka_record *r, struct text *out)
{
    text_addf(out, "%s\t%d\t%" PRId64 "\t%" PRId64 "\t", r->topic, r->partition, r->raw.offset,
              r->raw.time_ms);
    yaml_add_visible(out, r->raw.key);
    text_adds(out, "\t");
    yaml_add_visible(out, body_of(t, r->raw.value));
}

static void add_headers(const struct kafka_record *r, struct text *out)
{
    for (size_t i = 0; i < r->raw.header_count; i++) {
        text_addf(out, "%s%.*s=%.*s", i == 0 ? "" : ",", SLICE_ARG(r->raw.headers[i].name),
                  SLICE_ARG(r->raw.headers[i].value));
    }
}

/* One letter after '%', as kcat has them, and %q for the sequence number. */
static void add_token(struct tapping *t, const struct kafka_record *r, char token, struct text *out)
{
    struct audit_record p;

    switch (token) {
    case 't':
        text_adds(out, r->topic);
        return;
    case 'p':
        text_addf(out, "%d", r->partition);
        return;
    case 'o':
        text_addf(out, "%" PRId64, r->raw.offset);
        return;
    case 'k':
        text_add(out, r->raw.key);
        return;
    case 's':
        text_add(out, body_of(t, r->raw.value));
        return;
    case 'S':
        text_addf(out, "%zu", r->raw.value.len);
        return;
    case 'K':
        text_addf(out, "%zu", r->raw.key.len);
        return;
    case 'T':
        text_addf(out, "%" PRId64, r->raw.time_ms);
        return;
    case 'h':
        add_headers(r, out);
        return;
    case 'q':
        audit_record_parse(&r->raw, &p);
        text_addf(out, "%" PRId64, p.has_seq ? p.seq : -1);
        return;
    default:
        text_add(out, slice_of(&token, 1));
        return;
    }
}

static void add_formatted(struct tapping *t, const struct kafka_record *r, struct text *out)
{
    for (const char *c = t->format; *c != '\0'; c++) {
        if (*c == '%' && c[1] != '\0') {
            c++;
            add_token(t, r, *c, out);
        } else if (*c == '\\' && c[1] != '\0') {
            c++;
            text_add(out, *c == 'n'   ? SLICE_LIT("\n")
                          : *c == 't' ? SLICE_LIT("\t")
                                      : slice_of(c, 1));
        } else {
            text_add(out, slice_of(c, 1));
        }
    }
}

static void show(struct tapping *t, const struct kafka_record *r)
{
    struct session *s = t->session;
    struct text line = text_in(&s->arena);
    struct view v = {0};

    if (t->format != NULL) {
        add_formatted(t, r, &line);
        output_raw(&s->output, text_slice(&line));
        return;
    }
    if (s->output.format == VIEW_TABLE) {
        add_line(t, r, &line);
    } else if (s->output.format == VIEW_TSV) {
        add_tsv(t, r, &line);
    } else {
        v = view_of(t, r);
    }
    v.arena = &s->arena;
    output_item(&s->output, &v, text_slice(&line));
}

/* ---- where ------------------------------------------------------------------------------------ */

/* Of what has been begun to read, the offset of the last record but n-1; of the first if there are
 * fewer. -1: said. */
static int64_t last_records(struct tapping *t, int64_t n, int64_t end)
{
    int64_t *ring = arena_calloc(&t->session->arena, (size_t)n, sizeof(*ring));
    struct kafka_record record;
    int64_t count = 0;

    if (ring == NULL)
        return -1;
    for (int quiet = 0; quiet < 20;) {
        enum kafka_event event = kafka_next(t->reader, TAP_WAIT_MS, &record);

        if (event == KAFKA_FAILED)
            return -1;
        if (event == KAFKA_END)
            break;
        if (event == KAFKA_NOTHING) {
            quiet++;
            continue;
        }
        ring[count++ % n] = record.raw.offset;
    }
    return count == 0 ? end : ring[count < n ? 0 : count % n];
}

/* Where the last n records of a partition begin: offsets count markers of transactions, too, so it
 * reads from further back and looks. -1: said. */
static int64_t tail_offset(struct tapping *t, const char *topic, int32_t partition, int64_t n)
{
    int64_t first = 0;
    int64_t end = 0;
    int64_t back = 2 * n + 16;

    if (!kafka_bounds(t->reader, topic, partition, &first, &end))
        return -1;
    if (t->is_following || n == 0 || end == first)
        return end;
    kafka_start(t->reader);
    if (!kafka_add(t->reader, topic, partition, end - back > first ? end - back : first) ||
        !kafka_begin(t->reader))
        return -1;
    return last_records(t, n, end);
}

static bool add_partitions(struct tapping *t, const char *topic)
{
    int partitions = kafka_partitions(t->reader, topic);
    int64_t *offsets = arena_calloc(&t->session->arena, (size_t)KAFKA_PARTITIONS_MAX, 8);
    struct tap_topic *added = &t->topics[t->topic_count];

    if (partitions == 0)
        output_error(&t->session->output, "there is no topic %s", topic);
    if (partitions <= 0 || partitions > KAFKA_PARTITIONS_MAX || offsets == NULL ||
        t->topic_count == SPEC_SOURCES_MAX)
        return false;
    for (int p = 0; p < partitions; p++) {
        offsets[p] = tail_offset(t, topic, p, t->left < 0 ? 0 : t->left);
        if (offsets[p] < 0)
            return false;
    }
    *added = (struct tap_topic){topic, partitions, offsets};
    t->topic_count++;
    return true;
}

/* All that was added, from where it was found to begin. */
static bool begin_all(struct tapping *t)
{
    kafka_start(t->reader);
    for (size_t i = 0; i < t->topic_count; i++) {
        for (int p = 0; p < t->topics[i].partitions; p++) {
            if (!kafka_add(t->reader, t->topics[i].name, p, t->topics[i].offsets[p]))
                return false;
            t->open_partitions++;
        }
    }
    return kafka_begin(t->reader);
}

static bool add_global(struct tapping *t, const char *topic)
{
    int64_t seq = 0;
    int64_t offset = 0;

    if (!session_given(t->session, OPTION_FROM_SEQ))
        return add_partitions(t, topic);
    if (!session_number(t->session, OPTION_FROM_SEQ, 0, &seq) ||
        !kafka_find_seq(t->reader, topic, seq, &offset)) {
        return false;
    }
    t->from = offset;
    t->topics[t->topic_count++] = (struct tap_topic){topic, 1, &t->from};
    return true;
}

static bool add_stage(struct tapping *t, struct slice dc)
{
    struct session *s = t->session;
    const struct spec *spec = &t->stream->spec;
    const char *stage = session_option(s, OPTION_STAGE);
    bool is_good = true;

    if (stage == NULL || strcmp(stage, "global") == 0)
        return add_global(t, topic_global(&s->arena, spec->output));
    if (strcmp(stage, "enriched") == 0)
        return add_partitions(t, topic_enriched(&s->arena, dc, spec->output));
    if (strcmp(stage, "source") != 0) {
        output_error(&s->output, "--stage takes source, enriched or global, not '%s'", stage);
        return false;
    }
    for (size_t i = 0; is_good && i < spec->sources.count; i++) {
        struct slice output;
        const bool is_global = task_source_is_global(spec->sources.items[i], &output);
        is_good =
            add_partitions(t, is_global ? topic_global(&s->arena, output)
                                        : topic_prefixed(&s->arena, dc, spec->sources.items[i]));
    }
    return is_good;
}

/* The DC asked for, else the first of the stream. The absent slice: said. */
static struct slice dc_wanted(struct tapping *t)
{
    const char *dc = session_option(t->session, OPTION_DC);

    if (dc == NULL)
        return t->stream->spec.dcs.items[0];
    if (spec_has_dc(&t->stream->spec, slice_str(dc)))
        return slice_str(dc);
    output_error(&t->session->output, "the stream has no DC '%s'", dc);
    return (struct slice){0};
}

/* ---- the command ------------------------------------------------------------------------------ */

static int follow(struct tapping *t)
{
    struct session *s = t->session;
    struct kafka_record record;
    struct arena kept = s->arena; /* each record's memory is given back */
    int quiet = 0;

    if (!begin_all(t))
        return EXIT_REFUSED;
    arena_init(&s->arena, 1 << 16, SESSION_ARENA_BYTES_MAX);
    while (t->left != 0 && !s->output.has_failed) {
        enum kafka_event event = kafka_next(t->reader, TAP_WAIT_MS, &record);

        if (event == KAFKA_FAILED)
            break;
        if (event == KAFKA_END && t->open_partitions > 0)
            t->open_partitions--;
        if (event == KAFKA_NOTHING)
            quiet++;
        if (!t->is_following && (t->open_partitions == 0 || quiet > 20))
            break;
        if (event != KAFKA_RECORD) {
            (void)fflush(s->output.out); /* output_finish says if it failed */
            continue;
        }
        quiet = 0;
        show(t, &record);
        t->left -= t->left > 0 ? 1 : 0;
        arena_reset(&s->arena);
    }
    arena_deinit(&s->arena);
    s->arena = kept;
    return s->output.has_failed ? EXIT_REFUSED : EXIT_DONE;
}

int cmd_tap(struct session *s)
{
    struct tapping t = {.session = s, .format = session_option(s, OPTION_FORMAT)};
    struct slice dc = {0};
    struct slice output;
    const char *place = NULL;
    int rc = 0;

    if (!session_number(s, OPTION_RECORDS, -1, &t.left) ||
        !session_number(s, OPTION_BODY, BODY_BYTES, &t.body)) {
        return EXIT_USAGE;
    }
    t.body = t.body > BODY_BYTES_MAX ? BODY_BYTES_MAX : t.body;
    t.is_following = t.left < 0 || session_given(s, OPTION_FOLLOW);
    rc = store_load(s, &t.snap);
    if (rc != 0)
        return rc;
    t.stream = stream_wanted(s, &t.snap);
    if (t.stream == NULL || !t.stream->has_spec)
        return EXIT_REFUSED;
    dc = dc_wanted(&t);
    if (dc.ptr == NULL)
        return EXIT_USAGE;
    place = session_option(s, OPTION_STAGE) != NULL &&
                    strcmp(session_option(s, OPTION_STAGE), "source") == 0 &&
                    !task_source_is_global(t.stream->spec.sources.items[0], &output)
                ? place_source_kafka(s, &t.snap, dc)
                : place_kafka(s, &t.snap, dc);
    rc = place == NULL ? EXIT_REFUSED : kafka_open(s, place, true, &t.reader);
    if (rc == 0)
        rc = add_stage(&t, dc) ? follow(&t) : EXIT_REFUSED;
    kafka_close(t.reader);
    return rc;
}
