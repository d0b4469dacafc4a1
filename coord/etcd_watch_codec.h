/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd_watch_codec.h - messages of etcd's watch stream.
 *
 * Promise: as etcd_codec.h.
 * Pure:    yes.
 * Not here: what to do with them (io_etcd_watch.h).
 */
#ifndef BRAID_COORD_ETCD_WATCH_CODEC_H
#define BRAID_COORD_ETCD_WATCH_CODEC_H

#include "coord/etcd.h"
#include "coord/etcd_answer.h"

struct etcd_change {
    bool is_delete;
    struct etcd_kv kv; /* of a delete only key and mod_revision are set */
};

/* Changes of the keys that start with `prefix`, from `revision` on. */
int etcd_encode_watch(struct slice prefix, int64_t revision, int64_t watch_id, struct arena *a,
                      struct slice *out);

/* Asks for a message without changes: a sign of life. */
int etcd_encode_watch_progress(struct arena *a, struct slice *out);

struct etcd_watch_message {
    struct etcd_header header;
    int64_t watch_id; /* -1: of no watch */
    bool is_created;
    bool is_canceled; /* look at this first: an answer may say created and canceled */
    int64_t compact_revision;
    struct slice cancel_reason;
    bool is_fragment; /* more changes of the same revision follow */
    struct etcd_change *changes;
    size_t change_count;
};

int etcd_decode_watch(struct slice bytes, struct arena *a, struct etcd_watch_message *out);

#endif
