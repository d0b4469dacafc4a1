/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_delete.c - the end of a stream.
 *
 * Happy path: the spec's versions go, so that every node ends the stream's tasks. With --purge: once no
 * task of it is claimed any more, the reports and all cuts but the newest go, and then the topics.
 *
 * The newest cut stays for ever: it says that the name was used. The logs of cuts, which all streams
 * share, still hold the old chain, and a new stream of the same name would find it there.
 */
#include <string.h>
#include <time.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_kafka_admin.h"
#include "coord/ctl/io_lock.h"
#include "coord/ctl/io_ops.h"
#include "coord/ctl/io_places.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/io_stream.h"
#include "coord/tasks.h"

enum {
    TASKS_WAIT_MS = 60000,
    TASKS_LOOK_MS = 300
};

/* ---- topics ----------------------------------------------------------------------------------- */

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
        for (size_t k = 0; rc == 0 && k < dcs.count; k++) {
            rc = kafka_admin_delete(admin, topic_enriched(&s->arena, dcs.items[k], st->output));
            if (rc == 0)
                rc = kafka_admin_delete(admin, topic_retry(&s->arena, dcs.items[k], st->output));
            if (rc == 0)
                rc = kafka_admin_delete(admin, topic_state(&s->arena, dcs.items[k], st->output));
        }
        kafka_admin_close(admin);
        if (rc == 0)
            rc = lock_keep(s);
    }
    return rc;
}

/* ---- tasks ------------------------------------------------------------------------------------ */

static bool is_task_of(struct slice name, struct slice output)
{
    struct task task;
    struct slice copied = {0};

    if (task_parse(name, &task) != 0)
        return false;
    if (task_copies_enriched(&task, &copied))
        return slice_equal(copied, output);
    return task.kind != TASK_REPLICATE && slice_equal(task.output, output);
}

/* Until no node has a task of the stream: who still runs writes reports and topics anew. */
static int wait_for_tasks(struct session *s, struct slice output)
{
    const struct timespec pause = {.tv_nsec = TASKS_LOOK_MS * 1000000};
    int64_t deadline_ms = session_now_ms() + TASKS_WAIT_MS;

    for (;;) {
        struct snapshot snap;
        const struct snapshot_claim *left = NULL;
        int rc = store_load(s, &snap);

        if (rc == 0)
            rc = lock_keep(s);
        if (rc != 0)
            return rc;
        for (size_t i = 0; i < snap.claim_count; i++) {
            if (is_task_of(snap.claims[i].task, output))
                left = &snap.claims[i];
        }
        if (left == NULL)
            return 0;
        if (session_now_ms() > deadline_ms) {
            output_error(&s->output,
                         "the spec is deleted, but %.*s still has task %.*s after %d s: run delete "
                         "--purge again when it has ended",
                         SLICE_ARG(left->node), SLICE_ARG(left->task), TASKS_WAIT_MS / 1000);
            return EXIT_DEGRADED;
        }
        output_progress(&s->output, "%.*s ends %.*s", SLICE_ARG(left->node), SLICE_ARG(left->task));
        (void)nanosleep(&pause, NULL); /* a shorter pause does no harm */
    }
}

/* ---- the command ------------------------------------------------------------------------------ */

/* "streams/<output>/<part>": all keys that begin so. The absent slice: no room. */
static struct slice keys_of(struct session *s, const struct snapshot_stream *st, const char *part)
{
    struct slice key = store_key(
        s, (struct keyspace_key){.kind = KEYSPACE_SPEC, .output = st->output, .number = 1});

    if (key.len < strlen("spec/1"))
        return (struct slice){0};
    return slice_str(text_format(&s->arena, "%.*s%s",
                                 SLICE_ARG(slice_sub(key, 0, key.len - strlen("spec/1"))), part));
}

static struct etcd_op delete_keys(struct slice from, struct slice end)
{
    return (struct etcd_op){.type = ETCD_OP_DELETE,
                            .range = {.key = from, .end = end, .is_prefix = end.ptr == NULL}};
}

