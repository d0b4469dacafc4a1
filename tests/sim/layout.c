/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c - what exists in one seed: DCs, topics, logs, strands and the tasks that move records
 * between them.
 */
#include "tests/sim/world.h"

#include <assert.h>

static struct klog *new_log(struct world *w, enum log_role role, uint32_t dc, uint32_t origin)
{
    struct klog *log = pool_alloc(&w->pool, sizeof *log);

    log->role = role;
    log->dc = dc;
    log->origin = origin;
    return log;
}

static void begin_dc(struct world *w, uint32_t dc)
{
    static const char *const names[SIM_DCS] = {"codfw", "eqiad", "esams"};
    struct dc *d = &w->dcs[dc];
    struct arena arenas[SIM_NODES]; /* are kept from seed to seed */

    for (uint32_t n = 0; n < SIM_NODES; n++)
        arenas[n] = d->nodes[n].arena;
    *d = (struct dc){.name = slice_str(names[dc])};
    for (uint32_t n = 0; n < SIM_NODES; n++)
        d->nodes[n].arena = arenas[n];
    for (uint32_t n = 0; n < w->p.node_count; n++) {
        d->nodes[n].is_up = true;
        d->nodes[n].booted_ms = chance_between(&w->chance, 1000, 100000000);
        d->nodes[n].clock_offset_ms = chance_between(&w->chance, -500, 500);
        d->nodes[n].drift_ppm = chance_between(&w->chance, -200, 200);
        if (w->p.far_clock && dc == 1)
            d->nodes[n].clock_offset_ms += 365LL * 86400000;
    }
    d->global = new_log(w, LOG_GLOBAL, dc, dc);
    d->cuts = new_log(w, LOG_CUTS, dc, dc);
    for (uint32_t o = 0; o < w->p.dc_count; o++) {
        for (uint32_t p = 0; p < w->p.e_partitions; p++) {
            d->enriched[o][p] = new_log(w, o == dc ? LOG_ENRICHED : LOG_ENRICHED_COPY, dc, o);
            d->enriched[o][p]->partition = p;
        }
        for (uint32_t t = 0; t < w->p.topic_count; t++) {
            for (uint32_t p = 0; p < w->p.partitions[t]; p++) {
                struct klog *log = new_log(w, o == dc ? LOG_SOURCE : LOG_SOURCE_COPY, dc, o);

                log->topic = t;
                log->partition = p;
                d->source[o][t][p] = log;
            }
        }
    }
}

void layout_begin(struct world *w)
{
    w->topics[0] = SLICE_LIT("edit.v1");
    w->topics[1] = SLICE_LIT("page.v1");
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        begin_dc(w, dc);
        for (uint32_t t = 0; t < w->p.topic_count; t++) {
            for (uint32_t p = 0; p < w->p.partitions[t]; p++) {
                w->origin_table[dc][t][p] = w->origin_count;
                w->origin_dc[w->origin_count] = dc;
                w->origin_topic[w->origin_count] = t;
                w->origin_partition[w->origin_count++] = p;
            }
        }
    }
    w->layout = (struct layout){.names = w->names};
    for (uint32_t by = 0; by < w->p.dc_count; by++) {
        for (uint32_t o = 0; o < w->origin_count; o++) {
            uint32_t s = w->layout.count;

            w->strand_table[by][o] = UINT32_MAX;
            if (w->p.at_origin && w->origin_dc[o] != by)
                continue;
            w->names[s] = (struct strand_name){
                .by = w->dcs[by].name,
                .from = {.dc = w->dcs[w->origin_dc[o]].name,
                         .topic = w->topics[w->origin_topic[o]],
                         .partition = w->origin_partition[o]},
            };
            w->strand_table[by][o] = s;
            w->strand_by[s] = by;
            w->strand_origin[s] = o;
            w->layout.count++;
        }
    }
    layout_hash(&w->layout);
}

static struct task *add_task(struct world *w, enum task_kind kind, uint32_t dc)
{
    struct task *t = &w->tasks[w->task_count++];

