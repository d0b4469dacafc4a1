/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change.h - changes of pages as lists of MediaWiki's API tell of them: what to ask, and what the
 *            answer says.
 *
 * Promise: any bytes give a list of changes or an error. Entries that are no change of a page
 *          (protections, uploads, null revisions, entries of other logs) are left out.
 * Pure:    yes; memory comes from the caller's arena.
 * Not here: whether the outbox knows the change (io_outbox_sqlite.h), its event (fill.h).
 */
#ifndef BRAID_COORD_CHANGE_H
#define BRAID_COORD_CHANGE_H

#include "proto/arena.h"

enum {
    CHANGE_PAGE_MAX = 100,             /* asked for in one call; the API allows 500 */
    CHANGE_ANSWER_BYTES_MAX = 4 << 20, /* an answer has no content in it */
    CHANGE_ANSWER_DEPTH_MAX = 32,      /* containers inside each other */
    CHANGE_QUERY_BYTES_MAX = 4096,     /* of a query string */
    CHANGE_ABOUT_BYTES_MAX = 32,       /* 'rev:' or 'log:' and a number, and a NUL */
};

enum change_kind {
    CHANGE_CREATE,
    CHANGE_EDIT,
    CHANGE_MOVE,
    CHANGE_DELETE,
    CHANGE_UNDELETE,
    CHANGE_VISIBILITY,
};

struct change {
    enum change_kind kind;
    int64_t rev_id;         /* 0: the entry does not say (deletion, undeletion) */
    int64_t parent_id;      /* 0: none, or the entry does not say */
    int64_t page_id;        /* 0: the entry does not say */
    int64_t namespace_id;   /* of the title */
    int64_t log_id;         /* of moves, deletions and undeletions */
    struct slice title;     /* with blanks; of a move, the old one */
    struct slice user;      /* absent: hidden */
    int64_t user_id;        /* 0: not logged in, or hidden */
    struct slice comment;   /* absent: hidden */
    struct slice timestamp; /* as in 2026-01-02T03:04:05Z */
    bool leaves_redirect;   /* of a move: list=recentchanges has no entry for the redirect */
    int64_t prior_bits;     /* of a change of visibility: rev_deleted before it */
    int64_t revision_count; /* of a deletion: revisions deleted; 0: not known */
    struct slice rev_dt;    /* of a deletion: when rev_id was made */
};

struct changes {
    struct change *items; /* lives in the arena */
    size_t count;
    struct slice next; /* where to go on; absent at the end */
};

/* MediaWiki's lists, each oldest first. */
enum change_list {
    CHANGE_LIST_RECENT, /* list=recentchanges: all kinds; it forgets, and drops a page's with the page */
    CHANGE_LIST_REVISIONS, /* list=allrevisions: what pages that are there were edited; moves look
                              like edits without an effect */
    CHANGE_LIST_MOVES,     /* list=logevents: moves, with the page's id but no revision */
    CHANGE_LIST_DELETIONS, /* list=logevents: deletions and undeletions, with the page's id */
};

/* Since 1970, cut to whole seconds. */
struct change_span {
    int64_t from_ms;
    int64_t to_ms;
};

/* The query string that asks for the list's changes of that time, going on at `next` if that is not
 * absent. Absent if there is no room. */
struct slice change_query(struct arena *a, enum change_list list, const struct change_span *span,
                          struct slice next);

/* Reads the answer to change_query. 0; ERR_REFUSED (an error object; its code is in *out_code);
 * ERR_MALFORMED, ERR_TOO_LARGE, ERR_UNSUPPORTED, ERR_NO_MEMORY. */
int change_decode(struct arena *a, enum change_list list, struct slice body, struct changes *out,
                  struct slice *out_code);

/* What a logged change's page is now. */
struct change_page {
    bool is_there;
    int64_t rev_id;    /* its revision when the change was made; 0: none of that time is left */
    int64_t parent_id; /* of a move's revision; else 0 */
};

struct slice change_page_query(struct arena *a, const struct change *c);
int change_page_decode(struct arena *a, struct slice body, struct change_page *out,
                       struct slice *out_code);

/* A move leaves a revision that changes nothing, made just before the move was logged, whose comment
 * names the old title. */
struct slice change_move_query(struct arena *a, const struct change *c);
int change_move_decode(struct arena *a, const struct change *c, struct slice body,
                       struct change_page *out, struct slice *out_code);

/* What the outbox calls the change: 'rev:<rev_id>' or 'log:<log_id>', NUL-terminated. */
void change_about(const struct change *c, char out[CHANGE_ABOUT_BYTES_MAX]);

/* The word of the schema for it. Static storage. */
const char *change_kind_name(enum change_kind kind);

/* The time as 2026-01-02T03:04:05Z, or with ".678" before the Z. `len` bytes with the NUL. */
void change_time_text(int64_t ms, bool with_ms, char *out, size_t len);

/* The bytes as they may stand in a query string. The absent slice if there is no room. */
struct slice change_escape(struct arena *a, struct slice bytes);

#endif
