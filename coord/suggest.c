/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/suggest.h"

/* The same letter for our purpose: case and '-' for '_' do not count. */
static uint8_t fold(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A' + 'a');
    return c == '-' ? '_' : c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Optimal string alignment over three rows: Damerau's swap without the full matrix. */
unsigned suggest_distance(struct slice a, struct slice b)
{
    unsigned rows[3][SUGGEST_WORD_MAX + 1];

    if (a.len > SUGGEST_WORD_MAX || b.len > SUGGEST_WORD_MAX)
        return SUGGEST_WORD_MAX;
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *before = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            uint8_t ca = fold(a.ptr[i - 1]);
            uint8_t cb = fold(b.ptr[j - 1]);

            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + (ca == cb ? 0 : 1));
            if (i > 1 && j > 1 && ca == fold(b.ptr[j - 2]) && fold(a.ptr[i - 2]) == cb &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
    }
    return rows[a.len % 3][b.len];
}

struct suggest suggest_for(struct slice word)
{
    return (struct suggest){.word = word, .distance = SUGGEST_WORD_MAX};
}

void suggest_closer(struct suggest *s, struct slice candidate)
{
    unsigned distance = suggest_distance(s->word, candidate);
    size_t longer = s->word.len > candidate.len ? s->word.len : candidate.len;
    bool is_prefix = s->word.len >= 3 && slice_starts_with(candidate, s->word);

    /* A third of the letters may be wrong; a beginning of three letters or more always counts. */
    if (is_prefix && distance > 1)
        distance = 1;
    if (distance < s->distance && (is_prefix || distance <= longer / 3)) {
        s->distance = distance;
        s->best = candidate;
    }
}
