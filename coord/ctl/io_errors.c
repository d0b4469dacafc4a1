/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_errors.h"

#include "coord/ctl/topics.h"
#include "coord/tasks.h"
#include "proto/json.h"

enum {
    ERRORS_POLL_MS = 100,
    ERRORS_WAITS_MAX = 200,
    ERRORS_CLOCKS_MS = 60000, /* how far clocks may differ */
    ERRORS_PASSES_MAX = 10000 /* of the global stream */
};

/* What is done with each record; false: enough. */
typedef bool errors_take(struct errors_run *run, size_t site, const struct kafka_record *r);

static int scan(struct errors_run *run, size_t site, const char *topic, int64_t from,
                errors_take *take)
{
    struct session *s = run->session;
    struct kafka_reader *reader = run->readers[site];
    struct kafka_record *r = arena_alloc(&s->arena, sizeof(*r));
    int waits = 0;

    kafka_start(reader);
    if (r == NULL || !kafka_add(reader, topic, 0, from) || !kafka_begin(reader))
        return EXIT_REFUSED;
    while (waits < ERRORS_WAITS_MAX) {
        enum kafka_event event = kafka_next(reader, ERRORS_POLL_MS, r);

        if (event == KAFKA_FAILED)
            return EXIT_REFUSED;
        if (event == KAFKA_END)
            return -1; /* all of it */
        if (event == KAFKA_RECORD && !take(run, site, r))
            return 0;
        waits = event == KAFKA_NOTHING ? waits + 1 : 0;
    }
    output_error(&s->output, "no answer in time for %s", topic);
    return EXIT_REFUSED;
}

/* ---- error topics and retries ----------------------------------------------------------------- */

void errors_text_read(struct errors_run *run, struct slice value, struct errors_text *out)
{
    const struct json_limits limits = {.bytes_max = ERRORS_JSON_BYTES_MAX, .depth_max = 16};
    struct json json;
    struct json_flaw flaw;

    *out = (struct errors_text){0};
    arena_reset(&run->scratch);
    if (value.ptr == NULL || json_parse(&run->scratch, value, &limits, &json, &flaw) != 0)
        return;
    out->emitter = json_text(json_value(json_key(json.root, SLICE_LIT("emitter_id"))));
    out->reason = json_text(json_value(json_key(json.root, SLICE_LIT("error_type"))));
    out->message = json_text(json_value(json_key(json.root, SLICE_LIT("message"))));
    out->raw = json_text(json_value(json_key(json.root, SLICE_LIT("raw_event"))));
}

static bool take_error(struct errors_run *run, size_t site, const struct kafka_record *r)
{
    struct errors_text text;
    struct audit_record parsed;

    errors_text_read(run, r->raw.value, &text);
    if (!errors_is_of(text.emitter, run->session->cluster, run->stream->output))
        return true;
    audit_record_parse(&r->raw, &parsed);
    return errors_add(&run->errors, &(struct errors_record){.parsed = &parsed,
                                                            .reason = text.reason,
                                                            .message = text.message,
                                                            .site = (int)site}) == 0;
}

static bool take_retry(struct errors_run *run, size_t site, const struct kafka_record *r)
{
    struct audit_record parsed;

    audit_record_parse(&r->raw, &parsed);
    return errors_add(&run->errors, &(struct errors_record){.parsed = &parsed,
                                                            .is_retry = true,
                                                            .dc = run->stream->dcs[site]}) == 0;
}

/* The whole topic, or from --since on, if it is there. */
static int read_topic(struct errors_run *run, size_t site, const char *topic, int64_t since_ms,
                      errors_take *take)
{
    struct kafka_reader *reader = run->readers[site];
    int partitions = kafka_partitions(reader, topic);
    int64_t offset = 0;
    int64_t end = 0;
    int rc = 0;

    if (partitions <= 0)
        return partitions < 0 ? EXIT_REFUSED : 0;
    if (!kafka_bounds(reader, topic, 0, &offset, &end) ||
        (since_ms > 0 && !kafka_offset_at(reader, topic, 0, since_ms, &offset)))
        return EXIT_REFUSED;
    if (offset >= end)
        return 0;
    rc = scan(run, site, topic, offset, take);
    return rc < 0 ? 0 : rc;
}

