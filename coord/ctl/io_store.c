/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_store.h"

#include <inttypes.h>
#include <stdlib.h>

#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

enum {
    RANGES_MAX = 8,
    STREAM_RANGES = 4 /* of each stream in the second read */
};

struct slice store_key(struct session *s, struct keyspace_key key)
{
    struct slice out = {0};

    key.cluster = s->cluster;
    if (keyspace_build(&key, &s->arena, &out) != 0)
        return (struct slice){0};
    return out;
}

static struct slice prefix_of(struct session *s, struct keyspace_key key)
{
    struct slice out = {0};

    key.cluster = s->cluster;
    if (keyspace_prefix(&key, &s->arena, &out) != 0)
        return (struct slice){0};
    return out;
}

static struct etcd_op range_op(struct slice key, bool is_prefix, bool keys_only)
{
    return (struct etcd_op){
        .type = ETCD_OP_RANGE,
        .range = {.key = key, .is_prefix = is_prefix, .keys_only = keys_only},
    };
}

/* ---- reading ---------------------------------------------------------------------------------- */

static int take_answer(struct session *s, const struct etcd_answer *answer, struct snapshot *out)
{
    for (size_t i = 0; i < answer->op_count; i++) {
        for (size_t k = 0; k < answer->ops[i].kv_count; k++) {
            int rc = snapshot_add(out, &answer->ops[i].kvs[k], &s->arena);

            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

/* Names of everything, values of what is small. */
static int load_names(struct session *s, struct snapshot *out)
{
    const struct etcd_op ops[RANGES_MAX] = {
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_NODE}), true, false),
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_CLAIM}), true, false),
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_DC}), true, false),
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_PAUSE}), true, false),
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_DRAIN}), true, false),
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_SPEC}), true, true),
    };
    const struct etcd_txn txn = {.then = ops, .then_count = 6};
    struct etcd_answer answer;
    int rc = 0;

    if (ops[0].range.key.ptr == NULL) {
        output_error(&s->output, "no cluster can have the name '%.*s'", SLICE_ARG(s->cluster));
        return EXIT_CONFIG;
    }
    rc = etcd_sync_txn(s->etcd, &txn, &s->arena, &answer);
    if (rc != 0)
        return session_etcd_failed(s, rc, "cannot read etcd");
    out->revision = answer.header.revision;
    rc = take_answer(s, &answer, out);
    return rc == 0 ? 0 : session_etcd_failed(s, rc, "cannot keep what etcd has");
}

/* Of each stream the newest spec and cut, and all reports, as of the same revision. */
static int load_streams(struct session *s, struct snapshot *out, size_t from, size_t to)
{
    struct etcd_op ops[SNAPSHOT_STREAMS_MAX * STREAM_RANGES];
    struct etcd_txn txn = {.then = ops};
    struct etcd_answer answer;
    int rc = 0;

    for (size_t i = from; i < to; i++) {
        const struct snapshot_stream *st = &out->streams[i];

        ops[txn.then_count++] = range_op(
            prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_HELD, .output = st->output}), true,
            false);
        if (st->spec_version > 0) {
            ops[txn.then_count++] =
                range_op(store_key(s, (struct keyspace_key){.kind = KEYSPACE_SPEC,
                                                            .output = st->output,
                                                            .number = st->spec_version}),
                         false, false);
        }
        if (st->cut_count > 0) {
            ops[txn.then_count++] = range_op(store_key(s,
                                                       (struct keyspace_key){
                                                           .kind = KEYSPACE_CUT,
                                                           .output = st->output,
                                                           .era = st->cut_era,
                                                           .number = st->cut_number,
                                                       }),
                                             false, false);
        }
    }
    for (size_t i = 0; i < txn.then_count; i++) {
        // cppcheck-suppress unreadVariable ; the transaction reads it
        ops[i].range.revision = out->revision;
    }
    rc = etcd_sync_txn(s->etcd, &txn, &s->arena, &answer);
    if (rc != 0)
        return session_etcd_failed(s, rc, "cannot read etcd");
    rc = take_answer(s, &answer, out);
    return rc == 0 ? 0 : session_etcd_failed(s, rc, "cannot keep what etcd has");
}

int store_load(struct session *s, struct snapshot *out)
{
    const size_t at_once = 30; /* streams in one transaction: etcd takes 128 operations */
    int rc = session_etcd(s);

    if (rc != 0)
        return rc;
    if (snapshot_init(out, &s->arena) != 0)
        return EXIT_REFUSED;
    rc = load_names(s, out);
    for (size_t i = 0; rc == 0 && i < out->stream_count; i += at_once) {
        rc = load_streams(s, out, i,
                          i + at_once < out->stream_count ? i + at_once : out->stream_count);
    }
    out->now_ms = session_now_ms();
    snapshot_finish(out);
    return rc;
}

/* ---- the operators' log ----------------------------------------------------------------------- */

static int newest_first(const void *left, const void *right)
{
    const struct store_op *a = left;
    const struct store_op *b = right;

    return (a->number < b->number) - (a->number > b->number);
}

int store_ops(struct session *s, size_t max, struct store_op **out, size_t *out_count)
{
    ProtobufCAllocator allocator = pb_allocator(&s->arena);
    struct etcd_kvs kvs = {0};
    struct store_op *list = NULL;
    size_t count = 0;
    int rc = session_etcd(s);

    if (rc != 0)
        return rc;
    rc = etcd_sync_get_prefix(s->etcd, prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_OP}),
                              &s->arena, &kvs);
    if (rc != 0)
        return session_etcd_failed(s, rc, "cannot read the operators' log");
    list = arena_calloc(&s->arena, kvs.count + 1, sizeof(*list));
    for (size_t i = 0; list != NULL && i < kvs.count; i++) {
        struct keyspace_key key;
        Braid__Op *op =
            braid__op__unpack(&allocator, kvs.items[i].value.len, kvs.items[i].value.ptr);

        if (op == NULL || keyspace_parse(kvs.items[i].key, &key) != 0 || key.kind != KEYSPACE_OP)
            continue;
        list[count++] = (struct store_op){
            .number = key.number,
            .who = slice_str(op->who),
            .what = slice_str(op->what),
            .why = slice_str(op->why),
            .task = slice_str(op->task),
            .result = slice_str(op->result),
            .at_ms = op->at_ms,
        };
    }
    if (list != NULL)
        qsort(list, count, sizeof(*list), newest_first);
    *out = list;
    *out_count = count < max ? count : max;
    return 0;
}
