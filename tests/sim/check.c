/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/check.h"

#include "tests/sim/checker.h"

#include <stdarg.h>
#include <stdio.h>

void check_begin(struct world *w)
{
    struct check *c = pool_alloc(&w->pool, sizeof *c);

    w->check = c;
    for (uint32_t dc = 0; dc < SIM_DCS; dc++) {
        for (uint32_t s = 0; s < SIM_STRANDS; s++) {
            c->held[dc][s] = POSITION_NONE;
            c->read_back[dc][s] = POSITION_NONE;
            c->offered[dc][s] = POSITION_NONE;
            c->floor[s] = POSITION_NONE;
        }
    }
    for (uint32_t o = 0; o < ORIGINS_MAX; o++)
        c->emitted[o] = POSITION_NONE;
}

const struct violation *check_verdict(const struct world *w)
{
    return &w->check->verdict;
}

void check_fail(struct world *w, const char *invariant, const char *format, ...)
{
    struct violation *v = &w->check->verdict;
    va_list args;

    if (v->is_broken)
        return;
    v->is_broken = true;
    v->at_us = w->now_us;
    (void)snprintf(v->invariant, sizeof v->invariant, "%s", invariant);
    va_start(args, format);
    (void)vsnprintf(v->text, sizeof v->text, format, args);
    va_end(args);
    say(w, NOBODY, NOBODY, "checker", "%s is broken: %s", invariant, v->text);
}

/* Somebody has read what is lost, and has not looked since: its node stands still, or it waits. */
static bool has_not_looked(const struct world *w, uint32_t dc)
{
    for (uint32_t by = 0; by < w->p.dc_count; by++) {
        for (uint32_t p = 0; p < w->p.e_partitions; p++) {
            for (const struct reader *r = w->dcs[dc].enriched[by][p]->readers; r != NULL;
                 r = r->next) {
                if (reader_was_cut_off(r))
                    return true;
            }
        }
    }
    return false;
}

/* After an unclean election: the DC cannot know yet what its Kafka, perhaps still away, lost. */
bool check_is_unsettled(const struct world *w, uint32_t dc)
{
    struct check *c = w->check;
    int64_t back_us = w->dcs[dc].kafka_down_until_us + 20 * SECOND;

    if (c->looks[dc] && (c->global_lost[dc] || has_not_looked(w, dc)))
        return true;
    if (c->looks[dc])
        c->unsettled_us[dc] = w->now_us + 30 * SECOND; /* what it has sent may arrive late */
    c->looks[dc] = false;
    return c->unsettled_us[dc] != 0 &&
           w->now_us < (c->unsettled_us[dc] > back_us ? c->unsettled_us[dc] : back_us);
}

/* A cut may stand on a report from before a loss, as long as the DC could not send another. */
bool check_may_not_know(const struct world *w, uint32_t dc)
{
    const struct check *c = w->check;

    return check_is_unsettled(w, dc) || c->reported_us[dc] < c->unsettled_us[dc];
}

/* --- strands: the checker's own chain filter ---------------------------------------------------- */

static bool is_of_strand(const struct world *w, const struct klog *log, const struct krec *k,
                         const struct facts *f, uint32_t strand)
{
    if (!f->has_origin || f->by != log->origin ||
        f->by_incarnation != w->check->by_incarnation[f->by])
        return false;
    if (log->role == LOG_ENRICHED_COPY && k->copy_dc != (int32_t)log->dc)
        return false;
    return strand_index(w, f->by, f->origin) == strand &&
           w->origin_partition[f->origin] == log->partition;
}

/* The checker's own filter: a range links to what it follows, or not at all. */
static bool is_next(const struct facts *f, int64_t last)
{
    const bool is_range = slice_starts_with(f->status, SLICE_LIT("gap")) ||
                          slice_starts_with(f->status, SLICE_LIT("skipped"));

    return f->offset > last && (is_range ? f->prev == last : f->prev <= last);
}

