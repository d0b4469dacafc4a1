/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_share.h - stands before the fetchers of a node: questions that several streams have are asked
 *              once.
 *
 * Promise: every request that was taken ends exactly once, by a call of its `done`, never inside
 *          io_share_submit. Who waits for another's answer waits IO_SHARE_JOIN_MS at most, and where
 *          that answer is no good for it, hears `ask_again`: so a stream at its limits, or one whose
 *          calls fail, delays no other for longer. With one stream nothing is kept.
 * Pure:    no: shell.
 * Not here: which questions are equal, and for how long an answer holds (share.h).
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_SHARE_H
#define BRAID_NODE_IO_SHARE_H

#include "node/io_fetch.h"

#define IO_SHARE_JOIN_MS     1000
#define IO_SHARE_BYTES_MAX   (16 * 1024 * 1024) /* of answers kept */
#define IO_SHARE_WAITERS_MAX 65536

struct io_share; /* in io_share.c */

/* Totals since the start. */
struct io_share_stats {
    uint64_t asked;  /* questions put to a fetcher */
    uint64_t joined; /* served by an answer that was under way */
    uint64_t taken;  /* served by an answer that was kept */
    uint64_t again;  /* of those that joined, asked again on their own */
    uint64_t bytes;  /* kept now */
};

/* ERR_NO_MEMORY. */
int io_share_open(uv_loop_t *loop, struct io_share **out);

/* The fetchers must be closed before. Those who still wait hear REASON_STOPPED. Frees itself once
 * libuv has closed its handle. Accepts NULL. */
void io_share_close(struct io_share *s);

/* How many streams of this node ask: below two, nothing is shared. */
void io_share_set_streams(struct io_share *s, uint32_t count);

/* Takes a request, to be served by another's answer or by `fetch`. Errors as io_fetch_submit.
 * must_ask: by `fetch` in any case, after ask_again. */
int io_share_submit(struct io_share *s, struct io_fetch *fetch,
                    const struct io_fetch_request *request, bool must_ask);

/* A page was deleted, or its visibility has changed: earlier answers about it serve nobody more. */
void io_share_drop_page(struct io_share *s, struct slice domain, int64_t page_id);

void io_share_stats(const struct io_share *s, struct io_share_stats *out);

#endif
