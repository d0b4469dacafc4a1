/* SPDX-License-Identifier: Apache-2.0 */
#include "node/global.h"

#include "proto/err.h"

#include <assert.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define LENGTH_ABSENT UINT32_MAX

/* Headers that a global record carries; braid-copy is about one copy of the enriched record. */
static bool is_global_header(enum header_name name)
{
    return name != HEADER_COPY && name != HEADER_CHAIN;
}

static void chain_slice(XXH3_state_t *state, struct slice s)
{
    const uint32_t len = s.ptr == NULL ? LENGTH_ABSENT : (uint32_t)s.len;
    const uint8_t le[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                           (uint8_t)(len >> 24)};

    (void)XXH3_64bits_update(state, le, sizeof le);
    if (s.len > 0)
        (void)XXH3_64bits_update(state, s.ptr, s.len);
}

static void chain_text(uint64_t chain, char text[CHAIN_TEXT_LEN + 1])
{
    static const char DIGITS[] = "0123456789abcdef";

    for (int i = 0; i < CHAIN_TEXT_LEN; i++)
        text[i] = DIGITS[chain >> (60 - 4 * i) & 15];
    text[CHAIN_TEXT_LEN] = '\0';
}

uint64_t global_chain(uint64_t previous, const struct braid_headers *braid, int64_t time_ms,
                      struct slice key, struct slice value)
{
    XXH3_state_t state;
    char text[CHAIN_TEXT_LEN + 1];
    char time_text[NUMBER_TEXT_MAX];

    (void)XXH3_64bits_reset(&state);
    chain_text(previous, text);
    chain_slice(&state, slice_of(text, CHAIN_TEXT_LEN));
    for (int i = 0; i < HEADER_COUNT; i++) {
        if (is_global_header((enum header_name)i))
            chain_slice(&state, braid->raw[i]);
    }
    chain_slice(&state, slice_of(time_text, number_format(time_ms, time_text)));
    chain_slice(&state, key);
    chain_slice(&state, value);
    return XXH3_64bits_digest(&state);
}

static int add(struct global_headers *out, struct slice name, struct slice value)
{
    if (out->count == GLOBAL_HEADERS_MAX)
        return ERR_TOO_LARGE;
    out->list[out->count] = (struct header){.name = name, .value = value};
    out->count++;
    return 0;
}

/* Header values of the global record: the enriched record's, and those made here. */
static void seal_values(const struct record *r, const struct global_place *at,
                        struct global_headers *out, struct braid_headers *out_values)
{
    *out_values = r->braid;
    out_values->raw[HEADER_COPY] = (struct slice){0};
    assert(at->seq <= INT64_MAX);
    assert(at->cut <= INT64_MAX);
    const size_t seq_len = number_format((int64_t)at->seq, out->seq_text);
    const size_t era_len = number_format(at->era, out->cut_text);
    out->cut_text[era_len] = '.';
    const size_t cut_len = number_format((int64_t)at->cut, out->cut_text + era_len + 1);
    out_values->raw[HEADER_SEQ] = slice_of(out->seq_text, seq_len);
    out_values->raw[HEADER_CUT] = slice_of(out->cut_text, era_len + 1 + cut_len);
    out->chain = global_chain(at->chain, out_values, at->time_ms, r->key, r->value);
    chain_text(out->chain, out->chain_text);
    out_values->raw[HEADER_CHAIN] = slice_of(out->chain_text, CHAIN_TEXT_LEN);
}

int global_seal(const struct record *r, const struct header *in, size_t in_count,
                const struct global_place *at, struct global_headers *out)
{
    struct braid_headers values;
    int rc = 0;

    out->count = 0;
    seal_values(r, at, out, &values);
    for (size_t i = 0; i < in_count && rc == 0; i++) {
        if (!header_is_reserved(in[i].name))
            rc = add(out, in[i].name, in[i].value);
    }
    for (int i = 0; i < HEADER_COUNT && rc == 0; i++) {
        if (values.raw[i].ptr != NULL)
            rc = add(out, header_slice((enum header_name)i), values.raw[i]);
    }
    return rc;
}

static int parse_hex64(struct slice text, uint64_t *out)
{
    uint64_t value = 0;

    if (text.len != CHAIN_TEXT_LEN)
        return ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        else
            return ERR_MALFORMED;
    }
    *out = value;
    return 0;
}

int global_parse(const struct braid_headers *braid, uint64_t *out_seq, uint32_t *out_era,
                 uint64_t *out_cut, uint64_t *out_chain)
{
    const struct slice cut_text = braid->raw[HEADER_CUT];
    const uint8_t *dot = cut_text.len == 0 ? NULL : memchr(cut_text.ptr, '.', cut_text.len);
    int64_t seq;
    int64_t era;
    int64_t cut;
    uint64_t chain;

    if (dot == NULL || number_parse(braid->raw[HEADER_SEQ], false, &seq) != 0)
        return ERR_MALFORMED;
    const size_t era_len = (size_t)(dot - cut_text.ptr);
    if (number_parse(slice_sub(cut_text, 0, era_len), false, &era) != 0 || era > UINT32_MAX ||
        number_parse(slice_sub(cut_text, era_len + 1, cut_text.len), false, &cut) != 0 ||
        parse_hex64(braid->raw[HEADER_CHAIN], &chain) != 0)
        return ERR_MALFORMED;
    *out_seq = (uint64_t)seq;
    *out_era = (uint32_t)era;
    *out_cut = (uint64_t)cut;
    *out_chain = chain;
    return 0;
}
