/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss.c - what Kafka deletes: by retention, which must not matter as long as it takes only what
 * nobody needs, or names what it took; and by an unclean election, which must be seen.
 */
#include "tests/sim/loss.h"

#include "tests/sim/checker.h"

/* Nobody starts from a place that is older: pauses and late commits are shorter. */
#define OLD_US (240 * SECOND)

#define MAX_LOST 6 /* records that an unclean election cuts off */

/* The newest place of a line that is old enough; -1: none. */
static const struct old_place *old_place(const struct world *w, const struct task *t)
{
    const struct old_place *best = NULL;

    for (uint32_t n = 0; n < t->old_count; n++) {
        if (w->now_us - t->old[n].at_us >= OLD_US)
            best = &t->old[n];
    }
    return best;
}

/* The newest line of the log's DC that is old: its merge does not start from an older one. */
static const struct emitted_line *old_line(const struct world *w, const struct klog *log)
{
    const struct klog *cuts = w->dcs[log->dc].cuts;

    for (int64_t at = cuts->end - 1; at >= cuts->start; at--) {
        const struct krec *k = klog_at(cuts, at);
        const struct logged *l = k->body == NULL ? NULL : k->body->logged;

        if (l != NULL && !l->is_cut && world_now_ms(w) - k->time_ms >= OLD_US / 1000)
            return &l->line;
    }
    return NULL;
}

static bool is_in(const struct world *w, const struct klog *log, uint32_t strand)
{
    return w->strand_by[strand] == log->origin &&
           w->origin_partition[w->strand_origin[strand]] == log->partition;
}

/*
 * Where the merge of the log's DC would start to read it: as the old line has it, or a newer one;
 * after a loss a log is read from its start again.
 */
static int64_t merge_needs(const struct world *w, const struct klog *log)
{
    const struct klog *cuts = w->dcs[log->dc].cuts;
    const struct emitted_line *old = old_line(w, log);
    int64_t least = log->end;

    for (int64_t at = cuts->end - 1; old != NULL && at >= cuts->start; at--) {
        const struct krec *k = klog_at(cuts, at);
        const struct logged *l = k->body == NULL ? NULL : k->body->logged;

        if (l == NULL || l->is_cut)
            continue;
        for (uint32_t s = 0; s < l->line.place_count; s++) {
            if (is_in(w, log, s) && l->line.places[s].from < least)
                least = l->line.places[s].from;
        }
        if (&l->line == old)
            return least;
    }
    return log->start;
}

/* A2: an empty log is as good as a full one if the line says all that anybody holds of it. */
static bool line_says_all(const struct world *w, const struct klog *log)
{
    const struct emitted_line *line = old_line(w, log);

    for (uint32_t s = 0; line != NULL && s < line->place_count; s++) {
        for (uint32_t dc = 0; dc < w->p.dc_count && is_in(w, log, s); dc++) {
            if (check_held(w, dc, s) > line->places[s].last)
                return false;
        }
    }
    return line != NULL;
}

/* A later incarnation of its DC's strands is enriched again from where they are cut. */
static int64_t uncut_before(const struct world *w, const struct klog *log, int64_t least)
{
    const struct cut *head = w->etcd.cuts[w->etcd.cut_count - 1].as;
    const uint32_t origin = origin_index(w, log->origin, log->topic, log->partition);
    const int64_t position = head->strands[strand_index(w, log->dc, origin)].position;
    int64_t at = log->start;

    if (w->p.fault_mean_ms[FAULT_new_incarnation] == 0)
        return least;
    while (at < least &&
           (log->recs[at]->state != KREC_VISIBLE || !log->recs[at]->body->braid.has_origin ||
            log->recs[at]->body->braid.origin.offset <= position))
        at++;
    return at;
}

/* What all who read or write the log may do without. */
static int64_t not_needed_before(struct world *w, const struct klog *log)
{
    int64_t least = log->end;
    int64_t merge;

    for (uint32_t n = 0; n < w->task_count; n++) {
        const struct task *t = &w->tasks[n];
        const struct old_place *old = old_place(w, t);

        if (t->kind == TASK_MERGE || (t->input != log && t->output != log))
            continue;
        if (old == NULL)
            return log->start;
        if (t->input == log && old->in < least)
            least = old->in;
        if (t->output == log && old->out < least)
            least = old->out;
        /* A late commit may have taken the place back. */
        if (t->input == log && t->saved_in.log_offset < least)
            least = t->saved_in.log_offset;
        if (t->output == log && t->saved_out.log_offset < least)
            least = t->saved_out.log_offset;
    }
    if (log->role == LOG_SOURCE_COPY)
        return uncut_before(w, log, least);
    if (log->role != LOG_ENRICHED && log->role != LOG_ENRICHED_COPY)
        return least;
    if (least == log->end && line_says_all(w, log))
        return least;
    merge = merge_needs(w, log);
    return merge < least ? merge : least;
}

