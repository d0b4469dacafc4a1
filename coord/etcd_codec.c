/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/etcd_codec.h"

#include "coord/etcd.pb-c.h"
#include "coord/pb_arena.h"
#include "proto/err.h"

#include <assert.h>

const char *etcd_method_path(enum etcd_method method)
{
    switch (method) {
    case ETCD_METHOD_RANGE:
        return "/etcdserverpb.KV/Range";
    case ETCD_METHOD_PUT:
        return "/etcdserverpb.KV/Put";
    case ETCD_METHOD_DELETE:
        return "/etcdserverpb.KV/DeleteRange";
    case ETCD_METHOD_TXN:
        return "/etcdserverpb.KV/Txn";
    case ETCD_METHOD_COMPACT:
        return "/etcdserverpb.KV/Compact";
    case ETCD_METHOD_LEASE_GRANT:
        return "/etcdserverpb.Lease/LeaseGrant";
    case ETCD_METHOD_LEASE_REVOKE:
        return "/etcdserverpb.Lease/LeaseRevoke";
    case ETCD_METHOD_LEASE_KEEP_ALIVE:
        return "/etcdserverpb.Lease/LeaseKeepAlive";
    case ETCD_METHOD_WATCH:
        return "/etcdserverpb.Watch/Watch";
    case ETCD_METHOD_STATUS:
        return "/etcdserverpb.Maintenance/Status";
    case ETCD_METHOD_MEMBER_LIST:
        return "/etcdserverpb.Cluster/MemberList";
    }
    return "";
}

static bool ops_may_write(const struct etcd_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* A transaction inside counts as writing: nobody nests one to read. */
        if (ops[i].type != ETCD_OP_RANGE)
            return true;
    }
    return false;
}

bool etcd_txn_may_write(const struct etcd_txn *txn)
{
    return ops_may_write(txn->then, txn->then_count) ||
           ops_may_write(txn->otherwise, txn->otherwise_count);
}

struct slice etcd_prefix_end(struct slice prefix, struct arena *a)
{
    size_t len = prefix.len;

    while (len > 0 && prefix.ptr[len - 1] == 0xff)
        len--;
    uint8_t *end = arena_alloc(a, len == 0 ? 1 : len);
    if (end == NULL)
        return (struct slice){0};
    if (len == 0) {
        end[0] = 0;
        return slice_of(end, 1);
    }
    memcpy(end, prefix.ptr, len);
    end[len - 1]++;
    return slice_of(end, len);
}

/* Key and end as etcd wants them. An empty key alone is not allowed by etcd: "\0" is the first. */
static int range_ends(const struct etcd_range *range, struct arena *a, ProtobufCBinaryData *out_key,
                      ProtobufCBinaryData *out_end)
{
    struct slice key = range->key;
    struct slice end = range->end;

    if (range->is_prefix) {
        end = etcd_prefix_end(key, a);
        if (end.ptr == NULL)
            return ERR_NO_MEMORY;
        if (key.len == 0)
            key = slice_of("", 1);
    }
    if (key.len == 0)
        return ERR_MALFORMED;
    *out_key = pb_bytes(key);
    *out_end = pb_bytes(end);
    return 0;
}

static int range_fill(const struct etcd_range *range, struct arena *a, Etcdpb__RangeRequest *out)
{
    etcdpb__range_request__init(out);
    const int rc = range_ends(range, a, &out->key, &out->range_end);
    if (rc != 0)
        return rc;
    out->limit = range->limit;
    out->revision = range->revision;
    out->serializable = range->is_serializable;
    out->keys_only = range->keys_only;
    out->count_only = range->count_only;
    out->min_create_revision = range->created_from;
    if (range->is_newest_first) {
        out->sort_order = 2;
        out->sort_target = 2;
    }
    return 0;
}

static int put_fill(const struct etcd_put *put, Etcdpb__PutRequest *out)
{
    etcdpb__put_request__init(out);
    if (put->key.len == 0)
        return ERR_MALFORMED;
    out->key = pb_bytes(put->key);
    out->value = pb_bytes(put->value);
    out->lease = put->lease;
    return 0;
}

