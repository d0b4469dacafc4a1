/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_merge.c - the shell of a merge: carries out in order what node/merge.h asks for.
 * Transactions are in sim_emit.c, recovery in sim_recover.c.
 */
#include "tests/sim/sim_merge.h"

#include "node/strand.h"
#include "tests/sim/check.h"
#include "tests/sim/world.h"

#include <assert.h>

#define READ_MAX 64

void merge_begin(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];
    struct merge_run *run = i->merge;
    const struct params *p = &w->p;
    struct merge_config config = {
        .dc = w->dcs[i->dc].name,
        .node = w->dcs[i->dc].name,
        .cut_interval_ms = p->cut_interval_ms,
        .member_timeout_ms = p->member_timeout_ms,
        .member_rejoin_ms = p->member_rejoin_ms,
        .member_lag_max_ms = p->member_lag_max_ms,
        .failed_grace_ms = p->failed_grace_ms,
        .min_members = p->min_members,
        .cuts_kept = p->cuts_kept,
        .claim_revision = run->claim_revision,
        .spec_version = w->etcd.spec_version,
        .params = w->etcd.spec,
        .window_ids_max = w->etcd.window_max,
        .entries_max = p->entries_max,
        .bytes_max = p->bytes_max,
        .seed = chance_next(&w->chance_detail),
    };

    if (run->arena.block_bytes == 0)
        arena_init(&run->arena, 1 << 20, 256 << 20);
    arena_reset(&run->arena);
    run->merge = merge_new(&config, &run->arena);
    assert(run->merge != NULL);
    memset(run->readers, 0, sizeof run->readers);
    memset(run->bounds_told, 0, sizeof run->bounds_told);
    for (uint32_t r = 0; r < MERGE_READERS; r++) {
        run->readers[r].instance = instance;
        run->readers[r].generation = i->generation;
        run->readers[r].which = r;
    }
    run->life = w->etcd.life;
    run->is_started = false;
    run->kept = 0;
    run->writer = 0;
    run->copy = (struct peer_run){0};
    run->lines_out = 0;
    run->spec_told = w->etcd.spec_version;
    run->view_us = 0;
    run->view_revision = 0;
    run->is_asking = false;
    run->session = pool_alloc(&w->pool, sizeof *run->session);
    *run->session = (struct session){.log = w->dcs[i->dc].cuts,
                                     .serial = ++w->serials,
                                     .instance = instance,
                                     .log_epoch = w->dcs[i->dc].cuts->epoch,
                                     .generation = i->generation};
    merge_plan(w, instance, HAPPENS_READY, 20 * MS, READY_START);
}

void merge_plan(struct world *w, uint32_t instance, int kind, int64_t delay_us, uint32_t which)
{
    world_plan(w, delay_us,
               &(struct happening){.kind = kind,
                                   .who = instance,
                                   .generation = w->instances[instance].generation,
                                   .which = which});
}

static struct klog *log_of(const struct world *w, const struct instance *i, uint32_t log)
{
    struct slice by;
    uint32_t partition;

    merge_log_name(i->merge->merge, log, &by, &partition);
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (slice_equal(by, w->dcs[dc].name))
            return w->dcs[i->dc].enriched[dc][partition];
    }
    return NULL;
}

static struct merge_proposal copy_proposal(struct world *w, const struct merge_proposal *p)
{
    struct merge_proposal copy = *p;

    if (p->raises_epoch)
        return copy;
    copy.report = pool_copy(&w->pool, p->report);
    if (p->has_cut)
        copy.cut = pool_copy(&w->pool, p->cut);
    copy.dropped = pool_copy(&w->pool, p->dropped);
    for (uint32_t m = 0; m < p->member_count; m++)
        copy.members[m] = pool_copy(&w->pool, p->members[m]);
    return copy;
}

static void ask_cut(struct world *w, uint32_t instance, uint32_t era, uint64_t number)
{
    struct etcd_request *request = pool_alloc(&w->pool, sizeof *request);

    *request = (struct etcd_request){.ask = ASK_CUT, .era = era, .number = number};
    etcd_send(w, instance, request);
}

static void ask(struct world *w, uint32_t instance, enum etcd_ask what)
{
    struct merge_run *run = w->instances[instance].merge;
    struct etcd_request *request = pool_alloc(&w->pool, sizeof *request);

    request->ask = what;
    request->claim_revision = run->claim_revision;
    if (what == ASK_REPORT)
        request->proposal = copy_proposal(w, merge_proposal(run->merge));
    if (what == ASK_VIEW)
        run->is_asking = true;
    etcd_send(w, instance, request);
}

