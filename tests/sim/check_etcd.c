/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_etcd.c - what the checker says of what etcd takes: reports (I6) and cuts (I5).
 */
#include "tests/sim/checker.h"

#include <stdio.h>
#include <xxhash.h>

/* Whether another strand of the same partition is held past this offset. */
static bool other_is_past(struct world *w, uint32_t dc, uint32_t strand, int64_t offset)
{
    for (uint32_t by = 0; by < w->p.dc_count; by++) {
        uint32_t other = strand_index(w, by, w->strand_origin[strand]);

        if (other != UINT32_MAX && other != strand && check_held_of(w, dc, other) >= offset)
            return true;
    }
    return false;
}

/* Grace (R5, A11): a failed record may be offered once another strand is past it or time is up. */
static void check_grace(struct world *w, uint32_t dc, uint32_t strand, int64_t offer)
{
    struct check *c = w->check;
    const struct parsed_cut *last = &c->cuts[c->cut_count - 1];
    bool is_alone = w->p.at_origin || c->own_lost; /* it may be read again after a loss */

    for (int64_t at = c->offered[dc][strand] + 1; at <= offer && !is_alone; at++) {
        const struct krec *k = by_offset_get(&c->accepted[strand], at);
        int64_t since = at < (int64_t)c->came[dc][strand].count ? c->came[dc][strand].list[at] : 0;

        if (k == NULL || !slice_starts_with(facts_of(w, k->body)->status, SLICE_LIT("failed")))
            continue;
        if (other_is_past(w, dc, strand, at) || at <= last->positions[strand])
            continue;
        /* A node's clock may be fast by a few parts in ten thousand. */
        if ((w->now_us - since) / 1000 < (int64_t)w->p.failed_grace_ms * 999 / 1000)
            check_fail(w, "I6", "%.*s offers a failed record of strand %u at %lld before its grace",
                       SLICE_ARG(w->dcs[dc].name), strand, (long long)at);
    }
    if (offer > c->offered[dc][strand])
        c->offered[dc][strand] = offer;
}

/* A4: what a DC says that it has emitted is what its next merge finds in the log of cuts. */
static void check_noted(struct world *w, uint32_t dc, const struct parsed_report *r)
{
    const struct dc *d = &w->dcs[dc];

    if (r->emitted_number != 0 &&
        (r->emitted_number >= d->noted_count || d->noted[r->emitted_number] == NULL))
        check_fail(w, "I6", "%.*s reports cut %llu as emitted, but its log of cuts does not say so",
                   SLICE_ARG(d->name), (unsigned long long)r->emitted_number);
}

void check_report(struct world *w, uint32_t dc, int64_t claim, struct slice bytes)
{
    struct check *c = w->check;
    struct parsed_report r;

    if (!report_read(w, bytes, &r)) {
        check_fail(w, "I6", "%.*s's report cannot be read", SLICE_ARG(w->dcs[dc].name));
        return;
    }
    if (claim < c->report_claim[dc])
        check_fail(w, "I6", "%.*s: a report of an older merge counts", SLICE_ARG(w->dcs[dc].name));
    if (r.incarnation != w->etcd.epochs[dc])
        return; /* of a log epoch that is over: nobody counts it */
    c->report_claim[dc] = claim;
    check_noted(w, dc, &r);
    if (r.next_seq <= c->next[dc] && r.emitted_number < c->cut_count)
        c->emitted_cut[dc] = r.emitted_number;
    c->reported_us[dc] = w->now_us;
    c->clock_ms[dc][c->clock_turn[dc]++ % 8] = r.clock_ms;
    if (w->p.story == NULL)
        say(w, dc, NOBODY, "etcd", "report %llu of claim %lld", (unsigned long long)r.number,
            (long long)claim);
    if (r.layout != w->etcd.cuts[w->etcd.cut_count - 1].as->layout.hash)
        return; /* of strands that are over: nobody counts it */
    for (uint32_t s = 0; s < w->layout.count; s++) {
        int64_t held = check_held_of(w, dc, s);

        if (check_is_unsettled(w, dc))
            continue;
        if (r.read_back[s] > held || r.offer[s] > held)
            check_fail(w, "I6", "%.*s reports strand %u up to %lld (offer %lld) but holds %lld",
                       SLICE_ARG(w->dcs[dc].name), s, (long long)r.read_back[s],
                       (long long)r.offer[s], (long long)held);
        if (r.read_back[s] < c->read_back[dc][s])
            check_fail(w, "I6", "%.*s reports strand %u up to %lld after %lld",
                       SLICE_ARG(w->dcs[dc].name), s, (long long)r.read_back[s],
                       (long long)c->read_back[dc][s]);
        c->read_back[dc][s] = r.read_back[s];
        check_grace(w, dc, s, r.offer[s]);
    }
}

