/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_lock.h"

#include <inttypes.h>

#include "coord/keyspace.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

enum {
    LOCK_VALUE_MAX = 16384
};

static int lock_key(struct session *s, struct slice *out)
{
    const struct keyspace_key key = {.kind = KEYSPACE_LOCK, .cluster = s->cluster};

    return keyspace_build(&key, &s->arena, out);
}

/* Who, what for, since when: the same message as in the operators' log. */
static int lock_value(struct session *s, const char *what, struct slice *out)
{
    const char *why = session_option(s, OPTION_MESSAGE);
    const char *task = session_option(s, OPTION_TASK);
    Braid__Op op;

    braid__op__init(&op);
    op.who = arena_strdup(&s->arena, slice_str(s->who));
    op.what = arena_strdup(&s->arena, slice_str(what));
    op.why = arena_strdup(&s->arena, slice_str(why == NULL ? "" : why));
    op.task = arena_strdup(&s->arena, slice_str(task == NULL ? "" : task));
    op.at_ms = session_now_ms();
    if (op.who == NULL || op.what == NULL || op.why == NULL || op.task == NULL)
        return ERR_NO_MEMORY;
    return pb_pack(&op.base, LOCK_VALUE_MAX, &s->arena, out);
}

static int say_held(struct session *s, const struct etcd_kv *kv)
{
    ProtobufCAllocator allocator = pb_allocator(&s->arena);
    const Braid__Op *op = braid__op__unpack(&allocator, kv->value.len, kv->value.ptr);

    if (op == NULL) {
        output_error(&s->output, "another operation holds the lock; who, it does not say");
    } else {
        output_error(
            &s->output,
            "another operation holds the lock: %s does '%s' for %" PRId64
            " s now (%s%s%s); nothing was changed. The lock ends with it, or %d s after it "
            "has died",
            op->who, op->what, (session_now_ms() - op->at_ms) / 1000,
            op->why[0] == '\0' ? "no reason given" : op->why, op->task[0] == '\0' ? "" : ", ",
            op->task, LOCK_TTL_S);
    }
    return EXIT_LOCKED;
}

/* Puts the key under the lease if it is absent; else *out_kv is what is there. */
static int put_lock(struct session *s, struct slice value, struct etcd_answer *out)
{
    const struct etcd_compare absent = {
        .key = s->lock.key, .target = ETCD_COMPARE_CREATE_REVISION, .result = ETCD_EQUAL};
    const struct etcd_op put = {
        .type = ETCD_OP_PUT, .put = {.key = s->lock.key, .value = value, .lease = s->lock.lease}};
    const struct etcd_op look = {.type = ETCD_OP_RANGE, .range = {.key = s->lock.key}};
    const struct etcd_txn txn = {.compares = &absent,
                                 .compare_count = 1,
                                 .then = &put,
                                 .then_count = 1,
                                 .otherwise = &look,
                                 .otherwise_count = 1};

    return etcd_sync_txn(s->etcd, &txn, &s->arena, out);
}

int lock_take(struct session *s, const char *what)
{
    struct etcd_answer answer = {0};
    struct slice value = {0};
    int rc = 0;

    if (s->lock.create_revision != 0)
        return lock_keep(s);
    if (lock_key(s, &s->lock.key) != 0 || lock_value(s, what, &value) != 0) {
        output_error(&s->output, "the lock cannot be written: is the reason too long?");
        return EXIT_REFUSED;
    }
    rc = etcd_sync_lease_grant(s->etcd, LOCK_TTL_S, &s->arena, &answer);
    if (rc != 0)
        return session_etcd_failed(s, rc == ERR_UNKNOWN ? ERR_UNAVAILABLE : rc,
                                   "cannot take the lock");
    s->lock.lease = answer.lease;
    s->lock.renewed_ms = session_now_ms();
    rc = put_lock(s, value, &answer);
    if (rc != 0) {
        /* Whatever became of it: it goes with its lease, and nothing was changed under it. */
        return session_etcd_failed(s, rc == ERR_UNKNOWN ? ERR_UNAVAILABLE : rc,
                                   "cannot take the lock");
    }
    if (answer.succeeded) {
        s->lock.create_revision = answer.header.revision;
        return 0;
    }
    if (answer.op_count == 1 && answer.ops[0].kv_count == 1)
        return say_held(s, &answer.ops[0].kvs[0]);
    output_error(&s->output, "the lock came and went meanwhile; try again");
    return EXIT_LOCKED;
}

int lock_keep(struct session *s)
{
    struct etcd_answer answer = {0};
    int64_t now_ms = session_now_ms();
    int rc = 0;

    if (s->lock.create_revision == 0 || now_ms - s->lock.renewed_ms < LOCK_RENEW_MS)
        return 0;
    rc = etcd_sync_lease_renew(s->etcd, s->lock.lease, &s->arena, &answer);
    if (rc == 0 && answer.ttl_s > 0) {
        s->lock.renewed_ms = now_ms;
        return 0;
    }
    /* Silence is no loss: the lease may still be there, and every change compares the lock. */
    if (rc != 0 && rc != ERR_NOT_FOUND && now_ms - s->lock.renewed_ms < LOCK_TTL_S * 1000)
        return 0;
    output_error(&s->output, "the lock was lost (etcd was away for too long); what was done until "
                             "now stands: see 'braidctl history' and 'braidctl status'");
    return EXIT_REFUSED;
}

bool lock_release(struct session *s)
{
    struct etcd_answer answer = {0};
    int64_t lease = s->lock.lease;

    s->lock.lease = 0;
    s->lock.create_revision = 0;
    return lease == 0 || etcd_sync_lease_revoke(s->etcd, lease, &s->arena, &answer) == 0;
}

struct etcd_compare lock_compare(const struct session *s)
{
    return (struct etcd_compare){.key = s->lock.key,
                                 .target = ETCD_COMPARE_CREATE_REVISION,
                                 .result = ETCD_EQUAL,
                                 .number = s->lock.create_revision};
}
