/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fill.h - the event of a change that has none in the outbox, made from what the API says.
 *
 * Promise: an event of schema mediawiki/page/change/1.2.0. What the API does not tell is left out
 *          (groups of users, the redirect that a move left behind, origin_rev_id), and so is
 *          what is hidden. The same change gives the same meta.id, whoever fills it in.
 * Pure:    yes; memory comes from the caller's arena.
 * Not here: asking the API (io_compare.h), finding out what is missing (change.h).
 */
#ifndef BRAID_COORD_FILL_H
#define BRAID_COORD_FILL_H

#include "coord/change.h"
#include "proto/json.h"

enum {
    FILL_EVENT_BYTES_MAX = 256 * 1024,
    FILL_UUID_LEN = 36,
};

struct fill_wiki {
    struct slice wiki_id; /* borrowed */
    struct slice domain;  /* borrowed */
    struct slice stream;  /* borrowed; meta.stream */
};

/* An answer to fill_query. */
struct fill_answer {
    struct json json;
};

/* The query string that asks for a change's revision and its parent. */
struct slice fill_query(struct arena *a, const struct change *c);

/* Reads the answer. 0; ERR_REFUSED (an error object; its code is in *out_code); ERR_MALFORMED,
 * ERR_TOO_LARGE, ERR_UNSUPPORTED, ERR_NO_MEMORY. */
int fill_decode(struct arena *a, struct slice body, struct fill_answer *out,
                struct slice *out_code);

/* What an event is made of; all borrowed. */
struct fill_source {
    const struct fill_wiki *wiki;
    const struct change *change;
    const struct fill_answer *answer; /* NULL for a deletion, whose rev_id and rev_dt must be set */
    const char *about;                /* the outbox's word for the change */
    int64_t now_ms;                   /* since 1970 */
};

struct fill_event {
    struct slice json; /* lives in the arena */
    int64_t page_id;
};

/* The event of the change. 0; ERR_NOT_FOUND (the wiki does not know the revision, so there is
 * nothing to say); ERR_TOO_LARGE; ERR_NO_MEMORY; ERR_UNSUPPORTED (no SHA-1). */
int fill_event(struct arena *a, const struct fill_source *source, struct fill_event *out);

/* A UUID of version 5 made from the wiki and the change. */
int fill_uuid(const struct fill_wiki *wiki, const char *about, char out[FILL_UUID_LEN + 1]);

#endif
