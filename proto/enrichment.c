/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/enrichment.h"

#include <assert.h>

#include "proto/err.h"
#include "proto/time_text.h"
#include "proto/utf8.h"

#define REVISION     QUESTION_BIT(QUESTION_REVISION)
#define PARSE        QUESTION_BIT(QUESTION_PARSE)
#define PARSE_PARENT QUESTION_BIT(QUESTION_PARSE_PARENT)

static const struct enrichment ENRICHMENTS[ENRICHMENT_COUNT] = {
    [ENRICHMENT_CONTENT] = {"content", "the content of all slots of the revision", REVISION, NULL},
    [ENRICHMENT_LINKS] = {"links",
                          "links to pages, other wikis and web addresses, with what changed",
                          PARSE | PARSE_PARENT, write_links},
    [ENRICHMENT_TEMPLATES] = {"templates", "templates that the revision uses, with what changed",
                              PARSE | PARSE_PARENT, write_templates},
    [ENRICHMENT_CATEGORIES] = {"categories", "categories of the revision, with what changed",
                               PARSE | PARSE_PARENT, write_categories},
    [ENRICHMENT_IMAGES] =
        {"images", "files that the revision shows, with what is known of each and what changed",
         PARSE | PARSE_PARENT | QUESTION_BIT(QUESTION_IMAGES), write_images},
    [ENRICHMENT_SECTIONS] = {"sections", "headings of the revision", PARSE, write_sections},
    [ENRICHMENT_DIFF] = {"diff", "what differs from the parent revision, slot by slot",
                         QUESTION_BIT(QUESTION_DIFF) | QUESTION_BIT(QUESTION_DIFF_SLOTS),
                         write_diff},
    [ENRICHMENT_HTML] = {"html", "Parsoid's HTML of the revision", QUESTION_BIT(QUESTION_HTML),
                         write_html},
    [ENRICHMENT_USER] = {"user", "who made the change: edit count, groups, latest contributions",
                         QUESTION_BIT(QUESTION_USER), write_user},
    [ENRICHMENT_REDIRECT] = {"redirect",
                             "where a redirect leads and led, with all that redirect there",
                             QUESTION_BIT(QUESTION_HTML) | QUESTION_BIT(QUESTION_HTML_PARENT) |
                                 QUESTION_BIT(QUESTION_TARGETS) | QUESTION_BIT(QUESTION_REDIRECT) |
                                 QUESTION_BIT(QUESTION_REDIRECTS),
                             write_redirect},
    [ENRICHMENT_CITATIONS] = {"citations", "references and their web addresses, with what changed",
                              QUESTION_BIT(QUESTION_HTML) | QUESTION_BIT(QUESTION_HTML_PARENT),
                              write_citations},
    [ENRICHMENT_ENTITY] = {"entity", "the JSON of a Wikibase entity",
                           QUESTION_BIT(QUESTION_ENTITY) | QUESTION_BIT(QUESTION_ENTITY_OF_PAGE),
                           write_entity},
    [ENRICHMENT_SCORE] = {"score", "what a model on LiftWing says of the revision",
                          QUESTION_BIT(QUESTION_SCORE), write_score},
    [ENRICHMENT_HTTP] = {"http", "the answer of any HTTP server, asked with the event's fields",
                         QUESTION_BIT(QUESTION_HTTP), write_http},
    [ENRICHMENT_RDF_DIFF] = {"rdf_diff",
                             "triples of a Wikibase entity that came and went since its last "
                             "revision in the stream",
                             QUESTION_BIT(QUESTION_RDF) | QUESTION_BIT(QUESTION_RDF_BEFORE),
                             write_rdf_diff},
    [ENRICHMENT_TAGS] = {"tags", "names of the spec's rules that hold of the event", REVISION,
                         write_tags},
};

const struct enrichment *enrichment_of(enum enrichment_kind kind)
{
    assert(kind < ENRICHMENT_COUNT);
    return &ENRICHMENTS[kind];
}

uint32_t enrichment_find(struct slice name)
{
    for (unsigned i = 0; i < ENRICHMENT_COUNT; i++) {
        if (slice_equal(slice_str(ENRICHMENTS[i].name), name))
            return ENRICHMENT_BIT(i);
    }
    return 0;
}

