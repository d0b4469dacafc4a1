/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_fetch.h - puts questions about events to MediaWiki's APIs, for one stream.
 *
 * Promise: every request that was taken ends exactly once, by a call of its `done`, before its
 *          deadline or at io_fetch_close; never inside io_fetch_submit. Bytes in an outcome are
 *          spans of the response's bytes, which stay until the outcome is released: from socket to
 *          Kafka they are copied once, by splicing. Queues and buffers are bounded.
 * Pure:    no: shell. libcurl's multi interface on the loop's thread.
 * Not here: deciding (fetch.h), what the content is put into (proto/enrich_page.h).
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_FETCH_H
#define BRAID_NODE_IO_FETCH_H

#include <uv.h>

#include "node/fetch.h"

struct io_fetch;      /* in io_fetch.c */
struct io_fetch_hold; /* a share in a response's bytes */

/* Servers beside the wikis, and the secrets for them. */
struct io_fetch_services {
    const struct slice *origins; /* "https://api.example.org" (asks_origin) */
    size_t origin_count;
    const struct ask_pair *tokens; /* name, secret */
    size_t token_count;
};

struct io_fetch_config {
    const char *api_url;    /* "http://127.0.0.1:8090/w/api.php"; the Host header is the wiki's */
    const char *user_agent; /* "braid/0.1 (https://...; mailto:...)": WMF wants a contact */
    const char *ca_file;    /* for https; NULL: the system's */
    struct domain_list domains; /* wikis that may be asked; borrowed for the life of the fetcher */
    const struct io_fetch_services *services; /* other servers; NULL: none; borrowed likewise */
    struct fetch_limits limits;
    uint32_t maxlag_s;           /* 0: 5 */
    uint32_t connect_timeout_ms; /* 0: 3,000 */
    uint64_t bytes_held_max;     /* answers not yet released; 0: 64 MiB. Full: ERR_BUSY */
    uint64_t seed;               /* of the jitter */
};

struct io_fetch_request {
    const struct question *question; /* borrowed until done */
    const struct event *event;       /* borrowed until done: request_id, slots and their sha1 */
    int64_t source_time_ms;   /* wall clock of the source record; -1 or absurd: taken as now */
    struct slice traceparent; /* its header, borrowed until done; absent: none */
    bool is_first; /* others hold answers until it is done: taken even where those leave no room */
    void *data;    /* given to done */
    /* Called once, on the loop's thread. The outcome's revision is valid until
     * io_fetch_release(hold); hold is NULL if there is none. */
    void (*done)(void *data, const struct enrich_outcome *outcome, struct io_fetch_hold *hold);
};

/* For metrics; totals since the start. */
struct io_fetch_stats {
    uint64_t calls;
    uint64_t calls_failed;
    uint64_t revisions_asked; /* sum over calls: asked / calls is the mean batch */
    uint64_t bytes_received;
    uint32_t waiting;
    uint32_t calls_in_flight;
    uint32_t window_milli; /* adaptive limit of calls at once, thousandths */
    uint64_t bytes_held;
};

/* Called after each HTTP call, for the histogram braid_fetch_duration_seconds{code}; may be NULL.
 * http_status is 0 if there was no answer. */
struct io_fetch_observer {
    void *data;
    void (*call_ended)(void *data, uint32_t http_status, const char *api_error, uint32_t took_ms,
                       uint32_t revisions);
};

/* Opens no connection yet. ERR_CONFIG (with a log line by the caller), ERR_NO_MEMORY, ERR_IO. */
int io_fetch_open(uv_loop_t *loop, const struct io_fetch_config *config,
                  const struct io_fetch_observer *observer, struct io_fetch **out);

/* Ends what is under way with REASON_STOPPED, then frees itself once libuv has closed its handles
 * (run the loop). Holds that are out stay valid and must still be released. Accepts NULL. */
void io_fetch_close(struct io_fetch *f);

/* New limits from a new version of the spec, effective at once. */
void io_fetch_set_limits(struct io_fetch *f, const struct fetch_limits *limits);

/* Takes a request. ERR_BUSY: full, try again after a completion. ERR_REFUSED: the question's domain
 * is not allowed (failed:domain). ERR_MALFORMED: no rev_id or domain. ERR_UNSUPPORTED: a question for
 * the REST API, and the configured URL does not end in /api.php. */
int io_fetch_submit(struct io_fetch *f, const struct io_fetch_request *request);

/* One more share in an answer's bytes, to be released like the first. */
void io_fetch_hold_share(struct io_fetch_hold *hold);

/* About how many bytes an outcome's answer keeps. */
uint64_t io_fetch_outcome_bytes(const struct enrich_outcome *outcome);

/* Gives the bytes back. Accepts NULL. Also valid after io_fetch_close. */
void io_fetch_release(struct io_fetch_hold *hold);

void io_fetch_stats(const struct io_fetch *f, struct io_fetch_stats *out);

#endif
