/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - a Kafka record as the core sees it.
 *
 * Promise: no type of a Kafka library crosses into pure files; all slices are borrowed from the
 *          shell's message, which `handle` names.
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_RECORD_H
#define BRAID_PROTO_RECORD_H

#include "proto/headers.h"
#include "proto/slice.h"

struct record {
    int64_t log_offset;   /* in the log it was read from */
    int64_t log_time_ms;  /* the record's Kafka timestamp in that log; -1 if it has none */
    int32_t leader_epoch; /* of the record's batch (KIP-320); -1 if it is not known. With the offset
                             it names a record for ever, also after an unclean election */
    struct braid_headers braid;
    struct slice key;      /* ptr NULL: null */
    struct slice value;    /* ptr NULL: null */
    uint64_t content_hash; /* record_content_hash of it; only needed by merge_step */
    uint32_t bytes;        /* what it costs to keep in memory */
    void *handle;          /* the shell's, opaque here */
};

/*
 * XXH3-64 over all that a global record takes over from this one: braid- headers but braid-copy
 * (each name's index, length and bytes), the other headers, key and value. Equal in every copy.
 */
uint64_t record_content_hash(const struct record *r, const struct header *headers, size_t count);

#endif
