/* SPDX-License-Identifier: Apache-2.0 */
/* io_verify_range.c - which records of a live stream an audit is about. */
#include <inttypes.h>
#include <time.h>

#include "coord/ctl/health.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_verify.h"
#include "coord/ctl/topics.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

enum {
    WAIT_MS = 30000,
    RETRY_MS = 250
};

/* ---- until the newest cut is emitted everywhere ----------------------------------------------- */

static bool has_emitted(const struct report *r, const struct cut *c)
{
    return r != NULL && r->emitted.era == c->era && r->emitted.number >= c->number;
}

/* How many DCs have not emitted the cut that the audit ends with; marks them. */
static size_t count_behind(struct verify *v, const struct snapshot_stream *now)
{
    size_t behind = 0;

    for (size_t i = 0; i < v->site_count; i++) {
        struct verify_site *site = &v->sites[i];

        site->is_behind = !has_emitted(snapshot_report_find(now, site->dc), &v->stream.cut);
        behind += site->is_behind ? 1U : 0U;
    }
    return behind;
}

static int wait_emitted(struct verify *v)
{
    struct session *s = v->session;
    const struct snapshot_stream *now = &v->stream;
    int64_t wait_ms = 0;
    int64_t start_ms = session_now_ms();
    const struct timespec pause = {.tv_nsec = (long)RETRY_MS * 1000000};

    if (!session_duration(s, OPTION_WAIT_S, WAIT_MS, &wait_ms))
        return EXIT_USAGE;
    while (count_behind(v, now) > 0 && session_now_ms() - start_ms < wait_ms) {
        int rc = 0;

        output_progress(&s->output, "waiting until every DC has emitted cut %u.%" PRIu64,
                        v->stream.cut.era, v->stream.cut.number);
        (void)nanosleep(&pause, NULL); /* a shorter pause does no harm */
        rc = store_load(s, v->snap);
        if (rc != 0)
            return rc;
        now = snapshot_stream_find(v->snap, v->stream.output);
        if (now == NULL)
            return EXIT_REFUSED;
    }
    return 0;
}

/* ---- cut 0 ------------------------------------------------------------------------------------ */

struct first_cut {
    struct cut cut;
    bool is_found;
};

static int first_from_etcd(struct verify *v, struct first_cut *out)
{
    struct session *s = v->session;
    struct etcd_kv kv;
    int rc = etcd_sync_get(
        s->etcd,
        store_key(s, (struct keyspace_key){.kind = KEYSPACE_CUT, .output = v->stream.output}),
        &s->arena, &kv);

    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc != 0)
        return session_etcd_failed(s, rc, "cannot read the first cut");
    out->is_found = cut_decode(kv.value, &s->arena, &out->cut) == 0;
    return 0;
}

/* A line of <dc>.braid.cuts: is it the stream's cut 0 of era 0? */
static bool take_line(struct verify *v, void *arg, const struct kafka_record *r)
{
    struct first_cut *first = arg;
    struct session *s = v->session;
    ProtobufCAllocator allocator = pb_allocator(&s->arena);
    Braid__LogLine *line = NULL;
    struct cut cut;

    if (!slice_equal(r->raw.key, v->stream.output))
        return true;
    line = braid__log_line__unpack(&allocator, r->raw.value.len, r->raw.value.ptr);
    if (line == NULL || line->line_case != BRAID__LOG_LINE__LINE_CUT ||
        cut_decode(pb_slice(line->cut), &s->arena, &cut) != 0) {
        return true;
    }
    if (cut.era == 0 && cut.number == 0) {
        first->cut = cut;
        first->is_found = true;
    }
    return false; /* the stream's first cut line: cut 0, or it is not there */
}

static int find_first_cut(struct verify *v, struct first_cut *out)
{
    struct session *s = v->session;
    int rc = first_from_etcd(v, out);

    for (size_t i = 0; rc == 0 && !out->is_found && i < v->site_count; i++) {
        const char *topic = topic_prefixed(&s->arena, v->sites[i].dc, SLICE_LIT("braid.cuts"));
        int64_t first = 0;
        int64_t end = 0;

        if (kafka_partitions(v->sites[i].reader, topic) <= 0)
            continue;
        if (!kafka_bounds(v->sites[i].reader, topic, 0, &first, &end))
            return EXIT_REFUSED;
        rc = verify_read(v, (struct verify_log){v->sites[i].reader, topic, 0, first}, take_line,
                         out);
    }
    return rc;
}

/* ---- partitions ------------------------------------------------------------------------------- */

static void add_partitions(struct verify *v, const struct first_cut *first)
{
    const struct cut *end = &v->stream.cut;

    for (uint32_t i = 0; i < end->layout.count; i++) {
        const struct origin_partition *from = &end->layout.names[i].from;
        struct audit_part part = {
            .dc = from->dc,
            .topic = from->topic,
            .incarnation = from->incarnation,
            .partition = from->partition,
            .hi = snapshot_furthest(end, from),
            .lo_is_known = v->has_start && v->first_seq == 0,
        };

        part.lo = part.lo_is_known ? snapshot_furthest(&first->cut, from) : 0;
        if (audit_part_add(v->audit, &part) < 0)
            audit_add(v->audit, AUDIT_LIMIT, from->dc, -1, "too many origin partitions");
    }
}

