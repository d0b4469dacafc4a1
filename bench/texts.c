/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/texts.h"

#include <assert.h>
#include <math.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "bench/chance.h"
#include "proto/err.h"

/* JSON strings' insides, as MediaWiki escapes with formatversion=2: UTF-8 stays. One byte in about 30
 * is escaped, as in articles. */
static const char *const PIECES[] = {
    "the ",
    "of a ",
    "[[Category:",
    "]]\\n",
    "== Heading ==\\n",
    "'''bold''' ",
    "{{Infobox\\n",
    "| name = ",
    "}}\\n\\n",
    "in 1987, ",
    "<ref name=\\\"a\\\">",
    "</ref>",
    "population of the municipality ",
    "was the first of them to be ",
    "language ",
    "Österreich ",
    "東京 ",
    "language ",
    "population ",
    "\\t",
    "which is ",
};
static const char *const MEANS[] = {
    "the ",
    "of a ",
    "[[Category:",
    "]]\n",
    "== Heading ==\n",
    "'''bold''' ",
    "{{Infobox\n",
    "| name = ",
    "}}\n\n",
    "in 1987, ",
    "<ref name=\"a\">",
    "</ref>",
    "population of the municipality ",
    "was the first of them to be ",
    "language ",
    "Österreich ",
    "東京 ",
    "language ",
    "population ",
    "\t",
    "which is ",
};
enum {
    PIECE_COUNT = sizeof PIECES / sizeof PIECES[0],
    PIECE_LEN_MAX = 40,
};

static uint32_t size_of(uint64_t seed, uint32_t i, uint32_t bytes, double sigma)
{
    const double median = bytes / exp(sigma * sigma / 2);
    const double size = chance_spread(median, sigma, chance_at(seed, i));

    if (size < TEXTS_BYTES_MIN)
        return TEXTS_BYTES_MIN;
    return size > TEXTS_BYTES_MAX ? TEXTS_BYTES_MAX : (uint32_t)size;
}

/* A text of about `size` bytes, as it is and as a JSON string. */
struct drafts {
    uint8_t *token; /* room for twice the text */
    size_t token_len;
    uint8_t *text;
    size_t text_len;
};

static void write_text(struct chance *c, uint32_t size, struct drafts *d)
{
    d->token[d->token_len++] = '"';
    while (d->text_len + PIECE_LEN_MAX <= size) {
        const uint32_t p = (uint32_t)(chance_next(c) % PIECE_COUNT);
        const size_t piece = strlen(PIECES[p]);
        const size_t means = strlen(MEANS[p]);
        memcpy(d->token + d->token_len, PIECES[p], piece);
        memcpy(d->text + d->text_len, MEANS[p], means);
        d->token_len += piece;
        d->text_len += means;
    }
    d->token[d->token_len++] = '"';
}

static int fill_one(struct text_of_page *t, uint64_t seed, uint32_t size, struct arena *a)
{
    static const char DIGITS[] = "0123456789abcdef";
    struct chance c = {seed};
    uint8_t digest[SHA1_BYTES];
    struct drafts d = {.token = arena_alloc(a, 2 * (size_t)size + 64),
                       .text = arena_alloc(a, size)};

    if (d.token == NULL || d.text == NULL)
        return ERR_NO_MEMORY;
    write_text(&c, size, &d);
    t->token = slice_of(d.token, d.token_len);
    t->size = (uint32_t)d.text_len;
    (void)SHA1(d.text, d.text_len, digest); /* cannot fail with memory of ours */
    base36_from_sha1(digest, (uint8_t *)t->sha1_36);
    for (int i = 0; i < SHA1_BYTES; i++) {
        t->sha1_hex[2 * i] = DIGITS[digest[i] >> 4];
        t->sha1_hex[2 * i + 1] = DIGITS[digest[i] & 15];
    }
    return 0;
}

int texts_fill(struct texts *t, uint64_t seed, uint32_t bytes, double sigma, struct arena *a)
{
    double sum = 0;

    *t = (struct texts){0};
    t->count = TEXTS_COUNT_MAX;
    while (t->count > 1 && (uint64_t)t->count * bytes > TEXTS_POOL_BYTES)
        t->count /= 2;
    for (uint32_t i = 0; i < t->count; i++) {
        const uint32_t size = size_of(seed, i, bytes, sigma);
        const int rc = fill_one(&t->items[i], chance_at(seed, 1000 + i), size, a);
        if (rc != 0)
            return rc;
        sum += (double)t->items[i].token.len;
    }
    t->bytes_mean = sum / t->count;
    return 0;
}

const struct text_of_page *texts_of(const struct texts *t, int64_t rev_id)
{
    assert(rev_id >= 0);
    return &t->items[chance_at(7, (uint64_t)rev_id) % t->count];
}