uint32_t enrichment_questions(uint32_t enrichments)
{
    uint32_t questions = enrichments == 0 ? 0 : REVISION;

    for (unsigned i = 0; i < ENRICHMENT_COUNT; i++) {
        if ((enrichments & ENRICHMENT_BIT(i)) != 0)
            questions |= ENRICHMENTS[i].asks;
    }
    /* a question comes only after ones with smaller numbers */
    for (unsigned k = QUESTION_COUNT; k-- > 0;) {
        if ((questions & QUESTION_BIT(k)) != 0)
            questions |= question_type((enum question_kind)k)->after;
    }
    return questions;
}

/* ---- reading the answers --------------------------------------------------------------------- */

/* Which answers are JSON and not the batched one, whose content is in the event already. */
static bool has_tree(const struct enrichment_in *in, unsigned kind)
{
    const struct answer *answer = &in->answers[kind];

    return kind != QUESTION_REVISION && answer->is_asked && answer->reason == REASON_NONE &&
           question_type((enum question_kind)kind)->api != QUESTION_PAGE &&
           question_type((enum question_kind)kind)->api != QUESTION_RDF_PAGE;
}

/* JSON is checked by its parser; of HTML only this matters, as it goes into a JSON string. */
static bool is_text(const struct answer *answer)
{
    return utf8_prefix(answer->body) == answer->body.len;
}

static int read_trees(struct enrichment_in *in, enum question_kind *out_bad)
{
    for (unsigned k = 0; k < QUESTION_COUNT; k++) {
        const enum question_kind kind = (enum question_kind)k;
        in->trees[k] = (struct json){0};
        *out_bad = kind;
        if (!is_text(&in->answers[k]))
            return ERR_MALFORMED;
        if (!has_tree(in, k))
            continue;
        const int rc = question_read(in->scratch, in->answers[k].body, &in->trees[k]);
        if (rc != 0)
            return rc == ERR_NO_MEMORY ? rc : ERR_MALFORMED;
        const char *root = question_type(kind)->root;
        if (root != NULL && enrichment_get(in->trees[k].root, root) == NULL)
            return ERR_MALFORMED;
    }
    return 0;
}

int enrichments_write(uint32_t enrichments, struct enrichment_in *in, size_t bytes_max,
                      struct arena *keep, struct slice *out, enum question_kind *out_bad)
{
    struct json_out json;

    arena_reset(in->scratch);
    int rc = read_trees(in, out_bad);
    json_out_init(&json, keep, bytes_max);
    json_out_open(&json, '{');
    for (unsigned i = 0; i < ENRICHMENT_COUNT && rc == 0; i++) {
        if ((enrichments & ENRICHMENT_BIT(i)) == 0 || ENRICHMENTS[i].write == NULL)
            continue;
        in->made = slice_of(json.bytes, json.len);
        json_out_key(&json, ENRICHMENTS[i].name);
        ENRICHMENTS[i].write(in, &json);
    }
    json_out_close(&json, '}');
    arena_reset(in->scratch);
    if (rc == 0)
        rc = json.rc;
    if (rc == 0)
        *out = json_out_bytes(&json);
    return rc;
}

/* ---- what writers share ---------------------------------------------------------------------- */

yyjson_val *enrichment_get(yyjson_val *obj, const char *name)
{
    return json_value(json_key(obj, slice_str(name)));
}

void enrichment_as_of(const struct enrichment_in *in, enum question_kind kind, struct json_out *out)
{
    char text[TIME_TEXT_LEN];

    time_text(in->answers[kind].at_ms, text);
    json_out_key(out, "as_of");
    json_out_text(out, slice_of(text, sizeof text));
}

bool enrichment_has_parent(const struct enrichment_in *in, enum question_kind kind,
                           struct json_out *out)
{
    const struct answer *answer = &in->answers[kind];

    if (in->event->parent_id >= 0) {
        json_out_key(out, "parent_rev_id");
        json_out_integer(out, in->event->parent_id);
    }
    if (in->event->parent_id < 0 || (answer->is_asked && answer->reason != REASON_NONE)) {
        json_out_key(out, "parent_unknown");
        json_out_text(out, in->event->parent_id < 0 ? SLICE_LIT("not_said")
                                                    : slice_str(reason_word(answer->reason)));
        return false;
    }
    return true;
}

void enrichment_copy(const struct json *json, yyjson_val *obj, const char *name,
                     struct json_out *out)
{
    yyjson_val *key = json_key(obj, slice_str(name));

    if (key == NULL) {
        json_out_token(out, SLICE_LIT("null"));
        return;
    }
    const struct span span = json_value_span(json, key);
    json_out_token(out, slice_sub(json->bytes, span.from, span.to));
}
