/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_epochs.h"

#include "coord/ctl/io_store.h"
#include "coord/pb_arena.h"
#include "proto/braid.pb-c.h"

static uint32_t epoch_in(struct session *s, const struct etcd_kvs *kvs, struct slice key)
{
    ProtobufCAllocator allocator = pb_allocator(&s->arena);

    for (size_t i = 0; i < kvs->count; i++) {
        if (!slice_equal(kvs->items[i].key, key))
            continue;
        const Braid__Epoch *pb =
            braid__epoch__unpack(&allocator, kvs->items[i].value.len, kvs->items[i].value.ptr);
        return pb == NULL ? 0 : pb->incarnation;
    }
    return 0;
}

/* The newest log epoch of the DC that anything tells of. */
static uint32_t epoch_of(const struct snapshot_stream *st, struct slice dc, const struct cut *cut,
                         uint32_t in_etcd)
{
    const struct report *report = snapshot_report_find(st, dc);
    uint32_t epoch = in_etcd;

    if (report != NULL && report->incarnation > epoch)
        epoch = report->incarnation;
    for (uint32_t i = 0; i < cut->member_count; i++) {
        if (slice_equal(cut->members[i].dc, dc) && cut->members[i].incarnation > epoch)
            epoch = cut->members[i].incarnation;
    }
    return epoch;
}

int epochs_raise(struct session *s, const struct snapshot_stream *st, const struct cut *cut,
                 struct etcd_op *ops, size_t *count)
{
    const struct keyspace_key all = {
        .kind = KEYSPACE_EPOCH, .cluster = s->cluster, .output = st->output};
    struct etcd_kvs kvs = {0};
    struct slice prefix;
    int rc = keyspace_prefix(&all, &s->arena, &prefix);

    if (rc == 0)
        rc = etcd_sync_get_prefix(s->etcd, prefix, &s->arena, &kvs);
    for (size_t i = 0; rc == 0 && i < st->dc_count; i++) {
        struct etcd_op *op = &ops[(*count)++];
        Braid__Epoch epoch;

        *op = (struct etcd_op){.type = ETCD_OP_PUT};
        op->put.key = store_key(
            s,
            (struct keyspace_key){.kind = KEYSPACE_EPOCH, .output = st->output, .dc = st->dcs[i]});
        braid__epoch__init(&epoch);
        epoch.incarnation = epoch_of(st, st->dcs[i], cut, epoch_in(s, &kvs, op->put.key)) + 1;
        rc = pb_pack(&epoch.base, 64, &s->arena, &op->put.value);
    }
    return rc == 0 ? 0 : session_etcd_failed(s, rc, "cannot read the log epochs");
}
