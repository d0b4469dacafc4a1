/* SPDX-License-Identifier: Apache-2.0 */
#include "node/plan.h"

#include "node/cover.h"
#include "node/mutant.h"
#include "proto/err.h"

#include <assert.h>

int plan_init(struct plan *p, uint32_t part_max, struct arena *a)
{
    *p = (struct plan){.part_max = part_max};
    p->decided = arena_alloc(a, MERGE_ITEMS_MAX * sizeof *p->decided);
    p->items = arena_alloc(a, MERGE_ITEMS_MAX * sizeof *p->items);
    p->ids = arena_alloc(a, MERGE_ITEMS_MAX * sizeof *p->ids);
    p->first = arena_calloc(a, (size_t)part_max + 1, sizeof *p->first);
    p->cursor = arena_calloc(a, (size_t)part_max + 1, sizeof *p->cursor);
    p->heap = arena_calloc(a, (size_t)part_max + 1, sizeof *p->heap);
    if (p->decided == NULL || p->items == NULL || p->ids == NULL || p->first == NULL ||
        p->cursor == NULL || p->heap == NULL)
        return ERR_NO_MEMORY;
    return 0;
}

/* --- which strand's record is taken ------------------------------------------------------------- */

/* The lower, the better; 0 may not be taken. */
static int rank(uint8_t status)
{
    switch ((enum status)status) {
    case STATUS_WITHHELD:
        return MUTANT(rank_withheld_last) ? 8 : 1;
    case STATUS_FILTERED:
        return 2;
    case STATUS_CANARY:
        return 3;
    case STATUS_OK:
        return 4;
    case STATUS_FAILED:
        return MUTANT(rank_failed_first) ? 1 : 5;
    case STATUS_GAP:
        return 6;
    case STATUS_NONE:
    case STATUS_SKIPPED:
    case STATUS_REDACTION:
    case STATUS_COUNT:
        break;
    }
    return 0;
}

/* True if strand a's record is taken before strand b's of equal rank. */
static bool is_preferred(const struct strands *s, uint32_t a, uint32_t b)
{
    const struct strand_name *name_a = &s->layout.names[a];
    const struct strand_name *name_b = &s->layout.names[b];
    const struct slice first = MUTANT(order_by_own_dc) ? s->dc : name_a->from.dc;
    const bool own_a = slice_equal(name_a->by, first);
    const bool own_b = slice_equal(name_b->by, first);

    COVER_IF(own_a != own_b, choose_by_origin);
    COVER_IF(own_a == own_b, choose_by_name);
    if (own_a != own_b)
        return own_a;
    return slice_compare(name_a->by, name_b->by) < 0;
}

struct candidates {
    uint32_t count;
    uint32_t strands[DCS_MAX];
    uint64_t next[DCS_MAX]; /* ring index of the first entry not considered */
    uint64_t end[DCS_MAX];  /* ring index after the cut's position */
};

static void candidates_init(struct candidates *c, const struct strands *s, const struct part *part,
                            const struct strand_position *positions)
{
    c->count = part->count;
    for (uint32_t i = 0; i < part->count; i++) {
        const uint32_t strand = part->strands[i];
        const struct strand *st = &s->list[strand];
        c->strands[i] = strand;
        c->next[i] = strand_after(st, part->decided);
        c->end[i] = strand_after(st, positions[strand].position);
    }
}

/* The smallest offset that any candidate has left; false if there is none. */
static bool next_offset(const struct candidates *c, const struct strands *s, int64_t *out)
{
    bool any = false;

    for (uint32_t i = 0; i < c->count; i++) {
        if (c->next[i] >= c->end[i])
            continue;
        const int64_t offset = strand_entry(&s->list[c->strands[i]], c->next[i])->offset;
        if (!any || offset < *out)
            *out = offset;
        any = true;
    }
    return any;
}

/* Two strands judge the same offset differently. */
static void cover_rank(uint8_t a, uint8_t b)
{
    COVER(choose_by_rank);
    COVER_IF((a == STATUS_WITHHELD && b == STATUS_OK) || (a == STATUS_OK && b == STATUS_WITHHELD),
             withheld_wins);
    COVER_IF((a == STATUS_FAILED && b == STATUS_OK) || (a == STATUS_OK && b == STATUS_FAILED),
             failed_loses);
    (void)a;
    (void)b;
}

/* Takes the best record for `offset` and moves past it. NULL if none may be taken. */
static const struct entry *take(struct candidates *c, const struct strands *s, int64_t offset,
                                uint32_t *out_strand)
{
    const struct entry *best = NULL;
    int best_rank = 0;

    for (uint32_t i = 0; i < c->count; i++) {
        if (c->next[i] >= c->end[i])
            continue;
        const struct entry *e = strand_entry(&s->list[c->strands[i]], c->next[i]);
        if (e->offset != offset)
            continue;
        c->next[i]++;
        const int r = rank(e->status);
        if (r == 0 || e->handle == NULL)
            continue;
        if (best != NULL && r != best_rank)
            cover_rank(best->status, e->status);
        if (best == NULL || r < best_rank ||
            (r == best_rank && is_preferred(s, c->strands[i], *out_strand))) {
            best = e;
            best_rank = r;
            *out_strand = c->strands[i];
        }
    }
    return best;
}

/* --- what is decided, partition by partition ---------------------------------------------------- */

static bool counts_for_maximum(const struct entry *e, const struct merge_params *params)
{
    if (!MUTANT(maximum_of_emitted))
        return true;
    return e->status != STATUS_FILTERED && (e->status != STATUS_FAILED || params->failed_emit);
}

