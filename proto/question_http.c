/* SPDX-License-Identifier: Apache-2.0 */
/* question_http.c - questions to other servers, from templates; and which entity a revision is. */
#include "proto/asks.h"
#include "proto/enrich_outcome.h"
#include "proto/question_part.h"
#include "proto/where.h"

#include <strings.h>

/* ---- URLs ------------------------------------------------------------------------------------ */

static size_t scheme_len(struct slice url)
{
    if (slice_starts_with(url, SLICE_LIT("https://")))
        return 8;
    return slice_starts_with(url, SLICE_LIT("http://")) ? 7 : 0;
}

struct slice asks_origin(struct slice url)
{
    size_t at = scheme_len(url);

    while (at > 0 && at < url.len && url.ptr[at] != '/' && url.ptr[at] != '?' && url.ptr[at] != '#')
        at++;
    return slice_sub(url, 0, at);
}

bool asks_url_is_valid(struct slice url)
{
    const struct slice origin = url.len == 0 ? url : asks_origin(url);

    for (size_t i = scheme_len(url); i < origin.len; i++) {
        const uint8_t c = origin.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '.' && c != '-' && c != ':' && c != '[' && c != ']')
            return false;
    }
    for (size_t i = origin.len; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f || url.ptr[i] == '#')
            return false;
    }
    return scheme_len(url) > 0 && origin.len > scheme_len(url) && url.len <= ASKS_URL_MAX;
}

/* ---- templates ------------------------------------------------------------------------------- */

enum place {
    IN_URL,
    IN_HEADER,
    IN_BODY
};

struct builder {
    const struct question_in *in;
    struct json event;
    struct question_text text; /* in scratch */
    bool is_no_question;       /* a field is not there, or does not fit */
};

static void add(struct builder *b, struct slice bytes)
{
    if (bytes.len > b->text.size - b->text.len)
        b->is_no_question = true;
    else
        question_add(&b->text, bytes);
}

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < ' ' || text.ptr[i] >= 0x7f)
            return false;
    }
    return true;
}

static void add_json_text(struct builder *b, struct slice text)
{
    struct json_out out;

    json_out_init(&out, b->in->scratch, QUESTION_TEXT_MAX);
    json_out_text(&out, text);
    add(b, json_out_bytes(&out));
    b->is_no_question |= out.rc != 0;
}

static void add_field(struct builder *b, enum place place, struct slice pointer)
{
    yyjson_val *val = where_find(b->event.root, pointer);
    struct slice text = yyjson_is_str(val) ? json_text(val) : (struct slice){0};

    if (yyjson_is_raw(val))
        text = slice_of(yyjson_get_raw(val), yyjson_get_len(val));
    else if (yyjson_is_bool(val))
        text = yyjson_is_true(val) ? SLICE_LIT("true") : SLICE_LIT("false");
    const bool has_room = place != IN_URL || 3 * text.len <= b->text.size - b->text.len;
    if (text.ptr == NULL || !has_room || (place == IN_HEADER && !is_printable(text))) {
        b->is_no_question = true;
    } else if (place == IN_BODY && yyjson_is_str(val)) {
        add_json_text(b, text);
    } else if (place != IN_URL) {
        add(b, text);
    } else {
        question_add_escaped(&b->text, text);
    }
}

static void expand(struct builder *b, enum place place, struct slice template)
{
    size_t from = 0;

    for (size_t i = 0; i + 1 < template.len; i++) {
        if (template.ptr[i] != '{' || template.ptr[i + 1] != '/')
            continue;
        const uint8_t *close = memchr(template.ptr + i, '}', template.len - i);
        if (close == NULL)
            break;
        const size_t end = (size_t)(close - template.ptr);
        add(b, slice_sub(template, from, i));
        add_field(b, place, slice_sub(template, i + 1, end));
        from = end + 1;
        i = end;
    }
    add(b, slice_sub(template, from, template.len));
}

static void add_token(struct builder *b, struct slice token)
{
    if (token.len == 0)
        return;
    add(b, SLICE_LIT("@"));
    add(b, token);
    add(b, SLICE_LIT("\n"));
}

/* False: the event cannot be read, or there is no memory. */
static bool open_builder(struct builder *b, const struct question_in *in)
{
    *b = (struct builder){.in = in};
    return question_read(in->scratch, in->event->bytes, &b->event) == 0 &&
           question_text_open(&b->text, in->scratch, QUESTION_TEXT_MAX);
}

static struct slice close_builder(const struct builder *b)
{
    if (b->is_no_question)
        return question_nothing();
    return arena_copy(b->in->keep, slice_of(b->text.bytes, b->text.len));
}

/* Method and URL, headers one a line ("@name": the token of this name), an empty line, the body. */
struct slice put_http(const struct question_in *in)
{
    struct builder b;
    bool has_type = false;

    if (in->asks->http.url.len == 0)
        return question_nothing();
    if (!open_builder(&b, in))
        return (struct slice){0};
    add(&b, in->asks->http.is_post ? SLICE_LIT("POST ") : SLICE_LIT("GET "));
    const size_t url_at = b.text.len;
    expand(&b, IN_URL, in->asks->http.url);
    b.is_no_question |= b.text.len - url_at > ASKS_URL_MAX;
    add(&b, SLICE_LIT("\n"));
    for (size_t i = 0; i < in->asks->http.header_count; i++) {
        const struct ask_pair *header = &in->asks->http.headers[i];
        const size_t line_at = b.text.len;
        has_type |= header->name.len == 12 &&
                    strncasecmp((const char *)header->name.ptr, "content-type", 12) == 0;
        add(&b, header->name);
        add(&b, SLICE_LIT(": "));
        expand(&b, IN_HEADER, header->value);
        b.is_no_question |= b.text.len - line_at > ASKS_HEADER_MAX;
        add(&b, SLICE_LIT("\n"));
    }
    if (in->asks->http.is_post && !has_type)
        add(&b, SLICE_LIT("Content-Type: application/json\n"));
    add_token(&b, in->asks->http.token);
    add(&b, SLICE_LIT("\n"));
    if (in->asks->http.is_post)
        expand(&b, IN_BODY, in->asks->http.body);
    return close_builder(&b);
}

