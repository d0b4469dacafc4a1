/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/world.h"

#include "tests/sim/check.h"
#include "tests/sim/story.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define POOL_BYTES     ((size_t)1 << 30)
#define HAPPENINGS_MAX 6000000

void world_init(struct world *w)
{
    *w = (struct world){0};
    pool_init(&w->pool, POOL_BYTES);
    w->line_actions = calloc(1, sizeof *w->line_actions);
    w->merge_actions = calloc(1, sizeof *w->merge_actions);
    if (w->line_actions == NULL || w->merge_actions == NULL) {
        perror("sim: calloc");
        exit(3);
    }
}

/* I9 at the end of a seed: each merge gives back what it keeps. */
static void end_merges(struct world *w)
{
    for (uint32_t n = 0; n < INSTANCES_MAX; n++) {
        struct instance *i = &w->instances[n];

        if (i->is_live && w->tasks[i->task].kind == TASK_MERGE)
            merge_end(w, n);
        i->is_live = false;
    }
}

void world_free(struct world *w)
{
    end_merges(w);
    for (uint32_t n = 0; n < INSTANCES_MAX; n++) {
        struct merge_run *run = w->instances[n].merge;

        if (run != NULL)
            arena_deinit(&run->arena);
        free(w->instances[n].merge);
        free(w->instances[n].line);
    }
    for (uint32_t dc = 0; dc < SIM_DCS; dc++) {
        for (uint32_t node = 0; node < SIM_NODES; node++)
            arena_deinit(&w->dcs[dc].nodes[node].arena);
    }
    arena_deinit(&w->scratch);
    arena_deinit(&w->decoded);
    free(w->line_actions);
    free(w->merge_actions);
    free(w->timeline.heap);
}

void world_plan(struct world *w, int64_t delay_us, const struct happening *h)
{
    struct happening planned = *h;

    planned.at_us = w->now_us + (delay_us > 0 ? delay_us : 0);
    timeline_add(&w->timeline, &planned);
}

int64_t world_now_ms(const struct world *w)
{
    return EPOCH_MS + w->now_us / 1000;
}

int64_t node_now_ms(const struct world *w, uint32_t dc, uint32_t node)
{
    const struct node *n = &w->dcs[dc].nodes[node];
    int64_t now = w->now_us / 1000;

    return n->booted_ms + now + now * n->drift_ppm / 1000000;
}

int64_t node_wall_ms(const struct world *w, uint32_t dc, uint32_t node)
{
    const struct node *n = &w->dcs[dc].nodes[node];
    int64_t now = w->now_us / 1000;

    return EPOCH_MS + now + n->clock_offset_ms + now * n->drift_ppm / 1000000;
}

bool node_runs(const struct world *w, uint32_t dc, uint32_t node)
{
    const struct node *n = &w->dcs[dc].nodes[node];

    return n->is_up && n->paused_until_us <= w->now_us;
}

bool kafka_answers(const struct world *w, uint32_t from, uint32_t dc)
{
    return w->dcs[dc].kafka_down_until_us <= w->now_us && net_both(w, from, dc);
}

bool window_is_on(const struct world *w, uint32_t dc, enum fault f)
{
    return w->dcs[dc].window_until_us[f] > w->now_us;
}

uint32_t origin_index(const struct world *w, uint32_t dc, uint32_t topic, uint32_t partition)
{
    if (dc >= w->p.dc_count || topic >= w->p.topic_count || partition >= w->p.partitions[topic])
        return UINT32_MAX;
    return w->origin_table[dc][topic][partition];
}

uint32_t strand_index(const struct world *w, uint32_t by, uint32_t origin)
{
    if (by >= w->p.dc_count || origin >= w->origin_count)
        return UINT32_MAX;
    return w->strand_table[by][origin];
}

