/* SPDX-License-Identifier: Apache-2.0 */
/*
 * divide.c - who runs what: the claims of each node (coord/claims.c and coord/assign.c, as they
 * ship), and what etcd and its leases do to them.
 *
 * A node hears news of etcd once a second at most, while there are faults often later: so one whose
 * lease ended goes on for a while, and others claim what it still runs.
 */
#include "tests/sim/check.h"
#include "tests/sim/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define ROGUE_LEASE (-1)
#define ROUNDS_MAX  64

/* --- etcd --------------------------------------------------------------------------------------- */

static void set_claim(struct world *w, uint32_t task, struct etcd_claim claim)
{
    struct task *t = &w->tasks[task];

    w->etcd.revision++;
    if (claim.lease != 0)
        claim.create_revision = w->etcd.revision;
    t->claim = claim;
    w->dcs[t->dc].claims_version++;
    if (t->kind == TASK_MERGE)
        w->etcd.merge_claims[t->dc] = claim.create_revision;
}

void rogue_claim(struct world *w, uint32_t task)
{
    set_claim(w, task,
              (struct etcd_claim){.node = NOBODY, .lease = ROGUE_LEASE, .until_us = INT64_MAX});
}

void rogue_unclaim(struct world *w, uint32_t task)
{
    if (w->tasks[task].claim.lease == ROGUE_LEASE)
        set_claim(w, task, (struct etcd_claim){0});
}

/* Leases that nobody has renewed end, with the keys that hang on them. */
static void expire(struct world *w, uint32_t dc)
{
    struct dc *d = &w->dcs[dc];

    for (uint32_t node = 0; node < w->p.node_count; node++) {
        struct node *n = &d->nodes[node];

        if (n->etcd_lease == 0 || n->lease_until_us >= w->now_us)
            continue;
        n->etcd_lease = 0;
        d->nodes_version++;
    }
    for (uint32_t task = 0; task < w->task_count; task++) {
        const struct task *t = &w->tasks[task];

        if (t->dc == dc && t->claim.lease != 0 && t->claim.until_us < w->now_us)
            set_claim(w, task, (struct etcd_claim){0});
    }
}

static void renew(struct world *w, uint32_t dc, int64_t lease)
{
    for (uint32_t task = 0; task < w->task_count; task++) {
        struct task *t = &w->tasks[task];

        if (t->dc == dc && t->claim.lease == lease)
            t->claim.until_us = w->now_us + LEASE_US;
    }
}

/* While etcd has no quorum nothing ends, and the next leader gives every lease its whole time. */
static void expire_none(struct world *w)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        for (uint32_t node = 0; node < w->p.node_count; node++)
            w->dcs[dc].nodes[node].lease_until_us = w->now_us + LEASE_US;
    }
    for (uint32_t task = 0; task < w->task_count; task++) {
        struct etcd_claim *claim = &w->tasks[task].claim;

        if (claim->until_us < w->now_us + LEASE_US)
            claim->until_us = w->now_us + LEASE_US;
    }
}

static bool has_quorum(const struct world *w)
{
    bool is_heard = false;

    for (uint32_t dc = 0; dc < w->p.dc_count; dc++)
        is_heard = is_heard || net_etcd_site(w, dc) >= 0;
    return is_heard;
}

/* --- what the claims want done ------------------------------------------------------------------ */

static uint32_t task_of(const struct world *w, uint32_t dc, struct slice name)
{
    for (uint32_t task = 0; task < w->task_count; task++) {
        if (w->tasks[task].dc == dc && slice_equal(w->tasks[task].name, name))
            return task;
    }
    assert(!"a task that nobody named");
    return 0;
}

static void end_later(struct node *n, struct ended ended)
{
    assert(n->ended_count < ENDED_MAX);
    n->ended[n->ended_count++] = ended;
}

