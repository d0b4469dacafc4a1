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
static bool agrees(const struct dc *dc, const struct emitted *e, const struct merge_recovery *tail)
{
    if (MUTANT(recover_from_line))
        return true;
    if (!tail->has_tail)
        return tail->tail_is_emptied || e->next_seq == 0;
    if (e->next_seq > tail->tail_seq + 1)
        return false;
    return e->next_seq == 0 || dc->chains[e->next_seq - 1] == e->chain;
}

/* The line at the offset; NULL: there is none. */
static const struct logged *line_at(const struct klog *cuts, int64_t at)
{
    const struct krec *k = klog_at(cuts, at);

    return k != NULL && k->body != NULL ? k->body->logged : NULL;
}

static bool is_newer(const struct emitted *a, const struct emitted *b)
{
    return a->era > b->era || (a->era == b->era && a->number > b->number);
}

/* Where the window of the newest line that agrees begins; -1: there is no such line. An older one may
 * have arrived late. */
static int64_t window_start(const struct world *w, struct instance *i,
                            const struct merge_recovery *tail)
{
    const struct klog *cuts = w->dcs[i->dc].cuts;
    const struct emitted_line *newest = NULL;

    for (int64_t at = cuts->end - 1; at >= cuts->start; at--) {
        const struct logged *l = line_at(cuts, at);

        if (l != NULL && !l->is_cut && agrees(&w->dcs[i->dc], &l->line.emitted, tail) &&
            (newest == NULL || is_newer(&l->line.emitted, &newest->emitted)))
            newest = &l->line;
    }
    if (newest == NULL)
        return -1;
    return newest->window_offset > cuts->start ? newest->window_offset : cuts->start;
}

/*
 * The last of an unbroken row of lines, from where the window begins: an older merge may have
 * added lines late, and one that failed while the next was on its way is missing.
 */
static void follow_lines(struct world *w, struct instance *i, int64_t from,
                         struct merge_recovery *out)
{
    const struct klog *cuts = w->dcs[i->dc].cuts;

    for (int64_t at = from; at < cuts->end; at++) {
        const struct logged *l = line_at(cuts, at);

        if (l == NULL || l->is_cut)
            continue;
        if (out->has_line && l->number != out->line.emitted.number + 1 &&
            !MUTANT(recover_from_line))
            continue;
        if (!agrees(&w->dcs[i->dc], &l->line.emitted, out))
            continue;
        if (!out->has_line)
            i->merge->row_offset = at;
        out->has_line = true;
        out->line = l->line;
        i->merge->line_offset = at;
    }
}

/* The last of an unbroken row of cuts that are logged, from the line's on. */
static void follow_cuts(struct world *w, struct instance *i, int64_t from,
                        struct merge_recovery *out)
{
    const struct klog *cuts = w->dcs[i->dc].cuts;

    out->has_logged = out->has_line;
    out->logged_era = out->has_line ? out->line.emitted.era : w->etcd.era;
    out->logged_number = out->has_line ? out->line.emitted.number : 0;
    for (int64_t at = from; at < cuts->end; at++) {
        const struct logged *l = line_at(cuts, at);

        if (l == NULL || !l->is_cut || l->as->era != out->logged_era)
            continue;
        if (out->has_logged ? l->number == out->logged_number + 1 : l->number == 0) {
            out->has_logged = true;
            out->logged_number = l->number;
        }
    }
}

void recover(struct world *w, uint32_t instance, struct merge_recovery *out)
{
    struct instance *i = &w->instances[instance];
    int64_t from;

    *out = (struct merge_recovery){0};
    read_tail(w->dcs[i->dc].global, out);
    from = window_start(w, i, out);
    while (from >= 0) {
        int64_t own;

        out->has_line = false;
        follow_lines(w, i, from, out);
        /* The row may end before the newest line, and then needs an older window. */
        own = out->has_line && out->line.window_offset > 0 ? out->line.window_offset : 0;
        if (!out->has_line || own >= from)
            break;
        from = own;
    }
    follow_cuts(w, i, from >= 0 ? from : 0, out);
    if (MUTANT(recover_from_line) && out->has_line) {
        out->has_tail = out->line.emitted.next_seq != 0;
        out->tail_seq = out->line.emitted.next_seq - 1;
        out->tail_chain = out->line.emitted.chain;
        out->tail_cut = out->line.emitted.number;
    }
}

const struct logged *recover_cut(const struct world *w, uint32_t dc, uint32_t era, uint64_t number)
{
    for (uint32_t peer = 0; peer < w->p.dc_count; peer++) {
        if (!kafka_answers(w, dc, peer))
            continue;
        if (number < w->dcs[peer].logged_count && w->dcs[peer].logged[number] != NULL &&
            w->dcs[peer].logged[number]->as->era == era)
            return w->dcs[peer].logged[number];
    }
    return NULL;
}
