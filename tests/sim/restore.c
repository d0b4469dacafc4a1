/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.c - etcd is restored from an older backup (A12): all its data go back, requests under way
 * are lost. Merges stop and pause the chain; an operator brings it forward again to the newest cut
 * that any DC's log of cuts has (braidctl recover-chain).
 *
 * What the command needs is simulated as given: every DC's Kafka can be read, and no merge from before
 * the restore has run for a minute: a line for the log of cuts may arrive late (seed 1675). A DC that has logged nothing newer than the backup cannot know that it is
 * old, so etcd is restored only while there is none. Specs and pools are applied again.
 */
#include "tests/sim/check.h"
#include "tests/sim/world.h"

#define QUIET_US (60 * SECOND)

static bool reaches_etcd(const struct world *w)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (net_etcd_site(w, dc) >= 0)
            return true;
    }
    return false;
}

void etcd_back_up(struct world *w)
{
    struct etcd *b = &w->etcd_backup;

    *b = w->etcd;
    b->cuts = pool_alloc(&w->pool, b->cut_capacity * sizeof *b->cuts);
    memcpy(b->cuts, w->etcd.cuts, b->cut_count * sizeof *b->cuts);
    say(w, NOBODY, NOBODY, "etcd", "is backed up at cut %llu",
        (unsigned long long)b->cut_count - 1);
}

/* Claims that are younger than the backup are gone. */
static void restore_claims(struct world *w)
{
    struct etcd *e = &w->etcd;

    for (uint32_t n = 0; n < w->task_count; n++) {
        struct task *t = &w->tasks[n];

        if (t->claim.create_revision > e->revision)
            t->claim = (struct etcd_claim){0};
        if (t->kind == TASK_MERGE)
            e->merge_claims[t->dc] = t->claim.create_revision;
    }
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++)
        w->dcs[dc].claims_version++;
}

static bool all_know_more(const struct world *w)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (w->dcs[dc].noted_count <= w->etcd_backup.cut_count)
            return false;
    }
    return true;
}

void etcd_restore(struct world *w)
{
    const struct etcd now = w->etcd;
    struct etcd *e = &w->etcd;

    if (w->etcd_backup.cut_count == 0 || now.is_paused || !all_know_more(w))
        return;
    *e = w->etcd_backup;
    e->life = now.life + 1;
    e->quiet_us = w->now_us;
    e->spec = now.spec;
    e->spec_version = now.spec_version;
    e->window_max = now.window_max;
    memcpy(e->depooled, now.depooled, sizeof e->depooled);
    memcpy(e->pool_us, now.pool_us, sizeof e->pool_us);
    restore_claims(w);
    w->etcd_backup.cut_count = 0;
    check_restored(w);
    say(w, NOBODY, NOBODY, "etcd", "is restored from the backup: cut %llu after cut %llu",
        (unsigned long long)e->cut_count - 1, (unsigned long long)now.cut_count - 1);
}

/* By a merge that stopped for it. */
void etcd_pause(struct world *w)
{
    w->etcd.is_paused = true;
    w->etcd.quiet_us = w->now_us;
}

/* The newest cut in any DC's log of cuts; NULL: they cannot all be read. */
static const struct logged *newest_logged(const struct world *w)
{
    const struct logged *newest = NULL;

    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        const struct dc *d = &w->dcs[dc];

        if (d->kafka_down_until_us > w->now_us || d->logged_count == 0)
            return NULL;
        const struct logged *l = d->logged[d->logged_count - 1];
        if (newest == NULL || (l->number > newest->number && !MUTANT(recover_own)))
            newest = l;
    }
    return newest;
}

static bool older_merge_runs(const struct world *w)
{
    for (uint32_t n = 0; n < w->instance_count; n++) {
        const struct instance *i = &w->instances[n];

        if (i->is_live && w->tasks[i->task].kind == TASK_MERGE && i->merge->life != w->etcd.life)
            return true;
    }
    return false;
}

static uint32_t member_incarnation(const struct world *w, const struct cut *cut, uint32_t dc)
{
    for (uint32_t m = 0; m < cut->member_count; m++) {
        if (slice_equal(cut->members[m].dc, w->dcs[dc].name))
            return cut->members[m].incarnation;
    }
    return 0;
}

/* Reports are of another time: they go, and what was reported in the log epochs of that time counts
 * no more. */
static void forget_reports(struct world *w, const struct cut *head)
{
    struct etcd *e = &w->etcd;

    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        const uint32_t known = member_incarnation(w, head, dc);

        e->reports[dc] = (struct etcd_value){0};
        raise_epoch(w, dc, (known > e->epochs[dc] ? known : e->epochs[dc]) + 1);
    }
}

static void put_head(struct world *w, const struct logged *l)
{
    struct etcd *e = &w->etcd;

    e->revision++;
    while (e->cut_count <= l->number) {
        e->cuts = pool_grow(&w->pool, e->cuts, e->cut_count, &e->cut_capacity, sizeof *e->cuts);
        e->cuts[e->cut_count++] = (struct etcd_cut){0};
    }
    e->cuts[l->number] =
        (struct etcd_cut){.bytes = l->cut, .as = l->as, .create_revision = e->revision};
}

void recover_chain(struct world *w)
{
    struct etcd *e = &w->etcd;
    const struct logged *newest = newest_logged(w);

    if (older_merge_runs(w))
        e->quiet_us = w->now_us;
    if (!e->is_paused || newest == NULL || !reaches_etcd(w) || w->now_us - e->quiet_us < QUIET_US)
        return;
    if (newest->number >= e->cut_count)
        put_head(w, newest);
    check_recovered(w, e->cut_count - 1, e->cuts[e->cut_count - 1].bytes);
    forget_reports(w, e->cuts[e->cut_count - 1].as);
    e->is_paused = false;
    say(w, NOBODY, NOBODY, "operator", "recovers the chain: it goes on after cut %llu",
        (unsigned long long)e->cut_count - 1);
    for (uint32_t n = 0; n < w->task_count; n++) {
        if (w->tasks[n].kind == TASK_MERGE)
            task_revive(w, n);
    }
}
