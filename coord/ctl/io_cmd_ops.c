/* SPDX-License-Identifier: Apache-2.0 */
/* io_cmd_ops.c - pauses, and what changes of one key have in common. */
#include <inttypes.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_ops.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

enum {
    OPS_VALUE_MAX = 16384,
    PAUSE_MS = 30 * 60 * 1000, /* if nothing else is said: it must end by itself */
    PAUSE_MS_MAX = 7 * 24 * 3600 * 1000
};

/* ---- one key ---------------------------------------------------------------------------------- */

static int change_key(struct session *s, const struct snapshot *snap, struct view *plan,
                      const struct etcd_op *op, const char *what)
{
    struct slice key = op->type == ETCD_OP_PUT ? op->put.key : op->range.key;
    const struct etcd_compare unmoved = {.key = key,
                                         .target = ETCD_COMPARE_MOD_REVISION,
                                         .result = ETCD_LESS,
                                         .number = snap->revision + 1};
    const struct store_change change = {
        .compares = &unmoved, .compare_count = 1, .ops = op, .op_count = 1, .what = what};
    int code = EXIT_DONE;

    if (key.ptr == NULL) {
        output_error(&s->output, "no key of etcd can have this name");
        return EXIT_USAGE;
    }
    view_textf(plan, "step", "%s", what);
    if (store_may_change(s, plan, snap, what, &code))
        return store_change(s, &change);
    return code == 0 ? -1 : code; /* -1: only a plan was asked for */
}

bool ops_change_key(struct session *s, const struct snapshot *snap, struct view *plan,
                    const struct etcd_op *op, const char *what, int *out_code)
{
    int rc = change_key(s, snap, plan, op, what);

    *out_code = rc < 0 ? EXIT_DONE : rc;
    return rc == 0;
}

void ops_done(struct session *s, struct view *plan, const char *what)
{
    plan->kind = "Changed";
    view_heading(plan, "Done: %s.", what);
    output_view(&s->output, plan);
}

/* ---- pauses and drains ------------------------------------------------------------------------ */

static int pack_pause(struct session *s, int64_t for_ms, struct slice *out)
{
    const char *why = session_option(s, OPTION_MESSAGE);
    Braid__Pause pause;

    braid__pause__init(&pause);
    pause.reason = arena_strdup(&s->arena, slice_str(why == NULL ? "" : why));
    pause.by = arena_strdup(&s->arena, slice_str(s->who));
    pause.since_ms = session_now_ms();
    pause.until_ms = for_ms == 0 ? 0 : pause.since_ms + for_ms;
    return pb_pack(&pause.base, OPS_VALUE_MAX, &s->arena, out);
}

bool ops_put_pause(struct session *s, const struct snapshot *snap, struct view *plan,
                   const struct ops_pause *pause, int *out_code)
{
    struct etcd_op op = {.type = ETCD_OP_PUT};

    *out_code = EXIT_REFUSED;
    op.put.key = store_key(s, (struct keyspace_key){.kind = pause->kind, .name = pause->name});
    if (pack_pause(s, pause->for_ms, &op.put.value) != 0) {
        output_error(&s->output, "the reason is too long");
        return false;
    }
    return ops_change_key(s, snap, plan, &op, pause->what, out_code);
}

static bool has_pause(const struct snapshot *snap, bool is_drain, struct slice name)
{
    for (size_t i = 0; i < snap->pause_count; i++) {
        if (snap->pauses[i].is_drain == is_drain && slice_equal(snap->pauses[i].name, name))
            return true;
    }
    return false;
}

/* "'x' is not paused", and which are. */
static void say_no_pause(struct session *s, const struct snapshot *snap, bool is_drain,
                         struct slice name)
{
    struct text others = text_in(&s->arena);

