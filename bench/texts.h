/* SPDX-License-Identifier: Apache-2.0 */
/*
 * texts.h - the contents of the pages of a made-up wiki farm, in memory.
 *
 * A pool of up to TEXTS_COUNT_MAX wikitexts; a revision's text is the one that its id chooses. Both the load
 * generator (which announces size and sha1) and the API server (which gives the text) know the pool
 * from the same seed.
 *
 * Promise: texts hold what real ones do: blanks, line ends, quotes, brackets, a few letters beyond
 *          ASCII; tokens are their JSON strings.
 * Pure:    yes. All memory is the arena's.
 */
#ifndef BRAID_BENCH_TEXTS_H
#define BRAID_BENCH_TEXTS_H

#include "proto/arena.h"
#include "proto/base36.h"

enum {
    TEXTS_COUNT_MAX = 64,
    TEXTS_POOL_BYTES = 16 * 1024 * 1024, /* about: fewer texts where they are large */
    TEXTS_BYTES_MIN = 200,
    TEXTS_BYTES_MAX = 8 * 1024 * 1024, /* MediaWiki's $wgMaxArticleSize is 2 MiB by default */
};

struct text_of_page {
    struct slice token; /* JSON string with its quotes, in the arena */
    uint32_t size;      /* bytes of the text */
    char sha1_36[SHA1_BASE36_LEN + 1];
    char sha1_hex[SHA1_HEX_LEN + 1];
};

struct texts {
    struct text_of_page items[TEXTS_COUNT_MAX];
    uint32_t count;
    double bytes_mean; /* of the tokens */
};

/* Sizes are log-normal around `bytes`, with the given sigma (0: all the same), such that their mean
 * is about `bytes`. 0 or ERR_NO_MEMORY. */
int texts_fill(struct texts *t, uint64_t seed, uint32_t bytes, double sigma, struct arena *a);

const struct text_of_page *texts_of(const struct texts *t, int64_t rev_id);

#endif
