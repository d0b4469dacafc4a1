/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/question.h"

#include <assert.h>
#include <stdio.h>

#include "proto/err.h"
#include "proto/mwapi.h"
#include "proto/question_part.h"

/* One query for all that the parser finds, whichever of it is wanted: it is the parsing that costs,
 * and so all enrichments and streams share the answer. */
#define PARSE_HEAD                                                                                 \
    ACTION_HEAD                                                                                    \
    "parse&disablelimitreport=1&prop=links%7Cexternallinks%7Cimages%7Ctemplates"                   \
    "%7Ccategories%7Csections%7Ciwlinks%7Clanglinks%7Cproperties%7Crevid&oldid="
#define IMAGES_HEAD                                                                                \
    ACTION_HEAD "query&prop=imageinfo&iiprop=url%7Csize%7Cmime%7Csha1%7Ctimestamp&titles="
/* flags and comment are asked for because only then the answer says that they are hidden */
#define USER_HEAD                                                                                  \
    ACTION_HEAD "query&list=users%7Cusercontribs&usprop=editcount%7Cregistration%7Cgroups"         \
                "&uclimit=50&ucprop=ids%7Ctitle%7Ctimestamp%7Csize%7Csizediff%7Cflags%7Ctags"      \
                "%7Ccomment"
#define DIFF_SLOTS_HEAD ACTION_HEAD "compare&prop=diff%7Cids&fromrev="

/* ---- the questions --------------------------------------------------------------------------- */

static struct slice put_revision(const struct question_in *in)
{
    (void)in;
    return SLICE_LIT("revision"); /* fetch_http.h puts it, for many at once */
}

static struct slice put_parse(const struct question_in *in)
{
    return question_numbered(in->keep,
                             &(struct question_numbered){PARSE_HEAD, in->event->rev_id, "", -1});
}

static struct slice put_parse_parent(const struct question_in *in)
{
    if (in->event->parent_id <= 0)
        return question_nothing();
    return question_numbered(in->keep,
                             &(struct question_numbered){PARSE_HEAD, in->event->parent_id, "", -1});
}

static struct slice put_diff(const struct question_in *in)
{
    if (in->event->parent_id <= 0)
        return question_nothing();
    return question_numbered(in->keep,
                             &(struct question_numbered){"revision/", in->event->parent_id,
                                                         "/compare/", in->event->rev_id});
}

static bool is_main(const struct event_slot *slot)
{
    return slice_equal(slot->role, SLICE_LIT("main"));
}

static struct slice put_diff_slots(const struct question_in *in)
{
    struct question_text t;
    size_t others = 0;
    size_t size = 512;

    for (size_t i = 0; i < in->event->slot_count; i++) {
        others += !is_main(&in->event->slots[i]);
        size += 3 * in->event->slots[i].role.len + 3;
    }
    if (in->event->parent_id <= 0 || others == 0)
        return question_nothing();
    const struct slice head = question_numbered(
        in->keep, &(struct question_numbered){DIFF_SLOTS_HEAD, in->event->parent_id,
                                              "&torev=", in->event->rev_id});
    if (head.ptr == NULL || !question_text_open(&t, in->keep, size))
        return (struct slice){0};
    question_add(&t, head);
    question_add(&t, SLICE_LIT("&slots="));
    const size_t before = t.len;
    for (size_t i = 0; i < in->event->slot_count; i++) {
        if (is_main(&in->event->slots[i]))
            continue;
        if (t.len > before)
            question_add(&t, SLICE_LIT("%7C"));
        question_add_escaped(&t, in->event->slots[i].role);
    }
    return slice_of(t.bytes, t.len);
}

static struct slice put_html(const struct question_in *in)
{
    return question_numbered(
        in->keep, &(struct question_numbered){"revision/", in->event->rev_id, "/html", -1});
}

static struct slice put_html_parent(const struct question_in *in)
{
    if (in->event->parent_id <= 0)
        return question_nothing();
    return question_numbered(
        in->keep, &(struct question_numbered){"revision/", in->event->parent_id, "/html", -1});
}

static struct slice put_user(const struct question_in *in)
{
    struct question_text t;

    if (in->event->performer_name.len == 0)
        return question_nothing();
    if (!question_text_open(&t, in->keep,
                            sizeof USER_HEAD + 64 + 6 * in->event->performer_name.len))
        return (struct slice){0};
    question_add(&t, SLICE_LIT(USER_HEAD "&ususers="));
    /* U+001F instead of the bar between values: a name may have a bar in it */
    question_add(&t, SLICE_LIT("%1F"));
    question_add_escaped(&t, in->event->performer_name);
    question_add(&t, SLICE_LIT("&ucuser=%1F"));
    question_add_escaped(&t, in->event->performer_name);
    return slice_of(t.bytes, t.len);
}

/* The files that the revision shows, as the parser names them. */
static struct slice put_images(const struct question_in *in)
{
    struct json json;
    struct question_text t;
    size_t size = sizeof IMAGES_HEAD + 8;
    size_t i;
    size_t n;
    yyjson_val *name;

    if (question_read(in->scratch, in->answers[QUESTION_PARSE].body, &json) != 0)
        return question_nothing(); /* cannot be: it was read when it came */
    yyjson_val *images = json_value(
        json_key(json_value(json_key(json.root, SLICE_LIT("parse"))), SLICE_LIT("images")));
    if (yyjson_arr_size(images) == 0)
        return question_nothing();
    yyjson_arr_foreach(images, i, n, name)
    {
        if (i < QUESTION_TITLES_MAX)
            size += 3 * json_text(name).len + 16;
    }
    if (!question_text_open(&t, in->keep, size))
        return (struct slice){0};
    question_add(&t, SLICE_LIT(IMAGES_HEAD));
    yyjson_arr_foreach(images, i, n, name)
    {
        if (i == QUESTION_TITLES_MAX)
            break;
        question_add(&t, i == 0 ? SLICE_LIT("File%3A") : SLICE_LIT("%7CFile%3A"));
        question_add_escaped(&t, json_text(name));
    }
    return slice_of(t.bytes, t.len);
}

