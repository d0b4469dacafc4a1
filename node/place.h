/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h - both places of a line as the text that is committed with its offset.
 *
 *     1 <strands> <in> <out> <last in>,<last out> <last in>,<last out> ...
 *
 * `strands` is a hash over the strands' names in hex, so that places are never taken for those of
 * other strands; `in` and `out` are log offsets, each with `@` and the leader epoch of the record
 * before it where that is known, "-" for a place that is not valid.
 *
 * Promise: place_parse takes any bytes; what place_format wrote comes back equal; the text of
 *          LINE_STRANDS_MAX strands has at most PLACE_TEXT_MAX bytes (Kafka takes 4,096).
 * Pure:    yes.
 * Not here: where it is kept (io_line.c).
 */
#ifndef BRAID_NODE_PLACE_H
#define BRAID_NODE_PLACE_H

#include "node/line.h"

#define PLACE_TEXT_MAX 4096

/* What the places are about. */
uint64_t place_strands_hash(const struct line_config *config);

/* Writes the text, no NUL; returns its length. `buf` holds PLACE_TEXT_MAX bytes. */
size_t place_format(uint64_t strands_hash, uint32_t strand_count, const struct line_place *in,
                    const struct line_place *out, char *buf);

/* ERR_MALFORMED; ERR_CONFLICT: sound, but of other strands. The places are untouched then. */
int place_parse(struct slice text, uint64_t strands_hash, uint32_t strand_count,
                struct line_place *out_in, struct line_place *out_out);

#endif
