/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.c - who runs what: claims with leases, new owners for what has none, and zombies, who do
 * not know yet that they own nothing any more.
 */
#include "tests/sim/check.h"
#include "tests/sim/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t free_instance(struct world *w)
{
    for (uint32_t n = 0; n < w->instance_count; n++) {
        if (!w->instances[n].is_live)
            return n;
    }
    if (w->instance_count == INSTANCES_MAX) {
        (void)fprintf(stderr, "sim: too many instances\n");
        exit(3);
    }
    return w->instance_count++;
}

static void *room(void *kept, size_t size)
{
    if (kept == NULL)
        kept = calloc(1, size);
    if (kept == NULL) {
        perror("sim: calloc");
        exit(3);
    }
    return kept;
}

static bool is_own(const struct world *w, uint32_t instance)
{
    const struct instance *i = &w->instances[instance];
    const struct task *t = &w->tasks[i->task];

    return t->owner == instance && t->owner_generation == i->generation;
}

uint32_t instance_start(struct world *w, uint32_t task, uint32_t node)
{
    struct task *t = &w->tasks[task];
    uint32_t instance = free_instance(w);
    struct instance *i = &w->instances[instance];

    i->generation++;
    i->is_live = true;
    i->task = task;
    i->dc = t->dc;
    i->node = node;
    t->is_starting = false;
    w->stats.runs++;
    if (t->kind != TASK_MERGE) {
        i->line = room(i->line, sizeof *i->line);
        line_begin(w, instance);
        return instance;
    }
    i->merge = room(i->merge, sizeof *i->merge);
    i->merge->claim_revision = w->etcd.claims[t->dc].create_revision;
    say(w, t->dc, node, "merge", "starts a run");
    merge_begin(w, instance);
    return instance;
}

static void own(struct world *w, uint32_t task, uint32_t node)
{
    struct task *t = &w->tasks[task];

    if (t->kind == TASK_MERGE)
        w->etcd.claims[t->dc].create_revision = ++w->etcd.revision;
    t->owner = instance_start(w, task, node);
    t->owner_generation = w->instances[t->owner].generation;
}

void instance_end(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];

    if (!i->is_live)
        return;
    if (is_own(w, instance))
        w->tasks[i->task].owner = NOBODY;
    i->is_live = false;
    i->generation++;
    if (w->tasks[i->task].kind == TASK_MERGE) {
        merge_end(w, instance);
        return;
    }
    reader_stop(&i->line->in);
    reader_stop(&i->line->out);
}

void instance_stop(struct world *w, uint32_t instance, int code, const char *why)
{
    struct instance *i = &w->instances[instance];
    struct task *t = &w->tasks[i->task];
    bool was_own = is_own(w, instance);
    uint32_t task = i->task;

    say(w, i->dc, i->node, task_name(t), "ends its run: %s (%s)", err_name(code), why);
    if (code < 0 && code > -64)
        w->stats.stops[-code]++;
    instance_end(w, instance);
    if (!was_own)
        return;
    if (err_class(code) == ERR_CLASS_FATAL) {
        t->fatal = code;
        t->why = why;
        check_stopped(w, t);
        return;
    }
    t->is_starting = true;
    world_plan(w, chance_between(&w->chance_detail, 300 * MS, 3 * SECOND),
               &(struct happening){.kind = HAPPENS_START, .who = task, .which = i->node});
}

/* The node that stopped it starts it again, if it still may. */
void task_restart(struct world *w, uint32_t task, uint32_t node)
{
    struct task *t = &w->tasks[task];

    if (!t->is_starting)
        return;
    t->is_starting = false;
    if (t->owner != NOBODY || t->fatal != 0 || !node_runs(w, t->dc, node))
        return;
    if (t->kind == TASK_MERGE && net_etcd_site(w, t->dc) < 0) {
        t->is_starting = true;
        world_plan(w, SECOND,
                   &(struct happening){.kind = HAPPENS_START, .who = task, .which = node});
        return;
    }
    own(w, task, node);
}

void raise_epoch(struct world *w, uint32_t dc, uint32_t to)
{
    struct etcd *e = &w->etcd;

    say(w, dc, NOBODY, "etcd", "the DC's log epoch is %u", to);
    e->epochs[dc] = to;
    e->epoch_revisions[dc] = ++e->revision;
    w->stats.epochs++;
    check_epoch(w, dc);
}

void node_crash(struct world *w, uint32_t dc, uint32_t node)
{
    for (uint32_t n = 0; n < w->instance_count; n++) {
        if (w->instances[n].is_live && w->instances[n].dc == dc && w->instances[n].node == node)
            instance_end(w, n);
    }
    w->dcs[dc].nodes[node].is_up = false;
}

/* A node of the DC that could take a task; NOBODY. */
static uint32_t pick_node(struct world *w, uint32_t dc)
{
    uint32_t first = chance_below(&w->chance_detail, w->p.node_count);

    if (net_etcd_site(w, dc) < 0)
        return NOBODY;
    for (uint32_t n = 0; n < w->p.node_count; n++) {
        uint32_t node = (first + n) % w->p.node_count;

        if (node_runs(w, dc, node))
            return node;
    }
    return NOBODY;
}

static void look_at(struct world *w, uint32_t task)
{
    struct task *t = &w->tasks[task];
    uint32_t node;

    if (t->fatal != 0)
        return;
    if (t->owner != NOBODY) {
        const struct node *holder = &w->dcs[t->dc].nodes[w->instances[t->owner].node];
        if (w->now_us - holder->renewed_us <= LEASE_US)
            return;
        node = pick_node(w, t->dc);
        if (node == NOBODY || node == w->instances[t->owner].node)
            return;
    } else {
        if (t->is_starting && chance_permille(&w->chance_detail, 900))
            return;
        node = pick_node(w, t->dc);
        if (node == NOBODY)
            return;
    }
    own(w, task, node);
}

void owners_look(struct world *w)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        for (uint32_t node = 0; node < w->p.node_count; node++) {
            if (node_runs(w, dc, node) && net_etcd_site(w, dc) >= 0)
                w->dcs[dc].nodes[node].renewed_us = w->now_us;
        }
    }
    for (uint32_t n = 0; n < w->instance_count; n++) {
        struct instance *i = &w->instances[n];

        /* A zombie learns sooner or later that it is one. */
        if (i->is_live && !is_own(w, n) && node_runs(w, i->dc, i->node) &&
            chance_permille(&w->chance_detail, w->is_faulty ? 120 : 500))
            instance_end(w, n);
    }
    for (uint32_t task = 0; task < w->task_count; task++)
        look_at(w, task);
    world_plan(w, SECOND, &(struct happening){.kind = HAPPENS_OWNERS});
}

/* A second run beside the first; for a merge it takes the claim, as after an expired lease. */
void second_owner(struct world *w, uint32_t task)
{
    struct task *t = &w->tasks[task];
    uint32_t node = pick_node(w, t->dc);

    if (node == NOBODY || t->fatal != 0)
        return;
    if (t->kind == TASK_MERGE || chance_permille(&w->chance_detail, 500))
        own(w, task, node);
    else
        (void)instance_start(w, task, node);
}