void divide_finished(struct world *w, uint32_t dc, uint32_t node, uint32_t task, int rc)
{
    end_later(&w->dcs[dc].nodes[node],
              (struct ended){.type = CLAIMS_FINISHED, .task = task, .rc = rc});
}

/* Creates or deletes the key; what the node hears of it may be nothing. */
static void ask_etcd(struct world *w, uint32_t dc, uint32_t node, const struct claims_action *a)
{
    struct node *n = &w->dcs[dc].nodes[node];
    const bool is_claim = a->type == CLAIMS_CLAIM;
    struct ended ended = {.type = is_claim ? CLAIMS_CLAIMED : CLAIMS_RELEASED,
                          .task = task_of(w, dc, a->task),
                          .lease = n->lease};
    const struct etcd_claim *claim = &w->tasks[ended.task].claim;

    if (net_etcd_site(w, dc) < 0) {
        ended.rc = ERR_UNAVAILABLE;
        end_later(n, ended);
        return;
    }
    if (w->etcd_unknown_until_us > w->now_us && chance_permille(&w->chance_detail, 300)) {
        fault_count(w, FAULT_etcd_unknown);
        ended.rc = ERR_UNKNOWN;
    }
    if (ended.rc == 0 || chance_permille(&w->chance_detail, 600)) {
        if (is_claim && claim->lease == 0 && n->etcd_lease == n->lease)
            set_claim(w, ended.task,
                      (struct etcd_claim){
                          .node = node, .lease = n->lease, .until_us = w->now_us + LEASE_US});
        else if (!is_claim && claim->create_revision == a->create_revision)
            set_claim(w, ended.task, (struct etcd_claim){0});
    }
    ended.is_ours = claim->lease == n->lease;
    ended.create_revision = claim->create_revision;
    end_later(n, ended);
}

/* The run that the node's claims know of; NOBODY. */
static uint32_t run_of(const struct world *w, uint32_t task, uint32_t node)
{
    for (uint32_t n = 0; n < w->instance_count; n++) {
        const struct instance *i = &w->instances[n];

        if (i->is_live && !i->is_rogue && i->task == task && i->node == node)
            return n;
    }
    return NOBODY;
}

static void stop_run(struct world *w, uint32_t task, uint32_t node)
{
    const struct task *t = &w->tasks[task];
    uint32_t run = run_of(w, task, node);

    if (run == NOBODY && t->fatal == 0)
        return; /* it has ended already, which is told soon */
    if (run != NOBODY) {
        if (t->kind == TASK_MERGE)
            say(w, t->dc, node, "merge", "is told to stop: another node has it");
        instance_end(w, run);
    }
    divide_finished(w, t->dc, node, task, 0);
}

static void carry_out(struct world *w, uint32_t dc, uint32_t node, const struct claims_action *a)
{
    uint32_t task;
    uint32_t run;

    switch (a->type) {
    case CLAIMS_CLAIM:
    case CLAIMS_RELEASE:
        ask_etcd(w, dc, node, a);
        break;
    case CLAIMS_START:
        task = task_of(w, dc, a->task);
        /* One that only an operator can help stays claimed, and down. */
        if (w->tasks[task].fatal == 0)
            (void)instance_start(w, task, node, a->create_revision);
        break;
    case CLAIMS_RENAMED:
        task = task_of(w, dc, a->task);
        run = run_of(w, task, node);
        if (run != NOBODY && w->tasks[task].kind == TASK_MERGE)
            w->instances[run].merge->claim_revision = a->create_revision;
        break;
    case CLAIMS_STOP:
        stop_run(w, task_of(w, dc, a->task), node);
        break;
    case CLAIMS_REREAD:
        w->dcs[dc].nodes[node].claims_told = 0;
        break;
    }
}

/* --- what the claims are told ------------------------------------------------------------------- */

