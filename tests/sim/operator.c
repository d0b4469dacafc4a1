/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operator.c - what an operator does about what stopped for good (R13), and what the nodes do when
 * the chain follows.
 */
#include "tests/sim/check.h"
#include "tests/sim/world.h"

#define LOOK_US (5 * SECOND)

static bool reaches_etcd(const struct world *w)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (net_etcd_site(w, dc) >= 0)
            return true;
    }
    return false;
}

/* Of the newest cut. */
static uint32_t incarnation_of(const struct world *w, const struct cut *head, uint32_t by)
{
    for (uint32_t s = 0; s < w->layout.count; s++) {
        if (w->strand_by[s] == by)
            return head->layout.names[s].by_incarnation;
    }
    return 0;
}

static bool writes(const struct task *t, uint32_t by)
{
    return t->kind == TASK_ENRICH ? t->dc == by : t->kind == TASK_COPY_ENRICHED && t->origin == by;
}

void accept_incarnation(struct world *w, uint32_t dc)
{
    struct etcd *e = &w->etcd;
    const uint32_t now = incarnation_of(w, e->cuts[e->cut_count - 1].as, dc);

    if (e->wanted[dc] > now || !reaches_etcd(w))
        return; /* one at a time */
    e->wanted[dc] = now + 1;
    e->revision++;
    say(w, dc, NOBODY, "operator", "gives the DC's strands incarnation %u", now + 1);
}

static uint32_t own_epochs(const struct world *w, uint32_t dc)
{
    uint32_t epochs = 0;

    for (uint32_t p = 0; p < w->p.e_partitions; p++)
        epochs += w->dcs[dc].enriched[dc][p]->epoch;
    return epochs;
}

static bool is_stopped(const struct world *w, uint32_t dc)
{
    for (uint32_t n = 0; n < w->task_count; n++) {
        const struct task *t = &w->tasks[n];

        if (t->fatal != 0 && (writes(t, dc) || (t->kind == TASK_MERGE && t->dc == dc)))
            return true;
    }
    return false;
}

/* Where a DC's own topic lost its end, and something stopped for it: the strands start anew. */
static void look_at(struct world *w, uint32_t dc)
{
    struct dc *d = &w->dcs[dc];
    const uint32_t epochs = own_epochs(w, dc);

    if (epochs == d->own_epochs || !is_stopped(w, dc))
        return;
    accept_incarnation(w, dc);
    d->own_epochs = epochs;
}

void operator_looks(struct world *w)
{
    world_plan(w, LOOK_US, &(struct happening){.kind = HAPPENS_OPERATOR});
    if (!reaches_etcd(w))
        return;
    recover_chain(w);
    lost_is_looked_at(w);
    if (w->p.fault_mean_ms[FAULT_truncation] == 0)
        return;
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++)
        look_at(w, dc);
    for (uint32_t n = 0; n < w->task_count; n++) {
        if (w->tasks[n].kind == TASK_MERGE)
            task_revive(w, n);
    }
}

void operator_begin(struct world *w)
{
    if (w->p.fault_mean_ms[FAULT_truncation] != 0 || w->p.fault_mean_ms[FAULT_etcd_restore] != 0 ||
        w->p.fault_mean_ms[FAULT_member_lost] != 0)
        world_plan(w, LOOK_US, &(struct happening){.kind = HAPPENS_OPERATOR});
}

/* What io_line.c does with a new head: a place of another incarnation's strands is of no use. */
static void follow(struct world *w, uint32_t task, uint32_t by, const struct cut *head)
{
    struct task *t = &w->tasks[task];

    t->config.by_incarnation = w->dcs[t->dc].by_incarnation[by];
    t->old_count = 0;
    for (uint32_t n = 0; n < t->config.strand_count; n++)
        t->config.start[n] = head->strands[strand_index(w, by, t->strand_origins[n])].start;
    task_revive(w, task);
}

void incarnations_seen(struct world *w, uint32_t dc, const struct cut *head)
{
    struct dc *d = &w->dcs[dc];

    for (uint32_t by = 0; by < w->p.dc_count; by++) {
        const uint32_t newest = incarnation_of(w, head, by);

        if (newest == d->by_incarnation[by])
            continue;
        d->by_incarnation[by] = newest;
        for (uint32_t n = 0; n < w->task_count; n++) {
            if (w->tasks[n].dc == dc && writes(&w->tasks[n], by))
                follow(w, n, by, head);
            if (w->tasks[n].dc == dc && w->tasks[n].kind == TASK_MERGE)
                task_revive(w, n); /* as io_merge_stream_changed does */
        }
    }
}