static const struct question_type TYPES[QUESTION_COUNT] = {
    [QUESTION_REVISION] = {"revision", QUESTION_ACTION, "query", 0, false, put_revision},
    [QUESTION_PARSE] = {"parse", QUESTION_ACTION, "parse", QUESTION_BIT(QUESTION_REVISION), false,
                        put_parse},
    [QUESTION_PARSE_PARENT] = {"parse_parent", QUESTION_ACTION, "parse",
                               QUESTION_BIT(QUESTION_REVISION), true, put_parse_parent},
    [QUESTION_IMAGES] = {"imageinfo", QUESTION_ACTION, "query", QUESTION_BIT(QUESTION_PARSE), false,
                         put_images},
    [QUESTION_DIFF] = {"compare", QUESTION_REST, "diff", QUESTION_BIT(QUESTION_REVISION), true,
                       put_diff},
    [QUESTION_DIFF_SLOTS] = {"compare_slots", QUESTION_ACTION, "compare",
                             QUESTION_BIT(QUESTION_REVISION), true, put_diff_slots},
    [QUESTION_HTML] = {"html", QUESTION_PAGE, NULL, QUESTION_BIT(QUESTION_REVISION), false,
                       put_html},
    [QUESTION_USER] = {"user", QUESTION_ACTION, "query", QUESTION_BIT(QUESTION_REVISION), false,
                       put_user},
    [QUESTION_HTML_PARENT] = {"html_parent", QUESTION_PAGE, NULL, QUESTION_BIT(QUESTION_REVISION),
                              true, put_html_parent},
    [QUESTION_TARGETS] = {"targets", QUESTION_ACTION, "query",
                          QUESTION_BIT(QUESTION_HTML) | QUESTION_BIT(QUESTION_HTML_PARENT), false,
                          put_targets},
    [QUESTION_REDIRECT] = {"redirect", QUESTION_ACTION, "query", QUESTION_BIT(QUESTION_TARGETS),
                           false, put_redirect},
    [QUESTION_REDIRECTS] = {"redirects", QUESTION_ACTION, "query", QUESTION_BIT(QUESTION_REDIRECT),
                            false, put_redirects},
    [QUESTION_ENTITY] = {"entity", QUESTION_INDEX, "entities", QUESTION_BIT(QUESTION_REVISION),
                         false, put_entity},
    [QUESTION_ENTITY_OF_PAGE] = {"entity_of_page", QUESTION_ACTION, "entities",
                                 QUESTION_BIT(QUESTION_REVISION), false, put_entity_of_page},
    [QUESTION_SCORE] = {"score", QUESTION_OTHER, NULL, QUESTION_BIT(QUESTION_REVISION), true,
                        put_score},
    [QUESTION_HTTP] = {"http", QUESTION_OTHER, NULL, QUESTION_BIT(QUESTION_REVISION), true,
                       put_http},
    [QUESTION_RDF] = {"rdf", QUESTION_RDF_PAGE, NULL, QUESTION_BIT(QUESTION_REVISION), false,
                      put_rdf},
    [QUESTION_RDF_BEFORE] = {"rdf_before", QUESTION_RDF_PAGE, NULL, QUESTION_BIT(QUESTION_REVISION),
                             true, put_rdf_before},
};

const struct question_type *question_type(enum question_kind kind)
{
    assert(kind < QUESTION_COUNT);
    return &TYPES[kind];
}

/* Whom to ask: the event's wiki, another that the spec names, or another server. */
static struct slice domain_of(enum question_kind kind, const struct question_in *in,
                              struct slice text)
{
    struct slice other = {0};

    if (kind == QUESTION_USER)
        other = in->asks->user_domain;
    else if (kind == QUESTION_IMAGES)
        other = in->asks->images_domain;
    else if (kind == QUESTION_ENTITY_OF_PAGE)
        other = in->asks->entity_domain;
    if (question_type(kind)->api == QUESTION_OTHER) {
        struct question_http http;
        if (question_http_read(text, &http))
            other = asks_origin(http.url);
    }
    return other.len > 0 ? other : in->event->domain;
}

int question_put(enum question_kind kind, const struct question_in *in, struct question *out)
{
    const struct question_type *type = question_type(kind);
    struct slice expect = {0};

    arena_reset(in->scratch);
    const struct slice text = type->put(in);
    arena_reset(in->scratch);
    if ((kind == QUESTION_REDIRECT || kind == QUESTION_REDIRECTS) && text.len > 0)
        expect = question_expected(in);
    arena_reset(in->scratch);
    if (text.ptr == NULL)
        return ERR_NO_MEMORY;
    if (text.len == 0)
        return ERR_NOT_FOUND;
    *out = (struct question){.kind = kind,
                             .api = type->api,
                             .domain = domain_of(kind, in, text),
                             .page_id = in->event->page_id,
                             .rev_id = in->event->rev_id,
                             .text = text,
                             .expect = expect};
    return 0;
}

int question_read(struct arena *scratch, struct slice body, struct json *out)
{
    static const struct json_limits LIMITS = {.bytes_max = MWAPI_BYTES_MAX,
                                              .depth_max = MWAPI_DEPTH_MAX};
    struct json_flaw flaw;

    return json_parse(scratch, body, &LIMITS, out, &flaw);
}