static int read_failures(struct errors_run *run)
{
    struct session *s = run->session;
    const char *retries =
        text_format(&s->arena, TASK_RETRY_PREFIX "%.*s", SLICE_ARG(run->stream->output));
    int64_t since_ms = 0;
    int rc = 0;

    if (!session_time(s, OPTION_SINCE, 0, &since_ms))
        return EXIT_USAGE;
    for (size_t i = 0; rc == 0 && i < run->stream->dc_count; i++) {
        struct slice dc = run->stream->dcs[i];

        output_progress(&s->output, "reading %.*s.braid.error", SLICE_ARG(dc));
        rc = read_topic(run, i, topic_prefixed(&s->arena, dc, SLICE_LIT("braid.error")), since_ms,
                        take_error);
        if (rc == 0) {
            rc = read_topic(run, i, topic_prefixed(&s->arena, dc, slice_str(retries)), since_ms,
                            take_retry);
        }
    }
    if (rc == 0 && run->errors.is_full) {
        output_error(&s->output, "more than %d records: --since TIME leaves out what is older",
                     ERRORS_MAX);
        rc = EXIT_REFUSED;
    }
    return rc;
}

/* ---- the global stream ------------------------------------------------------------------------ */

static bool take_global(struct errors_run *run, size_t site, const struct kafka_record *r)
{
    struct audit_record parsed;

    (void)site;
    audit_record_parse(&r->raw, &parsed);
    errors_decide(&run->errors, &parsed);
    /* Looked for from time to time: this is asked for each record. */
    return r->raw.offset % 256 != 0 || errors_undecided(&run->errors) != NULL;
}

/* From before the oldest event that is open: an enrichment may be emitted before another fails. */
static int read_global(struct errors_run *run)
{
    struct session *s = run->session;
    const char *topic = topic_global(&s->arena, run->stream->output);
    const struct failure *open = errors_undecided(&run->errors);
    int64_t from_ms = 0;
    int64_t offset = 0;
    int64_t end = 0;
    int rc = 0;

    if (open == NULL)
        return 0;
    from_ms = open->source_ms > ERRORS_CLOCKS_MS ? open->source_ms - ERRORS_CLOCKS_MS : 0;
    output_progress(&s->output, "looking in %s of %.*s", topic, SLICE_ARG(run->stream->dcs[0]));
    if (!kafka_bounds(run->readers[0], topic, 0, &offset, &end) ||
        (from_ms > 0 && !kafka_offset_at(run->readers[0], topic, 0, from_ms, &offset)))
        return EXIT_REFUSED;
    rc = offset >= end ? -1 : scan(run, 0, topic, offset, take_global);
    if (rc >= 0)
        return rc;
    errors_end(&run->errors, &run->stream->cut);
    return 0;
}

/* ---- all -------------------------------------------------------------------------------------- */

static int open_readers(struct errors_run *run)
{
    struct session *s = run->session;

    for (size_t i = 0; i < run->stream->dc_count; i++) {
        const char *kafka = place_kafka(s, &run->snap, run->stream->dcs[i]);
        int rc = kafka == NULL ? EXIT_REFUSED : kafka_open(s, kafka, true, &run->readers[i]);

        if (rc != 0)
            return rc;
    }
    return 0;
}

int errors_load(struct errors_run *run)
{
    int rc = 0;

    arena_init(&run->scratch, 1 << 16, (size_t)512 << 20);
    errors_init(&run->errors, run->stream->output, &run->session->arena);
    rc = open_readers(run);
    if (rc == 0)
        rc = read_failures(run);
    errors_index(&run->errors);
    if (rc == 0)
        rc = read_global(run);
    errors_finish(&run->errors);
    return rc;
}

void errors_unload(struct errors_run *run)
{
    for (size_t i = 0; i < DCS_MAX; i++)
        kafka_close(run->readers[i]);
    arena_deinit(&run->scratch);
}

