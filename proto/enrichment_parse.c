/* SPDX-License-Identifier: Apache-2.0 */
/* enrichment_parse.c - what is made of action=parse: links, templates, categories, images, sections. */
#include <stdlib.h>

#include "proto/enrichment.h"
#include "proto/err.h"

/* One list of the parser's answer: its member there, its name with us, and the member that tells
 * its elements apart; NULL: they are strings. */
struct list {
    const char *from;
    const char *name;
    const char *identity;
};

/* An element, by what tells it apart. */
struct element {
    struct slice identity;
    yyjson_val *val;
};

struct elements {
    struct element *items; /* scratch; sorted */
    size_t count;
};

static yyjson_val *list_of(const struct enrichment_in *in, enum question_kind kind,
                           const struct list *list)
{
    return enrichment_get(enrichment_get(in->trees[kind].root, "parse"), list->from);
}

/* Elements are strings, or objects of strings, numbers and booleans. */
static void put_element(yyjson_val *val, struct json_out *out)
{
    size_t i;
    size_t n;
    yyjson_val *key;
    yyjson_val *member;

    if (!yyjson_is_obj(val)) {
        json_out_text(out, json_text(val));
        return;
    }
    json_out_open(out, '{');
    yyjson_obj_foreach(val, i, n, key, member)
    {
        json_out_key(out, yyjson_get_str(key)); /* MediaWiki's own names: letters */
        if (yyjson_is_bool(member))
            json_out_bool(out, yyjson_is_true(member));
        else if (yyjson_is_raw(member))
            json_out_token(out, slice_of(yyjson_get_raw(member), yyjson_get_len(member)));
        else
            json_out_text(out, json_text(member));
    }
    json_out_close(out, '}');
}

static void put_list(const struct enrichment_in *in, const struct list *list, struct json_out *out)
{
    yyjson_val *array = list_of(in, QUESTION_PARSE, list);
    size_t i;
    size_t n;
    yyjson_val *val;

    json_out_key(out, list->name);
    json_out_open(out, '[');
    yyjson_arr_foreach(array, i, n, val)
    {
        put_element(val, out);
    }
    json_out_close(out, ']');
}

/* ---- differences ----------------------------------------------------------------------------- */

static int by_identity(const void *a, const void *b)
{
    return slice_compare(((const struct element *)a)->identity,
                         ((const struct element *)b)->identity);
}

/* Sorted; empty if there is no such answer, which is what a page without a parent has. */
static bool read_elements(const struct enrichment_in *in, enum question_kind kind,
                          const struct list *list, struct elements *out)
{
    yyjson_val *array = list_of(in, kind, list);
    size_t i;
    size_t n;
    yyjson_val *val;

    *out = (struct elements){0};
    out->items = arena_calloc(in->scratch, yyjson_arr_size(array) + 1, sizeof *out->items);
    if (out->items == NULL)
        return false;
    yyjson_arr_foreach(array, i, n, val)
    {
        yyjson_val *identity = list->identity == NULL ? val : enrichment_get(val, list->identity);
        out->items[out->count++] = (struct element){json_text(identity), val};
    }
    qsort(out->items, out->count, sizeof *out->items, by_identity);
    return true;
}

/* Those of a that are not in b, each once. */
static void put_missing_from(const struct list *list, const struct elements *a,
                             const struct elements *b, struct json_out *out)
{
    size_t k = 0;

    json_out_key(out, list->name);
    json_out_open(out, '[');
    for (size_t i = 0; i < a->count; i++) {
        if (i > 0 && slice_equal(a->items[i - 1].identity, a->items[i].identity))
            continue;
        while (k < b->count && by_identity(&b->items[k], &a->items[i]) < 0)
            k++;
        if (k == b->count || by_identity(&b->items[k], &a->items[i]) != 0)
            put_element(a->items[i].val, out);
    }
    json_out_close(out, ']');
}

static void put_difference(const struct enrichment_in *in, const struct list *lists, size_t count,
                           enum question_kind kind, struct json_out *out)
{
    const enum question_kind other =
        kind == QUESTION_PARSE ? QUESTION_PARSE_PARENT : QUESTION_PARSE;
    struct elements a;
    struct elements b;

