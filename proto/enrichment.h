/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrichment.h - what a stream can have added to its events, each as one row of a table: its name in
 *                a spec, the questions whose answers it needs, and how it is written.
 *
 * Promise: an enrichment is a row and a function; adding one touches nothing else but question.h, if
 *          it asks something new. All but `content` stand under their names in the event's member
 *          `enrichments`, each with `as_of`, when MediaWiki said so. Nothing that an answer says is
 *          hidden is written, whatever the account may see.
 * Pure:    yes.
 * Not here: asking (question.h, node/fetch.h); content, which is spliced into the event's own slots
 *           (enrich_page.h).
 */
#ifndef BRAID_PROTO_ENRICHMENT_H
#define BRAID_PROTO_ENRICHMENT_H

#include "proto/json_out.h"
#include "proto/question.h"
#include "proto/tags.h"

enum enrichment_kind {
    ENRICHMENT_CONTENT,
    ENRICHMENT_LINKS,
    ENRICHMENT_TEMPLATES,
    ENRICHMENT_CATEGORIES,
    ENRICHMENT_IMAGES,
    ENRICHMENT_SECTIONS,
    ENRICHMENT_DIFF,
    ENRICHMENT_HTML,
    ENRICHMENT_USER,
    ENRICHMENT_REDIRECT,
    ENRICHMENT_CITATIONS,
    ENRICHMENT_ENTITY,
    ENRICHMENT_SCORE,
    ENRICHMENT_HTTP,
    ENRICHMENT_RDF_DIFF,
    ENRICHMENT_TAGS, /* last: it looks at the others */
    ENRICHMENT_COUNT,
};

#define ENRICHMENT_BIT(kind) (1U << (kind))

/* What writing has to work with. */
struct enrichment_in {
    const struct event *event;
    const struct answer *answers; /* QUESTION_COUNT */
    const struct asks *asks;
    struct json trees[QUESTION_COUNT];
    struct tag_rules tags;
    bool is_user_hidden; /* by now; these two are for the tags */
    bool is_comment_hidden;
    struct slice
        made; /* what is written so far: the value of `enrichments` without its last brace */
    struct arena *scratch;
};

struct enrichment {
    const char *name;     /* in specs, and of the member */
    const char *sentence; /* for people */
    uint32_t asks;        /* bits of questions; QUESTION_REVISION is asked for every event */
    void (*write)(const struct enrichment_in *in, struct json_out *out); /* NULL: content */
};

const struct enrichment *enrichment_of(enum enrichment_kind kind);

/* The bit of the enrichment of this name; 0 if there is none. */
uint32_t enrichment_find(struct slice name);

/* The schema of events with other enrichments than content (docs/schemas/braid). */
#define ENRICHMENT_SCHEMA "/braid/page/change_enriched/1.0.0"
/* The same of an event of an older stream, or any other JSON. */
#define ENRICHMENT_OTHER_SCHEMA "/braid/event/enriched/1.0.0"

/* The names, with '|' between them: choices of a spec's key. Equal to the table: a test sees to it. */
#define ENRICHMENT_NAMES                                                                           \
    "content|links|templates|categories|images|sections|diff|html|user|redirect|citations|entity"  \
    "|score|http|rdf_diff|tags"

/* Bits of all questions that these enrichments need, with those that they come after. */
uint32_t enrichment_questions(uint32_t enrichments);

/*
 * Writes the value of `enrichments` for this event into `keep`; scratch is reset before and after.
 * 0; ERR_TOO_LARGE (more than bytes_max); ERR_NO_MEMORY; ERR_MALFORMED: an answer is not what it
 * should be, *out_bad says which.
 */
int enrichments_write(uint32_t enrichments, struct enrichment_in *in, size_t bytes_max,
                      struct arena *keep, struct slice *out, enum question_kind *out_bad);

/* ---- for the files with the writers ---------------------------------------------------------- */

/* Member of a tree, and of its member; NULL if there is none. */
yyjson_val *enrichment_get(yyjson_val *obj, const char *name);

/* "as_of":"2026-01-02T03:04:05.678Z" */
void enrichment_as_of(const struct enrichment_in *in, enum question_kind kind,
                      struct json_out *out);

/* Why there is nothing to compare with: "parent":"missing" and the like; nothing if there is. */
bool enrichment_has_parent(const struct enrichment_in *in, enum question_kind kind,
                           struct json_out *out);

/* Verbatim copy of a member's value; null if it is not there. */
void enrichment_copy(const struct json *json, yyjson_val *obj, const char *name,
                     struct json_out *out);

void write_links(const struct enrichment_in *in, struct json_out *out);
void write_templates(const struct enrichment_in *in, struct json_out *out);
void write_categories(const struct enrichment_in *in, struct json_out *out);
void write_images(const struct enrichment_in *in, struct json_out *out);
void write_sections(const struct enrichment_in *in, struct json_out *out);
void write_diff(const struct enrichment_in *in, struct json_out *out);
void write_html(const struct enrichment_in *in, struct json_out *out);
void write_user(const struct enrichment_in *in, struct json_out *out);
void write_redirect(const struct enrichment_in *in, struct json_out *out);
void write_citations(const struct enrichment_in *in, struct json_out *out);
void write_entity(const struct enrichment_in *in, struct json_out *out);
void write_score(const struct enrichment_in *in, struct json_out *out);
void write_http(const struct enrichment_in *in, struct json_out *out);
void write_rdf_diff(const struct enrichment_in *in, struct json_out *out);
void write_tags(const struct enrichment_in *in, struct json_out *out);

#endif
