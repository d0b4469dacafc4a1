/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_peer.c - the shell of a copy of a peer's global topic and log of cuts (node/peer_copy.h):
 * records in transactions, then lines, then the run ends.
 */
#include "tests/sim/check.h"
#include "tests/sim/sim_merge.h"
#include "tests/sim/world.h"

#define COPY_MAX 32 /* records of one transaction */

void peer_begin(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];
    struct merge_run *run = i->merge;
    const struct merge_copy *goal = merge_copy(run->merge);

    for (uint32_t r = 0; r < MERGE_READERS; r++)
        reader_stop(&run->readers[r]);
    run->copy.is_on = true;
    run->copy.goal = *goal;
    run->copy.at = 0;
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (slice_equal(w->dcs[dc].name, goal->dc))
            run->copy.peer = dc;
    }
    say(w, i->dc, i->node, "merge", "copies %.*s's global topic up to number %llu (cut %llu): %s",
        SLICE_ARG(goal->dc), (unsigned long long)goal->until.next_seq,
        (unsigned long long)goal->until.number, "it cannot make its own");
    merge_plan(w, instance, HAPPENS_READY, 50 * MS, READY_RESET);
}

/* What is over for the records; SKIP and TAKE go on. */
static bool go_on(struct world *w, uint32_t instance, enum peer_copy_verdict verdict)
{
    switch (verdict) {
    case PEER_COPY_SKIP:
    case PEER_COPY_TAKE:
    case PEER_COPY_OVER:
        return true;
    case PEER_COPY_GONE:
        instance_stop(w, instance, ERR_DATA_LOSS, "the peer's topic begins after this one's end");
        return false;
    case PEER_COPY_DIVERGED:
        instance_stop(w, instance, ERR_DIVERGED, "the peer's global topic does not fit this one");
        return false;
    case PEER_COPY_FAR:
        instance_stop(w, instance, ERR_UNAVAILABLE, "the peer has emitted less than this DC");
        return false;
    }
    return false;
}

/* The line of the peer's log of cuts up to which it is copied; -1: it is not there. */
static int64_t last_line(const struct peer_run *c, const struct klog *cuts)
{
    for (int64_t at = cuts->end - 1; at >= cuts->start; at--) {
        const struct krec *k = klog_at(cuts, at);
        const struct logged *l = k == NULL || k->body == NULL ? NULL : k->body->logged;

        if (l != NULL && !l->is_cut && peer_copy_is_last(&c->state, &l->line))
            return at;
    }
    return -1;
}

/* Appends what the copy wants of the peer's log of cuts: its cuts, or else its lines. */
static void take_lines(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];
    struct merge_run *run = i->merge;
    struct peer_run *c = &run->copy;
    const struct klog *cuts = w->dcs[c->peer].cuts;
    const int64_t own_end = w->dcs[i->dc].cuts->end;
    int64_t last = last_line(c, cuts);
    const struct krec *k = klog_at(cuts, last);
    int64_t from = k == NULL ? 0 : k->body->logged->line.window_offset;

    arena_reset(&w->scratch);
    for (int64_t at = cuts->start; at <= last; at++) {
        const struct krec *r = klog_at(cuts, at);
        const struct logged *l = r == NULL || r->body == NULL ? NULL : r->body->logged;
        struct slice bytes;

        if (l == NULL)
            continue;
        if (l->is_cut && peer_copy_wants_cut(&c->state, l->as))
            merge_log_line(w, instance, r->body->value, l->number, true);
        if (l->is_cut || at < from || !peer_copy_wants_line(&c->state, &l->line))
            continue;
        if (peer_copy_line(&l->line, own_end, &w->scratch, &bytes) != 0) {
            check_fail(w, "I8", "a peer's line cannot be rewritten");
            return;
        }
        merge_log_line(w, instance, bytes, l->number, false);
    }
}

static void copy_lines(struct world *w, uint32_t instance)
{
    struct merge_run *run = w->instances[instance].merge;

    run->copy.is_told = true;
    take_lines(w, instance);
    if (run->lines_out == 0 && !run->copy.state.has_cuts) {
        peer_copy_cuts_there(&run->copy.state);
        take_lines(w, instance);
    }
    if (run->lines_out == 0)
        instance_stop(w, instance, ERR_HOLE, "the peer's log of cuts has not the line asked for");
}

void peer_step(struct world *w, uint32_t instance)
{
    struct instance *i = &w->instances[instance];
    struct merge_run *run = i->merge;
    struct peer_run *c = &run->copy;
    const struct klog *log = w->dcs[c->peer].global;
    enum peer_copy_verdict verdict = PEER_COPY_SKIP;
    struct txn *t;

    if (!kafka_answers(w, i->dc, c->peer)) {
        merge_plan(w, instance, HAPPENS_READY, 500 * MS, READY_COPIES);
        return;
    }
    if (peer_copy_has_records(&c->state)) {
        copy_lines(w, instance);
        return;
    }
    t = pool_alloc(&w->pool, sizeof *t);
    *t = (struct txn){.instance = instance,
                      .generation = i->generation,
                      .writer = run->writer,
                      .dc = i->dc,
                      .cut = c->goal.until.number,
                      .log_epoch = run->writer_epoch};
    t->bodies = pool_alloc(&w->pool, COPY_MAX * sizeof(void *));
    if (c->at < log->start)
        c->at = log->start;
    while (t->count < COPY_MAX && c->at < klog_stable_end(log)) {
        struct krec *k = klog_at(log, c->at);
        struct record r;

        if (k->state == KREC_VISIBLE) {
            if (t->count != 0 && k->time_ms != t->time_ms)
                break;
            krec_view(w, log, k, &r);
            verdict = peer_copy_record(&c->state, &r);
            if (!go_on(w, instance, verdict))
                return;
            if (verdict == PEER_COPY_OVER)
                break;
            if (verdict == PEER_COPY_TAKE) {
                t->time_ms = k->time_ms;
                t->bodies[t->count++] = k->body;
            }
        }
        c->at++;
    }
    if (t->count != 0)
        world_plan(w, net_delay_us(w, c->peer, i->dc),
                   &(struct happening){.kind = HAPPENS_TXN, .ptr = t});
    else if (peer_copy_has_records(&c->state))
        copy_lines(w, instance);
    else
        instance_stop(w, instance, ERR_HOLE, "the peer's global topic lacks what it has emitted");
}

void peer_ready(struct world *w, uint32_t instance, const struct merge_recovery *tail)
{
    struct merge_run *run = w->instances[instance].merge;
    const enum peer_copy_verdict verdict = peer_copy_begin(&run->copy.state, &run->copy.goal, tail);

    if (go_on(w, instance, verdict))
        peer_step(w, instance);
}

void peer_written(struct world *w, uint32_t instance, const struct txn *t)
{
    struct merge_run *run = w->instances[instance].merge;

    if (t->writer != run->writer || run->copy.is_told)
        return; /* of the merge before the copy */
    if (t->outcome != MERGE_EV_COMMITTED)
        instance_stop(w, instance, ERR_TXN, "a transaction of the copy did not commit cleanly");
    else
        peer_step(w, instance);
}

void peer_delivered(struct world *w, uint32_t instance)
{
    struct merge_run *run = w->instances[instance].merge;

    if (!run->copy.is_told || run->lines_out != 0)
        return;
    if (!run->copy.state.has_cuts) {
        peer_copy_cuts_there(&run->copy.state);
        peer_step(w, instance);
        return;
    }
    instance_stop(w, instance, ERR_CONFLICT, "a peer's copy is taken: start again from it");
}
