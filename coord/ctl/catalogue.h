/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue.h - a stream as others must know it: its entry in EventStreamConfig, and the pattern of
 * topics that mirrors must leave out.
 *
 * Promise: the entry has the global topic and no prefixes, so that nobody reads an inner topic by
 *          mistake. The pattern matches all topics that Braid writes for the stream, in any DC, and the
 *          source topics that Braid copies: a mirror of these would be a second, foreign copy.
 * Pure:    yes; texts lie in the arena.
 */
#ifndef BRAID_COORD_CTL_CATALOGUE_H
#define BRAID_COORD_CTL_CATALOGUE_H

#include "coord/spec.h"
#include "coord/text.h"

/* A regular expression (POSIX extended, also Java's) over whole topic names. */
const char *catalogue_mirror_pattern(const struct spec *s, struct arena *a);

/* The schema's title: "mediawiki/page/change" of "/mediawiki/page/change/1.2.0". */
struct slice catalogue_schema_title(struct slice schema);

/* The entry as one JSON object, indented by four: {"stream": ..., "topics": [...], ...}. */
void catalogue_print_json(const struct spec *s, struct text *out);

#endif
