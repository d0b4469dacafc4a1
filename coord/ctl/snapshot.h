/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.h - all that etcd says about a Braid cluster at one revision, decoded.
 *
 * Promise: keys and values that are not ours or do not decode are counted, never trusted; lists are
 *          sorted by name. Everything lies in the arena and borrows nothing.
 * Pure:    yes.
 * Not here: reading etcd (io_store.h); what it means (health.h).
 */
#ifndef BRAID_COORD_CTL_SNAPSHOT_H
#define BRAID_COORD_CTL_SNAPSHOT_H

#include "coord/etcd.h"
#include "coord/keyspace.h"
#include "coord/spec.h"
#include "proto/arena.h"
#include "proto/cut.h"

enum {
    SNAPSHOT_STREAMS_MAX = 64,
    SNAPSHOT_NODES_MAX = 512,
    SNAPSHOT_CLAIMS_MAX = 16384,
    SNAPSHOT_NOTES_MAX = 512
};

/* A task that stands still until an operator acts. */
struct snapshot_alarm {
    struct slice task;
    struct slice code; /* "ERR_DATA_LOSS" */
    struct slice why;
};

struct snapshot_node {
    struct slice dc;
    struct slice name;
    struct slice version;
    struct slice http;
    int64_t started_ms;
    struct slice source_kafka; /* as other DCs reach it, where the node says so */
    struct slice braid_kafka;
    struct slice api;
    uint32_t weight;
    uint32_t rules_version_max;
    bool is_draining; /* by itself, or told to */
    size_t tasks;
    struct snapshot_alarm *alarms;
    size_t alarm_count;
};

struct snapshot_claim {
    struct slice dc;
    struct slice task;
    struct slice node; /* "<dc>/<name>" */
    int64_t since_ms;
};

struct snapshot_dc {
    struct slice dc;
    int pool; /* as DcState.Pool: 0 pooled, 1 depooled, 2 lost */
    struct slice reason;
    struct slice by;
    int64_t since_ms;
    int64_t revision; /* mod_revision of its key; 0: none, pooled */
    size_t nodes;
};

/* A pause, or a drain of a node. */
struct snapshot_pause {
    bool is_drain;
    struct slice name;
    struct slice reason;
    struct slice by;
    int64_t since_ms;
    int64_t until_ms;
};

/* The incarnation that an operator gave a DC's strands, by etcd's key. */
struct snapshot_incarnation {
    struct slice dc;
    uint32_t number;
    uint32_t begins_era; /* the stream is to go on in from its copy; 0: none */
};

struct snapshot_stream {
    struct slice output;
    uint64_t spec_version; /* newest; 0: none: deleted */
    struct spec spec;      /* valid if has_spec */
    bool has_spec;
    uint32_t cut_era; /* newest */
    uint64_t cut_number;
    uint64_t cut_count; /* keys that etcd has */
    struct cut cut;     /* valid if has_cut, as its ... */
    uint64_t cut_hash;  /* ... bytes' hash */
    bool has_cut;
    size_t incarnation_count;
    struct snapshot_incarnation incarnations[DCS_MAX];
    size_t report_count;
    struct report reports[DCS_MAX]; /* by DC */
    int64_t report_revisions[DCS_MAX];
    struct slice dcs[DCS_MAX]; /* sorted; of a deleted stream none */
    size_t dc_count;
};

struct snapshot {
    int64_t revision;
    int64_t now_ms; /* of the clock of whoever reads */
    struct snapshot_node *nodes;
    size_t node_count;
    struct snapshot_claim *claims;
    size_t claim_count;
    struct snapshot_dc dcs[DCS_MAX]; /* all DCs that are mentioned anywhere */
    size_t dc_count;
    struct snapshot_pause *pauses;
    size_t pause_count;
    struct snapshot_stream *streams;
    size_t stream_count;
    size_t unreadable; /* keys or values that make no sense */
};

/* Prepares an empty one. ERR_NO_MEMORY. */
int snapshot_init(struct snapshot *s, struct arena *a);

/* Takes one key of any kind; of a key under streams/ the value may be absent: then only its name
 * counts. What is not of the newest version or cut so far is skipped. ERR_NO_MEMORY; anything else is counted. */
int snapshot_add(struct snapshot *s, const struct etcd_kv *kv, struct arena *a);

/* Sorts, counts, and finds all DCs. */
void snapshot_finish(struct snapshot *s);

struct snapshot_stream *snapshot_stream_find(const struct snapshot *s, struct slice output);
const struct snapshot_dc *snapshot_dc_find(const struct snapshot *s, struct slice dc);
const struct report *snapshot_report_find(const struct snapshot_stream *st, struct slice dc);

/* The furthest position of an origin partition in a cut. */
int64_t snapshot_furthest(const struct cut *c, const struct origin_partition *from);

#endif
