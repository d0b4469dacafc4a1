/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a merge tells etcd and learns from it (R5-R7, A4, A5, A12): views in; reports, proposals
 * and the clean-up of old cuts out.
 */
#include "node/cover.h"
#include "node/merge_state.h"
#include "node/mutant.h"
#include "proto/err.h"

#include <assert.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define DELETE_STEP 64 /* cuts that are worth a request */

/* --- views ---------------------------------------------------------------------------------------- */

/* A4: two DCs that emitted the same cut must have the same chain. */
static bool chains_agree(const struct merge *m, const struct merge_view *view)
{
    for (uint32_t i = 0; i < view->dc_count; i++) {
        const struct report *r = &view->dcs[i].report;
        if (!view->dcs[i].has_report || r->emitted.era != m->era)
            continue;
        const struct emitted *own = &m->chains[r->emitted.number % MERGE_CHAINS_KEPT];
        if (own->number != r->emitted.number || own->number == 0)
            continue;
        if (own->chain != r->emitted.chain || own->next_seq != r->emitted.next_seq)
            return false;
    }
    return true;
}

/* R13: why etcd is not the one that this chain was made in; NULL: it is. */
static const char *went_back(const struct merge *m, const struct merge_event *ev)
{
    const struct merge_view *view = ev->view;

    if (MUTANT(ignore_restored))
        return NULL;
    if (ev->is_answer && view->revision < m->answer_revision)
        return "etcd's revision went back: it was restored from a backup";
    if (view->head.era < m->era)
        return "the chain's era went back: etcd was restored from a backup";
    if (view->head.era == m->era && view->head.number < m->known_number)
        return "the chain of cuts went back: etcd was restored from a backup";
    return NULL;
}

/* A4: another run has had the claim and reported, before this one claimed it again: what this one
 * holds and knows of may be less. */
static bool has_successor(const struct merge *m, const struct merge_view *view)
{
    const struct merge_dc_view *own = view_dc(view, m->config.dc);

    return own != NULL && own->has_report && own->report.claim_revision > m->config.claim_revision;
}

static uint32_t own_incarnation(const struct merge *m)
{
    const struct merge_dc_view *own = view_dc(m->view, m->config.dc);

    return own == NULL ? 0 : own->incarnation;
}

/* A new log epoch: what was reported before does not count any more. */
static void epoch_seen(struct merge *m, struct merge_actions *out)
{
    if (own_incarnation(m) == m->incarnation)
        return;
    m->incarnation = own_incarnation(m);
    m->must_raise = false;
    for (uint32_t i = 0; i < m->strands.layout.count; i++)
        m->last_read_back[i] = POSITION_NONE;
    for (uint32_t i = 0; i < m->strands.log_count; i++)
        m->strands.logs[i].known.epoch = -1;
    if (m->has_lost_own && !merge_is_replaced(m))
        merge_stop(m, out, ERR_DATA_LOSS, "the own enriched topic lost what others may hold");
}

void merge_view_taken(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    const struct merge_view *view = ev->view;

    if (ev->is_answer)
        m->is_reporting = false;
    if (m->view != NULL && !ev->is_answer && view->revision < m->view->revision) {
        COVER(view_late);
        return; /* a late answer to a hint */
    }
    if (!view->has_head) {
        merge_stop(m, out, ERR_DIVERGED, "the stream's cuts are gone from etcd");
        return;
    }
    const char *why = went_back(m, ev);
    if (why != NULL) {
        merge_stop(m, out, ERR_RESTORED, why);
        return;
    }
    if (!view->claim_held && !MUTANT(report_without_claim)) {
        COVER(claim_gone);
        merge_stop(m, out, ERR_FENCED, "the claim on this merge is gone");
        return;
    }
    if (has_successor(m, view) && !MUTANT(renamed_goes_on)) {
        COVER(successor_reported);
        merge_stop(m, out, ERR_FENCED, "a newer merge of this DC has reported");
        return;
    }
    if (view->head.era != m->era) {
        merge_stop(m, out, ERR_CONFLICT, "the chain goes on in a new era: start again");
        return;
    }
    if (!chains_agree(m, view)) {
        merge_stop(m, out, ERR_DIVERGED, "another DC emitted the same cut with another chain");
        return;
    }
    m->view = view;
    m->view_is_current = true;
    m->known_number = view->head.number;
    m->is_behind = view->head.layout.hash != m->strands.layout.hash;
    if (ev->is_answer)
        m->answer_revision = view->revision;
    if (m->head_seen != view->head.number || m->head_seen_ms == 0) {
        m->head_seen = view->head.number;
        m->head_seen_ms = ev->now_ms;
    }
    m->is_member = view_has_member(view, m->config.dc);
    epoch_seen(m, out);
    if (m->phase != MERGE_RUNNING || m->is_behind)
        return;
    members_view(&m->members, view, &m->strands, ev->now_ms);
}

