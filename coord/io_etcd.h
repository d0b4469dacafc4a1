/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_etcd.h - asynchronous client of an etcd v3 cluster on a libuv loop.
 *
 * Promise: every call ends with exactly one callback, on the loop's thread, never from within the
 *          function that started it, at the latest at its timeout. A call that may have taken
 *          effect is never sent again: it ends with ERR_UNKNOWN. Reads, and writes that certainly
 *          did not reach a server, go on at the next endpoint until their timeout. A connection that is
 *          silent is thrown away whole. All is bounded: calls, bytes of an answer, waiting.
 * Pure:    no.
 * Not here: watches and leases (io_etcd_watch.h, io_etcd_lease.h), blocking use
 *          (io_etcd_sync.h), gRPC (io_grpc.h).
 * Thread:  the loop's.
 */
#ifndef BRAID_COORD_IO_ETCD_H
#define BRAID_COORD_IO_ETCD_H

#include <uv.h>

#include "coord/etcd.h"
#include "coord/etcd_answer.h"

enum {
    ETCD_ENDPOINTS_MAX = 8,
    ETCD_CALLS_MAX = 1024, /* waiting or under way; one more is ERR_BUSY */
    ETCD_CALL_TIMEOUT_MS = 5000,
    ETCD_CONNECT_TIMEOUT_MS = 2000,
    ETCD_BACKOFF_FIRST_MS = 50, /* after all endpoints have failed once; doubles up to ... */
    ETCD_BACKOFF_MAX_MS = 2000,
};

/* Zero or NULL: the default. Everything is copied. */
struct etcd_config {
    const char *endpoints; /* "https://host:2379,https://...": the nearest first */
    const char *ca_file;   /* PEM, of who signed the servers' certificates */
    const char *cert_file; /* PEM, ours; NULL: none */
    const char *key_file;
    uint32_t call_timeout_ms;
    uint32_t connect_timeout_ms;
};

struct etcd;

/* The answer is borrowed until the callback returns (etcd_answer_copy). */
typedef void etcd_done_fn(void *arg, const struct etcd_answer *answer);
typedef void etcd_closed_fn(void *arg);

/* How a call ends. */
struct etcd_done {
    etcd_done_fn *fn; /* NULL: nobody wants to know */
    void *arg;
    uint32_t timeout_ms; /* 0: the client's default */
};

/* Connects when first used. ERR_CONFIG (endpoints unusable), ERR_NO_MEMORY. */
int etcd_open(uv_loop_t *loop, const struct etcd_config *config, struct etcd **out);

/* Ends everything: no callback of a call comes any more, and watches and leases are gone with the
 * client (a lease stays alive on the server until its TTL: see etcd_lease_close). The client is
 * freed before `closed`, for which the loop must still run. NULL: `closed` is called at once. */
void etcd_close(struct etcd *e, etcd_closed_fn *closed, void *arg);

/* Each starts a call. `out_id` may be NULL; it names the call for etcd_cancel. ERR_BUSY,
 * ERR_TOO_LARGE, ERR_NO_MEMORY: nothing was started, no callback. */
int etcd_range(struct etcd *e, const struct etcd_range *range, struct etcd_done done,
               uint64_t *out_id);
int etcd_put(struct etcd *e, const struct etcd_put *put, struct etcd_done done, uint64_t *out_id);
int etcd_delete(struct etcd *e, const struct etcd_range *range, struct etcd_done done,
                uint64_t *out_id);
int etcd_txn(struct etcd *e, const struct etcd_txn *txn, struct etcd_done done, uint64_t *out_id);
/* id 0: etcd chooses. The answer says lease and ttl_s (etcd may give more than asked). */
int etcd_lease_grant(struct etcd *e, int64_t ttl_s, int64_t id, struct etcd_done done);
int etcd_lease_revoke(struct etcd *e, int64_t lease, struct etcd_done done, uint64_t *out_id);
/* One renewal. ttl_s is 0 in the answer if the lease is gone. */
int etcd_lease_renew(struct etcd *e, int64_t lease, struct etcd_done done);
int etcd_compact(struct etcd *e, int64_t revision, struct etcd_done done);
int etcd_member_list(struct etcd *e, struct etcd_done done);
/* Of the member that we are connected to. */
int etcd_status(struct etcd *e, struct etcd_done done);

/* Its callback will not be called. What was sent may still take effect. Unknown ids are fine. */
void etcd_cancel(struct etcd *e, uint64_t id);

/* What the client has seen of the cluster (docs/design.md, R13). */
struct etcd_seen {
    uint64_t cluster_id;     /* of the first answer, 0 before */
    bool has_changed;        /* a later answer came from another cluster, or from one whose */
                             /* revision had gone back: etcd was restored or replaced */
    int64_t revision_max;    /* highest in any answer */
    int64_t last_answer_ms;  /* uv_now of the last answer with a leader behind it, -1: none yet */
    const char *endpoint;    /* in use now; borrowed until the next loop turn */
    uint64_t endpoint_moves; /* how often we went to another endpoint */
    uint64_t unknown_count;  /* calls that ended with ERR_UNKNOWN */
    size_t calls_waiting;    /* not yet ended */
};
struct etcd_seen etcd_seen(const struct etcd *e);

uv_loop_t *etcd_loop(const struct etcd *e);

#endif