/* ---- where the copies begin ------------------------------------------------------------------- */

struct first_record {
    int64_t seq;
};

static bool take_first(struct verify *v, void *arg, const struct kafka_record *r)
{
    struct first_record *first = arg;
    struct audit_record parsed;

    (void)v;
    audit_record_parse(&r->raw, &parsed);
    if (!parsed.has_origin || !parsed.has_seq)
        return true;
    first->seq = parsed.seq;
    return false;
}

/* The sequence number of the first record at or after an offset; -1 if there is none. */
static int seq_from(struct verify *v, struct verify_site *site, int64_t offset, int64_t *out)
{
    struct first_record first = {.seq = -1};
    int rc =
        verify_read(v, (struct verify_log){site->reader, v->global, 0, offset}, take_first, &first);

    *out = first.seq;
    return rc;
}

static int find_first_seq(struct verify *v)
{
    struct session *s = v->session;
    int64_t since_ms = 0;
    int64_t seq = 0;
    int64_t begin = 0;
    int64_t end = 0;
    int rc = 0;

    if (!session_number(s, OPTION_FROM_SEQ, 0, &v->asked_seq) ||
        !session_time(s, OPTION_SINCE, 0, &since_ms)) {
        return EXIT_USAGE;
    }
    if (session_given(s, OPTION_SINCE)) {
        if (!kafka_offset_at(v->sites[0].reader, v->global, 0, since_ms, &begin))
            return EXIT_REFUSED;
        rc = seq_from(v, &v->sites[0], begin, &v->asked_seq);
        if (rc == 0 && v->asked_seq < 0) {
            output_error(&s->output, "no record is that young");
            return EXIT_REFUSED;
        }
    }
    v->first_seq = v->asked_seq;
    for (size_t i = 0; rc == 0 && i < v->site_count; i++) {
        if (!kafka_bounds(v->sites[i].reader, v->global, 0, &begin, &end))
            return EXIT_REFUSED;
        /* Only where retention has taken the beginning: a log that begins at 0 must have it. */
        if (begin == 0)
            continue;
        rc = seq_from(v, &v->sites[i], begin, &seq);
        if (rc == 0 && seq > v->first_seq)
            v->first_seq = seq;
    }
    return rc;
}

/* ---- the whole -------------------------------------------------------------------------------- */

static int open_sites(struct verify *v)
{
    struct session *s = v->session;

    for (size_t i = 0; i < v->stream.spec.dcs.count; i++) {
        struct slice dc = v->stream.spec.dcs.items[i];
        const struct snapshot_dc *row = snapshot_dc_find(v->snap, dc);
        struct verify_site *site = &v->sites[v->site_count];
        int rc = 0;

        if (row != NULL && row->pool == 2) {
            output_note(&s->output, "%.*s was declared lost: left out", SLICE_ARG(dc));
            continue;
        }
        *site = (struct verify_site){.dc = dc, .kafka = place_kafka(s, v->snap, dc)};
        if (site->kafka == NULL)
            return EXIT_REFUSED;
        site->source_kafka = place_source_kafka(s, v->snap, dc);
        rc = kafka_open(s, site->kafka, true, &site->reader);
        if (rc != 0)
            return rc;
        v->site_count++;
        if (kafka_partitions(site->reader, v->global) <= 0) {
            output_error(&s->output, "there is no %s in %.*s (at %s)", v->global, SLICE_ARG(dc),
                         site->kafka);
            return EXIT_REFUSED;
        }
    }
    return 0;
}

static int make_audit(struct verify *v)
{
    struct slice *dcs = arena_calloc(&v->arena, DCS_MAX, sizeof(*dcs));
    struct audit_config config = {
        .dcs = dcs,
        .dc_count = v->site_count,
        .first_seq = v->first_seq,
        .end_era = v->stream.cut.era,
        .end_cut = v->stream.cut.number,
        .spec_version = v->stream.spec_version,
        .window = v->stream.cut.params.dedup_window,
        .window_floor = v->stream.cut.params.dedup_floor,
    };

    for (size_t i = 0; dcs != NULL && i < v->site_count; i++)
        dcs[i] = v->sites[i].dc;
    v->audit = dcs == NULL ? NULL : audit_new(&config, &v->arena);
    if (v->audit == NULL) {
        output_error(&v->session->output, "out of memory");
        return EXIT_REFUSED;
    }
    if (config.window > AUDIT_WINDOW_MAX)
        output_note(&v->session->output, "ids are only compared over %d numbers", AUDIT_WINDOW_MAX);
    return 0;
}

int verify_range(struct verify *v)
{
    struct session *s = v->session;
    struct first_cut *first = arena_calloc(&s->arena, 1, sizeof(*first));
    int rc = first == NULL ? EXIT_REFUSED : open_sites(v);

    if (rc == 0 && v->site_count == 0) {
        output_error(&s->output, "the stream has no DC that is not lost");
        return EXIT_REFUSED;
    }
    if (rc == 0)
        rc = wait_emitted(v);
    if (rc == 0)
        rc = find_first_seq(v);
    if (rc == 0)
        rc = find_first_cut(v, first);
    if (rc == 0)
        rc = make_audit(v);
    if (rc != 0)
        return rc;
    v->has_start = first->is_found;
    add_partitions(v, first);
    return 0;
}