/* --- proposals ------------------------------------------------------------------------------------ */

/* The oldest cut that some member has not logged, less one; our own counts as it is now. */
static uint64_t logged_by_all(const struct merge *m, const struct merge_view *view)
{
    uint64_t least = m->logged_number;

    for (uint32_t i = 0; i < view->head.member_count; i++) {
        const struct merge_dc_view *dc = view_dc(view, view->head.members[i].dc);
        if (slice_equal(view->head.members[i].dc, m->config.dc))
            continue;
        if (dc == NULL || !dc->has_report || dc->report.logged_era != m->era)
            return 0;
        if (dc->report.logged_number < least)
            least = dc->report.logged_number;
    }
    return least;
}

static bool may_propose(const struct merge *m, const struct merge_view *view)
{
    COVER_IF(!m->view_is_current, report_not_current);
    if (!m->view_is_current || view->is_paused || !m->is_caught_up || m->is_behind)
        return false;
    if (m->logged_number < view->head.number && !MUTANT(cut_unlogged)) {
        COVER(report_unlogged);
        return false;
    }
    return true;
}

/* A5: a cut that drops a member is none too many: it may be the one that all wait for. */
static bool is_too_many(const struct merge *m, const struct merge_view *view,
                        const struct member_decision *decision)
{
    const bool too_many = view->head.number - logged_by_all(m, view) > MERGE_UNLOGGED_MAX &&
                          decision->dropped.len == 0;

    COVER_IF(too_many, report_too_many);
    return too_many;
}

static void compares(struct merge_proposal *p, const struct merge_view *view,
                     const struct member_decision *d)
{
    p->head_era = view->head.era;
    p->head_number = view->head.number;
    p->head_revision = view->head_revision;
    p->member_count = MUTANT(ignore_epochs) ? 0 : d->count;
    for (uint32_t i = 0; i < d->count; i++) {
        const struct merge_dc_view *dc = view_dc(view, d->members[i].dc);
        p->members[i] = d->members[i].dc;
        p->epoch_revisions[i] = dc == NULL ? 0 : dc->epoch_revision;
    }
    /* One that is dropped though it reports has always reported anew since (seed 214). */
    if (d->is_silence && !MUTANT(drop_stale_view)) {
        p->dropped = d->dropped;
        p->dropped_revision = d->dropped_revision;
    }
}

/*
 * R13: all that we have begun is emitted and noted. A run before ours may have proposed the same and
 * not know the outcome: since it saw that the era ends it has begun nothing, so it went on from here.
 */
static bool may_begin_era(const struct merge *m, const struct merge_view *view)
{
    const struct merge_dc_view *own = view_dc(view, m->config.dc);

    if (!m->view_is_current || view->is_paused || own == NULL || own->begins_era != m->era + 1)
        return false;
    return m->emitting == MERGE_WAITING && !m->is_planned && !m->crossing.is_noting &&
           m->noted.number == m->emitted.number && !merge_has_begun(m);
}

static void propose(struct merge *m, int64_t now_ms, struct merge_actions *out)
{
    const struct merge_view *view = m->view;
    struct member_decision decision;
    struct cut cut;
    const struct proposer p = {
        .config = &m->config,
        .strands = &m->strands,
        .members = &m->members,
        .spec_version = m->newest_spec,
        .params = m->newest_params,
        .emitted = m->emitted,
        .emitted_positions = m->emitted_positions,
        .head_hash = cut_hash(view->head_bytes),
        .last_cut_ms = m->head_seen_ms,
        .wall_ms = m->wall_ms,
        .names = m->next_names,
    };

    if (view_ends_era(view)) {
        if (!may_begin_era(m, view) || !propose_era(&p, view, m->next_positions, &decision, &cut))
            return;
    } else if (!may_propose(m, view) ||
               !propose_cut(&p, view, now_ms, m->next_positions, &decision, &cut) ||
               is_too_many(m, view, &decision)) {
        return;
    }
    m->token = XXH3_64bits(&m->token, sizeof m->token);
    cut.token = m->token;
    struct slice bytes;
    int rc = cut_encode(&cut, &m->scratch, &bytes);
    if (rc != 0) {
        merge_stop(m, out, rc, "a cut of this stream is too large");
        return;
    }
    m->proposal.has_cut = true;
    m->proposal.era = cut.era;
    m->proposal.number = cut.number;
    m->proposal.cut = bytes;
    m->proposal.token = cut.token;
    compares(&m->proposal, view, &decision);
    if (MUTANT(emit_before_commit)) {
        m->known_number = cut.number;
        merge_cut_taken(m, bytes, &cut, out);
        m->logged_number = m->logging_number;
    }
}

