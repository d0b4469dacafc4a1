/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd_answer.h - answers of etcd as plain structs.
 *
 * Promise: an answer's slices and arrays live as long as its giver says; a copy's as long as its
 *          arena.
 * Pure:    yes.
 * Not here: requests (etcd.h), bytes (etcd_codec.h).
 */
#ifndef BRAID_COORD_ETCD_ANSWER_H
#define BRAID_COORD_ETCD_ANSWER_H

#include "coord/etcd.h"
#include "proto/arena.h"

enum {
    ETCD_ANSWER_BYTES_MAX = 64 * 1024 * 1024
};

/* What every answer says about the cluster at that moment. */
struct etcd_header {
    uint64_t cluster_id;
    uint64_t member_id; /* who answered */
    int64_t revision;   /* of the store as the request was carried out */
    uint64_t raft_term;
};

struct etcd_op_answer {
    enum etcd_op_type type;
    struct etcd_kv *kvs; /* of a range */
    size_t kv_count;
    bool more;       /* the range's limit cut it short */
    int64_t count;   /* keys in the range, not only those returned */
    int64_t deleted; /* of a delete */
    bool succeeded;  /* of a transaction in the transaction */
    struct etcd_op_answer *ops;
    size_t op_count;
};

struct etcd_member {
    uint64_t id;
    struct slice name;
    struct slice client_url; /* the first, absent if none */
    struct slice peer_url;   /* the first */
    bool is_learner;
};

/*
 * Answer to any call. rc: 0; ERR_UNKNOWN (a write that may or may not have taken effect: read to
 * know); ERR_TIMEOUT, ERR_UNAVAILABLE, ERR_BUSY (had no effect, may work later); ERR_COMPACTED,
 * ERR_NOT_FOUND (lease), ERR_REFUSED, ERR_TOO_LARGE, ERR_MALFORMED (an answer that makes no
 * sense). Only rc and text are set if rc != 0.
 */
struct etcd_answer {
    int rc;
    struct slice text; /* why, for people; empty if rc is 0 */
    struct etcd_header header;
    bool succeeded;             /* of a transaction: its compares held; true of other calls */
    struct etcd_op_answer *ops; /* of a transaction: one for each op; else one (range, put, ...) */
    size_t op_count;
    int64_t lease;               /* of grant and keep-alive */
    int64_t ttl_s;               /* of grant and keep-alive; 0: the lease is gone */
    struct etcd_member *members; /* of a member list */
    size_t member_count;
    struct slice version; /* of a status */
    uint64_t leader;      /* of a status; 0: none */
    int64_t db_bytes;     /* of a status */
    int64_t db_bytes_in_use;
    bool is_learner;
};

/* A copy whose every pointer is in the arena. ERR_NO_MEMORY if it does not fit. */
int etcd_answer_copy(const struct etcd_answer *answer, struct arena *a, struct etcd_answer *out);

#endif
