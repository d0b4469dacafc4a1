/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate.h - where a reader of one DC's copy of a global stream goes on in another's.
 *
 * Promise: a place is found only if the reader sees every sequence number once: at the record with the
 *          wanted number, or right behind the one before it. What is gone, or not there yet, is refused
 *          with the numbers. Chains that differ are refused: then the copies are not equal.
 * Pure:    yes; texts lie in the arena.
 * Not here: finding the records (io_cmd_translate.c).
 */
#ifndef BRAID_COORD_CTL_TRANSLATE_H
#define BRAID_COORD_CTL_TRANSLATE_H

#include "coord/text.h"

/* One record of a copy; absent: seq is -1. */
struct translate_record {
    int64_t seq;
    int64_t offset;
    struct slice chain;
};

/* What a copy has around a number. */
struct translate_copy {
    struct slice dc;
    int64_t oldest;                 /* number of the first record kept; -1: none */
    int64_t newest;                 /* of the last; -1: none */
    struct translate_record before; /* with the wanted number less one */
    struct translate_record at;     /* with the wanted number */
};

/* The offset at which a reader that wants `seq` next goes on, in *out. NULL, or why not. */
const char *translate_place(const struct translate_copy *to, int64_t seq, struct arena *a,
                            int64_t *out);

/* Why the two copies are not of one stream, as far as the records around the number say; or NULL. */
const char *translate_differs(const struct translate_copy *from, const struct translate_copy *to,
                              struct arena *a);

#endif
