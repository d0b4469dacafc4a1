/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Happy path: a lease is granted; nodes/<dc>/<node> is put under it; from then on the claims know
 * the lease and may claim. Watches fill tables, scans find streams, and each turn tells the claims
 * and the owner what has changed.
 *
 * Failures: the lease is lost - the claims learn that they hold nothing, tasks go on, a new lease is
 * granted, the key put again. Our key is missing - put again. Our key is under another lease, put
 * after ours: another process has our name - that is fatal, the newer one wins.
 */
#include "coord/io_node.h"

#include "coord/io_node_part.h"
#include "coord/keyspace.h"
#include "proto/err.h"

#include <assert.h>
#include <stdlib.h>

static void on_timer(uv_timer_t *timer);

void node_wake(struct node *n)
{
    if (!n->is_closed)
        (void)uv_timer_start(&n->timer, on_timer, 0, NODE_TICK_MS);
}

void node_wake_at(struct node *n, uint64_t at_ms)
{
    const uint64_t now_ms = uv_now(etcd_loop(n->e));
    const uint64_t in_ms = at_ms > now_ms ? at_ms - now_ms : 1;

    if (!n->is_closed && in_ms < uv_timer_get_due_in(&n->timer))
        (void)uv_timer_start(&n->timer, on_timer, in_ms, NODE_TICK_MS);
}

/* ---- being seen ------------------------------------------------------------------------------- */

static void on_put(void *arg, const struct etcd_answer *answer)
{
    struct node *n = arg;

    n->put_call = 0;
    if (answer->rc == 0 && n->put_lease == etcd_lease_id(n->lease)) {
        n->registered_lease = n->put_lease;
        n->registered_revision = answer->header.revision;
    } else {
        /* Putting it twice does no harm, so an unknown outcome is simply tried again. */
        n->is_put_wanted = true;
        n->put_due_ms = uv_now(etcd_loop(n->e)) + NODE_RETRY_MS;
    }
    node_wake(n);
}

static void put_turn(struct node *n, uint64_t now_ms)
{
    const struct etcd_done done = {.fn = on_put, .arg = n};
    const int64_t lease = n->lease == NULL ? 0 : etcd_lease_id(n->lease);
    const struct etcd_put put = {
        .key = n->key, .value = slice_of(n->info, n->info_len), .lease = lease};

    if (!n->is_put_wanted || n->put_call != 0 || lease == 0 || now_ms < n->put_due_ms)
        return;
    n->put_lease = lease;
    n->is_put_wanted = false;
    if (etcd_put(n->e, &put, done, &n->put_call) != 0) {
        n->put_call = 0;
        n->is_put_wanted = true;
        n->put_due_ms = now_ms + NODE_RETRY_MS;
    }
}

static void on_lease_granted(void *arg, int64_t lease)
{
    struct node *n = arg;

    (void)lease;
    n->is_put_wanted = true;
    n->put_due_ms = 0;
    node_wake(n);
}

static void on_lease_lost(void *arg, int64_t lease)
{
    struct node *n = arg;

    (void)lease;
    n->registered_lease = 0;
    node_wake(n);
}

/* Looks at our own key among the nodes. False: somebody else has our name. */
static bool key_check(struct node *n)
{
    const struct io_table *table = &n->watched[NODE_WATCH_NODES].table;
    const struct etcd_kv *kv = io_table_find(table, n->key);

    if (n->registered_lease == 0 || table->revision < n->registered_revision)
        return true;
    if (kv == NULL) {
        n->is_put_wanted = true;
        return true;
    }
    return kv->lease == n->registered_lease || kv->mod_revision < n->registered_revision;
}

/* ---- seeing ----------------------------------------------------------------------------------- */

static void on_watch(void *arg, const struct etcd_watch_event *event)
{
    struct node_watched *w = arg;

    if (!io_table_apply(&w->table, event))
        return;
    w->has_changed = true;
    node_wake(w->node);
}

static int watch_open(struct node *n, enum node_watch which, struct slice prefix)
{
    struct node_watched *w = &n->watched[which];
    const struct etcd_watch_config config = {.prefix = prefix, .fn = on_watch, .arg = w};

    w->node = n;
    return etcd_watch(n->e, &config, &w->watch);
}