static void see_enriched(struct world *w, const struct klog *log, const struct krec *k)
{
    struct check *c = w->check;
    const struct facts *f = facts_of(w, k->body);
    uint32_t strand;
    int64_t *last;

    if (!f->has_origin)
        return;
    strand = strand_index(w, f->by, f->origin);
    if (strand == UINT32_MAX || !is_of_strand(w, log, k, f, strand))
        return;
    last = &c->held[log->dc][strand];
    if (f->offset <= *last && log->role == LOG_ENRICHED)
        say(w, log->dc, NOBODY, "enriched",
            "a second version of %.*s's offset %lld (%.*s): nobody"
            " takes it",
            SLICE_ARG(w->dcs[w->origin_dc[f->origin]].name), (long long)f->offset,
            SLICE_ARG(f->status));
    if (!is_next(f, *last))
        return;
    *last = f->offset;
    times_put(w, &c->came[log->dc][strand], f->offset, w->now_us);
    if (log->role != LOG_ENRICHED)
        return;
    if (by_offset_get(&c->accepted[strand], f->offset) != NULL) {
        by_offset_put(w, &c->again[strand], f->offset, k);
        return;
    }
    by_offset_put(w, &c->accepted[strand], f->offset, k);
    by_offset_drop(&c->lost[strand], f->prev + 1, f->offset + 1);
    check_uncut(w, strand, k);
}

/* What a DC holds: in its log of enriched records; after a loss also what its copy of the stream
 * has, and what follows that in the log. */
int64_t check_held_of(struct world *w, uint32_t dc, uint32_t strand)
{
    const struct check *c = w->check;
    const struct klog *log =
        w->dcs[dc].enriched[w->strand_by[strand]][w->origin_partition[w->strand_origin[strand]]];
    int64_t last = c->cuts[c->emitted_cut[dc]].positions[strand];

    for (int64_t at = 0; log->epoch != 0 && at < log->end; at++) {
        const struct krec *k = log->recs[at];
        const struct facts *f = k->state == KREC_VISIBLE ? facts_of(w, k->body) : NULL;

        if (f != NULL && is_of_strand(w, log, k, f, strand) && is_next(f, last))
            last = f->offset;
    }
    return last > c->held[dc][strand] ? last : c->held[dc][strand];
}

/* --- copies of the global stream ---------------------------------------------------------------- */

static bool same_bytes(const struct krec *a, const struct krec *b)
{
    const struct body *x = a->body;
    const struct body *y = b->body;

    if (a->time_ms != b->time_ms || x->header_count != y->header_count)
        return false;
    if (!slice_equal(x->key, y->key) || !slice_equal(x->value, y->value))
        return false;
    for (uint32_t h = 0; h < x->header_count; h++) {
        if (!slice_equal(x->headers[h].name, y->headers[h].name) ||
            !slice_equal(x->headers[h].value, y->headers[h].value))
            return false;
    }
    return true;
}

/* I11: no strand that the cut covers calls it withheld. */
static void check_not_withheld(struct world *w, const struct facts *f, const struct parsed_cut *cut)
{
    struct check *c = w->check;

    if (!slice_starts_with(f->status, SLICE_LIT("ok")))
        return;
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        uint32_t s = strand_index(w, dc, f->origin);
        const struct krec *k;

        if (s == UINT32_MAX || cut->positions[s] < f->offset)
            continue;
        k = by_offset_get(&c->accepted[s], f->offset);
        if (k != NULL && slice_starts_with(facts_of(w, k->body)->status, SLICE_LIT("withheld")))
            check_fail(w, "I11", "number %llu is emitted as ok, but %.*s's strand withholds it",
                       (unsigned long long)f->seq, SLICE_ARG(w->dcs[dc].name));
    }
}

