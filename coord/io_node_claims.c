/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the tables and etcd on one side and claims.c on the other: turns what is known into
 * events, and actions into transactions and calls of the owner.
 */
#include "coord/io_node_part.h"

#include "coord/keyspace.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

#include <assert.h>
#include <stdlib.h>

static int task_key(const struct node *n, struct slice task, struct arena *a, struct slice *out)
{
    const struct keyspace_key key = {
        .kind = KEYSPACE_CLAIM, .cluster = n->cluster, .dc = n->dc, .name = task};

    return keyspace_build(&key, a, out);
}

/* ---- claims and releases under way ------------------------------------------------------------ */

static struct node_op *op_new(struct node *n, struct slice task, bool is_claim)
{
    struct node_op *op = calloc(1, sizeof *op + task.len);

    if (op == NULL)
        return NULL;
    op->node = n;
    op->is_claim = is_claim;
    op->lease = n->lease_told;
    op->name_len = task.len;
    memcpy(op->name, task.ptr, task.len);
    op->next = n->ops;
    if (n->ops != NULL)
        n->ops->previous = op;
    n->ops = op;
    return op;
}

static void op_free(struct node_op *op)
{
    if (op->previous != NULL)
        op->previous->next = op->next;
    else
        op->node->ops = op->next;
    if (op->next != NULL)
        op->next->previous = op->previous;
    free(op);
}

void node_ops_drop(struct node *n)
{
    while (n->ops != NULL) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): op_free takes the first out of the list. */
        etcd_cancel(n->e, n->ops->call);
        op_free(n->ops);
    }
}

/* Tells the claims how it ended. */
static void op_end(struct node_op *op, struct claims_event *ev)
{
    struct node *n = op->node;

    ev->type = op->is_claim ? CLAIMS_CLAIMED : CLAIMS_RELEASED;
    ev->task = slice_of(op->name, op->name_len);
    ev->lease = op->lease;
    node_claims_event(n, ev);
    op_free(op);
}

static void on_op(void *arg, const struct etcd_answer *answer)
{
    struct node_op *op = arg;
    struct claims_event ev = {.rc = answer->rc};

    if (answer->rc == 0 && op->is_claim && answer->succeeded) {
        ev.is_ours = true;
        ev.create_revision = answer->header.revision;
    } else if (answer->rc == 0 && op->is_claim && answer->op_count == 1 &&
               answer->ops[0].kv_count == 1) {
        ev.is_ours = answer->ops[0].kvs[0].lease == op->lease;
        ev.create_revision = answer->ops[0].kvs[0].create_revision;
    }
    struct node *n = op->node;
    op_end(op, &ev);
    if (n->is_leaving)
        node_wake(n);
}

