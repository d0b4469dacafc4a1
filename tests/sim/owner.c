/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.c - runs of tasks: their begin and end, and second ones that nobody's claims know of. Who
 * should run what is decided by the code that ships, in divide.c.
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

uint32_t instance_start(struct world *w, uint32_t task, uint32_t node, int64_t claim_revision)
{
    struct task *t = &w->tasks[task];
    uint32_t instance = free_instance(w);
    struct instance *i = &w->instances[instance];

    i->generation++;
    i->is_live = true;
    i->task = task;
    i->dc = t->dc;
    i->node = node;
    i->is_rogue = false;
    w->stats.runs++;
    if (t->kind != TASK_MERGE) {
        i->line = room(i->line, sizeof *i->line);
        line_begin(w, instance);
        return instance;
    }
    i->merge = room(i->merge, sizeof *i->merge);
    i->merge->claim_revision = claim_revision;
    say(w, t->dc, node, "merge", "starts a run");
    merge_begin(w, instance);
    return instance;
}

void instance_end(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];

    if (!i->is_live)
        return;
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

    if (t->kind != TASK_MERGE && i->line->line.config.by_incarnation != t->config.by_incarnation)
        code = ERR_CONFLICT; /* of strands that are over: it starts again with the new ones */
    say(w, i->dc, i->node, task_name(t), "ends its run: %s (%s)", err_name(code), why);
    if (code < 0 && code > -64)
        w->stats.stops[-code]++;
    /* A node that slept, and whose merge another node has, lets go of it whatever it ended with. */
    const bool is_owner =
        t->kind != TASK_MERGE || i->merge->claim_revision == t->claim.create_revision;
    instance_end(w, instance);
    if (code == ERR_RESTORED)
        etcd_pause(w);
    if (i->is_rogue) {
        rogue_unclaim(w, i->task);
    } else if (err_class(code) == ERR_CLASS_FATAL && is_owner) {
        t->fatal = code;
        t->why = (const char *)pool_copy(&w->pool, slice_of(why, strlen(why) + 1)).ptr;
        check_stopped(w, t);
    } else {
        divide_finished(w, i->dc, i->node, i->task, code);
    }
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
        struct instance *i = &w->instances[n];

        if (!i->is_live || i->dc != dc || i->node != node)
            continue;
        instance_end(w, n);
        if (i->is_rogue)
            rogue_unclaim(w, i->task);
    }
    w->dcs[dc].nodes[node].is_up = false;
    w->dcs[dc].nodes[node].claims = NULL; /* all that it knew is gone */
}

static bool runs_on(const struct world *w, uint32_t task, uint32_t node)
{
    for (uint32_t n = 0; n < w->instance_count; n++) {
        const struct instance *i = &w->instances[n];

        if (i->is_live && !i->is_rogue && i->task == task && i->node == node)
            return true;
    }
    return false;
}

/* Whoever had it claimed when it stopped still counts it as running. */
void task_revive(struct world *w, uint32_t task)
{
    struct task *t = &w->tasks[task];

    if (t->fatal == 0)
        return;
    t->fatal = 0;
    say(w, t->dc, NOBODY, task_name(t), "is started again");
    for (uint32_t node = 0; node < w->p.node_count; node++) {
        if (w->dcs[t->dc].nodes[node].claims != NULL && !runs_on(w, task, node))
            divide_finished(w, t->dc, node, task, ERR_CONFLICT);
    }
}

bool task_is_running(const struct world *w, uint32_t task)
{
    for (uint32_t n = 0; n < w->instance_count; n++) {
        if (w->instances[n].is_live && w->instances[n].task == task)
            return true;
    }
    return false;
}

/* A run that its node's claims know nothing of ends sooner or later. */
void rogues_end(struct world *w)
{
    for (uint32_t n = 0; n < w->instance_count; n++) {
        struct instance *i = &w->instances[n];

        if (!i->is_live || !i->is_rogue || !node_runs(w, i->dc, i->node) ||
            !chance_permille(&w->chance_detail, w->is_faulty ? 120 : 500))
            continue;
        instance_end(w, n);
        rogue_unclaim(w, i->task);
    }
}

/* A node of the DC that could take a task; NOBODY. */
static uint32_t pick_node(struct world *w, uint32_t dc)
{
    uint32_t first = chance_below(&w->chance_detail, w->p.node_count);

    for (uint32_t n = 0; n < w->p.node_count; n++) {
        uint32_t node = (first + n) % w->p.node_count;

        if (node_runs(w, dc, node))
            return node;
    }
    return NOBODY;
}

/* A second run beside the first; a merge takes the claim with it, as after an expired lease. */
void second_owner(struct world *w, uint32_t task)
{
    struct task *t = &w->tasks[task];
    uint32_t node = pick_node(w, t->dc);
    uint32_t instance;

    if (node == NOBODY || t->fatal != 0 || net_etcd_site(w, t->dc) < 0)
        return;
    if (t->kind == TASK_MERGE)
        rogue_claim(w, task);
    instance = instance_start(w, task, node, t->claim.create_revision);
    w->instances[instance].is_rogue = true;
}
