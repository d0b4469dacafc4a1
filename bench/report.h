/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - what a run of the bench found, as JSON (docs/schemas/bench.json) and as one HTML page.
 *
 * Promise: every figure comes from a struct point; nothing is left out because it looks bad. The page
 *          needs no other file and no network.
 * Pure:    yes. Texts lie in the arena.
 */
#ifndef BRAID_BENCH_REPORT_H
#define BRAID_BENCH_REPORT_H

#include "coord/text.h"

enum {
    POINTS_MAX = 64,
    POINT_NAME_MAX = 64,
    POINT_NOTE_MAX = 200,
    POINT_CURVE = 64,
    POINT_SLICES = 480,
};

/* Of a latency, milliseconds. */
struct point_latency {
    uint64_t count; /* 0: not measured */
    double p50, p90, p99, p999, p9999, max;
    double curve[POINT_CURVE]; /* at percentiles point_percentile(i) */
};

struct point {
    char scenario[POINT_NAME_MAX];
    char name[POINT_NAME_MAX]; /* what is special about it; the same words in every run */
    /* What was done. */
    uint32_t event_bytes;
    uint32_t text_bytes;
    uint32_t batch;
    uint32_t partitions;
    uint32_t nodes; /* in each DC */
    double api_latency_ms;
    uint32_t one_way_ms;
    double rate; /* events a second of the steady part; 0: there was none */
    /* What it took: Braid's processes alone, or the floor's. */
    uint64_t events; /* measured, without those of the warm-up */
    uint64_t warm_up;
    double seconds;
    double cpu_s;
    double peak_rss_mb; /* of the largest process */
    double requests;    /* to the API in that time; negative: not known */
    double connections; /* opened to it in that time; negative: not known */
    /* What it is compared with. */
    double floor_cpu_s_per_1000; /* negative: there is none */
    double ratio_at_most;        /* negative: no target */
    double cpu_at_most;          /* CPU-seconds per 1,000 events; negative: no target */
    struct point_latency latency;
    double p50_at_most_ms; /* negative: no target */
    double p99_at_most_ms;
    double
        enriched_s; /* from a node's start to its first enriched record; negative: not measured */
    double start_s; /* from there to the first global record; negative: not measured */
    double enriched_at_most_s; /* negative: no target */
    double start_at_most_s;
    double rss_at_most_mb;
    double gap_max_ms;
    uint64_t lost;
    uint64_t duplicated;
    uint64_t reordered;
    uint64_t not_ok;   /* came out with another status than ok */
    bool is_saturated; /* the generator could not keep up: the steady part says nothing */
    double late_max_ms;
    char note[POINT_NOTE_MAX];
    uint32_t slices[POINT_SLICES]; /* arrivals at the reader, by time since it began */
    uint32_t slice_count;
    uint32_t slice_ms;
};

struct environment {
    char started[32]; /* time, UTC */
    char version[32];
    char cpu[128];
    int cpus;
    double memory_gb;
    char kernel[128];
    char librdkafka[32];
    char libcurl[64];
    char compiler[64];
    char kafka[64];
    double load_before; /* 1-minute load of the machine when the bench began */
    uint64_t seed;
    bool is_full;
};

struct bench_report {
    struct environment environment;
    struct point points[POINTS_MAX];
    uint32_t count;
};

double point_cpu_per_1000(const struct point *p);
double point_ratio(const struct point *p); /* to the floor; negative: there is none */
/* Was each target of the point met? Without targets: true. */
bool point_has_target(const struct point *p);
bool point_is_met(const struct point *p);
double point_percentile(int i);

void report_json(const struct bench_report *r, struct text *out);
/* Tables of a document; docs/performance.md has them between marks. */
void report_markdown(const struct bench_report *r, struct text *out);
void report_html(const struct bench_report *r, struct text *out);

/* One line about a point, for the terminal. */
void report_line(const struct point *p, struct text *out);

#endif
