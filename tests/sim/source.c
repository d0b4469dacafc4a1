/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.c - who writes the source topics: bursts of events, some sent twice, some within a
 * transaction, with timestamps that go back and sometimes are weeks off.
 */
#include "tests/sim/world.h"

#include <stdio.h>

#define EVENTS_BACK 120 /* an id is repeated within about so many events */

static int64_t timestamp(struct world *w)
{
    int64_t now = world_now_ms(w);

    now -= now % w->p.source_tick_ms;
    if (chance_permille(&w->chance, 5))
        return now - chance_between(&w->chance, 0, 30LL * 86400000);
    if (chance_permille(&w->chance, 150))
        return now - chance_between(&w->chance, 0, 5000);
    return now;
}

static const struct body *new_event(struct world *w)
{
    uint64_t number = w->events_sent++;
    struct header headers[2];
    uint32_t count = 0;
    char key[32];
    char value[64];
    int key_len;
    int value_len;
    char kind = 'n';

    if (number != 0 && chance_permille(&w->chance, w->p.fault_share[FAULT_id_repeated])) {
        fault_count(w, FAULT_id_repeated);
        number -= 1 + chance_below(&w->chance, EVENTS_BACK) % number;
    }
    if (number % 97 == 3 && w->p.story == NULL)
        kind = 'c';
    if (number % 31 == 4 && w->p.story == NULL)
        kind = 'f';
    key_len = snprintf(key, sizeof key, "p%u", chance_below(&w->chance, 500));
    value_len = number % 83 == 5 && w->p.story == NULL
                    ? snprintf(value, sizeof value, "{no-id-%llu}", (unsigned long long)number)
                    : snprintf(value, sizeof value, "e%llu %c", (unsigned long long)number, kind);
    if (chance_permille(&w->chance, 300))
        headers[count++] = (struct header){SLICE_LIT("traceparent"), SLICE_LIT("00-ab-cd-01")};
    if (chance_permille(&w->chance, 10))
        headers[count++] =
            (struct header){SLICE_LIT("braid-origin"), SLICE_LIT("eqiad/page.v1/0/0/-1/0")};
    return body_new(w, pool_copy(&w->pool, slice_of(key, (size_t)key_len)),
                    pool_copy(&w->pool, slice_of(value, (size_t)value_len)), headers, count);
}

static int64_t interval_us(struct world *w)
{
    int64_t bursts = (int64_t)(w->p.records / (1 + w->p.burst_max / 2)) + 1;
    int64_t mean = (w->p.faults_ms - w->p.quiet_ms) * MS / bursts;

    return chance_between(&w->chance, mean / 10, 2 * mean - mean / 10);
}

void source_begin(struct world *w)
{
    world_plan(w, SECOND, &(struct happening){.kind = HAPPENS_SOURCE});
}

void source_send(struct world *w, uint32_t dc, uint32_t count)
{
    struct klog *log = w->dcs[dc].source[dc][0][0];
    struct krec like = {.copy_dc = -1, .time_ms = world_now_ms(w)};

    for (uint32_t n = 0; n < count; n++)
        (void)klog_append(w, log, new_event(w), like);
}

static void burst(struct world *w)
{
    uint32_t origin = chance_below(&w->chance, w->origin_count);
    uint32_t dc = w->origin_dc[origin];
    struct klog *log = w->dcs[dc].source[dc][w->origin_topic[origin]][w->origin_partition[origin]];
    uint32_t count = 1 + chance_below(&w->chance, w->p.burst_max);
    struct krec like = {.copy_dc = -1, .writer = 0};
    bool in_txn =
        log->open_count == 0 && chance_permille(&w->chance, w->p.fault_share[FAULT_source_txn]);

    if (in_txn) {
        fault_count(w, FAULT_source_txn);
        like.state = KREC_OPEN;
        like.writer = ++w->serials;
        world_plan(w, chance_between(&w->chance, 5 * MS, 15 * SECOND),
                   &(struct happening){.kind = HAPPENS_SOURCE_END,
                                       .who = like.writer,
                                       .which = chance_permille(&w->chance, 600),
                                       .ptr = log});
    }
    for (uint32_t n = 0; n < count; n++) {
        const struct body *b = new_event(w);

        like.time_ms = timestamp(w);
        (void)klog_append(w, log, b, like);
    }
}

void source_happens(struct world *w, const struct happening *h)
{
    if (h->kind == HAPPENS_SOURCE_END) {
        klog_end_txn(w, h->ptr, h->who, h->which != 0);
        return;
    }
    if (!w->is_faulty)
        return;
    if (w->p.quiet_ms == 0 || w->now_us < w->p.quiet_from_ms * MS ||
        w->now_us > (w->p.quiet_from_ms + w->p.quiet_ms) * MS)
        burst(w);
    world_plan(w, interval_us(w), &(struct happening){.kind = HAPPENS_SOURCE});
}
