/* SPDX-License-Identifier: Apache-2.0 */
/*
 * divide.h - how the streams of a node divide what it may ask of its API at once.
 *
 * Promise: each part has at least one, whatever the others want, and at most its own limit; together they have no more
 *          than the total, unless there are more parts than that. While parts want more than there
 *          is, each has what it wants or a share by its weight (4, 2 or 1): no other part, busy or
 *          broken, takes that away. What nobody wants is spread, so that who begins need not wait.
 * Pure:    yes.
 * Not here: when it is done again (io_stream.h).
 */
#ifndef BRAID_NODE_DIVIDE_H
#define BRAID_NODE_DIVIDE_H

#include <stddef.h>
#include <stdint.h>

/* In the order of spec_priority. */
enum divide_weight {
    DIVIDE_LOW = 1,
    DIVIDE_NORMAL = 2,
    DIVIDE_HIGH = 4,
};

struct divide_part {
    enum divide_weight weight;
    uint32_t own_max; /* at least one */
    uint32_t wanted;
    uint32_t granted; /* out */
};

void divide(struct divide_part *parts, size_t count, uint32_t total);

#endif