/* Appends one line to this DC's log of cuts. */
void merge_log_line(struct world *w, uint32_t instance, struct slice line, uint64_t number,
                    bool is_cut)
{
    struct merge_run *run = w->instances[instance].merge;
    struct batch *b = pool_alloc(&w->pool, sizeof *b);

    b->session = run->session;
    b->count = 1;
    b->copy_dc = -1;
    b->bodies = pool_alloc(&w->pool, sizeof(void *));
    b->tickets = pool_alloc(&w->pool, sizeof(uint64_t));
    b->bodies[0] = body_new(w, SLICE_LIT("stream"), pool_copy(&w->pool, line), NULL, 0);
    b->tickets[0] = number * 2 + is_cut;
    run->lines_out++;
    send_batch(w, b);
}

static void release(struct world *w, struct instance *i)
{
    struct merge_run *run = i->merge;
    uint32_t count = w->merge_actions->released_count;

    if (count > run->kept)
        check_fail(w, "I9", "a merge gave back more records than it had");
    run->kept -= count;
}

/* False if the run has ended, or only copies any more. */
static bool carry_out(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];
    struct merge_run *run = i->merge;

    release(w, i);
    for (uint32_t n = 0; n < w->merge_actions->count; n++) {
        const struct merge_action *a = &w->merge_actions->list[n];
        struct klog *log;

        switch (a->kind) {
        case MERGE_DO_READ:
            log = log_of(w, i, a->log);
            run->bounds_told[a->log] = false;
            reader_start(w, &run->readers[a->log], log,
                         a->log_offset == MERGE_FROM_START ? log->start : a->log_offset);
            break;
        case MERGE_DO_REPORT:
            ask(w, instance, ASK_REPORT);
            break;
        case MERGE_DO_NEED_CUT:
            ask_cut(w, instance, a->era, a->number);
            break;
        case MERGE_DO_PAUSE:
            run->readers[a->log].is_blocked = true;
            break;
        case MERGE_DO_LOG_CUT:
            merge_log_line(w, instance, a->bytes, a->number, true);
            break;
        case MERGE_DO_EMIT:
            emit_part(w, instance);
            break;
        case MERGE_DO_LOG_EMITTED:
            merge_log_line(w, instance, a->bytes, a->number, false);
            break;
        case MERGE_DO_DELETE_CUTS:
            etcd_delete_cuts(w, i->dc, a->number);
            break;
        case MERGE_DO_RELEASE:
            break;
        case MERGE_DO_RESET:
            merge_plan(w, instance, HAPPENS_READY, 50 * MS, READY_RESET);
            break;
        case MERGE_DO_COPY:
            peer_begin(w, instance);
            return false;
        case MERGE_DO_STOP:
            instance_stop(w, instance, a->code, a->why);
            return false;
        }
    }
    return true;
}

bool merge_feed(struct world *w, uint32_t instance, struct merge_event *ev)
{
    struct instance *i = &w->instances[instance];

    ev->now_ms = node_now_ms(w, i->dc, i->node);
    ev->wall_ms = node_wall_ms(w, i->dc, i->node);
    merge_step(i->merge->merge, ev, w->merge_actions);
    return carry_out(w, instance);
}

/* The log's bounds, before its first records. False: the merge reads on elsewhere, or not at all. */
static bool tell_bounds(struct world *w, uint32_t instance, struct reader *r)
{
    struct merge_run *run = w->instances[instance].merge;
    struct klog *log = r->log;
    struct merge_event bounds = {.kind = MERGE_EV_BOUNDS,
                                 .log = r->which,
                                 .log_start = log->start,
                                 .log_end = klog_stable_end(log)};

    run->bounds_told[r->which] = true;
    if (!merge_feed(w, instance, &bounds) || !run->bounds_told[r->which] || r->is_blocked)
        return false;
    if (r->at < log->start)
        r->at = log->start; /* had it lost what it needs, the step would have stopped the run */
    return true;
}

