/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/params.h"

#include "tests/sim/chance.h"

static const uint32_t fault_means[FAULT_COUNT] = {
#define X(name, mean, what) mean,
    FAULT_MAP(X)
#undef X
};

const char *fault_name(enum fault f)
{
    static const char *const names[FAULT_COUNT] = {
#define X(name, mean, what) #name,
        FAULT_MAP(X)
#undef X
    };

    return names[f];
}

const char *fault_rare(enum fault f)
{
    (void)f;
    return "";
}

static uint32_t one_of(struct chance *c, const uint32_t *list, uint32_t count)
{
    return list[chance_below(c, count)];
}

#define ONE_OF(c, ...)                                                                             \
    one_of((c), (const uint32_t[]){__VA_ARGS__},                                                   \
           (uint32_t)(sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)))

static void draw_shape(struct params *p, struct chance *c)
{
    p->dc_count = chance_permille(c, 700) ? 2 : 3;
    p->node_count = 1 + chance_below(c, SIM_NODES);
    p->topic_count = chance_permille(c, 700) ? 1 : 2;
    for (uint32_t t = 0; t < p->topic_count; t++) {
        p->partitions[t] = ONE_OF(c, 1, 1, 2, 3);
        if (p->partitions[t] > p->e_partitions)
            p->e_partitions = p->partitions[t];
    }
    p->at_origin = chance_permille(c, 250);
    p->records = (uint32_t)chance_between(c, 1900, 2900);
    p->burst_max = ONE_OF(c, 4, 8, 16);
    p->faults_ms = chance_between(c, 570000, 640000);
    p->drain_ms_max = 300000;
}

static void draw_spec(struct params *p, struct chance *c)
{
    p->cut_interval_ms = ONE_OF(c, 500, 500, 1000, 1000);
    p->member_timeout_ms = (uint32_t)chance_between(c, 4000, 15000);
    p->member_rejoin_ms = (uint32_t)chance_between(c, 2000, 10000);
    p->member_lag_max_ms = (uint32_t)chance_between(c, 4000, 30000);
    p->failed_grace_ms = (uint32_t)chance_between(c, 2000, 10000);
    p->min_members = p->dc_count == 2 ? 1 : ONE_OF(c, 1, 2, 2);
    p->dedup_window = ONE_OF(c, 20, 60, 200, 1000);
    p->cap_records = ONE_OF(c, 10, 40, 200, 2000);
    p->in_flight_max = ONE_OF(c, 4, 16, 64, 256);
    p->entries_max = ONE_OF(c, 64, 512, 16384, 16384);
    p->bytes_max = ONE_OF(c, 16 << 10, 64 << 10, 8 << 20, 8 << 20);
    p->source_tick_ms = ONE_OF(c, 1, 1, 1000, 10000);
    if (chance_permille(c, 150)) {
        p->quiet_from_ms = chance_between(c, 60000, 200000);
        p->quiet_ms = chance_between(c, 280000, 340000);
    }
    p->failed_emit = chance_permille(c, 400);
    p->canaries_drop = chance_permille(c, 400);
    p->far_clock = chance_permille(c, 100);
    for (uint32_t dc = 0; dc < p->dc_count; dc++)
        p->failed_share[dc] = ONE_OF(c, 0, 10, 50, 200);
    p->withheld_share = ONE_OF(c, 0, 20, 100);
}

/* Swarm: which faults exist differs from seed to seed, and so does how often. */
static void draw_faults(struct params *p, struct chance *c)
{
    uint32_t share = ONE_OF(c, 200, 400, 700);

    for (uint32_t f = 0; f <= FAULT_source_txn; f++) { /* those after it: draw_more_faults */
        uint32_t scale = ONE_OF(c, 500, 1000, 2000);

        if (chance_permille(c, share) && fault_means[f] != 0)
            p->fault_mean_ms[f] = fault_means[f] * scale / 1000;
    }
    p->own_lost_share = ONE_OF(c, 0, 0, 0, 20, 20);
    p->fault_share[FAULT_page_hidden] = ONE_OF(c, 0, 20, 100);
    p->fault_share[FAULT_id_repeated] = ONE_OF(c, 0, 20, 100);
    p->fault_share[FAULT_source_txn] = ONE_OF(c, 0, 50, 200);
}

static void more(struct params *p, enum fault f, uint32_t mean_ms)
{
    if (p->fault_mean_ms[f] == 0 || p->fault_mean_ms[f] > mean_ms)
        p->fault_mean_ms[f] = mean_ms;
}

static void bias_copies(struct params *p)
{
    p->fault_mean_ms[FAULT_truncation] = 0;
    more(p, FAULT_node_crash, 15000);
    if (p->mutant == MUTANT_no_skim) {
        more(p, FAULT_second_owner, 10000);
        more(p, FAULT_copy_lost, 20000);
        p->fault_mean_ms[FAULT_retention] = 0;
    } else {
        more(p, FAULT_copy_lost, 40000);
        more(p, FAULT_endtxn_unknown, 15000);
        more(p, FAULT_retention, 20000);
    }
}

