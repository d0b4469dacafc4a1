/* SPDX-License-Identifier: Apache-2.0 */
/* io_apply_start.c - where a new stream starts: a position for every origin partition. */
#include <string.h>

#include "coord/ctl/io_apply.h"
#include "coord/tasks.h"

/* The position before the first record wanted, in one origin partition. */
static int resolve_one(struct applying *ap, struct kafka_reader *reader, struct apply_start *start)
{
    const char *topic = topic_prefixed(&ap->session->arena, start->from.dc, start->from.topic);
    int32_t partition = (int32_t)start->from.partition;
    int64_t first = 0;
    int64_t end = 0;
    int64_t ms = 0;

    if (!kafka_bounds(reader, topic, partition, &first, &end))
        return EXIT_REFUSED;
    /* Of an operators' topic, what was written so far was for others. */
    if (task_is_request(start->from.topic) || slice_equal(ap->spec.start, SLICE_LIT("latest"))) {
        start->position = end - 1;
    } else if (slice_equal(ap->spec.start, SLICE_LIT("earliest"))) {
        start->position = first - 1;
    } else {
        if (keys_parse_time(ap->spec.start, &ms) != 0 ||
            !kafka_offset_at(reader, topic, partition, ms, &first)) {
            return EXIT_REFUSED;
        }
        start->position = first - 1;
    }
    return 0;
}

/* A copy in another DC that begins later raises the start: what it lacks it cannot enrich. */
static int raise_to_copy(struct applying *ap, const struct apply_site *site,
                         struct apply_start *start)
{
    struct session *s = ap->session;
    const char *topic = topic_prefixed(&s->arena, start->from.dc, start->from.topic);
    struct kafka_reader *reader = NULL;
    struct kafka_record record;
    struct audit_record parsed;
    enum kafka_event event = KAFKA_NOTHING;
    int64_t first = 0;
    int64_t end = 0;
    int rc = kafka_open(s, site->kafka, true, &reader);

    if (rc != 0)
        return rc;
    kafka_start(reader);
    if (!kafka_bounds(reader, topic, (int32_t)start->from.partition, &first, &end) ||
        !kafka_add(reader, topic, (int32_t)start->from.partition, first) || !kafka_begin(reader)) {
        rc = EXIT_REFUSED;
    }
    for (int waits = 0; rc == 0 && end > first && event != KAFKA_END && waits < 50;) {
        event = kafka_next(reader, 100, &record);
        waits += event == KAFKA_NOTHING ? 1 : 0;
        if (event == KAFKA_FAILED)
            rc = EXIT_REFUSED;
        if (event != KAFKA_RECORD)
            continue;
        audit_record_parse(&record.raw, &parsed);
        if (!parsed.has_origin)
            continue;
        if (parsed.prev > start->position) {
            start->position = parsed.prev;
            start->raised_by = site->dc;
        }
        break;
    }
    kafka_close(reader);
    return rc;
}

static bool topic_is_missing(const struct applying *ap, const struct apply_site *site,
                             const struct apply_start *start)
{
    const char *topic = topic_prefixed(&ap->session->arena, start->from.dc, start->from.topic);

    for (size_t i = 0; i < site->wanted_count; i++) {
        if (strcmp(site->wanted[i].name, topic) == 0)
            return site->is_missing[i];
    }
    return true;
}

/* The starts of one source topic in its own DC. */
static int start_source(struct applying *ap, const struct apply_site *site,
                        struct kafka_reader *reader, const struct topic_source *source)
{
    int rc = 0;

    for (int p = 0; rc == 0 && p < source->partitions; p++) {
        struct apply_start *start = &ap->starts[ap->start_count++];

        *start = (struct apply_start){
            .from = {.dc = source->dc, .topic = source->topic, .partition = (uint32_t)p},
            .position = -1};
        if (!task_is_request(source->topic) || !topic_is_missing(ap, site, start))
            rc = resolve_one(ap, reader, start);
    }
    return rc;
}

/* All starts of the sources that are in one Kafka of a DC: the writers', or Braid's own. */
static int start_site(struct applying *ap, const struct apply_site *site, bool is_request)
{
    struct kafka_reader *reader = NULL;
    int rc = kafka_open(ap->session, is_request ? site->kafka : site->source_kafka, true, &reader);

    for (size_t k = 0; rc == 0 && k < ap->source_count; k++) {
        if (slice_equal(ap->sources[k].dc, site->dc) &&
            task_is_request(ap->sources[k].topic) == is_request)
            rc = start_source(ap, site, reader, &ap->sources[k]);
    }
    kafka_close(reader);
    return rc;
}