static int watches_open(struct node *n)
{
    const enum keyspace_kind kinds[NODE_WATCH_COUNT] = {
        [NODE_WATCH_NODES] = KEYSPACE_NODE,   [NODE_WATCH_CLAIMS] = KEYSPACE_CLAIM,
        [NODE_WATCH_DCS] = KEYSPACE_DC,       [NODE_WATCH_PAUSES] = KEYSPACE_PAUSE,
        [NODE_WATCH_DRAINS] = KEYSPACE_DRAIN, [NODE_WATCH_CHANGED] = KEYSPACE_CHANGED,
    };

    for (int which = 0; which < NODE_WATCH_COUNT; which++) {
        struct keyspace_key key = {.kind = kinds[which], .cluster = n->cluster};
        struct slice prefix;
        if (which == NODE_WATCH_CLAIMS)
            key.dc = n->dc;
        int rc = keyspace_prefix(&key, &n->arena, &prefix);
        if (rc == 0)
            rc = watch_open(n, (enum node_watch)which, prefix);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static void table_show(const struct node *n, enum node_watch which, const struct etcd_kv **out_kvs,
                       size_t *out_count)
{
    *out_kvs = n->watched[which].table.kvs;
    *out_count = n->watched[which].table.count;
}

/* Has everything been read once? Then the view is shown if anything of it is new. */
static void view_turn(struct node *n)
{
    struct node_view *view = &n->view;
    bool is_complete = n->has_streams;

    for (int which = 0; which < NODE_WATCH_COUNT; which++) {
        is_complete = is_complete && n->watched[which].table.revision > 0;
        if (which != NODE_WATCH_CLAIMS && which != NODE_WATCH_CHANGED)
            n->is_view_new = n->is_view_new || n->watched[which].has_changed;
    }
    n->is_view_new = n->is_view_new || n->has_new_streams;
    if (!is_complete || !n->is_view_new)
        return;
    table_show(n, NODE_WATCH_NODES, &view->nodes, &view->node_count);
    table_show(n, NODE_WATCH_DCS, &view->dcs, &view->dc_count);
    table_show(n, NODE_WATCH_PAUSES, &view->pauses, &view->pause_count);
    table_show(n, NODE_WATCH_DRAINS, &view->drains, &view->drain_count);
    if (n->watched[NODE_WATCH_PAUSES].has_changed)
        n->pauses_due_ms = 0;
    n->watched[NODE_WATCH_DCS].has_changed = false;
    n->watched[NODE_WATCH_PAUSES].has_changed = false;
    n->is_view_new = false;
    n->is_view_shown = true;
    n->config.on_view(n->config.arg, view);
}

/* ---- leaving ---------------------------------------------------------------------------------- */

static void leave_end(struct node *n)
{
    void (*left)(void *) = n->left;

    n->left = NULL;
    if (left != NULL)
        left(n->left_arg);
}

static void on_revoked(void *arg, const struct etcd_answer *answer)
{
    struct node *n = arg;

    (void)answer; /* if it failed the lease goes by its TTL */
    n->revoke_call = 0;
    leave_end(n);
}

static void leave_turn(struct node *n, uint64_t now_ms)
{
    struct claims_event ev = {.type = CLAIMS_LEAVE};

    if (!n->is_leaving || n->is_released)
        return;
    node_claims_event(n, &ev);
    if (!claims_is_idle(n->claims) && now_ms < n->leave_by_ms)
        return;
    const int64_t lease = etcd_lease_id(n->lease);
    n->is_released = true;
    etcd_lease_close(n->lease, false);
    n->lease = NULL;
    const struct etcd_done done = {.fn = on_revoked, .arg = n, .timeout_ms = NODE_REVOKE_MS};
    if (lease == 0 || etcd_lease_revoke(n->e, lease, done, &n->revoke_call) != 0)
        leave_end(n);
}

/* ---- the turn --------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct node *n = timer->data;
    const uint64_t now_ms = uv_now(timer->loop);

    if (n->is_released)
        return;
    if (n->watched[NODE_WATCH_CHANGED].has_changed) {
        n->watched[NODE_WATCH_CHANGED].has_changed = false;
        n->scan.is_wanted = true;
    }
    if (!key_check(n)) {
        node_close(n);
        n->config.on_fatal(n->config.arg, ERR_FENCED, "another process has taken this node's name");
        return;
    }
    put_turn(n, now_ms);
    node_scan_turn(n, now_ms);
    view_turn(n);
    /* Tasks start only when the owner has seen the streams. */
    if (n->is_view_shown && !n->is_closed)
        node_claims_turn(n);
    if (!n->is_closed)
        leave_turn(n, now_ms);
}

/* ---- life ------------------------------------------------------------------------------------- */

static int config_copy(struct node *n, const struct node_config *config)
{
    n->config = *config;
    n->cluster = slice_str(arena_strdup(&n->arena, slice_str(config->cluster)));
    n->dc = slice_str(arena_strdup(&n->arena, slice_str(config->dc)));
    n->name = slice_str(arena_strdup(&n->arena, slice_str(config->node)));
    n->config.cluster = NULL;
    n->config.dc = NULL;
    n->config.node = NULL;
    const struct keyspace_key key = {
        .kind = KEYSPACE_NODE, .cluster = n->cluster, .dc = n->dc, .name = n->name};
    const int rc = keyspace_build(&key, &n->arena, &n->key);
    return rc != 0 ? rc : node_set_info(n, config->info);
}

static int lease_open(struct node *n)
{
    const struct etcd_lease_config config = {
        .ttl_s = n->config.lease_ttl_s == 0 ? NODE_LEASE_TTL_S : n->config.lease_ttl_s,
        .on_granted = on_lease_granted,
        .on_lost = on_lease_lost,
        .arg = n,
    };

    return etcd_lease_open(n->e, &config, &n->lease);
}

int node_open(struct etcd *e, const struct node_config *config, struct node **out)
{
    struct node *n = calloc(1, sizeof *n);

    if (n == NULL)
        return ERR_NO_MEMORY;
    n->e = e;
    n->wake_ms = -1;
    arena_init(&n->arena, 4096, 64 * 1024);
    arena_init(&n->claims_arena, CLAIMS_ARENA_BYTES, CLAIMS_ARENA_BYTES);
    (void)uv_timer_init(etcd_loop(e), &n->timer);
    n->timer.data = n;
    int rc = config_copy(n, config);
    if (rc == 0) {
        n->claims = claims_new(n->name, &n->claims_arena);
        rc = n->claims == NULL ? ERR_NO_MEMORY : 0;
    }
    if (rc == 0)
        rc = lease_open(n);
    if (rc == 0)
        rc = watches_open(n);
    if (rc != 0) {
        node_close(n);
        return rc;
    }
    n->scan.is_wanted = true;
    node_wake(n);
    *out = n;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct node *n = handle->data;

    while (n->ended != NULL) {
        struct node_ended *next = n->ended->next;
        free(n->ended);
        n->ended = next;
    }
    for (int which = 0; which < NODE_WATCH_COUNT; which++)
        io_table_deinit(&n->watched[which].table);
    arena_deinit(&n->scan.arena);
    arena_deinit(&n->streams_arena);
    arena_deinit(&n->claims_arena);
    arena_deinit(&n->arena);
    free(n->info);
    free(n);
}

void node_close(struct node *n)
{
    if (n == NULL || n->is_closed)
        return;
    n->is_closed = true;
    for (int which = 0; which < NODE_WATCH_COUNT; which++)
        etcd_watch_stop(n->watched[which].watch);
    etcd_lease_close(n->lease, false);
    n->lease = NULL;
    node_ops_drop(n);
    etcd_cancel(n->e, n->revoke_call);
    etcd_cancel(n->e, n->put_call);
    etcd_cancel(n->e, n->scan.call);
    uv_close((uv_handle_t *)&n->timer, on_timer_closed);
}

void node_task_finished(struct node *n, struct slice name, int rc)
{
    struct node_ended *ended = calloc(1, sizeof *ended + name.len);

    /* Without memory the task would look as if it ran for ever: better to end here. */
    assert(ended != NULL);
    ended->rc = rc;
    ended->name_len = name.len;
    memcpy(ended->name, name.ptr, name.len);
    node_ended_add(n, ended);
}

void node_leave(struct node *n, uint32_t timeout_ms, void (*done)(void *arg), void *arg)
{
    n->is_leaving = true;
    n->leave_by_ms = uv_now(etcd_loop(n->e)) + timeout_ms;
    n->left = done;
    n->left_arg = arg;
    node_wake(n);
}

int node_set_info(struct node *n, struct slice info)
{
    uint8_t *copy = malloc(info.len + 1);

    if (copy == NULL)
        return ERR_NO_MEMORY;
    if (info.len > 0)
        memcpy(copy, info.ptr, info.len);
    free(n->info);
    n->info = copy;
    n->info_len = info.len;
    n->is_put_wanted = true;
    node_wake(n);
    return 0;
}

struct node_status node_status(const struct node *n)
{
    const struct claims_count count = claims_count(n->claims);
    struct node_status status = {
        .lease = n->lease == NULL ? 0 : etcd_lease_id(n->lease),
        .is_registered = n->registered_lease != 0,
        .is_live = true,
        .tasks_running = count.running,
        .tasks_unclaimed = count.unclaimed,
        .tasks_waiting = count.waiting,
    };

    for (int which = 0; which < NODE_WATCH_COUNT; which++)
        status.is_live = status.is_live && etcd_watch_is_live(n->watched[which].watch);
    return status;
}

const struct node_view *node_view(const struct node *n)
{
    return &n->view;
}