/* A source may lose what nobody has read yet: a gap, which must be told. */
static void overrun(struct world *w)
{
    uint32_t o = chance_below(&w->chance, w->origin_count);
    uint32_t dc = w->origin_dc[o];
    struct klog *log = w->dcs[dc].source[dc][w->origin_topic[o]][w->origin_partition[o]];
    int64_t start = log->end - chance_below(&w->chance, 3);

    if (w->p.at_origin || log->open_count != 0)
        return; /* one strand only: the gap would wait for an operator */
    /* The gap must end at a record that other strands get past, even if no more events come. */
    while (w->p.fault_mean_ms[FAULT_new_incarnation] != 0 && start > log->start &&
           log->recs[start - 1]->state != KREC_VISIBLE)
        start--;
    say(w, dc, NOBODY, "kafka", "deletes a source's records before %lld", (long long)start);
    klog_retain(w, log, start);
}

/* The number after which the DC's log of cuts says nothing yet; 0: it says nothing at all. */
static uint64_t noted_up_to(const struct world *w, const struct klog *log)
{
    const struct klog *cuts = w->dcs[log->dc].cuts;

    for (int64_t at = cuts->end - 1; at >= cuts->start; at--) {
        const struct krec *k = klog_at(cuts, at);
        const struct logged *l = k->body == NULL ? NULL : k->body->logged;

        if (l != NULL && !l->is_cut)
            return l->line.emitted.next_seq;
    }
    return 0;
}

/* Retention is longer than it takes a merge to note in its log of cuts what it has emitted. */
static bool is_noted(struct world *w, const struct krec *k, uint64_t noted)
{
    const struct facts *f = k->body == NULL ? NULL : facts_of(w, k->body);

    return f == NULL || !f->has_seq || f->seq < noted;
}

/* No other DC may still have to copy it (R11). */
static bool nobody_copies(const struct world *w, const struct klog *log, const struct krec *k)
{
    uint64_t seq;
    uint64_t cut;
    uint64_t chain;
    uint32_t era;

    /* Of two peers, one may begin after what was copied from the other: that is an operator's. */
    if (w->p.dc_count > 2 && w->p.fault_mean_ms[FAULT_copy_lost] != 0)
        return false;
    if (k->state != KREC_VISIBLE || global_parse(&k->body->braid, &seq, &era, &cut, &chain) != 0)
        return true;
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (dc != log->dc && check_next(w, dc) <= seq)
            return false;
    }
    return true;
}

/* By age; all of it, if nothing new came. */
static void retain_global(struct world *w, struct klog *log)
{
    const uint64_t noted = noted_up_to(w, log);
    int64_t start = log->start;

    while (start < log->end && w->now_us - log->recs[start]->appended_us > OLD_US &&
           is_noted(w, log->recs[start], noted) && nobody_copies(w, log, log->recs[start]))
        start++;
    /* One that lost its end and then all the rest cannot be told from one that retention emptied. */
    if (log->open_count == 0 && !check_global_lost(w, log->dc))
        klog_retain(w, log, start);
}

/* Another DC has emitted something; or all that this one has, and has not lost it. */
static bool has_peer(const struct world *w, uint32_t of, bool wants_all)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        const bool has_all = w->dcs[dc].noted_count >= w->dcs[of].noted_count &&
                             check_next(w, dc) >= check_next(w, of);

        if (dc != of && w->dcs[dc].noted_count > 1 && (has_all || !wants_all))
            return true;
    }
    return false;
}

/* Somebody has made both topics anew: a peer's copy is all that helps. What no peer has must still
 * be where it was made from; else it is gone, and an operator's (R13). */
void copy_lost(struct world *w)
{
    const bool is_gone = w->p.fault_mean_ms[FAULT_retention] != 0 || check_own_lost(w);
    struct dc *d = &w->dcs[w->p.copy_dc];

    if (!has_peer(w, w->p.copy_dc, is_gone))
        return;
    say(w, w->p.copy_dc, NOBODY, "kafka", "has its global topic and log of cuts made anew");
    d->global->start = 0;
    klog_truncate(w, d->global, 0);
    klog_truncate(w, d->cuts, 0);
    check_made_anew(w, w->p.copy_dc);
}

