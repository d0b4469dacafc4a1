/* SPDX-License-Identifier: Apache-2.0 */
#include "node/propose.h"

#include "node/cover.h"
#include "node/mutant.h"

#include <assert.h>

#define SLOW_CUT_MS 1000 /* A13: what moves no furthest position is cut this often */

/* What a member offers of a strand; the head's position if its report is of no use. */
static int64_t offer_of(const struct proposer *p, const struct merge_view *view, struct slice dc,
                        uint32_t strand)
{
    const struct strands *s = p->strands;
    const struct merge_dc_view *v = view_dc(view, dc);

    if (slice_equal(dc, s->dc))
        return strand_offer(&s->list[strand]);
    if (v == NULL || !v->has_report || v->report.incarnation != v->incarnation ||
        v->report.layout_hash != s->layout.hash || v->report.count != s->layout.count) {
        COVER(cut_offer_void);
        return view->head.strands[strand].position;
    }
    return v->report.offer[strand];
}

/* How far the strand may be cut: what all members offer, and a DC that is awaited holds. */
static int64_t common_offer(const struct proposer *p, const struct merge_view *view,
                            const struct member_decision *d, uint32_t strand)
{
    int64_t common = MUTANT(cut_any_member) ? POSITION_NONE : INT64_MAX;

    for (uint32_t i = 0; i < d->count; i++) {
        const int64_t offer = offer_of(p, view, d->members[i].dc, strand);
        if (MUTANT(cut_any_member) ? offer > common : offer < common)
            common = offer;
    }
    for (uint32_t i = 0; i < view->dc_count; i++) {
        const struct merge_dc_view *v = &view->dcs[i];
        if (!member_is_awaited(p->members, v->dc))
            continue;
        const int64_t holds = v->report.read_back[strand]; /* awaited: it has our layout */
        COVER_IF(holds < common, cut_awaits);
        if (holds < common && !MUTANT(cut_any_member))
            common = holds;
    }
    return common;
}

/* What is left of the cut's caps. */
struct budget {
    uint64_t records; /* of the whole cut */
    uint64_t records_each;
    uint64_t bytes;
};

/* The furthest of our entries up to `want` that the budget allows; NULL if none. */
static const struct entry *advance(const struct strand *st, int64_t from, int64_t want,
                                   struct budget *b)
{
    const uint64_t first = strand_after(st, from);
    uint64_t end = strand_after(st, want);
    const uint64_t most = b->records_each < b->records ? b->records_each : b->records;
    uint64_t bytes = 0;
    uint64_t i = first;

    COVER_IF(end - first > most, cut_capped);
    if (end - first > most)
        end = first + most;
    while (i < end && bytes <= b->bytes) {
        bytes += strand_entry(st, i)->bytes;
        i++;
    }
    if (i == first)
        return NULL;
    b->records -= i - first;
    b->bytes -= bytes < b->bytes ? bytes : b->bytes;
    return strand_entry(st, i - 1);
}

/* Sets a strand's position. Returns true if it moved. */
static bool position(const struct proposer *p, const struct merge_view *view,
                     const struct member_decision *d, uint32_t strand, struct budget *b,
                     struct strand_position *out)
{
    const struct strand *st = &p->strands->list[strand];
    const struct strand_position *head = &view->head.strands[strand];
    const int64_t common = common_offer(p, view, d, strand);

    *out = *head;
    COVER_IF(common < st->last, cut_offer_used);
    if (common <= head->position) {
        if (MUTANT(cut_goes_back) && common > st->base_last &&
            strand_digest_at(st, common, &out->digest))
            out->position = common;
        return false;
    }
    const struct entry *e = advance(st, head->position, common, b);
    if (e == NULL)
        return false;
    const bool is_own_log = slice_equal(p->strands->logs[st->log].by, p->strands->dc);
    *out = (struct strand_position){.position = e->offset,
                                    .digest = e->digest,
                                    .log_offset = is_own_log ? e->log_offset : -1,
                                    .start = head->start};
    return true;
}