/* ---- a global source: numbers, not offsets --------------------------------------------------- */

/* The number after the last that the topic has, or -1: it could not be read. */
static int64_t number_after(struct kafka_reader *reader, const char *topic)
{
    int64_t first = 0;
    int64_t end = 0;
    int64_t seq = 0;

    if (!kafka_bounds(reader, topic, 0, &first, &end))
        return -1;
    for (int64_t back = 64; end > first; back *= 8) {
        const int64_t from = end - back > first ? end - back : first;
        if (!kafka_last_seq(reader, topic, from, &seq))
            return -1;
        if (seq >= 0 || from == first)
            return seq + 1;
    }
    return 0;
}

/* The position that one DC's copy would give. */
static int resolve_global(struct applying *ap, struct kafka_reader *reader, const char *topic,
                          int64_t *out)
{
    int64_t from = 0;
    int64_t end = 0;
    int64_t ms = 0;
    int64_t seq = -1;

    if (!kafka_bounds(reader, topic, 0, &from, &end))
        return EXIT_REFUSED;
    if (slice_equal(ap->spec.start, SLICE_LIT("latest"))) {
        from = end;
    } else if (!slice_equal(ap->spec.start, SLICE_LIT("earliest")) &&
               (keys_parse_time(ap->spec.start, &ms) != 0 ||
                !kafka_offset_at(reader, topic, 0, ms, &from))) {
        return EXIT_REFUSED;
    }
    if (from < end && !kafka_first_seq(reader, topic, from, &seq))
        return EXIT_REFUSED;
    if (seq < 0)
        seq = number_after(reader, topic);
    *out = seq - 1;
    return seq < 0 ? EXIT_REFUSED : 0;
}

/* The furthest of what the DCs' copies say: what one lacks it cannot enrich. */
static int start_global(struct applying *ap, const struct topic_source *source)
{
    struct apply_start *start = &ap->starts[ap->start_count++];
    const char *topic = topic_global(&ap->session->arena, source->topic);
    int rc = 0;

    *start = (struct apply_start){.from = {.dc = source->dc, .topic = source->topic},
                                  .position = POSITION_NONE};
    for (size_t i = 0; rc == 0 && i < ap->site_count; i++) {
        struct kafka_reader *reader = NULL;
        int64_t position = 0;

        rc = kafka_open(ap->session, ap->sites[i].kafka, true, &reader);
        if (rc == 0)
            rc = resolve_global(ap, reader, topic, &position);
        kafka_close(reader);
        if (rc != 0 || (i > 0 && position <= start->position))
            continue;
        if (i > 0)
            start->raised_by = ap->sites[i].dc;
        start->position = position;
    }
    return rc;
}

static int start_globals(struct applying *ap)
{
    int rc = 0;

    for (size_t k = 0; rc == 0 && k < ap->source_count; k++) {
        if (slice_equal(ap->sources[k].dc, SLICE_LIT(TASK_GLOBAL)))
            rc = start_global(ap, &ap->sources[k]);
    }
    return rc;
}

int apply_starts(struct applying *ap)
{
    struct session *s = ap->session;
    size_t most = 0;
    int rc = 0;

    for (size_t i = 0; i < ap->source_count; i++)
        most += (size_t)ap->sources[i].partitions;
    ap->starts = arena_calloc(&s->arena, most + 1, sizeof(*ap->starts));
    if (ap->starts == NULL)
        return EXIT_REFUSED;
    for (size_t i = 0; rc == 0 && i < ap->site_count; i++) {
        rc = start_site(ap, &ap->sites[i], false);
        if (rc == 0)
            rc = start_site(ap, &ap->sites[i], true);
    }
    const size_t of_dcs = ap->start_count;
    if (rc == 0)
        rc = start_globals(ap);
    for (size_t i = 0; rc == 0 && i < of_dcs; i++) {
        for (size_t k = 0; rc == 0 && k < ap->site_count; k++) {
            if (!slice_equal(ap->sites[k].dc, ap->starts[i].from.dc) &&
                !topic_is_missing(ap, &ap->sites[k], &ap->starts[i])) {
                rc = raise_to_copy(ap, &ap->sites[k], &ap->starts[i]);
            }
        }
    }
    return rc;
}