void retention(struct world *w)
{
    uint32_t dc = chance_below(&w->chance, w->p.dc_count);
    struct dc *d = &w->dcs[dc];

    if (chance_permille(&w->chance, 250)) {
        overrun(w);
        return;
    }
    say(w, dc, NOBODY, "kafka", "deletes old records");
    for (uint32_t o = 0; o < w->p.dc_count; o++) {
        for (uint32_t p = 0; p < w->p.e_partitions; p++)
            klog_retain(w, d->enriched[o][p], not_needed_before(w, d->enriched[o][p]));
        for (uint32_t t = 0; t < w->p.topic_count && o != dc && !w->p.at_origin; t++) {
            for (uint32_t p = 0; p < w->p.partitions[t]; p++)
                klog_retain(w, d->source[o][t][p], not_needed_before(w, d->source[o][t][p]));
        }
    }
    retain_global(w, d->global);
}

/*
 * One of the logs that Braid writes; an own enriched topic only seldom, since only an operator can
 * go on after that. So it is where retention has taken what the lost end was made from: in such
 * seeds only copies of sources lose something, and global topics, which can be copied.
 */
static struct klog *some_log(struct world *w, uint32_t dc)
{
    struct dc *d = &w->dcs[dc];
    uint32_t other = (dc + 1 + chance_below(&w->chance, w->p.dc_count - 1)) % w->p.dc_count;
    uint32_t topic = chance_below(&w->chance, w->p.topic_count);
    uint32_t kind = chance_below(&w->chance, 100);
    bool is_kept = w->p.fault_mean_ms[FAULT_retention] == 0;

    if (!w->p.at_origin && (kind < 30 || (!is_kept && kind >= 45)))
        return d->source[other][topic][chance_below(&w->chance, w->p.partitions[topic])];
    if (!is_kept && kind >= 45)
        return NULL;
    /* Not before the first line of the log of cuts; and a merge that is idle does not look, so that
     * there must be something to be written afterwards. */
    if (kind < 45 && w->now_us > 60 * SECOND && w->now_us < (w->p.faults_ms - 120000) * MS)
        return d->global;
    if (kind < 45)
        return NULL;
    if (kind >= 45 + w->p.own_lost_share)
        return d->enriched[other][chance_below(&w->chance, w->p.e_partitions)];
    return d->enriched[dc][chance_below(&w->chance, w->p.e_partitions)];
}

static const char *log_name(const struct klog *log)
{
    switch (log->role) {
    case LOG_GLOBAL:
        return "the global topic";
    case LOG_ENRICHED:
        return "its own enriched topic";
    case LOG_ENRICHED_COPY:
        return "a copy of enriched records";
    case LOG_SOURCE_COPY:
        return "a copy of a source";
    case LOG_SOURCE:
    case LOG_CUTS:
        break;
    }
    return "a log";
}

/* Every peer still has the record, and can be copied: else only an operator helps (R11). */
static bool all_peers_have(struct world *w, uint32_t dc, int64_t seq)
{
    for (uint32_t peer = 0; peer < w->p.dc_count; peer++) {
        const struct klog *log = w->dcs[peer].global;
        int64_t at = log->start;

        while (at < log->end && log->recs[at]->state != KREC_VISIBLE)
            at++;
        const struct facts *f = at < log->end ? facts_of(w, log->recs[at]->body) : NULL;
        if (peer != dc && log->start > 0 && (f == NULL || !f->has_seq || (int64_t)f->seq > seq))
            return false;
    }
    return true;
}

void truncation(struct world *w)
{
    uint32_t dc = chance_below(&w->chance, w->p.dc_count);
    struct klog *log = some_log(w, dc);
    int64_t lost = 1 + chance_below(&w->chance, MAX_LOST);

    if (log == NULL || log->open_count != 0 || log->end - lost < log->start)
        return;
    if (log->role == LOG_GLOBAL && check_own_lost(w) && !has_peer(w, dc, true))
        return; /* see copy_lost */
    if (log->role == LOG_GLOBAL && log->start > 0 && log->end - 2 * MAX_LOST <= log->start)
        return; /* nothing would be left: see retain_global */
    if (log->role == LOG_GLOBAL && !all_peers_have(w, dc, (int64_t)check_next(w, dc) - lost))
        return; /* see nobody_copies */
    say(w, dc, NOBODY, "kafka", "an unclean election cuts %lld records off the end of %s",
        (long long)lost, log_name(log));
    klog_truncate(w, log, log->end - lost);
}
