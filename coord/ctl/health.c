/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/health.h"

#include <inttypes.h>

static void problem(struct health *h, struct slice where, bool is_note, const char *what)
{
    if (!is_note)
        h->problem_count++;
    if (h->count < HEALTH_PROBLEMS_MAX)
        h->problems[h->count++] = (struct health_problem){where, what, is_note};
}

static bool is_member(const struct cut *c, struct slice dc)
{
    for (uint32_t i = 0; i < c->member_count; i++) {
        if (slice_equal(c->members[i].dc, dc))
            return true;
    }
    return false;
}

static int64_t silent_ms(const struct snapshot_stream *st)
{
    return st->has_spec && st->spec.member_timeout_ms > HEALTH_SILENT_MS
               ? st->spec.member_timeout_ms
               : HEALTH_SILENT_MS;
}

void health_copy_of(const struct snapshot *s, const struct snapshot_stream *st, struct slice dc,
                    struct health_copy *out)
{
    *out = (struct health_copy){.age_ms = -1, .cuts_behind = -1, .is_silent = true};
    out->report = snapshot_report_find(st, dc);
    out->is_member = st->has_cut && is_member(&st->cut, dc);
    if (out->report == NULL)
        return;
    out->age_ms = s->now_ms - out->report->clock_ms;
    out->is_silent = out->age_ms > silent_ms(st);
    out->next_seq = out->report->emitted.next_seq;
    if (st->has_cut && out->report->emitted.era == st->cut.era &&
        out->report->emitted.number <= st->cut.number) {
        out->cuts_behind = (int64_t)(st->cut.number - out->report->emitted.number);
    }
}

/* ---- what is not fine ------------------------------------------------------------------------- */

static void check_copy(const struct snapshot *s, const struct snapshot_stream *st, struct slice dc,
                       struct arena *a, struct health *h)
{
    const struct snapshot_dc *row = snapshot_dc_find(s, dc);
    struct health_copy c;

    health_copy_of(s, st, dc, &c);
    if (row != NULL && row->pool == 2)
        return;
    if (c.report == NULL) {
        problem(h, st->output, false, text_format(a, "%.*s has never reported", SLICE_ARG(dc)));
        return;
    }
    if (c.is_silent) {
        problem(h, st->output, false,
                text_format(a, "%.*s has been silent for %" PRId64 " s", SLICE_ARG(dc),
                            c.age_ms / 1000));
    }
    if (c.report->alarm.len > 0) {
        problem(h, st->output, false,
                text_format(a, "%.*s: %.*s", SLICE_ARG(dc), SLICE_ARG(c.report->alarm)));
    }
    if (!c.is_member) {
        problem(h, st->output, row != NULL && row->pool == 1,
                text_format(a, "%.*s is no member%s", SLICE_ARG(dc),
                            row != NULL && row->pool == 1 ? ": it is depooled" : ""));
    }
}

static void check_stream(const struct snapshot *s, const struct snapshot_stream *st,
                         struct arena *a, struct health *h)
{
    if (st->spec_version == 0)
        return;
    if (!st->has_spec) {
        problem(h, st->output, false,
                text_format(a,
                            "version %" PRIu64 " of its spec cannot be decoded: apply it again, or "
                            "look with the braidctl that applied it",
                            st->spec_version));
    }
    if (!st->has_cut) {
        problem(h, st->output, false, "it has no cut that can be decoded");
        return;
    }
    for (size_t i = 0; i < st->dc_count; i++)
        check_copy(s, st, st->dcs[i], a, h);
    if (st->has_spec && st->cut.member_count < st->spec.min_members) {
        problem(h, st->output, false,
                text_format(a, "it waits: %u of %" PRId64 " members", st->cut.member_count,
                            st->spec.min_members));
    } else if (st->cut.member_count == 1 && st->dc_count > 1) {
        problem(h, st->output, false,
                text_format(a, "what is emitted now exists in %.*s alone",
                            SLICE_ARG(st->cut.members[0].dc)));
    }
}

static void check_pauses(const struct snapshot *s, struct arena *a, struct health *h)
{
    for (size_t i = 0; i < s->pause_count; i++) {
        const struct snapshot_pause *p = &s->pauses[i];
        bool is_over = p->until_ms > 0 && p->until_ms <= s->now_ms;

        if (is_over)
            continue;
        /* pauses/chain/<output> is nobody's wish: etcd was seen to go back (docs/design.md, R13). */
        problem(h, p->name, !slice_starts_with(p->name, SLICE_LIT("chain/")),
                text_format(a, "%s by %.*s: %.*s", p->is_drain ? "draining" : "paused",
                            SLICE_ARG(p->by), SLICE_ARG(p->reason)));
    }
}