/* The first that anybody emits with this number. */
static void check_new(struct world *w, uint32_t dc, const struct krec *k, const struct facts *f)
{
    struct check *c = w->check;
    const struct parsed_cut *cut;

    if (f->cut == 0 || f->cut >= c->cut_count) {
        check_fail(w, "I5", "%.*s emits number %llu of cut %llu, which is not committed",
                   SLICE_ARG(w->dcs[dc].name), (unsigned long long)f->seq,
                   (unsigned long long)f->cut);
        return;
    }
    cut = &c->cuts[f->cut];
    if (f->era != cut->era)
        check_fail(w, "I5", "%.*s emits number %llu in era %u, cut %llu is of era %u",
                   SLICE_ARG(w->dcs[dc].name), (unsigned long long)f->seq, f->era,
                   (unsigned long long)f->cut, cut->era);
    if (f->cut < c->stream_cut)
        check_fail(w, "I4", "number %llu is of cut %llu after one of cut %llu",
                   (unsigned long long)f->seq, (unsigned long long)f->cut,
                   (unsigned long long)c->stream_cut);
    if (f->offset <= c->emitted[f->origin])
        check_fail(w, "I4", "number %llu has origin offset %lld after %lld",
                   (unsigned long long)f->seq, (long long)f->offset,
                   (long long)c->emitted[f->origin]);
    if (f->offset > cut->furthest[f->origin] || f->offset <= cut[-1].furthest[f->origin])
        check_fail(w, "I5", "number %llu has origin offset %lld, which cut %llu does not decide",
                   (unsigned long long)f->seq, (long long)f->offset, (unsigned long long)f->cut);
    check_not_withheld(w, f, cut);
    say(w, dc, NOBODY, "global", "number %llu is %.*s's offset %lld: %.*s, enriched in %.*s",
        (unsigned long long)f->seq, SLICE_ARG(w->dcs[w->origin_dc[f->origin]].name),
        (long long)f->offset, SLICE_ARG(f->status),
        SLICE_ARG(w->dcs[f->by < SIM_DCS ? f->by : dc].name));
    c->stream_cut = f->cut;
    c->emitted[f->origin] = f->offset;
    c->stream =
        pool_grow(&w->pool, c->stream, c->stream_count, &c->stream_capacity, sizeof *c->stream);
    c->stream[c->stream_count++] = k;
    w->stats.emitted++;
}

/* A14: some other DC's global topic has no record before this one. */
static bool begins_elsewhere(const struct world *w, uint32_t dc, uint64_t seq)
{
    for (uint32_t other = 0; other < w->p.dc_count; other++) {
        const struct klog *log = w->dcs[other].global;
        int64_t at = log->start;

        while (at < log->end && (log->recs[at]->state != KREC_VISIBLE ||
                                 !facts_read(w, log->recs[at]->body).has_seq))
            at++;
        if (other != dc && at < log->end && facts_read(w, log->recs[at]->body).seq == seq)
            return true;
    }
    return false;
}

/* Committed or not: what a reader of everything sees. */
static const struct facts *see_global(struct world *w, uint32_t dc, const struct krec *k)
{
    struct check *c = w->check;
    const struct facts *f = facts_of(w, k->body);

    if (!f->has_origin || !f->has_seq)
        return NULL;
    if (c->is_apart[dc]) {
        check_fail(w, "I2", "%.*s emits number %llu behind records that the new era does not have",
                   SLICE_ARG(w->dcs[dc].name), (unsigned long long)f->seq);
        return NULL;
    }
    if (c->begins_anew[dc] && begins_elsewhere(w, dc, f->seq)) {
        c->next[dc] = c->next_uncommitted[dc] = f->seq;
        c->begins_anew[dc] = false;
    }
    if (f->seq > c->next_uncommitted[dc]) {
        check_fail(w, "I1", "%.*s: number %llu comes where %llu is next",
                   SLICE_ARG(w->dcs[dc].name), (unsigned long long)f->seq,
                   (unsigned long long)c->next_uncommitted[dc]);
        return NULL;
    }
    if (f->seq == c->next_uncommitted[dc])
        c->next_uncommitted[dc]++;
    if (f->seq == c->stream_count)
        check_new(w, dc, k, f);
    else if (!same_bytes(c->stream[f->seq], k))
        check_fail(w, "I2", "%.*s: number %llu differs from what was emitted before",
                   SLICE_ARG(w->dcs[dc].name), (unsigned long long)f->seq);
    return f;
}

void check_uncommitted(struct world *w, struct klog *log, const struct krec *k)
{
    if (log->role == LOG_GLOBAL)
        (void)see_global(w, log->dc, k);
}

static void see_committed(struct world *w, uint32_t dc, const struct krec *k)
{
    struct check *c = w->check;
    const struct facts *f = see_global(w, dc, k);

    if (f == NULL)
        return;
    if (f->seq != c->next[dc])
        check_fail(w, "I1", "%.*s shows number %llu where %llu is next", SLICE_ARG(w->dcs[dc].name),
                   (unsigned long long)f->seq, (unsigned long long)c->next[dc]);
    c->next[dc] = f->seq + 1;
    c->global_lost[dc] = false;
    if (k->writer != c->writer[dc])
        check_fail(w, "I7", "%.*s: number %llu of an older merge shows after a newer one began",
                   SLICE_ARG(w->dcs[dc].name), (unsigned long long)f->seq);
}

