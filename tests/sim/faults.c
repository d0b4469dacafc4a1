/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults.c - what goes wrong, and when: each kind of fault that the seed has comes again and
 * again, at about its mean interval, until the phase with faults ends.
 */
#include "tests/sim/check.h"
#include "tests/sim/loss.h"
#include "tests/sim/world.h"

#include <stdio.h>

void fault_count(struct world *w, enum fault f)
{
    w->stats.faults++;
    w->stats.fault[f]++;
}

static void plan_next(struct world *w, enum fault f)
{
    int64_t mean = (int64_t)w->p.fault_mean_ms[f] * MS;

    world_plan(w, chance_between(&w->chance, mean / 5, 2 * mean - mean / 5),
               &(struct happening){.kind = HAPPENS_FAULT, .which = f});
}

void faults_begin(struct world *w)
{
    for (enum fault f = 0; f < FAULT_COUNT; f++) {
        if (w->p.fault_mean_ms[f] != 0)
            plan_next(w, f);
    }
}

static uint32_t some_dc(struct world *w)
{
    return chance_below(&w->chance, w->p.dc_count);
}

/* Mostly short, sometimes minutes. */
static int64_t some_time_us(struct world *w, int64_t longest_s)
{
    if (chance_permille(&w->chance, 600))
        return chance_between(&w->chance, 200 * MS, 15 * SECOND);
    return chance_between(&w->chance, SECOND, longest_s * SECOND);
}

/* As after a night without an event: the chain's time is far behind everybody's clock. */
static void all_clocks(struct world *w, int64_t jump_ms)
{
    say(w, NOBODY, NOBODY, "world", "every clock jumps by %lld ms", (long long)jump_ms);
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        for (uint32_t node = 0; node < w->p.node_count; node++)
            w->dcs[dc].nodes[node].clock_offset_ms += jump_ms;
    }
}

static void fault_of_node(struct world *w, enum fault f)
{
    uint32_t dc = some_dc(w);
    uint32_t node = chance_below(&w->chance, w->p.node_count);
    struct node *n = &w->dcs[dc].nodes[node];
    int64_t time_us = some_time_us(w, 150);

    if (f == FAULT_node_crash && n->is_up) {
        say(w, dc, node, "node", "crashes");
        n->paused_until_us = 0;
        node_crash(w, dc, node);
        world_plan(
            w, time_us,
            &(struct happening){.kind = HAPPENS_FAULT_END, .which = f, .who = dc, .number = node});
    } else if (f == FAULT_node_pause && n->is_up && n->paused_until_us <= w->now_us) {
        say(w, dc, node, "node", "stands still for %.1f s", (double)time_us / 1e6);
        n->paused_until_us = w->now_us + time_us;
    } else if (f == FAULT_clock_jump) {
        int64_t jump = chance_permille(&w->chance, 800)
                           ? chance_between(&w->chance, -3600000, 3600000)
                           : chance_between(&w->chance, 0, 365LL * 86400000);

        if (chance_permille(&w->chance, 400)) {
            all_clocks(w, chance_between(&w->chance, 3600000, 6 * 3600000));
            return;
        }
        say(w, dc, node, "node", "its clock jumps by %lld ms", (long long)jump);
        n->clock_offset_ms += jump;
    }
}

static void fault_of_task(struct world *w, enum fault f)
{
    uint32_t task = chance_below(&w->chance, w->task_count);

    if (f == FAULT_second_merge) {
        uint32_t dc = some_dc(w);

        for (task = 0; task < w->task_count; task++) {
            if (w->tasks[task].kind == TASK_MERGE && w->tasks[task].dc == dc)
                break;
        }
    }
    say(w, w->tasks[task].dc, NOBODY, task_name(&w->tasks[task]), "is started a second time");
    second_owner(w, task);
}

