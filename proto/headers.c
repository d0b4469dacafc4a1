/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/headers.h"

#include "proto/err.h"

#define RESERVED_PREFIX "braid-"

static const char *const HEADER_TEXT[HEADER_COUNT] = {
#define X(name, text) [HEADER_##name] = (text),
    HEADER_MAP(X)
#undef X
};

static const char *const STATUS_TEXT[STATUS_COUNT] = {[STATUS_NONE] = "",
#define X(name, text) [STATUS_##name] = (text),
                                                      STATUS_MAP(X)
#undef X
};

/* The same with their lengths: each record's headers are looked up here. */
static const struct slice HEADER_SLICE[HEADER_COUNT] = {
#define X(name, text) [HEADER_##name] = {(const uint8_t *)(text), sizeof(text) - 1},
    HEADER_MAP(X)
#undef X
};

static const struct slice STATUS_SLICE[STATUS_COUNT] = {
#define X(name, text) [STATUS_##name] = {(const uint8_t *)(text), sizeof(text) - 1},
    STATUS_MAP(X)
#undef X
};

const char *header_text(enum header_name name)
{
    return HEADER_TEXT[name];
}

struct slice header_slice(enum header_name name)
{
    return HEADER_SLICE[name];
}

bool header_is_request(struct slice name)
{
    return slice_equal(name, SLICE_LIT(HEADER_REQUEST_RETRY)) ||
           slice_equal(name, SLICE_LIT(HEADER_REQUEST_SOURCE)) ||
           slice_equal(name, SLICE_LIT(HEADER_REQUEST_BACKFILL));
}

bool header_is_reserved(struct slice name)
{
    return slice_starts_with(name, SLICE_LIT(RESERVED_PREFIX));
}

enum header_name header_lookup(struct slice name)
{
    if (!header_is_reserved(name))
        return HEADER_COUNT;
    for (int i = 0; i < HEADER_COUNT; i++) {
        if (slice_equal(name, HEADER_SLICE[i]))
            return (enum header_name)i;
    }
    return HEADER_COUNT;
}

const char *status_text(enum status s)
{
    return STATUS_TEXT[s];
}

int status_parse(struct slice text, enum status *out, struct slice *out_reason)
{
    const uint8_t *colon = text.len == 0 ? NULL : memchr(text.ptr, ':', text.len);
    const size_t word_len = colon == NULL ? text.len : (size_t)(colon - text.ptr);
    const struct slice word = slice_of(text.ptr, word_len);

    for (int i = STATUS_NONE + 1; i < STATUS_COUNT; i++) {
        if (!slice_equal(word, STATUS_SLICE[i]))
            continue;
        *out = (enum status)i;
        *out_reason = colon == NULL ? (struct slice){0} : slice_sub(text, word_len + 1, text.len);
        return 0;
    }
    return ERR_MALFORMED;
}

/* "<dc>/<incarnation>" */
static bool by_parse(struct slice text, struct slice *out_dc, uint32_t *out_incarnation)
{
    const uint8_t *slash = text.len == 0 ? NULL : memchr(text.ptr, '/', text.len);
    int64_t incarnation;

    if (slash == NULL || slash == text.ptr)
        return false;
    const size_t dc_len = (size_t)(slash - text.ptr);
    if (dc_len > DC_NAME_MAX ||
        number_parse(slice_sub(text, dc_len + 1, text.len), false, &incarnation) != 0 ||
        incarnation > UINT32_MAX)
        return false;
    *out_dc = slice_sub(text, 0, dc_len);
    *out_incarnation = (uint32_t)incarnation;
    return true;
}

void headers_parse(const struct header *headers, size_t count, struct braid_headers *out)
{
    *out = (struct braid_headers){0};
    for (size_t i = 0; i < count; i++) {
        const enum header_name name = header_lookup(headers[i].name);
        if (name != HEADER_COUNT)
            out->raw[name] = headers[i].value;
    }
    out->has_origin = origin_parse(out->raw[HEADER_ORIGIN], &out->origin) == 0 &&
                      number_parse(out->raw[HEADER_TIME], true, &out->time_ms) == 0;
    if (status_parse(out->raw[HEADER_STATUS], &out->status, &out->reason) != 0)
        out->status = STATUS_NONE;
    out->has_by = by_parse(out->raw[HEADER_BY], &out->by_dc, &out->by_incarnation);
}
