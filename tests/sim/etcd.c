/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/etcd.h"

#include "tests/sim/check.h"
#include "tests/sim/world.h"

#include <assert.h>

#define ANSWER_TIMEOUT_US (2 * SECOND)

static void set_cut(struct world *w, uint64_t number, struct slice bytes)
{
    struct etcd_cut *c = &w->etcd.cuts[number];

    *c =
        (struct etcd_cut){.bytes = pool_copy(&w->pool, bytes), .create_revision = w->etcd.revision};
    c->as = world_cut(w, c->bytes);
}

static void put_cut(struct world *w, uint64_t number, struct slice bytes)
{
    struct etcd *e = &w->etcd;

    assert(number == e->cut_count);
    e->cuts = pool_grow(&w->pool, e->cuts, e->cut_count, &e->cut_capacity, sizeof *e->cuts);
    set_cut(w, e->cut_count++, bytes);
    w->stats.cuts++;
    check_cut(w, number, e->cuts[number].bytes);
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        int site = net_etcd_site(w, dc);

        if (site < 0 || window_is_on(w, dc, FAULT_watch_lost))
            continue;
        world_plan(w, net_delay_us(w, (uint32_t)site, dc),
                   &(struct happening){.kind = HAPPENS_HEAD, .who = dc, .number = (int64_t)number});
    }
}

void etcd_begin(struct world *w)
{
    struct etcd *e = &w->etcd;
    struct cut first = {
        .spec_version = 1,
        .time_ms = EPOCH_MS,
        .member_count = w->p.dc_count,
        .layout = w->layout,
        .strands = pool_alloc(&w->pool, w->layout.count * sizeof(struct strand_position)),
        .proposer = SLICE_LIT("apply"),
        .reason = SLICE_LIT("the stream starts"),
    };
    struct arena arena;
    struct slice bytes;

    *e = (struct etcd){.revision = 1, .spec_version = 1};
    e->spec = (struct merge_params){
        .dedup_window = w->p.dedup_window,
        .cap_records = w->p.cap_records,
        .cap_bytes = 1 << 20,
        .rules_version = MERGE_RULES_VERSION,
        .failed_emit = w->p.failed_emit,
        .canaries_drop = w->p.canaries_drop,
        .enrich_at_origin = w->p.at_origin,
    };
    e->window_max = e->spec.dedup_window;
    first.params = e->spec;
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++)
        first.members[dc].dc = w->dcs[dc].name;
    for (uint32_t s = 0; s < w->layout.count; s++) {
        first.strands[s].position = POSITION_NONE;
        first.strands[s].log_offset = -1;
    }
    arena_init(&arena, 65536, 1 << 24);
    if (cut_encode(&first, &arena, &bytes) != 0)
        check_fail(w, "I5", "the first cut cannot be encoded");
    else
        put_cut(w, 0, bytes);
    arena_deinit(&arena);
}

void etcd_read_view(const struct world *w, uint32_t dc, struct etcd_view *out)
{
    const struct etcd *e = &w->etcd;

    *out = (struct etcd_view){
        .revision = e->revision,
        .oldest = e->oldest,
        .is_paused = e->is_paused,
        .claim_revision = e->merge_claims[dc],
        .spec_version = e->spec_version,
        .spec = e->spec,
    };
    if (e->cut_count != 0) {
        out->head = e->cuts[e->cut_count - 1].bytes;
        out->head_as = e->cuts[e->cut_count - 1].as;
        out->head_revision = e->cuts[e->cut_count - 1].create_revision;
    }
    for (uint32_t i = 0; i < w->p.dc_count; i++) {
        out->reports[i] = e->reports[i];
        out->depooled[i] = e->depooled[i];
        out->wanted[i] = e->wanted[i];
        out->begins_era[i] = e->begins_era[i];
        out->epochs[i] = e->epochs[i];
        out->epoch_revisions[i] = e->epoch_revisions[i];
    }
}

static void answer(struct world *w, struct etcd_request *request, int code, int64_t delay_us)
{
    if (request->answer_lost)
        return; /* the client has given up already */
    request->code = code;
    world_plan(w, delay_us,
               &(struct happening){.kind = HAPPENS_ANSWER,
                                   .who = request->instance,
                                   .generation = request->generation,
                                   .ptr = request});
}

void etcd_send(struct world *w, uint32_t instance, struct etcd_request *request)
{
    struct instance *i = &w->instances[instance];
    int site = net_etcd_site(w, i->dc);
    int64_t delay_us;

    request->instance = instance;
    request->generation = i->generation;
    request->dc = i->dc;
    request->sent_us = w->now_us;
    request->revision_at = i->merge->view_revision;
    request->life = w->etcd.life;
    if (site < 0) {
        answer(w, request, ERR_UNAVAILABLE, ANSWER_TIMEOUT_US);
        return;
    }
    /* Without a confirmed claim the shell neither asks nor reports (R12). */
    if (request->claim_revision == 0 && request->ask != ASK_CUT) {
        answer(w, request, ERR_UNAVAILABLE, SECOND);
        return;
    }
    delay_us = net_delay_us(w, i->dc, (uint32_t)site);
    if (w->etcd_slow_until_us > w->now_us)
        delay_us += chance_between(&w->chance_detail, 100 * MS, 1900 * MS);
    if (w->etcd_unknown_until_us > w->now_us && chance_permille(&w->chance_detail, 300)) {
        fault_count(w, FAULT_etcd_unknown);
        answer(w, request, ERR_UNKNOWN, ANSWER_TIMEOUT_US);
        request->answer_lost = true;
        if (chance_permille(&w->chance_detail, 300))
            return; /* it never arrives */
        if (chance_permille(&w->chance_detail, 300))
            delay_us += chance_between(&w->chance_detail, SECOND, 20 * SECOND);
    }
    world_plan(w, delay_us, &(struct happening){.kind = HAPPENS_ETCD, .ptr = request});
}

