/* SPDX-License-Identifier: Apache-2.0 */
/* io_verify_read.c - reads the copies and the sources into the audit. */
#include <inttypes.h>
#include <string.h>

#include "coord/ctl/io_store.h"
#include "coord/ctl/io_verify.h"
#include "coord/ctl/topics.h"
#include "coord/request.h"
#include "coord/spec_enrich.h"
#include "coord/tasks.h"
#include "proto/err.h"

/* ---- one partition ---------------------------------------------------------------------------- */

static int stuck(struct verify *v, const char *topic)
{
    output_error(&v->session->output, "reading %s brought nothing for %d s", topic,
                 VERIFY_STUCK_MS / 1000);
    return EXIT_REFUSED;
}

int verify_read(struct verify *v, struct verify_log log, verify_take *take, void *arg)
{
    struct kafka_record *r = arena_alloc(&v->session->arena, sizeof(*r));
    int64_t seen_ms = session_now_ms();

    if (r == NULL)
        return EXIT_REFUSED;
    kafka_start(log.reader);
    if (!kafka_add(log.reader, log.topic, log.partition, log.from) || !kafka_begin(log.reader))
        return EXIT_REFUSED;
    for (;;) {
        enum kafka_event event = kafka_next(log.reader, VERIFY_POLL_MS, r);

        if (event == KAFKA_FAILED)
            return EXIT_REFUSED;
        if (event == KAFKA_END || (event == KAFKA_RECORD && !take(v, arg, r)))
            return 0;
        if (event == KAFKA_RECORD)
            seen_ms = session_now_ms();
        else if (session_now_ms() - seen_ms > VERIFY_STUCK_MS)
            return stuck(v, log.topic);
    }
}

/* ---- the copies ------------------------------------------------------------------------------- */

/* Takes what the DC may be ahead of the others. False when it has ended or failed (*rc). */
static bool feed(struct verify *v, size_t index, struct kafka_record *r, int *rc)
{
    struct verify_site *site = &v->sites[index];

    while (audit_may_feed(v->audit, index)) {
        enum kafka_event event = kafka_next(site->reader, VERIFY_POLL_MS, r);
        struct audit_record parsed;

        if (event == KAFKA_NOTHING) {
            if (session_now_ms() - site->seen_ms > VERIFY_STUCK_MS)
                *rc = stuck(v, v->global);
            return *rc == 0;
        }
        if (event == KAFKA_FAILED)
            *rc = EXIT_REFUSED;
        if (event != KAFKA_RECORD)
            return false;
        site->seen_ms = session_now_ms();
        audit_record_parse(&r->raw, &parsed);
        if (!audit_copy(v->audit, index, &parsed))
            return false;
        if (index == 0) /* copies are equal, or that is a finding */
            audit_pages_record(&v->pages, &parsed);
        if (parsed.has_seq && parsed.seq % 10000 == 0)
            output_progress(&v->session->output, "comparing: %" PRId64, parsed.seq);
    }
    return true;
}

static int begin_copy(struct verify *v, struct verify_site *site, struct kafka_reader *reader)
{
    int64_t offset = 0;
    int64_t end = 0;

    if (!kafka_bounds(reader, v->global, 0, &offset, &end))
        return EXIT_REFUSED;
    /* One before the first: it has the chain that the first goes on from. */
    if (v->first_seq > 0 && !kafka_find_seq(reader, v->global, v->first_seq - 1, &offset))
        return EXIT_REFUSED;
    kafka_start(reader);
    if (!kafka_add(reader, v->global, 0, offset) || !kafka_begin(reader))
        return EXIT_REFUSED;
    site->seen_ms = session_now_ms();
    return 0;
}

int verify_copies(struct verify *v)
{
    struct kafka_record *r = arena_alloc(&v->session->arena, sizeof(*r));
    bool has_ended[DCS_MAX] = {false};
    size_t left = v->site_count;
    int rc = r == NULL || !audit_pages_init(&v->pages, &v->arena) ? EXIT_REFUSED : 0;

    for (size_t i = 0; rc == 0 && i < v->site_count; i++)
        rc = begin_copy(v, &v->sites[i], v->sites[i].reader);
    while (rc == 0 && left > 0) {
        for (size_t i = 0; rc == 0 && i < v->site_count; i++) {
            if (has_ended[i] || feed(v, i, r, &rc))
                continue;
            has_ended[i] = true;
            left--;
            audit_copy_end(v->audit, i, v->sites[i].is_behind);
        }
    }
    return rc;
}

