/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin.h - the name of a source record, and its text form in the header braid-origin.
 *
 *     <dc>/<topic without prefix>/<incarnation>/<partition>/<prev>/<offset>
 *     eqiad/mediawiki.page_change.v1/0/3/1041/1042
 *
 * `offset` is the record's offset in the partition where it was first written, `prev` that of the
 * visible record before it there, -1 if none. For the statuses gap and skipped the record stands
 * for all of prev+1..offset.
 *
 * Promise: origin_parse accepts exactly what origin_format writes.
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_ORIGIN_H
#define BRAID_PROTO_ORIGIN_H

#include "proto/slice.h"

#define DC_NAME_MAX     32  /* bytes; letters, digits and '-' */
#define TOPIC_NAME_MAX  249 /* Kafka's own limit */
#define ORIGIN_TEXT_MAX (DC_NAME_MAX + TOPIC_NAME_MAX + 10 + 10 + 20 + 20 + 5)
#define POSITION_NONE   (-1)

/* A partition of a source topic in the DC where its records were first written. */
struct origin_partition {
    struct slice dc;      /* borrowed */
    struct slice topic;   /* borrowed; without the DC prefix */
    uint32_t incarnation; /* of the topic */
    uint32_t partition;
};

struct origin {
    struct origin_partition from;
    int64_t prev;
    int64_t offset;
};

/* Reads a header's value. 0, or ERR_MALFORMED. `out` borrows from `text`. */
int origin_parse(struct slice text, struct origin *out);

/* Writes the header's value, no NUL; returns its length. `buf` holds ORIGIN_TEXT_MAX bytes. */
size_t origin_format(const struct origin *o, char *buf);

bool origin_partition_equal(const struct origin_partition *a, const struct origin_partition *b);

/* Order of R8: by DC, topic, incarnation, partition. <0, 0 or >0. */
int origin_partition_compare(const struct origin_partition *a, const struct origin_partition *b);

/* A decimal number without sign, spaces or leading zeros (but "0" and, if allowed, "-1").
 * 0 or ERR_MALFORMED. */
int number_parse(struct slice text, bool allow_minus_one, int64_t *out);

#define NUMBER_TEXT_MAX 20 /* "-9223372036854775808" */

/* Writes a decimal number, no NUL; returns its length. `buf` holds NUMBER_TEXT_MAX bytes. */
size_t number_format(int64_t value, char *buf);

#endif