/* Logs that lose their end. */
static void bias_truncation(struct params *p)
{
    switch (p->mutant) {
    case MUTANT_ignore_digest:
        /* Two DCs must have copied different versions before anybody sees the loss. */
        p->dc_count = 3;
        p->node_count = 1;
        more(p, FAULT_truncation, 4000);
        more(p, FAULT_node_crash, 15000);
        more(p, FAULT_link_cut, 15000);
        more(p, FAULT_link_clog, 15000);
        p->own_lost_share = 55;
        p->fault_mean_ms[FAULT_retention] = 0;
        break;
    case MUTANT_ignore_leader_epoch:
        more(p, FAULT_truncation, 5000);
        more(p, FAULT_node_crash, 10000);
        p->own_lost_share = 0;
        break;
    default:
        more(p, FAULT_truncation, 20000);
        p->own_lost_share = 20;
        p->fault_mean_ms[FAULT_retention] = 0;
        break;
    }
}

/* Strands that stand still because of what others do. */
static void bias_waits(struct params *p)
{
    p->in_flight_max = 4;
    if (p->mutant == MUTANT_last_waits) {
        p->failed_share_max = 20;
        more(p, FAULT_wiki_errors, 10000);
    } else {
        p->retention_ms = 20000;
        more(p, FAULT_etcd_down, 30000);
    }
}

static void bias_gaps(struct params *p)
{
    p->at_origin = false;
    more(p, FAULT_retention, 10000);
    more(p, FAULT_node_crash, 20000);
    more(p, FAULT_link_cut, 30000);
    p->fault_mean_ms[FAULT_truncation] = 0;
}

static void bias_restore(struct params *p)
{
    if (p->mutant != MUTANT_ignore_restored && p->mutant != MUTANT_recover_own)
        return;
    more(p, FAULT_etcd_restore, 30000);
    p->fault_mean_ms[FAULT_truncation] = 0;
    p->fault_mean_ms[FAULT_copy_lost] = 0;
    p->fault_mean_ms[FAULT_new_incarnation] = 0;
}

static void bias_lost(struct params *p)
{
    if (p->mutant != MUTANT_era_at_head && p->mutant != MUTANT_era_goes_on &&
        p->mutant != MUTANT_era_enters)
        return;
    p->dc_count = 2;
    p->min_members = 1;
    p->fault_mean_ms[FAULT_truncation] = 0;
    p->fault_mean_ms[FAULT_copy_lost] = 0;
    p->fault_mean_ms[FAULT_etcd_restore] = 0;
    p->fault_mean_ms[FAULT_retention] = 0;
    more(p, FAULT_member_lost, 40000);
}

/* The faults that a mutant needs to show itself; every other mutant takes the seed as it is. */
static void bias(struct params *p)
{
    switch (p->mutant) {
    case MUTANT_trust_foreign:
        more(p, FAULT_foreign_record, 4000);
        more(p, FAULT_link_cut, 30000);
        break;
    case MUTANT_ignore_truncation:
    case MUTANT_ignore_epochs:
    case MUTANT_keep_log_epoch:
    case MUTANT_ignore_digest:
    case MUTANT_ignore_leader_epoch:
        bias_truncation(p);
        break;
    case MUTANT_ignore_incarnation:
    case MUTANT_cross_at_held:
    case MUTANT_cross_unemitted:
    case MUTANT_cross_same_epoch:
        more(p, FAULT_new_incarnation, 20000);
        break;
    case MUTANT_accept_overlaps:
    case MUTANT_place_from_output:
    case MUTANT_commit_ahead:
        more(p, FAULT_second_owner, 10000);
        more(p, FAULT_produce_fail, 20000);
        more(p, FAULT_node_crash, 30000);
        break;
    case MUTANT_start_at_earliest:
    case MUTANT_gap_offered:
        bias_gaps(p);
        break;
    case MUTANT_no_skim:
    case MUTANT_copy_from_first:
    case MUTANT_copy_places:
        bias_copies(p);
        break;
    case MUTANT_cut_goes_back:
    case MUTANT_drop_stale_view:
        more(p, FAULT_etcd_slow, 20000);
        more(p, FAULT_etcd_unknown, 20000);
        more(p, FAULT_dc_lost, 60000);
        more(p, FAULT_node_crash, 20000);
        break;
    case MUTANT_join_silent:
        p->quiet_from_ms = 60000;
        p->quiet_ms = 300000;
        p->cuts_kept = 2000;
        more(p, FAULT_dc_lost, 40000);
        break;
    case MUTANT_join_unlogged:
        p->cuts_kept = 0;
        p->cut_interval_ms = 500;
        more(p, FAULT_dc_lost, 60000);
        more(p, FAULT_node_crash, 20000);
        more(p, FAULT_produce_slow, 15000);
        break;
    case MUTANT_last_waits:
    case MUTANT_write_uncut:
        bias_waits(p);
        break;
    case MUTANT_cut_unlogged:
    case MUTANT_emit_unlogged:
    case MUTANT_delete_unlogged:
        p->cuts_kept = 0;
        p->cut_interval_ms = 500;
        more(p, FAULT_produce_fail, 15000);
        more(p, FAULT_produce_slow, 15000);
        break;
    default:
        break;
    }
}

