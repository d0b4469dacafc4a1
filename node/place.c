/* SPDX-License-Identifier: Apache-2.0 */
#include "node/place.h"

#include <assert.h>
#include <stdio.h>
#include <xxhash.h>

#include "proto/err.h"

/* 64 pairs of 20 characters, two separators each, and the head. */
static_assert(LINE_STRANDS_MAX * 42 + 96 <= PLACE_TEXT_MAX, "a place must fit");

uint64_t place_strands_hash(const struct line_config *config)
{
    char text[ORIGIN_TEXT_MAX];
    uint64_t hash = 0;

    for (uint32_t i = 0; i < config->strand_count; i++) {
        const struct origin name = {.from = config->strands[i], .prev = -1, .offset = 0};
        hash = XXH3_64bits_withSeed(text, origin_format(&name, text), hash);
    }
    hash = XXH3_64bits_withSeed(config->by_dc.ptr, config->by_dc.len, hash);
    return XXH3_64bits_withSeed(&config->by_incarnation, sizeof(config->by_incarnation), hash);
}

/* An offset, with @ and the epoch if that is known; or "-". */
static size_t put_offset(char *buf, size_t room, const struct line_place *p)
{
    int len;

    if (!p->valid)
        len = snprintf(buf, room, "-");
    else if (p->epoch < 0)
        len = snprintf(buf, room, "%lld", (long long)p->log_offset);
    else
        len = snprintf(buf, room, "%lld@%d", (long long)p->log_offset, p->epoch);
    return (size_t)len;
}

size_t place_format(uint64_t strands_hash, uint32_t strand_count, const struct line_place *in,
                    const struct line_place *out, char *buf)
{
    char line[PLACE_TEXT_MAX + 1];
    const size_t room = sizeof(line);

    assert(strand_count <= LINE_STRANDS_MAX);
    size_t len = (size_t)snprintf(line, room, "1 %016llx ", (unsigned long long)strands_hash);
    len += put_offset(line + len, room - len, in);
    line[len++] = ' ';
    len += put_offset(line + len, room - len, out);
    for (uint32_t i = 0; i < strand_count; i++)
        len += (size_t)snprintf(line + len, room - len, " %lld,%lld",
                                in->valid ? (long long)in->last[i] : 0LL,
                                out->valid ? (long long)out->last[i] : 0LL);
    assert(len <= PLACE_TEXT_MAX);
    memcpy(buf, line, len);
    return len;
}

/* Cuts the text before the next `stop` (or its end) off `rest`. */
static struct slice cut_word(struct slice *rest, uint8_t stop)
{
    size_t len = 0;

    while (len < rest->len && rest->ptr[len] != stop)
        len++;
    const struct slice word = slice_sub(*rest, 0, len);
    *rest = slice_sub(*rest, len < rest->len ? len + 1 : len, rest->len);
    return word;
}

static int parse_hash(struct slice word, uint64_t *out)
{
    uint64_t hash = 0;

    if (word.len != 16)
        return ERR_MALFORMED;
    for (size_t i = 0; i < word.len; i++) {
        const uint8_t c = word.ptr[i];
        if (c >= '0' && c <= '9')
            hash = hash << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            hash = hash << 4 | (uint64_t)(c - 'a' + 10);
        else
            return ERR_MALFORMED;
    }
    *out = hash;
    return 0;
}

static int parse_offset(struct slice word, struct line_place *p)
{
    p->valid = !slice_equal(word, SLICE_LIT("-"));
    p->epoch = -1;
    if (!p->valid)
        return 0;
    const struct slice offset = cut_word(&word, '@');
    int64_t epoch = -1;
    if (word.len > 0 && number_parse(word, false, &epoch) != 0)
        return ERR_MALFORMED;
    if (epoch > INT32_MAX)
        return ERR_MALFORMED;
    p->epoch = (int32_t)epoch;
    return number_parse(offset, false, &p->log_offset);
}

/* A position: -2 stands for one that was not known yet (LINE_START_ANY). */
static int parse_last(struct slice word, int64_t *out)
{
    if (slice_equal(word, SLICE_LIT("-2"))) {
        *out = LINE_START_ANY;
        return 0;
    }
    return number_parse(word, true, out);
}

int place_parse(struct slice text, uint64_t strands_hash, uint32_t strand_count,
                struct line_place *out_in, struct line_place *out_out)
{
    struct line_place in = {0};
    struct line_place out = {0};
    struct slice rest = text;
    uint64_t hash;

    if (!slice_equal(cut_word(&rest, ' '), SLICE_LIT("1")))
        return ERR_MALFORMED;
    int rc = parse_hash(cut_word(&rest, ' '), &hash);
    if (rc != 0)
        return rc;
    if (hash != strands_hash)
        return ERR_CONFLICT;
    if (parse_offset(cut_word(&rest, ' '), &in) != 0 ||
        parse_offset(cut_word(&rest, ' '), &out) != 0)
        return ERR_MALFORMED;
    for (uint32_t i = 0; i < strand_count; i++) {
        struct slice pair = cut_word(&rest, ' ');
        const struct slice first = cut_word(&pair, ',');
        if (parse_last(first, &in.last[i]) != 0 || parse_last(pair, &out.last[i]) != 0)
            return ERR_MALFORMED;
    }
    if (rest.len != 0)
        return ERR_MALFORMED;
    *out_in = in;
    *out_out = out;
    return 0;
}
