/* SPDX-License-Identifier: Apache-2.0 */
#include "node/filter.h"

#include "node/mutant.h"

#include <assert.h>

bool filter_is_range(const struct braid_headers *h)
{
    return h->has_by && (h->status == STATUS_SKIPPED || h->status == STATUS_GAP);
}

enum filter_verdict filter_step(int64_t *last, const struct origin *o, bool is_range)
{
    assert(o->prev < o->offset); /* origin_parse refuses anything else */

    if (o->offset <= *last && !MUTANT(accept_duplicates))
        return FILTER_DUPLICATE;
    if (o->prev > *last && !MUTANT(accept_holes))
        return FILTER_HOLE;
    if (o->prev < *last && is_range && !MUTANT(accept_overlaps))
        return FILTER_DUPLICATE;
    *last = o->offset;
    return FILTER_ACCEPT;
}