/* Records of the reader's earlier place, which were on their way. False: the run has ended. */
static bool stale_records(struct world *w, uint32_t instance, struct reader *r)
{
    struct instance *i = &w->instances[instance];
    struct krec *found[8];
    struct record records[8];
    bool keep[8] = {false};
    struct merge_event ev = {.kind = MERGE_EV_RECORDS, .log = r->which, .records = records};
    int64_t at = r->at + chance_below(&w->chance_detail, 8);

    if (!window_is_on(w, i->dc, FAULT_stale_read) || !chance_permille(&w->chance_detail, 500))
        return true;
    ev.count = klog_read(r->log, &at, found, 8);
    if (ev.count == 0)
        return true;
    fault_count(w, FAULT_stale_read);
    ev.keep = keep;
    ev.now_ms = node_now_ms(w, i->dc, i->node);
    ev.wall_ms = node_wall_ms(w, i->dc, i->node);
    for (uint32_t n = 0; n < ev.count; n++)
        merge_view_record(w, r->log, found[n], &records[n]);
    merge_step(i->merge->merge, &ev, w->merge_actions);
    for (uint32_t n = 0; n < ev.count; n++)
        i->merge->kept += keep[n];
    return carry_out(w, instance) && r->log != NULL;
}

static void pump(struct world *w, uint32_t instance, struct reader *r)
{
    struct instance *i = &w->instances[instance];
    struct merge_run *run = i->merge;
    struct krec *found[READ_MAX];
    struct record records[READ_MAX];
    bool keep[READ_MAX] = {false};
    struct merge_event ev = {.kind = MERGE_EV_RECORDS, .log = r->which, .records = records};

    r->is_planned = false;
    if (r->log == NULL || r->is_blocked)
        return;
    if (!kafka_answers(w, i->dc, r->log->dc) || window_is_on(w, r->log->dc, FAULT_read_stall)) {
        r->is_planned = true;
        merge_plan(w, instance, HAPPENS_PUMP, 500 * MS, r->which);
        return;
    }
    if (reader_was_cut_off(r)) {
        struct merge_event moved = {.kind = MERGE_EV_MOVED, .log = r->which};

        if (!merge_feed(w, instance, &moved))
            return;
    }
    r->log_epoch = r->log->epoch;
    if (!run->bounds_told[r->which] && !stale_records(w, instance, r))
        return;
    if (!run->bounds_told[r->which] && !tell_bounds(w, instance, r))
        return;
    if (r->at < r->log->start) {
        instance_stop(w, instance, ERR_HOLE, "retention has overtaken the reader");
        return;
    }
    ev.count = klog_read(r->log, &r->at, found, READ_MAX);
    ev.keep = keep;
    for (uint32_t n = 0; n < ev.count; n++)
        merge_view_record(w, r->log, found[n], &records[n]);
    if (ev.count != 0) {
        ev.now_ms = node_now_ms(w, i->dc, i->node);
        ev.wall_ms = node_wall_ms(w, i->dc, i->node);
        merge_step(run->merge, &ev, w->merge_actions);
        for (uint32_t n = 0; n < ev.count; n++)
            run->kept += keep[n];
        if (!carry_out(w, instance))
            return;
    }
    if (r->is_blocked)
        return;
    if (r->at < klog_stable_end(r->log)) {
        reader_plan(w, r);
    } else if (!r->end_told) {
        r->end_told = true;
        ev = (struct merge_event){.kind = MERGE_EV_CAUGHT_UP, .log = r->which, .log_offset = r->at};
        (void)merge_feed(w, instance, &ev);
    }
}

static void answered_cut(struct world *w, uint32_t instance, const struct etcd_request *request)
{
    const struct logged *logged;
    struct merge_event ev = {.kind = MERGE_EV_CUT};

    if (request->code == 0) {
        ev.cut_bytes = request->cut.bytes;
        ev.cut = request->cut.as;
    }
    if (ev.cut_bytes.ptr == NULL) {
        logged = recover_cut(w, w->instances[instance].dc, request->era, request->number);
        ev.cut_bytes = logged == NULL ? (struct slice){0} : logged->cut;
        ev.cut = logged == NULL ? NULL : logged->as;
    }
    if (ev.cut_bytes.ptr == NULL) {
        ask_cut(w, instance, request->era, request->number);
        return;
    }
    if (ev.cut == NULL) {
        check_fail(w, "I5", "committed cut %llu cannot be decoded (%zu bytes)",
                   (unsigned long long)request->number, ev.cut_bytes.len);
        return;
    }
    (void)merge_feed(w, instance, &ev);
}

static bool decode_view(struct world *w, const struct instance *i, const struct etcd_view *in,
                        struct merge_view *out)
{
    struct merge_run *run = i->merge;

