/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rdf.h - N-Triples as sets of lines, to tell what one revision of an entity has and another lacks.
 *
 * Wikibase writes one triple a line, each term always in the same form, so that two triples are the
 * same if their lines are: nothing need be parsed, and no library be kept for it. Its blank nodes
 * have names made from what they stand for, not numbers.
 *
 * Promise: the order of lines in an answer does not matter, nor does a line that comes twice.
 * Pure:    yes.
 */
#ifndef BRAID_PROTO_RDF_H
#define BRAID_PROTO_RDF_H

#include "proto/arena.h"
#include "proto/json_out.h"

#define RDF_LINES_MAX 2000000 /* of one entity; the largest have some 200,000 */

/* Triples without the end of their lines, sorted, each once. */
struct rdf {
    const struct slice *lines; /* in the arena; they borrow from the text */
    size_t count;
};

/* ERR_MALFORMED: a line that is no triple; ERR_TOO_LARGE; ERR_NO_MEMORY. */
int rdf_read(struct slice text, struct arena *a, struct rdf *out);

/* Writes an array: what `of` has and `without` lacks, in order. */
void rdf_put_difference(const struct rdf *of, const struct rdf *without, struct json_out *out);

#endif
