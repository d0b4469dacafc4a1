/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/intake.h"

#include <assert.h>
#include <stdio.h>

#include "proto/err.h"
#include "proto/json.h"
#include "proto/json_out.h"
#include "proto/splice.h"
#include "proto/time_text.h"

#define UUID_LEN       36
#define ANSWER_MAX     ((size_t)64 << 20)
#define REQUEST_ID_MAX 256

/* ---- the body -------------------------------------------------------------------------------- */

/* Behind the string that starts at `at`; at most b.len. */
static size_t skip_string(struct slice b, size_t at)
{
    for (at++; at < b.len && b.ptr[at] != '"'; at++)
        if (b.ptr[at] == '\\')
            at++;
    return at + 1 < b.len ? at + 1 : b.len;
}

/* Where the element of an array ends: at a comma or bracket that is not within it. b.len if nowhere. */
static size_t element_end(struct slice b, size_t at)
{
    size_t depth = 0;

    while (at < b.len) {
        const uint8_t c = b.ptr[at];
        if (depth == 0 && (c == ',' || c == ']'))
            return at;
        if (c == '"') {
            at = skip_string(b, at);
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
        at++;
    }
    return b.len;
}

static struct slice trim(struct slice b, size_t from, size_t to)
{
    while (to > from && json_is_space(b.ptr[to - 1]))
        to--;
    return slice_sub(b, from, to);
}

/* The elements of an array whose '[' is at `at`: into `list`, unless that is NULL. */
static int cut_array(struct slice b, size_t at, struct intake_event *list, size_t *out_count)
{
    size_t count = 0;
    size_t end = json_skip_space(b, at + 1);

    if (end < b.len && b.ptr[end] == ']') {
        *out_count = 0;
        return json_skip_space(b, end + 1) == b.len ? 0 : ERR_MALFORMED;
    }
    for (at = end;; at = json_skip_space(b, end + 1)) {
        end = element_end(b, at);
        if (end == b.len || end == at)
            return ERR_MALFORMED;
        if (count == INTAKE_EVENTS_MAX)
            return ERR_TOO_LARGE;
        if (list != NULL)
            list[count] = (struct intake_event){.bytes = trim(b, at, end)};
        count++;
        if (b.ptr[end] == ']')
            break;
    }
    *out_count = count;
    return json_skip_space(b, end + 1) == b.len ? 0 : ERR_MALFORMED;
}

int intake_split(struct slice body, struct arena *a, struct intake_event **out_list,
                 size_t *out_count)
{
    const size_t at = json_skip_space(body, 0);
    const bool is_array = at < body.len && body.ptr[at] == '[';
    size_t count = 1;

    *out_list = NULL;
    *out_count = 0;
    if (at == body.len)
        return 0;
    if (!is_array && body.ptr[at] != '{')
        return ERR_MALFORMED;
    int rc = is_array ? cut_array(body, at, NULL, &count) : 0;
    if (rc != 0)
        return rc;
    struct intake_event *list = arena_calloc(a, count + 1, sizeof(*list));
    if (list == NULL)
        return ERR_NO_MEMORY;
    list[0].bytes = trim(body, at, body.len);
    rc = is_array ? cut_array(body, at, list, &count) : 0;
    assert(rc == 0); /* it was well a moment ago */
    *out_list = list;
    *out_count = count;
    return 0;
}

/* ---- an event -------------------------------------------------------------------------------- */

void intake_refuse(struct intake_event *e, const char *field, const char *message)
{
    e->state = INTAKE_INVALID;
    e->field = field;
    e->message = message;
}

/* False: refused. */
static bool require(struct intake_event *e, bool is_well, const char *field, const char *message)
{
    if (!is_well)
        intake_refuse(e, field, message);
    return is_well;
}

static bool is_topic(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_' && c != '.')
            return false;
    }
    return name.len > 0 && name.len <= INTAKE_STREAM_MAX;
}

static yyjson_val *member(yyjson_val *obj, const char *name)
{
    return json_value(json_key(obj, slice_str(name)));
}

static bool is_text_if_there(yyjson_val *obj, const char *name)
{
    yyjson_val *val = member(obj, name);

    return val == NULL || json_text(val).len > 0;
}

static bool judge_meta(struct intake_event *e, yyjson_val *meta)
{
    const struct slice dt = json_text(member(meta, "dt"));
    int64_t ms;

    return require(e, json_check_keys(meta) == 0, ".meta", "should have each property once") &&
           require(e, is_topic(json_text(member(meta, "stream"))), ".meta.stream",
                   "should be the name of a stream") &&
           require(e, is_text_if_there(meta, "id"), ".meta.id", "should be a string") &&
           require(e, is_text_if_there(meta, "request_id"), ".meta.request_id",
                   "should be a string") &&
           require(e, member(meta, "dt") == NULL || time_parse(dt, &ms) == 0, ".meta.dt",
                   "should match format \"date-time\"");
}

