/* SPDX-License-Identifier: Apache-2.0 */
#include "node/divide.h"

#include <assert.h>

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Who has least for its weight, of those that have less than they may; NULL if none. */
static struct divide_part *neediest(struct divide_part *parts, size_t count, int is_by_want)
{
    struct divide_part *found = NULL;

    for (size_t i = 0; i < count; i++) {
        struct divide_part *p = &parts[i];
        const uint32_t max = is_by_want ? smaller(p->wanted, p->own_max) : p->own_max;
        if (p->granted >= max)
            continue;
        /* granted / weight, without fractions; of equals the heavier, then the first */
        if (found == NULL ||
            (uint64_t)p->granted * found->weight < (uint64_t)found->granted * p->weight ||
            ((uint64_t)p->granted * found->weight == (uint64_t)found->granted * p->weight &&
             p->weight > found->weight))
            found = p;
    }
    return found;
}

void divide(struct divide_part *parts, size_t count, uint32_t total)
{
    uint32_t left = total > count ? total - (uint32_t)count : 0;

    for (size_t i = 0; i < count; i++) {
        assert(parts[i].own_max > 0);
        parts[i].granted = 1;
    }
    for (int is_by_want = 1; is_by_want >= 0; is_by_want--)
        for (; left > 0; left--) {
            struct divide_part *p = neediest(parts, count, is_by_want);
            if (p == NULL)
                break;
            p->granted++;
        }
}
