/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_etcd_watch.h - the keys under a prefix: a snapshot, then changes, for ever.
 *
 * Promise: the first callback is a snapshot, all keys of the prefix as they were at one revision
 *          (linearizable). Each later callback is the changes of one or more whole revisions, in
 *          order, none missed and none twice, or another snapshot, which replaces everything
 *          said before. A snapshot comes after each reconnection, after a compaction, and every
 *          `reread_ms` whether anything changed or not (a watch is only a hint, R12). Revisions
 *          never go back.
 * Pure:    no.
 * Thread:  the loop's.
 */
#ifndef BRAID_COORD_IO_ETCD_WATCH_H
#define BRAID_COORD_IO_ETCD_WATCH_H

#include "coord/etcd_watch_codec.h"
#include "coord/io_etcd.h"

enum {
    ETCD_WATCH_REREAD_MS = 30000,
    ETCD_WATCH_PROGRESS_MS = 3000, /* silent for so long: ask for a sign of life */
    ETCD_WATCH_SILENCE_MS = 6000,  /* silent for so long: throw the connection away */
    ETCD_WATCH_PAGE_KEYS = 512,    /* keys read at once */
};

/* One call of the handler. All is borrowed until the handler returns. */
struct etcd_watch_event {
    bool is_snapshot;
    int64_t revision;          /* the state after this event is that of this revision */
    const struct etcd_kv *kvs; /* of a snapshot: all keys, in order */
    size_t kv_count;
    const struct etcd_change *changes; /* otherwise */
    size_t change_count;
};
typedef void etcd_watch_fn(void *arg, const struct etcd_watch_event *event);

struct etcd_watch_config {
    struct slice prefix;  /* copied */
    int64_t created_from; /* leaves keys with a lower create_revision out of snapshots; 0: all */
    uint32_t reread_ms;   /* 0: ETCD_WATCH_REREAD_MS */
    uint32_t page_keys;   /* 0: ETCD_WATCH_PAGE_KEYS */
    etcd_watch_fn *fn;
    void *arg;
};

struct etcd_watch;

/* ERR_NO_MEMORY, ERR_TOO_LARGE. Never calls fn before it has returned. */
int etcd_watch(struct etcd *e, const struct etcd_watch_config *config, struct etcd_watch **out);

/* Of keys that never change (cuts): later snapshots need not repeat those created before. */
void etcd_watch_set_created_from(struct etcd_watch *w, int64_t revision);

/* fn is not called any more; w is gone. May be called from within fn. NULL is accepted. */
void etcd_watch_stop(struct etcd_watch *w);

/* Asks for a re-read now: a snapshot that includes whatever was written before this call. */
void etcd_watch_reread(struct etcd_watch *w);

/* Is the stream open, and heard of within ETCD_WATCH_SILENCE_MS? False: what we know may be old. */
bool etcd_watch_is_live(const struct etcd_watch *w);

#endif