/* All positions. *out_any: one moved; returns true if a partition's furthest position moved. */
static bool positions_next(const struct proposer *p, const struct merge_view *view,
                           const struct member_decision *d, struct strand_position *out,
                           bool *out_any)
{
    const struct strands *s = p->strands;
    const uint64_t ring = s->list[0].mask + 1;
    struct budget b = {.records = MERGE_ITEMS_MAX,
                       .records_each = p->params.cap_records,
                       .bytes = p->params.cap_bytes};
    bool furthest_moved = false;

    if (b.records_each > ring / 2)
        b.records_each = ring / 2;
    *out_any = false;
    for (uint32_t i = 0; i < s->part_count; i++) {
        const struct part *part = &s->parts[i];
        int64_t before = POSITION_NONE;
        int64_t after = POSITION_NONE;
        for (uint32_t k = 0; k < part->count; k++) {
            const uint32_t strand = part->strands[k];
            if (position(p, view, d, strand, &b, &out[strand]))
                *out_any = true;
            if (view->head.strands[strand].position > before)
                before = view->head.strands[strand].position;
            if (out[strand].position > after)
                after = out[strand].position;
        }
        if (after > before)
            furthest_moved = true;
    }
    return furthest_moved;
}

/*
 * R13: the strands of a crossing cut. What the old incarnation has above its position is void from
 * here on, everywhere; the new one starts at that very position, with a digest of its own. So what
 * it says follows from the cut before alone, and who holds the old one's end is of no matter.
 */
static void positions_cross(const struct proposer *p, const struct merge_view *view,
                            struct strand_position *out, struct layout *layout)
{
    const struct cut *head = &view->head;

    *layout = (struct layout){.count = head->layout.count, .names = p->names};
    for (uint32_t i = 0; i < head->layout.count; i++) {
        p->names[i] = head->layout.names[i];
        out[i] = head->strands[i];
        if (!view_replaces(view, &head->layout.names[i]))
            continue;
        p->names[i].by_incarnation = view_dc(view, p->names[i].by)->by_incarnation;
        if (MUTANT(cross_at_held) && p->strands->list[i].last > out[i].position)
            out[i].position = p->strands->list[i].last;
        out[i] = (struct strand_position){
            .position = out[i].position, .log_offset = -1, .start = out[i].position};
    }
    layout_hash(layout); /* all of a DC's strands change alike: they are still sorted */
    COVER(cut_crosses);
}

/*
 * A7: agreed time, which only stamps records: the slowest member's clock, never back. A step of
 * over an hour, as after a quiet night, is taken only if two members' clocks agree on it: a lone
 * wrong clock must not carry the stream into another year.
 */
static int64_t cut_time(const struct proposer *p, const struct merge_view *view,
                        const struct member_decision *d)
{
    const int64_t head = view->head.time_ms;
    int64_t least = p->wall_ms;
    int64_t most = least;
    uint32_t clocks = 1;

    for (uint32_t i = 0; i < d->count; i++) {
        const struct merge_dc_view *v = view_dc(view, d->members[i].dc);
        if (slice_equal(d->members[i].dc, p->strands->dc) || v == NULL || !v->has_report)
            continue;
        clocks++;
        if (v->report.clock_ms < least)
            least = v->report.clock_ms;
        if (v->report.clock_ms > most)
            most = v->report.clock_ms;
    }
    const bool agree = (clocks > 1 && most - least <= MERGE_CLOCKS_AGREE_MS) || MUTANT(one_clock);
    COVER_IF(least < head, time_stands);
    COVER_IF(least - head > MERGE_TIME_STEP_MS && agree, time_step_agreed);
    COVER_IF(least - head > MERGE_TIME_STEP_MS && !agree, time_step_refused);
    if (least <= head || (least - head > MERGE_TIME_STEP_MS && !agree))
        return head;
    COVER(time_moves);
    return least;
}

