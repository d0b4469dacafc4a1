/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_emit.c - transactions on the global topic: produce, end, answer; each may get lost.
 */
#include "tests/sim/check.h"
#include "tests/sim/sim_merge.h"
#include "tests/sim/world.h"

enum txn_step {
    TXN_PRODUCE,
    TXN_END,
    TXN_END_AGAIN, /* a late copy of the same request */
};

void merge_view_record(struct world *w, const struct klog *log, const struct krec *k,
                       struct record *out)
{
    krec_view(w, log, k, out);
    if (k->body->content_hash == 0) {
        uint64_t hash = record_content_hash(out, k->body->headers, k->body->header_count);
        struct body *b;

        /* The one place where a body learns something after it was made: a cache. */
        memcpy(&b, &k->body, sizeof(struct body *));
        b->content_hash = hash;
    }
    out->content_hash = k->body->content_hash;
}

/* The record's bytes in the global topic. */
static const struct body *seal(struct world *w, const struct krec *k, struct global_place *at)
{
    struct record r;
    struct global_headers out;

    krec_view(w, NULL, k, &r);
    if (global_seal(&r, k->body->headers, k->body->header_count, at, &out) != 0) {
        check_fail(w, "I8", "a record cannot be sealed");
        return NULL;
    }
    at->chain = out.chain;
    for (size_t h = 0; h < out.count; h++) {
        const char *text = (const char *)out.list[h].value.ptr;

        if (text == out.seq_text || text == out.cut_text || text == out.chain_text)
            out.list[h].value = pool_copy(&w->pool, out.list[h].value);
    }
    return body_new(w, r.key, r.value, out.list, (uint32_t)out.count);
}

static void done(struct world *w, struct txn *t, int kind, int64_t delay_us)
{
    t->outcome = kind;
    world_plan(
        w, delay_us,
        &(struct happening){
            .kind = HAPPENS_TXN_DONE, .who = t->instance, .generation = t->generation, .ptr = t});
}

void emit_part(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];
    const struct merge_part *part = merge_part(i->merge->merge);
    struct txn *t = pool_alloc(&w->pool, sizeof *t);
    struct global_place at = {
        .era = part->era, .cut = part->number, .time_ms = part->time_ms, .chain = part->chain};
    bool fits = true;

    *t = (struct txn){.instance = instance,
                      .generation = i->generation,
                      .writer = i->merge->writer,
                      .dc = i->dc,
                      .cut = part->number,
                      .log_epoch = i->merge->writer_epoch,
                      .time_ms = part->time_ms};
    t->bodies = pool_alloc(&w->pool, part->count * sizeof(void *));
    for (uint32_t n = 0; n < part->count; n++) {
        const struct merge_item *item = &part->items[n];
        const struct body *body;

        at.seq = item->seq;
        body = seal(w, item->handle, &at);
        if (body == NULL)
            return;
        if (part->has_tail && item->seq + 1 == part->write_from && at.chain != part->tail_chain)
            fits = false;
        if (item->seq >= part->write_from)
            t->bodies[t->count++] = body;
    }
    t->chain = at.chain;
    if (!fits) {
        done(w, t, MERGE_EV_MISMATCH, MS);
    } else if (t->count == 0) {
        done(w, t, MERGE_EV_COMMITTED, MS);
    } else {
        t->step = TXN_PRODUCE;
        world_plan(w, net_delay_us(w, i->dc, i->dc),
                   &(struct happening){.kind = HAPPENS_TXN, .ptr = t});
    }
}

static bool may_write(const struct world *w, const struct txn *t)
{
    return w->dcs[t->dc].txn_writer == t->writer || MUTANT(no_fence);
}