static struct slice lang_of(const struct question_in *in)
{
    for (size_t i = 0; i < in->asks->score.lang_count; i++) {
        if (slice_equal(in->asks->score.langs[i].name, in->event->wiki_id))
            return in->asks->score.langs[i].value;
    }
    return (struct slice){0};
}

/* LiftWing: POST .../v1/models/<model>:predict, {"rev_id":1,"lang":"en"}. */
struct slice put_score(const struct question_in *in)
{
    const struct slice lang = lang_of(in);
    struct builder b;

    if (in->asks->score.url.len == 0)
        return question_nothing();
    if (!open_builder(&b, in))
        return (struct slice){0};
    add(&b, SLICE_LIT("POST "));
    add(&b, in->asks->score.url);
    add(&b, SLICE_LIT("/v1/models/"));
    add(&b, in->asks->score.model);
    add(&b, SLICE_LIT(":predict\nContent-Type: application/json\n"));
    add_token(&b, in->asks->score.token);
    const struct slice id = question_numbered(
        in->scratch, &(struct question_numbered){"\n{\"rev_id\":", in->event->rev_id, "", -1});
    add(&b, id);
    if (lang.len > 0) {
        add(&b, SLICE_LIT(",\"lang\":"));
        add_json_text(&b, lang);
    }
    add(&b, SLICE_LIT("}"));
    return close_builder(&b);
}

bool question_http_read(struct slice text, struct question_http *out)
{
    const uint8_t *line = text.len == 0 ? NULL : memchr(text.ptr, '\n', text.len);

    if (line == NULL)
        return false;
    const size_t first = (size_t)(line - text.ptr);
    const uint8_t *gap = memmem(line, text.len - first, "\n\n", 2);
    if (gap == NULL)
        return false;
    const size_t end = (size_t)(gap - text.ptr);
    const size_t method = slice_starts_with(text, SLICE_LIT("POST ")) ? 5 : 4;
    *out = (struct question_http){.is_post = method == 5,
                                  .url = slice_sub(text, method, first),
                                  .headers = slice_sub(text, end > first ? first + 1 : first, end),
                                  .body = slice_sub(text, end + 2, text.len)};
    return out->url.len > 0;
}

/* ---- entities -------------------------------------------------------------------------------- */

static struct slice entity_id_of(const struct question_in *in)
{
    const struct mwapi_revision *revision = in->answers[QUESTION_REVISION].revision;
    const struct mwapi_slot *slot =
        revision == NULL ? NULL : mwapi_slot_of(revision, SLICE_LIT("main"));
    struct json_out out;
    struct json wrapped;
    struct json entity;

    if (slot == NULL || slot->content.len == 0)
        return (struct slice){0};
    json_out_init(&out, in->scratch, MWAPI_BYTES_MAX);
    json_out_open(&out, '{');
    json_out_key(&out, "c");
    json_out_token(&out, slot->content);
    json_out_close(&out, '}');
    if (out.rc != 0 || question_read(in->scratch, json_out_bytes(&out), &wrapped) != 0)
        return (struct slice){0};
    const struct slice text = json_text(json_value(json_key(wrapped.root, SLICE_LIT("c"))));
    if (text.len == 0 || text.ptr[0] != '{' || question_read(in->scratch, text, &entity) != 0)
        return (struct slice){0};
    return json_text(json_value(json_key(entity.root, SLICE_LIT("id"))));
}

struct slice question_entity_data(const struct question_in *in, const char *form, int64_t rev_id)
{
    struct question_text t;
    const struct slice id = entity_id_of(in);

    if (id.len == 0 || id.len > 64)
        return question_nothing();
    const struct slice end =
        question_numbered(in->keep, &(struct question_numbered){form, rev_id, "", -1});
    if (end.ptr == NULL || !question_text_open(&t, in->keep, 64 + 3 * id.len + end.len))
        return (struct slice){0};
    question_add(&t, SLICE_LIT("title=Special:EntityData/"));
    question_add_escaped(&t, id);
    question_add(&t, end);
    return slice_of(t.bytes, t.len);
}

struct slice put_entity(const struct question_in *in)
{
    if (in->asks->entity_domain.len > 0)
        return question_nothing();
    return question_entity_data(in, ".json&revision=", in->event->rev_id);
}

/* Of a page of another wiki: the entity that is linked with it. */
struct slice put_entity_of_page(const struct question_in *in)
{
    struct json event;
    struct question_text t;

    if (in->asks->entity_domain.len == 0 ||
        question_read(in->scratch, in->event->bytes, &event) != 0)
        return question_nothing();
    const struct slice title = json_text(where_find(event.root, SLICE_LIT("/page/page_title")));
    if (title.len == 0 || in->event->wiki_id.len == 0)
        return question_nothing();
    if (!question_text_open(&t, in->keep, 256 + 3 * (title.len + in->event->wiki_id.len)))
        return (struct slice){0};
    question_add(&t, SLICE_LIT(ACTION_HEAD "wbgetentities&redirects=yes&sites="));
    question_add_escaped(&t, in->event->wiki_id);
    question_add(&t, SLICE_LIT("&titles="));
    question_add_escaped(&t, title);
    return slice_of(t.bytes, t.len);
}
