/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.h - what applying a spec decides: the first cut, and which changes a stream can take.
 *
 * Promise: cut 0 has every strand of the stream at its start, in the layout's order; all DCs are
 *          members.
 * Pure:    yes.
 * Not here: Kafka and etcd (io_cmd_apply.c).
 */
#ifndef BRAID_COORD_CTL_APPLY_H
#define BRAID_COORD_CTL_APPLY_H

#include "coord/spec.h"
#include "proto/cut.h"

enum {
    APPLY_RULES_VERSION = 1 /* of the merge, where no live node says */
};

/* Where an origin partition starts: its last offset that is not in the stream. */
struct apply_start {
    struct origin_partition from;
    int64_t position;
    struct slice raised_by; /* the DC whose copy begins later than asked for; absent: none */
};

/* Cut 0 of era 0; the caller sets its time. ERR_TOO_LARGE (more than STRANDS_MAX),
 * ERR_NO_MEMORY. */
int apply_first_cut(const struct spec *s, const struct apply_start *starts, size_t count,
                    uint32_t rules_version, struct arena *a, struct cut *out);

/* Why a stream cannot change from one spec to another while it lives, or NULL. */
const char *apply_refusal(const struct spec *now, const struct spec *wanted);

#endif
