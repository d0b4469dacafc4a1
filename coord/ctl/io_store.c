/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

enum {
    PARTS = 6,                           /* ranges of the first read */
    STREAM_PARTS = 5,                    /* of each stream's */
    NAMES_MAX = 2 * SNAPSHOT_STREAMS_MAX /* also of what is not ours */
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

/* The name of the stream that a key under streams/ belongs to, in the arena; absent if it is no name. */
static struct slice name_in(struct session *s, struct slice prefix, struct slice key)
{
    struct slice rest = slice_sub(key, prefix.len, key.len);
    const uint8_t *slash = rest.len == 0 ? NULL : memchr(rest.ptr, '/', rest.len);

    return arena_copy(&s->arena,
                      slash == NULL ? rest : slice_of(rest.ptr, (size_t)(slash - rest.ptr)));
}

/* The first key behind all of those of the stream; behind none: the first of all streams. Cuts are
 * many: they are never listed. */
static struct etcd_op next_stream_op(struct session *s, struct slice after)
{
    struct slice all = prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_SPEC});
    struct etcd_op op = range_op(all, false, true);

    op.range.limit = 1;
    op.range.end = etcd_prefix_end(all, &s->arena);
    /* '0' is the byte after '/'. */
    if (after.len > 0)
        op.range.key =
            slice_str(text_format(&s->arena, "%.*s%.*s0", SLICE_ARG(all), SLICE_ARG(after)));
    return op;
}

static struct slice next_stream(struct session *s, const struct etcd_op_answer *op)
{
    struct slice all = prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_SPEC});

    return op->kv_count == 0 ? (struct slice){0} : name_in(s, all, op->kvs[0].key);
}

/* Everything but the streams, and the first stream's name. */
static int load_parts(struct session *s, struct snapshot *out, struct slice *out_stream)
{
    const struct etcd_op ops[] = {
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_NODE}), true, false),
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_CLAIM}), true, false),
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_DC}), true, false),
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_PAUSE}), true, false),
        range_op(prefix_of(s, (struct keyspace_key){.kind = KEYSPACE_DRAIN}), true, false),
        next_stream_op(s, (struct slice){0}),
    };
    const struct etcd_txn txn = {.then = ops, .then_count = PARTS};
    struct etcd_answer answer;
    int rc = 0;

    static_assert(sizeof(ops) / sizeof(ops[0]) == PARTS, "");
    if (ops[0].range.key.ptr == NULL) {
        output_error(&s->output, "no cluster can have the name '%.*s'", SLICE_ARG(s->cluster));
        return EXIT_CONFIG;
    }
    rc = etcd_sync_txn(s->etcd, &txn, &s->arena, &answer);
    if (rc == 0 && answer.op_count != PARTS)
        rc = ERR_MALFORMED;
    if (rc != 0)
        return session_etcd_failed(s, rc, "cannot read etcd");
    out->revision = answer.header.revision;
    *out_stream = next_stream(s, &answer.ops[PARTS - 1]);
    answer.op_count--;
    rc = take_answer(s, &answer, out);
    return rc == 0 ? 0 : session_etcd_failed(s, rc, "cannot keep what etcd has");
}

/*
 * Reads as of the revision that is being looked at. The member that answered first has it, so it need not
 * ask the others for what is newest: that is a round through a majority for each stream. Should another
 * member answer now, which is behind, it says so, and is asked again in the ordinary way.
 */
static int read_at_revision(struct session *s, int64_t revision, struct etcd_op *ops, size_t count,
                            struct etcd_answer *out)
{
    const struct etcd_txn txn = {.then = ops, .then_count = count};
    int rc = ERR_UNAVAILABLE;

    for (int is_local = 1; rc != 0 && is_local >= 0; is_local--) {
        for (size_t i = 0; i < count; i++) {
            ops[i].range.revision = revision;
            ops[i].range.is_serializable = is_local == 1;
        }
        rc = etcd_sync_txn(s->etcd, &txn, &s->arena, out);
    }
    return rc == 0 && out->op_count != count ? ERR_MALFORMED : rc;
}

/* Of one stream the newest spec and cut, all reports and incarnations, as of the same revision; then the next
 * stream's name. */
static int load_stream(struct session *s, struct snapshot *out, struct slice *stream)
{
    const enum keyspace_kind kinds[] = {KEYSPACE_SPEC, KEYSPACE_CUT, KEYSPACE_HELD,
                                        KEYSPACE_INCARNATION};
    struct etcd_op ops[STREAM_PARTS];
    struct snapshot_stream *row = NULL;
    struct etcd_answer answer;
    int rc = 0;

    for (size_t i = 0; i < STREAM_PARTS - 1; i++) {
        ops[i] = range_op(prefix_of(s, (struct keyspace_key){.kind = kinds[i], .output = *stream}),
                          true, false);
        if (kinds[i] == KEYSPACE_SPEC || kinds[i] == KEYSPACE_CUT) {
            ops[i].range.is_newest_first = true;
            ops[i].range.limit = 1;
        }
    }
    ops[STREAM_PARTS - 1] = next_stream_op(s, *stream);
    rc = read_at_revision(s, out->revision, ops, STREAM_PARTS, &answer);
    if (rc != 0)
        return session_etcd_failed(s, rc, "cannot read etcd");
    answer.op_count--;
    rc = take_answer(s, &answer, out);
    row = snapshot_stream_find(out, *stream);
    if (row != NULL)
        row->cut_count = (uint64_t)answer.ops[1].count;
    *stream = next_stream(s, &answer.ops[STREAM_PARTS - 1]);
    return rc == 0 ? 0 : session_etcd_failed(s, rc, "cannot keep what etcd has");
}

/* Behind a name that no stream has: its keys are not ours. */
static int skip_stream(struct session *s, struct snapshot *out, struct slice *stream)
{
    struct etcd_op op = next_stream_op(s, *stream);
    struct etcd_answer answer;
    int rc = 0;

    op.range.revision = out->revision;
    out->unreadable++;
    rc = etcd_sync_range(s->etcd, &op.range, &s->arena, &answer);
    if (rc != 0 || answer.op_count != 1)
        return session_etcd_failed(s, rc == 0 ? ERR_MALFORMED : rc, "cannot read etcd");
    *stream = next_stream(s, &answer.ops[0]);
    return 0;
}

int store_load(struct session *s, struct snapshot *out)
{
    struct slice stream = {0};
    int rc = session_etcd(s);

    if (rc != 0)
        return rc;
    if (snapshot_init(out, &s->arena) != 0)
        return EXIT_REFUSED;
    rc = load_parts(s, out, &stream);
    for (size_t i = 0; rc == 0 && stream.ptr != NULL && i < NAMES_MAX; i++) {
        rc = keyspace_name_is_valid(stream) ? load_stream(s, out, &stream)
                                            : skip_stream(s, out, &stream);
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