static void cut_link(struct world *w, uint32_t a, uint32_t b, int64_t until_us)
{
    if (w->net.cut_until_us[a][b] < until_us)
        w->net.cut_until_us[a][b] = until_us;
}

static const char *site_name(const struct world *w, uint32_t site)
{
    return site < w->p.dc_count ? (const char *)w->dcs[site].name.ptr : "witness";
}

static void fault_of_link(struct world *w, enum fault f)
{
    uint32_t a = chance_below(&w->chance, SIM_SITES);
    uint32_t b = (a + 1 + chance_below(&w->chance, SIM_SITES - 1)) % SIM_SITES;
    int64_t until_us = w->now_us + some_time_us(w, 120);

    say(w, NOBODY, NOBODY, "net", "%s between %s and %s for %.1f s", fault_name(f), site_name(w, a),
        site_name(w, b), (double)(until_us - w->now_us) / 1e6);
    if (f == FAULT_link_clog) {
        w->net.clog_until_us[a][b] = until_us;
        w->net.clog_until_us[b][a] = until_us;
    } else if (f == FAULT_link_flap) {
        cut_link(w, a, b, w->now_us + 2 * SECOND);
        for (int n = 1; n < 8; n++)
            world_plan(
                w, n * 4 * SECOND,
                &(struct happening){.kind = HAPPENS_FAULT_END, .which = f, .who = a, .number = b});
    } else if (f == FAULT_dc_lost) {
        for (uint32_t s = 0; s < SIM_SITES; s++) {
            if (s != a) {
                cut_link(w, a, s, until_us);
                cut_link(w, s, a, until_us);
            }
        }
    } else {
        cut_link(w, a, b, until_us);
        if (f == FAULT_link_cut)
            cut_link(w, b, a, until_us);
    }
}

static void fault_of_etcd(struct world *w, enum fault f)
{
    int64_t until_us = w->now_us + some_time_us(w, 90);

    say(w, NOBODY, NOBODY, "etcd", "%s for %.1f s", fault_name(f),
        (double)(until_us - w->now_us) / 1e6);
    if (f == FAULT_etcd_down)
        w->etcd_down_until_us = until_us;
    else if (f == FAULT_etcd_slow)
        w->etcd_slow_until_us = until_us;
    else
        w->etcd_unknown_until_us = until_us;
}

/* A fault of one DC that lasts for a while; what it does to a request is drawn there. */
static void fault_window(struct world *w, enum fault f)
{
    uint32_t dc = some_dc(w);
    int64_t time_us = some_time_us(w, 90);

    say(w, dc, NOBODY, "faults", "%s for %.1f s", fault_name(f), (double)time_us / 1e6);
    w->dcs[dc].window_until_us[f] = w->now_us + time_us;
}

static struct klog *some_braid_log(struct world *w, uint32_t dc)
{
    struct dc *d = &w->dcs[dc];
    uint32_t by = some_dc(w);
    uint32_t partition = chance_below(&w->chance, w->p.e_partitions);

    switch (chance_below(&w->chance, 4)) {
    case 0:
        return d->global;
    case 1:
        by = w->origin_dc[chance_below(&w->chance, w->origin_count)];
        if (by != dc)
            return d->source[by][0][0];
        return d->enriched[by][partition];
    default:
        return d->enriched[by][partition];
    }
}

