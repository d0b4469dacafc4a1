/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/translate.h"

#include <inttypes.h>

const char *translate_place(const struct translate_copy *to, int64_t seq, struct arena *a,
                            int64_t *out)
{
    if (to->at.seq == seq) {
        *out = to->at.offset;
        return NULL;
    }
    /* Markers of transactions may follow it, but no record with a lower number. */
    if (seq > 0 && to->before.seq == seq - 1) {
        *out = to->before.offset + 1;
        return NULL;
    }
    if (seq == 0 && to->newest < 0) {
        *out = 0;
        return NULL;
    }
    if (seq > to->newest) {
        return text_format(a,
                           "%.*s has numbers up to %" PRId64 " so far: wait until it has emitted "
                           "%" PRId64 ", which a reader at %" PRId64 " has seen",
                           SLICE_ARG(to->dc), to->newest, seq - 1, seq);
    }
    return text_format(a,
                       "number %" PRId64 " is gone from %.*s, whose oldest is %" PRId64
                       " (retention): that reader has lost what lies between",
                       seq, SLICE_ARG(to->dc), to->oldest);
}

static bool is_same(const struct translate_record *a, const struct translate_record *b)
{
    return a->seq < 0 || b->seq < 0 || a->seq != b->seq || slice_equal(a->chain, b->chain);
}

const char *translate_differs(const struct translate_copy *from, const struct translate_copy *to,
                              struct arena *a)
{
    const struct translate_record *at = NULL;

    if (!is_same(&from->before, &to->before)) {
        at = &from->before;
    } else if (!is_same(&from->at, &to->at)) {
        at = &from->at;
    } else {
        return NULL;
    }
    return text_format(a,
                       "the copies differ at number %" PRId64
                       " (braid-chain): run 'braidctl verify' and do not move readers",
                       at->seq);
}