void check_visible(struct world *w, struct klog *log, const struct krec *k)
{
    switch (log->role) {
    case LOG_SOURCE:
        by_offset_put(w, &w->check->sources[origin_index(w, log->dc, log->topic, log->partition)],
                      k->offset, k);
        w->stats.records++;
        break;
    case LOG_ENRICHED:
    case LOG_ENRICHED_COPY:
        see_enriched(w, log, k);
        break;
    case LOG_GLOBAL:
        see_committed(w, log->dc, k);
        break;
    case LOG_SOURCE_COPY:
    case LOG_CUTS:
        break;
    }
}

/* What was held of a truncated log is read once more. */
static void hold_again(struct world *w, const struct klog *log)
{
    struct check *c = w->check;

    for (uint32_t s = 0; s < w->layout.count; s++) {
        if (w->strand_by[s] == log->origin &&
            w->origin_partition[w->strand_origin[s]] == log->partition)
            c->held[log->dc][s] = c->floor[s];
    }
    for (int64_t at = 0; at < log->end; at++) {
        if (log->recs[at]->state == KREC_VISIBLE)
            see_enriched(w, log, log->recs[at]);
    }
}

static void count_again(struct world *w, const struct klog *log)
{
    struct check *c = w->check;

    c->next[log->dc] = 0;
    for (int64_t at = 0; at < log->end; at++) {
        const struct krec *k = log->recs[at];
        const struct facts *f = k->state == KREC_VISIBLE ? facts_of(w, k->body) : NULL;

        if (f != NULL && f->has_origin && f->has_seq)
            c->next[log->dc] = f->seq + 1;
    }
    c->next_uncommitted[log->dc] = c->next[log->dc];
    c->emitted_cut[log->dc] = 0;
    c->global_lost[log->dc] = true;
}

/* Some other DC's Kafka has the very same record of the DC's topic. */
static bool is_copied(const struct world *w, const struct klog *log, const struct krec *k)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        const struct klog *copy = w->dcs[dc].enriched[log->origin][log->partition];

        for (int64_t at = copy->start; dc != log->dc && at < copy->end; at++) {
            if (copy->recs[at]->body == k->body)
                return true;
        }
    }
    return false;
}

/* What the own topic lost, no cut covers and nobody has copied was never there; unless somebody had
 * read it already, or was about to write a copy (check_covered). */
static void forget_lost(struct world *w, const struct klog *log)
{
    struct check *c = w->check;
    const struct parsed_cut *last = &c->cuts[c->cut_count - 1];

    for (uint32_t s = 0; s < w->layout.count; s++) {
        struct by_offset *list = &c->accepted[s];

        if (w->strand_by[s] != log->origin ||
            w->origin_partition[w->strand_origin[s]] != log->partition)
            continue;
        for (size_t at = (size_t)(last->positions[s] + 1); at < list->count; at++) {
            const struct krec *k = list->list[at];

            if (k == NULL || k->offset < log->end || is_copied(w, log, k))
                continue;
            by_offset_put(w, &c->lost[s], (int64_t)at, k);
            list->list[at] = NULL;
        }
    }
}

void check_covered(struct world *w, uint32_t strand, const struct parsed_cut *cut)
{
    struct check *c = w->check;
    const uint32_t by = w->strand_by[strand];
    const int64_t position = cut->positions[strand];
    const bool has_looked = cut->is_member[by] && cut->incarnation[by] > c->lost_in[by];

    for (int64_t at = cut[-1].positions[strand] + 1; at <= position; at++) {
        const struct krec *k = by_offset_get(has_looked ? &c->again[strand] : &c->lost[strand], at);

        if (k != NULL)
            by_offset_put(w, &c->accepted[strand], at, k);
    }
    by_offset_drop(&c->lost[strand], 0, position + 1);
}

void check_repair(struct world *w, const struct parsed_cut *cut)
{
    if (!w->check->own_lost)
        return;
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        uint32_t s = 0;

        while (s < w->layout.count && check_held_of(w, dc, s) >= cut->positions[s])
            s++;
        if (s == w->layout.count)
            return;
    }
    w->check->is_beyond_repair = true;
}

