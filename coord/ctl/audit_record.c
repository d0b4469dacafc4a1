/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/audit_record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* The last header of this name, or the absent slice. */
static struct slice header_value(const struct audit_raw *raw, const char *name)
{
    struct slice value = {0};

    for (size_t i = 0; i < raw->header_count; i++) {
        if (slice_equal(raw->headers[i].name, slice_str(name)))
            value = raw->headers[i].value;
    }
    return value;
}

/* A decimal number, nothing around it. */
static bool take_number(struct slice text, bool may_be_minus_one, int64_t *out)
{
    int64_t value = 0;

    if (may_be_minus_one && slice_equal(text, SLICE_LIT("-1"))) {
        *out = -1;
        return true;
    }
    if (text.len == 0 || text.len > 18 || (text.len > 1 && text.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (text.ptr[i] - '0');
    }
    *out = value;
    return true;
}

static bool take_small(struct slice text, uint32_t *out)
{
    int64_t value = 0;

    if (!take_number(text, false, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

/* Cuts the text at the first `mark`; false if there is none. */
static bool take_part(struct slice *text, uint8_t mark, struct slice *out)
{
    const uint8_t *end = text->len == 0 ? NULL : memchr(text->ptr, mark, text->len);
    size_t len = 0;

    if (end == NULL)
        return false;
    len = (size_t)(end - text->ptr);
    *out = slice_sub(*text, 0, len);
    *text = slice_sub(*text, len + 1, text->len);
    return len > 0;
}

/* <dc>/<topic>/<incarnation>/<partition>/<prev>/<offset> */
static bool parse_origin(struct slice text, struct audit_record *r)
{
    struct slice incarnation = {0};
    struct slice partition = {0};
    struct slice prev = {0};

    return take_part(&text, '/', &r->dc) && take_part(&text, '/', &r->topic) &&
           take_part(&text, '/', &incarnation) && take_part(&text, '/', &partition) &&
           take_part(&text, '/', &prev) && take_small(incarnation, &r->incarnation) &&
           take_small(partition, &r->partition) && take_number(prev, true, &r->prev) &&
           take_number(text, false, &r->offset) && r->prev < r->offset;
}

/* <era>.<number> */
static bool parse_cut(struct slice text, struct audit_record *r)
{
    struct slice era = {0};
    int64_t number = 0;

    if (!take_part(&text, '.', &era) || !take_small(era, &r->era) ||
        !take_number(text, false, &number)) {
        return false;
    }
    r->cut = (uint64_t)number;
    return true;
}

static bool chain_is_sound(struct slice chain)
{
    for (size_t i = 0; i < chain.len; i++) {
        uint8_t c = chain.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return chain.len == AUDIT_CHAIN_LEN;
}

static void parse_status(struct slice text, struct audit_record *r)
{
    static const char *const NAMES[STATUS_COUNT] = {"",
#define X(name, word) word,
                                                    STATUS_MAP(X)
#undef X
    };
    const uint8_t *colon = text.len == 0 ? NULL : memchr(text.ptr, ':', text.len);
    size_t len = colon == NULL ? text.len : (size_t)(colon - text.ptr);

    for (int i = 1; i < STATUS_COUNT; i++) {
        if (slice_equal(slice_sub(text, 0, len), slice_str(NAMES[i])))
            r->status = (enum status)i;
    }
    if (colon != NULL)
        r->reason = slice_sub(text, len + 1, text.len);
}

void audit_record_parse(const struct audit_raw *raw, struct audit_record *out)
{
    struct slice origin = header_value(raw, "braid-origin");
    int64_t time_ms = 0;

    *out = (struct audit_record){.raw = raw};
    out->has_origin = origin.len > 0 && parse_origin(origin, out) &&
                      take_number(header_value(raw, "braid-time"), true, &time_ms);
    out->id = header_value(raw, "braid-id");
    out->by = header_value(raw, "braid-by");
    if (!take_number(header_value(raw, "braid-spec"), false, &out->spec))
        out->spec = 0;
    out->chain = header_value(raw, "braid-chain");
    parse_status(header_value(raw, "braid-status"), out);
    out->has_seq = take_number(header_value(raw, "braid-seq"), false, &out->seq) &&
                   parse_cut(header_value(raw, "braid-cut"), out) && chain_is_sound(out->chain);
}

/* ---- hashes ----------------------------------------------------------------------------------- */

/* Length as 32 bits little-endian, then the bytes; ffffffff alone for what is absent. */
static void hash_field(XXH3_state_t *state, struct slice bytes)
{
    uint32_t len = bytes.ptr == NULL ? UINT32_MAX : (uint32_t)bytes.len;
    uint8_t le[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16), (uint8_t)(len >> 24)};

    (void)XXH3_64bits_update(state, le, sizeof(le)); /* fails only for a NULL state */
    if (bytes.ptr != NULL && bytes.len > 0)
        (void)XXH3_64bits_update(state, bytes.ptr, bytes.len);
}

void audit_record_chain(const struct audit_raw *raw, struct slice previous,
                        char out[AUDIT_CHAIN_LEN + 1])
{
    /* docs/formats.md, the chain: these, in this order. */
    static const char *const NAMES[] = {"braid-origin", "braid-time", "braid-id",
                                        "braid-status", "braid-by",   "braid-fetch",
                                        "braid-spec",   "braid-seq",  "braid-cut"};
    XXH3_state_t state;
    char time[24];
    int len = 0;

    (void)XXH3_64bits_reset(&state); /* fails only for NULL */
    hash_field(&state, previous);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
        hash_field(&state, header_value(raw, NAMES[i]));
    len = snprintf(time, sizeof(time), "%" PRId64, raw->time_ms);
    assert(len > 0);
    hash_field(&state, slice_of(time, (size_t)len));
    hash_field(&state, raw->key);
    hash_field(&state, raw->value);
    (void)snprintf(out, AUDIT_CHAIN_LEN + 1, "%016" PRIx64, XXH3_64bits_digest(&state));
}

static void digest_field(XXH3_state_t *state, struct slice bytes)
{
    uint64_t len = bytes.ptr == NULL ? UINT64_MAX : (uint64_t)bytes.len;

    (void)XXH3_128bits_update(state, &len, sizeof(len)); /* fails only for a NULL state */
    if (bytes.ptr != NULL && bytes.len > 0)
        (void)XXH3_128bits_update(state, bytes.ptr, bytes.len);
}

struct audit_digest audit_record_digest(const struct audit_raw *raw)
{
    XXH3_state_t state;
    XXH128_hash_t hash;

    (void)XXH3_128bits_reset(&state);
    for (size_t i = 0; i < raw->header_count; i++) {
        digest_field(&state, raw->headers[i].name);
        digest_field(&state, raw->headers[i].value);
    }
    digest_field(&state, slice_of(&raw->time_ms, sizeof(raw->time_ms)));
    digest_field(&state, raw->key);
    digest_field(&state, raw->value);
    hash = XXH3_128bits_digest(&state);
    return (struct audit_digest){hash.low64, hash.high64};
}

struct audit_digest audit_digest_of(struct slice bytes)
{
    XXH128_hash_t hash = XXH3_128bits(bytes.len == 0 ? "" : (const char *)bytes.ptr, bytes.len);

    return (struct audit_digest){hash.low64, hash.high64};
}
