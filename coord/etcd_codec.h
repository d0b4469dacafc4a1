/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd_codec.h - requests to bytes (protobuf, etcd.proto).
 *
 * Promise: the bytes lie in the arena. ERR_MALFORMED (an empty key), ERR_TOO_LARGE (bytes or number
 *          of ops), ERR_NO_MEMORY; a transaction inside a transaction may not hold a third:
 *          ERR_UNSUPPORTED.
 * Pure:    yes.
 * Not here: answers (etcd_decode.h), gRPC's framing (grpc.h), watches (etcd_watch_codec.h).
 */
#ifndef BRAID_COORD_ETCD_CODEC_H
#define BRAID_COORD_ETCD_CODEC_H

#include "coord/etcd.h"

enum etcd_method {
    ETCD_METHOD_RANGE,
    ETCD_METHOD_PUT,
    ETCD_METHOD_DELETE,
    ETCD_METHOD_TXN,
    ETCD_METHOD_COMPACT,
    ETCD_METHOD_LEASE_GRANT,
    ETCD_METHOD_LEASE_REVOKE,
    ETCD_METHOD_LEASE_KEEP_ALIVE,
    ETCD_METHOD_WATCH,
    ETCD_METHOD_STATUS,
    ETCD_METHOD_MEMBER_LIST,
};

/* "/etcdserverpb.KV/Range" */
const char *etcd_method_path(enum etcd_method method);

/* Could this call change something? A transaction: only if one of its ops does. */
bool etcd_txn_may_write(const struct etcd_txn *txn);

int etcd_encode_range(const struct etcd_range *range, struct arena *a, struct slice *out);
int etcd_encode_put(const struct etcd_put *put, struct arena *a, struct slice *out);
int etcd_encode_delete(const struct etcd_range *range, struct arena *a, struct slice *out);
int etcd_encode_txn(const struct etcd_txn *txn, struct arena *a, struct slice *out);
int etcd_encode_compact(int64_t revision, struct arena *a, struct slice *out);
int etcd_encode_lease_grant(int64_t ttl_s, int64_t id, struct arena *a, struct slice *out);
int etcd_encode_lease(int64_t id, struct arena *a, struct slice *out);
int etcd_encode_status(struct arena *a, struct slice *out);
int etcd_encode_member_list(struct arena *a, struct slice *out);

#endif
