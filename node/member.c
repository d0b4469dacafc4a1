/* SPDX-License-Identifier: Apache-2.0 */
#include "node/member.h"

#include "node/cover.h"
#include "node/mutant.h"
#include "proto/err.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define ELIGIBLE_BREAK_MS 1000 /* a shorter break does not start the waiting time anew */

int members_init(struct members *m, const struct merge_config *config, uint32_t strand_count,
                 struct arena *a)
{
    *m = (struct members){.config = config, .strand_count = strand_count};
    for (uint32_t i = 0; i < DCS_MAX; i++) {
        struct member_track *t = &m->list[i];
        t->seen = arena_calloc(a, strand_count, sizeof *t->seen);
        t->still_ms = arena_calloc(a, strand_count, sizeof *t->still_ms);
        t->mark = arena_calloc(a, strand_count, sizeof *t->mark);
        t->mark_ms = arena_calloc(a, strand_count, sizeof *t->mark_ms);
        if (t->seen == NULL || t->still_ms == NULL || t->mark == NULL || t->mark_ms == NULL)
            return ERR_NO_MEMORY;
    }
    return 0;
}

const struct merge_dc_view *view_dc(const struct merge_view *view, struct slice dc)
{
    for (uint32_t i = 0; i < view->dc_count; i++) {
        if (slice_equal(view->dcs[i].dc, dc))
            return &view->dcs[i];
    }
    return NULL;
}

bool view_replaces(const struct merge_view *view, const struct strand_name *name)
{
    const struct merge_dc_view *dc = view_dc(view, name->by);

    return dc != NULL && dc->by_incarnation > name->by_incarnation;
}

bool view_crosses(const struct merge_view *view)
{
    for (uint32_t i = 0; i < view->head.layout.count; i++) {
        if (view_replaces(view, &view->head.layout.names[i]))
            return true;
    }
    return false;
}

bool view_ends_era(const struct merge_view *view)
{
    for (uint32_t i = 0; i < view->dc_count; i++) {
        if (view->dcs[i].begins_era > view->head.era)
            return true;
    }
    return false;
}

static const struct member *head_member(const struct merge_view *view, struct slice dc)
{
    for (uint32_t i = 0; i < view->head.member_count; i++) {
        if (slice_equal(view->head.members[i].dc, dc))
            return &view->head.members[i];
    }
    return NULL;
}

bool view_has_member(const struct merge_view *view, struct slice dc)
{
    return head_member(view, dc) != NULL;
}

/* --- what the views tell ------------------------------------------------------------------------ */

static struct member_track *track_of(struct members *m, struct slice dc, int64_t now_ms)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (slice_equal(slice_of(m->list[i].dc, m->list[i].dc_len), dc))
            return &m->list[i];
    }
    if (m->count == DCS_MAX || dc.len > DC_NAME_MAX)
        return NULL;
    struct member_track *t = &m->list[m->count];
    m->count++;
    memcpy(t->dc, dc.ptr, dc.len);
    t->dc_len = (uint32_t)dc.len;
    t->alive_ms = t->layout_ms = now_ms;
    for (uint32_t i = 0; i < m->strand_count; i++) {
        t->seen[i] = t->mark[i] = POSITION_NONE;
        t->still_ms[i] = t->mark_ms[i] = now_ms;
    }
    return t;
}

static const struct member_track *track_find(const struct members *m, struct slice dc)
{
    for (uint32_t i = 0; i < m->count; i++) {
        if (slice_equal(slice_of(m->list[i].dc, m->list[i].dc_len), dc))
            return &m->list[i];
    }
    return NULL;
}

/* Time in which we did not look is nobody's silence. */
static void forgive(struct members *m, int64_t ms)
{
    for (uint32_t i = 0; i < m->count; i++) {
        struct member_track *t = &m->list[i];
        t->alive_ms += ms;
        t->layout_ms += ms;
        for (uint32_t k = 0; k < m->strand_count; k++) {
            t->still_ms[k] += ms;
            t->mark_ms[k] += ms;
        }
    }
}