    /* The merge keeps the view until the next one: two take turns. */
    run->view_turn ^= 1;
    *out = (struct merge_view){
        .revision = in->revision,
        .oldest_cut = in->oldest,
        .dc_count = w->p.dc_count,
        .is_paused = in->is_paused,
        .claim_held = run->claim_revision != 0 && in->claim_revision == run->claim_revision,
    };
    if (in->head.ptr != NULL) {
        out->has_head = true;
        out->head_revision = in->head_revision;
        out->head_bytes = in->head;
        if (in->head_as == NULL)
            return false;
        out->head = *in->head_as;
    }
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        struct merge_dc_view *d = &out->dcs[dc];

        d->dc = w->dcs[dc].name;
        d->is_pooled = !in->depooled[dc];
        d->by_incarnation = in->wanted[dc];
        d->begins_era = in->begins_era[dc];
        d->report_revision = in->reports[dc].mod_revision;
        d->incarnation = in->epochs[dc];
        d->epoch_revision = in->epoch_revisions[dc];
        if (d->report_revision == 0)
            continue;
        if (in->reports[dc].as == NULL)
            return false;
        d->report = *in->reports[dc].as;
        d->has_report = true;
    }
    return true;
}

/* The ids of the window, from the same unbroken row of lines that ends at the recovery line. */
static void feed_ids(struct world *w, uint32_t instance, const struct merge_recovery *recovery)
{
    struct merge_run *run = w->instances[instance].merge;
    const struct klog *cuts = w->dcs[w->instances[instance].dc].cuts;
    uint64_t last = 0;

    if (!recovery->has_line || MUTANT(window_by_memory))
        return;
    for (int64_t at = run->row_offset; at <= run->line_offset; at++) {
        const struct krec *k = klog_at(cuts, at);
        const struct logged *l = k == NULL || k->body == NULL ? NULL : k->body->logged;
        struct merge_event ev = {.kind = MERGE_EV_IDS};

        if (l == NULL || l->is_cut || (at != run->row_offset && l->number != last + 1))
            continue;
        last = l->number;
        ev.first_seq = l->line.first_seq;
        ev.ids = l->line.ids;
        ev.count = l->line.id_count;
        (void)merge_feed(w, instance, &ev);
    }
}

static void answered(struct world *w, uint32_t instance, const struct etcd_request *request)
{
    struct instance *i = &w->instances[instance];
    struct merge_run *run = i->merge;
    struct merge_view *view = &run->views[run->view_turn ^ 1];
    struct merge_event ev = {
        .kind = MERGE_EV_VIEW, .view = view, .is_answer = request->ask == ASK_REPORT};

    if (request->ask == ASK_VIEW)
        run->is_asking = false;
    if (request->ask == ASK_CUT) {
        answered_cut(w, instance, request);
        return;
    }
    if (request->code != 0) {
        if (request->ask == ASK_REPORT)
            (void)merge_feed(
                w, instance,
                &(struct merge_event){.kind = MERGE_EV_REPORTED, .code = request->code});
        else if (!run->is_started)
            ask(w, instance, ASK_VIEW);
        return;
    }
    if (request->view.revision < request->revision_at && !MUTANT(ignore_restored)) {
        instance_stop(w, instance, ERR_RESTORED, "etcd's revision went back");
        return;
    }
    /* Two requests under way at once may be answered in either order: an older answer to the one
     * says nothing about the chain going back. */
    if (request->view.revision < run->view_revision && request->sent_us <= run->view_us) {
        if (request->ask == ASK_REPORT)
            (void)merge_feed(
                w, instance,
                &(struct merge_event){.kind = MERGE_EV_REPORTED, .code = ERR_CONFLICT});
        return;
    }
    run->view_revision = request->view.revision;
    if (!decode_view(w, i, &request->view, view)) {
        check_fail(w, "I5", "etcd holds a cut or a report that cannot be decoded");
        return;
    }
    run->view_us = w->now_us;
    /* The spec has a watch of its own: a merge may see the chain follow it before it has it. */
    if (run->is_started && request->view.spec_version != run->spec_told &&
        !(w->is_faulty && chance_permille(&w->chance_detail, 700))) {
        run->spec_told = request->view.spec_version;
        merge_set_spec(run->merge, run->spec_told, &request->view.spec);
    }
    if (!run->is_started) {
        run->is_started = true;
        feed_ids(w, instance, &run->recovery);
        ev.kind = MERGE_EV_START;
        ev.recovery = &run->recovery;
        merge_plan(w, instance, HAPPENS_TICK, w->p.cut_interval_ms * MS, 0);
    }
    (void)merge_feed(w, instance, &ev);
}