/* What etcd has of the stream, but for its newest cut. */
static int purge_keys(struct session *s, const struct snapshot_stream *st)
{
    struct slice head = store_key(s, (struct keyspace_key){.kind = KEYSPACE_CUT,
                                                           .output = st->output,
                                                           .era = st->cut_era,
                                                           .number = st->cut_number});
    struct etcd_op ops[] = {
        delete_keys(keys_of(s, st, "held/"), (struct slice){0}),
        delete_keys(keys_of(s, st, "epochs/"), (struct slice){0}),
        delete_keys(keys_of(s, st, "cuts/"), head),
        delete_keys(slice_str(text_format(&s->arena, "%.*s ", SLICE_ARG(head))),
                    keys_of(s, st, "cuts0")), /* '0' comes after '/' */
    };
    const struct store_change change = {
        .ops = ops,
        .op_count = st->cut_count > 0 ? 4 : 2,
        .what = text_format(&s->arena, "purge what etcd has of %.*s", SLICE_ARG(st->output)),
        .is_of_specs = true};

    return store_change(s, &change);
}

static int purge(struct session *s, const struct snapshot *snap, struct slice output)
{
    struct snapshot now;
    const struct snapshot_stream *st = NULL;
    int rc = wait_for_tasks(s, output);

    if (rc == 0)
        rc = store_load(s, &now);
    if (rc != 0)
        return rc;
    st = snapshot_stream_find(&now, output);
    if (st != NULL)
        rc = purge_keys(s, st);
    st = snapshot_stream_find(snap, output); /* this one still has the spec, which names the DCs */
    return rc != 0 || st == NULL ? rc : purge_topics(s, snap, st);
}

static void add_steps(struct session *s, struct view *v, const struct snapshot_stream *st)
{
    static const char *const TITLES[] = {"step", NULL};
    struct view_table *t = view_table(v, "steps", TITLES);

    view_cell_text(v, t, SLICE_LIT("delete all versions of the spec: the nodes end its tasks"));
    if (!session_given(s, OPTION_PURGE))
        return;
    view_cell_text(v, t, SLICE_LIT("wait until no node has a task of it"));
    view_cell_text(v, t, SLICE_LIT("delete its reports and its cuts but the newest"));
    view_cell_textf(v, t, "delete global.%.*s and its enriched topics in every DC",
                    SLICE_ARG(st->output));
}

/* The stream that takes this one's output as a source, or NULL. */
static const struct snapshot_stream *reader_of(const struct snapshot *snap, struct slice output)
{
    for (size_t i = 0; i < snap->stream_count; i++) {
        const struct snapshot_stream *st = &snap->streams[i];
        struct slice source;

        for (size_t k = 0; st->has_spec && k < st->spec.sources.count; k++) {
            if (task_source_is_global(st->spec.sources.items[k], &source) &&
                slice_equal(source, output))
                return st;
        }
    }
    return NULL;
}

int cmd_delete(struct session *s)
{
    bool is_purge = session_given(s, OPTION_PURGE);
    struct snapshot snap;
    struct view v = view_new(&s->arena, "Plan");
    const struct snapshot_stream *st = NULL;
    struct etcd_op op = {.type = ETCD_OP_DELETE, .range = {.is_prefix = true}};
    struct store_change change = {.ops = &op, .op_count = 1, .is_of_specs = true};
    int code = EXIT_DONE;
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    st = stream_wanted(s, &snap);
    if (st == NULL)
        return EXIT_REFUSED;
    if (st->spec_version == 0 && !is_purge) {
        output_error(&s->output, "'%.*s' is deleted already; --purge takes its topics, too",
                     SLICE_ARG(st->output));
        return EXIT_REFUSED;
    }
    const struct snapshot_stream *reader = reader_of(&snap, st->output);
    if (reader != NULL) {
        output_error(&s->output, "%.*s takes '%.*s' as its source; delete that first",
                     SLICE_ARG(reader->output), SLICE_ARG(st->output));
        return EXIT_REFUSED;
    }
    change.what = text_format(&s->arena, "delete %.*s%s", SLICE_ARG(st->output),
                              is_purge ? " with its topics" : "");
    op.range.key = keys_of(s, st, "spec/");
    view_text(&v, "stream", st->output);
    add_steps(s, &v, st);
    if (!store_may_change(s, &v, &snap, change.what, &code))
        return code;
    rc = store_change(s, &change);
    if (rc == 0 && is_purge)
        rc = purge(s, &snap, st->output);
    if (rc == 0)
        ops_done(s, &v, change.what);
    return rc;
}