struct loose {
    size_t dc;
    int64_t end; /* one past the last offset to look at */
};

static bool take_loose(struct verify *v, void *arg, const struct kafka_record *r)
{
    const struct loose *loose = arg;
    struct audit_record parsed;

    audit_record_parse(&r->raw, &parsed);
    audit_uncommitted(v->audit, loose->dc, &parsed);
    return r->raw.offset + 1 < loose->end;
}

int verify_uncommitted(struct verify *v)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < v->site_count; i++) {
        struct kafka_reader *reader = NULL;
        struct loose loose = {.dc = i};
        int64_t first = 0;

        rc = kafka_open(v->session, v->sites[i].kafka, false, &reader);
        if (rc == 0 && !kafka_bounds(reader, v->global, 0, &first, &loose.end))
            rc = EXIT_REFUSED;
        if (rc == 0 && v->first_seq > 0 &&
            !kafka_find_seq(reader, v->global, v->first_seq, &first)) {
            rc = EXIT_REFUSED;
        }
        if (rc == 0) {
            rc = verify_read(v, (struct verify_log){reader, v->global, 0, first}, take_loose,
                             &loose);
        }
        kafka_close(reader);
    }
    return rc;
}

/* ---- the sources ------------------------------------------------------------------------------ */

static bool in_texts(const struct key_texts *list, struct slice word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal(list->items[i], word))
            return true;
    }
    return list->count == 0;
}

static bool in_numbers(const struct key_numbers *list, bool has_number, int64_t number)
{
    for (size_t i = 0; i < list->count; i++) {
        if (has_number && list->items[i] == number)
            return true;
    }
    return list->count == 0;
}

static bool in_models(const struct spec *spec, const struct event *e)
{
    for (size_t i = 0; i < e->slot_count; i++) {
        if (slice_equal(e->slots[i].role, SLICE_LIT("main")))
            return in_texts(&spec->models, e->slots[i].model);
    }
    return spec->models.count == 0;
}

static bool meets_conditions(const struct spec *spec, const struct event *e, struct arena *scratch)
{
    struct where where;

    for (size_t i = 0; i < spec->where.count; i++) {
        if (where_parse(spec->where.items[i].name, spec->where.items[i].value, &where) == 0 &&
            !where_passes(scratch, e->bytes, &where, 1))
            return false;
    }
    return true;
}

static bool is_filtered(const struct spec *spec, const struct event *e, struct arena *scratch)
{
    return !in_texts(&spec->wikis, e->wiki_id) || !in_texts(&spec->kinds, e->kind) ||
           !in_numbers(&spec->namespaces, e->has_namespace, e->namespace_id) ||
           !in_models(spec, e) || !meets_conditions(spec, e, scratch);
}

/* What the specs say about an event that is not in the stream. An older one may have decided. */
static void judge(struct verify *v, const struct event *e, struct arena *scratch,
                  struct audit_absent *out)
{
    bool is_by_all = true;

    if (e->is_canary) {
        if (v->stream.spec.canaries == SPEC_CANARIES_DROP)
            out->why = AUDIT_WHY_CANARY;
        return;
    }
    for (size_t age = 0; age < AUDIT_SPECS_MAX; age++) {
        if (v->specs[age] == NULL)
            continue;
        if (is_filtered(v->specs[age], e, scratch))
            out->filtered_by |= UINT64_C(1) << age;
        else
            is_by_all = false;
    }
    if (is_by_all)
        out->why = AUDIT_WHY_FILTERED;
}

/* Those that etcd has; they stay until the stream is deleted. */
static int read_specs(struct verify *v)
{
    struct session *s = v->session;
    const uint64_t newest = v->stream.spec_version;

    v->specs[0] = &v->stream.spec;
    for (size_t age = 1; age < AUDIT_SPECS_MAX && age < newest; age++) {
        const struct keyspace_key key = {
            .kind = KEYSPACE_SPEC, .output = v->stream.output, .number = newest - age};
        struct spec *spec = arena_calloc(&s->arena, 1, sizeof(*spec));
        struct etcd_kv kv;

        if (spec == NULL)
            return EXIT_REFUSED;
        const int rc = etcd_sync_get(s->etcd, store_key(s, key), &s->arena, &kv);
        if (rc != 0 && rc != ERR_NOT_FOUND)
            return session_etcd_failed(s, rc, "cannot read the older specs");
        if (rc == 0 && spec_decode(kv.value, &s->arena, spec) == 0)
            v->specs[age] = spec;
    }
    return 0;
}