    for (size_t i = 0; i < snap->pause_count; i++) {
        if (snap->pauses[i].is_drain == is_drain) {
            text_addf(&others, "%s%.*s", others.len == 0 ? "; there are: " : ", ",
                      SLICE_ARG(snap->pauses[i].name));
        }
    }
    output_error(&s->output, "'%.*s' is not %s%s", SLICE_ARG(name),
                 is_drain ? "draining" : "paused", text_string(&others));
}

int ops_drop_pause(struct session *s, const struct snapshot *snap, enum keyspace_kind kind,
                   struct slice name)
{
    const char *what = text_format(&s->arena, "%s %.*s",
                                   kind == KEYSPACE_DRAIN ? "undrain" : "resume", SLICE_ARG(name));
    struct view v = view_new(&s->arena, "Plan");
    struct etcd_op op = {.type = ETCD_OP_DELETE};
    int code = EXIT_DONE;

    if (!has_pause(snap, kind == KEYSPACE_DRAIN, name)) {
        say_no_pause(s, snap, kind == KEYSPACE_DRAIN, name);
        return EXIT_REFUSED;
    }
    op.range.key = store_key(s, (struct keyspace_key){.kind = kind, .name = name});
    view_text(&v, "name", name);
    if (ops_change_key(s, snap, &v, &op, what, &code))
        ops_done(s, &v, what);
    return code;
}

/* The name of the pause: of the stream, or of one partition of its sources. False: said. */
static bool pause_name(struct session *s, const struct snapshot_stream *st, struct slice *out)
{
    int64_t partition = 0;
    int64_t partitions = 0;

    *out = st->output;
    if (!session_given(s, OPTION_PARTITION))
        return true;
    if (!session_number(s, OPTION_PARTITION, 0, &partition))
        return false;
    for (uint32_t i = 0; st->has_cut && i < st->cut.layout.count; i++) {
        if (st->cut.layout.names[i].from.partition >= partitions)
            partitions = (int64_t)st->cut.layout.names[i].from.partition + 1;
    }
    if (partition >= partitions) {
        output_error(&s->output,
                     "the sources of %.*s have %" PRId64 " partitions, the first is 0: there is no "
                     "partition %" PRId64,
                     SLICE_ARG(st->output), partitions, partition);
        return false;
    }
    *out = slice_str(text_format(&s->arena, "%.*s/%" PRId64, SLICE_ARG(st->output), partition));
    return true;
}

int cmd_pause(struct session *s)
{
    struct ops_pause pause = {.kind = KEYSPACE_PAUSE};
    struct view v = view_new(&s->arena, "Plan");
    const struct snapshot_stream *st = NULL;
    struct snapshot snap;
    int code = EXIT_DONE;
    int rc = 0;

    if (!session_duration(s, OPTION_FOR, PAUSE_MS, &pause.for_ms))
        return EXIT_USAGE;
    if (pause.for_ms < 1000 || pause.for_ms > PAUSE_MS_MAX) {
        output_error(&s->output, "--for takes one second to seven days: a pause ends by itself");
        return EXIT_USAGE;
    }
    rc = store_load(s, &snap);
    if (rc != 0)
        return rc;
    st = stream_wanted(s, &snap);
    if (st == NULL || !pause_name(s, st, &pause.name))
        return EXIT_REFUSED;
    pause.what = text_format(&s->arena, "pause %.*s for %" PRId64 " s%s", SLICE_ARG(pause.name),
                             pause.for_ms / 1000,
                             has_pause(&snap, false, pause.name) ? " (instead of a pause)" : "");
    view_text(&v, "name", pause.name);
    view_time(&v, "until", session_now_ms() + pause.for_ms);
    if (ops_put_pause(s, &snap, &v, &pause, &code))
        ops_done(s, &v, pause.what);
    return code;
}

int cmd_resume(struct session *s)
{
    const struct snapshot_stream *st = NULL;
    struct snapshot snap;
    struct slice name = {0};
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    st = stream_wanted(s, &snap);
    if (st == NULL || !pause_name(s, st, &name))
        return EXIT_REFUSED;
    return ops_drop_pause(s, &snap, KEYSPACE_PAUSE, name);
}
