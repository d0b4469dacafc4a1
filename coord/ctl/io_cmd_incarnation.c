/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_incarnation.c - an operator gives a DC's strands of a stream a new incarnation (R13): one
 * key, which the next cut takes up.
 */
#include <inttypes.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_ops.h"
#include "coord/ctl/io_store.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"

enum {
    INCARNATION_VALUE_MAX = 16384
};

/* Of the DC's strands in the newest cut; false: it has none. */
static bool incarnation_of(const struct snapshot_stream *st, struct slice dc, uint32_t *out)
{
    for (uint32_t i = 0; i < st->cut.layout.count; i++) {
        const struct strand_name *name = &st->cut.layout.names[i];
        if (!slice_equal(name->by, dc))
            continue;
        *out = name->by_incarnation;
        return true;
    }
    return false;
}

static uint32_t wanted_of(const struct snapshot_stream *st, struct slice dc)
{
    for (size_t i = 0; i < st->incarnation_count; i++) {
        if (slice_equal(st->incarnations[i].dc, dc))
            return st->incarnations[i].number;
    }
    return 0;
}

static uint32_t begins(const struct snapshot_stream *st, struct slice dc)
{
    for (size_t i = 0; i < st->incarnation_count; i++) {
        if (slice_equal(st->incarnations[i].dc, dc))
            return st->incarnations[i].begins_era;
    }
    return 0;
}

/* A DC that has yet to emit all before the last such cut, or has not looked since; len 0: none. */
static struct slice behind(const struct snapshot_stream *st)
{
    for (uint32_t i = 0; i < st->cut.member_count; i++) {
        const struct report *r = snapshot_report_find(st, st->cut.members[i].dc);
        if (r != NULL && r->layout_hash != st->cut.layout.hash)
            return st->cut.members[i].dc;
    }
    return (struct slice){0};
}

/* The stream, if its strands of the DC can get a new incarnation now; else NULL, said. */
static const struct snapshot_stream *find(struct session *s, const struct snapshot *snap,
                                          uint32_t *out_now)
{
    const struct slice output = session_operand(s, 0);
    const struct slice dc = session_operand(s, 1);
    const struct snapshot_stream *st = snapshot_stream_find(snap, output);

    if (st == NULL || !st->has_cut || st->spec_version == 0) {
        output_error(&s->output, "no such stream: '%.*s'; 'braidctl streams' lists them",
                     SLICE_ARG(output));
        return NULL;
    }
    if (!incarnation_of(st, dc, out_now)) {
        output_error(&s->output, "%.*s enriches nothing of %.*s", SLICE_ARG(dc), SLICE_ARG(output));
        return NULL;
    }
    if (st->has_cut && begins(st, dc) > st->cut_era) {
        output_error(&s->output, "a new era is about to begin from the copy of %.*s; wait for it",
                     SLICE_ARG(dc));
        return NULL;
    }
    if (wanted_of(st, dc) > *out_now) {
        output_error(&s->output,
                     "incarnation %" PRIu32 " of %.*s is accepted already: a cut takes "
                     "it up as soon as one is made",
                     wanted_of(st, dc), SLICE_ARG(dc));
        return NULL;
    }
    const struct slice late = behind(st);
    if (late.len > 0) {
        output_error(&s->output, "%.*s has not followed the last change of strands yet",
                     SLICE_ARG(late));
        return NULL;
    }
    return st;
}

/* How far anybody holds the strand: above its cut, that is enriched again. */
static int64_t held_by_any(const struct snapshot_stream *st, uint32_t strand)
{
    int64_t held = st->cut.strands[strand].position;

    for (size_t i = 0; i < st->report_count; i++) {
        const struct report *r = &st->reports[i];
        if (r->layout_hash == st->cut.layout.hash && r->count == st->cut.layout.count &&
            r->read_back[strand] > held)
            held = r->read_back[strand];
    }
    return held;
}

static void show(struct view *v, const struct snapshot_stream *st, struct slice dc, uint32_t number)
{
    static const char *const TITLES[] = {"origin", "topic",      "partition",
                                         "cut_at", "void_up_to", NULL};
    struct view_table *t = view_table(v, "strands", TITLES);

    for (uint32_t i = 0; i < st->cut.layout.count; i++) {
        const struct strand_name *n = &st->cut.layout.names[i];
        if (!slice_equal(n->by, dc))
            continue;
        view_cell_text(v, t, n->from.dc);
        view_cell_text(v, t, n->from.topic);
        view_cell_number(v, t, n->from.partition);
        view_cell_number(v, t, st->cut.strands[i].position);
        view_cell_number(v, t, held_by_any(st, i));
    }
    view_text(v, "stream", st->output);
    view_text(v, "dc", dc);
    view_number(v, "incarnation", number);
}

static int pack(struct session *s, uint32_t number, struct slice *out)
{
    const char *why = session_option(s, OPTION_MESSAGE);
    Braid__Incarnation pb;

    braid__incarnation__init(&pb);
    pb.number = number;
    pb.reason = arena_strdup(&s->arena, slice_str(why == NULL ? "" : why));
    pb.by = arena_strdup(&s->arena, slice_str(s->who));
    pb.since_ms = session_now_ms();
    if (pb.reason == NULL || pb.by == NULL)
        return EXIT_REFUSED;
    return pb_pack(&pb.base, INCARNATION_VALUE_MAX, &s->arena, out);
}

int cmd_accept_incarnation(struct session *s)
{
    const struct slice dc = session_operand(s, 1);
    const char *what = text_format(&s->arena, "accept-incarnation %.*s %.*s",
                                   SLICE_ARG(session_operand(s, 0)), SLICE_ARG(dc));
    struct view v = view_new(&s->arena, "Plan");
    struct etcd_op op = {.type = ETCD_OP_PUT};
    struct snapshot snap;
    uint32_t now = 0;
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    const struct snapshot_stream *st = find(s, &snap, &now);
    if (st == NULL)
        return EXIT_REFUSED;
    op.put.key = store_key(
        s, (struct keyspace_key){.kind = KEYSPACE_INCARNATION, .output = st->output, .dc = dc});
    if (pack(s, now + 1, &op.put.value) != 0) {
        output_error(&s->output, "the reason is too long");
        return EXIT_REFUSED;
    }
    show(&v, st, dc, now + 1);
    if (!ops_change_key(s, &snap, &v, &op, what, &rc))
        return rc;
    ops_done(s, &v, what);
    return EXIT_DONE;
}