    assert(w->task_count <= TASKS_MAX);
    *t = (struct task){.kind = kind, .dc = dc};
    t->config.in_flight_max = w->p.in_flight_max;
    t->config.failed_share_max = w->p.failed_share_max;
    t->config.retention_ms = w->p.retention_ms;
    return t;
}

static void add_strand(const struct world *w, struct task *t, uint32_t origin)
{
    uint32_t n = t->config.strand_count++;

    assert(n < LINE_STRANDS_MAX);
    t->config.strands[n] = (struct origin_partition){
        .dc = w->dcs[w->origin_dc[origin]].name,
        .topic = w->topics[w->origin_topic[origin]],
        .partition = w->origin_partition[origin],
    };
    t->config.start[n] = POSITION_NONE;
    t->strand_origins[n] = origin;
}

static void add_copy_source(struct world *w, uint32_t dc, uint32_t origin)
{
    struct task *t = add_task(w, TASK_COPY_SOURCE, dc);
    uint32_t from = w->origin_dc[origin];
    uint32_t topic = w->origin_topic[origin];
    uint32_t partition = w->origin_partition[origin];

    t->origin = from;
    t->topic = topic;
    t->partition = partition;
    t->input = w->dcs[from].source[from][topic][partition];
    t->output = w->dcs[dc].source[from][topic][partition];
    t->config.kind = LINE_COPY;
    t->config.raw = true;
    t->config.output_copy_dc = w->dcs[dc].name;
    add_strand(w, t, origin);
}

static void add_enrich(struct world *w, uint32_t dc, uint32_t origin)
{
    struct task *t = add_task(w, TASK_ENRICH, dc);
    uint32_t from = w->origin_dc[origin];

    t->origin = from;
    t->topic = w->origin_topic[origin];
    t->partition = w->origin_partition[origin];
    t->input = w->dcs[dc].source[from][t->topic][t->partition];
    t->output = w->dcs[dc].enriched[dc][t->partition];
    t->config.kind = LINE_ENRICH;
    t->config.raw = from == dc;
    if (from != dc)
        t->config.input_copy_dc = w->dcs[dc].name;
    t->config.by_dc = w->dcs[dc].name;
    add_strand(w, t, origin);
}

static void add_copy_enriched(struct world *w, uint32_t dc, uint32_t by, uint32_t partition)
{
    struct task *t = add_task(w, TASK_COPY_ENRICHED, dc);

    t->origin = by;
    t->partition = partition;
    t->input = w->dcs[by].enriched[by][partition];
    t->output = w->dcs[dc].enriched[by][partition];
    t->config.kind = LINE_COPY;
    t->config.output_copy_dc = w->dcs[dc].name;
    t->config.by_dc = w->dcs[by].name;
    for (uint32_t o = 0; o < w->origin_count; o++) {
        if (w->origin_partition[o] == partition && strand_index(w, by, o) != UINT32_MAX)
            add_strand(w, t, o);
    }
    if (t->config.strand_count == 0)
        w->task_count--;
}

void tasks_begin(struct world *w)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        (void)add_task(w, TASK_MERGE, dc);
        for (uint32_t o = 0; o < w->origin_count; o++) {
            bool is_own = w->origin_dc[o] == dc;

            if (!is_own && !w->p.at_origin)
                add_copy_source(w, dc, o);
            if (is_own || !w->p.at_origin)
                add_enrich(w, dc, o);
        }
        for (uint32_t by = 0; by < w->p.dc_count; by++) {
            for (uint32_t p = 0; p < w->p.e_partitions && by != dc; p++)
                add_copy_enriched(w, dc, by, p);
        }
    }
}

const char *task_name(const struct task *t)
{
    switch (t->kind) {
    case TASK_COPY_SOURCE:
        return "copy source";
    case TASK_ENRICH:
        return "enrich";
    case TASK_COPY_ENRICHED:
        return "copy enriched";
    case TASK_MERGE:
        return "merge";
    }
    return "?";
}
