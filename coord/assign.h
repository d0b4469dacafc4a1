/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assign.h - who should own a task: rendezvous hashing over the live nodes of a DC.
 *
 * Promise: the answer depends only on the set of nodes and the task, not on their order; a node
 *          that goes away moves only its own tasks, one that comes takes only tasks for itself; a
 *          node of weight w gets w times the share of one of weight 1. Every node computes the
 *          same, without floating point.
 * Pure:    yes.
 */
#ifndef BRAID_COORD_ASSIGN_H
#define BRAID_COORD_ASSIGN_H

#include "proto/slice.h"

enum {
    ASSIGN_WEIGHT_MAX = 32, /* larger ones count as this */
    ASSIGN_NODES_MAX = 256,
};

struct assign_node {
    struct slice name;
    uint32_t weight;  /* 0 counts as 1 */
    bool is_draining; /* gets nothing while there is another */
};

/* Index of the owner, -1 if there are no nodes. If all are draining, none is: there is nowhere to
 * go, so tasks stay. */
int assign_owner(const struct assign_node *nodes, size_t count, struct slice task);

#endif