/* Kafka first, then etcd: a view must not be older than the log of cuts that it is compared with. */
static void start(struct world *w, uint32_t instance)
{
    const struct instance *i = &w->instances[instance];
    struct merge_recovery *r = &i->merge->recovery;

    recover(w, instance, r);
    if (r->has_line)
        say(w, i->dc, i->node, "merge",
            "recovers from cut %llu, next number %llu; the tail is %llu",
            (unsigned long long)r->line.emitted.number,
            (unsigned long long)r->line.emitted.next_seq, (unsigned long long)r->tail_seq);
    ask(w, instance, ASK_VIEW);
}

/* The producer is made: from here on no older one can write; then the tail is read. */
static void ready(struct world *w, uint32_t instance, const struct happening *h)
{
    struct instance *i = &w->instances[instance];
    struct merge_run *run = i->merge;
    struct dc *dc = &w->dcs[i->dc];
    struct merge_recovery recovery;

    if (h->which == READY_COPIES) {
        peer_step(w, instance);
        return;
    }
    if (!kafka_answers(w, i->dc, i->dc)) {
        world_plan(w, 500 * MS, h);
        return;
    }
    run->writer = ++w->serials;
    run->writer_epoch = dc->global->epoch;
    if (!MUTANT(no_fence))
        klog_end_txn(w, dc->global, dc->txn_writer, false);
    dc->txn_writer = run->writer;
    check_initialised(w, i->dc, run->writer);
    if (h->which == READY_START) {
        start(w, instance);
        return;
    }
    recover(w, instance, &recovery);
    if (run->copy.is_on) {
        peer_ready(w, instance, &recovery);
        return;
    }
    (void)merge_feed(w, instance,
                     &(struct merge_event){.kind = MERGE_EV_TAIL, .recovery = &recovery});
}

/* I9: a strand has room for STRAND_ENTRIES_MIN records at least. */
static uint64_t entries_limit(const struct world *w)
{
    const uint64_t least = (uint64_t)STRAND_ENTRIES_MIN * w->layout.count;

    return w->p.entries_max > least ? w->p.entries_max : least;
}

static void tick(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];
    struct merge_run *run = i->merge;
    struct merge_status status;

    if (!merge_feed(w, instance, &(struct merge_event){.kind = MERGE_EV_TICK}))
        return;
    if (w->now_us - run->view_us > SECOND && !run->is_asking)
        ask(w, instance, ASK_VIEW);
    merge_status(run->merge, &status);
    check_memory(w, i->dc, status.entries, entries_limit(w));
    merge_plan(w, instance, HAPPENS_TICK, w->p.cut_interval_ms * MS, 0);
}

static void delivered(struct world *w, uint32_t instance, const struct batch *b)
{
    struct merge_event ev = {.kind = (b->tickets[0] & 1) != 0 ? MERGE_EV_LOGGED : MERGE_EV_NOTED,
                             .number = b->tickets[0] / 2,
                             .log_offset = b->first_offset};

    w->instances[instance].merge->lines_out--;
    if (!b->is_delivered)
        instance_stop(w, instance, ERR_DELIVERY, "a line for the log of cuts failed");
    else if (w->instances[instance].merge->copy.is_on)
        peer_delivered(w, instance);
    else
        (void)merge_feed(w, instance, &ev);
}

void merge_end(struct world *w, uint32_t instance)
{
    struct merge_run *run = w->instances[instance].merge;

    for (uint32_t r = 0; r < MERGE_READERS; r++)
        reader_stop(&run->readers[r]);
    merge_close(run->merge, w->merge_actions);
    if (w->merge_actions->released_count != run->kept)
        check_fail(w, "I9", "a merge ends with %llu records and gives back %u",
                   (unsigned long long)run->kept, w->merge_actions->released_count);
}

void merge_happens(struct world *w, uint32_t instance, const struct happening *h)
{
    switch (h->kind) {
    case HAPPENS_READY:
        ready(w, instance, h);
        break;
    case HAPPENS_PUMP:
        pump(w, instance, &w->instances[instance].merge->readers[h->which]);
        break;
    case HAPPENS_ANSWER:
        answered(w, instance, h->ptr);
        break;
    case HAPPENS_DELIVERED:
        delivered(w, instance, h->ptr);
        break;
    case HAPPENS_TXN_DONE:
        emit_done(w, instance, h->ptr);
        break;
    case HAPPENS_HEAD:
        if (w->instances[instance].merge->is_started)
            ask(w, instance, ASK_VIEW);
        break;
    case HAPPENS_TICK:
        tick(w, instance);
        break;
    default:
        break;
    }
}