static void produce(struct world *w, struct txn *t)
{
    struct klog *log = w->dcs[t->dc].global;
    uint32_t count = t->count;
    int64_t delay_us = 2 * net_delay_us(w, t->dc, t->dc);

    if (t->log_epoch != log->epoch || (t->written != 0 && !klog_is_open(log, t->writer))) {
        /* A late EndTxn has ended it between two requests: the broker refuses the second. */
        done(w, t, MERGE_EV_UNCLEAR, net_delay_us(w, t->dc, t->dc));
        return;
    }
    if (t->written == 0 && t->count > 1 && chance_permille(&w->chance_detail, 300))
        count = 1 + chance_below(&w->chance_detail, t->count - 1);
    for (uint32_t n = t->written; n < count; n++)
        (void)klog_append(
            w, log, t->bodies[n],
            (struct krec){
                .time_ms = t->time_ms, .copy_dc = -1, .state = KREC_OPEN, .writer = t->writer});
    t->written = count;
    t->step = count < t->count ? TXN_PRODUCE : TXN_END;
    if (window_is_on(w, t->dc, FAULT_produce_slow) && chance_permille(&w->chance_detail, 200))
        delay_us += chance_between(&w->chance_detail, 200 * MS, 8 * SECOND);
    else if (count < t->count && window_is_on(w, t->dc, FAULT_endtxn_late))
        delay_us += chance_between(&w->chance_detail, MS, 3 * SECOND);
    world_plan(w, delay_us, &(struct happening){.kind = HAPPENS_TXN, .ptr = t});
}

/* EndTxn, as Kafka's first protocol version has it: it ends whatever is open under the epoch. */
static void end(struct world *w, struct txn *t)
{
    struct klog *log = w->dcs[t->dc].global;
    bool is_unknown =
        window_is_on(w, t->dc, FAULT_endtxn_unknown) && chance_permille(&w->chance_detail, 250);
    bool is_lost = is_unknown && chance_permille(&w->chance_detail, 500);

    if (window_is_on(w, t->dc, FAULT_endtxn_late) && chance_permille(&w->chance_detail, 250)) {
        struct txn *again = pool_alloc(&w->pool, sizeof *again);

        fault_count(w, FAULT_endtxn_late);
        *again = *t;
        again->step = TXN_END_AGAIN;
        world_plan(w, chance_between(&w->chance_detail, 10 * MS, 5 * SECOND),
                   &(struct happening){.kind = HAPPENS_TXN, .ptr = again});
    }
    if (is_unknown)
        fault_count(w, FAULT_endtxn_unknown);
    if (!is_lost)
        klog_end_txn(w, log, t->writer, true);
    if (is_unknown) {
        done(w, t, MUTANT(trust_commit) ? MERGE_EV_COMMITTED : MERGE_EV_UNCLEAR, 2 * SECOND);
        return;
    }
    done(w, t, MERGE_EV_COMMITTED, net_delay_us(w, t->dc, t->dc));
}

void txn_arrive(struct world *w, struct txn *t)
{
    if (t->step == TXN_END_AGAIN) {
        if (may_write(w, t) && kafka_answers(w, t->dc, t->dc))
            klog_end_txn(w, w->dcs[t->dc].global, t->writer, true);
        return;
    }
    if (!kafka_answers(w, t->dc, t->dc)) {
        if (++t->tries > 20)
            done(w, t, MERGE_EV_UNCLEAR, MS);
        else
            world_plan(w, 500 * MS, &(struct happening){.kind = HAPPENS_TXN, .ptr = t});
        return;
    }
    if (!may_write(w, t))
        done(w, t, MERGE_EV_FENCED, MS);
    else if (t->step == TXN_PRODUCE)
        produce(w, t);
    else
        end(w, t);
}

void emit_done(struct world *w, uint32_t instance, const struct txn *t)
{
    struct merge_event ev = {.kind = (enum merge_event_kind)t->outcome, .chain = t->chain};

    if (w->instances[instance].merge->copy.is_on) {
        peer_written(w, instance, t);
        return;
    }
    if (ev.kind == MERGE_EV_COMMITTED && t->count != 0)
        say(w, t->dc, w->instances[instance].node, "merge", "%u records of cut %llu committed",
            t->count, (unsigned long long)t->cut);
    else if (ev.kind != MERGE_EV_COMMITTED)
        say(w, t->dc, w->instances[instance].node, "merge", "%s after %u records of cut %llu",
            ev.kind == MERGE_EV_FENCED ? "fenced" : "outcome unknown", t->count,
            (unsigned long long)t->cut);
    (void)merge_feed(w, instance, &ev);
}
