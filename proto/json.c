/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/json.h"

#include <assert.h>

#include "proto/err.h"

/* Offset of the quote that ends the string whose first character is at `from`; b.len if none.
 * A quote counts if an even number of backslashes stands before it. Each run of backslashes is
 * looked at once, so this is linear. */
static size_t string_end(struct slice b, size_t from)
{
    for (size_t at = from; at < b.len;) {
        const uint8_t *quote = memchr(b.ptr + at, '"', b.len - at);
        if (quote == NULL)
            return b.len;
        const size_t end = (size_t)(quote - b.ptr);
        size_t run = end;
        while (run > from && b.ptr[run - 1] == '\\')
            run--;
        if ((end - run) % 2 == 0)
            return end;
        at = end + 1;
    }
    return b.len;
}

struct scan {
    size_t start; /* of the object */
    size_t end;   /* behind it */
};

static int refuse(struct json_flaw *flaw, const char *text, size_t at, int code)
{
    *flaw = (struct json_flaw){.text = text, .at = at};
    return code;
}

/* Finds the first value's end and judges what needs no parser. What is unbalanced is the parser's
 * to describe: the end is then the end of the bytes. */
static int scan_object(struct slice b, const struct json_limits *limits, struct scan *out,
                       struct json_flaw *flaw)
{
    unsigned depth = 0;
    size_t at = json_skip_space(b, 0);

    if (slice_starts_with(b, SLICE_LIT("\xef\xbb\xbf")))
        return refuse(flaw, "starts with a byte order mark", 0, ERR_MALFORMED);
    if (at == b.len || b.ptr[at] != '{')
        return refuse(flaw, "not a JSON object", at, ERR_MALFORMED);
    out->start = at;
    for (; at < b.len; at++) {
        const uint8_t c = b.ptr[at];
        if (c == '"') {
            at = string_end(b, at + 1);
        } else if (c == '{' || c == '[') {
            depth++;
            if (depth > limits->depth_max)
                return refuse(flaw, "nested too deeply", at, ERR_UNSUPPORTED);
        } else if (c == '}' || c == ']') {
            depth--;
            if (depth == 0) {
                out->end = at + 1;
                return 0;
            }
        }
    }
    return refuse(flaw, "ends in the middle of a value", b.len, ERR_MALFORMED);
}

static void *alc_malloc(void *ctx, size_t size)
{
    return arena_alloc(ctx, size);
}

/* An arena cannot give back: shrinking keeps the place, growing moves. */
static void *alc_realloc(void *ctx, void *ptr, size_t old_size, size_t size)
{
    if (size <= old_size)
        return ptr;
    void *moved = arena_alloc(ctx, size);
    if (moved != NULL)
        memcpy(moved, ptr, old_size);
    return moved;
}

static void alc_free(void *ctx, void *ptr)
{
    (void)ctx;
    (void)ptr;
}

int json_parse(struct arena *a, struct slice bytes, const struct json_limits *limits,
               struct json *out, struct json_flaw *flaw)
{
    struct scan scan = {0};

    if (bytes.ptr == NULL || bytes.len == 0)
        return refuse(flaw, "empty", 0, ERR_MALFORMED);
    if (bytes.len > limits->bytes_max)
        return refuse(flaw, "larger than the limit", limits->bytes_max, ERR_TOO_LARGE);
    int rc = scan_object(bytes, limits, &scan, flaw);
    if (rc != 0)
        return rc;
    const size_t rest = json_skip_space(bytes, scan.end);
    if (rest < bytes.len && !limits->trailer_is_ok)
        return refuse(flaw, "something follows the object", rest, ERR_MALFORMED);
    const uint8_t *nul = memchr(bytes.ptr, 0, scan.end);
    if (nul != NULL)
        return refuse(flaw, "contains a NUL byte", (size_t)(nul - bytes.ptr), ERR_MALFORMED);

