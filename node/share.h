/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share.h - which questions are under way or answered a moment ago, so that several streams and
 *           enrichments of a node are served by one answer.
 *
 * Promise: a question is found by its whole text, never by a hash. An answer is kept for
 *          SHARE_KEEP_MS at most, fewer where bytes or entries run out (the oldest goes first), and
 *          not beyond a deletion or a change of visibility of its page: nor is one that was under
 *          way then, which may have been made before it. Memory is fixed at init.
 * Pure:    yes: time comes in.
 * Not here: the answers' bytes and who waits for them (io_share.h).
 */
#ifndef BRAID_NODE_SHARE_H
#define BRAID_NODE_SHARE_H

#include "proto/arena.h"
#include "proto/question.h"

enum {
    SHARE_KEEP_MS = 10000,
    SHARE_KEY_MAX = 640, /* bytes of domain and text; a longer question is not shared */
    SHARE_ENTRIES_MAX = 2048,
};

#define SHARE_NONE UINT32_MAX

enum share_state {
    SHARE_FREE,
    SHARE_FLYING, /* somebody asks */
    SHARE_KEPT,   /* the answer is there */
};

struct share_entry {
    enum share_state state;
    bool is_spoiled; /* FLYING: its answer is for who asked only, and nobody joins any more */
    uint32_t chain;  /* next in the bucket; of free ones, the next free */
    uint32_t older;  /* of kept ones */
    uint32_t newer;
    uint32_t hash;
    int64_t page_id;
    int64_t answered_ms;
    uint64_t bytes;
    uint32_t key_len;
    uint32_t domain_len; /* the key begins with it */
    uint8_t key[SHARE_KEY_MAX];
};

struct share {
    struct share_entry *entries; /* SHARE_ENTRIES_MAX, in the arena given to share_init */
    uint32_t *buckets;           /* SHARE_ENTRIES_MAX */
    uint32_t free_entry;
    uint32_t oldest; /* kept */
    uint32_t newest;
    uint64_t bytes; /* of kept ones */
    uint64_t bytes_max;
};

/* ERR_NO_MEMORY if the arena has no room. */
int share_init(struct share *s, uint64_t bytes_max, struct arena *a);

enum share_answer {
    SHARE_ALONE, /* cannot be shared: ask, and tell nobody */
    SHARE_LEAD,  /* ask, then share_answered; *out_entry is FLYING */
    SHARE_JOIN,  /* *out_entry is FLYING: its answer will serve */
    SHARE_TAKE,  /* *out_entry is KEPT: take its answer */
};

/* Somebody wants to ask. */
enum share_answer share_ask(struct share *s, const struct question *q, int64_t now_ms,
                            uint32_t *out_entry);

/* A FLYING entry's answer has come; is_good: it may serve others. True: it is KEPT now. Before that
 * call share_pop_old until it gives none. */
bool share_answered(struct share *s, uint32_t entry, bool is_good, uint64_t bytes, int64_t now_ms);

/* Forgets the oldest kept answer if it is too old, or if `bytes` more would not fit. SHARE_NONE if
 * there is none such; else the caller lets go of that entry's bytes. */
uint32_t share_pop_old(struct share *s, uint64_t bytes, int64_t now_ms);

/* The page has changed in a way that earlier answers may not outlive: forgets one of them, to be
 * called until it gives SHARE_NONE. The caller lets go of the entry's bytes. */
uint32_t share_pop_page(struct share *s, struct slice domain, int64_t page_id);

#endif
