/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_lock.h - ops/lock: one operator changes something at a time.
 *
 * Promise: the lock is a key on a lease, so that it goes by itself with whoever held it. Every change
 *          compares the lock, so that one whose lock is gone changes nothing, however late it
 *          arrives.
 * Shell:   etcd, through the session.
 */
#ifndef BRAID_COORD_CTL_IO_LOCK_H
#define BRAID_COORD_CTL_IO_LOCK_H

#include "coord/ctl/io_session.h"

enum {
    LOCK_TTL_S = 30,
    LOCK_RENEW_MS = 8000
};

/* Takes it; once it is ours, nothing. 0; EXIT_LOCKED, with who holds it, for what and since when; or
 * another exit code, said. */
int lock_take(struct session *s, const char *what);

/* Renews it if it is time to: to be called between the steps of whatever takes long. 0, also if we
 * hold no lock; else an exit code, said: it is lost. */
int lock_keep(struct session *s);

/* Gives it back. False: etcd did not say so, and it goes when its lease does. */
bool lock_release(struct session *s);

/* That the lock is still ours: for transactions. */
struct etcd_compare lock_compare(const struct session *s);

#endif
