/* SPDX-License-Identifier: Apache-2.0 */
/*
 * last_revs.h - the last revision of each page in the order of a global stream, and the records by
 *               which a state topic keeps them.
 *
 * Promise: what is told depends only on the records noted, in order, so that it is the same in every
 *          DC. A page above LAST_REVS_MAX is not noted, and unknown for ever: also in every DC.
 * Pure:    yes.
 * Not here: Kafka (io_line_state.h).
 *
 * A record of the state topic: key "<wiki_id>/<page_id>", value "<number> <revision> <log offset>
 * <leader epoch>"; the last two are the place behind the source record of that number. Key "/begin":
 * the topic has all since somebody began to note it anew, and when that was, in place of the revision.
 * Key "/": all up to this number, since that time, stands before it. A topic that was deleted under a
 * writer and made anew has no such beginning.
 */
#ifndef BRAID_NODE_LAST_REVS_H
#define BRAID_NODE_LAST_REVS_H

#include "proto/arena.h"
#include "proto/event.h"

enum {
    LAST_REVS_MAX = 4 * 1024 * 1024, /* pages: 256 MiB */
    LAST_REVS_KEY_MAX = 128,         /* bytes of a key; a page with a longer one is not noted */
    LAST_REVS_VALUE_MAX = 96,
};

#define LAST_REVS_BEGIN   "/begin"
#define LAST_REVS_ALL     "/"
#define LAST_REVS_UNKNOWN (-1) /* no such page yet */
#define LAST_REVS_DELETED 0    /* the page was deleted after its last revision */

/* What a source record says of its page. */
struct last_rev {
    char key[LAST_REVS_KEY_MAX];
    size_t key_len; /* 0: nothing */
    int64_t seq;
    int64_t rev_id;
    int64_t log_offset; /* behind the record */
    int32_t epoch;
};

struct last_revs_entry; /* in last_revs.c */

struct last_revs {
    struct arena arena;
    struct last_revs_entry *entries; /* in the arena */
    size_t room;                     /* a power of two */
    size_t count;
    uint64_t left_out; /* pages above the limit, each time */
};

/* ERR_NO_MEMORY. */
int last_revs_init(struct last_revs *l);
void last_revs_deinit(struct last_revs *l);

/* Forgets all. ERR_NO_MEMORY. */
int last_revs_reset(struct last_revs *l);

/* The page's key in `out`, and what the event makes its last revision; rev_id is that of `before` if it
 * changes nothing. key_len 0: the event is about no revision of a page. */
void last_revs_read(const struct event *e, int64_t before, struct last_rev *out);

/* The page's key alone: its length, 0 if it has none that fits. */
size_t last_revs_key(const struct event *e, char out[LAST_REVS_KEY_MAX]);

int64_t last_revs_find(const struct last_revs *l, struct slice key, int64_t *out_seq);

/* Notes a page's revision. ERR_NO_MEMORY: not noted. */
int last_revs_note(struct last_revs *l, const struct last_rev *r);

/* A record of the state topic. */
size_t last_revs_format(const struct last_rev *r, char out[LAST_REVS_VALUE_MAX]);
/* ERR_MALFORMED. */
int last_revs_parse(struct slice key, struct slice value, struct last_rev *out);

#endif
