/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_compare.h - finds changes of a wiki that have no event in the outbox, and adds them.
 *
 * A round asks list=recentchanges for what happened since the last round (and a while before it),
 * looks each change up in the outbox, and makes the events that are missing from what the API says.
 * It also makes the events of changes of visibility that MediaWiki did not get to write. A round
 * that fails is logged, and the next one covers its time too.
 *
 * Promise: nothing blocks but the database. What is added twice, by two data centres at once or
 *          by a round that is repeated, is there once.
 * Not here: what is asked and written (change.h, fill.h).
 * Thread:  one at a time.
 */
#ifndef BRAID_NODE_OUTBOX_IO_COMPARE_H
#define BRAID_NODE_OUTBOX_IO_COMPARE_H

#include "coord/fill.h"
#include "node/outbox/io_outbox_api.h"
#include "node/outbox/io_outbox_sqlite.h"
#include "node/outbox/options.h"

enum compare_state {
    COMPARE_IDLE,
    COMPARE_LISTING,    /* list=recentchanges has been asked for */
    COMPARE_FILLING,    /* a missing change's revision has been asked for */
    COMPARE_COMPLETING, /* the revision of a change of visibility has been asked for */
};

struct compare {
    const struct outbox_options *options; /* borrowed */
    const struct outbox_wiki *wiki;       /* borrowed */
    struct outbox_db *db;                 /* borrowed */
    struct outbox_api *api;               /* owned */
    struct arena arena;                   /* one answer of list=recentchanges and its changes */
    struct arena fill_arena;              /* one event that is being made */
    enum compare_state state;
    int64_t next_ms; /* when the next round begins, since 1970 */
    int64_t from_ms; /* what this round covers */
    int64_t to_ms;
    struct changes changes; /* lives in arena */
    size_t index;           /* the change that is looked at */
    struct outbox_row row;  /* of COMPLETING */
    bool has_added;         /* there is something to ship; the caller clears it */
    bool has_failed;        /* this round is over without success */
    bool is_broken;         /* the last round that ended failed: logged once */
};

/* Needs options->api. 0 or ERR_NO_MEMORY. The struct must not move. */
int compare_init(struct compare *c, const struct outbox_options *options,
                 const struct outbox_wiki *wiki, struct outbox_db *db);

/* Accepts a zeroed struct. */
void compare_deinit(struct compare *c);

/* Goes on as far as it can without waiting. 0, or ERR_IO if the database is broken. */
int compare_step(struct compare *c, int64_t now_ms);

#endif