/* What an operator can do, by the code with which a task stopped. */
static const char *remedy(struct slice code)
{
    static const struct {
        const char *code;
        const char *what;
    } REMEDIES[] = {
        {"ERR_CONFIG", "; mend the node's file and restart it"},
        {"ERR_DATA_LOSS", "; docs/failures.md says what can be done about lost data"},
        {"ERR_RESTORED", "; `braidctl recover-chain` brings the chain forward"},
        {"ERR_DIVERGED", "; `braidctl verify` names the first number that differs"},
    };

    for (size_t i = 0; i < sizeof(REMEDIES) / sizeof(REMEDIES[0]); i++) {
        if (slice_equal(code, slice_str(REMEDIES[i].code)))
            return REMEDIES[i].what;
    }
    return ""; /* the reason says it */
}

static const char *alarm_text(const struct snapshot_alarm *alarm, struct arena *a)
{
    if (alarm->code.len == 0)
        return text_format(a, "%.*s %.*s", SLICE_ARG(alarm->task), SLICE_ARG(alarm->why));
    return text_format(a, "%.*s stands still: %.*s (%.*s)%s", SLICE_ARG(alarm->task),
                       SLICE_ARG(alarm->why), SLICE_ARG(alarm->code), remedy(alarm->code));
}

static void check_nodes(const struct snapshot *s, struct arena *a, struct health *h)
{
    for (size_t i = 0; i < s->node_count; i++) {
        const struct snapshot_node *n = &s->nodes[i];
        const char *name = text_format(a, "%.*s/%.*s", SLICE_ARG(n->dc), SLICE_ARG(n->name));

        for (size_t k = 0; k < n->alarm_count; k++)
            problem(h, slice_str(name), false, alarm_text(&n->alarms[k], a));
    }
}

static void check_dcs(const struct snapshot *s, struct arena *a, struct health *h)
{
    for (size_t i = 0; i < s->dc_count; i++) {
        const struct snapshot_dc *d = &s->dcs[i];

        if (d->nodes == 0 && d->pool != 2)
            problem(h, d->dc, false, "it has no live node");
        if (d->pool != 0) {
            problem(h, d->dc, d->pool == 1,
                    text_format(a, "%s by %.*s: %.*s", d->pool == 1 ? "depooled" : "declared lost",
                                SLICE_ARG(d->by), SLICE_ARG(d->reason)));
        }
    }
    if (s->unreadable > 0) {
        problem(h, SLICE_LIT("etcd"), false,
                text_format(a, "%zu keys or values make no sense", s->unreadable));
    }
}

/* ---- losing a DC ------------------------------------------------------------------------------ */

/* The strand in which `report` is furthest behind `positions`; NULL if it is in none. */
static const struct strand_name *furthest_behind(const struct cut *c, const struct report *report,
                                                 const int64_t *positions, int64_t *out_behind)
{
    const struct strand_name *worst = NULL;

    *out_behind = 0;
    if (report->layout_hash != c->layout.hash || report->count != c->layout.count)
        return NULL;
    for (uint32_t k = 0; k < report->count; k++) {
        int64_t at = positions == NULL ? c->strands[k].position : positions[k];

        if (at - report->read_back[k] > *out_behind) {
            *out_behind = at - report->read_back[k];
            worst = &c->layout.names[k];
        }
    }
    return worst;
}

static void add_behind(struct text *t, const struct strand_name *name, int64_t behind)
{
    text_addf(t, "partition %u of %.*s's strand is %" PRId64 " records behind",
              name->from.partition, SLICE_ARG(name->by), behind);
}

/* Why a DC would not carry the stream on: "codfw has been silent for 48 s". */
static void add_why_not(const struct snapshot *s, const struct snapshot_stream *st, struct slice dc,
                        struct text *t)
{
    const struct snapshot_dc *row = snapshot_dc_find(s, dc);
    const struct strand_name *worst = NULL;
    struct health_copy c;
    int64_t behind = 0;

    health_copy_of(s, st, dc, &c);
    text_addf(t, ": %.*s ", SLICE_ARG(dc));
    if (row != NULL && row->pool != 0) {
        text_adds(t, row->pool == 1 ? "is depooled" : "is declared lost");
    } else if (c.report == NULL) {
        text_adds(t, "has never reported");
    } else if (c.is_silent) {
        text_addf(t, "has been silent for %" PRId64 " s", c.age_ms / 1000);
    } else if (c.report->alarm.len > 0) {
        text_addf(t, "has stopped: %.*s", SLICE_ARG(c.report->alarm));
    } else {
        text_adds(t, "is no member");
        worst = furthest_behind(&st->cut, c.report, NULL, &behind);
        if (worst != NULL) {
            text_adds(t, ", because ");
            add_behind(t, worst, behind);
        }
    }
}

