/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_text.h - page-change events of the made-up wiki farm (mediawiki/page/change 1.3.0, as
 *                EventBus writes them).
 *
 * Promise: the n-th event of a seed is always the same but for its time; its meta.id is its own; its
 *          revision has a text in texts.h; its size is what was asked for, where that is not less
 *          than a bare event's (about 1,250 bytes).
 * Pure:    yes.
 */
#ifndef BRAID_BENCH_EVENT_TEXT_H
#define BRAID_BENCH_EVENT_TEXT_H

#include "bench/texts.h"

enum {
    EVENT_TEXT_WIKIS = 8,
    EVENT_TEXT_PAGES = 20000,
    EVENT_TEXT_BYTES_MAX = 9 * 1024 * 1024,
    EVENT_TEXT_BARE_MAX = 4096,
    EVENT_TEXT_KEY_MAX = 96,
    EVENT_TEXT_REV_FIRST = 100000000,
};

struct event_source {
    uint64_t seed;
    const struct texts *texts; /* borrowed */
    uint32_t bytes;            /* of an event's value */
    uint32_t pages;            /* that are edited: 1..EVENT_TEXT_PAGES */
    double zipf[EVENT_TEXT_PAGES];
};

struct event_made {
    char key[EVENT_TEXT_KEY_MAX]; /* NUL-terminated */
    size_t key_len;
    size_t len;    /* of the value */
    uint32_t page; /* 0..: which page of all wikis */
};

void event_source_init(struct event_source *s, uint64_t seed, const struct texts *texts,
                       uint32_t bytes);

/* Writes event n, which is said to have happened at `time_ms`, to `out` of EVENT_TEXT_BYTES_MAX. */
void event_text(const struct event_source *s, uint64_t n, int64_t time_ms, uint8_t *out,
                struct event_made *made);

/* The host name of a wiki, as in meta.domain. */
const char *event_text_domain(uint32_t wiki);

#endif