void check_crossed(struct world *w, uint32_t strand, uint32_t by_incarnation, int64_t position)
{
    struct check *c = w->check;
    struct by_offset *list = &c->accepted[strand];

    c->by_incarnation[w->strand_by[strand]] = by_incarnation;
    c->floor[strand] = position;
    by_offset_drop(list, position + 1, INT64_MAX);
    by_offset_drop(&c->lost[strand], 0, INT64_MAX);
    by_offset_drop(&c->again[strand], 0, INT64_MAX);
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        struct times *came = &c->came[dc][strand];

        c->held[dc][strand] = position; /* who has less has no need of it */
        for (size_t at = (size_t)(position + 1); at < came->count; at++)
            came->list[at] = 0;
    }
}

void check_truncated(struct world *w, struct klog *log)
{
    struct check *c = w->check;

    if (log->role == LOG_ENRICHED) {
        c->own_lost = true;
        c->lost_in[log->dc] = w->etcd.epochs[log->dc];
        forget_lost(w, log);
    }
    c->unsettled_us[log->dc] = w->now_us + 30 * SECOND;
    c->looks[log->dc] = true;
    if (log->role == LOG_ENRICHED || log->role == LOG_ENRICHED_COPY)
        hold_again(w, log);
    if (log->role == LOG_GLOBAL)
        count_again(w, log);
}

void check_made_anew(struct world *w, uint32_t dc)
{
    w->check->is_apart[dc] = false;
    w->check->begins_anew[dc] = true;
}

uint64_t check_next(const struct world *w, uint32_t dc)
{
    return w->check->next[dc];
}

bool check_global_lost(const struct world *w, uint32_t dc)
{
    return w->check->global_lost[dc];
}

bool check_own_lost(const struct world *w)
{
    return w->check->own_lost;
}

int64_t check_held(const struct world *w, uint32_t dc, uint32_t strand)
{
    return w->check->held[dc][strand];
}

void check_epoch(struct world *w, uint32_t dc)
{
    for (uint32_t s = 0; s < w->layout.count; s++) {
        w->check->read_back[dc][s] = POSITION_NONE;
        w->check->offered[dc][s] = POSITION_NONE;
    }
    w->check->unsettled_us[dc] = 0;
}

void check_cut_leaves(struct world *w, uint64_t number)
{
    const struct check *c = w->check;
    const struct parsed_cut *last = &c->cuts[c->cut_count - 1];

    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        const struct dc *d = &w->dcs[dc];

        if (number != 0 && last->is_member[dc] &&
            (number >= d->logged_count || d->logged[number] == NULL))
            check_fail(w, "I5", "cut %llu leaves etcd, but the member %.*s has not logged it",
                       (unsigned long long)number, SLICE_ARG(d->name));
    }
}

void check_initialised(struct world *w, uint32_t dc, uint32_t writer)
{
    w->check->writer[dc] = writer;
}

void check_memory(struct world *w, uint32_t dc, uint64_t entries, uint64_t entries_max)
{
    if (entries > entries_max)
        check_fail(w, "I9", "%.*s's merge keeps %llu records, more than %llu",
                   SLICE_ARG(w->dcs[dc].name), (unsigned long long)entries,
                   (unsigned long long)entries_max);
}

void check_stopped(struct world *w, const struct task *t)
{
    if (w->check->is_restored && t->fatal == ERR_RESTORED)
        return;
    if (w->check->is_apart[t->dc] && t->kind == TASK_MERGE && t->fatal == ERR_DIVERGED)
        return;
    if (w->check->own_lost)
        w->check->is_beyond_repair = w->check->is_beyond_repair || t->fatal == ERR_DIVERGED;
    else
        check_fail(w, "I10", "%.*s's %s stopped for good though nothing was lost: %s (%s)",
                   SLICE_ARG(w->dcs[t->dc].name), task_name(t), err_name(t->fatal), t->why);
}

/* --- the end ------------------------------------------------------------------------------------ */

