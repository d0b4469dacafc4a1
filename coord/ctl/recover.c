/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/recover.h"

static bool differ(const struct recover_cut *a, const struct recover_cut *b)
{
    return a->is_known && b->is_known && a->number == b->number && a->hash != b->hash;
}

enum recover_verdict recover_choose(const struct recover_log *logs, size_t count,
                                    const struct recover_cut *head, size_t *out_which)
{
    const struct recover_cut *newest = head;
    size_t which = 0;

    *out_which = 0;
    for (size_t i = 0; i < count; i++) {
        const struct recover_cut *logged = &logs[i].newest;
        *out_which = i;
        if (logged->is_known && logged->era != head->era)
            return RECOVER_ERA;
        if (differ(&logs[i].at_head, head) || differ(logged, newest))
            return RECOVER_FORKED;
        if (logged->is_known && logged->number > newest->number) {
            newest = logged;
            which = i;
        }
    }
    for (size_t i = 0; i < count; i++) {
        *out_which = i;
        if (logs[i].emitted > newest->number)
            return RECOVER_EMITTED;
    }
    *out_which = which;
    return newest == head ? RECOVER_AS_IT_IS : RECOVER_FORWARD;
}