/* What a mirror that takes too much, or somebody with kcat, would write. */
static void foreign_record(struct world *w)
{
    uint32_t dc = some_dc(w);
    struct klog *log = some_braid_log(w, dc);
    struct krec like = {.time_ms = world_now_ms(w), .copy_dc = -1};
    const struct klog *from = NULL;
    struct header forged[2] = {
        {SLICE_LIT("braid-origin"), SLICE_LIT("eqiad/edit.v1/0/0/x/7")},
        {SLICE_LIT("braid-seq"), SLICE_LIT("18446744073709551617")},
    };

    if (log->role == LOG_ENRICHED_COPY)
        from = w->dcs[log->origin].enriched[log->origin][log->partition];
    if (from != NULL && from->end > from->start && chance_permille(&w->chance, 800)) {
        int64_t back = chance_below(&w->chance, 4);
        const struct krec *k = klog_at(from, from->end - 1 - back);

        if (k != NULL && k->state == KREC_VISIBLE) {
            if (chance_permille(&w->chance, 300))
                like.copy_dc = (int32_t)log->origin;
            say(w, dc, NOBODY, "mirror", "copies a record of %.*s",
                SLICE_ARG(w->dcs[log->origin].name));
            (void)klog_append(w, log, k->body, like);
            return;
        }
    }
    say(w, dc, NOBODY, "stranger", "writes a record to a topic of Braid's");
    (void)klog_append(
        w, log,
        body_new(w, SLICE_LIT("?"), SLICE_LIT("who am I"), forged, chance_below(&w->chance, 3)),
        like);
}

static void depool(struct world *w)
{
    uint32_t dc = some_dc(w);

    if (net_etcd_site(w, dc) < 0)
        return;
    w->etcd.depooled[dc] = true;
    w->etcd.pool_us[dc] = w->now_us;
    w->etcd.revision++;
    say(w, dc, NOBODY, "operator", "depools the DC");
    world_plan(w, some_time_us(w, 120),
               &(struct happening){.kind = HAPPENS_FAULT_END, .which = FAULT_depool, .who = dc});
}

static void change_spec(struct world *w)
{
    struct merge_params *spec = &w->etcd.spec;

    w->etcd.spec_version++;
    w->etcd.revision++;
    spec->failed_emit = chance_permille(&w->chance, 500);
    spec->canaries_drop = chance_permille(&w->chance, 500);
    spec->cap_records = (uint32_t)chance_between(&w->chance, 10, 2000);
    if (chance_permille(&w->chance, 500))
        spec->dedup_window = (uint64_t)chance_between(&w->chance, 10, 800);
    if (spec->dedup_window > w->etcd.window_max)
        w->etcd.window_max = spec->dedup_window;
    say(w, NOBODY, NOBODY, "operator", "applies version %llu of the spec",
        (unsigned long long)w->etcd.spec_version);
}

static void broker_down(struct world *w)
{
    const uint32_t dc = some_dc(w);

    const int64_t until_us = w->now_us + some_time_us(w, 90);

    if (is_lost(w, dc))
        return;
    w->dcs[dc].kafka_down_until_us = until_us;
    say(w, dc, NOBODY, "kafka", "is away");
}

static void pool(struct world *w, uint32_t dc)
{
    if (!w->etcd.depooled[dc] || is_declared_lost(w, dc))
        return;
    w->etcd.depooled[dc] = false;
    w->etcd.pool_us[dc] = w->now_us;
}

static void back_up(struct world *w)
{
    if (w->etcd_backup.cut_count != 0 || w->etcd.is_paused)
        return;
    etcd_back_up(w);
    world_plan(w, chance_between(&w->chance, 2 * SECOND, 100 * SECOND),
               &(struct happening){.kind = HAPPENS_FAULT_END, .which = FAULT_etcd_restore});
}

/* etcd is down for a while, and comes back as it was backed up. */
static void restore(struct world *w, bool is_down)
{
    const int64_t down_us = chance_between(&w->chance, 2 * SECOND, 20 * SECOND);

    if (is_down) {
        etcd_restore(w);
        w->etcd_backup.cut_count = 0;
    } else if (w->is_faulty) {
        w->etcd_down_until_us = w->now_us + down_us;
        world_plan(w, down_us,
                   &(struct happening){
                       .kind = HAPPENS_FAULT_END, .which = FAULT_etcd_restore, .number = 1});
    }
}

