/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/utf8.h"

/* One row for each kind of first byte (RFC 3629, section 4). */
struct form {
    uint8_t first_min;
    uint8_t first_max;
    uint8_t second_min; /* the second byte tells overlong forms and surrogates apart */
    uint8_t second_max;
    uint8_t len;
};

static const struct form FORMS[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static const struct form *form_of(uint8_t first)
{
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        if (first >= FORMS[i].first_min && first <= FORMS[i].first_max)
            return &FORMS[i];
    }
    return NULL;
}

/* The length of the character at the start of `text`, which is not empty; 0 if it is none. */
static size_t character(struct slice text)
{
    const struct form *form = form_of(text.ptr[0]);

    if (form == NULL || text.len < form->len)
        return 0;
    for (size_t i = 1; i < form->len; i++) {
        const uint8_t min = i == 1 ? form->second_min : 0x80;
        const uint8_t max = i == 1 ? form->second_max : 0xbf;

        if (text.ptr[i] < min || text.ptr[i] > max)
            return 0;
    }
    return form->len;
}

size_t utf8_prefix(struct slice text)
{
    size_t at = 0;

    while (at < text.len) {
        const size_t len = character(slice_sub(text, at, text.len));

        if (len == 0)
            break;
        at += len;
    }
    return at;
}