/* Drawn apart, so that they change no seed that does not have them. */
static void draw_more_faults(struct params *p)
{
    struct chance c;

    chance_seed(&c, p->seed, 7);
    if (chance_permille(&c, 120))
        p->fault_mean_ms[FAULT_copy_lost] = ONE_OF(&c, 60000, 120000, 240000);
    p->copy_dc = chance_below(&c, p->dc_count);
    /* One DC may lose its end while the other, all empty, waits for it: then nobody has it. */
    if (p->fault_mean_ms[FAULT_truncation] != 0 && p->fault_mean_ms[FAULT_retention] != 0)
        p->fault_mean_ms[FAULT_copy_lost] = 0;
    if (chance_permille(&c, 150))
        p->fault_mean_ms[FAULT_new_incarnation] = ONE_OF(&c, 30000, 60000, 120000);
    chance_seed(&c, p->seed, 8);
    p->failed_share_max = ONE_OF(&c, 100, 100, 50, 20);
    p->retention_ms = ONE_OF(&c, 0, 0, 20000, 60000);
    chance_seed(&c, p->seed, 9);
    if (p->fault_mean_ms[FAULT_truncation] == 0 && p->fault_mean_ms[FAULT_copy_lost] == 0 &&
        p->fault_mean_ms[FAULT_new_incarnation] == 0 && chance_permille(&c, 250))
        p->fault_mean_ms[FAULT_etcd_restore] = ONE_OF(&c, 60000, 120000);
}

/* The other DC goes on in a new era, and the lost one comes back. */
static void draw_lost(struct params *p)
{
    struct chance c;

    chance_seed(&c, p->seed, 10);
    if (p->dc_count != 2 || p->fault_mean_ms[FAULT_truncation] != 0 ||
        p->fault_mean_ms[FAULT_copy_lost] != 0 || p->fault_mean_ms[FAULT_etcd_restore] != 0 ||
        p->fault_mean_ms[FAULT_retention] != 0)
        return;
    if (chance_permille(&c, 400))
        p->fault_mean_ms[FAULT_member_lost] = ONE_OF(&c, 60000, 120000);
}

/* Few are kept by half of the seeds, so that logs of cuts are needed; as many as a node keeps by some. */
static void draw_kept(struct params *p)
{
    struct chance c;

    chance_seed(&c, p->seed, 9);
    if (chance_permille(&c, 500))
        p->cuts_kept = ONE_OF(&c, 3, 50, 2000, 2000);
}

void params_draw(struct params *p, uint64_t seed, enum mutant mutant)
{
    struct chance c;

    chance_seed(&c, seed, 1);
    *p = (struct params){.seed = seed, .mutant = mutant};
    draw_shape(p, &c);
    draw_spec(p, &c);
    draw_faults(p, &c);
    draw_more_faults(p);
    draw_kept(p);
    draw_lost(p);
    bias(p);
    bias_restore(p);
    bias_lost(p);
}

void params_print(const struct params *p, FILE *to)
{
    (void)fprintf(to, "seed %llu: dcs %u, nodes %u, topics %u, partitions %u/%u, enrich_at %s\n",
                  (unsigned long long)p->seed, p->dc_count, p->node_count, p->topic_count,
                  p->partitions[0], p->partitions[1], p->at_origin ? "origin" : "everywhere");
    (void)fprintf(to,
                  "  records %u, burst %u, faults for %lld s, cut interval %u ms, member timeout"
                  " %u ms, rejoin %u ms, lag %u ms, grace %u ms\n",
                  p->records, p->burst_max, (long long)(p->faults_ms / 1000), p->cut_interval_ms,
                  p->member_timeout_ms, p->member_rejoin_ms, p->member_lag_max_ms,
                  p->failed_grace_ms);
    (void)fprintf(to,
                  "  min members %u, cuts kept %u, window %u, cap %u, in flight %u, entries %u, "
                  "bytes %u, ticks of"
                  " %u ms, quiet for %lld s, failed %s, canaries %s%s\n",
                  p->min_members, p->cuts_kept, p->dedup_window, p->cap_records, p->in_flight_max,
                  p->entries_max, p->bytes_max, p->source_tick_ms, (long long)p->quiet_ms / 1000,
                  p->failed_emit ? "emit" : "omit", p->canaries_drop ? "drop" : "keep",
                  p->far_clock ? ", a clock a year ahead" : "");
    (void)fprintf(to, "  failed share %u%%, retention %lld s\n", p->failed_share_max,
                  (long long)p->retention_ms / 1000);
    (void)fprintf(to, "  faults:");
    for (enum fault f = 0; f < FAULT_COUNT; f++) {
        if (p->fault_mean_ms[f] != 0)
            (void)fprintf(to, " %s/%us", fault_name(f), p->fault_mean_ms[f] / 1000);
        if (p->fault_share[f] != 0)
            (void)fprintf(to, " %s/%u permille", fault_name(f), p->fault_share[f]);
    }
    (void)fprintf(to, "\n");
}
