/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch_size.h - how large a record is as Kafka measures it: as a batch of its own, format 2, without
 * compression (KIP-98). A topic's max.message.bytes is compared with exactly that.
 *
 * Pure:    yes.
 */
#ifndef BRAID_NODE_BATCH_SIZE_H
#define BRAID_NODE_BATCH_SIZE_H

#include "proto/headers.h"

/* Key and value: ptr NULL for null. */
size_t batch_size(struct slice key, struct slice value, const struct header *headers, size_t count);

#endif