static void step(struct world *w, uint32_t dc, uint32_t node, struct claims_event ev)
{
    struct node *n = &w->dcs[dc].nodes[node];
    struct claims_actions actions;

    do {
        ev.now_ms = node_now_ms(w, dc, node);
        claims_step(n->claims, &ev, &actions);
        n->wake_ms = actions.wake_ms;
        for (size_t a = 0; a < actions.count; a++)
            carry_out(w, dc, node, &actions.items[a]);
        ev = (struct claims_event){.type = CLAIMS_TICK};
    } while (actions.is_full);
}

static void tell_ended(struct world *w, uint32_t dc, uint32_t node)
{
    struct node *n = &w->dcs[dc].nodes[node];
    struct ended list[ENDED_MAX];

    while (n->ended_count != 0) {
        const uint32_t count = n->ended_count;

        memcpy(list, n->ended, count * sizeof *list);
        n->ended_count = 0;
        for (uint32_t e = 0; e < count; e++)
            step(w, dc, node,
                 (struct claims_event){.type = list[e].type,
                                       .task = w->tasks[list[e].task].name,
                                       .lease = list[e].lease,
                                       .create_revision = list[e].create_revision,
                                       .is_ours = list[e].is_ours,
                                       .rc = list[e].rc});
    }
}

static struct slice node_name(uint32_t node)
{
    static const char *const names[SIM_NODES] = {"node-1", "node-2", "node-3"};

    return node < SIM_NODES ? slice_str(names[node]) : SLICE_LIT("somebody");
}

static void tell_nodes(struct world *w, uint32_t dc, uint32_t node)
{
    struct dc *d = &w->dcs[dc];
    struct assign_node nodes[SIM_NODES];
    struct claims_event ev = {.type = CLAIMS_NODES, .nodes = nodes};

    for (uint32_t n = 0; n < w->p.node_count; n++) {
        if (d->nodes[n].etcd_lease != 0)
            nodes[ev.node_count++] = (struct assign_node){.name = node_name(n), .weight = 1};
    }
    d->nodes[node].nodes_told = d->nodes_version;
    step(w, dc, node, ev);
}

static void tell_claims(struct world *w, uint32_t dc, uint32_t node)
{
    struct dc *d = &w->dcs[dc];
    struct claim claims[TASKS_MAX];
    struct claims_event ev = {.type = CLAIMS_LIST, .claims = claims, .revision = w->etcd.revision};

    for (uint32_t task = 0; task < w->task_count; task++) {
        const struct task *t = &w->tasks[task];

        if (t->dc == dc && t->claim.lease != 0)
            claims[ev.claim_count++] = (struct claim){.task = t->name,
                                                      .node = node_name(t->claim.node),
                                                      .lease = t->claim.lease,
                                                      .create_revision = t->claim.create_revision};
    }
    d->nodes[node].claims_told = d->claims_version;
    step(w, dc, node, ev);
}

/* Keeps the lease alive; one that etcd has let go is replaced. */
static void keep_lease(struct world *w, uint32_t dc, uint32_t node)
{
    struct dc *d = &w->dcs[dc];
    struct node *n = &d->nodes[node];

    if (n->lease != 0 && n->lease == n->etcd_lease) {
        n->lease_until_us = w->now_us + LEASE_US;
        renew(w, dc, n->lease);
        return;
    }
    if (n->lease != 0)
        step(w, dc, node, (struct claims_event){.type = CLAIMS_LEASE});
    n->lease = n->etcd_lease = ++w->leases;
    n->lease_until_us = w->now_us + LEASE_US;
    d->nodes_version++;
    step(w, dc, node, (struct claims_event){.type = CLAIMS_LEASE, .lease = n->lease});
}

