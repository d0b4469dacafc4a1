/* SPDX-License-Identifier: Apache-2.0 */
#include "node/filter.h"

#include "node/mutant.h"

#include <assert.h>

enum filter_verdict filter_step(int64_t *last, int64_t prev, int64_t offset)
{
    assert(prev < offset); /* origin_parse refuses anything else */

    if (offset <= *last && !MUTANT(accept_duplicates))
        return FILTER_DUPLICATE;
    if (prev > *last && !MUTANT(accept_holes))
        return FILTER_HOLE;
    *last = offset;
    return FILTER_ACCEPT;
}
