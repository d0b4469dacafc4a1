/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_scenario.h - what is measured, and how: one function a scenario, each adds points to the report.
 *
 * The way is the same for all: events wait in the source topics (a backlog); Braid's tasks start; after
 * the warm-up CPU time and wall time are read, and again when everything has come out (events/s,
 * CPU-seconds per 1,000 events); then events arrive at a steady rate, open loop (latency). All
 * that came out is audited by origin.
 *
 * Pure:    no.
 */
#ifndef BRAID_BENCH_IO_SCENARIO_H
#define BRAID_BENCH_IO_SCENARIO_H

#include "bench/event_text.h"
#include "bench/io_floor.h"
#include "bench/io_load.h"
#include "bench/io_stage.h"
#include "bench/io_watch.h"
#include "bench/report.h"

struct bench {
    struct stage stage;
    struct bench_report *report; /* borrowed */
    uint64_t seed;
    bool is_full;
    const char *only;   /* points with this in their name; NULL: all */
    struct texts texts; /* of `text_bytes` */
    uint32_t text_bytes;
    struct arena text_arena;
    struct event_source source;
    uint64_t next_event; /* of the source: none is used twice */
    double floor_copy;   /* CPU-seconds per 1,000 events, of the floors so far; 0: not measured */
    int nodes_per_dc;    /* running now */
    int64_t until_us;    /* no point is begun after this (now_us) */
    uint32_t failed;     /* points that could not be measured */
    void (*save)(struct bench *b); /* after each point */
    const void *options;           /* for save */
    double one_way_ms;
};

/* What differs from point to point. */
struct setting {
    const char *name;
    uint32_t event_bytes;
    uint32_t text_bytes;
    uint32_t batch;
    int partitions;
    int nodes;
    double api_latency_ms;
    int one_way_ms;
    int64_t dedup_window;
    uint64_t events; /* of the backlog, warm-up included */
    uint64_t warm_up;
    double rate; /* of the steady part */
    double steady_s;
};

void scenario_floor(struct bench *b);
void scenario_replicate(struct bench *b);
void scenario_enrich(struct bench *b);
void scenario_merge(struct bench *b);
void scenario_end_to_end(struct bench *b);
void scenario_many_streams(struct bench *b); /* of end-to-end */
void scenario_start(struct bench *b);
void scenario_failover(struct bench *b);

/* ---- what they share -------------------------------------------------------------------------- */

/* Runs one point, with its floors, unless the report has it already or the time is over. What could
 * not be measured leaves no trace but in `failed`; the next point is tried all the same. */
void bench_run(struct bench *b, const char *scenario, const struct setting *setting,
               int (*one)(struct bench *b, const struct setting *setting));

/* The next point of the report; NULL: full. */
struct point *bench_point(struct bench *b, const char *scenario, const struct setting *setting);

/* API server and nodes as the setting has them. */
int bench_prepare(struct bench *b, const struct setting *setting);

/* Sends `count` events to DC d's source topic as fast as Kafka takes them. */
int bench_fill(struct bench *b, const struct stage_stream *st, int d, uint64_t count);

/* A stream with the setting's limits; nothing runs yet. */
int bench_stream(struct bench *b, const char *scenario, const struct setting *setting,
                 struct stage_stream *st);

/* Runs a floor as a process of its own. */
int bench_floor_copy(struct bench *b, const struct floor_copy *f, struct floor_result *out);
int bench_floor_curl(struct bench *b, const struct floor_curl *f, struct floor_result *out);

/* CPU time, time, memory and API requests from one look to the next. */
struct meter {
    int64_t start_us;
    double cpu_s;
    struct io_api_counts counts;
    bool has_counts;
};

struct meter bench_meter(const struct bench *b);
void bench_meter_read(const struct bench *b, const struct meter *m, struct point *p);

/* Puts the watch's findings into the point; `sent` distinct events were expected. */
void bench_audit(struct point *p, struct watch_result *w, uint64_t sent);
void bench_latency(struct point *p, const struct hdr_histogram *h);

/* A reader of what DC d holds of a topic. */
struct watch *bench_watch(const struct bench *b, const struct stage_stream *st, int d,
                          const char *topic);

/* Waits until `count` distinct events have come, or nothing has for 30 s: ERR_TIMEOUT. */
int bench_await(const struct watch *w, uint64_t count);

/* The steady part: both DCs' sources share the rate (`dcs` of them, from DC 0 on). */
int bench_steady(struct bench *b, const struct stage_stream *st, const struct setting *setting,
                 struct point *p, int dcs, struct watch *w);

#endif
