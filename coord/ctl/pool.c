/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/pool.h"

#include <inttypes.h>

#include "coord/ctl/health.h"
#include "proto/err.h"

static bool is_member(const struct snapshot_stream *st, struct slice dc)
{
    for (uint32_t i = 0; st->has_cut && i < st->cut.member_count; i++) {
        if (slice_equal(st->cut.members[i].dc, dc))
            return true;
    }
    return false;
}

/* ---- refusals --------------------------------------------------------------------------------- */

/* Why a member does not count as one that could go on, or NULL. */
static const char *why_not_there(const struct snapshot *s, const struct snapshot_stream *st,
                                 struct slice dc, struct arena *a)
{
    const struct snapshot_dc *row = snapshot_dc_find(s, dc);
    struct health_copy copy;

    if (row != NULL && row->pool != 0)
        return text_format(a, "%.*s is %s", SLICE_ARG(dc), row->pool == 1 ? "depooled" : "lost");
    health_copy_of(s, st, dc, &copy);
    if (copy.report == NULL)
        return text_format(a, "%.*s has never reported", SLICE_ARG(dc));
    if (copy.is_silent) {
        return text_format(a, "%.*s has been silent for %" PRId64 " s", SLICE_ARG(dc),
                           copy.age_ms / 1000);
    }
    return NULL;
}

static const char *stream_refusal(const struct snapshot *s, const struct snapshot_stream *st,
                                  struct slice dc, struct arena *a)
{
    struct text why = text_in(a);
    int64_t left = 0;

    if (!st->has_spec || !is_member(st, dc))
        return NULL;
    for (size_t i = 0; i < st->spec.dcs.count; i++) {
        struct slice other = st->spec.dcs.items[i];
        const char *reason = NULL;

        if (slice_equal(other, dc))
            continue;
        reason = is_member(st, other) ? why_not_there(s, st, other, a)
                                      : text_format(a, "%.*s is no member", SLICE_ARG(other));
        if (reason == NULL) {
            left++;
        } else {
            text_addf(&why, "%s%s", why.len == 0 ? ": " : ", ", reason);
        }
    }
    if (left == 0) {
        return text_format(a, "%.*s is the last member of %.*s%s", SLICE_ARG(dc),
                           SLICE_ARG(st->output), text_string(&why));
    }
    if (left < st->spec.min_members) {
        return text_format(a,
                           "%.*s would stand still: %" PRId64 " members would be left, min_members "
                           "is %" PRId64 "%s",
                           SLICE_ARG(st->output), left, st->spec.min_members, text_string(&why));
    }
    return NULL;
}

const char *pool_refusal(const struct snapshot *s, struct slice dc, struct arena *a)
{
    const char *why = NULL;

    for (size_t i = 0; i < s->stream_count && why == NULL; i++)
        why = stream_refusal(s, &s->streams[i], dc, a);
    return why;
}

const char *pool_consequence(const struct snapshot *s, struct slice dc, struct arena *a)
{
    for (size_t i = 0; i < s->stream_count; i++) {
        const struct snapshot_stream *st = &s->streams[i];

        if (st->has_spec && is_member(st, dc) && st->cut.member_count == 2) {
            const struct member *other = &st->cut.members[0];

            if (slice_equal(other->dc, dc))
                other = &st->cut.members[1];
            return text_format(a, "what %.*s emits then exists in %.*s alone",
                               SLICE_ARG(st->output), SLICE_ARG(other->dc));
        }
    }
    return NULL;
}

static bool is_node(const struct snapshot_node *n, struct slice name)
{
    return name.len == n->dc.len + 1 + n->name.len && slice_starts_with(name, n->dc) &&
           name.ptr[n->dc.len] == '/' &&
           slice_equal(slice_sub(name, n->dc.len + 1, name.len), n->name);
}

const char *pool_drain_refusal(const struct snapshot *s, struct slice node, struct arena *a)
{
    const struct snapshot_node *found = NULL;
    size_t others = 0;

    for (size_t i = 0; i < s->node_count; i++) {
        if (is_node(&s->nodes[i], node))
            found = &s->nodes[i];
    }
    if (found == NULL) {
        return text_format(a, "no live node '%.*s'; 'braidctl nodes' lists them as <dc>/<name>",
                           SLICE_ARG(node));
    }
    for (size_t i = 0; i < s->node_count; i++) {
        if (&s->nodes[i] != found && slice_equal(s->nodes[i].dc, found->dc) &&
            !s->nodes[i].is_draining) {
            others++;
        }
    }
    if (others > 0)
        return NULL;
    return text_format(a,
                       "%.*s has no other node that could take its tasks; to take the whole DC "
                       "out: 'braidctl depool %.*s --wait'",
                       SLICE_ARG(found->dc), SLICE_ARG(found->dc));
}

