/* SPDX-License-Identifier: Apache-2.0 */
/* io_cmd_ops.c - what an operator changes: pools, drains, pauses, the end of a stream. */
#include <inttypes.h>
#include <string.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_kafka_admin.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

enum {
    OPS_VALUE_MAX = 16384,
    PAUSE_MS = 30 * 60 * 1000 /* if nothing else is said: it must end by itself */
};

/* A put or a delete of one key, if it has not changed since the snapshot. */
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
    int rc = 0;

    if (key.ptr == NULL) {
        output_error(&s->output, "no key of etcd can have this name");
        return EXIT_USAGE;
    }
    view_textf(plan, "step", "%s", what);
    if (!store_may_change(s, plan, snap->revision, text_format(&s->arena, "%s?", what), &code))
        return code;
    rc = store_change(s, &change);
    if (rc != 0)
        return rc;
    plan->kind = "Changed";
    view_heading(plan, "Done: %s.", what);
    output_view(&s->output, plan);
    return EXIT_DONE;
}

/* ---- pool and depool -------------------------------------------------------------------------- */

static bool is_member_of(const struct snapshot_stream *st, struct slice dc)
{
    for (uint32_t i = 0; st->has_cut && i < st->cut.member_count; i++) {
        if (slice_equal(st->cut.members[i].dc, dc))
            return true;
    }
    return false;
}

/* Why the DC must stay a member, or NULL. */
static const char *last_member(struct session *s, const struct snapshot *snap, struct slice dc)
{
    for (size_t i = 0; i < snap->stream_count; i++) {
        const struct snapshot_stream *st = &snap->streams[i];
        size_t others = 0;

        for (uint32_t m = 0; st->has_cut && m < st->cut.member_count; m++) {
            const struct snapshot_dc *row = snapshot_dc_find(snap, st->cut.members[m].dc);

            if (!slice_equal(st->cut.members[m].dc, dc) && (row == NULL || row->pool == 0))
                others++;
        }
        if (is_member_of(st, dc) && others == 0) {
            return text_format(&s->arena, "%.*s is the last member of %.*s", SLICE_ARG(dc),
                               SLICE_ARG(st->output));
        }
    }
    return NULL;
}

static int set_pool(struct session *s, bool is_pooled)
{
    struct slice dc = session_operand(s, 0);
    const char *why = session_option(s, OPTION_MESSAGE);
    struct view v = view_new(&s->arena, "Plan");
    struct snapshot snap;
    struct etcd_op op = {.type = ETCD_OP_PUT};
    Braid__DcState state;
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    if (snapshot_dc_find(&snap, dc) == NULL) {
        output_error(&s->output, "no such DC: '%.*s'", SLICE_ARG(dc));
        return EXIT_REFUSED;
    }
    if (!is_pooled && last_member(s, &snap, dc) != NULL) {
        output_error(&s->output, "%s", last_member(s, &snap, dc));
        return EXIT_REFUSED;
    }
    braid__dc_state__init(&state);
    state.pool = is_pooled ? BRAID__DC_STATE__POOL__POOLED : BRAID__DC_STATE__POOL__DEPOOLED;
    state.reason = arena_strdup(&s->arena, slice_str(why == NULL ? "" : why));
    state.by = arena_strdup(&s->arena, slice_str(s->who));
    state.since_ms = session_now_ms();
    op.put.key = store_key(s, (struct keyspace_key){.kind = KEYSPACE_DC, .dc = dc});
    if (pb_pack(&state.base, OPS_VALUE_MAX, &s->arena, &op.put.value) != 0)
        return EXIT_REFUSED;
    view_text(&v, "dc", dc);
    return change_key(
        s, &snap, &v, &op,
        text_format(&s->arena, "%s %.*s", is_pooled ? "pool" : "depool", SLICE_ARG(dc)));
}

int cmd_pool(struct session *s)
{
    return set_pool(s, true);
}

