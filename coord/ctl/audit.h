/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h - what `verify` concludes: all copies of a global stream against each other and against
 * the sources, from docs/formats.md alone.
 *
 * Happy path: add each origin partition with the range that the cuts say; feed every DC's records
 * as audit_may_feed allows; end each copy; then every source record; then, for what is left open,
 * enriched and error records (audit_explain) and one copy again (audit_duplicate); audit_finish.
 * Promise: shares nothing with the merge but names of headers and the hash. Memory is bounded:
 *          AUDIT_RING records a copy; a bit for each copy and one more for each offset of the
 *          range; AUDIT_OPEN_MAX records not accounted for at first; the window of ids. Beyond a
 *          limit the audit says that it is not complete; it never passes silently.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_CTL_AUDIT_H
#define BRAID_COORD_CTL_AUDIT_H

#include "coord/ctl/audit_part.h"
#include "coord/ctl/audit_record.h"
#include "coord/text.h"
#include "proto/arena.h"

enum {
    AUDIT_PARTS_MAX = 4096,
    AUDIT_RING = 8192,
    AUDIT_OPEN_MAX = 1 << 20,
    AUDIT_WINDOW_MAX = 1 << 20,
    AUDIT_SPECS_MAX = 64, /* versions, the newest ones, whose filters are looked at */
    AUDIT_SHOWN_MAX = 20  /* findings of a kind; all are counted */
};

/* X(KIND, "name", "sentence") */
#define AUDIT_MAP(X)                                                                               \
    X(NOT_DENSE, "not-dense", "a sequence number is left out or comes again")                      \
    X(CHAIN, "chain", "the hash of a record does not follow from the one before")                  \
    X(UNSOUND, "unsound", "a header of a record does not follow its format")                       \
    X(ORDER, "order", "an origin partition's records are not in its order")                        \
    X(CUT_BACK, "cut-back", "a cut number goes back")                                              \
    X(TWICE, "twice", "two records within the window have the same id")                            \
    X(UNEQUAL, "unequal", "two DCs' copies differ")                                                \
    X(MISSING, "missing", "a source record is not accounted for")                                  \
    X(LOST, "lost", "a copy lacks a record that another has")                                      \
    X(PHANTOM, "phantom", "a record's source does not exist")                                      \
    X(UNCOMMITTED, "uncommitted", "a reader that does not wait for commits sees another stream")   \
    X(CONTENT, "content", "a revision's content is not what MediaWiki has")                        \
    X(LIMIT, "limit", "a limit of the audit was reached: it is not complete")

enum audit_kind {
#define X(kind, name, sentence) AUDIT_##kind,
    AUDIT_MAP(X)
#undef X
    AUDIT_KIND_COUNT
};

struct audit_finding {
    enum audit_kind kind;
    struct slice dc;     /* absent: of all */
    int64_t seq;         /* -1: none */
    const char *message; /* owned by the arena */
};

struct audit_config {
    const struct slice *dcs; /* borrowed */
    size_t dc_count;
    int64_t first_seq; /* sequence number of the first record to be fed; its chain is taken */
                       /* as it is unless it is 0 */
    uint32_t end_era;  /* last cut to look at */
    uint64_t end_cut;
    uint64_t spec_version; /* the newest */
    uint64_t window;       /* of ids, N of R9 */
    uint64_t window_floor;
};

struct audit_result {
    uint64_t records[AUDIT_DCS_MAX];
    uint64_t foreign[AUDIT_DCS_MAX];
    int64_t next_seq[AUDIT_DCS_MAX];
    uint64_t lost[AUDIT_DCS_MAX]; /* records that this copy lacks and another has */
    int64_t shortest;      /* records compared between all copies: next_seq of the shortest */
    int64_t first_unequal; /* first number whose records differ; -1: none */
    uint64_t statuses[STATUS_COUNT];
    uint64_t sources; /* visible, in the range */
    uint64_t sources_expired;
    uint64_t accounted[AUDIT_WHY_COUNT];
    uint64_t findings[AUDIT_KIND_COUNT];
    uint64_t finding_count;
    uint64_t enrichable; /* ok and failed, emitted or omitted */
    double ok_percent;   /* of them; 100 if there are none */
};

struct audit;

/* NULL if the arena is too small (about 40 MB with the largest window). */
struct audit *audit_new(const struct audit_config *config, struct arena *a);

/* The index of the partition, added if new; -1 if there are too many. */
int audit_part_add(struct audit *au, const struct audit_part *part);
size_t audit_part_count(const struct audit *au);
const struct audit_part *audit_part_at(const struct audit *au, size_t index);

/* ---- the copies ---- */

/* False while the DC must wait for the others. */
bool audit_may_feed(const struct audit *au, size_t dc);
/* False once the record lies past the last cut to look at: it was not taken. */
bool audit_copy(struct audit *au, size_t dc, const struct audit_record *r);
/* One that is behind had not emitted all that is cut. */
void audit_copy_end(struct audit *au, size_t dc, bool is_behind);
/* The same copy read without waiting for commits: call for every record, in order. */
void audit_uncommitted(struct audit *au, size_t dc, const struct audit_record *r);

/* ---- the sources ---- */

void audit_source_start(struct audit *au, size_t part, int64_t log_start);
/* True if the record is not in the stream and audit_source_open must be called. */
bool audit_source(struct audit *au, size_t part, int64_t offset);
void audit_source_open(struct audit *au, size_t part, int64_t offset,
                       const struct audit_absent *what);
void audit_source_end(struct audit *au, size_t part);

/* ---- what is left open ---- */

size_t audit_open_count(const struct audit *au);
/* A record of an error topic, or of an enriched one, which has one for every source record. */
void audit_explain(struct audit *au, const struct audit_record *r, bool is_enriched);
/* One copy once more from its beginning: each record, in order, between begin and end. */
void audit_duplicate_begin(struct audit *au);
void audit_duplicate(struct audit *au, const struct audit_record *r);
void audit_duplicate_end(struct audit *au);

void audit_add(struct audit *au, enum audit_kind kind, struct slice dc, int64_t seq,
               const char *message);
/* As far as it is now; what is still open is no finding yet. */
void audit_peek(const struct audit *au, struct audit_result *out);
/* What is still open becomes a finding. */
void audit_finish(struct audit *au, struct audit_result *out);
const struct audit_finding *audit_findings(const struct audit *au, size_t *out_count);

const char *audit_kind_name(enum audit_kind kind);
const char *audit_kind_text(enum audit_kind kind);
#endif
