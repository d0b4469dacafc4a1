/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_cmd_pool.c - DCs and nodes are taken out of work and put back: pool, depool, drain, undrain.
 *
 * With --wait the change is made first and then looked at until it is done; the operators' lock is held
 * all the while. If the time is over, what was changed stands, and exit 3 says what is missing.
 */
#include <inttypes.h>
#include <time.h>

#include "coord/ctl/io_cmd.h"
#include "coord/ctl/io_lock.h"
#include "coord/ctl/io_ops.h"
#include "coord/ctl/io_store.h"
#include "coord/ctl/lost.h"
#include "coord/ctl/pool.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"

enum {
    WAIT_MS = 10 * 60 * 1000, /* if --for says nothing */
    LOOK_MS = 300,
    POOL_VALUE_MAX = 16384
};

/* ---- waiting ---------------------------------------------------------------------------------- */

/* What is still missing in this snapshot, in the arena; NULL: it is done. */
typedef const char *missing_fn(void *arg, const struct snapshot *snap, struct arena *a);

/* Looks again and again, each time in an arena of its own. 0, EXIT_DEGRADED or another code, said. */
static int wait_until(struct session *s, int64_t for_ms, missing_fn *missing, void *arg)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
    int64_t deadline_ms = session_now_ms() + for_ms;

    for (;;) {
        struct snapshot snap;
        const char *what = NULL;
        int rc = store_load(s, &snap);

        if (rc == 0)
            rc = lock_keep(s);
        if (rc != 0)
            return rc;
        what = missing(arg, &snap, &s->arena);
        if (what == NULL)
            return 0;
        if (session_now_ms() >= deadline_ms) {
            output_error(&s->output, "changed, but not done after %" PRId64 " s: %s", for_ms / 1000,
                         what);
            return EXIT_DEGRADED;
        }
        output_progress(&s->output, "%s", what);
        if (s->arena.bytes_used > SESSION_ARENA_BYTES_MAX / 2) {
            output_error(&s->output, "changed, but this has looked for too long: %s", what);
            return EXIT_DEGRADED;
        }
        (void)nanosleep(&pause, NULL); /* a shorter pause does no harm */
    }
}

/* Waits if asked to, then says that it is done. */
static int conclude(struct session *s, struct view *v, const char *what, missing_fn *missing,
                    void *arg)
{
    int64_t for_ms = 0;
    int64_t begun_ms = session_now_ms();
    int rc = 0;

    if (!session_given(s, OPTION_WAIT)) {
        ops_done(s, v, what);
        return EXIT_DONE;
    }
    if (!session_duration(s, OPTION_FOR, WAIT_MS, &for_ms))
        return EXIT_USAGE;
    rc = wait_until(s, for_ms, missing, arg);
    view_bool(v, "is_done", rc == 0);
    view_number(v, "waited_ms", session_now_ms() - begun_ms);
    if (rc == 0 || rc == EXIT_DEGRADED)
        ops_done(s, v, what);
    return rc;
}

/* ---- pool and depool -------------------------------------------------------------------------- */

static const char *dc_missing(void *arg, const struct snapshot *snap, struct arena *a)
{
    return pool_wait_step(arg, snap, a);
}

static const char *dc_not_back(void *arg, const struct snapshot *snap, struct arena *a)
{
    const struct slice *dc = arg;

    return pool_join_step(snap, *dc, a);
}

static int pack_state(struct session *s, bool is_pooled, struct slice *out)
{
    const char *why = session_option(s, OPTION_MESSAGE);
    Braid__DcState state;

    braid__dc_state__init(&state);
    state.pool = is_pooled ? BRAID__DC_STATE__POOL__POOLED : BRAID__DC_STATE__POOL__DEPOOLED;
    state.reason = arena_strdup(&s->arena, slice_str(why == NULL ? "" : why));
    state.by = arena_strdup(&s->arena, slice_str(s->who));
    state.since_ms = session_now_ms();
    return pb_pack(&state.base, POOL_VALUE_MAX, &s->arena, out);
}