/* R13: a new incarnation is an operator's, starts where the old one is cut, and moves nothing. */
static void check_incarnations(struct world *w, const struct parsed_cut *cut)
{
    bool crosses = false;

    for (uint32_t by = 0; by < w->p.dc_count; by++)
        crosses = crosses || cut->by_incarnation[by] != cut[-1].by_incarnation[by];
    if (crosses)
        check_repair(w, &cut[-1]);
    for (uint32_t s = 0; crosses && s < w->layout.count; s++) {
        const uint32_t by = w->strand_by[s];
        const uint32_t now = cut->by_incarnation[by];

        if (cut->positions[s] != cut[-1].positions[s])
            check_fail(w, "I5", "cut %llu has strands of a new incarnation, and moves strand %u",
                       (unsigned long long)cut->number, s);
        if (now == cut[-1].by_incarnation[by])
            continue;
        if (now < cut[-1].by_incarnation[by] ||
            (now > w->etcd.wanted[by] && cut->era == cut[-1].era))
            check_fail(w, "I5", "cut %llu names incarnation %u, which no operator asked for",
                       (unsigned long long)cut->number, now);
        check_crossed(w, s, now, cut->positions[s]);
    }
}

static void check_positions(struct world *w, const struct parsed_cut *cut)
{
    const struct parsed_cut *before = cut - 1;

    for (uint32_t s = 0; s < w->layout.count; s++) {
        int64_t position = cut->positions[s];
        bool is_held = true;

        check_covered(w, s, cut);
        if (position < before->positions[s])
            check_fail(w, "I5", "cut %llu takes strand %u back from %lld to %lld",
                       (unsigned long long)cut->number, s, (long long)before->positions[s],
                       (long long)position);
        for (uint32_t dc = 0; dc < w->p.dc_count; dc++)
            is_held = is_held && (!cut->is_member[dc] || check_held_of(w, dc, s) >= position ||
                                  check_may_not_know(w, dc));
        if (is_held)
            continue;
        check_fail(w, "I5", "a member does not hold strand %u up to %lld, as cut %llu says", s,
                   (long long)position, (unsigned long long)cut->number);
    }
}

/* R6: only who has the cut before in its own log of cuts may add to it. */
static void check_proposer(struct world *w, const struct parsed_cut *cut)
{
    const struct dc *d = &w->dcs[cut->proposer < SIM_DCS ? cut->proposer : 0];
    uint64_t before = cut->number - 1;

    if (cut->proposer >= w->p.dc_count || before == 0)
        return;
    if (before >= d->logged_count || d->logged[before] == NULL)
        check_fail(w, "I5", "%.*s proposes cut %llu, but has not logged the one before",
                   SLICE_ARG(d->name), (unsigned long long)cut->number);
}

/* Whether a member may leave for another reason than what its reports say. */
static bool is_sent_away(const struct world *w, const struct parsed_cut *cut, uint32_t dc)
{
    const struct etcd *e = &w->etcd;

    if (e->depooled[dc] || (e->pool_us[dc] != 0 && w->now_us - e->pool_us[dc] < 60 * SECOND))
        return true;
    return e->epochs[dc] != cut[-1].incarnation[dc];
}

/* A13: at most one member a cut is judged by its reports: the cut compares only that one's. */
static void check_one_dropped(struct world *w, const struct parsed_cut *cut)
{
    uint32_t judged = 0;

    for (uint32_t dc = 0; dc < w->p.dc_count; dc++)
        judged += !cut->is_member[dc] && cut[-1].is_member[dc] && !is_sent_away(w, cut, dc);
    if (judged > 1)
        check_fail(w, "I5", "cut %llu drops %u members for what they reported",
                   (unsigned long long)cut->number, judged);
}

/* In one of its last reports: a clock may have jumped back since the proposer saw it. */
static bool has_reported_time(const struct check *c, uint32_t dc, int64_t time_ms)
{
    for (int n = 0; n < 8; n++) {
        if (c->clock_ms[dc][n] >= time_ms)
            return true;
    }
    return false;
}

/* A7: over an hour ahead only if two members' clocks are there. Reports are a little newer or
 * older than what the proposer saw. */
