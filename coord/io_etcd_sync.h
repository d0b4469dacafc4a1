/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_etcd_sync.h - blocking calls to etcd, for programs that do one thing after the other.
 *
 * Promise: each call returns when etcd has answered or the timeout is over; what io_etcd.h
 *          promises about outcomes holds. Results lie in the arena given and borrow nothing.
 * Pure:    no: runs a loop of its own until the call is done.
 * Thread:  one at a time.
 */
#ifndef BRAID_COORD_IO_ETCD_SYNC_H
#define BRAID_COORD_IO_ETCD_SYNC_H

#include "coord/io_etcd.h"

struct etcd_sync;

int etcd_sync_open(const struct etcd_config *config, struct etcd_sync **out);
void etcd_sync_close(struct etcd_sync *s);

/*
 * All return the answer's rc (etcd_answer.h says which); *out is set in any case and says why in
 * out->text. timeout: the client's.
 */
int etcd_sync_range(struct etcd_sync *s, const struct etcd_range *range, struct arena *a,
                    struct etcd_answer *out);
int etcd_sync_put(struct etcd_sync *s, const struct etcd_put *put, struct arena *a,
                  struct etcd_answer *out);
int etcd_sync_delete(struct etcd_sync *s, const struct etcd_range *range, struct arena *a,
                     struct etcd_answer *out);
int etcd_sync_txn(struct etcd_sync *s, const struct etcd_txn *txn, struct arena *a,
                  struct etcd_answer *out);
int etcd_sync_lease_grant(struct etcd_sync *s, int64_t ttl_s, struct arena *a,
                          struct etcd_answer *out);
int etcd_sync_lease_renew(struct etcd_sync *s, int64_t lease, struct arena *a,
                          struct etcd_answer *out);
int etcd_sync_lease_revoke(struct etcd_sync *s, int64_t lease, struct arena *a,
                           struct etcd_answer *out);
int etcd_sync_member_list(struct etcd_sync *s, struct arena *a, struct etcd_answer *out);
int etcd_sync_status(struct etcd_sync *s, struct arena *a, struct etcd_answer *out);

/* One key. ERR_NOT_FOUND if it is not there. */
int etcd_sync_get(struct etcd_sync *s, struct slice key, struct arena *a, struct etcd_kv *out);

/* All keys that start with the prefix, as of one revision, read page by page. */
struct etcd_kvs {
    struct etcd_kv *items;
    size_t count;
    struct etcd_header header; /* of the first page */
};
int etcd_sync_get_prefix(struct etcd_sync *s, struct slice prefix, struct arena *a,
                         struct etcd_kvs *out);

/* Why the last call failed, for people; "" if it did not. Borrowed until the next call. */
const char *etcd_sync_error(const struct etcd_sync *s);

struct etcd_seen etcd_sync_seen(const struct etcd_sync *s);

#endif
