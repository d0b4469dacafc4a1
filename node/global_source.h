/* SPDX-License-Identifier: Apache-2.0 */
/*
 * global_source.h - a record of another stream's output, taken as a source record.
 *
 * Promise: its origin is the same in every DC: the DC "global", its number for an offset, the number
 *          before it for the record before it, the cut's time. What its braid- headers say of its own
 *          source counts no more, but for the id. One without a sound number is foreign.
 * Pure:    yes.
 */
#ifndef BRAID_NODE_GLOBAL_SOURCE_H
#define BRAID_NODE_GLOBAL_SOURCE_H

#include "proto/record.h"

/* `from` is borrowed: the record's origin has its names. */
void global_as_source(const struct origin_partition *from, struct record *r);

/* braid-id among a record's headers; absent if there is none. */
struct slice global_source_id(const struct header *headers, size_t count);

#endif