int cmd_depool(struct session *s)
{
    return set_pool(s, false);
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

static bool has_pause(const struct snapshot *snap, bool is_drain, struct slice name)
{
    for (size_t i = 0; i < snap->pause_count; i++) {
        if (snap->pauses[i].is_drain == is_drain && slice_equal(snap->pauses[i].name, name))
            return true;
    }
    return false;
}

static int put_pause(struct session *s, const struct snapshot *snap, enum keyspace_kind kind,
                     struct slice name, int64_t for_ms)
{
    struct view v = view_new(&s->arena, "Plan");
    struct etcd_op op = {.type = ETCD_OP_PUT};
    struct text what = text_in(&s->arena);

    op.put.key = store_key(s, (struct keyspace_key){.kind = kind, .name = name});
    if (pack_pause(s, for_ms, &op.put.value) != 0)
        return EXIT_REFUSED;
    text_addf(&what, "%s %.*s", kind == KEYSPACE_DRAIN ? "drain" : "pause", SLICE_ARG(name));
    if (for_ms > 0)
        text_addf(&what, " for %" PRId64 " s", for_ms / 1000);
    view_text(&v, "name", name);
    return change_key(s, snap, &v, &op, text_string(&what));
}

static int drop_pause(struct session *s, const struct snapshot *snap, enum keyspace_kind kind,
                      struct slice name)
{
    struct view v = view_new(&s->arena, "Plan");
    struct etcd_op op = {.type = ETCD_OP_DELETE};

    if (!has_pause(snap, kind == KEYSPACE_DRAIN, name)) {
        output_error(&s->output, "'%.*s' is not %s", SLICE_ARG(name),
                     kind == KEYSPACE_DRAIN ? "draining" : "paused");
        return EXIT_REFUSED;
    }
    op.range.key = store_key(s, (struct keyspace_key){.kind = kind, .name = name});
    view_text(&v, "name", name);
    return change_key(s, snap, &v, &op,
                      text_format(&s->arena, "%s %.*s",
                                  kind == KEYSPACE_DRAIN ? "undrain" : "resume", SLICE_ARG(name)));
}

int cmd_pause(struct session *s)
{
    struct snapshot snap;
    int64_t for_ms = 0;
    int rc = 0;

    if (!session_duration(s, OPTION_FOR, PAUSE_MS, &for_ms))
        return EXIT_USAGE;
    rc = store_load(s, &snap);
    if (rc != 0)
        return rc;
    if (stream_wanted(s, &snap) == NULL)
        return EXIT_REFUSED;
    return put_pause(s, &snap, KEYSPACE_PAUSE, session_operand(s, 0), for_ms);
}

int cmd_resume(struct session *s)
{
    struct snapshot snap;
    int rc = store_load(s, &snap);

    return rc != 0 ? rc : drop_pause(s, &snap, KEYSPACE_PAUSE, session_operand(s, 0));
}

int cmd_drain(struct session *s)
{
    struct slice name = session_operand(s, 0);
    struct snapshot snap;
    bool is_there = false;
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < snap.node_count; i++) {
        const char *node = text_format(&s->arena, "%.*s/%.*s", SLICE_ARG(snap.nodes[i].dc),
                                       SLICE_ARG(snap.nodes[i].name));

        is_there = is_there || slice_equal(slice_str(node), name);
    }
    if (!is_there) {
        output_error(&s->output, "no live node '%.*s'; 'braidctl nodes' lists them as <dc>/<name>",
                     SLICE_ARG(name));
        return EXIT_REFUSED;
    }
    return put_pause(s, &snap, KEYSPACE_DRAIN, name, 0);
}

int cmd_undrain(struct session *s)
{
    struct snapshot snap;
    int rc = store_load(s, &snap);

    return rc != 0 ? rc : drop_pause(s, &snap, KEYSPACE_DRAIN, session_operand(s, 0));
}

/* ---- delete ----------------------------------------------------------------------------------- */

/* The DCs whose Kafka may have topics of the stream. */
static struct key_texts dcs_of(const struct snapshot *snap, const struct snapshot_stream *st,
                               struct arena *a)
{
    struct key_texts dcs = {.items = arena_calloc(a, DCS_MAX, sizeof(struct slice))};

    if (st->has_spec)
        return st->spec.dcs;
    for (size_t i = 0; dcs.items != NULL && i < snap->dc_count; i++)
        dcs.items[dcs.count++] = snap->dcs[i].dc;
    return dcs;
}

/* The stream's own topics in every DC: not the copies of sources, which other streams may read, nor
 * the logs of cuts and errors, which all share. */
static int purge_topics(struct session *s, const struct snapshot *snap,
                        const struct snapshot_stream *st)
{
    struct key_texts dcs = dcs_of(snap, st, &s->arena);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < dcs.count; i++) {
        struct kafka_admin *admin = NULL;
        const char *place = place_kafka(s, snap, dcs.items[i]);

        rc = place == NULL ? EXIT_REFUSED : kafka_admin_open(s, place, &admin);
        if (rc == 0)
            rc = kafka_admin_delete(admin, topic_global(&s->arena, st->output));
        for (size_t k = 0; rc == 0 && k < dcs.count; k++)
            rc = kafka_admin_delete(admin, topic_enriched(&s->arena, dcs.items[k], st->output));
        kafka_admin_close(admin);
    }
    return rc;
}

int cmd_delete(struct session *s)
{
    bool is_purge = session_given(s, OPTION_PURGE);
    struct snapshot snap;
    struct view v = view_new(&s->arena, "Plan");
    const struct snapshot_stream *st = NULL;
    struct etcd_op op = {.type = ETCD_OP_DELETE, .range = {.is_prefix = true}};
    struct store_change change = {.ops = &op, .op_count = 1, .is_of_specs = true};
    struct slice key = {0};
    int code = EXIT_DONE;
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    st = stream_wanted(s, &snap);
    if (st == NULL)
        return EXIT_REFUSED;
    change.what = text_format(&s->arena, "delete %.*s%s", SLICE_ARG(st->output),
                              is_purge ? " with its topics" : "");
    /* "streams/<output>/" or "streams/<output>/spec/" */
    key = store_key(
        s, (struct keyspace_key){.kind = KEYSPACE_SPEC, .output = st->output, .number = 1});
    if (key.len < strlen("spec/1"))
        return EXIT_REFUSED;
    op.range.key = slice_sub(key, 0, key.len - strlen(is_purge ? "spec/1" : "1"));
    view_text(&v, "stream", st->output);
    view_textf(&v, "step", "%s", change.what);
    if (!store_may_change(s, &v, snap.revision, text_format(&s->arena, "%s?", change.what),
                          &code)) {
        return code;
    }
    rc = store_change(s, &change);
    if (rc == 0 && is_purge)
        rc = purge_topics(s, &snap, st);
    if (rc != 0)
        return rc;
    v.kind = "Changed";
    view_heading(&v, "Done: %s.", change.what);
    output_view(&s->output, &v);
    return EXIT_DONE;
}
