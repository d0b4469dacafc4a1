/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_store_change.c - changes of operators: planned, asked for, locked, made, logged.
 *
 * Happy path: the plan is shown and agreed to; the lock is taken; the operators' log has not moved since
 * the snapshot; one transaction makes the change and adds its line to the log.
 *
 * Failures: no answer to the transaction. Then the lock is given back first: the transaction compares
 * it, so from then on it can no longer take effect, and whether it did is there to be read.
 */
#include <inttypes.h>
#include <unistd.h>

#include "coord/ctl/io_lock.h"
#include "coord/ctl/io_store.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

enum {
    CHANGE_OPS_MAX = 120,
    CHANGE_COMPARES_MAX = 40,
    OP_BYTES_MAX = 16384
};

/* ---- the revision of a plan ------------------------------------------------------------------- */

/* All lines of the log; the lock lies among them and sorts last. */
static int ops_range(struct session *s, struct etcd_range *out)
{
    struct keyspace_key key = {.kind = KEYSPACE_OP, .cluster = s->cluster};

    *out = (struct etcd_range){.is_prefix = true};
    return keyspace_prefix(&key, &s->arena, &out->key);
}

/* The newest line as of a revision (0: now): out->mod_revision is 0 if there is none. */
static int newest_op(struct session *s, int64_t revision, struct etcd_kv *out)
{
    struct etcd_answer answer = {0};
    struct etcd_range range;
    int rc = ops_range(s, &range);

    *out = (struct etcd_kv){0};
    range.is_newest_first = true;
    range.limit = 2; /* one may be the lock */
    range.revision = revision;
    if (rc == 0)
        rc = etcd_sync_range(s->etcd, &range, &s->arena, &answer);
    if (rc != 0)
        return session_etcd_failed(s, rc, "cannot read the operators' log");
    for (size_t i = 0; answer.op_count == 1 && i < answer.ops[0].kv_count; i++) {
        const struct etcd_kv *kv = &answer.ops[0].kvs[i];
        struct keyspace_key key;

        if (keyspace_parse(kv->key, &key) == 0 && key.kind == KEYSPACE_OP &&
            kv->mod_revision > out->mod_revision) {
            *out = *kv;
        }
    }
    return 0;
}

static int say_moved(struct session *s, const struct etcd_kv *kv)
{
    ProtobufCAllocator allocator = pb_allocator(&s->arena);
    const Braid__Op *op = braid__op__unpack(&allocator, kv->value.len, kv->value.ptr);

    output_error(&s->output,
                 "the state has moved: it is at revision %" PRId64 "%s%s%s%s; look at --plan again",
                 kv->mod_revision, op == NULL ? "" : " since ", op == NULL ? "" : op->who,
                 op == NULL ? "" : " did: ", op == NULL ? "" : op->what);
    return EXIT_REFUSED;
}

/* ---- asking ----------------------------------------------------------------------------------- */

/* Has the operator agreed? Else an exit code, said. */
static int agree(struct session *s, struct view *plan, const char *what)
{
    if (session_given(s, OPTION_YES) && !session_given(s, OPTION_MESSAGE)) {
        output_error(&s->output, "--yes needs -m REASON: it goes into the operators' log");
        return EXIT_USAGE;
    }
    if (session_given(s, OPTION_YES))
        return 0;
    if (isatty(STDIN_FILENO) == 0) {
        output_error(&s->output, "without a terminal this needs --yes -m REASON");
        return EXIT_REFUSED;
    }
    output_view(&s->output, plan);
    if (output_ask(&s->output, text_format(&s->arena, "%s?", what)))
        return 0;
    output_note(&s->output, "nothing was changed");
    return EXIT_REFUSED;
}

static int may_change(struct session *s, struct view *plan, const struct snapshot *snap,
                      const char *what)
{
    struct etcd_kv before;
    struct etcd_kv now;
    int64_t wanted = 0;
    int rc = newest_op(s, snap->revision, &before);

    if (rc != 0)
        return rc;
    if (!session_number(s, OPTION_IF_REVISION, before.mod_revision, &wanted))
        return EXIT_USAGE;
    view_number(plan, "revision", before.mod_revision);
    if (wanted != before.mod_revision)
        return say_moved(s, &before);
    if (plan->heading.ptr == NULL)
        view_heading(plan, "Plan: %s. Nothing is changed yet.", what);
    if (session_given(s, OPTION_PLAN)) {
        output_view(&s->output, plan);
        return 0;
    }
    rc = agree(s, plan, what);
    if (rc == 0)
        rc = lock_take(s, what);
    if (rc == 0)
        rc = newest_op(s, 0, &now);
    if (rc == 0 && now.mod_revision != before.mod_revision)
        rc = say_moved(s, &now);
    return rc;
}

bool store_may_change(struct session *s, struct view *plan, const struct snapshot *snap,
                      const char *what, int *out_code)
{
    *out_code = may_change(s, plan, snap, what);
    return *out_code == 0 && !session_given(s, OPTION_PLAN);
}

/* ---- changing --------------------------------------------------------------------------------- */

/* A number for the log that rises with time. */
static struct slice op_key(struct session *s, uint64_t number)
{
    return store_key(s, (struct keyspace_key){.kind = KEYSPACE_OP, .number = number});
}

