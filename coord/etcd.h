/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd.h - requests to etcd as plain structs.
 *
 * Promise: nothing here owns bytes: a request borrows its slices until the call that takes it
 *          returns. All zeros is a valid start: an absent slice, the latest revision, no lease,
 *          no limit.
 * Pure:    yes.
 * Not here: answers (etcd_answer.h), bytes (etcd_codec.h), calls (io_etcd.h, io_etcd_sync.h).
 */
#ifndef BRAID_COORD_ETCD_H
#define BRAID_COORD_ETCD_H

#include "proto/arena.h"
#include "proto/slice.h"

enum {
    ETCD_OPS_MAX = 128,                   /* in a transaction: etcd's own limit */
    ETCD_REQUEST_BYTES_MAX = 1500 * 1024, /* etcd refuses 1.5 MiB and more */
};

struct etcd_kv {
    struct slice key;
    struct slice value;
    int64_t create_revision; /* 0: there is no such key */
    int64_t mod_revision;
    int64_t version;
    int64_t lease; /* 0: none */
};

/* Which keys: one key, or all from `key` up to but without `end`, or all that start with `key`. */
struct etcd_range {
    struct slice key;
    struct slice end;     /* absent: see is_prefix */
    bool is_prefix;       /* all keys that start with `key` (an empty key: all there are) */
    int64_t revision;     /* 0: the latest */
    int64_t limit;        /* 0: none; the answer says `more` if it was reached */
    bool is_serializable; /* may be answered by a member that is behind or cut off */
    bool keys_only;
    bool count_only;
    bool is_newest_first; /* by create_revision, descending; else by key, ascending */
    int64_t created_from; /* only keys whose create_revision is at least this; 0: all */
};

struct etcd_put {
    struct slice key;
    struct slice value;
    int64_t lease;
};

enum etcd_compare_target {
    ETCD_COMPARE_VERSION,
    ETCD_COMPARE_CREATE_REVISION,
    ETCD_COMPARE_MOD_REVISION,
    ETCD_COMPARE_VALUE,
    ETCD_COMPARE_LEASE,
};

enum etcd_compare_result {
    ETCD_EQUAL,
    ETCD_GREATER, /* the key's is greater than ours */
    ETCD_LESS,
    ETCD_NOT_EQUAL,
};

/* `number` for all targets but VALUE. A key that is not there has 0 for every number. */
struct etcd_compare {
    struct slice key;
    bool is_prefix; /* must hold for every key that starts with `key` */
    enum etcd_compare_target target;
    enum etcd_compare_result result;
    int64_t number;
    struct slice value;
};

enum etcd_op_type {
    ETCD_OP_RANGE,
    ETCD_OP_PUT,
    ETCD_OP_DELETE, /* `range`: key, end, is_prefix; the rest is ignored */
    ETCD_OP_TXN,    /* only in an outer transaction, not in one that is inside itself */
};

struct etcd_txn;

struct etcd_op {
    enum etcd_op_type type;
    struct etcd_range range;
    struct etcd_put put;
    const struct etcd_txn *txn; /* borrowed */
};

/* If all compares hold: `then`, else `otherwise`; each list of at most ETCD_OPS_MAX. */
struct etcd_txn {
    const struct etcd_compare *compares; /* borrowed */
    size_t compare_count;
    const struct etcd_op *then; /* borrowed */
    size_t then_count;
    const struct etcd_op *otherwise; /* borrowed */
    size_t otherwise_count;
};

/* The smallest key after all that start with `prefix`, in the arena; "\0", which etcd reads as
 * "no end", if there is none. The absent slice if the arena is full. */
struct slice etcd_prefix_end(struct slice prefix, struct arena *a);

#endif