/* What the DC alone has read of its own log and sources, if that is much; NULL: little. */
static const char *holds_alone(const struct snapshot_stream *st, struct slice dc, struct arena *a)
{
    const struct report *own = snapshot_report_find(st, dc);
    struct text t = text_in(a);

    for (size_t i = 0; own != NULL && i < st->report_count; i++) {
        const struct report *other = &st->reports[i];
        const struct strand_name *worst = NULL;
        int64_t behind = 0;

        if (other == own || !is_member(&st->cut, other->dc) ||
            own->layout_hash != st->cut.layout.hash || own->count != st->cut.layout.count)
            continue;
        worst = furthest_behind(&st->cut, other, own->read_back, &behind);
        if (worst == NULL || behind < HEALTH_AHEAD_MAX)
            return NULL; /* this one has it */
        text_addf(&t, "%s%.*s: in %.*s ", t.len == 0 ? "" : "; ", SLICE_ARG(st->output),
                  SLICE_ARG(other->dc));
        add_behind(&t, worst, behind);
    }
    return t.len == 0 ? NULL : text_string(&t);
}

static bool has_dc(const struct snapshot_stream *st, struct slice dc)
{
    for (size_t i = 0; i < st->dc_count; i++) {
        if (slice_equal(st->dcs[i], dc))
            return true;
    }
    return false;
}

/* Why the stream could not go on without the DC, or NULL. What is not known is no. */
static const char *stream_needs(const struct snapshot *s, const struct snapshot_stream *st,
                                struct slice dc, struct arena *a)
{
    struct text t = text_in(a);
    size_t left = 0;

    if (st->spec_version == 0 || !has_dc(st, dc))
        return NULL;
    if (!st->has_spec || !st->has_cut) {
        return text_format(a, "not known: %.*s has no %s that can be decoded",
                           SLICE_ARG(st->output), st->has_spec ? "cut" : "spec");
    }
    for (uint32_t i = 0; i < st->cut.member_count; i++) {
        struct health_copy c;

        health_copy_of(s, st, st->cut.members[i].dc, &c);
        if (!slice_equal(st->cut.members[i].dc, dc) && !c.is_silent) {
            left++;
        }
    }
    if (left > 0 && (int64_t)left >= st->spec.min_members)
        return holds_alone(st, dc, a);
    if (left == 0) {
        text_addf(&t, "%.*s would have no member left", SLICE_ARG(st->output));
    } else {
        text_addf(&t, "%.*s would wait: %zu of %" PRId64 " members", SLICE_ARG(st->output), left,
                  st->spec.min_members);
    }
    for (size_t i = 0; i < st->dc_count; i++) {
        struct health_copy c;

        health_copy_of(s, st, st->dcs[i], &c);
        if (!slice_equal(st->dcs[i], dc) && (c.is_silent || !c.is_member))
            add_why_not(s, st, st->dcs[i], &t);
    }
    return text_string(&t);
}

static void check_loss(const struct snapshot *s, struct arena *a, struct health *h)
{
    for (size_t dc = 0; dc < s->dc_count; dc++) {
        for (size_t i = 0; i < s->stream_count && h->why_not[dc] == NULL; i++)
            h->why_not[dc] = stream_needs(s, &s->streams[i], s->dcs[dc].dc, a);
        h->can_lose[dc] = h->why_not[dc] == NULL && s->dc_count > 1;
        if (h->why_not[dc] == NULL && s->dc_count <= 1)
            h->why_not[dc] = "it is the only DC";
    }
}

static void make_sentence(const struct snapshot *s, struct arena *a, struct health *h)
{
    struct text t = text_in(a);

    if (s->stream_count == 0) {
        text_adds(&t, "No stream yet");
    } else if (h->problem_count == 0) {
        text_adds(&t, "Fine");
    } else {
        text_addf(&t, "Not fine: %.*s: %s%s", SLICE_ARG(h->problems[0].where), h->problems[0].what,
                  h->problem_count > 1 ? text_format(a, " (and %zu more)", h->problem_count - 1)
                                       : "");
    }
    for (size_t dc = 0; dc < s->dc_count && s->stream_count > 0; dc++) {
        text_addf(&t, "; %.*s %s be lost now", SLICE_ARG(s->dcs[dc].dc),
                  h->can_lose[dc] ? "could" : "must not");
        if (!h->can_lose[dc])
            text_addf(&t, " (%s)", h->why_not[dc]);
    }
    text_adds(&t, ".");
    h->sentence = text_slice(&t);
}

void health_of(const struct snapshot *s, struct arena *a, struct health *out)
{
    struct health_problem first;

    *out = (struct health){0};
    check_dcs(s, a, out);
    check_nodes(s, a, out);
    for (size_t i = 0; i < s->stream_count; i++)
        check_stream(s, &s->streams[i], a, out);
    check_pauses(s, a, out);
    check_loss(s, a, out);
    /* The sentence names the first that is no note. */
    for (size_t i = 0; i < out->count; i++) {
        if (out->problems[i].is_note)
            continue;
        first = out->problems[i];
        out->problems[i] = out->problems[0];
        out->problems[0] = first;
        break;
    }
    make_sentence(s, a, out);
}