static int delete_fill(const struct etcd_range *range, struct arena *a, Etcdpb__DeleteRequest *out)
{
    etcdpb__delete_request__init(out);
    return range_ends(range, a, &out->key, &out->range_end);
}

static int compare_fill(const struct etcd_compare *compare, struct arena *a, Etcdpb__Compare *out)
{
    const struct etcd_range range = {.key = compare->key, .is_prefix = compare->is_prefix};

    etcdpb__compare__init(out);
    const int rc = range_ends(&range, a, &out->key, &out->range_end);
    if (rc != 0)
        return rc;
    out->result = (int32_t)compare->result;
    out->target = (int32_t)compare->target;
    switch (compare->target) {
    case ETCD_COMPARE_VERSION:
        out->target_union_case = ETCDPB__COMPARE__TARGET_UNION_VERSION;
        out->version = compare->number;
        break;
    case ETCD_COMPARE_CREATE_REVISION:
        out->target_union_case = ETCDPB__COMPARE__TARGET_UNION_CREATE_REVISION;
        out->create_revision = compare->number;
        break;
    case ETCD_COMPARE_MOD_REVISION:
        out->target_union_case = ETCDPB__COMPARE__TARGET_UNION_MOD_REVISION;
        out->mod_revision = compare->number;
        break;
    case ETCD_COMPARE_VALUE:
        out->target_union_case = ETCDPB__COMPARE__TARGET_UNION_VALUE;
        out->value = pb_bytes(compare->value);
        break;
    case ETCD_COMPARE_LEASE:
        out->target_union_case = ETCDPB__COMPARE__TARGET_UNION_LEASE;
        out->lease = compare->number;
        break;
    }
    return 0;
}

