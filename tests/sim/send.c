/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send.c - batches of an idempotent producer on their way to one log: in order, each at most
 * once, and in the end acknowledged or failed, which need not be the truth.
 */
#include "tests/sim/world.h"

#include <assert.h>

#define MESSAGE_TIMEOUT_US (15 * SECOND)

static enum batch_fate draw_fate(struct world *w, uint32_t dc)
{
    static const enum batch_fate fates[] = {FATE_FAILED, FATE_FAILED_ARRIVED, FATE_FAILED_SKIPPED,
                                            FATE_FAILED_LATE};

    if (!window_is_on(w, dc, FAULT_produce_fail) || !chance_permille(&w->chance_detail, 120))
        return FATE_APPENDED;
    fault_count(w, FAULT_produce_fail);
    return fates[chance_below(&w->chance_detail, 4)];
}

static void deliver(struct world *w, struct batch *b, bool is_acked, int64_t delay_us)
{
    struct session *s = b->session;

    /* Outcomes are told in order, as librdkafka does within a partition. */
    b->is_delivered = is_acked;
    if (w->now_us + delay_us < s->told_us)
        delay_us = s->told_us - w->now_us;
    s->told_us = w->now_us + delay_us;
    world_plan(
        w, delay_us,
        &(struct happening){
            .kind = HAPPENS_DELIVERED, .who = s->instance, .generation = s->generation, .ptr = b});
}

void send_batch(struct world *w, struct batch *b)
{
    struct session *s = b->session;
    uint32_t to = s->log->dc;
    int64_t at_us = w->now_us + net_delay_us(w, w->instances[s->instance].dc, to);

    assert(b->count != 0);
    b->number = s->sent++;
    b->sent_us = w->now_us;
    b->fate = draw_fate(w, to);
    if (window_is_on(w, to, FAULT_produce_slow) && chance_permille(&w->chance_detail, 200)) {
        fault_count(w, FAULT_produce_slow);
        at_us += chance_between(&w->chance_detail, 200 * MS, 8 * SECOND);
    }
    if (at_us < s->last_us)
        at_us = s->last_us;
    s->last_us = at_us;
    world_plan(w, at_us - w->now_us, &(struct happening){.kind = HAPPENS_PRODUCE, .ptr = b});
}

static void append(struct world *w, const struct batch *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        (void)klog_append(w, b->session->log, b->bodies[i],
                          (struct krec){.time_ms = world_now_ms(w),
                                        .copy_dc = b->copy_dc,
                                        .writer = b->session->serial});
}

static void fail(struct world *w, struct batch *b)
{
    struct session *s = b->session;
    uint32_t some = chance_below(&w->chance_detail, b->count);

    s->appended++;
    deliver(w, b, false, chance_between(&w->chance_detail, 100 * MS, 5 * SECOND));
    switch (b->fate) {
    case FATE_APPENDED:
    case FATE_FAILED:
        append(w, b, some);
        s->is_dead = true;
        break;
    case FATE_FAILED_ARRIVED:
        append(w, b, b->count);
        break;
    case FATE_FAILED_SKIPPED:
        break;
    case FATE_FAILED_LATE:
        /* The broker takes it when it comes: for it, it is the session's next. */
        s->is_dead = true;
        world_plan(w, chance_between(&w->chance_detail, SECOND, 40 * SECOND),
                   &(struct happening){.kind = HAPPENS_PRODUCE, .ptr = b, .which = 1});
        break;
    }
}

void send_arrive(struct world *w, struct batch *b)
{
    struct session *s = b->session;
    uint32_t from = w->instances[s->instance].dc;
    int64_t delay_us;

    if (b->number > s->appended && !s->is_dead) {
        /* One before it is still being tried. */
        world_plan(w, 100 * MS, &(struct happening){.kind = HAPPENS_PRODUCE, .ptr = b});
        return;
    }
    if (s->log_epoch != s->log->epoch)
        s->is_dead = true; /* the broker has lost the producer's state with the records */
    if (s->is_dead) {
        if (b->fate == FATE_APPENDED)
            b->fate = FATE_FAILED;
        deliver(w, b, false, 100 * MS);
        return;
    }
    if (!kafka_answers(w, from, s->log->dc)) {
        if (w->now_us - b->sent_us > MESSAGE_TIMEOUT_US) {
            b->fate = FATE_FAILED_SKIPPED;
            fail(w, b);
            return;
        }
        world_plan(w, 500 * MS, &(struct happening){.kind = HAPPENS_PRODUCE, .ptr = b});
        return;
    }
    if (b->fate != FATE_APPENDED) {
        fail(w, b);
        return;
    }
    s->appended++;
    b->first_offset = s->log->end;
    append(w, b, b->count);
    delay_us = net_delay_us(w, s->log->dc, from);
    deliver(w, b, true, delay_us);
}

void send_late(struct world *w, struct batch *b)
{
    append(w, b, b->count);
}