/* The smallest of the members' emitted states, if it is ours: only ours has positions here. */
static bool is_base(const struct proposer *p, const struct merge_view *view,
                    const struct member_decision *d)
{
    for (uint32_t i = 0; i < d->count; i++) {
        const struct merge_dc_view *v = view_dc(view, d->members[i].dc);
        if (slice_equal(d->members[i].dc, p->strands->dc))
            continue;
        if (v == NULL || !v->has_report || v->report.emitted.era != p->emitted.era ||
            v->report.emitted.number < p->emitted.number)
            return false;
    }
    return true;
}

static bool params_equal(const struct merge_params *a, const struct merge_params *b)
{
    return a->dedup_window == b->dedup_window && a->dedup_floor == b->dedup_floor &&
           a->cap_records == b->cap_records && a->cap_bytes == b->cap_bytes &&
           a->failed_emit == b->failed_emit && a->canaries_drop == b->canaries_drop &&
           a->rules_version == b->rules_version;
}

/* A5: the newest merge rules that every DC which has reported can follow; never older ones. */
static uint32_t rules_next(const struct proposer *p, const struct merge_view *view)
{
    uint32_t rules = p->params.rules_version;

    for (uint32_t i = 0; i < view->dc_count; i++) {
        const struct merge_dc_view *v = &view->dcs[i];
        if (v->has_report && v->report.rules_version_max < rules)
            rules = v->report.rules_version_max;
    }
    return rules > view->head.params.rules_version ? rules : view->head.params.rules_version;
}

/* No number up to the next cut is larger: each offset that it decides is an entry of ours. */
static uint64_t number_bound(const struct proposer *p)
{
    uint64_t bound = p->emitted.next_seq;

    for (uint32_t i = 0; i < p->strands->layout.count; i++)
        bound += p->strands->list[i].tail - p->strands->list[i].head;
    return bound;
}

/* What the next cut says of the rules to follow. */
static struct merge_params params_next(const struct proposer *p, const struct merge_view *view)
{
    const struct cut *head = &view->head;
    struct merge_params next = p->params;

    COVER_IF(p->spec_version < head->spec_version, spec_older);
    if (p->spec_version < head->spec_version)
        next = head->params; /* we have an older spec than the chain */
    next.dedup_floor = head->params.dedup_floor;
    /* A7: a wider window must not ask for ids that a restarted DC may not have kept. */
    if (next.dedup_window > head->params.dedup_window && next.dedup_floor < number_bound(p) &&
        !MUTANT(floor_forgotten)) {
        COVER(floor_rises);
        next.dedup_floor = number_bound(p);
    }
    next.rules_version = rules_next(p, view);
    next.enrich_at_origin = head->params.enrich_at_origin;
    return next;
}

static void fill_base(const struct proposer *p, const struct merge_view *view,
                      const struct member_decision *d, struct cut *out)
{
    out->base = view->head.base;
    out->base_positions = view->head.base_positions;
    const bool is_own = is_base(p, view, d);
    COVER_IF(is_own, base_own);
    COVER_IF(!is_own, base_kept);
    if (is_own) {
        out->base = p->emitted;
        out->base_positions = p->emitted_positions;
    }
}

bool propose_cut(const struct proposer *p, const struct merge_view *view, int64_t now_ms,
                 struct strand_position *positions, struct member_decision *decision,
                 struct cut *out)
{
    const struct cut *head = &view->head;
    bool any = false;

