/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/reason.h"

#include <assert.h>

struct reason_row {
    enum reason_class class;
    const char *word;
    const char *text;
};

static const struct reason_row ROWS[REASON_COUNT] = {
#define X(code, cls, name, sentence)                                                               \
    [code] = {.class = REASON_CLASS_##cls, .word = (name), .text = (sentence)},
    REASON_MAP(X)
#undef X
};

enum reason_class reason_class(enum reason reason)
{
    assert(reason < REASON_COUNT);
    return ROWS[reason].class;
}

const char *reason_word(enum reason reason)
{
    assert(reason < REASON_COUNT);
    return ROWS[reason].word;
}

const char *reason_text(enum reason reason)
{
    assert(reason < REASON_COUNT);
    return ROWS[reason].text;
}
