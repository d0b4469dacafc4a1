/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inner.h - the headers of what replicate and enrich write.
 *
 * Promise: the source record's own headers in order, at most INNER_SOURCE_MAX of them, without any
 *          that starts with braid- (but for an operator's requests, header_is_request); then Braid's in header order. A copy of an enriched record
 *          keeps Braid's headers byte for byte, but for braid-copy.
 * Pure:    yes.
 * Not here: a global record's headers (global.h); values.
 */
#ifndef BRAID_NODE_INNER_H
#define BRAID_NODE_INNER_H

#include "proto/headers.h"

#define INNER_SOURCE_MAX  48 /* more are left out: GLOBAL_HEADERS_MAX must hold all */
#define INNER_HEADERS_MAX (INNER_SOURCE_MAX + HEADER_COUNT)

/* What Braid says of a record; an absent slice is no header. */
struct inner_fields {
    struct origin origin;
    int64_t time_ms;
    struct slice id;
    struct slice status; /* whole text: "failed:sha1" */
    struct slice copy_dc;
    struct slice by_dc;
    uint32_t by_incarnation;
    struct slice fetch;
    uint64_t spec_version; /* 0: no header */
};

/* Storage for the header values made here. */
struct inner_text {
    char origin[ORIGIN_TEXT_MAX];
    char time[24];
    char by[DC_NAME_MAX + 1 + NUMBER_TEXT_MAX];
    char spec[24];
};

/* Headers of a record made from one with the headers `source`. `text` and the fields must outlive
 * `out`. Returns how many. */
size_t inner_headers(const struct header *source, size_t source_count,
                     const struct inner_fields *fields, struct inner_text *text,
                     struct header out[INNER_HEADERS_MAX]);

/* Headers of a copy of an enriched record. */
size_t inner_copy_headers(const struct header *source, size_t source_count, struct slice copy_dc,
                          struct header out[INNER_HEADERS_MAX]);

#endif