void say(struct world *w, uint32_t dc, uint32_t node, const char *part, const char *format, ...)
{
    char who[48] = "";
    char line[512];
    size_t len;
    va_list args;

    if (!w->trace && w->p.story == NULL)
        return;
    if (dc < w->p.dc_count && node < SIM_NODES)
        (void)snprintf(who, sizeof who, "%.*s-%u", SLICE_ARG(w->dcs[dc].name), node + 1);
    else if (dc < w->p.dc_count)
        (void)snprintf(who, sizeof who, "%.*s", SLICE_ARG(w->dcs[dc].name));
    len = (size_t)snprintf(line, sizeof line, "[%9.3fs] %-8s %-13s ", (double)w->now_us / 1e6, who,
                           part);
    va_start(args, format);
    (void)vsnprintf(line + len, sizeof line - len, format, args);
    va_end(args);
    if (w->trace)
        (void)printf("%s\n", line);
    if (w->p.story != NULL)
        story_hear(w, line);
}

/* Rises with every cut: a new era's number may not. */
static uint64_t head_turn(const struct etcd *e)
{
    return ((uint64_t)e->era << 32) + e->cut_count - 1;
}

/* What every node of the DC learns of the head, by its watch or a re-read. */
static void see_head(struct world *w, uint32_t dc)
{
    struct dc *d = &w->dcs[dc];
    const struct etcd *e = &w->etcd;
    const struct cut *cut;

    if (e->cut_count == 0 || net_etcd_site(w, dc) < 0)
        return;
    if (d->head_positions != NULL && d->head_seen == head_turn(e))
        return;
    cut = e->cuts[e->cut_count - 1].as;
    if (cut == NULL)
        return;
    incarnations_seen(w, dc, cut);
    if (d->head_positions == NULL)
        d->head_positions = pool_alloc(&w->pool, w->origin_count * sizeof(int64_t));
    if (d->head_strands == NULL)
        d->head_strands = pool_alloc(&w->pool, w->layout.count * sizeof(int64_t));
    d->head_seen = head_turn(e);
    for (uint32_t o = 0; o < w->origin_count; o++)
        d->head_positions[o] = POSITION_NONE;
    for (uint32_t s = 0; s < cut->layout.count; s++) {
        int64_t *furthest = &d->head_positions[w->strand_origin[s]];

        d->head_strands[s] = cut->strands[s].position;
        if (cut->strands[s].position > *furthest)
            *furthest = cut->strands[s].position;
    }
    for (uint32_t n = 0; n < w->instance_count; n++) {
        const struct instance *i = &w->instances[n];

        if (i->is_live && i->dc == dc && w->tasks[i->task].kind == TASK_MERGE &&
            node_runs(w, dc, i->node))
            merge_happens(w, n, &(struct happening){.kind = HAPPENS_HEAD});
    }
}

void world_note_emitted(struct world *w, const struct klog *log, const struct krec *k)
{
    struct dc *d = &w->dcs[log->dc];
    uint64_t seq;
    uint64_t cut;
    uint64_t chain;
    uint32_t era;

    if (!k->body->braid.has_origin || global_parse(&k->body->braid, &seq, &era, &cut, &chain) != 0)
        return;
    /* One made anew may begin anywhere; of any other the checker complains. */
    while (d->chain_count <= seq) {
        d->chains =
            pool_grow(&w->pool, d->chains, d->chain_count, &d->chain_capacity, sizeof chain);
        d->chains[d->chain_count++] = 0;
    }
    d->chains[seq] = chain;
}

const struct cut *world_cut(struct world *w, struct slice bytes)
{
    struct cut *c = pool_alloc(&w->pool, sizeof *c);

    return cut_decode(bytes, &w->decoded, c) == 0 ? c : NULL;
}

const struct report *world_report(struct world *w, struct slice bytes)
{
    struct report *r = pool_alloc(&w->pool, sizeof *r);

    return report_decode(bytes, &w->decoded, r) == 0 ? r : NULL;
}

/* Every DC logs the same few newest cuts, byte for byte. */
static const struct cut *known_cut(struct world *w, struct slice bytes)
{
    const struct etcd *e = &w->etcd;

    for (uint64_t back = 1; back <= 16 && back <= e->cut_count; back++) {
        const struct etcd_cut *c = &e->cuts[e->cut_count - back];

        if (slice_equal(c->bytes, bytes))
            return c->as;
    }
    return world_cut(w, bytes);
}

