/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers.h - the Kafka headers that Braid writes and reads.
 *
 * Promise: one list of names, in the order in which global records carry them (the chain hash
 *          runs in that order); one parser that never trusts a byte.
 * Pure:    yes.
 * Not here: braid-origin's text (origin.h); the chain (global.h in node/).
 */
#ifndef BRAID_PROTO_HEADERS_H
#define BRAID_PROTO_HEADERS_H

#include "proto/origin.h"
#include "proto/slice.h"

/* X(NAME, "header") in the order of docs/formats.md. */
#define HEADER_MAP(X)                                                                              \
    X(ORIGIN, "braid-origin")                                                                      \
    X(TIME, "braid-time")                                                                          \
    X(ID, "braid-id")                                                                              \
    X(STATUS, "braid-status")                                                                      \
    X(COPY, "braid-copy")                                                                          \
    X(BY, "braid-by")                                                                              \
    X(FETCH, "braid-fetch")                                                                        \
    X(SPEC, "braid-spec")                                                                          \
    X(SEQ, "braid-seq")                                                                            \
    X(CUT, "braid-cut")                                                                            \
    X(CHAIN, "braid-chain")

enum header_name {
#define X(name, text) HEADER_##name,
    HEADER_MAP(X)
#undef X
    HEADER_COUNT
};

/* X(NAME, "text"): what braid-status says before a colon. */
#define STATUS_MAP(X)                                                                              \
    X(OK, "ok")                                                                                    \
    X(WITHHELD, "withheld")                                                                        \
    X(FAILED, "failed")                                                                            \
    X(GAP, "gap")                                                                                  \
    X(SKIPPED, "skipped")                                                                          \
    X(CANARY, "canary")                                                                            \
    X(FILTERED, "filtered")                                                                        \
    X(REDACTION, "redaction")

enum status {
    STATUS_NONE, /* no braid-status: a copy of a source record */
#define X(name, text) STATUS_##name,
    STATUS_MAP(X)
#undef X
    STATUS_COUNT
};

#define BRAID_ID_MAX 256 /* bytes of a meta.id that is taken as one, with its #retry */

struct header {
    struct slice name;  /* borrowed */
    struct slice value; /* borrowed; ptr NULL: a null value */
};

/* What the braid- headers of one record say. Absent ones are the absent slice. */
struct braid_headers {
    struct slice raw[HEADER_COUNT]; /* borrowed; the last of equal names wins */
    struct origin origin;           /* valid if has_origin */
    int64_t time_ms;                /* valid if has_origin: braid-time, of the source record */
    enum status status;
    struct slice reason; /* after the status's colon; absent if there is none */
    struct slice by_dc;  /* of braid-by */
    uint32_t by_incarnation;
    bool has_origin; /* origin and time are both there and sound */
    bool has_by;
};

const char *header_text(enum header_name name);
struct slice header_slice(enum header_name name);

/* HEADER_COUNT for a name that is not Braid's. */
enum header_name header_lookup(struct slice name);

/* What an operator's tool says of a record that it writes (coord/request.h). These are kept on copies,
 * and are not Braid's own: a global record has none of them. */
#define HEADER_REQUEST_RETRY    "braid-retry"
#define HEADER_REQUEST_SOURCE   "braid-source"
#define HEADER_REQUEST_BACKFILL "braid-backfill"

bool header_is_request(struct slice name);

/* True for any name that starts with "braid-": dropped from source records, but for those above. */
bool header_is_reserved(struct slice name);

const char *status_text(enum status s);

/* Splits "failed:sha1" into status and reason. 0 or ERR_MALFORMED. */
int status_parse(struct slice text, enum status *out, struct slice *out_reason);

/*
 * Reads the braid- headers among `headers`. Never fails: what is not sound counts as absent, so
 * that a record with a broken braid-origin is foreign (R3).
 */
void headers_parse(const struct header *headers, size_t count, struct braid_headers *out);

#endif
