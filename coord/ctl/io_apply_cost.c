/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_apply_cost.c - what the stream will cost, from what its sources carried in the last hour.
 *
 * The size of an enriched record is measured on the stream's own enriched topic where there is one; a
 * new stream's is estimated: the source record and the content sizes that it states.
 */
#include <inttypes.h>
#include <string.h>

#include "coord/ctl/cost.h"
#include "coord/ctl/io_apply.h"
#include "coord/tasks.h"
#include "proto/event.h"

enum {
    COST_WINDOW_MS = 3600 * 1000,
    COST_HOURS_A_DAY = 24,
    COST_SAMPLE = 50, /* newest records of each partition */
    COST_WAITS_MAX = 30,
    COST_SCRATCH_BYTES = 1 << 22,
    COST_HEADERS_BYTES = 300, /* that Braid adds */
    INNER_KEPT_S = 24 * 3600,
    GLOBAL_KEPT_S = 7 * 24 * 3600
};

struct sample {
    int64_t records;
    int64_t bytes;
    int64_t content; /* as the events state it */
};

static int64_t size_of(const struct audit_raw *raw)
{
    size_t size = raw->key.len + raw->value.len;

    for (size_t i = 0; i < raw->header_count; i++)
        size += raw->headers[i].name.len + raw->headers[i].value.len + 2;
    return (int64_t)size;
}

static int64_t content_of(struct arena *scratch, struct slice value)
{
    struct event *event = arena_calloc(scratch, 1, sizeof(*event));
    struct event_flaw flaw;
    int64_t size = 0;

    if (event != NULL && event_decode(scratch, value, event, &flaw) == 0) {
        for (size_t i = 0; i < event->slot_count; i++)
            size += event->slots[i].size > 0 ? event->slots[i].size : 0;
    }
    arena_reset(scratch);
    return size;
}

/* Reads what was begun up to the end of all partitions. */
static void take_sample(struct kafka_reader *reader, int partitions, struct sample *out)
{
    struct kafka_record record;
    struct arena scratch;
    int ends = 0;

    arena_init(&scratch, COST_SCRATCH_BYTES, COST_SCRATCH_BYTES * 8);
    for (int waits = 0; waits < COST_WAITS_MAX && ends < partitions;) {
        enum kafka_event event = kafka_next(reader, 100, &record);

        if (event == KAFKA_FAILED)
            break;
        waits += event == KAFKA_NOTHING ? 1 : 0;
        ends += event == KAFKA_END ? 1 : 0;
        if (event != KAFKA_RECORD)
            continue;
        out->records++;
        out->bytes += size_of(&record.raw);
        out->content += content_of(&scratch, record.raw.value);
    }
    arena_deinit(&scratch);
}

/* The newest records of a topic; *events: of the last hour. False: it could not be measured. */
static bool measure(struct applying *ap, const char *kafka, const char *topic, int partitions,
                    int64_t *events, struct sample *sample)
{
    struct kafka_reader *reader = NULL;
    bool is_good = kafka_open(ap->session, kafka, true, &reader) == 0;

    if (!is_good)
        return false;
    kafka_start(reader);
    for (int32_t p = 0; is_good && p < partitions; p++) {
        int64_t first = 0;
        int64_t end = 0;
        int64_t since = 0;

        is_good =
            kafka_bounds(reader, topic, p, &first, &end) &&
            kafka_offset_at(reader, topic, p, session_now_ms() - COST_WINDOW_MS, &since) &&
            kafka_add(reader, topic, p, end - COST_SAMPLE > first ? end - COST_SAMPLE : first);
        *events += end > since ? end - since : 0;
    }
    is_good = is_good && kafka_begin(reader);
    if (is_good)
        take_sample(reader, partitions, sample);
    kafka_close(reader);
    return is_good;
}

/* A global source is in every DC. */
static const struct apply_site *site_of(const struct applying *ap, struct slice dc)
{
    if (slice_equal(dc, SLICE_LIT(TASK_GLOBAL)) && ap->site_count > 0)
        return &ap->sites[0];
    for (size_t i = 0; i < ap->site_count; i++) {
        if (slice_equal(ap->sites[i].dc, dc))
            return &ap->sites[i];
    }
    return NULL;
}