static bool judge(struct intake_event *e, yyjson_val *root)
{
    yyjson_val *meta = member(root, "meta");

    return require(e, json_check_keys(root) == 0, "", "should have each property once") &&
           require(e, json_text(member(root, "$schema")).len > 0, ".$schema",
                   "should be a string") &&
           require(e, yyjson_is_obj(meta), ".meta", "should be object") && judge_meta(e, meta);
}

/* {"wiki_id":"testwiki","page_id":5}: of page changes and of the streams before them. */
static int make_key(struct intake_event *e, yyjson_val *root, struct arena *keep)
{
    yyjson_val *page = member(root, "page");
    struct slice wiki = json_text(member(root, "wiki_id"));
    struct json_out out;
    int64_t page_id;

    if (wiki.len == 0)
        wiki = json_text(member(root, "database"));
    if (wiki.len == 0 ||
        json_integer(page != NULL ? member(page, "page_id") : member(root, "page_id"), &page_id) !=
            0)
        return 0;
    json_out_init(&out, keep, 8 * wiki.len + 64);
    json_out_open(&out, '{');
    json_out_key(&out, "wiki_id");
    json_out_text(&out, wiki);
    json_out_key(&out, "page_id");
    json_out_integer(&out, page_id);
    json_out_close(&out, '}');
    e->key = json_out_bytes(&out);
    return out.rc;
}

/* A UUID of version 4. */
static struct slice make_id(const uint8_t chance[INTAKE_CHANCE], char out[UUID_LEN + 1])
{
    size_t at = 0;

    for (size_t i = 0; i < INTAKE_CHANCE; i++) {
        unsigned byte = chance[i];
        if (i == 6)
            byte = (byte & 0x0f) | 0x40;
        if (i == 8)
            byte = (byte & 0x3f) | 0x80;
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        (void)snprintf(out + at, 3, "%02x", byte);
        at += 2;
    }
    assert(at == UUID_LEN);
    return slice_of(out, at);
}

/* ,"id":"...","dt":"...": what the meta lacks. */
static struct slice make_missing(yyjson_val *meta, const struct intake_fill *fill,
                                 struct arena *scratch)
{
    struct json_out out;

    json_out_init(&out, scratch, 8 * REQUEST_ID_MAX + 256);
    json_out_open(&out, '{');
    if (member(meta, "id") == NULL) {
        char id[UUID_LEN + 1];
        json_out_key(&out, "id");
        json_out_text(&out, make_id(fill->chance, id));
    }
    if (member(meta, "dt") == NULL) {
        char dt[TIME_TEXT_LEN];
        time_text(fill->now_ms, dt);
        json_out_key(&out, "dt");
        json_out_text(&out, slice_of(dt, sizeof(dt)));
    }
    if (member(meta, "request_id") == NULL && fill->request_id.len > 0 &&
        fill->request_id.len <= REQUEST_ID_MAX) {
        json_out_key(&out, "request_id");
        json_out_text(&out, fill->request_id);
    }
    json_out_close(&out, '}');
    return json_out_bytes(&out);
}

static int make_value(struct intake_event *e, const struct json *j, const struct intake_fill *fill,
                      struct arena *scratch, struct arena *keep)
{
    yyjson_val *key = json_key(j->root, SLICE_LIT("meta"));
    const size_t end = json_value_span(j, key).to - 1; /* its closing brace */
    const struct slice missing = make_missing(json_value(key), fill, scratch);
    struct splice s;

    if (missing.ptr == NULL)
        return ERR_NO_MEMORY;
    assert(missing.len >= 2);
    splice_init(&s, e->bytes);
    const struct splice_edit edit = {
        .cut = {end, end},
        .parts = {SLICE_LIT(","), slice_sub(missing, 1, missing.len - 1)},
    };
    if (missing.len > 2 && splice_put(&s, &edit) != 0)
        return ERR_NO_MEMORY; /* cannot be: it is the only one */
    uint8_t *bytes = arena_alloc(keep, splice_size(&s));
    if (bytes == NULL)
        return ERR_NO_MEMORY;
    splice_write(&s, bytes);
    e->value = slice_of(bytes, splice_size(&s));
    return 0;
}