static uint32_t dc_of(const struct world *w, struct slice name)
{
    for (uint32_t i = 0; i < w->p.dc_count; i++) {
        if (slice_equal(name, w->dcs[i].name))
            return i;
    }
    return SIM_DCS;
}

/* The compares of a proposal, as merge_proposal in node/merge.h lists them. */
static bool cut_may_follow(const struct world *w, const struct merge_proposal *p)
{
    const struct etcd *e = &w->etcd;

    if (!p->has_cut || e->is_paused)
        return false;
    if (p->head_era != e->era || p->head_number + 1 != e->cut_count)
        return false; /* or there is one of that number already */
    if (e->cuts[p->head_number].create_revision != p->head_revision)
        return false;
    for (uint32_t i = 0; i < p->member_count; i++) {
        uint32_t dc = dc_of(w, p->members[i]);

        if (dc == SIM_DCS || e->epoch_revisions[dc] != p->epoch_revisions[i])
            return false;
    }
    if (p->dropped.len != 0) {
        uint32_t dc = dc_of(w, p->dropped);

        if (dc == SIM_DCS || e->reports[dc].mod_revision != p->dropped_revision)
            return false;
    }
    return true;
}

/* The cuts of the era that is over do not count any more. */
static void begin_era(struct world *w, const struct merge_proposal *p)
{
    struct etcd *e = &w->etcd;

    check_era(w, p->cut);
    e->era = p->era;
    e->cut_count = p->number;
    e->oldest = p->number;
}

/* A put without its compares: it takes the place of the cut of that number. */
static void put_blindly(struct world *w, const struct merge_proposal *p)
{
    struct etcd *e = &w->etcd;

    if (!p->has_cut || p->number > e->cut_count)
        return;
    if (p->number == e->cut_count) {
        put_cut(w, p->number, p->cut);
        return;
    }
    set_cut(w, p->number, p->cut);
    check_cut(w, p->number, p->cut);
}

static void take_epoch(struct world *w, const struct etcd_request *request)
{
    const struct merge_proposal *p = &request->proposal;

    if (w->etcd.merge_claims[request->dc] == request->claim_revision &&
        w->etcd.epoch_revisions[request->dc] == p->epoch_revision)
        raise_epoch(w, request->dc, p->incarnation);
}

static void take_report(struct world *w, struct etcd_request *request)
{
    struct etcd *e = &w->etcd;

    if (request->proposal.raises_epoch) {
        take_epoch(w, request);
        return;
    }

    if (e->merge_claims[request->dc] != request->claim_revision && !MUTANT(report_without_claim))
        return;
    if (e->reports[request->dc].mod_revision != request->proposal.report_revision)
        return; /* a late one of ours must not undo a newer */
    e->revision++;
    e->reports[request->dc].bytes = request->proposal.report;
    e->reports[request->dc].as = world_report(w, request->proposal.report);
    e->reports[request->dc].mod_revision = e->revision;
    check_report(w, request->dc, request->claim_revision, request->proposal.report);
    if (MUTANT(cut_without_compare)) {
        put_blindly(w, &request->proposal);
        return;
    }
    if (!cut_may_follow(w, &request->proposal))
        return;
    if (request->proposal.era != e->era)
        begin_era(w, &request->proposal);
    put_cut(w, request->proposal.number, request->proposal.cut);
}

void etcd_arrive(struct world *w, struct etcd_request *request)
{
    int site = net_etcd_site(w, request->dc);

    if (site < 0 || request->life != w->etcd.life) {
        answer(w, request, ERR_UNKNOWN, ANSWER_TIMEOUT_US);
        return;
    }
    if (request->ask == ASK_REPORT)
        take_report(w, request);
    if (request->ask == ASK_CUT && request->era == w->etcd.era &&
        request->number < w->etcd.cut_count)
        request->cut = w->etcd.cuts[request->number];
    etcd_read_view(w, request->dc, &request->view);
    if (!net_passes(w, (uint32_t)site, request->dc))
        answer(w, request, ERR_UNKNOWN, ANSWER_TIMEOUT_US);
    else
        answer(w, request, 0, net_delay_us(w, (uint32_t)site, request->dc));
}

void etcd_delete_cuts(struct world *w, uint32_t dc, uint64_t number)
{
    struct etcd *e = &w->etcd;

    if (net_etcd_site(w, dc) < 0)
        return;
    for (uint64_t n = e->oldest; n < number && n + 1 < e->cut_count; n++) {
        check_cut_leaves(w, n);
        if (n != 0) /* it says where the stream starts */
            e->cuts[n].bytes = (struct slice){0};
        e->oldest = n + 1;
    }
    e->revision++;
}
