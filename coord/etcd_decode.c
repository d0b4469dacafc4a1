/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/etcd_decode.h"

#include "coord/etcd_pb.h"
#include "proto/err.h"

#include <assert.h>

static int range_decode(const Etcdpb__RangeResponse *response, struct arena *a,
                        struct etcd_op_answer *out)
{
    out->type = ETCD_OP_RANGE;
    out->kvs = arena_calloc(a, response->n_kvs + 1, sizeof *out->kvs);
    if (out->kvs == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < response->n_kvs; i++)
        out->kvs[i] = etcd_kv_of(response->kvs[i]);
    out->kv_count = response->n_kvs;
    out->more = response->more;
    out->count = response->count;
    return 0;
}

/* How the answer of a transaction inside is decoded. */
typedef int txn_decode_fn(struct slice bytes, struct arena *a, struct etcd_op_answer *out);

static int op_decode(const Etcdpb__ResponseOp *response, txn_decode_fn *inner, struct arena *a,
                     struct etcd_op_answer *out)
{
    switch (response->response_case) {
    case ETCDPB__RESPONSE_OP__RESPONSE_RANGE:
        return range_decode(response->range, a, out);
    case ETCDPB__RESPONSE_OP__RESPONSE_PUT:
        out->type = ETCD_OP_PUT;
        return 0;
    case ETCDPB__RESPONSE_OP__RESPONSE_DEL:
        out->type = ETCD_OP_DELETE;
        out->deleted = response->del->deleted;
        return 0;
    case ETCDPB__RESPONSE_OP__RESPONSE_TXN:
        out->type = ETCD_OP_TXN;
        return inner(pb_slice(response->txn), a, out);
    case ETCDPB__RESPONSE_OP__RESPONSE__NOT_SET:
    case _ETCDPB__RESPONSE_OP__RESPONSE__CASE_IS_INT_SIZE:
        break;
    }
    return ERR_MALFORMED;
}

/* Fills in succeeded, ops, op_count. *out_header may be NULL. */
static int txn_decode(struct slice bytes, txn_decode_fn *inner, struct arena *a,
                      struct etcd_op_answer *out, struct etcd_header *out_header)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const Etcdpb__TxnResponse *response =
        etcdpb__txn_response__unpack(&allocator, bytes.len, bytes.ptr);

    if (response == NULL)
        return ERR_MALFORMED;
    out->succeeded = response->succeeded;
    out->ops = arena_calloc(a, response->n_responses + 1, sizeof *out->ops);
    if (out->ops == NULL)
        return ERR_NO_MEMORY;
    out->op_count = response->n_responses;
    for (size_t i = 0; i < response->n_responses; i++) {
        const int rc = op_decode(response->responses[i], inner, a, &out->ops[i]);
        if (rc != 0)
            return rc;
    }
    if (out_header != NULL)
        *out_header = etcd_header_of(response->header);
    return 0;
}

static int txn_inner_none(struct slice bytes, struct arena *a, struct etcd_op_answer *out)
{
    (void)bytes;
    (void)a;
    (void)out;
    return ERR_UNSUPPORTED;
}

static int txn_inner_one(struct slice bytes, struct arena *a, struct etcd_op_answer *out)
{
    return txn_decode(bytes, txn_inner_none, a, out, NULL);
}

/* Room for the answer's one op. */
static struct etcd_op_answer *single_op(struct arena *a, struct etcd_answer *out)
{
    out->ops = arena_calloc(a, 1, sizeof *out->ops);
    out->op_count = out->ops == NULL ? 0 : 1;
    return out->ops;
}

static int txn_answer(struct slice bytes, struct arena *a, struct etcd_answer *out)
{
    struct etcd_op_answer op = {0};
    const int rc = txn_decode(bytes, txn_inner_one, a, &op, &out->header);

    out->succeeded = op.succeeded;
    out->ops = op.ops;
    out->op_count = op.op_count;
    return rc;
}

static int range_answer(struct slice bytes, struct arena *a, struct etcd_answer *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const Etcdpb__RangeResponse *response =
        etcdpb__range_response__unpack(&allocator, bytes.len, bytes.ptr);
    struct etcd_op_answer *op = single_op(a, out);

    if (response == NULL || op == NULL)
        return ERR_MALFORMED;
    out->header = etcd_header_of(response->header);
    return range_decode(response, a, op);
}

