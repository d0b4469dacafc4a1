/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_stream.h - the streams as this node sees them: spec, newest cut, fetcher; shared by tasks.
 *
 * Promise: a spec in use stays whole until who holds it lets go, whatever is applied meanwhile. The
 *          newest cut is read again every IO_STREAM_HEAD_MS, for what may be skipped and for how
 *          far the stream is; it decides nothing that must be exact.
 * Pure:    no: shell.
 * Not here: who runs what (coord/io_node.h).
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_STREAM_H
#define BRAID_NODE_IO_STREAM_H

#include "coord/io_node.h"
#include "coord/spec.h"
#include "node/config.h"
#include "node/failing.h"
#include "node/io_fetch.h"
#include "node/io_log.h"
#include "node/io_share.h"
#include "node/metrics.h"
#include "proto/cut.h"

#define IO_STREAM_HEAD_MS   1000
#define IO_STREAM_ARENA_MAX (8 * 1024 * 1024) /* of one spec, or one cut */

struct io_streams;

/* One version of a spec; counted. */
struct io_spec {
    uint32_t holders;
    struct arena arena;
    struct spec spec;
    struct enrich_spec enrich; /* of the spec and the node's domains */
};

#define IO_STREAM_CODES_MAX 12

/* How long calls of the API took, by HTTP status; 0: no answer. */
struct io_stream_code {
    uint32_t code;
    struct metrics_times times;
};

struct io_stream {
    struct io_streams *streams;
    struct io_stream *next;
    char output[TOPIC_NAME_MAX + 1];
    struct io_spec *spec;    /* newest; held by this */
    struct io_fetch *fetch;  /* owned; NULL until a task enriches */
    uint32_t api_share;      /* calls at once, of config->api_in_flight_max; 0: no such limit */
    struct arena head_arena; /* of head */
    struct cut head;         /* newest cut seen */
    bool has_head;
    bool is_first_known; /* whether there is a first was found out */
    bool has_first;      /* etcd still has number 0 of the head's era: where strands start */
    struct arena first_arena;
    struct cut first;
    struct io_stream_code codes[IO_STREAM_CODES_MAX];
    uint32_t code_count;
    struct io_fetch_observer observer; /* of this stream */
    bool is_present;                   /* in the latest view */
    uint64_t head_seen;                /* counts changes of head */
    uint64_t call;                     /* etcd call under way; 0: none */
};

struct io_streams {
    uv_loop_t *loop;    /* borrowed */
    struct io_log *log; /* borrowed */
    struct etcd *etcd;  /* borrowed */
    const struct config *config;
    struct slice cluster;
    struct io_stream *first;
    struct io_share *share; /* owned; before all fetchers */
    uint32_t fetcher_count;
    uint32_t node_count;    /* live ones of this DC, as last seen */
    uint32_t rules_version; /* of the merge: the lowest that they announce */
    uv_timer_t *timer;      /* owned; freed when closed */
    struct domain_list domains;
    const char *api_url;
    const char *user_agent;
    const char *api_ca; /* NULL: the system's */
    struct io_fetch_services services;
    void *data;
    void (*head_changed)(void *data,
                         struct io_stream *s); /* and after a new spec, or other nodes */
};

int io_streams_open(struct io_streams *all);
void io_streams_close(struct io_streams *all);

/* Takes in what the node sees. */
void io_streams_view(struct io_streams *all, const struct node_view *view);

/* How many there are now. */
uint32_t io_streams_count(const struct io_streams *all);

struct io_stream *io_stream_find(struct io_streams *all, struct slice output);

struct io_spec *io_spec_hold(struct io_stream *s);
void io_spec_release(struct io_spec *spec);

/* The stream's fetcher, opened when first asked for; NULL if it cannot be. */
struct io_fetch *io_stream_fetch(struct io_stream *s);

/* Furthest position of an origin partition in the head; POSITION_NONE if it is not there. */
int64_t io_stream_position(const struct io_stream *s, const struct origin_partition *from);

/* How many partitions of a source topic (without prefix) of a DC have strands in the head. */
uint32_t io_stream_partitions(const struct io_stream *s, struct slice dc, struct slice topic);

/* The newest incarnation of a DC's strands in the head; 0 if it has none. */
uint32_t io_stream_incarnation(const struct io_stream *s, struct slice by);

/* Where the head has a strand, and the furthest of the partition's others: FAILING_ALONE if there are
 * none. POSITION_NONE each that is not there. */
void io_stream_strands(const struct io_stream *s, const struct strand_name *name, int64_t *out_own,
                       int64_t *out_others);

#endif