    assert(view->has_head);
    if (!members_next(p->members, view, p->strands, now_ms, decision))
        return false;
    struct layout layout = p->strands->layout;
    const bool crosses = view_crosses(view);
    bool furthest = false;
    if (crosses)
        positions_cross(p, view, positions, &layout);
    else
        furthest = positions_next(p, view, decision, positions, &any);
    const struct merge_params params = params_next(p, view);
    const bool spec_moved =
        p->spec_version > head->spec_version || !params_equal(&params, &head->params);
    const bool is_due = any && now_ms - p->last_cut_ms >= SLOW_CUT_MS;
    COVER_IF(furthest, cut_moves);
    COVER_IF(!furthest && decision->is_changed, cut_for_members);
    COVER_IF(!furthest && !decision->is_changed && spec_moved, cut_for_spec);
    COVER_IF(!furthest && !decision->is_changed && !spec_moved && is_due, cut_for_strand);
    COVER_IF(!any && !decision->is_changed && !spec_moved && !crosses, cut_nothing);
    if (!furthest && !decision->is_changed && !spec_moved && !is_due && !crosses)
        return false;
    *out = (struct cut){
        .era = head->era,
        .number = head->number + 1,
        .previous_hash = p->head_hash,
        .spec_version = p->spec_version > head->spec_version ? p->spec_version : head->spec_version,
        .time_ms = cut_time(p, view, decision),
        .member_count = decision->count,
        .layout = layout,
        .strands = positions,
        .params = params,
        .proposer = p->config->node,
        .reason = slice_str(decision->reason),
        .has_continues = head->has_continues,
        .continues = head->continues,
    };
    if (crosses && out->reason.len == 0)
        out->reason = SLICE_LIT("strands get a new incarnation");
    memcpy(out->members, decision->members, sizeof out->members);
    fill_base(p, view, decision, out);
    return true;
}

/* --- a new era (R13) -------------------------------------------------------------------------------- */

/*
 * Enrichment may have skipped what only the cuts that are over decide, and a lost DC may come back
 * with records that nobody else has: so no strand goes on as it was, whoever enriched it.
 */
static bool positions_restart(const struct proposer *p, const struct merge_view *view,
                              struct strand_position *out, struct layout *layout)
{
    const struct layout *own = &p->strands->layout;
    const struct layout *head = &view->head.layout;

    *layout = (struct layout){.count = head->count, .names = p->names};
    if (head->count != own->count)
        return false;
    for (uint32_t i = 0; i < head->count; i++) {
        const struct strand_name *name = &head->names[i];
        const struct merge_dc_view *dc = view_dc(view, name->by);
        int64_t position = p->emitted_positions[i];
        if (!slice_equal(name->by, own->names[i].by) ||
            !origin_partition_equal(&name->from, &own->names[i].from))
            return false;
        if (MUTANT(era_at_head))
            position = view->head.strands[i].position;
        p->names[i] = *name;
        if (dc != NULL && dc->by_incarnation > name->by_incarnation)
            p->names[i].by_incarnation = dc->by_incarnation;
        p->names[i].by_incarnation++;
        out[i] =
            (struct strand_position){.position = position, .log_offset = -1, .start = position};
    }
    layout_hash(layout); /* sorted as it was: see positions_cross */
    return true;
}

bool propose_era(const struct proposer *p, const struct merge_view *view,
                 struct strand_position *positions, struct member_decision *decision,
                 struct cut *out)
{
    const struct cut *head = &view->head;
    const struct merge_dc_view *self = view_dc(view, p->strands->dc);
    struct layout layout;

    assert(view->has_head);
    assert(self != NULL);
    *decision = (struct member_decision){.is_changed = true, .includes_self = true, .count = 1};
    decision->members[0] = (struct member){.dc = self->dc, .incarnation = self->incarnation};
    if (!positions_restart(p, view, positions, &layout))
        return false;
    *out = (struct cut){
        .era = head->era + 1,
        .number = p->emitted.number + 1,
        .previous_hash = p->head_hash,
        .spec_version = p->spec_version > head->spec_version ? p->spec_version : head->spec_version,
        .time_ms = cut_time(p, view, decision),
        .member_count = 1,
        .layout = layout,
        .strands = positions,
        .base = p->emitted,
        .base_positions = p->emitted_positions,
        .params = params_next(p, view),
        .proposer = p->config->node,
        .reason = SLICE_LIT("an operator began a new era"),
        .has_continues = true,
        .continues = p->emitted,
    };
    out->members[0] = decision->members[0];
    return true;
}
