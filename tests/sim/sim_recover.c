/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_recover.c - what a merge finds in its own Kafka when it starts: the tail of the global
 * topic and the newest lines of the log of cuts.
 */
#include "tests/sim/sim_merge.h"
#include "tests/sim/world.h"

/* The newest sound record of the global topic at or before `at`; *at is its offset. */
static const struct krec *sound_before(const struct klog *log, int64_t *at, uint64_t *out_seq,
                                       struct merge_recovery *out)
{
    for (; *at >= log->start; (*at)--) {
        const struct krec *k = klog_at(log, *at);
        uint64_t chain;
        uint64_t cut;
        uint32_t era;

        if (k == NULL || k->state != KREC_VISIBLE || !k->body->braid.has_origin)
            continue;
        if (global_parse(&k->body->braid, out_seq, &era, &cut, &chain) != 0)
            continue;
        out->tail_era = era;
        out->tail_cut = cut;
        out->tail_chain = chain;
        return k;
    }
    return NULL;
}

static void read_tail(const struct klog *log, struct merge_recovery *out)
{
    int64_t at = klog_stable_end(log) - 1;

    if (sound_before(log, &at, &out->tail_seq, out) != NULL)
        out->has_tail = true;
    else
        out->tail_is_emptied = klog_stable_end(log) > 0 && log->start > 0;
}

/* Whether the line's number and chain are those of the topic. */
static bool agrees(const struct klog *log, const struct emitted *e,
                   const struct merge_recovery *tail)
{
    int64_t at = klog_stable_end(log) - 1;
    struct merge_recovery found;
    uint64_t seq;

    if (MUTANT(recover_from_line))
        return true;
    if (!tail->has_tail)
        return tail->tail_is_emptied || e->next_seq == 0;
    if (e->next_seq > tail->tail_seq + 1)
        return false;
    if (e->next_seq == 0)
        return true;
    for (; sound_before(log, &at, &seq, &found) != NULL; at--) {
        if (seq + 1 == e->next_seq)
            return found.tail_chain == e->chain;
        if (seq + 1 < e->next_seq)
            return false;
    }
    return true;
}

static void read_cut(struct slice bytes, struct arena *a, struct merge_recovery *out)
{
    struct cut cut;

    if (cut_decode(bytes, a, &cut) != 0)
        return;
    out->has_logged = true;
    out->logged_era = cut.era;
    out->logged_number = cut.number;
}

void recover(struct world *w, uint32_t instance, struct merge_recovery *out)
{
    struct instance *i = &w->instances[instance];
    struct arena *a = &i->merge->scratch;
    const struct klog *cuts = w->dcs[i->dc].cuts;
    const struct klog *global = w->dcs[i->dc].global;

    *out = (struct merge_recovery){0};
    read_tail(global, out);
    for (int64_t at = cuts->end - 1; at >= cuts->start; at--) {
        struct slice bytes;
        struct emitted_line line;
        bool is_cut;

        if (out->has_line && out->has_logged)
            break;
        if (line_decode(klog_at(cuts, at)->body->value, a, &is_cut, &bytes, &line) != 0)
            continue;
        if (is_cut && !out->has_logged)
            read_cut(bytes, a, out);
        if (!is_cut && !out->has_line && agrees(global, &line.emitted, out)) {
            out->has_line = true;
            out->line = line;
        }
    }
    if (MUTANT(recover_from_line) && out->has_line) {
        out->has_tail = out->line.emitted.next_seq != 0;
        out->tail_seq = out->line.emitted.next_seq - 1;
        out->tail_chain = out->line.emitted.chain;
        out->tail_cut = out->line.emitted.number;
    }
}

struct slice recover_cut(struct world *w, uint32_t dc, uint64_t number)
{
    for (uint32_t peer = 0; peer < w->p.dc_count; peer++) {
        if (!kafka_answers(w, dc, peer))
            continue;
        if (number < w->dcs[peer].logged_count && w->dcs[peer].logged[number].ptr != NULL)
            return w->dcs[peer].logged[number];
    }
    return (struct slice){0};
}