static void boot(struct world *w, uint32_t dc, uint32_t node)
{
    struct dc *d = &w->dcs[dc];
    struct node *n = &d->nodes[node];

    if (n->arena.block_bytes == 0)
        arena_init(&n->arena, CLAIMS_ARENA_BYTES, CLAIMS_ARENA_BYTES);
    arena_reset(&n->arena);
    n->claims = claims_new(node_name(node), &n->arena);
    if (n->claims == NULL) {
        (void)fprintf(stderr, "sim: no room for claims\n");
        exit(3);
    }
    n->lease = 0;
    n->claims_told = n->nodes_told = 0;
    n->ended_count = 0;
    step(w, dc, node,
         (struct claims_event){
             .type = CLAIMS_WANTED, .wanted = d->wanted, .wanted_count = d->wanted_count});
}

/* Whether news of etcd reach the node now: a lease that is gone is noticed late. */
static bool hears(struct world *w, uint32_t dc, const struct node *n)
{
    if (net_etcd_site(w, dc) < 0)
        return false;
    if (!w->is_faulty)
        return true;
    if (n->lease != 0 && n->lease != n->etcd_lease)
        return chance_permille(&w->chance_detail, 120);
    return chance_permille(&w->chance_detail, 700);
}

static void look_at(struct world *w, uint32_t dc, uint32_t node)
{
    struct dc *d = &w->dcs[dc];
    struct node *n = &d->nodes[node];

    if (!node_runs(w, dc, node))
        return;
    if (n->claims == NULL)
        boot(w, dc, node);
    tell_ended(w, dc, node);
    if (hears(w, dc, n)) {
        keep_lease(w, dc, node);
        if (n->nodes_told != d->nodes_version)
            tell_nodes(w, dc, node);
        for (int round = 0; round < ROUNDS_MAX && n->claims_told != d->claims_version; round++) {
            tell_claims(w, dc, node);
            tell_ended(w, dc, node);
        }
    }
    if (n->wake_ms >= 0 && node_now_ms(w, dc, node) >= n->wake_ms) {
        step(w, dc, node, (struct claims_event){.type = CLAIMS_TICK});
        tell_ended(w, dc, node);
    }
}

void divide_look(struct world *w)
{
    rogues_end(w);
    if (!has_quorum(w))
        expire_none(w);
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        expire(w, dc);
        for (uint32_t node = 0; node < w->p.node_count; node++)
            look_at(w, dc, node);
    }
    world_plan(w, SECOND, &(struct happening){.kind = HAPPENS_OWNERS});
}

/* --- names -------------------------------------------------------------------------------------- */

static struct slice name_of(struct world *w, const struct task *t)
{
    const struct slice from = w->dcs[t->origin].name;
    char text[96];
    int len = 0;

    switch (t->kind) {
    case TASK_COPY_SOURCE:
        len = snprintf(text, sizeof text, "replicate/%.*s/%.*s/%u", SLICE_ARG(from),
                       SLICE_ARG(w->topics[t->topic]), t->partition);
        break;
    case TASK_ENRICH:
        len = snprintf(text, sizeof text, "enrich/stream/%.*s/%.*s/%u", SLICE_ARG(from),
                       SLICE_ARG(w->topics[t->topic]), t->partition);
        break;
    case TASK_COPY_ENRICHED:
        len = snprintf(text, sizeof text, "replicate/%.*s/braid.enriched.stream/%u",
                       SLICE_ARG(from), t->partition);
        break;
    case TASK_MERGE:
        len = snprintf(text, sizeof text, "merge/stream");
        break;
    }
    return pool_copy(&w->pool, slice_of((const uint8_t *)text, (size_t)len));
}

static int by_name(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

void divide_begin(struct world *w)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        struct dc *d = &w->dcs[dc];

        d->claims_version = d->nodes_version = 1;
        d->wanted = pool_alloc(&w->pool, w->task_count * sizeof *d->wanted);
        for (uint32_t task = 0; task < w->task_count; task++) {
            struct task *t = &w->tasks[task];

            if (t->dc != dc)
                continue;
            t->name = name_of(w, t);
            d->wanted[d->wanted_count++] = t->name;
        }
        qsort(d->wanted, d->wanted_count, sizeof *d->wanted, by_name);
    }
    divide_look(w);
}
