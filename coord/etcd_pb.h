/* SPDX-License-Identifier: Apache-2.0 */
/*
 * etcd_pb.h - parts that several of etcd's messages share, from protobuf-c's structs to ours.
 *
 * Promise: borrows from the message.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_ETCD_PB_H
#define BRAID_COORD_ETCD_PB_H

#include "coord/etcd.pb-c.h"
#include "coord/etcd_answer.h"
#include "coord/pb_arena.h"

/* NULL gives zeros. */
static inline struct etcd_header etcd_header_of(const Etcdpb__ResponseHeader *header)
{
    if (header == NULL)
        return (struct etcd_header){0};
    return (struct etcd_header){.cluster_id = header->cluster_id,
                                .member_id = header->member_id,
                                .revision = header->revision,
                                .raft_term = header->raft_term};
}

static inline struct etcd_kv etcd_kv_of(const Etcdpb__KeyValue *kv)
{
    return (struct etcd_kv){.key = pb_slice(kv->key),
                            .value = pb_slice(kv->value),
                            .create_revision = kv->create_revision,
                            .mod_revision = kv->mod_revision,
                            .version = kv->version,
                            .lease = kv->lease};
}

#endif