static int decide_part(struct plan *p, const struct strands *s, uint32_t part,
                       const struct strand_position *positions, const struct merge_params *params)
{
    struct candidates c;
    int64_t offset = 0;
    int64_t maximum = INT64_MIN;

    candidates_init(&c, s, &s->parts[part], positions);
    while (next_offset(&c, s, &offset)) {
        uint32_t strand = 0;
        const struct entry *e = take(&c, s, offset, &strand);
        if (e == NULL)
            return ERR_DIVERGED;
        if (p->decided_count == MERGE_ITEMS_MAX)
            return ERR_TOO_LARGE;
        COVER_IF(e->source_time_ms < maximum, maximum_holds);
        if (e->source_time_ms > maximum && counts_for_maximum(e, params))
            maximum = e->source_time_ms;
        p->decided[p->decided_count] = (struct plan_item){
            .entry = e,
            .time_ms = MUTANT(no_time_order) ? 0 : maximum,
            .strand = strand,
            .part = part,
        };
        p->decided_count++;
    }
    return 0;
}

/* --- merging the partitions: a heap of cursors ----------------------------------------------------- */

static const struct plan_item *head_of(const struct plan *p, uint32_t part)
{
    return &p->decided[p->cursor[part]];
}

/* Partitions are numbered in R8's order, so their index breaks ties. */
static bool comes_before(const struct plan *p, uint32_t a, uint32_t b)
{
    const int64_t time_a = head_of(p, a)->time_ms;
    const int64_t time_b = head_of(p, b)->time_ms;

    COVER_IF(time_a != time_b, order_by_time);
    COVER_IF(time_a == time_b, order_by_index);
    return time_a != time_b ? time_a < time_b : a < b;
}

static void sift_down(struct plan *p, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < p->heap_count && comes_before(p, p->heap[child], p->heap[least]))
                least = child;
        }
        if (least == at)
            return;
        const uint32_t part = p->heap[at];
        p->heap[at] = p->heap[least];
        p->heap[least] = part;
        at = least;
    }
}

static void heap_init(struct plan *p, uint32_t part_count)
{
    p->heap_count = 0;
    for (uint32_t i = 0; i < part_count; i++) {
        p->cursor[i] = p->first[i];
        if (p->first[i] < p->first[i + 1]) {
            p->heap[p->heap_count] = i;
            p->heap_count++;
        }
    }
    for (uint32_t i = p->heap_count; i > 0; i--)
        sift_down(p, i - 1);
}

static const struct plan_item *heap_next(struct plan *p)
{
    if (p->heap_count == 0)
        return NULL;
    const uint32_t part = p->heap[0];
    const struct plan_item *item = head_of(p, part);
    p->cursor[part]++;
    if (p->cursor[part] == p->first[part + 1]) {
        p->heap_count--;
        p->heap[0] = p->heap[p->heap_count];
    }
    sift_down(p, 0);
    return item;
}

/* --- numbers --------------------------------------------------------------------------------------- */

static bool gets_number(const struct entry *e, const struct merge_params *params)
{
    switch ((enum status)e->status) {
    case STATUS_FILTERED:
        COVER(no_number_filtered);
        return false;
    case STATUS_CANARY:
        COVER_IF(params->canaries_drop, no_number_canary);
        COVER_IF(!params->canaries_drop, number_canary);
        return !params->canaries_drop;
    case STATUS_FAILED:
        COVER_IF(!params->failed_emit, no_number_failed);
        COVER_IF(params->failed_emit, number_failed);
        return params->failed_emit;
    case STATUS_OK:
    case STATUS_WITHHELD:
    case STATUS_GAP:
        return true;
    case STATUS_NONE:
    case STATUS_SKIPPED:
    case STATUS_REDACTION:
    case STATUS_COUNT:
        break;
    }
    return false;
}

static bool is_duplicate(const struct window *w, struct slice id, const struct merge_params *params)
{
    uint64_t floor = w->next > params->dedup_window ? w->next - params->dedup_window : 0;

    if (floor < params->dedup_floor)
        floor = params->dedup_floor;
    const bool is_there = window_find(w, id, floor);
    COVER_IF(is_there, duplicate_dropped);
    COVER_IF(!is_there && window_find(w, id, 0), duplicate_too_old);
    COVER_IF(id.len == 0, no_id);
    return is_there && !MUTANT(no_dedup);
}

static void number(struct plan *p, const struct plan_item *item, const struct merge_params *params,
                   struct window *w)
{
    const struct entry *e = item->entry;
    const struct slice id = slice_of(e->id, e->id_len);

    if (!gets_number(e, params))
        return;
    if (is_duplicate(w, id, params)) {
        p->duplicates++;
        return;
    }
    p->items[p->count] = (struct merge_item){
        .handle = e->handle, .seq = w->next, .strand = item->strand, .offset = e->offset};
    p->ids[p->count] = id;
    p->count++;
    window_push(w, id);
}

int plan_cut(struct plan *p, const struct strands *s, const struct strand_position *positions,
             const struct merge_params *params, struct window *w)
{
    assert(s->part_count <= p->part_max);

    p->decided_count = 0;
    p->count = 0;
    for (uint32_t i = 0; i < s->part_count; i++) {
        p->first[i] = p->decided_count;
        int rc = decide_part(p, s, i, positions, params);
        if (rc != 0)
            return rc;
    }
    p->first[s->part_count] = p->decided_count;
    heap_init(p, s->part_count);
    for (const struct plan_item *item = heap_next(p); item != NULL; item = heap_next(p)) {
        const bool skip = MUTANT(skip_one) && item->entry->offset % 97 == 96;
        if (!skip)
            number(p, item, params, w);
    }
    return 0;
}
