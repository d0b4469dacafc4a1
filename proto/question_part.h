/* SPDX-License-Identifier: Apache-2.0 */
/*
 * question_part.h - what the files that put questions share: the text of one, piece by piece.
 *
 * Pure:    yes.
 * Not here: what the rest of the world needs to know (question.h).
 */
#ifndef BRAID_PROTO_QUESTION_PART_H
#define BRAID_PROTO_QUESTION_PART_H

#include "proto/json_out.h"
#include "proto/mwapi.h"
#include "proto/question.h"

#define ACTION_HEAD "format=json&formatversion=2&action="

struct question_text {
    uint8_t *bytes;
    size_t len;
    size_t size;
};

/* False: too long, or no memory. */
bool question_text_open(struct question_text *t, struct arena *keep, size_t size);

/* There must be room. */
void question_add(struct question_text *t, struct slice bytes);

/* The same, percent-escaped; takes three times as much at most. */
void question_add_escaped(struct question_text *t, struct slice value);

/* Text with one number in it, or with two: b < 0 is none. */
struct question_numbered {
    const char *head;
    int64_t a;
    const char *middle;
    int64_t b;
};

struct slice question_numbered(struct arena *keep, const struct question_numbered *n);

/* "Nothing to ask": empty, but not for want of memory. */
struct slice question_nothing(void);

/* question_redirect.c */
struct slice put_targets(const struct question_in *in);
struct slice put_redirect(const struct question_in *in);
struct slice put_redirects(const struct question_in *in);

/* question_http.c */
struct slice put_http(const struct question_in *in);
struct slice put_score(const struct question_in *in);
struct slice put_entity(const struct question_in *in);
struct slice put_entity_of_page(const struct question_in *in);

/* Special:EntityData through index.php, which every wiki has beside its api.php: asks for the entity of
 * the page's content as it was at a revision. `form`: its ending, other parameters, and "&revision=". */
struct slice question_entity_data(const struct question_in *in, const char *form, int64_t rev_id);

/* enrichment_rdf.c */
struct slice put_rdf(const struct question_in *in);
struct slice put_rdf_before(const struct question_in *in);

/* The target that REDIRECT must show, in keep. */
struct slice question_expected(const struct question_in *in);

#endif
