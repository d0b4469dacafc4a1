/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cut.h - cuts, reports and lines of the log of cuts: bytes <-> plain structs.
 *
 * The bytes are protobuf (proto/braid.proto). Here they become arrays that the core can index by
 * strand. A *layout* is the list of a stream's strands, in the order by enriching DC, its
 * incarnation, origin DC, topic, its incarnation, partition; all cuts with the same list share it.
 *
 * Promise: a decoded struct lies in the arena given and borrows nothing from the bytes; the
 *          decoder takes any bytes: ERR_MALFORMED, ERR_TOO_LARGE or ERR_NO_MEMORY.
 *          cut_encode(cut_decode(x)) has the same meaning, not always the same bytes: the hash
 *          of a cut is over the bytes as they were committed (cut_hash).
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_CUT_H
#define BRAID_PROTO_CUT_H

#include "proto/arena.h"
#include "proto/origin.h"
#include "proto/slice.h"

#define DCS_MAX     8
#define STRANDS_MAX 2048

#define PLACE_OF_CUT (-1) /* a place's `from` in a line of a peer (R11): where its cut stands */

struct strand_name {
    struct slice by; /* enriching DC */
    uint32_t by_incarnation;
    struct origin_partition from;
};

struct layout {
    uint32_t count;
    struct strand_name *names; /* sorted by strand_name_compare, no two equal */
    uint64_t hash;             /* over the names: what a report refers to */
};

/* Where a strand stands in one cut. */
struct strand_position {
    int64_t position; /* last origin offset included; POSITION_NONE */
    uint64_t digest;
    int64_t log_offset; /* in the enriching DC's E topic, -1 if not known */
    int64_t start;      /* of an incarnation above 0: the position that it began with */
};

struct member {
    struct slice dc;
    uint32_t incarnation;
};
/* How far a DC has emitted: all of cut `number`; `next_seq` is the next sequence number. */
struct emitted {
    uint32_t era;
    uint64_t number;
    uint64_t next_seq;
    uint64_t chain;
};

struct merge_params {
    uint64_t dedup_window;
    uint64_t dedup_floor;
    uint32_t cap_records;
    uint32_t cap_bytes;
    uint32_t rules_version;
    bool failed_emit;
    bool canaries_drop;
    bool enrich_at_origin;
};

struct cut {
    uint32_t era;
    uint64_t number;
    uint64_t previous_hash;
    uint64_t spec_version;
    int64_t time_ms;
    uint64_t token;
    uint32_t member_count;
    struct member members[DCS_MAX]; /* sorted by DC */
    struct layout layout;
    struct strand_position *strands; /* layout.count of them */
    struct emitted base;
    const int64_t *base_positions; /* layout.count of them, or NULL */
    struct merge_params params;
    struct slice proposer;
    struct slice reason;
    bool has_continues;
    struct emitted continues; /* of an era above 0: its first cut has the number after this one */
};

struct report {
    struct slice dc;
    uint32_t incarnation;
    uint64_t number;
    int64_t clock_ms;
    uint64_t layout_hash;
    uint32_t count;
    int64_t *read_back, *offer; /* count of each */
    uint32_t tail_count;
    struct log_tail *tails; /* of the own enriched topic, by partition */
    struct emitted emitted;
    uint64_t logged_number;
    uint32_t logged_era;
    int64_t claim_revision;
    struct slice node;
    uint32_t rules_version_max;
    struct slice alarm; /* the first; empty: none */
    bool caught_up;
};

/* The newest record read of a partition of the DC's own enriched topic. */
struct log_tail {
    uint32_t partition;
    int32_t epoch; /* its leader epoch; -1: not known */
    int64_t log_offset;
};
/* A strand's place in one log: of its records at log offsets >= from, accept by `last`. */
struct place {
    int64_t last;
    int64_t from;
    uint64_t digest;
    int32_t epoch; /* leader epoch of the record at from - 1; -1: not known */
};

/* Places of all strands, in the layout's order; NULL arrays where there is none. */
struct emitted_line {
    struct emitted emitted;
    uint64_t first_seq;
    uint32_t id_count;
    struct slice *ids; /* of first_seq, first_seq + 1, ...; empty where a record has none */
    int64_t window_offset;
    uint64_t layout_hash;
    uint32_t place_count;
    struct place *places;
};

int strand_name_compare(const struct strand_name *a, const struct strand_name *b);
void layout_hash(struct layout *l); /* fills in its hash */
int cut_decode(struct slice bytes, struct arena *a, struct cut *out);
int cut_encode(const struct cut *c, struct arena *a, struct slice *out);
uint64_t cut_hash(struct slice bytes);

int report_decode(struct slice bytes, struct arena *a, struct report *out);
int report_encode(const struct report *r, struct arena *a, struct slice *out);
/* A line of <dc>.braid.cuts: *out_cut_bytes is set if *out_is_cut, else *out_emitted. */
int line_decode(struct slice bytes, struct arena *a, bool *out_is_cut, struct slice *out_cut_bytes,
                struct emitted_line *out_emitted);
int line_encode_cut(struct slice cut_bytes, struct arena *a, struct slice *out);
int line_encode_emitted(const struct emitted_line *l, struct arena *a, struct slice *out);

#endif
