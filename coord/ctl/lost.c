/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/lost.h"

#include <inttypes.h>

#include "coord/ctl/health.h"

/* Who holds a lease, or has held one a moment ago. */
static const char *is_there(const struct snapshot *s, struct slice dc, struct arena *a)
{
    for (size_t i = 0; i < s->node_count; i++) {
        if (slice_equal(s->nodes[i].dc, dc)) {
            return text_format(a, "%.*s lives: its node %.*s is there", SLICE_ARG(dc),
                               SLICE_ARG(s->nodes[i].name));
        }
    }
    for (size_t i = 0; i < s->claim_count; i++) {
        if (slice_equal(s->claims[i].dc, dc)) {
            return text_format(a, "%.*s may live: a node of it still has the claim on %.*s",
                               SLICE_ARG(dc), SLICE_ARG(s->claims[i].task));
        }
    }
    return NULL;
}

const char *lost_refusal(const struct snapshot *s, struct slice dc, struct arena *a)
{
    if (snapshot_dc_find(s, dc) == NULL)
        return text_format(a, "no such DC: '%.*s'; 'braidctl status' lists them", SLICE_ARG(dc));
    const char *why = is_there(s, dc, a);
    for (size_t i = 0; why == NULL && i < s->stream_count; i++) {
        const struct report *r = snapshot_report_find(&s->streams[i], dc);
        const int64_t age_ms = r == NULL ? LOST_SILENT_MS : s->now_ms - r->clock_ms;
        if (age_ms < LOST_SILENT_MS) {
            why = text_format(
                a, "%.*s may live: it has reported %" PRId64 " s ago; wait until it is %d s",
                SLICE_ARG(dc), age_ms / 1000, LOST_SILENT_MS / 1000);
        }
    }
    return why;
}

static bool is_sole_member(const struct snapshot_stream *st, struct slice dc)
{
    return st->has_cut && st->cut.member_count == 1 && slice_equal(st->cut.members[0].dc, dc);
}

/* All that is cut: it becomes a member by itself. */
static bool holds_all(const struct snapshot_stream *st, const struct report *r)
{
    if (r->layout_hash != st->cut.layout.hash || r->count != st->cut.layout.count)
        return false;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->read_back[i] < st->cut.strands[i].position)
            return false;
    }
    return true;
}

/* Has somebody declared it already, and has nobody begun the era yet? */
static bool is_begun(const struct snapshot_stream *st)
{
    for (size_t i = 0; i < st->incarnation_count; i++) {
        if (st->incarnations[i].begins_era > st->cut_era)
            return true;
    }
    return false;
}

static bool is_better(const struct report *r, const struct report *best)
{
    return best == NULL || r->emitted.number > best->emitted.number;
}

const char *lost_judge(const struct snapshot *s, const struct snapshot_stream *st, struct slice dc,
                       struct arena *a, struct lost_stream *out)
{
    const struct report *own = snapshot_report_find(st, dc);
    const struct report *best = NULL;

    *out = (struct lost_stream){0};
    if (st->spec_version == 0 || !is_sole_member(st, dc))
        return NULL;
    if (is_begun(st)) {
        return text_format(a, "%.*s goes on in a new era already, as soon as a merge begins it",
                           SLICE_ARG(st->output));
    }
    for (size_t i = 0; i < st->report_count; i++) {
        const struct report *r = &st->reports[i];
        if (slice_equal(r->dc, dc) || r->emitted.era != st->cut_era)
            continue; /* what has yet to follow into this era has nothing to go on from */
        if (holds_all(st, r))
            return NULL;
        if (s->now_ms - r->clock_ms < LOST_SILENT_MS && r->caught_up && is_better(r, best))
            best = r;
    }
    if (best == NULL) {
        return text_format(a, "no other DC reports a copy of %.*s that it could go on from",
                           SLICE_ARG(st->output));
    }
    *out = (struct lost_stream){
        .needs_era = true,
        .from = best->dc,
        .from_cut = best->emitted.number,
        .first_seq = best->emitted.next_seq,
        .last_known = own != NULL && own->emitted.next_seq > 0 ? own->emitted.next_seq - 1 : 0,
    };
    return NULL;
}

static bool has_dc(const struct snapshot_stream *st, struct slice dc)
{
    for (size_t i = 0; i < st->dc_count; i++) {
        if (slice_equal(st->dcs[i], dc))
            return true;
    }
    return false;
}

const char *lost_return_refusal(const struct snapshot *s, struct slice dc, struct arena *a)
{
    for (size_t i = 0; i < s->stream_count; i++) {
        const struct snapshot_stream *st = &s->streams[i];
        const struct report *r = snapshot_report_find(st, dc);
        if (st->spec_version == 0 || !st->has_cut || !has_dc(st, dc))
            continue;
        if (r == NULL || r->emitted.era < st->cut_era) {
            return text_format(a,
                               "its copy of %.*s is not of era %" PRIu32
                               " yet: make its global topic anew, if its merge says so",
                               SLICE_ARG(st->output), st->cut_era);
        }
    }
    return NULL;
}
