/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_queue.h - the items that a scheduler of fetches holds: ready ones in two queues a host,
 *                 live ones and backlog, in order of arrival; those that back off; and a heap of
 *                 what falls due next.
 *
 * Promise: fixed memory, every operation at most O(log items) but for the search of a host. Backlog
 *          has what live items leave, and one turn of FETCH_TURNS at least.
 * Pure:    yes.
 * Not here: when an item backs off or ends (fetch.h).
 */
#ifndef BRAID_NODE_FETCH_QUEUE_H
#define BRAID_NODE_FETCH_QUEUE_H

#include "proto/arena.h"
#include "proto/domain.h"
#include "proto/reason.h"

#define FETCH_NONE UINT32_MAX /* no item, no host */

/* What an item is of: an event of now, or one of long ago, from where a task lags behind. */
enum fetch_class {
    FETCH_LIVE,
    FETCH_BACKLOG,
    FETCH_CLASSES
};

enum {
    FETCH_TURNS = 8
};

enum fetch_item_state {
    FETCH_ITEM_FREE,
    FETCH_ITEM_READY,   /* in its host's queue */
    FETCH_ITEM_WAITING, /* backs off until ready_ms */
    FETCH_ITEM_CALLED,  /* in a call; neither in a queue nor in the heap */
};

struct fetch_item {
    enum fetch_item_state state;
    enum fetch_class class;
    uint32_t host;
    uint32_t previous; /* in its queue of the host; next also in the list of free items */
    uint32_t next;
    uint32_t heap_place;
    int64_t rev_id;
    uint64_t user;
    int64_t ready_ms;
    int64_t deadline_ms;
    int64_t young_until_ms; /* a missing revision is asked for again before */
    uint32_t bytes_hint;
    uint32_t calls;     /* that it was in */
    uint32_t failures;  /* of them, that count against attempts_max */
    uint32_t missing;   /* how often the wiki did not know it */
    uint32_t suspect;   /* how often the content was not what was announced */
    enum reason reason; /* of the last failure */
    bool is_single;     /* to be asked for alone */
    bool is_cancelled;  /* ends with its call, silently */
};

struct fetch_host {
    uint8_t name[DOMAIN_LEN_MAX];
    uint32_t name_len; /* 0: free */
    uint32_t item_count;
    uint32_t ready_count;
    uint32_t first[FETCH_CLASSES]; /* ready items */
    uint32_t last[FETCH_CLASSES];
    uint32_t next_active; /* ring of hosts with ready items */
    bool is_active;
    bool is_wiki; /* else another server, named by its origin: "https://..." */
    int64_t pause_until_ms;
    uint32_t calls;          /* under way */
    int64_t gather_until_ms; /* until then, and while there are calls, wait for a full batch */
    uint32_t limited;        /* times in a row that it said maxlag or the like */
    uint32_t failures;       /* calls in a row, of a server that is no wiki */
};

struct fetch_queue {
    struct fetch_item *items; /* in the arena given to fetch_queue_init */
    struct fetch_host *hosts;
    uint32_t *heap; /* items by due time */
    uint32_t item_max;
    uint32_t host_max;
    uint32_t heap_len;
    uint32_t free_item;
    uint32_t item_count;
    uint32_t ready_count;
    uint32_t class_counts[FETCH_CLASSES]; /* of ready items */
    uint32_t turn;                        /* counts calls: whose turn it is */
    uint32_t active_first;                /* queue of active hosts: who comes next */
    uint32_t active_last;
    int64_t wikis_pause_ms; /* until then no wiki has a call: one API serves them all */
};

/* ERR_NO_MEMORY if the arena has no room. */
int fetch_queue_init(struct fetch_queue *q, uint32_t item_max, uint32_t host_max, struct arena *a);

/* A new item, ready, behind the others of its host and class. ERR_BUSY if there is no room for it or for a
 * new host. The caller fills in the rest; deadline_ms is set here because the heap needs it. */
int fetch_queue_add(struct fetch_queue *q, struct slice domain, enum fetch_class class,
                    int64_t deadline_ms, uint32_t *out_item);

/* Forgets an item, in whatever state. */
void fetch_queue_remove(struct fetch_queue *q, uint32_t item);

/* From a call or from waiting: ready, ahead of the others (at_front) or behind them. */
void fetch_queue_make_ready(struct fetch_queue *q, uint32_t item, bool at_front);

/* From a call: back off until then. */
void fetch_queue_make_wait(struct fetch_queue *q, uint32_t item, int64_t ready_ms);

/* From ready: into a call. */
void fetch_queue_take(struct fetch_queue *q, uint32_t item);

/* The ready or waiting item whose time (of waking or of its deadline) comes first; FETCH_NONE if
 * there is none. */
uint32_t fetch_queue_due(const struct fetch_queue *q);
int64_t fetch_queue_due_ms(const struct fetch_queue *q, uint32_t item);

/* Of which class a call to the host begins now: that whose turn it is, if it has ready items. */
enum fetch_class fetch_queue_class(const struct fetch_queue *q, const struct fetch_host *host);

/* The next host, in turn, that has ready items - rather of the class whose turn it is -, is not paused at now_ms and does not gather more of
 * them (batch_max fill a call). FETCH_NONE if none; *io_wake_ms is lowered to the end of the pauses
 * and gatherings that were in the way. */
uint32_t fetch_queue_next_host(struct fetch_queue *q, uint32_t batch_max, int64_t now_ms,
                               int64_t *io_wake_ms);

#endif
