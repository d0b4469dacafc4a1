/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka.h - one Kafka per DC: logs, what is visible in them, transactions, saved places.
 *
 * Promise: behaves as Kafka does where Braid can tell: offsets are never used twice but after a
 *          truncation; markers take offsets; read_committed readers stop at the first open
 *          transaction; an older epoch of a transactional.id is refused.
 * Not here: who can reach whom (net.h); requests in flight (send.c).
 */
#ifndef BRAID_SIM_KAFKA_H
#define BRAID_SIM_KAFKA_H

#include "proto/cut.h"
#include "proto/record.h"
#include "tests/sim/params.h"

struct world;
struct facts;

/* A line of a log of cuts, decoded once: many merges read it again and again. */
struct logged {
    bool is_cut;
    uint64_t number;      /* of the cut */
    struct slice cut;     /* its bytes */
    const struct cut *as; /* it, decoded */
    struct emitted_line line;
};

/* What a record says, whoever copied it. Never changes once made. */
struct body {
    struct slice key;
    struct slice value;
    struct header *headers; /* without braid-copy */
    uint32_t header_count;
    uint32_t bytes;
    struct braid_headers braid;  /* as the core parses them */
    uint64_t content_hash;       /* 0: not computed yet */
    const struct facts *facts;   /* as the checker reads them; NULL: not yet */
    const struct logged *logged; /* log of cuts; NULL: not a line */
};

enum krec_state {
    KREC_VISIBLE,
    KREC_OPEN,    /* its transaction is under way */
    KREC_ABORTED, /* never visible to read_committed */
    KREC_MARKER,  /* a control record: takes an offset, nobody sees it */
};

struct krec {
    const struct body *body;
    int64_t offset;
    int64_t time_ms;
    int64_t appended_us;
    int32_t copy_dc; /* in braid-copy; -1: not a copy */
    enum krec_state state;
    uint32_t writer; /* serial of the producer */
    uint32_t epoch;  /* leader epoch: of the log when it was appended */
};

enum log_role {
    LOG_SOURCE,
    LOG_SOURCE_COPY,
    LOG_ENRICHED,
    LOG_ENRICHED_COPY,
    LOG_GLOBAL,
    LOG_CUTS,
};

struct open_txn {
    uint32_t writer;
    int64_t first;
};

#define OPEN_TXNS_MAX 8

/* A place in a log from which somebody reads on. */
struct reader {
    struct klog *log; /* borrowed; NULL: not reading */
    struct reader *next;
    int64_t at;
    uint32_t log_epoch;
    uint32_t instance;
    uint32_t generation;
    uint32_t which;
    bool is_planned; /* a pump is under way */
    bool is_blocked; /* its instance has no room */
    bool end_told;   /* it knows that it has reached the end */
};

struct klog {
    enum log_role role;
    uint32_t dc;     /* in whose Kafka */
    uint32_t origin; /* sources: the DC that wrote it first; enriched: the enriching DC */
    uint32_t topic;
    uint32_t partition;
    struct krec **recs; /* by offset - base */
    size_t capacity;
    int64_t start; /* first offset kept */
    int64_t end;
    uint32_t epoch;      /* rises with each truncation */
    int64_t *cut_off_at; /* where each truncation cut, by the epoch before it */
    size_t cut_off_capacity;
    struct open_txn open[OPEN_TXNS_MAX];
    uint32_t open_count;
    struct reader *readers;
};

/* One saved place (offset commit with metadata): no fencing, the last one wins. */
struct saved_place {
    bool valid;
    uint32_t by_incarnation; /* of its strands: of no use to a line of another one */
    int64_t log_offset;
    int32_t epoch;
    uint32_t count;
    int64_t *last;
};

/* Appends one record; returns its offset. Tells readers and the checker what became visible. */
int64_t klog_append(struct world *w, struct klog *log, const struct body *body, struct krec like);

/* First offset that a read_committed reader does not see yet. */
int64_t klog_stable_end(const struct klog *log);

/* The record at `offset`; NULL if it is not kept. */
struct krec *klog_at(const struct klog *log, int64_t offset);

/* Opens a transaction of `writer` at the log's end, if it has none open there. */
void klog_open(struct klog *log, uint32_t writer);
bool klog_is_open(const struct klog *log, uint32_t writer);

/* Ends it: its records become visible or aborted, and a marker is appended. */
void klog_end_txn(struct world *w, struct klog *log, uint32_t writer, bool commit);

/* Below which all records are those of a reader that knew the log in this epoch. */
int64_t klog_cut_off_since(const struct klog *log, uint32_t epoch);

/* Up to `max` visible records from `*at`, which moves on. */
uint32_t klog_read(const struct klog *log, int64_t *at, struct krec **out, uint32_t max);

/* Old records go; those at the end go. */
void klog_retain(struct world *w, struct klog *log, int64_t start);
void klog_truncate(struct world *w, struct klog *log, int64_t end);

/* The record as the core sees it. */
void krec_view(struct world *w, const struct klog *log, const struct krec *k, struct record *out);

/* A body from what its headers say; copies the array of headers, not what they point at. */
const struct body *body_new(struct world *w, struct slice key, struct slice value,
                            const struct header *headers, uint32_t count);

void reader_start(struct world *w, struct reader *r, struct klog *log, int64_t at);
void reader_stop(struct reader *r);
/* The log was truncated below what it has read (KIP-320 tells a client so). */
bool reader_was_cut_off(const struct reader *r);
/* Plans to look for records after the time that a message takes. */
void reader_plan(struct world *w, struct reader *r);

#endif
