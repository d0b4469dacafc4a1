/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a merge does when its own Kafka cannot give what it needs any more (R11): it goes on from
 * what a peer has emitted. With no peer that has, an operator must decide (R13).
 */
#include "node/cover.h"
#include "node/merge_state.h"
#include "node/mutant.h"
#include "proto/err.h"

/* What a DC that could help says that it has emitted; NULL: it cannot. */
static const struct emitted *emitted_by(const struct merge *m, const struct merge_view *view,
                                        const struct merge_dc_view *dc)
{
    const struct emitted *e = &dc->report.emitted;

    if (!dc->has_report || slice_equal(dc->dc, m->config.dc))
        return NULL;
    if (e->era != view->head.era || e->number <= m->emitted.number || e->number == 0)
        return NULL;
    return e;
}

/* The DC that has emitted most. False: no other has more than this one. */
static bool choose(struct merge *m, const struct merge_view *view)
{
    bool any = false;

    for (uint32_t i = 0; i < view->dc_count; i++) {
        const struct emitted *e = emitted_by(m, view, &view->dcs[i]);
        if (e == NULL || (any && e->number <= m->copy.until.number))
            continue;
        m->copy.dc = view->dcs[i].dc;
        m->copy.until = *e;
        any = true;
    }
    return any;
}

/* A DC that has reported: it will emit what this one cannot, unless it is lost, too. */
static bool has_peer(const struct merge *m, const struct merge_view *view)
{
    for (uint32_t i = 0; i < view->dc_count; i++) {
        const struct merge_dc_view *dc = &view->dcs[i];
        if (dc->has_report && !slice_equal(dc->dc, m->config.dc))
            return true;
    }
    return false;
}

void merge_lost(struct merge *m, const struct merge_view *view, struct merge_actions *out,
                const char *why)
{
    if (view_ends_era(view) && !merge_has_begun(m)) {
        merge_stop(m, out, ERR_UNAVAILABLE, "waits for the era that an operator has begun");
        return;
    }
    if (!choose(m, view)) {
        if (has_peer(m, view))
            merge_stop(m, out, ERR_UNAVAILABLE, "waits for a peer to emit what is lost here");
        else
            merge_stop(m, out, ERR_DATA_LOSS, why);
        return;
    }
    COVER(copy_from_peer);
    m->copy.has_after = m->emitted.next_seq > 0;
    m->copy.after = m->emitted;
    m->phase = MERGE_COPYING;
    m->why = why;
    merge_act(out, MERGE_DO_COPY)->why = why;
}

/* What the next cut covers, and the log, read to its end, does not have. Nobody copies to a strand
 * whose incarnation is over. */
static bool lacks(const struct merge *m, const struct merge_cut *c)
{
    for (uint32_t i = 0; i < m->strands.layout.count; i++) {
        const struct strand *st = &m->strands.list[i];
        const struct log *l = &m->strands.logs[st->log];
        if (st->last >= c->positions[i].position)
            continue;
        if ((l->is_caught_up && (st->has_hole || m->is_behind)) || (l->is_lost && l->is_told))
            return true;
    }
    return false;
}

/* A hole that nobody fills: its records are gone, unless a copier is only late. */
void merge_stuck(struct merge *m, int64_t now_ms, struct merge_actions *out)
{
    const struct merge_cut *c = &m->cuts[m->cuts_head % MERGE_CUTS_AHEAD_MAX];

    if ((view_ends_era(m->view) && !merge_has_begun(m)) || m->emitting != MERGE_WAITING ||
        m->cuts_head == m->cuts_tail || m->is_planned || !lacks(m, c)) {
        m->stuck_ms = 0;
        return;
    }
    if (m->stuck_ms == 0 || m->stuck_number != c->number) {
        m->stuck_ms = now_ms;
        m->stuck_number = c->number;
    }
    if (now_ms - m->stuck_ms < MERGE_STUCK_MS)
        return;
    m->stuck_ms = 0;
    if (!choose(m, m->view))
        return; /* nobody can help yet */
    COVER(copy_for_hole);
    merge_lost(m, m->view, out, "records that the next cut covers are gone");
}