static void check_time(struct world *w, const struct parsed_cut *cut)
{
    uint32_t clocks = 0;

    if (cut->time_ms < cut[-1].time_ms)
        check_fail(w, "I5", "cut %llu's time goes back", (unsigned long long)cut->number);
    if (cut->time_ms - cut[-1].time_ms <= 3600000 || cut->era != cut[-1].era)
        return; /* or of what was cut in the era that is over */
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++)
        clocks += cut->is_member[dc] && has_reported_time(w->check, dc, cut->time_ms);
    if (clocks < 2)
        check_fail(w, "I5", "cut %llu's time goes %lld s ahead, though only one clock says so",
                   (unsigned long long)cut->number,
                   (long long)(cut->time_ms - cut[-1].time_ms) / 1000);
}

/* R7: who is sent away for silence is not taken in again by the same merge before it has reported. */
static void check_taken_in(struct world *w, const struct parsed_cut *cut, uint32_t dc)
{
    const struct check *c = w->check;

    if (cut->proposer == cut[-1].proposer && cut[-1].silent == dc &&
        c->reported_us[dc] <= c->dropped_us)
        check_fail(w, "I5", "cut %llu takes in %.*s, which has been silent since it was dropped",
                   (unsigned long long)cut->number, SLICE_ARG(w->dcs[dc].name));
}

/* R7: who leaves does so for a reason, and enough stay. */
static void check_members(struct world *w, const struct parsed_cut *cut)
{
    struct check *c = w->check;
    uint32_t count = 0;

    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        int64_t silent_us = w->now_us - c->reported_us[dc];

        count += cut->is_member[dc];
        if (cut->is_member[dc] && !cut[-1].is_member[dc])
            check_taken_in(w, cut, dc);
        if (cut->is_member[dc] || !cut[-1].is_member[dc] || cut->silent != dc)
            continue;
        if (silent_us < (int64_t)w->p.member_timeout_ms * 990)
            check_fail(w, "I5", "cut %llu drops %.*s as silent, which reported %.1f s ago",
                       (unsigned long long)cut->number, SLICE_ARG(w->dcs[dc].name),
                       (double)silent_us / 1e6);
    }
    if (cut->silent != UINT32_MAX)
        c->dropped_us = w->now_us;
    if (count < w->p.min_members)
        check_fail(w, "I5", "cut %llu has %u members, fewer than %u",
                   (unsigned long long)cut->number, count, w->p.min_members);
}

/* What a cut does that an operator would ask about: positions, members, why they change. */
static void tell_cut(struct world *w, const struct parsed_cut *cut)
{
    char members[64] = "";
    char moves[256] = "";

    if (!w->trace && w->p.story == NULL)
        return;
    for (uint32_t o = 0; o < w->origin_count && cut->number != 0; o++) {
        size_t len = strlen(moves);

        if (cut->furthest[o] > cut[-1].furthest[o] && len + 48 < sizeof moves)
            (void)snprintf(moves + len, sizeof moves - len, "%s %.*s.%u/%u to %lld",
                           len == 0 ? " takes" : ",", SLICE_ARG(w->dcs[w->origin_dc[o]].name),
                           w->origin_topic[o], w->origin_partition[o], (long long)cut->furthest[o]);
    }
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (cut->is_member[dc]) {
            size_t len = strlen(members);

            (void)snprintf(members + len, sizeof members - len, " %.*s",
                           SLICE_ARG(w->dcs[dc].name));
        }
    }
    if (cut->number != 0 && moves[0] == '\0' && cut->reason.len == 0)
        (void)snprintf(moves, sizeof moves, " moves what was behind");
    say(w, NOBODY, NOBODY, "etcd", "cut %llu%s; members:%s%s%.*s", (unsigned long long)cut->number,
        moves, members, cut->reason.len == 0 ? "" : "; ", SLICE_ARG(cut->reason));
}

/* What nobody of the new era has was never emitted; who has it is apart. */
static void stream_restarts(struct world *w, const struct parsed_cut *cut)
{
    struct check *c = w->check;

    c->stream_count = cut->from_seq;
    c->stream_cut = cut->from_number;
    for (uint32_t o = 0; o < w->origin_count; o++)
        c->emitted[o] = POSITION_NONE;
    for (size_t n = 0; n < c->stream_count; n++) {
        const struct facts *f = facts_of(w, c->stream[n]->body);

        c->emitted[f->origin] = f->offset;
    }
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        c->is_apart[dc] = c->is_apart[dc] || c->next[dc] > cut->from_seq;
        /* Whoever reads what was aborted begins anew with an era. */
        if (c->next_uncommitted[dc] > cut->from_seq)
            c->next_uncommitted[dc] = c->next[dc];
        if (c->emitted_cut[dc] > cut->from_number)
            c->emitted_cut[dc] = 0;
    }
}

