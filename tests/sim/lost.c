/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lost.c - a sole member is lost for ever, with what only it has (R13): the link between the DCs is
 * cut until one has dropped the other and has emitted what the other does not have; then it is gone.
 * An operator declares it lost (braidctl declare-lost), and the other goes on in a new era. When the
 * lost one comes back, its merge stops, and an operator makes its global topic anew.
 */
#include "tests/sim/check.h"
#include "tests/sim/loss.h"
#include "tests/sim/world.h"

#define FOR_EVER    (INT64_MAX / 2)
#define UNHEARD_US  (70 * SECOND) /* what it had sent has arrived by then */
#define DECLARED_US (10 * SECOND)

bool is_lost(const struct world *w, uint32_t dc)
{
    return (w->lost.stage == LOST_GONE || w->lost.stage == LOST_DECLARED) && w->lost.dc == dc;
}

bool is_declared_lost(const struct world *w, uint32_t dc)
{
    return w->lost.stage >= LOST_DECLARED && w->lost.dc == dc;
}

static void plan(struct world *w, int64_t delay_us, int stage)
{
    world_plan(w, delay_us,
               &(struct happening){
                   .kind = HAPPENS_FAULT_END, .which = FAULT_member_lost, .number = stage});
}

static void cut_links(struct world *w, uint32_t dc, int64_t until_us)
{
    for (uint32_t s = 0; s < SIM_SITES; s++) {
        if (s != dc)
            w->net.cut_until_us[dc][s] = w->net.cut_until_us[s][dc] = until_us;
    }
}

static const struct cut *head_of(const struct world *w)
{
    return w->etcd.cuts[w->etcd.cut_count - 1].as;
}

/* Who has yet to follow into the head's era, or has begun to copy, has nothing to go on from. */
static bool has_copy(const struct world *w, uint32_t dc)
{
    const struct report *r = w->etcd.reports[dc].as;

    return r != NULL && r->emitted.era == w->etcd.era && r->emitted.next_seq == check_next(w, dc);
}

/* The head's only member, if the other DC has not emitted all that it has; else NOBODY. */
static uint32_t sole_member(const struct world *w)
{
    const struct cut *head = head_of(w);

    for (uint32_t dc = 0; dc < w->p.dc_count && head->member_count == 1; dc++) {
        if (slice_equal(head->members[0].dc, w->dcs[dc].name) && has_copy(w, 1 - dc) &&
            check_next(w, 1 - dc) < check_next(w, dc))
            return dc;
    }
    return NOBODY;
}

void lost_begins(struct world *w)
{
    if (w->lost.stage != LOST_NONE)
        return;
    w->lost.stage = LOST_PARTED;
    w->net.cut_until_us[0][1] = w->net.cut_until_us[1][0] = w->now_us + 60 * SECOND;
    say(w, NOBODY, NOBODY, "net", "the DCs cannot reach each other");
    plan(w, chance_between(&w->chance, 20 * SECOND, 60 * SECOND), LOST_GONE);
}

void lose_for_ever(struct world *w, uint32_t dc)
{
    w->lost.stage = LOST_GONE;
    w->lost.dc = dc;
    say(w, dc, NOBODY, "world", "the DC is lost");
    for (uint32_t n = 0; n < w->p.node_count; n++) {
        w->dcs[dc].nodes[n].paused_until_us = 0;
        if (w->dcs[dc].nodes[n].is_up)
            node_crash(w, dc, n);
    }
    w->dcs[dc].kafka_down_until_us = FOR_EVER;
    cut_links(w, dc, FOR_EVER);
}

void declare_lost(struct world *w, uint32_t dc)
{
    struct etcd *e = &w->etcd;

    e->begins_era[1 - dc] = e->era + 1;
    e->depooled[dc] = true;
    e->pool_us[dc] = w->now_us;
    for (uint32_t n = 0; n < w->p.dc_count; n++)
        raise_epoch(w, n, e->epochs[n] + 1);
    w->lost.stage = LOST_DECLARED;
    say(w, dc, NOBODY, "operator", "declares the DC lost: the stream goes on in era %u",
        e->era + 1);
}

void lost_comes_back(struct world *w)
{
    const uint32_t dc = w->lost.dc;

    if (!is_lost(w, dc))
        return;
    w->lost.stage = w->lost.stage == LOST_DECLARED ? LOST_BACK : LOST_NONE;
    say(w, dc, NOBODY, "world", "the DC is back");
    cut_links(w, dc, 0);
    w->dcs[dc].kafka_down_until_us = 0;
    for (uint32_t n = 0; n < w->p.node_count; n++)
        w->dcs[dc].nodes[n].is_up = true;
}

void lost_goes_on(struct world *w, int64_t stage)
{
    const uint32_t dc = sole_member(w);

    if (stage == LOST_GONE && w->lost.stage == LOST_PARTED) {
        w->lost.stage = LOST_NONE;
        if (dc == NOBODY)
            return;
        lose_for_ever(w, dc);
        plan(w, UNHEARD_US, LOST_DECLARED);
    } else if (stage == LOST_DECLARED && w->lost.stage == LOST_GONE) {
        if (dc != w->lost.dc || net_etcd_site(w, 1 - dc) < 0) {
            plan(w, DECLARED_US, LOST_DECLARED);
            return;
        }
        declare_lost(w, dc);
        plan(w, chance_between(&w->chance, SECOND, 120 * SECOND), LOST_BACK);
    } else if (stage == LOST_BACK && w->lost.stage == LOST_DECLARED) {
        lost_comes_back(w);
    }
}

/* Its topics of the old era are of no use, unless it had emitted no more than the era goes on from. */
void lost_is_looked_at(struct world *w)
{
    const uint32_t dc = w->lost.dc;
    struct dc *d = &w->dcs[dc];

    if (w->lost.stage != LOST_BACK || w->etcd.era < w->etcd.begins_era[1 - dc])
        return;
    for (uint32_t n = 0; n < w->task_count && check_is_apart(w, dc); n++) {
        if (w->tasks[n].kind != TASK_MERGE || w->tasks[n].dc != dc || w->tasks[n].fatal == 0)
            continue;
        say(w, dc, NOBODY, "operator", "makes the DC's global topic anew");
        d->global->start = 0;
        klog_truncate(w, d->global, 0);
        check_made_anew(w, dc);
        task_revive(w, n);
    }
    if (check_is_apart(w, dc))
        return;
    w->lost.stage = LOST_NONE;
    w->etcd.depooled[dc] = false;
    w->etcd.pool_us[dc] = w->now_us;
    w->etcd.revision++;
    say(w, dc, NOBODY, "operator", "pools the DC again");
}

void lost_heals(struct world *w)
{
    if (w->lost.stage == LOST_PARTED)
        w->lost.stage = LOST_NONE;
    lost_comes_back(w);
}