static int put_answer(struct slice bytes, struct arena *a, struct etcd_answer *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const Etcdpb__PutResponse *response =
        etcdpb__put_response__unpack(&allocator, bytes.len, bytes.ptr);
    struct etcd_op_answer *op = single_op(a, out);

    if (response == NULL || op == NULL)
        return ERR_MALFORMED;
    out->header = etcd_header_of(response->header);
    op->type = ETCD_OP_PUT;
    return 0;
}

static int delete_answer(struct slice bytes, struct arena *a, struct etcd_answer *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const Etcdpb__DeleteResponse *response =
        etcdpb__delete_response__unpack(&allocator, bytes.len, bytes.ptr);
    struct etcd_op_answer *op = single_op(a, out);

    if (response == NULL || op == NULL)
        return ERR_MALFORMED;
    out->header = etcd_header_of(response->header);
    op->type = ETCD_OP_DELETE;
    op->deleted = response->deleted;
    return 0;
}

static int header_answer(struct slice bytes, struct arena *a, struct etcd_answer *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const Etcdpb__HeaderResponse *response =
        etcdpb__header_response__unpack(&allocator, bytes.len, bytes.ptr);

    if (response == NULL)
        return ERR_MALFORMED;
    out->header = etcd_header_of(response->header);
    return 0;
}

static int lease_answer(struct slice bytes, struct arena *a, struct etcd_answer *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const Etcdpb__LeaseResponse *response =
        etcdpb__lease_response__unpack(&allocator, bytes.len, bytes.ptr);

    if (response == NULL)
        return ERR_MALFORMED;
    out->header = etcd_header_of(response->header);
    out->lease = response->id;
    out->ttl_s = response->ttl;
    return 0;
}

static int status_answer(struct slice bytes, struct arena *a, struct etcd_answer *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const Etcdpb__StatusResponse *response =
        etcdpb__status_response__unpack(&allocator, bytes.len, bytes.ptr);

    if (response == NULL)
        return ERR_MALFORMED;
    out->header = etcd_header_of(response->header);
    out->version = slice_str(response->version);
    out->leader = response->leader;
    out->db_bytes = response->db_bytes;
    out->db_bytes_in_use = response->db_bytes_in_use;
    out->is_learner = response->is_learner;
    return 0;
}

static int member_list_answer(struct slice bytes, struct arena *a, struct etcd_answer *out)
{
    ProtobufCAllocator allocator = pb_allocator(a);
    const Etcdpb__MemberListResponse *response =
        etcdpb__member_list_response__unpack(&allocator, bytes.len, bytes.ptr);

    if (response == NULL)
        return ERR_MALFORMED;
    out->header = etcd_header_of(response->header);
    out->members = arena_calloc(a, response->n_members + 1, sizeof *out->members);
    if (out->members == NULL)
        return ERR_NO_MEMORY;
    out->member_count = response->n_members;
    for (size_t i = 0; i < response->n_members; i++) {
        const Etcdpb__Member *m = response->members[i];
        out->members[i] = (struct etcd_member){
            .id = m->id,
            .name = slice_str(m->name),
            .client_url = slice_str(m->n_client_urls > 0 ? m->client_urls[0] : NULL),
            .peer_url = slice_str(m->n_peer_urls > 0 ? m->peer_urls[0] : NULL),
            .is_learner = m->is_learner,
        };
    }
    return 0;
}

static int answer_decode(enum etcd_method method, struct slice bytes, struct arena *a,
                         struct etcd_answer *out)
{
    switch (method) {
    case ETCD_METHOD_RANGE:
        return range_answer(bytes, a, out);
    case ETCD_METHOD_PUT:
        return put_answer(bytes, a, out);
    case ETCD_METHOD_DELETE:
        return delete_answer(bytes, a, out);
    case ETCD_METHOD_TXN:
        return txn_answer(bytes, a, out);
    case ETCD_METHOD_COMPACT:
    case ETCD_METHOD_LEASE_REVOKE:
        return header_answer(bytes, a, out);
    case ETCD_METHOD_LEASE_GRANT:
    case ETCD_METHOD_LEASE_KEEP_ALIVE:
        return lease_answer(bytes, a, out);
    case ETCD_METHOD_STATUS:
        return status_answer(bytes, a, out);
    case ETCD_METHOD_MEMBER_LIST:
        return member_list_answer(bytes, a, out);
    case ETCD_METHOD_WATCH:
        break;
    }
    return ERR_UNSUPPORTED;
}

int etcd_decode_answer(enum etcd_method method, struct slice bytes, struct arena *a,
                       struct etcd_answer *out)
{
    struct etcd_answer answer = {.succeeded = true};
    const int rc = answer_decode(method, bytes, a, &answer);

    if (rc != 0)
        return rc;
    *out = answer;
    return 0;
}