/* ---- one record ------------------------------------------------------------------------------- */

static void copy_raw(struct arena *a, const struct audit_raw *from, struct audit_raw *out)
{
    *out = *from;
    out->key = arena_copy(a, from->key);
    out->value = arena_copy(a, from->value);
    if (from->key.ptr == NULL)
        out->key = (struct slice){0};
    if (from->value.ptr == NULL)
        out->value = (struct slice){0};
    for (size_t i = 0; i < from->header_count; i++) {
        out->headers[i] = (struct header){arena_copy(a, from->headers[i].name),
                                          arena_copy(a, from->headers[i].value)};
    }
}

/* The record at exactly this offset; false: it is not there any more. */
static bool read_one(struct session *s, struct kafka_reader *reader, const char *topic,
                     int32_t partition, int64_t offset, struct audit_raw *out)
{
    struct kafka_record *r = arena_alloc(&s->arena, sizeof(*r));
    int64_t first = 0;
    int64_t end = 0;

    if (r == NULL || kafka_partitions(reader, topic) <= partition ||
        !kafka_bounds(reader, topic, partition, &first, &end) || offset < first || offset >= end)
        return false;
    kafka_start(reader);
    if (!kafka_add(reader, topic, partition, offset) || !kafka_begin(reader))
        return false;
    for (int waits = 0; waits < ERRORS_WAITS_MAX;) {
        enum kafka_event event = kafka_next(reader, ERRORS_POLL_MS, r);

        if (event == KAFKA_FAILED || event == KAFKA_END)
            return false;
        if (event == KAFKA_RECORD && r->raw.offset >= offset) {
            if (r->raw.offset == offset)
                copy_raw(&s->arena, &r->raw, out);
            return r->raw.offset == offset;
        }
        waits = event == KAFKA_NOTHING ? waits + 1 : 0;
    }
    return false;
}

bool errors_record_read(struct errors_run *run, const struct failure *f, struct audit_raw *out)
{
    struct session *s = run->session;

    if (f->site >= 0 &&
        read_one(s, run->readers[f->site],
                 topic_prefixed(&s->arena, run->stream->dcs[f->site], SLICE_LIT("braid.error")), 0,
                 f->log_offset, out))
        return true;
    output_error(&s->output, "the error topic does not have it any more");
    return false;
}

struct slice errors_dc(const struct errors_run *run, const struct failure *f)
{
    if (!slice_equal(f->origin.from.dc, SLICE_LIT(TASK_GLOBAL)))
        return f->origin.from.dc;
    return run->stream->dcs[f->site >= 0 ? f->site : 0];
}

bool errors_source_read(struct errors_run *run, const struct failure *f, struct audit_raw *out)
{
    struct session *s = run->session;
    struct slice dc = f->origin.from.dc;
    const char *topic = topic_prefixed(&s->arena, dc, f->origin.from.topic);
    const bool is_global = slice_equal(dc, SLICE_LIT(TASK_GLOBAL));
    const bool is_ours = is_global || task_is_request(f->origin.from.topic);
    const char *kafka = is_ours ? place_kafka(s, &run->snap, errors_dc(run, f))
                                : place_source_kafka(s, &run->snap, dc);
    struct kafka_reader *reader = NULL;
    struct errors_text text;
    int64_t offset = f->origin.offset;
    bool is_read = false;

    if (kafka != NULL && kafka_open(s, kafka, true, &reader) == 0) {
        is_read = (!is_global || kafka_find_seq(reader, topic, offset, &offset)) &&
                  read_one(s, reader, topic, (int32_t)f->origin.from.partition, offset, out);
    }
    kafka_close(reader);
    if (is_read)
        return true;
    if (!errors_record_read(run, f, out))
        return false;
    errors_text_read(run, out->value, &text);
    if (text.raw.ptr == NULL || slice_starts_with(text.raw, SLICE_LIT("base64:"))) {
        output_error(&s->output, "its source record has expired, and its error event does not have "
                                 "its value as text");
        return false;
    }
    out->value = arena_copy(&s->arena, text.raw);
    return true;
}