static bool goes_on(const struct world *w, const struct parsed_cut *cut)
{
    const struct check *c = w->check;
    char text[17];

    if (!cut->continues || cut->from_number + 1 != cut->number || cut->number > c->cut_count ||
        cut->from_seq > c->stream_count || cut->proposer >= w->p.dc_count ||
        c->next[cut->proposer] != cut->from_seq)
        return false;
    if (cut->from_seq == 0)
        return cut->from_chain == 0;
    (void)snprintf(text, sizeof text, "%016llx", (unsigned long long)cut->from_chain);
    return slice_equal(facts_read(w, c->stream[cut->from_seq - 1]->body).chain, slice_str(text));
}

void check_era(struct world *w, struct slice bytes)
{
    struct check *c = w->check;
    const struct parsed_cut *last = &c->cuts[c->cut_count - 1];
    struct parsed_cut cut;

    if (!cut_read(w, bytes, &cut) || cut.era != c->era + 1 || cut.proposer >= w->p.dc_count ||
        w->etcd.begins_era[cut.proposer] != cut.era) {
        check_fail(w, "I5", "an era begins that no operator asked for");
        return;
    }
    if (cut.previous_hash != XXH3_64bits(last->bytes.ptr, last->bytes.len))
        check_fail(w, "I5", "era %u does not name the last cut before it by its hash", cut.era);
    if (!goes_on(w, &cut)) {
        check_fail(w, "I5", "era %u does not go on from what its proposer has emitted", cut.era);
        return;
    }
    say(w, NOBODY, NOBODY, "etcd", "era %u goes on from cut %llu, next number %llu", cut.era,
        (unsigned long long)cut.from_number, (unsigned long long)cut.from_seq);
    stream_restarts(w, &cut);
    c->era = cut.era;
    c->cut_count = cut.number;
}

bool check_is_apart(const struct world *w, uint32_t dc)
{
    return w->check->is_apart[dc];
}

void check_restored(struct world *w)
{
    struct check *c = w->check;

    c->is_restored = true;
    memset(c->report_claim, 0, sizeof c->report_claim);
}

/* A12: what an operator makes the head was committed, and nobody has emitted more. Cuts after it were
 * in nobody's log: they never were. */
void check_recovered(struct world *w, uint64_t number, struct slice bytes)
{
    struct check *c = w->check;

    if (number >= c->cut_count || !slice_equal(bytes, c->cuts[number].bytes)) {
        check_fail(w, "I5", "the chain is recovered to a cut %llu that was never committed",
                   (unsigned long long)number);
        return;
    }
    if (c->stream_cut > number)
        check_fail(w, "I5", "the chain is recovered to cut %llu, but cut %llu is emitted",
                   (unsigned long long)number, (unsigned long long)c->stream_cut);
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (w->dcs[dc].logged_count > number + 1)
            check_fail(w, "I5", "the chain is recovered to cut %llu, but %.*s has logged more",
                       (unsigned long long)number, SLICE_ARG(w->dcs[dc].name));
    }
    c->cut_count = number + 1;
}

void check_cut(struct world *w, uint64_t number, struct slice bytes)
{
    struct check *c = w->check;
    struct parsed_cut *cut;

    c->cuts = pool_grow(&w->pool, c->cuts, c->cut_count, &c->cut_capacity, sizeof *c->cuts);
    cut = &c->cuts[c->cut_count];
    if (!cut_read(w, bytes, cut)) {
        check_fail(w, "I5", "cut %llu cannot be read", (unsigned long long)number);
        return;
    }
    if (number != c->cut_count || cut->number != number) {
        check_fail(w, "I5", "cut %llu is committed where %zu is next", (unsigned long long)number,
                   c->cut_count);
        return;
    }
    c->cut_count++;
    tell_cut(w, cut);
    if (number == 0)
        return;
    if (cut->era != c->era)
        check_fail(w, "I5", "cut %llu is of era %u, which is over", (unsigned long long)number,
                   cut->era);
    if (cut->era == cut[-1].era &&
        cut->previous_hash != XXH3_64bits(cut[-1].bytes.ptr, cut[-1].bytes.len))
        check_fail(w, "I5", "cut %llu does not name the cut before by its hash",
                   (unsigned long long)number);
    check_time(w, cut);
    check_one_dropped(w, cut);
    if (memcmp(cut->is_member, cut[-1].is_member, sizeof cut->is_member) != 0)
        w->stats.member_changes++;
    check_proposer(w, cut);
    check_members(w, cut);
    check_incarnations(w, cut);
    check_positions(w, cut);
}