/*
 * Who has reported more of a strand than is cut keeps nobody waiting, however long it stands still.
 * After a pause of all it would else look to each as if the others had to go.
 */
static void track_strands(const struct members *m, struct member_track *t,
                          const struct merge_dc_view *dc, const struct merge_view *view,
                          const struct strands *s)
{
    const struct report *report = &dc->report;
    const int64_t now_ms = m->view_ms;

    t->is_still = false;
    t->is_lagging = false;
    for (uint32_t i = 0; i < m->strand_count; i++) {
        const int64_t theirs = report->read_back[i];
        const int64_t ours = s->list[i].last;
        if (theirs != t->seen[i] || theirs >= ours || theirs > view->head.strands[i].position) {
            t->seen[i] = theirs;
            t->still_ms[i] = now_ms;
        }
        if (theirs >= t->mark[i]) {
            t->mark[i] = ours;
            t->mark_ms[i] = now_ms;
        }
        if (now_ms - t->still_ms[i] > m->config->member_timeout_ms)
            t->is_still = true;
        if (now_ms - t->mark_ms[i] > m->config->member_lag_max_ms)
            t->is_lagging = true;
    }
}

static void track_eligible(struct member_track *t, bool eligible, int64_t now_ms)
{
    if (eligible) {
        if (t->eligible_first_ms == 0)
            t->eligible_first_ms = now_ms;
        t->eligible_last_ms = now_ms;
    } else if (now_ms - t->eligible_last_ms > ELIGIBLE_BREAK_MS) {
        t->eligible_first_ms = 0;
    }
}

static bool has_layout(const struct report *r, const struct strands *s);
static bool has_logged(const struct members *m, const struct merge_view *view,
                       const struct merge_dc_view *dc);

/*
 * A DC that has caught up reports what it held some ten milliseconds ago; a cut every 50 ms that
 * does not wait for it is always ahead of that.
 */
static void track_awaited(const struct members *m, struct member_track *t,
                          const struct merge_view *view, const struct merge_dc_view *dc,
                          const struct strands *s)
{
    const int64_t now_ms = m->view_ms;
    const struct report *r = &dc->report;
    const bool is_near = !view_has_member(view, dc->dc) && !slice_equal(dc->dc, s->dc) &&
                         dc->is_pooled && dc->has_report && r->caught_up &&
                         r->incarnation == dc->incarnation && has_layout(r, s) && !t->is_silent &&
                         !t->is_still && !t->is_lagging && has_logged(m, view, dc);

    if (t->awaited_ms == 0) {
        if (is_near && (t->awaited_end == 0 || now_ms - t->awaited_end > MEMBER_PAUSE_MS))
            t->awaited_ms = now_ms;
        return;
    }
    if (is_near && member_is_eligible(dc, view, s))
        t->awaited_ms = now_ms;
    if (!is_near || now_ms - t->awaited_ms > MEMBER_AWAIT_MS) {
        t->awaited_ms = 0;
        t->awaited_end = now_ms;
    }
}

static bool has_layout(const struct report *r, const struct strands *s)
{
    return r->layout_hash == s->layout.hash && r->count == s->layout.count;
}

