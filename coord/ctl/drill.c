/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/drill.h"

#include <assert.h>
#include <inttypes.h>

#include "proto/err.h"

int drill_init(struct drill *d, struct arena *a)
{
    *d = (struct drill){.arena = a,
                        .acted_ms = DRILL_NONE,
                        .detected_ms = DRILL_NONE,
                        .taken_ms = DRILL_NONE,
                        .ended_ms = DRILL_NONE,
                        .fine_ms = DRILL_NONE};
    for (size_t i = 0; i < AUDIT_DCS_MAX; i++) {
        struct drill_copy *c = &d->copies[i];

        c->buckets = arena_calloc(a, DRILL_BUCKETS_MAX, sizeof(*c->buckets));
        c->parts = arena_calloc(a, DRILL_PARTS_MAX, sizeof(*c->parts));
        if (c->buckets == NULL || c->parts == NULL)
            return ERR_NO_MEMORY;
    }
    return 0;
}

struct drill_copy *drill_copy_add(struct drill *d, struct slice dc, bool is_harmed)
{
    struct drill_copy *c = &d->copies[d->copy_count];

    assert(d->copy_count < AUDIT_DCS_MAX);
    d->copy_count++;
    c->dc = dc;
    c->is_harmed = is_harmed;
    c->first_seq = c->last_seq = -1;
    c->last_ms = DRILL_NONE;
    return c;
}

/* The partition's row; the last row takes all that no longer fit. */
static struct drill_part *part_of(struct drill *d, struct drill_copy *c,
                                  const struct drill_arrival *r)
{
    for (size_t i = 0; i < c->part_count; i++) {
        struct drill_part *p = &c->parts[i];

        if (p->partition == r->partition && slice_equal(p->dc, r->dc) &&
            slice_equal(p->topic, r->topic)) {
            return p;
        }
    }
    if (c->part_count == DRILL_PARTS_MAX)
        return &c->parts[DRILL_PARTS_MAX - 1];
    c->parts[c->part_count] = (struct drill_part){.dc = arena_copy(d->arena, r->dc),
                                                  .topic = arena_copy(d->arena, r->topic),
                                                  .partition = r->partition};
    return &c->parts[c->part_count++];
}

static void widen_gap(const struct drill *d, struct drill_copy *c, int64_t at_ms)
{
    /* What was before the failure is not its doing. */
    int64_t from = c->last_ms < d->acted_ms ? d->acted_ms : c->last_ms;

    if (d->acted_ms == DRILL_NONE || c->last_ms == DRILL_NONE)
        return;
    if (at_ms - from > c->gap_max_ms) {
        c->gap_max_ms = at_ms - from;
        c->gap_from_ms = from;
    }
}

void drill_record(struct drill *d, struct drill_copy *c, const struct drill_arrival *r)
{
    struct drill_part *p = part_of(d, c, r);
    int64_t late_ms = r->wall_ms - r->time_ms;

    if (r->at_ms >= 0 && r->at_ms < DRILL_MS_MAX)
        c->buckets[r->at_ms / DRILL_BUCKET_MS]++;
    widen_gap(d, c, r->at_ms);
    if (c->first_seq < 0)
        c->first_seq = r->seq;
    c->records++;
    c->last_seq = r->seq;
    c->last_ms = r->at_ms;
    p->records++;
    p->late_max_ms = late_ms > p->late_max_ms ? late_ms : p->late_max_ms;
    c->late_max_ms = late_ms > c->late_max_ms ? late_ms : c->late_max_ms;
    c->late_records += late_ms > d->late_limit_ms ? 1 : 0;
}

void drill_tick(struct drill *d, int64_t at_ms)
{
    for (size_t i = 0; i < d->copy_count; i++)
        widen_gap(d, &d->copies[i], at_ms);
    d->total_ms = at_ms;
}

int64_t drill_gap_ms(const struct drill *d)
{
    int64_t gap_ms = 0;

    for (size_t i = 0; i < d->copy_count; i++) {
        if (!d->copies[i].is_harmed && d->copies[i].gap_max_ms > gap_ms)
            gap_ms = d->copies[i].gap_max_ms;
    }
    return gap_ms;
}

const char *drill_verdict(const struct drill *d, const struct drill_limits *limits)
{
    if (!d->is_audited)
        return "the stream was not audited";
    if (d->lost > 0 || d->duplicated > 0 || d->reordered > 0) {
        return text_format(d->arena,
                           "%" PRIu64 " lost, %" PRIu64 " duplicated, %" PRIu64 " reordered",
                           d->lost, d->duplicated, d->reordered);
    }
    if (!d->is_sound)
        return text_format(d->arena, "%" PRIu64 " findings of the audit", d->other_findings);
    for (size_t i = 0; i < d->copy_count; i++) {
        if (d->copies[i].records == 0) {
            return text_format(d->arena, "%.*s brought no record: nothing was measured there",
                               SLICE_ARG(d->copies[i].dc));
        }
    }
    if (d->fine_ms == DRILL_NONE)
        return "status was not fine again in time";
    if (limits->gap_ms > 0 && drill_gap_ms(d) > limits->gap_ms) {
        return text_format(d->arena, "the largest gap was %" PRId64 " ms, the limit is %" PRId64,
                           drill_gap_ms(d), limits->gap_ms);
    }
    return NULL;
}
