/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_lost.c - an operator declares a DC lost for ever (R13): each stream whose sole member it was goes on in
 * a new era from the best copy that is left. One transaction says so to the DC with that copy, gives every DC of
 * the stream a new log epoch, so that no cut of the old era is made any more, and depools the lost one.
 */
#include <inttypes.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_epochs.h"
#include "coord/ctl/io_ops.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/lost.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

enum {
    LOST_OPS_MAX = 100,
    LOST_COMPARES_MAX = 32,
    LOST_VALUE_MAX = 16384
};

struct declaration {
    struct session *s;
    struct slice dc;
    struct snapshot snap;
    struct lost_stream *streams; /* as the snapshot's */
    struct etcd_op ops[LOST_OPS_MAX];
    size_t op_count;
    struct etcd_compare compares[LOST_COMPARES_MAX];
    size_t compare_count;
};

/* 0 or an exit code, said. */
static int judge(struct declaration *d)
{
    struct session *s = d->s;
    const char *why = lost_refusal(&d->snap, d->dc, &s->arena);
    size_t count = 0;

    d->streams = arena_calloc(&s->arena, d->snap.stream_count + 1, sizeof *d->streams);
    if (d->streams == NULL)
        return session_etcd_failed(s, ERR_NO_MEMORY, "no memory for the plan");
    for (size_t i = 0; why == NULL && i < d->snap.stream_count; i++) {
        why = lost_judge(&d->snap, &d->snap.streams[i], d->dc, &s->arena, &d->streams[i]);
        count += d->streams[i].needs_era;
    }
    if (why == NULL && count == 0) {
        why = text_format(&s->arena,
                          "nothing that %.*s alone had emitted is missing: the streams go on "
                          "without it; 'braidctl depool' keeps it out",
                          SLICE_ARG(d->dc));
    }
    if (why == NULL &&
        (1 + count * (DCS_MAX + 1) > LOST_OPS_MAX || 1 + 2 * count > LOST_COMPARES_MAX))
        why = "too many streams need a new era for one change";
    if (why == NULL)
        return 0;
    output_error(&s->output, "%s", why);
    return EXIT_REFUSED;
}

static void show(struct declaration *d, struct view *v)
{
    static const char *const TITLES[] = {"stream",       "era",  "from", "after_cut",
                                         "first_number", "lost", NULL};
    struct view_table *t = view_table(v, "streams", TITLES);

    for (size_t i = 0; i < d->snap.stream_count; i++) {
        const struct lost_stream *l = &d->streams[i];
        if (!l->needs_era)
            continue;
        view_cell_text(v, t, d->snap.streams[i].output);
        view_cell_number(v, t, d->snap.streams[i].cut_era + 1);
        view_cell_text(v, t, l->from);
        view_cell_number(v, t, (int64_t)l->from_cut);
        view_cell_number(v, t, (int64_t)l->first_seq);
        view_cell_number(
            v, t, l->last_known < l->first_seq ? 0 : (int64_t)(l->last_known - l->first_seq + 1));
    }
    view_text(v, "dc", d->dc);
}

static void compare(struct declaration *d, struct slice key, enum etcd_compare_target target,
                    enum etcd_compare_result result, int64_t number)
{
    d->compares[d->compare_count++] =
        (struct etcd_compare){.key = key, .target = target, .result = result, .number = number};
}

static char *text_of(struct session *s, enum option_id option)
{
    const char *text = session_option(s, option);

    return arena_strdup(&s->arena, slice_str(text == NULL ? "" : text));
}

static int put_dc(struct declaration *d)
{
    struct session *s = d->s;
    struct etcd_op *op = &d->ops[d->op_count++];
    Braid__DcState state;

    *op = (struct etcd_op){.type = ETCD_OP_PUT};
    op->put.key = store_key(s, (struct keyspace_key){.kind = KEYSPACE_DC, .dc = d->dc});
    braid__dc_state__init(&state);
    state.pool = BRAID__DC_STATE__POOL__LOST;
    state.reason = text_of(s, OPTION_MESSAGE);
    state.by = arena_strdup(&s->arena, slice_str(s->who));
    state.since_ms = session_now_ms();
    compare(d, op->put.key, ETCD_COMPARE_MOD_REVISION, ETCD_LESS, d->snap.revision + 1);
    return pb_pack(&state.base, LOST_VALUE_MAX, &s->arena, &op->put.value);
}

static uint32_t wanted_of(const struct snapshot_stream *st, struct slice dc)
{
    for (size_t i = 0; i < st->incarnation_count; i++) {
        if (slice_equal(st->incarnations[i].dc, dc))
            return st->incarnations[i].number;
    }
    return 0;
}

/* The DC whose copy it goes on from is told; the lost one has neither reported nor proposed since. */
static int put_era(struct declaration *d, const struct snapshot_stream *st,
                   const struct lost_stream *l)
{
    struct session *s = d->s;
    struct etcd_op *op = &d->ops[d->op_count++];
    Braid__Incarnation pb;

    *op = (struct etcd_op){.type = ETCD_OP_PUT};
    op->put.key = store_key(
        s,
        (struct keyspace_key){.kind = KEYSPACE_INCARNATION, .output = st->output, .dc = l->from});
    braid__incarnation__init(&pb);
    pb.number = wanted_of(st, l->from);
    pb.begins_era = st->cut_era + 1;
    pb.reason = text_of(s, OPTION_MESSAGE);
    pb.by = arena_strdup(&s->arena, slice_str(s->who));
    pb.since_ms = session_now_ms();
    compare(d, op->put.key, ETCD_COMPARE_MOD_REVISION, ETCD_LESS, d->snap.revision + 1);
    compare(d,
            store_key(
                s, (struct keyspace_key){.kind = KEYSPACE_HELD, .output = st->output, .dc = d->dc}),
            ETCD_COMPARE_MOD_REVISION, ETCD_LESS, d->snap.revision + 1);
    const int rc = pb_pack(&pb.base, LOST_VALUE_MAX, &s->arena, &op->put.value);

    return rc != 0 ? rc : epochs_raise(s, st, &st->cut, d->ops, &d->op_count);
}

static int change(struct declaration *d, struct view *v)
{
    struct session *s = d->s;
    const char *what = text_format(&s->arena, "declare-lost %.*s", SLICE_ARG(d->dc));
    int rc = 0;

    if (!store_may_change(s, v, &d->snap, what, &rc))
        return rc;
    if (put_dc(d) != 0) {
        output_error(&s->output, "the reason is too long");
        return EXIT_REFUSED;
    }
    for (size_t i = 0; rc == 0 && i < d->snap.stream_count; i++) {
        if (d->streams[i].needs_era)
            rc = put_era(d, &d->snap.streams[i], &d->streams[i]);
    }
    if (rc != 0)
        return EXIT_REFUSED;
    const struct store_change made = {.compares = d->compares,
                                      .compare_count = d->compare_count,
                                      .ops = d->ops,
                                      .op_count = d->op_count,
                                      .what = what};
    rc = store_change(s, &made);
    if (rc == 0)
        ops_done(s, v, what);
    return rc;
}

int cmd_declare_lost(struct session *s)
{
    struct view v = view_new(&s->arena, "Plan");
    struct declaration *d = arena_calloc(&s->arena, 1, sizeof *d);

    if (d == NULL)
        return session_etcd_failed(s, ERR_NO_MEMORY, "no memory for the plan");
    d->s = s;
    d->dc = session_operand(s, 0);
    int rc = store_load(s, &d->snap);
    if (rc == 0)
        rc = judge(d);
    if (rc != 0)
        return rc;
    show(d, &v);
    return change(d, &v);
}