/* May the DC's state become this? 0 or an exit code, said; *is_so: it is already. */
static int check_pool(struct session *s, const struct snapshot *snap, struct slice dc,
                      bool is_pooled, bool *is_so)
{
    const struct snapshot_dc *row = snapshot_dc_find(snap, dc);
    const char *why = NULL;

    if (row == NULL) {
        output_error(&s->output, "no such DC: '%.*s'; 'braidctl status' lists them", SLICE_ARG(dc));
        return EXIT_REFUSED;
    }
    if (row->pool == 2) {
        why = is_pooled ? lost_return_refusal(snap, dc, &s->arena) : "";
        if (why != NULL) {
            output_error(&s->output, "%.*s was declared lost by %.*s: %.*s%s%s", SLICE_ARG(dc),
                         SLICE_ARG(row->by), SLICE_ARG(row->reason), why[0] == '\0' ? "" : "; ",
                         why);
            return EXIT_REFUSED;
        }
    }
    *is_so = (row->pool == 0) == is_pooled;
    why = is_pooled || *is_so ? NULL : pool_refusal(snap, dc, &s->arena);
    if (why != NULL)
        output_error(&s->output, "%s", why);
    return why == NULL ? 0 : EXIT_REFUSED;
}

static int set_pool(struct session *s, bool is_pooled)
{
    struct slice dc = session_operand(s, 0);
    const char *what =
        text_format(&s->arena, "%s %.*s", is_pooled ? "pool" : "depool", SLICE_ARG(dc));
    struct view v = view_new(&s->arena, "Plan");
    struct snapshot snap;
    struct etcd_op op = {.type = ETCD_OP_PUT};
    struct pool_wait *w = arena_calloc(&s->arena, 1, sizeof(*w));
    bool is_so = false;
    int rc = store_load(s, &snap);

    if (rc == 0)
        rc = check_pool(s, &snap, dc, is_pooled, &is_so);
    if (rc != 0)
        return rc;
    op.put.key = store_key(s, (struct keyspace_key){.kind = KEYSPACE_DC, .dc = dc});
    if (w == NULL || pack_state(s, is_pooled, &op.put.value) != 0)
        return EXIT_REFUSED;
    view_text(&v, "dc", dc);
    if (!is_pooled && !is_so)
        view_text(&v, "consequence", slice_str(pool_consequence(&snap, dc, &s->arena)));
    if (is_so && (session_given(s, OPTION_PLAN) || !session_given(s, OPTION_WAIT))) {
        view_heading(&v, "Nothing to do: %.*s is %s already.", SLICE_ARG(dc),
                     is_pooled ? "pooled" : "depooled");
        output_view(&s->output, &v);
        return EXIT_DONE;
    }
    if (!is_so && !ops_change_key(s, &snap, &v, &op, what, &rc))
        return rc;
    if (is_pooled)
        return conclude(s, &v, what, dc_not_back, &dc);
    rc = store_load(s, &snap);
    if (rc == 0 && pool_wait_begin(&snap, dc, &s->arena, w) != 0)
        rc = EXIT_REFUSED;
    return rc != 0 ? rc : conclude(s, &v, what, dc_missing, w);
}

int cmd_pool(struct session *s)
{
    return set_pool(s, true);
}

int cmd_depool(struct session *s)
{
    return set_pool(s, false);
}

/* ---- drains ----------------------------------------------------------------------------------- */

static const char *node_missing(void *arg, const struct snapshot *snap, struct arena *a)
{
    const struct slice *node = arg;
    size_t tasks = pool_tasks_of(snap, *node);

    return tasks == 0 ? NULL : text_format(a, "%.*s still has %zu tasks", SLICE_ARG(*node), tasks);
}

int cmd_drain(struct session *s)
{
    struct slice node = session_operand(s, 0);
    const char *what = text_format(&s->arena, "drain %.*s", SLICE_ARG(node));
    const char *why = NULL;
    struct view v = view_new(&s->arena, "Plan");
    struct snapshot snap;
    int rc = store_load(s, &snap);

    if (rc != 0)
        return rc;
    why = pool_drain_refusal(&snap, node, &s->arena);
    if (why != NULL) {
        output_error(&s->output, "%s", why);
        return EXIT_REFUSED;
    }
    view_text(&v, "node", node);
    view_number(&v, "tasks", (int64_t)pool_tasks_of(&snap, node));
    if (!ops_put_pause(s, &snap, &v,
                       &(struct ops_pause){.kind = KEYSPACE_DRAIN, .name = node, .what = what},
                       &rc)) {
        return rc;
    }
    return conclude(s, &v, what, node_missing, &node);
}

int cmd_undrain(struct session *s)
{
    struct snapshot snap;
    int rc = store_load(s, &snap);

    return rc != 0 ? rc : ops_drop_pause(s, &snap, KEYSPACE_DRAIN, session_operand(s, 0));
}