static int claim_value(const struct node *n, struct slice task, struct arena *a, struct slice *out)
{
    Braid__Claim claim;
    const struct slice parts[] = {n->dc, SLICE_LIT("/"), n->name};
    uv_timeval64_t now;
    size_t len = 0;
    char *who = arena_calloc(a, 1, n->dc.len + n->name.len + 2);

    braid__claim__init(&claim);
    claim.task = arena_strdup(a, task);
    if (who == NULL || claim.task == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < 3; i++) {
        memcpy(who + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    claim.node = who;
    if (uv_gettimeofday(&now) == 0)
        claim.since_ms = now.tv_sec * 1000 + now.tv_usec / 1000;
    return pb_pack(&claim.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

static int op_send(struct node *n, struct node_op *op, int64_t create_revision, struct arena *a)
{
    const struct etcd_done done = {.fn = on_op, .arg = op};
    const struct slice task = slice_of(op->name, op->name_len);
    struct slice key;
    struct slice value;
    int rc = task_key(n, task, a, &key);

    if (rc == 0)
        rc = claim_value(n, task, a, &value);
    if (rc != 0)
        return rc;
    /* A release of what is not there any more, or not ours any more, does nothing, and is fine. */
    const struct etcd_compare compare = {.key = key,
                                         .target = ETCD_COMPARE_CREATE_REVISION,
                                         .result = ETCD_EQUAL,
                                         .number = op->is_claim ? 0 : create_revision};
    const struct etcd_op put = {.type = ETCD_OP_PUT,
                                .put = {.key = key, .value = value, .lease = op->lease}};
    const struct etcd_op look = {.type = ETCD_OP_RANGE, .range = {.key = key}};
    const struct etcd_op delete = {.type = ETCD_OP_DELETE, .range = {.key = key}};
    const struct etcd_txn txn = {.compares = &compare,
                                 .compare_count = 1,
                                 .then = op->is_claim ? &put : &delete,
                                 .then_count = 1,
                                 .otherwise = &look,
                                 .otherwise_count = 1};
    return etcd_txn(n->e, &txn, done, &op->call);
}

static void op_start(struct node *n, const struct claims_action *action)
{
    struct node_op *op = op_new(n, action->task, action->type == CLAIMS_CLAIM);
    struct arena a;
    int rc = ERR_NO_MEMORY;

    arena_init(&a, 4096, 64 * 1024);
    if (op != NULL)
        rc = op_send(n, op, action->create_revision, &a);
    arena_deinit(&a);
    if (rc == 0)
        return;
    /* Told at the next turn, as if etcd had said so: steps do not nest. */
    struct node_ended *failed = calloc(1, sizeof *failed + action->task.len);
    if (op != NULL)
        op_free(op);
    if (failed == NULL)
        return; /* the task waits until the node starts anew */
    failed->is_op = true;
    failed->is_claim = action->type == CLAIMS_CLAIM;
    failed->rc = rc;
    failed->name_len = action->task.len;
    memcpy(failed->name, action->task.ptr, action->task.len);
    node_ended_add(n, failed);
}

/* ---- actions ---------------------------------------------------------------------------------- */

static void act(struct node *n, const struct claims_action *action)
{
    const struct node_config *c = &n->config;
    struct task task;

    switch (action->type) {
    case CLAIMS_CLAIM:
    case CLAIMS_RELEASE:
        op_start(n, action);
        break;
    case CLAIMS_START:
        /* A name in the list was built by tasks.c, so it can be parsed. */
        if (task_parse(action->task, &task) == 0)
            c->task_start(c->arg, action->task, &task, action->create_revision);
        else
            node_task_finished(n, action->task, ERR_MALFORMED);
        break;
    case CLAIMS_RENAMED:
        c->task_claim(c->arg, action->task, action->create_revision);
        break;
    case CLAIMS_STOP:
        c->task_stop(c->arg, action->task);
        break;
    case CLAIMS_REREAD:
        etcd_watch_reread(n->watched[NODE_WATCH_CLAIMS].watch);
        break;
    }
}

void node_claims_event(struct node *n, struct claims_event *ev)
{
    bool is_full = true;

    /* Each round does at least CLAIMS_ACTIONS_MAX of a bounded number of things. */
    while (is_full && !n->is_closed) {
        ev->now_ms = (int64_t)uv_now(etcd_loop(n->e));
        claims_step(n->claims, ev, &n->actions);
        for (size_t i = 0; i < n->actions.count && !n->is_closed; i++)
            act(n, &n->actions.items[i]);
        is_full = n->actions.is_full;
        n->wake_ms = n->actions.wake_ms;
        *ev = (struct claims_event){.type = CLAIMS_TICK};
    }
    if (n->wake_ms >= 0)
        node_wake_at(n, (uint64_t)n->wake_ms);
}

/* ---- events ----------------------------------------------------------------------------------- */

/* Is it our DC's node? Then *out is it; `out->name` borrows from the table. */
static bool node_decode(const struct node *n, const struct etcd_kv *kv, struct arena *a,
                        struct assign_node *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const struct keyspace_key drain = {.kind = KEYSPACE_DRAIN, .cluster = n->cluster};
    struct keyspace_key key;
    struct keyspace_key named = drain;
    struct slice drain_key;

    if (keyspace_parse(kv->key, &key) != 0 || !slice_equal(key.dc, n->dc))
        return false;
    /* One that cannot be read is a live node all the same. */
    const Braid__NodeInfo *info =
        braid__node_info__unpack(&allocator, kv->value.len, kv->value.ptr);
    *out = (struct assign_node){.name = key.name, .weight = info == NULL ? 1 : info->weight};
    /* "<dc>/<node>", as it stands behind "nodes/". */
    named.name = slice_of(key.dc.ptr, key.dc.len + 1 + key.name.len);
    out->is_draining = (info != NULL && info->draining) ||
                       (keyspace_build(&named, a, &drain_key) == 0 &&
                        io_table_find(&n->watched[NODE_WATCH_DRAINS].table, drain_key) != NULL);
    return true;
}

static void tell_nodes(struct node *n)
{
    const struct io_table *table = &n->watched[NODE_WATCH_NODES].table;
    struct claims_event ev = {.type = CLAIMS_NODES};
    struct arena a;

    arena_init(&a, 16 * 1024, 16 * 1024 * 1024);
    struct assign_node *nodes = arena_calloc(&a, ASSIGN_NODES_MAX, sizeof *nodes);
    for (size_t i = 0; nodes != NULL && i < table->count && ev.node_count < ASSIGN_NODES_MAX; i++)
        ev.node_count += node_decode(n, &table->kvs[i], &a, &nodes[ev.node_count]);
    ev.nodes = nodes;
    if (nodes != NULL)
        node_claims_event(n, &ev);
    arena_deinit(&a);
}

static void tell_tasks(struct node *n)
{
    struct claims_event ev = {.type = CLAIMS_WANTED};
    struct slice *names = NULL;
    struct arena a;

    arena_init(&a, 64 * 1024, 256 * 1024 * 1024);
    /* A list that cannot be made leaves the tasks as they are. */
    if (node_tasks(n, &a, &names, &ev.wanted_count) == 0) {
        ev.wanted = names;
        node_claims_event(n, &ev);
    }
    arena_deinit(&a);
}

/* The node's name without its DC, as claims.c knows nodes of the one DC. */
static struct slice owner_name(const Braid__Claim *claim)
{
    const char *slash = claim == NULL ? NULL : strchr(claim->node, '/');

    return slash == NULL ? (struct slice){0} : slice_str(slash + 1);
}

static void tell_claims(struct node *n)
{
    const struct io_table *table = &n->watched[NODE_WATCH_CLAIMS].table;
    struct claims_event ev = {.type = CLAIMS_LIST, .revision = table->revision};
    struct keyspace_key key;
    struct arena a;

    arena_init(&a, 64 * 1024, 64 * 1024 * 1024);
    ProtobufCAllocator allocator = pb_allocator(&a);
    struct claim *claims = arena_calloc(&a, table->count + 1, sizeof *claims);
    for (size_t i = 0; claims != NULL && i < table->count; i++) {
        const struct etcd_kv *kv = &table->kvs[i];
        if (keyspace_parse(kv->key, &key) != 0)
            continue;
        claims[ev.claim_count++] = (struct claim){
            .task = key.name,
            .node = owner_name(braid__claim__unpack(&allocator, kv->value.len, kv->value.ptr)),
            .lease = kv->lease,
            .create_revision = kv->create_revision,
        };
    }
    ev.claims = claims;
    if (claims != NULL)
        node_claims_event(n, &ev);
    arena_deinit(&a);
}

static void tell_ended(struct node *n)
{
    while (n->ended != NULL && !n->is_closed) {
        struct node_ended *ended = n->ended;
        struct claims_event ev = {.type = CLAIMS_FINISHED,
                                  .task = slice_of(ended->name, ended->name_len),
                                  .rc = ended->rc};
        if (ended->is_op)
            ev.type = ended->is_claim ? CLAIMS_CLAIMED : CLAIMS_RELEASED;
        n->ended = ended->next;
        node_claims_event(n, &ev);
        free(ended);
    }
}

void node_ended_add(struct node *n, struct node_ended *ended)
{
    struct node_ended **last = &n->ended;

    while (*last != NULL)
        last = &(*last)->next;
    *last = ended;
    node_wake(n);
}

/* Has this been told? Then it is told now. */
static bool take(bool *flag)
{
    const bool was_set = *flag;

    *flag = false;
    return was_set;
}

/* A pause may have come, gone, or be over. */
static bool pauses_are_due(struct node *n)
{
    const uint64_t now_ms = uv_now(etcd_loop(n->e));

    if (now_ms < n->pauses_due_ms)
        return false;
    n->pauses_due_ms = node_has_paused_tasks(n) ? now_ms + NODE_TICK_MS : UINT64_MAX;
    return true;
}

void node_claims_turn(struct node *n)
{
    struct claims_event tick = {.type = CLAIMS_TICK};
    const int64_t lease = n->registered_lease;

    tell_ended(n);
    if (lease != n->lease_told) {
        struct claims_event ev = {.type = CLAIMS_LEASE, .lease = lease};
        n->lease_told = lease;
        node_claims_event(n, &ev);
    }
    if (n->is_closed)
        return;
    const bool has_new_drains = take(&n->watched[NODE_WATCH_DRAINS].has_changed);
    if (take(&n->watched[NODE_WATCH_NODES].has_changed) || has_new_drains)
        tell_nodes(n);
    const bool has_new_streams = take(&n->has_new_streams);
    if (!n->is_closed && (pauses_are_due(n) || has_new_streams))
        tell_tasks(n);
    if (!n->is_closed && take(&n->watched[NODE_WATCH_CLAIMS].has_changed))
        tell_claims(n);
    if (!n->is_closed)
        node_claims_event(n, &tick);
}
