/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_stage.h - what a scenario needs around it: the local cluster's servers (deploy/local/cluster),
 *              Braid's nodes, the API server; and one stream at a time on them.
 *
 * Which part of Braid works is decided with Braid's own means: before a stream is applied, the bench
 * claims the tasks that shall rest, as a node would that never does them (stage_hold). Who runs are
 * ordinary braidd processes.
 *
 * Promise: servers that ran before are used and left running; those that were started here are taken
 *          down at the end.
 * Pure:    no.
 */
#ifndef BRAID_BENCH_IO_STAGE_H
#define BRAID_BENCH_IO_STAGE_H

#include "bench/io_api.h"
#include "coord/io_etcd_sync.h"
#include "coord/tasks.h"

enum {
    STAGE_DCS = 2,
    STAGE_NODES_MAX = 8, /* in all */
    STAGE_PATH_MAX = 512,
    STAGE_NAME_MAX = 128,
    STAGE_PARTITIONS_MAX = 96,
};

extern const char *const STAGE_DC[STAGE_DCS];

struct stage {
    char root[STAGE_PATH_MAX]; /* of the tree */
    char state[STAGE_PATH_MAX];
    char log[STAGE_PATH_MAX + 32];
    char kafka[STAGE_DCS][64];
    char api_url[64];
    uint16_t api_port;
    bool was_up;
    pid_t api;
    pid_t nodes[STAGE_NODES_MAX]; /* eqiad 1, codfw 1, eqiad 2, ...; 0: none */
    int node_count;
    int streams; /* so far; makes names that were never used before */
    int64_t id;  /* of this run of the bench */
    struct etcd_sync *etcd;
    struct arena arena;
};

/* Kinds of tasks that shall rest, of a DC. */
enum stage_rest {
    STAGE_REST_COPY_SOURCE = 1,
    STAGE_REST_ENRICH_OWN = 2,
    STAGE_REST_ENRICH_OTHER = 4,
    STAGE_REST_COPY_ENRICHED = 8,
    STAGE_REST_MERGE = 16,
    STAGE_REST_ALL = 31,
};

struct stage_stream {
    char output[STAGE_NAME_MAX];
    char topic[STAGE_NAME_MAX];                 /* source, without prefix */
    char source[STAGE_DCS][STAGE_NAME_MAX + 8]; /* with it */
    char enriched[STAGE_DCS][STAGE_NAME_MAX + 32];
    char global[STAGE_NAME_MAX + 8];
    int partitions;
    int batch;
    int in_flight;
    int64_t dedup_window;
    unsigned rest[STAGE_DCS]; /* enum stage_rest */
};

/* Starts the servers. 0, or a code with the reason said. */
int stage_open(struct stage *s);
void stage_close(struct stage *s);

int stage_api_start(struct stage *s, const struct io_api_config *config);
void stage_api_stop(struct stage *s);

/* One-way latency between the sites. */
int stage_latency(struct stage *s, int ms);

/* Starts `per_dc` nodes in each DC. */
int stage_nodes_start(struct stage *s, int per_dc);
void stage_nodes_stop(struct stage *s);
double stage_cpu_s(const struct stage *s);   /* of all nodes together */
double stage_peak_mb(const struct stage *s); /* of the largest node */
void stage_reset_peak(const struct stage *s);

/* Names the stream and makes its source topics. */
int stage_stream_open(struct stage *s, const char *scenario, struct stage_stream *st);

/* Puts the tasks to rest that shall, then applies the stream. */
int stage_stream_apply(struct stage *s, const struct stage_stream *st);

/* Lets a kind of task of all DCs go. */
int stage_release(struct stage *s, const struct stage_stream *st, unsigned kinds);

/* Deletes the stream and its topics. */
void stage_stream_close(struct stage *s, const struct stage_stream *st);

/* Runs deploy/local/cluster with up to two words. */
int stage_cluster(struct stage *s, const char *verb, const char *word);

/* After start-dc: looks up the nodes' processes anew. */
void stage_nodes_find(struct stage *s);

#endif
