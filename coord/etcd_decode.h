/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd_decode.h - etcd's answers from bytes (protobuf, etcd.proto).
 *
 * Promise: takes any bytes; the answer lies in the arena and borrows nothing from them. A
 *          transaction inside a transaction inside a transaction is ERR_UNSUPPORTED.
 * Pure:    yes.
 * Not here: requests (etcd_codec.h), watches (etcd_watch_codec.h).
 */
#ifndef BRAID_COORD_ETCD_DECODE_H
#define BRAID_COORD_ETCD_DECODE_H

#include "coord/etcd_answer.h"
#include "coord/etcd_codec.h"

/* Of any method but WATCH. Sets out->rc to 0. ERR_MALFORMED, ERR_UNSUPPORTED, ERR_NO_MEMORY. */
int etcd_decode_answer(enum etcd_method method, struct slice bytes, struct arena *a,
                       struct etcd_answer *out);

#endif
