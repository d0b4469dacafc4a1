/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_record.h - a record of the global stream as an outsider reads it.
 *
 * Promise: written from docs/formats.md, not from the code that writes the records: only the
 *          names of headers and XXH3 are shared. Nothing in a record is trusted.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_CTL_AUDIT_RECORD_H
#define BRAID_COORD_CTL_AUDIT_RECORD_H

#include "proto/headers.h"
#include "proto/slice.h"

enum {
    AUDIT_HEADERS_MAX = 128,
    AUDIT_CHAIN_LEN = 16
};

/* A record as Kafka has it; all borrowed. */
struct audit_raw {
    int64_t offset;
    int64_t time_ms;
    struct slice key;   /* ptr NULL: null */
    struct slice value; /* ptr NULL: null */
    struct header headers[AUDIT_HEADERS_MAX];
    size_t header_count;
};

/* What its headers say. */
struct audit_record {
    const struct audit_raw *raw; /* borrowed */
    bool has_origin;             /* a sound braid-origin: else the record is foreign */
    struct slice dc;             /* of the origin */
    struct slice topic;
    uint32_t incarnation;
    uint32_t partition;
    int64_t prev;
    int64_t offset;
    bool has_seq; /* sound braid-seq, braid-cut, braid-chain */
    int64_t seq;
    uint32_t era;
    uint64_t cut;
    struct slice chain; /* 16 hex digits */
    enum status status; /* STATUS_NONE: none, or not one of the list */
    struct slice reason;
    struct slice id; /* absent if there is none */
    struct slice by; /* braid-by as it is */
    int64_t spec;    /* version of the spec that was followed; 0: does not say */
};

/* Fails never: what is not sound counts as absent. */
void audit_record_parse(const struct audit_raw *raw, struct audit_record *out);

/* The chain hash of this record after one whose braid-chain is `previous`, as 16 hex digits. */
void audit_record_chain(const struct audit_raw *raw, struct slice previous,
                        char out[AUDIT_CHAIN_LEN + 1]);

/* A hash over everything that copies must have in common: all headers in order, timestamp, key
 * and value, but not the offset in the log. */
struct audit_digest {
    uint64_t low;
    uint64_t high;
};
struct audit_digest audit_record_digest(const struct audit_raw *raw);

/* Of an id, for tables. */
struct audit_digest audit_digest_of(struct slice bytes);

#endif