/* NULL: not a line of a log of cuts. */
static const struct logged *decode_line(struct world *w, const struct body *b)
{
    struct logged *l = pool_alloc(&w->pool, sizeof *l);

    if (line_decode(b->value, &w->decoded, &l->is_cut, &l->cut, &l->line) != 0)
        return NULL;
    l->number = l->line.emitted.number;
    if (!l->is_cut)
        return l;
    l->as = known_cut(w, l->cut);
    if (l->as == NULL)
        return NULL;
    l->number = l->as->number;
    return l;
}

static void by_number(struct world *w, const struct logged ***list, uint64_t *count,
                      size_t *capacity, const struct logged *l)
{
    while (*count <= l->number) {
        *list = pool_grow(&w->pool, *list, *count, capacity, sizeof **list);
        (*list)[(*count)++] = NULL;
    }
    (*list)[l->number] = l;
}

void world_note_logged(struct world *w, const struct klog *log, const struct krec *k)
{
    struct dc *d = &w->dcs[log->dc];
    const struct logged *l = decode_line(w, k->body);
    struct body *learns;

    memcpy(&learns, &k->body, sizeof learns); /* a cache */
    learns->logged = l;
    if (l == NULL)
        return;
    if (l->is_cut)
        by_number(w, &d->logged, &d->logged_count, &d->logged_capacity, l);
    else
        by_number(w, &d->noted, &d->noted_count, &d->noted_capacity, l);
}

static void happens_to_instance(struct world *w, const struct happening *h)
{
    struct instance *i = &w->instances[h->who];
    const struct node *n;

    if (!i->is_live || i->generation != h->generation)
        return;
    n = &w->dcs[i->dc].nodes[i->node];
    if (n->paused_until_us > w->now_us) {
        world_plan(w, n->paused_until_us - w->now_us, h);
        return;
    }
    if (w->tasks[i->task].kind == TASK_MERGE)
        merge_happens(w, h->who, h);
    else
        line_happens(w, h->who, h);
}

static void save(struct world *w, const struct happening *h)
{
    struct task *t = &w->tasks[h->who];
    const struct saved_place *places = h->ptr;

    if (!kafka_answers(w, t->dc, t->dc))
        return;
    t->saved_in = places[0];
    t->saved_out = places[1];
    if (places[1].by_incarnation != t->config.by_incarnation)
        return;
    if (t->old_count != 0 && w->now_us - t->old[t->old_count - 1].at_us < 30 * SECOND)
        return;
    if (t->old_count == OLD_PLACES) {
        memmove(&t->old[0], &t->old[1], (OLD_PLACES - 1) * sizeof t->old[0]);
        t->old_count--;
    }
    t->old[t->old_count++] =
        (struct old_place){w->now_us, places[0].log_offset, places[1].log_offset};
}

/* Ends the seed once nothing is left to do, twice in a row. */
static void look(struct world *w)
{
    if (check_has_drained(w)) {
        if (w->drained_looks++ >= 2) {
            w->is_over = true;
            return;
        }
    } else {
        w->drained_looks = 0;
    }
    if (w->now_us > (w->p.faults_ms + w->p.drain_ms_max) * MS) {
        w->is_over = true;
        return;
    }
    world_plan(w, 2 * SECOND, &(struct happening){.kind = HAPPENS_LOOK});
}

static void heal(struct world *w)
{
    say(w, NOBODY, NOBODY, "world", "all faults end; no more events");
    w->is_faulty = false;
    faults_heal(w);
    world_plan(w, SECOND, &(struct happening){.kind = HAPPENS_LOOK});
}