int etcd_encode_range(const struct etcd_range *range, struct arena *a, struct slice *out)
{
    Etcdpb__RangeRequest request;
    const int rc = range_fill(range, a, &request);

    return rc != 0 ? rc : pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

int etcd_encode_put(const struct etcd_put *put, struct arena *a, struct slice *out)
{
    Etcdpb__PutRequest request;
    const int rc = put_fill(put, &request);

    return rc != 0 ? rc : pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

int etcd_encode_delete(const struct etcd_range *range, struct arena *a, struct slice *out)
{
    Etcdpb__DeleteRequest request;
    const int rc = delete_fill(range, a, &request);

    return rc != 0 ? rc : pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

/* How a transaction inside is encoded: none is allowed inside it (txn_inner_none). */
typedef int txn_encode_fn(const struct etcd_txn *txn, struct arena *a, struct slice *out);

static int op_fill(const struct etcd_op *op, txn_encode_fn *inner, struct arena *a,
                   Etcdpb__RequestOp *out)
{
    etcdpb__request_op__init(out);
    switch (op->type) {
    case ETCD_OP_RANGE:
        out->request_case = ETCDPB__REQUEST_OP__REQUEST_RANGE;
        out->range = arena_alloc(a, sizeof *out->range);
        return out->range == NULL ? ERR_NO_MEMORY : range_fill(&op->range, a, out->range);
    case ETCD_OP_PUT:
        out->request_case = ETCDPB__REQUEST_OP__REQUEST_PUT;
        out->put = arena_alloc(a, sizeof *out->put);
        return out->put == NULL ? ERR_NO_MEMORY : put_fill(&op->put, out->put);
    case ETCD_OP_DELETE:
        out->request_case = ETCDPB__REQUEST_OP__REQUEST_DEL;
        out->del = arena_alloc(a, sizeof *out->del);
        return out->del == NULL ? ERR_NO_MEMORY : delete_fill(&op->range, a, out->del);
    case ETCD_OP_TXN: {
        struct slice bytes;
        const int rc = inner(op->txn, a, &bytes);
        out->request_case = ETCDPB__REQUEST_OP__REQUEST_TXN;
        if (rc == 0)
            out->txn = pb_bytes(bytes);
        return rc;
    }
    }
    return ERR_UNSUPPORTED;
}

static int ops_fill(const struct etcd_op *ops, size_t count, txn_encode_fn *inner, struct arena *a,
                    Etcdpb__RequestOp ***out)
{
    if (count > ETCD_OPS_MAX)
        return ERR_TOO_LARGE;
    Etcdpb__RequestOp **list = arena_calloc(a, count + 1, sizeof *list);
    Etcdpb__RequestOp *items = arena_calloc(a, count + 1, sizeof *items);
    if (list == NULL || items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const int rc = op_fill(&ops[i], inner, a, &items[i]);
        if (rc != 0)
            return rc;
        list[i] = &items[i];
    }
    *out = list;
    return 0;
}

static int txn_encode(const struct etcd_txn *txn, txn_encode_fn *inner, struct arena *a,
                      struct slice *out)
{
    Etcdpb__TxnRequest request = ETCDPB__TXN_REQUEST__INIT;

    if (txn->compare_count > ETCD_OPS_MAX)
        return ERR_TOO_LARGE;
    request.compare = arena_calloc(a, txn->compare_count + 1, sizeof *request.compare);
    Etcdpb__Compare *compares = arena_calloc(a, txn->compare_count + 1, sizeof *compares);
    if (request.compare == NULL || compares == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < txn->compare_count; i++) {
        const int rc = compare_fill(&txn->compares[i], a, &compares[i]);
        if (rc != 0)
            return rc;
        request.compare[i] = &compares[i];
    }
    request.n_compare = txn->compare_count;
    int rc = ops_fill(txn->then, txn->then_count, inner, a, &request.success);
    if (rc != 0)
        return rc;
    request.n_success = txn->then_count;
    rc = ops_fill(txn->otherwise, txn->otherwise_count, inner, a, &request.failure);
    if (rc != 0)
        return rc;
    request.n_failure = txn->otherwise_count;
    return pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

static int txn_inner_none(const struct etcd_txn *txn, struct arena *a, struct slice *out)
{
    (void)txn;
    (void)a;
    (void)out;
    return ERR_UNSUPPORTED;
}

static int txn_inner_one(const struct etcd_txn *txn, struct arena *a, struct slice *out)
{
    return txn == NULL ? ERR_MALFORMED : txn_encode(txn, txn_inner_none, a, out);
}

int etcd_encode_txn(const struct etcd_txn *txn, struct arena *a, struct slice *out)
{
    return txn_encode(txn, txn_inner_one, a, out);
}

int etcd_encode_compact(int64_t revision, struct arena *a, struct slice *out)
{
    Etcdpb__CompactRequest request = ETCDPB__COMPACT_REQUEST__INIT;

    request.revision = revision;
    return pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

int etcd_encode_lease_grant(int64_t ttl_s, int64_t id, struct arena *a, struct slice *out)
{
    Etcdpb__LeaseGrantRequest request = ETCDPB__LEASE_GRANT_REQUEST__INIT;

    request.ttl = ttl_s;
    request.id = id;
    return pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

int etcd_encode_lease(int64_t id, struct arena *a, struct slice *out)
{
    Etcdpb__LeaseRequest request = ETCDPB__LEASE_REQUEST__INIT;

    request.id = id;
    return pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

int etcd_encode_status(struct arena *a, struct slice *out)
{
    const Etcdpb__StatusRequest request = ETCDPB__STATUS_REQUEST__INIT;

    return pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}

int etcd_encode_member_list(struct arena *a, struct slice *out)
{
    Etcdpb__MemberListRequest request = ETCDPB__MEMBER_LIST_REQUEST__INIT;

    request.linearizable = true; /* etcd 3.4 does not know it: then it may be out of date */
    return pb_pack(&request.base, ETCD_REQUEST_BYTES_MAX, a, out);
}
