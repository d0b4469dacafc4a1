/* SPDX-License-Identifier: Apache-2.0 */
/*
 * global.h - what a record of the global stream looks like: its headers and its chain hash.
 *
 * Promise: global_seal is a pure function of the enriched record, its number, its cut and the
 *          record before it, so that every DC writes the same bytes.
 * Pure:    yes.
 * Not here: which records are emitted and in which order (plan.h).
 *
 * The chain: XXH3-64, seed 0, over the record before's braid-chain (16 zeros for the first), the
 * braid- headers of global records in header order but braid-copy and braid-chain, the Kafka
 * timestamp as decimal text, key and value; each preceded by its length as 32 bits little-endian,
 * ffffffff for an absent header or a null.
 */
#ifndef BRAID_NODE_GLOBAL_H
#define BRAID_NODE_GLOBAL_H

#include "proto/record.h"

#define GLOBAL_HEADERS_MAX 64 /* the source's own and Braid's */
#define CHAIN_TEXT_LEN     16

/* What a global record has beside the enriched one. */
struct global_place {
    uint64_t seq;
    uint32_t era;
    uint64_t cut;
    int64_t time_ms; /* the cut time: its Kafka timestamp */
    uint64_t chain;  /* of the record before it */
};

/* The headers of a global record. Values lie in `text`, in the enriched record or in its headers,
 * so it must not be copied, and lives no longer than they. */
struct global_headers {
    struct header list[GLOBAL_HEADERS_MAX];
    size_t count;
    uint64_t chain; /* of this record */
    char seq_text[24];
    char cut_text[36];
    char chain_text[CHAIN_TEXT_LEN + 1];
};

/*
 * The headers of the global record made from `r`, whose headers are `in`: the source's own in
 * order, then Braid's in header order; and the record's chain. 0, or ERR_TOO_LARGE if there are
 * more than GLOBAL_HEADERS_MAX.
 */
int global_seal(const struct record *r, const struct header *in, size_t in_count,
                const struct global_place *at, struct global_headers *out);

/* The same hash, from a global record as read back; `previous` is the chain before it. */
uint64_t global_chain(uint64_t previous, const struct braid_headers *braid, int64_t time_ms,
                      struct slice key, struct slice value);

/* braid-seq, braid-cut and braid-chain of a global record. 0 or ERR_MALFORMED. */
int global_parse(const struct braid_headers *braid, uint64_t *out_seq, uint32_t *out_era,
                 uint64_t *out_cut, uint64_t *out_chain);

#endif