/* --- reports --------------------------------------------------------------------------------------- */

/* Takes what is held and offered into the report's arrays. True if they changed. */
static bool held_changed(struct merge *m)
{
    bool changed = false;

    for (uint32_t i = 0; i < m->strands.layout.count; i++) {
        const struct strand *st = &m->strands.list[i];
        const int64_t offer = strand_offer(st);
        changed = changed || m->report_read_back[i] != st->last || m->report_offer[i] != offer;
        m->report_read_back[i] = st->last;
        m->report_offer[i] = offer;
    }
    return changed;
}

/* The newest records of the own topic, which must still be there after a restart (A1). */
static uint32_t fill_tails(struct merge *m)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < m->strands.log_count; i++) {
        const struct log *l = &m->strands.logs[i];
        if (slice_equal(l->by, m->config.dc) && l->tail.epoch >= 0)
            m->tails[count++] = l->tail;
    }
    return count;
}

static int encode_report(struct merge *m)
{
    const struct report r = {
        .dc = m->config.dc,
        .incarnation = own_incarnation(m),
        .number = m->report_number,
        .clock_ms = m->wall_ms,
        .layout_hash = m->strands.layout.hash,
        .count = m->strands.layout.count,
        .read_back = m->report_read_back,
        .offer = m->report_offer,
        .tail_count = fill_tails(m),
        .tails = m->tails,
        .emitted = MUTANT(report_unnoted) ? m->emitted : m->noted,
        .logged_era = m->era,
        .logged_number = m->logged_number,
        .claim_revision = m->config.claim_revision,
        .node = m->config.node,
        .rules_version_max = m->newest_params.rules_version,
        .caught_up = m->is_caught_up,
    };

    const struct merge_dc_view *own = view_dc(m->view, m->config.dc);
    m->proposal.report_revision = own == NULL ? 0 : own->report_revision;
    return report_encode(&r, &m->scratch, &m->proposal.report);
}

/* A5: cuts leave etcd only when every member has them in its own log. */
static void delete_cuts(struct merge *m, struct merge_actions *out)
{
    const struct merge_view *view = m->view;
    uint64_t logged = logged_by_all(m, view);

    if (MUTANT(delete_unlogged))
        logged = view->head.number;
    if (!m->is_member || logged <= m->config.cuts_kept)
        return;
    const uint64_t below = logged - m->config.cuts_kept;
    if (below < view->oldest_cut + DELETE_STEP || below < m->deleted_below + DELETE_STEP)
        return;
    struct merge_action *a = merge_act(out, MERGE_DO_DELETE_CUTS);
    a->era = m->era;
    a->number = below;
    m->deleted_below = below;
    COVER(cuts_deleted);
}

/* A4: before anything else is reported. */
static void raise_epoch(struct merge *m, int64_t now_ms, struct merge_actions *out)
{
    const struct merge_dc_view *own = view_dc(m->view, m->config.dc);

    m->proposal = (struct merge_proposal){
        .raises_epoch = true,
        .incarnation = m->incarnation + 1,
        .epoch_revision = own == NULL ? 0 : own->epoch_revision,
    };
    m->report_ms = now_ms;
    m->is_reporting = true;
    (void)merge_act(out, MERGE_DO_REPORT);
}

void merge_report(struct merge *m, int64_t now_ms, struct merge_actions *out)
{
    if (m->is_reporting || now_ms - m->report_ms < m->config.cut_interval_ms)
        return;
    if (m->must_raise) {
        raise_epoch(m, now_ms, out);
        return;
    }
    if (!m->is_caught_up && !MUTANT(report_before_tail))
        return;
    m->proposal = (struct merge_proposal){0};
    const bool changed = held_changed(m) || m->is_report_due;
    propose(m, now_ms, out);
    if (m->phase != MERGE_RUNNING)
        return;
    if (!changed && !m->proposal.has_cut && now_ms - m->report_ms < MERGE_HEARTBEAT_MS)
        return;
    COVER(report_sent);
    COVER_IF(!changed && !m->proposal.has_cut, report_heartbeat);
    m->report_number++;
    int rc = encode_report(m);
    if (rc != 0) {
        merge_stop(m, out, rc, "a report of this stream is too large");
        return;
    }
    m->report_ms = now_ms;
    m->is_report_due = false;
    m->is_reporting = true;
    (void)merge_act(out, MERGE_DO_REPORT);
    delete_cuts(m, out);
}
