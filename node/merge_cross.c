/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a merge goes over to strands of a new incarnation (R13, A3). A *crossing* is a cut that names
 * other strands than the one before; it moves no position. A run has one set of strands: it emits
 * all before the crossing with the old ones, notes the crossing in its log of cuts with the places
 * of the new ones, and ends; the next run starts from that line. Until then the head's strands may
 * be other than ours: such a run reports and emits, but proposes nothing.
 */
#include "node/cover.h"
#include "node/merge_era.h"
#include "node/mutant.h"
#include "proto/err.h"

bool merge_is_replaced(const struct merge *m)
{
    const struct merge_view *view = m->view;

    for (uint32_t i = 0; i < m->strands.layout.count; i++) {
        const struct strand_name *name = &m->strands.layout.names[i];
        if (!slice_equal(name->by, m->config.dc))
            continue;
        /* What was taken up may be read from the head: all of a DC's strands change alike. */
        bool is_over = view_replaces(view, name);
        for (uint32_t k = 0; k < view->head.layout.count; k++) {
            const struct strand_name *head = &view->head.layout.names[k];
            is_over = is_over || (slice_equal(head->by, name->by) &&
                                  head->by_incarnation > name->by_incarnation);
        }
        COVER_IF(is_over, cross_without);
        return is_over;
    }
    return false;
}

/* --- a start with the strands of an older cut ------------------------------------------------------- */

void merge_ask_floor(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    const struct merge_recovery *r = ev->recovery;
    const size_t size = r->has_line ? r->line.place_count * sizeof *r->line.places : 0;

    COVER(cross_asks);
    m->kept = *r;
    m->kept.line.ids = NULL;
    m->kept.line.places = arena_alloc(m->arena, size + 1);
    if (m->kept.line.places == NULL) {
        merge_stop(m, out, ERR_NO_MEMORY, "no memory for the places of the last line");
        return;
    }
    if (size > 0)
        memcpy(m->kept.line.places, r->line.places, size);
    m->view = ev->view;
    m->phase = MERGE_ASKING;
    struct merge_action *a = merge_act(out, MERGE_DO_NEED_CUT);
    a->era = m->era;
    a->number = r->has_line ? r->line.emitted.number : 0;
}

void merge_asking(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    const uint64_t number = m->kept.has_line ? m->kept.line.emitted.number : 0;

    if (ev->kind == MERGE_EV_VIEW)
        m->view = ev->view;
    if (!m->view->has_head || m->view->head.era != m->era) {
        merge_stop(m, out, ERR_CONFLICT, "the chain goes on in a new era: start again");
        return;
    }
    if (ev->kind != MERGE_EV_CUT || ev->cut->number != number)
        return;
    const struct merge_event start = {.kind = MERGE_EV_START,
                                      .now_ms = ev->now_ms,
                                      .wall_ms = ev->wall_ms,
                                      .view = m->view,
                                      .recovery = &m->kept};
    if (merge_start_in(m, &ev->cut->layout, &start, out))
        merge_cut_taken(m, ev->cut_bytes, ev->cut, out);
}

/* --- the crossing ------------------------------------------------------------------------------------ */

/* The strand's index here; UINT32_MAX: it is new. */
static uint32_t find(const struct merge *m, const struct strand_name *name)
{
    for (uint32_t i = 0; i < m->strands.layout.count; i++) {
        if (strand_name_compare(&m->strands.layout.names[i], name) == 0)
            return i;
    }
    return UINT32_MAX;
}

bool merge_crossing_take(struct merge *m, const struct cut *cut, struct merge_actions *out)
{
    struct merge_crossing *c = &m->crossing;

    c->count = cut->layout.count;
    c->layout_hash = cut->layout.hash;
    c->places = arena_calloc(m->arena, (size_t)c->count + 1, sizeof *c->places);
    c->from = arena_calloc(m->arena, (size_t)c->count + 1, sizeof *c->from);
    if (c->places == NULL || c->from == NULL) {
        merge_stop(m, out, ERR_NO_MEMORY, "no memory for the strands of a crossing");
        return false;
    }
    for (uint32_t i = 0; i < c->count; i++) {
        c->from[i] = find(m, &cut->layout.names[i]);
        c->places[i] = (struct place){.last = cut->strands[i].position,
                                      .digest = cut->strands[i].digest,
                                      .from = PLACE_OF_CUT,
                                      .epoch = -1};
    }
    c->number = cut->number;
    return true;
}

void merge_cross_taken(struct merge *m, struct slice bytes, const struct cut *cut,
                       struct merge_actions *out)
{
    if (m->crossing.number != 0 || cut->number != m->cuts_tail || !merge_follows(m, cut, out) ||
        !merge_crossing_take(m, cut, out))
        return;
    merge_log_cut(m, bytes, cut, out);
}

/* Ready: all cuts before are emitted, and this one is in the log of cuts. */
static bool is_ready(const struct merge *m)
{
    const struct merge_crossing *c = &m->crossing;

    if (c->number == 0 || c->is_noting || m->logged_number < c->number)
        return false;
    COVER_IF(m->cuts_head != c->number, cross_waits);
    return m->cuts_head == c->number || MUTANT(cross_unemitted);
}

void merge_crossing_note(struct merge *m, int64_t window_offset, struct merge_actions *out)
{
    struct merge_crossing *c = &m->crossing;
    const struct emitted_line line = {
        .emitted = {m->era, c->number, m->emitted.next_seq, m->emitted.chain},
        .first_seq = m->emitted.next_seq,
        .window_offset = window_offset,
        .layout_hash = c->layout_hash,
        .place_count = c->count,
        .places = c->places,
    };
    struct slice bytes;
    int rc = line_encode_emitted(&line, &m->scratch, &bytes);

    if (rc != 0) {
        merge_stop(m, out, rc, "a crossing is too large to be noted");
        return;
    }
    struct merge_action *a = merge_act(out, MERGE_DO_LOG_EMITTED);
    a->era = m->era;
    a->number = c->number;
    a->bytes = bytes;
    c->is_noting = true;
}

void merge_cross(struct merge *m, struct merge_actions *out)
{
    const struct merge_crossing *c = &m->crossing;

    if (!is_ready(m))
        return;
    COVER(cross_done);
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->from[i] != UINT32_MAX)
            strand_place(&m->strands, c->from[i], &c->places[i]);
    }
    merge_crossing_note(m, merge_window_offset(m), out);
}
