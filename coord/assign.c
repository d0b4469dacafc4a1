/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/assign.h"

#include <assert.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* A node's best draw for a task: one draw for each unit of weight, so that a node of weight w wins w
 * times as often. */
static uint64_t best_draw(const struct assign_node *node, struct slice task)
{
    const uint64_t seed = XXH3_64bits(node->name.ptr, node->name.len);
    uint32_t weight = node->weight == 0 ? 1 : node->weight;
    uint64_t best = 0;

    if (weight > ASSIGN_WEIGHT_MAX)
        weight = ASSIGN_WEIGHT_MAX;
    for (uint32_t i = 0; i < weight; i++) {
        const uint64_t draw = XXH3_64bits_withSeed(task.ptr, task.len, seed + i);
        best = draw > best ? draw : best;
    }
    return best;
}

int assign_owner(const struct assign_node *nodes, size_t count, struct slice task)
{
    bool has_other = false; /* a node that is not draining */
    int owner = -1;
    uint64_t owner_draw = 0;

    assert(count <= ASSIGN_NODES_MAX);
    for (size_t i = 0; i < count; i++)
        has_other = has_other || !nodes[i].is_draining;
    for (size_t i = 0; i < count; i++) {
        if (has_other && nodes[i].is_draining)
            continue;
        const uint64_t draw = best_draw(&nodes[i], task);
        /* Equal draws: by name, so that the order of the list does not matter. */
        const bool is_tie = owner >= 0 && draw == owner_draw;
        if (owner < 0 || draw > owner_draw ||
            (is_tie && slice_compare(nodes[i].name, nodes[owner].name) < 0)) {
            owner = (int)i;
            owner_draw = draw;
        }
    }
    return owner;
}
