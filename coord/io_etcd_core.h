/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_etcd_core.h - what the files of the client share: io_etcd.c, io_etcd_link.c,
 *                  io_etcd_watch.c, io_etcd_lease.c. For nobody else.
 *
 * The client has one current endpoint and two connections to it: one for calls, one for watches,
 * so that a long answer holds up no sign of life. When an endpoint is suspect both connections are
 * thrown away and the next endpoint's turn comes (etcd_move). One timer serves everything that
 * waits: at its earliest due time, `etcd_tick` looks at all of it.
 *
 * Pure:    no.
 * Thread:  the loop's.
 */
#ifndef BRAID_COORD_IO_ETCD_CORE_H
#define BRAID_COORD_IO_ETCD_CORE_H

#include "coord/etcd_codec.h"
#include "coord/io_etcd.h"
#include "coord/io_grpc.h"

enum {
    ETCD_SILENCE_MS = 3000,  /* a call is under way and nothing at all comes: suspect */
    ETCD_UNHEARD_MS = 600,   /* the same, at the end of a call's own shorter time */
    ETCD_IN_FLIGHT_MAX = 64, /* on a connection: libcurl opens another above 100 */
    ETCD_NEXT_MS = 10,       /* before the next endpoint is tried in the first round */
    ETCD_SCRATCH_BYTES = 2 * 1024 * 1024 + 64 * 1024,
    ETCD_TEXT_MAX = 256,
};
#define ETCD_NEVER UINT64_MAX

enum etcd_link {
    ETCD_LINK_CALLS,
    ETCD_LINK_STREAMS,
    ETCD_LINK_COUNT,
};

struct etcd_call {
    struct etcd_call *next;
    struct etcd_call *previous;
    struct etcd *client; /* borrowed */
    uint64_t id;
    enum etcd_method method;
    bool may_write;
    bool is_linearizable; /* its answer's revision may not go back */
    struct etcd_done done;
    uint64_t deadline_ms;
    uint64_t attempt_ms;      /* when the request under way was given to the connection */
    int64_t revision_before;  /* highest revision seen by then */
    struct grpc_call *grpc;   /* NULL: waits for its turn */
    int ended_rc;             /* not 0: ends at the next tick */
    char text[ETCD_TEXT_MAX]; /* why the last attempt failed */
    size_t message_len;
    uint8_t message[]; /* the request */
};

/* A watch or a lease. */
struct etcd_part {
    struct etcd_part *next;
    struct etcd_part *previous;
    /* Does what is due, without calling its owner back; returns when it wants to be called next
     * (uv_now), or ETCD_NEVER. */
    uint64_t (*tick)(struct etcd_part *part, uint64_t now_ms);
    void (*moved)(struct etcd_part *part);   /* the connections are gone: forget calls on them */
    void (*release)(struct etcd_part *part); /* the client is closed: free */
};

struct etcd {
    uv_loop_t *loop; /* borrowed */
    uv_timer_t timer;
    char *endpoints; /* owned; cut into `urls` */
    const char *urls[ETCD_ENDPOINTS_MAX];
    size_t url_count;
    size_t current;
    char *ca_file; /* owned, as the next two */
    char *cert_file;
    char *key_file;
    uint32_t call_timeout_ms;
    uint32_t connect_timeout_ms;
    struct grpc_channel *links[ETCD_LINK_COUNT]; /* owned; NULL until used */
    size_t closing_count;                        /* channels that are not gone yet */
    struct etcd_call *calls;                     /* owned chain, oldest first */
    struct etcd_call *last_call;
    size_t call_count;
    uint64_t next_id;
    struct etcd_part *parts; /* owned chain */
    uint32_t failures;       /* in a row, over all endpoints */
    uint64_t wait_until_ms;  /* no connection is tried before */
    uint64_t chance;         /* state of the jitter */
    struct arena scratch;    /* for encoding */
    struct etcd_seen seen;
    bool is_ticking;
    uint64_t wake_ms; /* asked for while ticking */
    bool is_closing;
    bool is_timer_closed;
    etcd_closed_fn *closed;
    void *closed_arg;
};

/* io_etcd_link.c: connections and endpoints. */

/* The connection of that use, opened if it must be; NULL while we wait before trying again. */
struct grpc_channel *etcd_link(struct etcd *e, enum etcd_link use);

/* The endpoint in use failed: everything on its connections ends (calls that may have been carried
 * out with ERR_UNKNOWN, others wait), and the next endpoint's turn comes. */
void etcd_move(struct etcd *e);

/* An endpoint answered. */
void etcd_note_success(struct etcd *e);

/* Notes an answer's header. revision_before: highest revision seen when the request was sent, -1 if
 * the answer may be an old one. */
void etcd_note_header(struct etcd *e, const struct etcd_header *header, int64_t revision_before);

/* Drops all connections, for good. */
void etcd_links_close(struct etcd *e);

/* A number below `bound`, for jitter only. */
uint32_t etcd_chance(struct etcd *e, uint32_t bound);

/* io_etcd.c */

/* etcd_tick is called at that time at the latest (uv_now); 0: at the next turn of the loop. */
void etcd_wake(struct etcd *e, uint64_t at_ms);
void etcd_part_add(struct etcd *e, struct etcd_part *part);
void etcd_part_remove(struct etcd *e, struct etcd_part *part);
/* Frees the client if nothing of it is open any more. */
void etcd_maybe_free(struct etcd *e);

#endif