static void fault_ends(struct world *w, const struct happening *h)
{
    const enum fault f = (enum fault)h->which;

    if (f == FAULT_member_lost)
        lost_goes_on(w, h->number);
    else if (f == FAULT_node_crash)
        w->dcs[h->who].nodes[h->number].is_up = !is_lost(w, h->who);
    else if (f == FAULT_depool)
        pool(w, h->who);
    else if (f == FAULT_etcd_restore)
        restore(w, h->number != 0);
    else if (f == FAULT_link_flap && w->is_faulty)
        cut_link(w, h->who, (uint32_t)h->number, w->now_us + 2 * SECOND);
}

static void fault_of_log(struct world *w, enum fault f)
{
    if (f == FAULT_retention)
        retention(w);
    else if (f == FAULT_truncation)
        truncation(w);
    else if (f == FAULT_member_lost)
        lost_begins(w);
    else
        copy_lost(w);
}

static void act_of_operator(struct world *w, enum fault f)
{
    if (f == FAULT_depool)
        depool(w);
    else if (f == FAULT_spec_change)
        change_spec(w);
    else
        accept_incarnation(w, some_dc(w));
}

void fault_happens(struct world *w, const struct happening *h)
{
    const enum fault f = (enum fault)h->which;

    if (h->kind == HAPPENS_FAULT_END) {
        fault_ends(w, h);
        return;
    }
    if (!w->is_faulty)
        return;
    fault_count(w, f);
    plan_next(w, f);
    switch (f) {
    case FAULT_node_crash:
    case FAULT_node_pause:
    case FAULT_clock_jump:
        fault_of_node(w, f);
        break;
    case FAULT_second_owner:
    case FAULT_second_merge:
        fault_of_task(w, f);
        break;
    case FAULT_link_cut:
    case FAULT_link_one_way:
    case FAULT_link_flap:
    case FAULT_link_clog:
    case FAULT_dc_lost:
        fault_of_link(w, f);
        break;
    case FAULT_etcd_down:
    case FAULT_etcd_slow:
    case FAULT_etcd_unknown:
        fault_of_etcd(w, f);
        break;
    case FAULT_foreign_record:
        foreign_record(w);
        break;
    case FAULT_depool:
    case FAULT_spec_change:
    case FAULT_new_incarnation:
        act_of_operator(w, f);
        break;
    case FAULT_broker_down:
        broker_down(w);
        break;
    case FAULT_retention:
    case FAULT_truncation:
    case FAULT_copy_lost:
    case FAULT_member_lost:
        fault_of_log(w, f);
        break;
    case FAULT_etcd_restore:
        back_up(w);
        break;
    case FAULT_watch_lost:
    case FAULT_produce_fail:
    case FAULT_produce_slow:
    case FAULT_endtxn_unknown:
    case FAULT_endtxn_late:
    case FAULT_wiki_errors:
    case FAULT_wiki_slow:
    case FAULT_place_lost:
    case FAULT_read_stall:
    case FAULT_stale_read:
    case FAULT_page_hidden:
    case FAULT_id_repeated:
    case FAULT_source_txn:
    case FAULT_COUNT:
        fault_window(w, f);
        break;
    }
}

void faults_heal(struct world *w)
{
    lost_heals(w);
    w->etcd_down_until_us = 0;
    w->etcd_slow_until_us = 0;
    w->etcd_unknown_until_us = 0;
    for (uint32_t a = 0; a < SIM_SITES; a++) {
        for (uint32_t b = 0; b < SIM_SITES; b++) {
            w->net.cut_until_us[a][b] = 0;
            w->net.clog_until_us[a][b] = 0;
        }
    }
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        struct dc *d = &w->dcs[dc];

        d->kafka_down_until_us = 0;
        pool(w, dc);
        memset(d->window_until_us, 0, sizeof d->window_until_us);
        for (uint32_t n = 0; n < w->p.node_count; n++) {
            d->nodes[n].is_up = true;
            d->nodes[n].paused_until_us = 0;
        }
    }
}