/* The stream's own enriched records in one DC, where it has run. */
static void measure_enriched(struct applying *ap, struct sample *out)
{
    int64_t unused = 0;

    for (size_t i = 0; i < ap->site_count && ap->old != NULL && out->records == 0; i++) {
        const struct apply_site *site = &ap->sites[i];
        const char *topic = topic_enriched(&ap->session->arena, site->dc, ap->spec.output);

        for (size_t k = 0; k < site->wanted_count; k++) {
            if (strcmp(site->wanted[k].name, topic) == 0 && !site->is_missing[k])
                (void)measure(ap, site->kafka, topic, site->wanted[k].partitions, &unused, out);
        }
    }
}

static bool measure_all(struct applying *ap, struct cost_input *in, bool *is_measured)
{
    struct sample source = {0};
    struct sample enriched = {0};
    int64_t events = 0;
    bool has_content = false;

    for (size_t i = 0; i < ap->source_count; i++) {
        const struct topic_source *from = &ap->sources[i];
        const struct apply_site *site = site_of(ap, from->dc);

        const bool is_global = slice_equal(from->dc, SLICE_LIT(TASK_GLOBAL));

        if (task_is_request(from->topic))
            continue; /* few, and not regular */
        if (site == NULL || !measure(ap, is_global ? site->kafka : site->source_kafka,
                                     topic_prefixed(&ap->session->arena, from->dc, from->topic),
                                     from->partitions, &events, &source)) {
            return false;
        }
    }
    for (size_t i = 0; i < ap->spec.enrichments.count; i++)
        has_content =
            has_content || slice_equal(ap->spec.enrichments.items[i], SLICE_LIT("content"));
    measure_enriched(ap, &enriched);
    if (source.records > 0) {
        in->source_bytes = source.bytes / source.records;
        in->enriched_bytes = in->source_bytes + COST_HEADERS_BYTES +
                             (has_content ? source.content / source.records : 0);
    }
    *is_measured = enriched.records > 0;
    if (*is_measured)
        in->enriched_bytes = enriched.bytes / enriched.records;
    in->events_per_day = events * COST_HOURS_A_DAY;
    return true;
}

static void add_row(struct view *v, struct view_table *t, const char *what, int64_t amount,
                    const char *unit)
{
    view_cell_text(v, t, slice_str(what));
    view_cell_number(v, t, amount);
    view_cell_text(v, t, slice_str(unit));
}

void apply_cost(struct applying *ap, struct view *v)
{
    static const char *const TITLES[] = {"what", "amount", "unit", NULL};
    struct view_table *t = view_table(v, "cost", TITLES);
    struct session *s = ap->session;
    struct cost_input in = {.dcs = (int64_t)ap->site_count,
                            .is_at_origin = ap->spec.enrich_at == SPEC_AT_ORIGIN,
                            .inner_kept_s = INNER_KEPT_S,
                            .global_kept_s = GLOBAL_KEPT_S};
    struct cost cost;
    bool is_measured = false;

    if (ap->site_count == 0 || !session_number(s, OPTION_REPLICATION, 0, &in.replication) ||
        in.replication > 100) {
        return;
    }
    output_progress(&s->output, "measuring the sources");
    if (in.replication == 0)
        in.replication = kafka_admin_brokers(ap->sites[0].admin);
    if (in.replication < 1 || !measure_all(ap, &in, &is_measured)) {
        output_note(&s->output, "what it costs could not be measured");
        return;
    }
    if (in.replication > 3 && !session_given(s, OPTION_REPLICATION))
        in.replication = 3;
    cost = cost_of(&in);
    add_row(v, t, "events, as in the last hour", in.events_per_day, "a day");
    add_row(v, t, "source record", in.source_bytes, "bytes, average");
    add_row(v, t, is_measured ? "enriched record" : "enriched record, estimated", in.enriched_bytes,
            "bytes, average");
    add_row(v, t, "API calls, all DCs", cost.api_calls_per_day, "a day");
    add_row(v, t, "between DCs", cost.wan_bytes_per_s, "bytes/s");
    add_row(v, t, "written, all DCs and replicas", cost.stored_bytes_per_s, "bytes/s");
    add_row(v, t, "disk, all DCs and replicas", cost.disk_bytes, "bytes");
}