static void happen(struct world *w, const struct happening *h)
{
    if (h->kind < HAPPENS_FOR_INSTANCE) {
        happens_to_instance(w, h);
        return;
    }
    switch ((enum happening_kind)h->kind) {
    case HAPPENS_PRODUCE:
        if (h->which == 1)
            send_late(w, h->ptr);
        else
            send_arrive(w, h->ptr);
        break;
    case HAPPENS_SAVE:
        save(w, h);
        break;
    case HAPPENS_ETCD:
        etcd_arrive(w, h->ptr);
        break;
    case HAPPENS_TXN:
        txn_arrive(w, h->ptr);
        break;
    case HAPPENS_HEAD:
        see_head(w, h->who);
        break;
    case HAPPENS_REREAD:
        for (uint32_t dc = 0; dc < w->p.dc_count; dc++)
            see_head(w, dc);
        world_plan(w, 5 * SECOND, h);
        break;
    case HAPPENS_OWNERS:
        divide_look(w);
        break;
    case HAPPENS_SOURCE:
    case HAPPENS_SOURCE_END:
        source_happens(w, h);
        break;
    case HAPPENS_FAULT:
    case HAPPENS_FAULT_END:
        fault_happens(w, h);
        break;
    case HAPPENS_HEAL:
        heal(w);
        break;
    case HAPPENS_LOOK:
        look(w);
        break;
    case HAPPENS_STORY:
        story_happens(w, h);
        break;
    case HAPPENS_OPERATOR:
        operator_looks(w);
        break;
    case HAPPENS_PUMP:
    case HAPPENS_DELIVERED:
    case HAPPENS_WORKED:
    case HAPPENS_TICK:
    case HAPPENS_ANSWER:
    case HAPPENS_TXN_DONE:
    case HAPPENS_READY:
    case HAPPENS_FOR_INSTANCE:
        break;
    }
}

/* Everything but what is kept from seed to seed is forgotten. */
static void forget(struct world *w)
{
    end_merges(w);
    for (uint32_t n = 0; n < INSTANCES_MAX; n++) {
        struct instance *i = &w->instances[n];

        *i = (struct instance){.line = i->line, .merge = i->merge};
    }
    pool_reset(&w->pool);
    timeline_reset(&w->timeline);
    if (w->scratch.block_bytes == 0)
        arena_init(&w->scratch, 1 << 16, 64 << 20);
    if (w->decoded.block_bytes == 0)
        arena_init(&w->decoded, 1 << 20, 512 << 20);
    arena_reset(&w->decoded);
    w->instance_count = 0;
    w->now_us = 0;
    w->is_faulty = true;
    w->is_over = false;
    w->etcd_backup.cut_count = 0;
    w->lost = (struct lost){0};
    w->etcd_down_until_us = 0;
    w->etcd_slow_until_us = 0;
    w->etcd_unknown_until_us = 0;
    w->serials = 0;
    w->leases = 0;
    w->events_sent = 0;
    w->drained_looks = 0;
    w->task_count = 0;
    w->origin_count = 0;
    w->stats = (struct stats){0};
}

bool world_run(struct world *w, const struct params *p)
{
    struct happening h;

    forget(w);
    w->p = *p;
    chance_seed(&w->chance, p->seed, 2);
    chance_seed(&w->chance_net, p->seed, 3);
    chance_seed(&w->chance_detail, p->seed, 4);
    layout_begin(w);
    check_begin(w);
    net_begin(w);
    tasks_begin(w);
    etcd_begin(w);
    divide_begin(w);
    if (p->story != NULL) {
        story_begin(w);
    } else {
        source_begin(w);
        faults_begin(w);
        operator_begin(w);
    }
    world_plan(w, 0, &(struct happening){.kind = HAPPENS_REREAD});
    world_plan(w, p->faults_ms * MS, &(struct happening){.kind = HAPPENS_HEAL});
    while (!w->is_over && !check_verdict(w)->is_broken && timeline_next(&w->timeline, &h)) {
        w->now_us = h.at_us;
        if (++w->stats.happenings > HAPPENINGS_MAX)
            check_fail(w, "I10", "more than %d happenings: something runs in circles",
                       HAPPENINGS_MAX);
        happen(w, &h);
    }
    if (!check_verdict(w)->is_broken)
        check_end(w);
    end_merges(w);
    return !check_verdict(w)->is_broken;
}
