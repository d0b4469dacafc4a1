/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drill.h - is this node told to play dead?
 *
 * `braidctl drill --mode kill` writes pauses/drill/<dc>, a Pause with an end. Every node of that DC then
 * ends as if it were killed, and stays down until then. A drill without an end, or with one too far
 * away, is not obeyed: nobody may be left who would bring the node back.
 *
 * Promise: a pure function of the pauses and the time.
 * Pure:    yes.
 * Not here: dying (io_drill.h).
 */
#ifndef BRAID_NODE_DRILL_H
#define BRAID_NODE_DRILL_H

#include "coord/etcd.h"

enum {
    DRILL_DOWN_MS_MAX = 30 * 60 * 1000
};

/* Until when (ms since 1970) a node of the DC stays down; 0: it does not. */
int64_t drill_until_ms(const struct etcd_kv *pauses, size_t count, struct slice dc, int64_t now_ms);

#endif
