/* SPDX-License-Identifier: Apache-2.0 */
/* enrichment_asked.c - what is made of the answers of others than the event's wiki, and of Wikibase. */
#include "proto/asks.h"
#include "proto/enrichment.h"
#include "proto/where.h"

enum {
    PLACE_DEPTH_MAX = 8
};

static bool has_answer(const struct enrichment_in *in, enum question_kind kind)
{
    return in->answers[kind].is_asked && in->answers[kind].reason == REASON_NONE;
}

/* Verbatim copy of any value of a tree. */
static void put_value(const struct json *json, yyjson_val *key, struct json_out *out)
{
    const struct span span = json_value_span(json, key);

    json_out_token(out, slice_sub(json->bytes, span.from, span.to));
}

/* ---- entity ---------------------------------------------------------------------------------- */

void write_entity(const struct enrichment_in *in, struct json_out *out)
{
    const enum question_kind kind =
        has_answer(in, QUESTION_ENTITY) ? QUESTION_ENTITY : QUESTION_ENTITY_OF_PAGE;
    const struct json *json = &in->trees[kind];
    yyjson_val *entities = has_answer(in, kind) ? enrichment_get(json->root, "entities") : NULL;
    yyjson_obj_iter iter;
    yyjson_val *key = NULL;

    if (yyjson_is_obj(entities) && yyjson_obj_iter_init(entities, &iter))
        key = yyjson_obj_iter_next(&iter);
    if (key == NULL || enrichment_get(json_value(key), "missing") != NULL) {
        json_out_token(out, SLICE_LIT("null"));
        return;
    }
    json_out_open(out, '{');
    enrichment_as_of(in, kind, out);
    json_out_key(out, "entity");
    put_value(json, key, out);
    json_out_close(out, '}');
}

/* ---- score ----------------------------------------------------------------------------------- */

void write_score(const struct enrichment_in *in, struct json_out *out)
{
    if (!has_answer(in, QUESTION_SCORE)) {
        json_out_token(out, SLICE_LIT("null"));
        return;
    }
    json_out_open(out, '{');
    enrichment_as_of(in, QUESTION_SCORE, out);
    json_out_key(out, "model");
    json_out_text(out, in->asks->score.model);
    json_out_key(out, "answer");
    json_out_token(out, in->answers[QUESTION_SCORE].body);
    json_out_close(out, '}');
}

/* ---- http ------------------------------------------------------------------------------------ */

/* What the pointer picks; null if it is not there. */
static void put_result(const struct enrichment_in *in, struct json_out *out)
{
    const struct json *json = &in->trees[QUESTION_HTTP];
    const struct slice pointer = in->asks->http.result;
    size_t last = pointer.len;

    if (pointer.len == 0) {
        json_out_token(out, json->bytes);
        return;
    }
    yyjson_val *val = where_find(json->root, pointer);
    while (last > 0 && pointer.ptr[last - 1] != '/')
        last--;
    /* its text is found by its key; an element of an array has none */
    yyjson_val *parent = where_find(json->root, slice_sub(pointer, 0, last - 1));
    if (val != NULL && yyjson_is_obj(parent)) {
        size_t i;
        size_t n;
        yyjson_val *key;
        yyjson_val *member;
        yyjson_obj_foreach(parent, i, n, key, member)
        {
            if (member == val) {
                put_value(json, key, out);
                return;
            }
        }
    }
    if (yyjson_is_str(val))
        json_out_text(out, json_text(val));
    else if (yyjson_is_raw(val))
        json_out_token(out, slice_of(yyjson_get_raw(val), yyjson_get_len(val)));
    else if (yyjson_is_bool(val))
        json_out_bool(out, yyjson_is_true(val));
    else
        json_out_token(out, SLICE_LIT("null"));
}

/* Members inside each other, as the pointer says ("/a/b"); what it has of ~0 and ~1 stays so. */
void write_http(const struct enrichment_in *in, struct json_out *out)
{
    const struct slice place =
        in->asks->http.place.len == 0 ? SLICE_LIT("/value") : in->asks->http.place;
    unsigned depth = 0;
    size_t from = 1;

    if (!has_answer(in, QUESTION_HTTP)) {
        json_out_token(out, SLICE_LIT("null"));
        return;
    }
    json_out_open(out, '{');
    enrichment_as_of(in, QUESTION_HTTP, out);
    for (size_t i = 1; i <= place.len && depth < PLACE_DEPTH_MAX; i++) {
        char name[WHERE_POINTER_MAX + 1] = "";
        if (i < place.len && place.ptr[i] != '/')
            continue;
        if (i - from < sizeof name)
            memcpy(name, place.ptr + from, i - from);
        if (depth > 0)
            json_out_open(out, '{');
        json_out_key(out, name);
        depth++;
        from = i + 1;
    }
    put_result(in, out);
    for (; depth > 1; depth--)
        json_out_close(out, '}');
    json_out_close(out, '}');
}