    json_out_open(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (read_elements(in, kind, &lists[i], &a) && read_elements(in, other, &lists[i], &b))
            put_missing_from(&lists[i], &a, &b, out);
        else
            out->rc = out->rc != 0 ? out->rc : ERR_NO_MEMORY;
    }
    json_out_close(out, '}');
}

/* {"as_of":..,<lists>,"parent_rev_id":..,"added":{<lists>},"removed":{<lists>}}; without the last two
 * where nothing is known of the parent. */
static void put_lists(const struct enrichment_in *in, const struct list *lists, size_t count,
                      struct json_out *out)
{
    json_out_open(out, '{');
    enrichment_as_of(in, QUESTION_PARSE, out);
    for (size_t i = 0; i < count; i++)
        put_list(in, &lists[i], out);
    if (enrichment_has_parent(in, QUESTION_PARSE_PARENT, out)) {
        json_out_key(out, "added");
        put_difference(in, lists, count, QUESTION_PARSE, out);
        json_out_key(out, "removed");
        put_difference(in, lists, count, QUESTION_PARSE_PARENT, out);
    }
    json_out_close(out, '}');
}

/* ---- the enrichments ------------------------------------------------------------------------- */

void write_links(const struct enrichment_in *in, struct json_out *out)
{
    static const struct list LISTS[] = {{"links", "pages", "title"},
                                        {"externallinks", "external", NULL},
                                        {"iwlinks", "interwiki", "title"},
                                        {"langlinks", "languages", "url"}};

    put_lists(in, LISTS, sizeof LISTS / sizeof LISTS[0], out);
}

void write_templates(const struct enrichment_in *in, struct json_out *out)
{
    static const struct list LISTS[] = {{"templates", "templates", "title"}};

    put_lists(in, LISTS, 1, out);
}

void write_categories(const struct enrichment_in *in, struct json_out *out)
{
    static const struct list LISTS[] = {{"categories", "categories", "category"}};

    put_lists(in, LISTS, 1, out);
}

void write_sections(const struct enrichment_in *in, struct json_out *out)
{
    yyjson_val *parse = enrichment_get(in->trees[QUESTION_PARSE].root, "parse");

    json_out_open(out, '{');
    enrichment_as_of(in, QUESTION_PARSE, out);
    json_out_key(out, "sections");
    enrichment_copy(&in->trees[QUESTION_PARSE], parse, "sections", out);
    json_out_close(out, '}');
}

/* What is known of each file, as the wiki answers, under the titles that the wiki gives them. */
static void put_files(const struct enrichment_in *in, struct json_out *out)
{
    const struct json *json = &in->trees[QUESTION_IMAGES];
    yyjson_val *pages = enrichment_get(enrichment_get(json->root, "query"), "pages");
    size_t i;
    size_t n;
    yyjson_val *page;

    json_out_open(out, '[');
    yyjson_arr_foreach(pages, i, n, page)
    {
        yyjson_val *info = yyjson_arr_get_first(enrichment_get(page, "imageinfo"));
        json_out_open(out, '{');
        json_out_key(out, "title");
        json_out_text(out, json_text(enrichment_get(page, "title")));
        json_out_key(out, "repository");
        json_out_text(out, json_text(enrichment_get(page, "imagerepository")));
        json_out_key(out, "info");
        if (info != NULL)
            put_element(info, out);
        else
            json_out_token(out, SLICE_LIT("null"));
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

void write_images(const struct enrichment_in *in, struct json_out *out)
{
    static const struct list LIST = {"images", "names", NULL};
    const size_t count = yyjson_arr_size(list_of(in, QUESTION_PARSE, &LIST));

    json_out_open(out, '{');
    enrichment_as_of(in, QUESTION_PARSE, out);
    put_list(in, &LIST, out);
    json_out_key(out, "files");
    put_files(in, out);
    json_out_key(out, "files_truncated");
    json_out_bool(out, count > QUESTION_TITLES_MAX);
    if (enrichment_has_parent(in, QUESTION_PARSE_PARENT, out)) {
        json_out_key(out, "added");
        put_difference(in, &LIST, 1, QUESTION_PARSE, out);
        json_out_key(out, "removed");
        put_difference(in, &LIST, 1, QUESTION_PARSE_PARENT, out);
    }
    json_out_close(out, '}');
}