struct source {
    size_t part;
    struct slice topic; /* as the spec names it */
    bool is_global;     /* offsets are numbers */
    int64_t hi;
    struct event *event;  /* owned by the session's arena */
    struct arena scratch; /* of one decoding: the event */
    struct arena where;   /* of one look at its conditions */
    uint8_t id[BRAID_ID_MAX];
};

/* A source record that the stream does not have: what the spec and the record say of it. */
static void open_source(struct verify *v, struct source *src, const struct kafka_record *r,
                        int64_t offset)
{
    const struct spec *spec = &v->stream.spec;
    const struct request q =
        request_read(src->topic, spec->output, r->raw.headers, r->raw.header_count);
    const struct event_shape shape = spec_shape(spec, spec_source_find(spec, q.source));
    struct audit_absent what = {.why = q.is_for_another ? AUDIT_WHY_FILTERED : AUDIT_WHY_OPEN};
    struct event_flaw flaw;

    if (r->raw.value.ptr == NULL && shape.envelope == EVENT_DEBEZIUM)
        what.why = AUDIT_WHY_FILTERED;
    if (what.why == AUDIT_WHY_OPEN && r->raw.value.ptr != NULL &&
        event_decode_as(&src->scratch, r->raw.value, &shape, src->event, &flaw) == 0) {
        what.id = request_id(src->event->id, q.retry, src->id);
        judge(v, src->event, &src->where, &what);
    }
    audit_source_open(v->audit, src->part, offset, &what);
    arena_reset(&src->scratch);
}

static bool take_source(struct verify *v, void *arg, const struct kafka_record *r)
{
    struct source *src = arg;
    struct audit_record parsed;
    int64_t offset = r->raw.offset;

    if (src->is_global) {
        audit_record_parse(&r->raw, &parsed);
        if (!parsed.has_seq)
            return true; /* foreign */
        offset = parsed.seq;
    }
    if (offset > src->hi)
        return false;
    if (audit_source(v->audit, src->part, offset))
        open_source(v, src, r, offset);
    if (r->raw.offset % 10000 == 0) {
        output_progress(&v->session->output, "sources: %s/%d@%" PRId64, r->topic, r->partition,
                        r->raw.offset);
    }
    return true;
}

static int read_source(struct verify *v, struct kafka_reader *reader, struct source *src)
{
    const struct audit_part *p = audit_part_at(v->audit, src->part);
    const struct origin_partition of = {.dc = p->dc, .topic = p->topic};
    const char *topic = topic_prefixed(&v->session->arena, p->dc, p->topic);
    int64_t first = 0;
    int64_t end = 0;
    int rc = 0;

    if (!kafka_bounds(reader, topic, (int32_t)p->partition, &first, &end))
        return EXIT_REFUSED;
    int64_t from = p->lo + 1 > first ? p->lo + 1 : first;
    src->is_global = slice_equal(p->dc, SLICE_LIT(TASK_GLOBAL));
    src->topic = task_source_of(&of, &v->session->arena);
    if (src->is_global && end > first &&
        (!kafka_find_seq(reader, topic, p->lo + 1, &from) ||
         !kafka_first_seq(reader, topic, first, &first)))
        return EXIT_REFUSED;
    audit_source_start(v->audit, src->part, first);
    src->hi = p->hi;
    if (p->lo_is_known && p->hi > p->lo && end > first && end > from)
        rc = verify_read(v, (struct verify_log){reader, topic, (int32_t)p->partition, from},
                         take_source, src);
    if (rc == 0)
        audit_source_end(v->audit, src->part);
    return rc;
}

/* The site of a DC, or NULL. A global source is in every DC. */
static struct verify_site *site_of(struct verify *v, struct slice dc)
{
    if (slice_equal(dc, SLICE_LIT(TASK_GLOBAL)) && v->site_count > 0)
        return &v->sites[0];
    for (size_t i = 0; i < v->site_count; i++) {
        if (slice_equal(v->sites[i].dc, dc))
            return &v->sites[i];
    }
    return NULL;
}