/* Not an object: whether it is JSON at all. */
static int read_other(struct intake_event *e, struct arena *scratch)
{
    const struct json_limits limits = {.bytes_max = e->bytes.len + 8,
                                       .depth_max = INTAKE_DEPTH_MAX + 1};
    uint8_t *copy = arena_alloc(scratch, e->bytes.len + 8);
    struct json_flaw flaw;
    struct json j;

    if (copy == NULL)
        return ERR_NO_MEMORY;
    memcpy(copy, "{\"\":", 4);
    memcpy(copy + 4, e->bytes.ptr, e->bytes.len);
    copy[4 + e->bytes.len] = '}';
    const int rc = json_parse(scratch, slice_of(copy, e->bytes.len + 5), &limits, &j, &flaw);
    if (rc == ERR_MALFORMED || rc == ERR_NO_MEMORY)
        return rc;
    e->is_json = rc == 0;
    intake_refuse(e, "", "should be object");
    return 0;
}

int intake_read(struct intake_event *e, const struct intake_fill *fill, size_t event_bytes_max,
                struct arena *scratch, struct arena *keep)
{
    const struct json_limits limits = {.bytes_max = event_bytes_max, .depth_max = INTAKE_DEPTH_MAX};
    struct json_flaw flaw;
    struct json j;

    arena_reset(scratch);
    if (e->bytes.len > event_bytes_max) {
        intake_refuse(e, "", "is larger than intake.event_bytes");
        return 0;
    }
    if (e->bytes.ptr[0] != '{')
        return read_other(e, scratch);
    int rc = json_parse(scratch, e->bytes, &limits, &j, &flaw);
    if (rc == ERR_UNSUPPORTED) {
        intake_refuse(e, "", "is nested too deeply");
        return 0;
    }
    if (rc != 0)
        return rc;
    e->is_json = true;
    if (!judge(e, j.root))
        return 0;
    e->stream = arena_copy(keep, json_text(member(member(j.root, "meta"), "stream")));
    rc = e->stream.ptr == NULL ? ERR_NO_MEMORY : make_key(e, j.root, keep);
    return rc != 0 ? rc : make_value(e, &j, fill, scratch, keep);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void put_event(struct json_out *out, const struct intake_event *e)
{
    const bool is_invalid = e->state == INTAKE_INVALID;

    json_out_open(out, '{');
    json_out_key(out, "status");
    json_out_text(out, is_invalid ? SLICE_LIT("invalid") : SLICE_LIT("error"));
    json_out_key(out, "event");
    json_out_token(out, !e->is_json            ? SLICE_LIT("null")
                        : e->value.ptr != NULL ? e->value
                                               : e->bytes);
    json_out_key(out, "context");
    json_out_open(out, '{');
    if (is_invalid) {
        json_out_key(out, "errors");
        json_out_open(out, '[');
        json_out_open(out, '{');
        json_out_key(out, "dataPath");
        json_out_text(out, slice_str(e->field));
    }
    json_out_key(out, "message");
    json_out_text(out, slice_str(e->message));
    if (is_invalid) {
        char text[160];
        json_out_close(out, '}');
        json_out_close(out, ']');
        json_out_key(out, "errorsText");
        (void)snprintf(text, sizeof(text), "'%s' %s", e->field, e->message);
        json_out_text(out, slice_str(text));
    }
    json_out_close(out, '}');
    json_out_close(out, '}');
}

static void put_list(struct json_out *out, const char *name, const struct intake_event *list,
                     size_t count, enum intake_state state)
{
    json_out_key(out, name);
    json_out_open(out, '[');
    for (size_t i = 0; i < count; i++)
        if (list[i].state == state)
            put_event(out, &list[i]);
    json_out_close(out, ']');
}

int intake_answer(const struct intake_event *list, size_t count, struct arena *a,
                  unsigned *out_status, struct slice *out_body)
{
    size_t states[INTAKE_ERROR + 1] = {0};
    struct json_out out;

    for (size_t i = 0; i < count; i++)
        states[list[i].state]++;
    assert(states[INTAKE_WAITING] == 0);
    const bool is_none = states[INTAKE_ACCEPTED] == 0;
    *out_status = states[INTAKE_ACCEPTED] == count && count > 0 ? 201
                  : states[INTAKE_INVALID] == count             ? 400
                  : is_none                                     ? 500
                                                                : 207;
    *out_body = (struct slice){0};
    if (*out_status == 201 || count == 0)
        return 0;
    json_out_init(&out, a, ANSWER_MAX);
    json_out_open(&out, '{');
    put_list(&out, "invalid", list, count, INTAKE_INVALID);
    if (*out_status != 400)
        put_list(&out, "error", list, count, INTAKE_ERROR);
    json_out_close(&out, '}');
    *out_body = json_out_bytes(&out);
    return out.rc == 0 ? 0 : ERR_NO_MEMORY;
}