static bool is_settled(const struct world *w)
{
    const struct check *c = w->check;
    const struct parsed_cut *last = &c->cuts[c->cut_count - 1];

    for (uint32_t o = 0; o < w->origin_count; o++) {
        int64_t end = (int64_t)c->sources[o].count - 1;

        while (end >= 0 && c->sources[o].list[end] == NULL)
            end--;
        if (last->furthest[o] < end)
            return false;
    }
    for (uint32_t s = 0; s < w->layout.count; s++) {
        if (last->positions[s] < last->furthest[w->strand_origin[s]])
            return false;
    }
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (c->next[dc] != c->stream_count || !last->is_member[dc] ||
            c->emitted_cut[dc] < last->number)
            return false;
    }
    return true;
}

bool check_has_drained(const struct world *w)
{
    return w->check->cut_count != 0 && is_settled(w);
}

/* For whoever reads the trace: who holds what at the end. */
static void tell_held(struct world *w)
{
    const struct check *c = w->check;

    for (uint32_t s = 0; s < w->layout.count; s++) {
        for (uint32_t dc = 0; dc < w->p.dc_count; dc++)
            say(w, dc, NOBODY, "checker",
                "strand %u (%.*s's of partition %u): cut %lld, held %lld, reported %lld, offered "
                "%lld",
                s, SLICE_ARG(w->dcs[w->strand_by[s]].name), w->strand_origin[s],
                (long long)c->cuts[c->cut_count - 1].positions[s], (long long)c->held[dc][s],
                (long long)c->read_back[dc][s], (long long)c->offered[dc][s]);
    }
    for (uint32_t t = 0; t < w->task_count; t++) {
        if (w->tasks[t].fatal != 0)
            say(w, w->tasks[t].dc, NOBODY, task_name(&w->tasks[t]), "is stopped: %s",
                w->tasks[t].why);
        else if (!task_is_running(w, t))
            say(w, w->tasks[t].dc, w->tasks[t].claim.node, task_name(&w->tasks[t]),
                "%.*s does not run; its claim has revision %lld", SLICE_ARG(w->tasks[t].name),
                (long long)w->tasks[t].claim.create_revision);
    }
}

static void check_stuck(struct world *w)
{
    const struct check *c = w->check;
    const struct parsed_cut *last = &c->cuts[c->cut_count - 1];

    for (uint32_t o = 0; o < w->origin_count; o++) {
        if (last->furthest[o] + 1 < (int64_t)c->sources[o].count)
            check_fail(w, "I10",
                       "long after all faults, cut %llu stands at %lld of origin partition %u"
                       " (%.*s), which has %zu",
                       (unsigned long long)last->number, (long long)last->furthest[o], o,
                       SLICE_ARG(w->dcs[w->origin_dc[o]].name), c->sources[o].count);
    }
    for (uint32_t s = 0; s < w->layout.count; s++) {
        if (last->positions[s] < last->furthest[w->strand_origin[s]])
            check_fail(
                w, "I10",
                "long after all faults, %.*s's strand %u stands at %lld of %lld; held %lld, %lld,"
                " last reported %lld, %lld, offered %lld, %lld",
                SLICE_ARG(w->dcs[w->strand_by[s]].name), s, (long long)last->positions[s],
                (long long)last->furthest[w->strand_origin[s]], (long long)c->held[0][s],
                (long long)c->held[1][s], (long long)c->read_back[0][s],
                (long long)c->read_back[1][s], (long long)c->offered[0][s],
                (long long)c->offered[1][s]);
    }
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (!last->is_member[dc])
            check_fail(w, "I10", "long after all faults, %.*s is not a member",
                       SLICE_ARG(w->dcs[dc].name));
        if (c->next[dc] != c->stream_count || c->emitted_cut[dc] < last->number)
            check_fail(w, "I10",
                       "long after all faults, %.*s has %llu of %zu numbers, and says that it has"
                       " emitted cut %llu of %llu",
                       SLICE_ARG(w->dcs[dc].name), (unsigned long long)c->next[dc], c->stream_count,
                       (unsigned long long)c->emitted_cut[dc], (unsigned long long)last->number);
    }
}

void check_end(struct world *w)
{
    if (!is_settled(w))
        tell_held(w);
    if (!is_settled(w))
        check_repair(w, &w->check->cuts[w->check->cut_count - 1]);
    if (w->check->is_beyond_repair) {
        w->stats.beyond_repair++;
        return;
    }
    reference_check(w);
    if (is_settled(w))
        return;
    check_stuck(w);
}