static int pack_op(struct session *s, const struct store_change *change, struct slice *out)
{
    Braid__Op op;
    const char *why = session_option(s, OPTION_MESSAGE);
    const char *task = session_option(s, OPTION_TASK);

    braid__op__init(&op);
    op.who = arena_strdup(&s->arena, slice_str(s->who));
    op.what = arena_strdup(&s->arena, slice_str(change->what));
    op.why = arena_strdup(&s->arena, slice_str(why == NULL ? "" : why));
    op.task = arena_strdup(&s->arena, slice_str(task == NULL ? "" : task));
    op.result = arena_strdup(&s->arena, slice_str("done"));
    op.at_ms = session_now_ms();
    if (op.who == NULL || op.what == NULL || op.why == NULL || op.task == NULL ||
        op.result == NULL) {
        return ERR_NO_MEMORY;
    }
    return pb_pack(&op.base, OP_BYTES_MAX, &s->arena, out);
}

/* The transaction had no answer: did it take effect? */
static int find_out(struct session *s, struct slice log_key, const char *what)
{
    struct etcd_kv kv;
    int rc = ERR_UNAVAILABLE;

    output_note(&s->output, "no answer from etcd; looking whether it took effect");
    if (lock_release(s))
        rc = etcd_sync_get(s->etcd, log_key, &s->arena, &kv);
    if (rc == 0) {
        output_note(&s->output, "it did");
        return 0;
    }
    if (rc == ERR_NOT_FOUND) {
        output_error(&s->output, "%s: it did not take effect, and will not; do it again", what);
        return EXIT_REFUSED;
    }
    return session_etcd_failed(s, ERR_UNKNOWN, what);
}

int store_change(struct session *s, const struct store_change *change)
{
    struct etcd_compare compares[CHANGE_COMPARES_MAX];
    struct etcd_op ops[CHANGE_OPS_MAX];
    struct etcd_txn txn = {.compares = compares, .then = ops};
    struct etcd_answer answer = {0};
    struct slice log = {0};
    struct slice log_key = op_key(s, (uint64_t)session_now_ms());
    int rc = pack_op(s, change, &log);

    if (rc != 0 || log_key.ptr == NULL || change->compare_count + 2 > CHANGE_COMPARES_MAX ||
        change->op_count + 2 > CHANGE_OPS_MAX) {
        output_error(&s->output, "the change is too large for one transaction");
        return EXIT_REFUSED;
    }
    for (size_t i = 0; i < change->compare_count; i++)
        compares[txn.compare_count++] = change->compares[i];
    compares[txn.compare_count++] = lock_compare(s);
    // cppcheck-suppress unreadVariable ; the transaction reads it
    compares[txn.compare_count++] = (struct etcd_compare){
        .key = log_key, .target = ETCD_COMPARE_CREATE_REVISION, .result = ETCD_EQUAL};
    for (size_t i = 0; i < change->op_count; i++)
        ops[txn.then_count++] = change->ops[i];
    // cppcheck-suppress unreadVariable ; the transaction reads it
    ops[txn.then_count++] =
        (struct etcd_op){.type = ETCD_OP_PUT, .put = {.key = log_key, .value = log}};
    if (change->is_of_specs) {
        ops[txn.then_count++] = (struct etcd_op){
            .type = ETCD_OP_PUT,
            .put = {.key = store_key(s, (struct keyspace_key){.kind = KEYSPACE_CHANGED}),
                    .value = log_key}};
    }
    rc = etcd_sync_txn(s->etcd, &txn, &s->arena, &answer);
    if (rc == ERR_UNKNOWN)
        return find_out(s, log_key, change->what);
    if (rc != 0)
        return session_etcd_failed(s, rc, change->what);
    if (!answer.succeeded) {
        output_error(&s->output,
                     "%s: the state moved meanwhile, or the lock was lost; nothing was changed, "
                     "try again",
                     change->what);
        return EXIT_REFUSED;
    }
    store_trim_ops(s);
    return 0;
}

/* ---- the log's length ------------------------------------------------------------------------- */

/* Keys are milliseconds: as long as they have 13 digits, the first in order are the oldest. */
void store_trim_ops(struct session *s)
{
    struct etcd_answer answer = {0};
    struct etcd_range range;
    int64_t count = 0;
    int rc = ops_range(s, &range);

    range.limit = 1;
    range.keys_only = true;
    if (rc == 0)
        rc = etcd_sync_range(s->etcd, &range, &s->arena, &answer);
    if (rc == 0 && answer.op_count == 1)
        count = answer.ops[0].count - 1; /* the lock is one of them */
    if (rc != 0 || count <= STORE_OPS_KEPT)
        return;
    range.limit = count - STORE_OPS_KEPT + 1; /* the last of these is the first that stays */
    rc = etcd_sync_range(s->etcd, &range, &s->arena, &answer);
    if (rc == 0 && answer.op_count == 1 && answer.ops[0].kv_count > 1) {
        const struct etcd_op_answer *list = &answer.ops[0];
        const struct etcd_range gone = {.key = list->kvs[0].key,
                                        .end = list->kvs[list->kv_count - 1].key};

        rc = etcd_sync_delete(s->etcd, &gone, &s->arena, &answer);
    }
    if (rc != 0)
        output_note(&s->output, "old lines of the operators' log stay for now: %s", err_text(rc));
}
