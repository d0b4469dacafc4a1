/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_etcd_lease.h - a lease that is granted, kept alive, and granted anew when it is lost.
 *
 * Promise: on_granted and on_lost alternate, beginning with on_granted. on_lost is called only
 *          when etcd itself said that the lease is gone: while etcd cannot be reached the lease is
 *          *unsure* (see etcd_lease_sure_until_ms), not lost.
 * Pure:    no.
 * Thread:  the loop's.
 */
#ifndef BRAID_COORD_IO_ETCD_LEASE_H
#define BRAID_COORD_IO_ETCD_LEASE_H

#include "coord/io_etcd.h"

struct etcd_lease_config {
    int64_t ttl_s; /* at least 2 */
    void (*on_granted)(void *arg, int64_t lease);
    void (*on_lost)(void *arg, int64_t lease);
    void *arg;
};

struct etcd_lease;

int etcd_lease_open(struct etcd *e, const struct etcd_lease_config *config,
                    struct etcd_lease **out);

/* No more callbacks; l is gone. Revokes the lease at the server (in the background, once, if
 * `revoke`), so that its keys go at once. May be called from within a callback. NULL: nothing. */
void etcd_lease_close(struct etcd_lease *l, bool revoke);

/* 0 while there is none. */
int64_t etcd_lease_id(const struct etcd_lease *l);

/* Until when (uv_now) the server certainly still holds it: time of *sending* the last renewal that
 * was answered, plus the TTL of the answer. 0 while there is none. */
uint64_t etcd_lease_sure_until_ms(const struct etcd_lease *l);

#endif