    char *copy = arena_alloc(a, scan.end + YYJSON_PADDING_SIZE);
    if (copy == NULL)
        return refuse(flaw, "too large for the memory set aside", 0, ERR_NO_MEMORY);
    memcpy(copy, bytes.ptr, scan.end);
    memset(copy + scan.end, 0, YYJSON_PADDING_SIZE);
    const yyjson_alc alc = {
        .malloc = alc_malloc, .realloc = alc_realloc, .free = alc_free, .ctx = a};
    yyjson_read_err err = {0};
    yyjson_doc *doc = yyjson_read_opts(copy, scan.end,
                                       YYJSON_READ_INSITU | YYJSON_READ_NUMBER_AS_RAW, &alc, &err);
    if (doc == NULL && err.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return refuse(flaw, "too large for the memory set aside", 0, ERR_NO_MEMORY);
    if (doc == NULL)
        return refuse(flaw, err.msg, err.pos, ERR_MALFORMED);
    *out = (struct json){.bytes = bytes,
                         .root = yyjson_doc_get_root(doc),
                         .copy = copy,
                         .has_trailer = rest < bytes.len};
    assert(yyjson_is_obj(out->root));
    return 0;
}

int json_check_keys(yyjson_val *obj)
{
    struct slice seen[JSON_MEMBERS_MAX];
    size_t count = 0;
    size_t i;
    size_t n;
    yyjson_val *key;
    yyjson_val *val;

    if (yyjson_obj_size(obj) > JSON_MEMBERS_MAX)
        return ERR_MALFORMED;
    yyjson_obj_foreach(obj, i, n, key, val)
    {
        const struct slice name = json_text(key);
        for (size_t k = 0; k < count; k++) {
            if (slice_equal(seen[k], name))
                return ERR_MALFORMED;
        }
        seen[count++] = name;
    }
    return 0;
}

yyjson_val *json_key(yyjson_val *obj, struct slice name)
{
    size_t i;
    size_t n;
    yyjson_val *key;
    yyjson_val *val;

    if (!yyjson_is_obj(obj))
        return NULL;
    yyjson_obj_foreach(obj, i, n, key, val)
    {
        if (slice_equal(json_text(key), name))
            return key;
    }
    return NULL;
}

yyjson_val *json_value(yyjson_val *key)
{
    return key == NULL ? NULL : yyjson_obj_iter_get_val(key);
}

struct slice json_text(yyjson_val *val)
{
    if (!yyjson_is_str(val))
        return (struct slice){0};
    return slice_of(yyjson_get_str(val), yyjson_get_len(val));
}

int json_integer(yyjson_val *val, int64_t *out)
{
    const char *text = yyjson_get_raw(val);
    const size_t len = yyjson_get_len(val);

    if (text == NULL || len == 0)
        return ERR_MALFORMED;
    const bool is_negative = text[0] == '-';
    int64_t number = 0; /* counted down: int64 reaches one further there */
    for (size_t i = is_negative ? 1 : 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return ERR_MALFORMED;
        const int digit = text[i] - '0';
        if (number < (INT64_MIN + digit) / 10)
            return ERR_MALFORMED;
        number = number * 10 - digit;
    }
    if (!is_negative && number == INT64_MIN)
        return ERR_MALFORMED;
    *out = is_negative ? number : -number;
    return 0;
}

/* Offset of a key's or string's first character; the same in the copy and in the original. */
static size_t text_offset(const struct json *j, yyjson_val *val)
{
    const char *text = yyjson_get_str(val);

    assert(text != NULL);
    assert(text > j->copy);
    return (size_t)(text - j->copy);
}

/* Behind the value that starts at `at`. The bytes have been validated. */
static size_t value_end(struct slice b, size_t at)
{
    unsigned depth = 0;

    for (; at < b.len; at++) {
        const uint8_t c = b.ptr[at];
        if (c == '"') {
            at = string_end(b, at + 1);
            if (depth == 0)
                return at + 1;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            depth--;
            if (depth == 0)
                return at + 1;
        } else if (depth == 0 && (c == ',' || json_is_space(c))) {
            return at;
        }
    }
    return at;
}

struct span json_token_span(struct slice bytes, size_t at)
{
    assert(at < bytes.len);
    assert(bytes.ptr[at] == '"');
    return (struct span){.from = at, .to = string_end(bytes, at + 1) + 1};
}

struct span json_key_span(const struct json *j, yyjson_val *key)
{
    return json_token_span(j->bytes, text_offset(j, key) - 1);
}

struct span json_value_span(const struct json *j, yyjson_val *key)
{
    size_t at = json_skip_space(j->bytes, json_key_span(j, key).to);

    assert(j->bytes.ptr[at] == ':');
    at = json_skip_space(j->bytes, at + 1);
    return (struct span){.from = at, .to = value_end(j->bytes, at)};
}

struct span json_member_span(const struct json *j, yyjson_val *key)
{
    const size_t from = json_key_span(j, key).from;
    const size_t end = json_value_span(j, key).to;
    const size_t next = json_skip_space(j->bytes, end);

    if (next < j->bytes.len && j->bytes.ptr[next] == ',')
        return (struct span){.from = from, .to = json_skip_space(j->bytes, next + 1)};
    return (struct span){.from = from, .to = end};
}