size_t pool_tasks_of(const struct snapshot *s, struct slice node)
{
    size_t count = 0;

    for (size_t i = 0; i < s->claim_count; i++)
        count += slice_equal(s->claims[i].node, node) ? 1 : 0;
    return count;
}

/* ---- waiting for a DC to be out --------------------------------------------------------------- */

int pool_wait_begin(const struct snapshot *s, struct slice dc, struct arena *a,
                    struct pool_wait *out)
{
    size_t most = 0;

    *out = (struct pool_wait){.dc = dc};
    for (size_t i = 0; i < s->stream_count; i++)
        most += s->streams[i].has_cut ? s->streams[i].cut.layout.count : 0;
    out->parts = arena_calloc(a, most + 1, sizeof(*out->parts));
    if (out->parts == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < s->stream_count; i++) {
        const struct snapshot_stream *st = &s->streams[i];
        const struct report *r = snapshot_report_find(st, dc);

        if (!st->has_spec || !st->has_cut || r == NULL || r->layout_hash != st->cut.layout.hash ||
            r->count != st->cut.layout.count) {
            continue;
        }
        for (uint32_t k = 0; k < r->count; k++) {
            out->parts[out->part_count++] = (struct pool_part){.output = st->output,
                                                               .from = st->cut.layout.names[k].from,
                                                               .held = r->read_back[k]};
        }
    }
    return 0;
}

static const char *part_left(const struct pool_wait *w, const struct snapshot_stream *st,
                             struct arena *a)
{
    for (size_t i = 0; i < w->part_count; i++) {
        const struct pool_part *p = &w->parts[i];
        int64_t furthest = 0;

        if (!slice_equal(p->output, st->output))
            continue;
        furthest = snapshot_furthest(&st->cut, &p->from);
        if (furthest < p->held) {
            return text_format(a,
                               "%.*s: offsets %" PRId64 " to %" PRId64 " of %.*s.%.*s partition %u "
                               "are held by %.*s and not yet in a cut",
                               SLICE_ARG(st->output), furthest + 1, p->held, SLICE_ARG(p->from.dc),
                               SLICE_ARG(p->from.topic), p->from.partition, SLICE_ARG(w->dc));
        }
    }
    return NULL;
}

static const char *member_left(const struct pool_wait *w, const struct snapshot_stream *st,
                               uint64_t cut, struct arena *a)
{
    for (uint32_t i = 0; i < st->cut.member_count; i++) {
        struct slice dc = st->cut.members[i].dc;
        const struct report *r = snapshot_report_find(st, dc);

        if (slice_equal(dc, w->dc))
            continue;
        if (r == NULL || r->emitted.era != st->cut.era || r->emitted.number < cut) {
            return text_format(a, "%.*s: %.*s has emitted up to cut %" PRIu64 ", not %" PRIu64,
                               SLICE_ARG(st->output), SLICE_ARG(dc),
                               r == NULL ? 0 : r->emitted.number, cut);
        }
    }
    return NULL;
}

const char *pool_wait_step(struct pool_wait *w, const struct snapshot *s, struct arena *a)
{
    const char *why = NULL;

    for (size_t i = 0; i < s->stream_count && why == NULL; i++) {
        const struct snapshot_stream *st = &s->streams[i];

        if (!st->has_spec || !st->has_cut || !spec_has_dc(&st->spec, w->dc))
            continue;
        if (is_member(st, w->dc)) {
            why = text_format(a, "%.*s is still a member of %.*s", SLICE_ARG(w->dc),
                              SLICE_ARG(st->output));
        } else if (!w->is_covered[i]) {
            why = part_left(w, st, a);
            w->is_covered[i] = why == NULL;
            w->covered_by[i] = st->cut.number;
        }
        if (why == NULL)
            why = member_left(w, st, w->covered_by[i], a);
    }
    return why;
}

/* ---- waiting for a DC to be back -------------------------------------------------------------- */

const char *pool_join_step(const struct snapshot *s, struct slice dc, struct arena *a)
{
    for (size_t i = 0; i < s->stream_count; i++) {
        const struct snapshot_stream *st = &s->streams[i];
        const char *why = NULL;

        if (!st->has_spec || !st->has_cut || !spec_has_dc(&st->spec, dc) || is_member(st, dc))
            continue;
        why = why_not_there(s, st, dc, a);
        return text_format(a, "%.*s is not a member of %.*s yet%s%s", SLICE_ARG(dc),
                           SLICE_ARG(st->output), why == NULL ? "" : ": ", why == NULL ? "" : why);
    }
    return NULL;
}