void members_view(struct members *m, const struct merge_view *view, const struct strands *s,
                  int64_t now_ms)
{
    const int64_t gap = now_ms - m->view_ms;

    if (m->view_ms != 0 && (gap > MERGE_VIEW_GAP_MS || gap < 0)) {
        COVER(member_forgiven);
        forgive(m, gap);
    }
    m->view_ms = now_ms;
    for (uint32_t i = 0; i < view->dc_count; i++) {
        const struct merge_dc_view *dc = &view->dcs[i];
        struct member_track *t = track_of(m, dc->dc, now_ms);
        if (t == NULL)
            continue;
        const struct report *r = &dc->report;
        if (dc->has_report && dc->report_revision != t->report_revision) {
            t->is_heard = t->report_revision != 0;
            t->report_revision = dc->report_revision;
            t->alive_ms = now_ms;
        }
        t->is_silent = now_ms - t->alive_ms > m->config->member_timeout_ms;
        if (!dc->has_report || has_layout(r, s))
            t->layout_ms = now_ms;
        if (dc->has_report && has_layout(r, s))
            track_strands(m, t, dc, view, s);
        else
            t->is_lagging = now_ms - t->layout_ms > m->config->member_lag_max_ms;
        const bool is_self = slice_equal(dc->dc, s->dc);
        track_eligible(t, is_self ? self_is_eligible(view, s) : member_is_eligible(dc, view, s),
                       now_ms);
        track_awaited(m, t, view, dc, s);
    }
}

bool member_is_awaited(const struct members *m, struct slice dc)
{
    const struct member_track *t = track_find(m, dc);

    return t != NULL && t->awaited_ms != 0;
}

/* --- eligibility --------------------------------------------------------------------------------- */

bool member_is_eligible(const struct merge_dc_view *dc, const struct merge_view *view,
                        const struct strands *s)
{
    const struct report *r = &dc->report;

    if (!dc->has_report || !dc->is_pooled || !r->caught_up || r->incarnation != dc->incarnation ||
        !has_layout(r, s))
        return false;
    for (uint32_t i = 0; i < s->layout.count; i++) {
        if (r->read_back[i] < view->head.strands[i].position &&
            !view_replaces(view, &s->layout.names[i]))
            return false;
    }
    return true;
}

bool self_is_eligible(const struct merge_view *view, const struct strands *s)
{
    const struct merge_dc_view *dc = view_dc(view, s->dc);

    if (dc == NULL || !dc->is_pooled)
        return false;
    for (uint32_t i = 0; i < s->layout.count; i++) {
        if (s->list[i].last < view->head.strands[i].position &&
            !view_replaces(view, &s->layout.names[i]))
            return false;
    }
    return true;
}

/* --- the decision ---------------------------------------------------------------------------------- */

static void add(struct member_decision *d, struct slice dc, uint32_t incarnation)
{
    uint32_t at = d->count;

    assert(d->count < DCS_MAX);
    while (at > 0 && slice_compare(d->members[at - 1].dc, dc) > 0) {
        d->members[at] = d->members[at - 1];
        at--;
    }
    d->members[at] = (struct member){.dc = dc, .incarnation = incarnation};
    d->count++;
}

static void give_reason(struct member_decision *d, const char *what, struct slice dc,
                        const char *why)
{
    if (d->reason[0] == '\0')
        (void)snprintf(d->reason, sizeof d->reason, "%s %.*s: %s", what, SLICE_ARG(dc), why);
}

/* Why a member should go; NULL: it should not. */
static const char *reason_to_drop(const struct member_track *t)
{
    if (t == NULL)
        return NULL;
    COVER_IF(t->is_silent, member_silent);
    COVER_IF(!t->is_silent && t->is_still, member_still);
    COVER_IF(!t->is_silent && !t->is_still && t->is_lagging, member_lags);
    if (t->is_silent)
        return "no report";
    if (t->is_still)
        return "a strand stands still";
    if (t->is_lagging)
        return "lags too far behind";
    return NULL;
}

/* Keeps a member of the head, or says why it goes. */
static void judge_member(const struct members *m, const struct merge_view *view,
                         const struct strands *s, const struct member *head,
                         struct member_decision *out)
{
    const struct merge_dc_view *dc = view_dc(view, head->dc);
    const bool is_self = slice_equal(head->dc, s->dc);

