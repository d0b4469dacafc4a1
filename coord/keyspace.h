/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyspace.h - names of the keys in etcd: built and parsed in this one place.
 *
 * Promise: keyspace_parse accepts exactly what keyspace_build writes: numbers are decimal without
 *          leading zeros, names are 1..249 bytes of letters, digits, '.', '_', '-' and ':'. So one
 *          thing has one key, and a compare-and-swap on it is one.
 * Pure:    yes.
 * Not here: the values (proto/braid.proto, proto/cut.h), tasks' names (tasks.h).
 */
#ifndef BRAID_COORD_KEYSPACE_H
#define BRAID_COORD_KEYSPACE_H

#include "proto/arena.h"
#include "proto/slice.h"

enum {
    KEYSPACE_KEY_MAX = 1200
};

/* All under /braid/<cluster>/. */
enum keyspace_kind {
    KEYSPACE_NODE,        /* nodes/<dc>/<name>                 NodeInfo, on the node's lease */
    KEYSPACE_CLAIM,       /* claims/<dc>/<name: a task>        Claim, on the owner's lease */
    KEYSPACE_SPEC,        /* streams/<output>/spec/<number>    Spec */
    KEYSPACE_CUT,         /* streams/<output>/cuts/<era>/<number> Cut */
    KEYSPACE_HELD,        /* streams/<output>/held/<dc>        Report */
    KEYSPACE_EPOCH,       /* streams/<output>/epochs/<dc>      Epoch */
    KEYSPACE_INCARNATION, /* streams/<output>/incarnations/<dc> Incarnation */
    KEYSPACE_DC,          /* dcs/<dc>                          DcState */
    KEYSPACE_PAUSE,       /* pauses/<name, may have '/'>       Pause */
    KEYSPACE_DRAIN,       /* drains/<name: "<dc>/<node>">      Pause */
    KEYSPACE_LOCK,        /* ops/lock                          on the operator's lease */
    KEYSPACE_OP,          /* ops/<number>                      Op */
    KEYSPACE_CHANGED, /* changed: put by whoever changes a spec; nodes look at once, not later */
};

struct keyspace_key {
    enum keyspace_kind kind;
    struct slice cluster;
    struct slice dc;
    struct slice output;
    struct slice name; /* of a node, a task or a pause */
    uint32_t era;
    uint64_t number; /* of a cut or an operation, version of a spec */
};

/* The key, in the arena. ERR_MALFORMED (a part that no key may hold), ERR_NO_MEMORY. */
int keyspace_build(const struct keyspace_key *key, struct arena *a, struct slice *out);

/* Borrows from `text`. ERR_MALFORMED if it is no key of ours. */
int keyspace_parse(struct slice text, struct keyspace_key *out);

/* Prefix of all keys of a kind in a cluster, as far as it is the same for all. Of a claim or a node
 * with `dc` set: those of the DC. Of a kind under streams/ with `output` set: those of the stream
 * (a cut: of all its eras); without: "streams/". */
int keyspace_prefix(const struct keyspace_key *key, struct arena *a, struct slice *out);

/* May this be the name of a cluster, DC, node or stream? */
bool keyspace_name_is_valid(struct slice name);

#endif
