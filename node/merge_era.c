/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a merge enters a new era (R13): its first cut goes on from what one DC had emitted (`continues`),
 * whatever the cuts after that said. Whoever has emitted just that logs the first cut and notes it,
 * as at a crossing; whoever has less copies from a peer (R11). Whoever has other records behind that
 * was declared lost, or was ahead of the best copy: it stops, and an operator makes its topic anew.
 */
#include "node/merge_era.h"

#include "node/cover.h"
#include "node/mutant.h"
#include "proto/err.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_same(const struct emitted *a, const struct emitted *b)
{
    return a->era == b->era && a->number == b->number && a->next_seq == b->next_seq &&
           a->chain == b->chain;
}

/* The own topic has records that are not the stream's any more. */
static bool is_other(const struct merge_view *view, const struct merge_recovery *r)
{
    const struct emitted *from = &view->head.continues;
    const uint64_t next = r->has_tail ? r->tail_seq + 1 : r->line.emitted.next_seq;
    const uint64_t chain = r->has_tail ? r->tail_chain : r->line.emitted.chain;

    if (r->has_tail ? r->tail_era >= view->head.era : !r->tail_is_emptied)
        return false; /* it was made anew since, and is being copied */
    return next > from->next_seq || (next == from->next_seq && chain != from->chain);
}

#define WHY_MAX 192

static void refuse(struct merge *m, const struct merge_view *view, struct merge_actions *out)
{
    char *why = arena_alloc(m->arena, WHY_MAX); /* as long as the run's status is asked for */

    if (why != NULL)
        (void)snprintf(why, WHY_MAX,
                       "the stream goes on in era %" PRIu32 " without what this DC has emitted: "
                       "its global topic differs from number %" PRIu64 " on, make it anew",
                       view->head.era, view->head.continues.next_seq);
    merge_stop(m, out, ERR_DIVERGED,
               why != NULL ? why : "the stream goes on in a new era without what was emitted");
}

bool merge_era_start(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    const struct merge_view *view = ev->view;
    const struct merge_recovery *r = ev->recovery;
    const struct emitted *from = &view->head.continues;
    const bool is_empty = !r->has_line && !r->has_tail && !r->tail_is_emptied;
    const struct emitted own = r->has_line ? r->line.emitted : (struct emitted){0};

    if (r->has_line && own.era > view->head.era) {
        merge_stop(m, out, ERR_RESTORED,
                   "the chain's era went back: etcd was restored from a backup");
        return true;
    }
    if (!view->head.has_continues || own.era == view->head.era || (!r->has_line && !is_empty))
        return false;
    if (is_other(view, r) && !MUTANT(era_enters)) {
        COVER(era_other);
        refuse(m, view, out);
        return true;
    }
    if (!is_same(&own, from) && !MUTANT(era_enters)) {
        if (!r->has_line)
            return false; /* copied from a peer, like whatever lost its log of cuts */
        COVER(era_behind);
        m->emitted = own.next_seq <= from->next_seq ? own : (struct emitted){0};
        m->emitted.number = 0; /* of another era: a peer's are not to be compared with it */
        merge_lost(m, view, out, "the stream goes on in a new era from what a peer has emitted");
        return true;
    }
    COVER(era_enters);
    m->emitted = own;
    m->kept.line.window_offset = r->has_line ? r->line.window_offset : -1;
    m->view = view;
    m->phase = MERGE_ENTERING;
    struct merge_action *a = merge_act(out, MERGE_DO_NEED_CUT);
    a->era = view->head.era;
    a->number = from->number + 1;
    return true;
}

static void first_taken(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    const struct cut *cut = ev->cut;

    if (cut->era != m->era || m->crossing.number != 0)
        return;
    if (cut->params.rules_version > MERGE_RULES_VERSION) {
        merge_stop(m, out, ERR_DIVERGED,
                   "the chain asks for merge rules that this version does not know");
        return;
    }
    if ((!cut->has_continues || !is_same(&cut->continues, &m->emitted)) && !MUTANT(era_enters)) {
        merge_stop(m, out, ERR_DIVERGED, "the era's first cut goes on from something else");
        return;
    }
    if (merge_crossing_take(m, cut, out))
        merge_log_cut(m, ev->cut_bytes, cut, out);
}

void merge_entering(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    if (ev->kind == MERGE_EV_VIEW)
        m->view = ev->view;
    if (!m->view->has_head || m->view->head.era != m->era)
        merge_stop(m, out, ERR_CONFLICT, "the chain goes on in a new era: start again");
    else if (!m->view->claim_held)
        merge_stop(m, out, ERR_FENCED, "the claim on this merge is gone");
    else if (ev->kind == MERGE_EV_CUT)
        first_taken(m, ev, out);
    else if (ev->kind == MERGE_EV_LOGGED && ev->number == m->crossing.number &&
             !m->crossing.is_noting)
        merge_crossing_note(m, m->kept.line.window_offset, out);
    else if (ev->kind == MERGE_EV_NOTED && m->crossing.is_noting)
        merge_stop(m, out, ERR_CONFLICT, "the stream goes on in a new era: start again");
}