    if (dc == NULL || dc->incarnation != head->incarnation) {
        out->is_changed = true;
        give_reason(out, "dropped", head->dc, "its log epoch changed");
        return;
    }
    if (!dc->is_pooled) {
        COVER(member_depooled);
        out->is_changed = true;
        give_reason(out, "dropped", head->dc, "depooled");
        return;
    }
    const struct member_track *t = track_find(m, head->dc);
    const char *why = is_self ? NULL : reason_to_drop(t);
    /* One that reports is better than no cut at all: it may be slow because it waits for one
     * (seed 214). */
    if (why != NULL && !t->is_silent && view->head.member_count <= m->config->min_members)
        why = NULL;
    if (why != NULL && (out->dropped.len == 0 || MUTANT(drop_two))) {
        out->is_changed = true;
        out->dropped = head->dc;
        out->dropped_revision = dc->report_revision;
        out->is_silence = t->is_silent;
        give_reason(out, "dropped", head->dc, why);
        return;
    }
    COVER_IF(why != NULL, member_one_a_cut);
    add(out, head->dc, head->incarnation);
    if (is_self)
        out->includes_self = true;
}

/*
 * A5: whoever has not seen a DC join may delete cuts from etcd that all others have logged, down to
 * cuts_kept below the head. A DC that has not logged that far may not join yet (seed 451).
 */
static bool has_logged(const struct members *m, const struct merge_view *view,
                       const struct merge_dc_view *dc)
{
    const struct report *r = &dc->report;

    return dc->has_report && r->logged_era == view->head.era &&
           r->logged_number + m->config->cuts_kept >= view->head.number;
}

static bool may_join(const struct members *m, const struct merge_view *view,
                     const struct strands *s, const struct merge_dc_view *dc, int64_t now_ms)
{
    const struct member_track *t = track_find(m, dc->dc);
    const bool is_self = slice_equal(dc->dc, s->dc);

    if (MUTANT(join_unheld))
        return dc->is_pooled && dc->has_report && has_layout(&dc->report, s);
    if (!(is_self ? self_is_eligible(view, s) : member_is_eligible(dc, view, s))) {
        COVER(member_not_held);
        return false;
    }
    if (!has_logged(m, view, dc) && !MUTANT(join_unlogged)) {
        COVER(member_unlogged);
        return false;
    }
    if (t == NULL || t->eligible_first_ms == 0)
        return false;
    /* Its last report may say that it holds all: it would be dropped by the next cut, and so on. */
    if (!is_self && (!t->is_heard || t->is_silent || t->is_still || t->is_lagging) &&
        !MUTANT(join_silent)) {
        COVER(member_wanting);
        return false;
    }
    const bool joins = now_ms - t->eligible_first_ms >= m->config->member_rejoin_ms;
    COVER_IF(joins, member_joins);
    COVER_IF(!joins, member_waits);
    return joins;
}

bool members_next(const struct members *m, const struct merge_view *view, const struct strands *s,
                  int64_t now_ms, struct member_decision *out)
{
    *out = (struct member_decision){0};
    for (uint32_t i = 0; i < view->head.member_count; i++)
        judge_member(m, view, s, &view->head.members[i], out);
    for (uint32_t i = 0; i < view->dc_count; i++) {
        const struct merge_dc_view *dc = &view->dcs[i];
        /* One whose log epoch changed is no member, but may be taken in again by the same cut: or
         * else, should all have lost something, nobody could drop anybody. */
        const struct member *head = head_member(view, dc->dc);
        if ((head != NULL && head->incarnation == dc->incarnation) ||
            !may_join(m, view, s, dc, now_ms))
            continue;
        add(out, dc->dc, dc->incarnation);
        out->is_changed = true;
        give_reason(out, "took in", dc->dc, "it holds every strand");
        if (slice_equal(dc->dc, s->dc))
            out->includes_self = true;
    }
    const uint32_t least =
        m->config->min_members > 1 && !MUTANT(no_min_members) ? m->config->min_members : 1;
    COVER_IF(out->count < least, member_too_few);
    COVER_IF(!out->includes_self, member_not_self);
    return out->count >= least && out->includes_self;
}