static int read_sources(struct verify *v)
{
    struct kafka_reader *reader = NULL;
    const char *open_kafka = NULL;
    struct source src = {.event = arena_alloc(&v->session->arena, sizeof(struct event))};
    int rc = src.event == NULL ? EXIT_REFUSED : 0;

    arena_init(&src.scratch, 1 << 20, (size_t)512 << 20);
    arena_init(&src.where, 1 << 20, (size_t)512 << 20);
    for (src.part = 0; rc == 0 && src.part < audit_part_count(v->audit); src.part++) {
        const struct audit_part *p = audit_part_at(v->audit, src.part);
        const struct verify_site *site = site_of(v, p->dc);

        if (site == NULL) {
            output_note(&v->session->output, "the sources of %.*s cannot be read",
                        SLICE_ARG(p->dc));
            continue;
        }
        const bool is_ours =
            task_is_request(p->topic) || slice_equal(p->dc, SLICE_LIT(TASK_GLOBAL));
        const char *kafka = is_ours ? site->kafka : site->source_kafka;
        if (open_kafka == NULL || strcmp(kafka, open_kafka) != 0) {
            kafka_close(reader);
            reader = NULL;
            rc = kafka_open(v->session, kafka, true, &reader);
            open_kafka = kafka;
        }
        if (rc == 0)
            rc = read_source(v, reader, &src);
    }
    kafka_close(reader);
    arena_deinit(&src.scratch);
    arena_deinit(&src.where);
    return rc;
}

/* ---- what is left open ------------------------------------------------------------------------ */

struct explanation {
    int64_t end;
    bool is_enriched; /* the log has a record for every one of the source */
};

static bool take_explanation(struct verify *v, void *arg, const struct kafka_record *r)
{
    const struct explanation *e = arg;
    struct audit_record parsed;

    audit_record_parse(&r->raw, &parsed);
    audit_explain(v->audit, &parsed, e->is_enriched);
    return r->raw.offset + 1 < e->end && audit_open_count(v->audit) > 0;
}

static int explain_from(struct verify *v, struct verify_site *site, const char *topic,
                        bool is_enriched)
{
    int partitions = kafka_partitions(site->reader, topic);
    int rc = partitions < 0 ? EXIT_REFUSED : 0;

    output_progress(&v->session->output, "looking for %zu records in %s",
                    audit_open_count(v->audit), topic);
    for (int p = 0; rc == 0 && p < partitions; p++) {
        struct explanation e = {.is_enriched = is_enriched};
        int64_t first = 0;

        if (!kafka_bounds(site->reader, topic, p, &first, &e.end))
            return EXIT_REFUSED;
        if (e.end > first) {
            rc = verify_read(v, (struct verify_log){site->reader, topic, p, first},
                             take_explanation, &e);
        }
    }
    return rc;
}

static bool take_again(struct verify *v, void *arg, const struct kafka_record *r)
{
    struct audit_record parsed;

    (void)arg;
    audit_record_parse(&r->raw, &parsed);
    if (parsed.has_seq && (parsed.era > v->stream.cut.era || (parsed.era == v->stream.cut.era &&
                                                              parsed.cut > v->stream.cut.number))) {
        return false;
    }
    audit_duplicate(v->audit, &parsed);
    return true;
}

static int find_duplicates(struct verify *v)
{
    int64_t first = 0;
    int64_t end = 0;
    int rc = 0;

    /* From the log's beginning: an id before the range may explain a record in it. */
    if (!kafka_bounds(v->sites[0].reader, v->global, 0, &first, &end))
        return EXIT_REFUSED;
    audit_duplicate_begin(v->audit);
    if (end > first) {
        rc = verify_read(v, (struct verify_log){v->sites[0].reader, v->global, 0, first},
                         take_again, NULL);
    }
    audit_duplicate_end(v->audit);
    return rc;
}

int verify_sources(struct verify *v)
{
    struct session *s = v->session;
    int rc = read_specs(v);

    if (rc == 0)
        rc = read_sources(v);
    if (rc == 0 && audit_open_count(v->audit) > 0)
        rc = find_duplicates(v);
    for (size_t i = 0; rc == 0 && i < v->site_count && audit_open_count(v->audit) > 0; i++) {
        rc = explain_from(v, &v->sites[i],
                          topic_prefixed(&s->arena, v->sites[i].dc, SLICE_LIT("braid.error")),
                          false);
    }
    for (size_t i = 0; rc == 0 && i < v->site_count && audit_open_count(v->audit) > 0; i++) {
        rc = explain_from(v, &v->sites[i],
                          topic_enriched(&s->arena, v->sites[i].dc, v->stream.output), true);
    }
    return rc;
}
