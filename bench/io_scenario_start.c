/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenario of a start: nodes that were stopped in order start on a stream that has work for them.
 */
#include "bench/io_scenario.h"

#include <stdio.h>

#include "bench/io_process.h"
#include "proto/err.h"

#define TRIES 3 /* the worst one counts */

struct start_watches {
    struct watch *enriched;
    struct watch *global;
};

static double seconds_since(int64_t first_us, int64_t started_us)
{
    return first_us == 0 || started_us == 0 ? -1 : (double)(first_us - started_us) / 1e6;
}

/* Stops the nodes, gives them work, starts them. */
static int start_once(struct bench *b, const struct setting *setting, const struct stage_stream *st,
                      const struct start_watches *w, struct point *p)
{
    const uint64_t all = watch_distinct(w->global) + setting->events;

    stage_nodes_stop(&b->stage);
    watch_mark(w->enriched);
    watch_mark(w->global);
    int rc = bench_fill(b, st, 0, setting->events);
    rc = rc != 0 ? rc : stage_nodes_start(&b->stage, setting->nodes);
    rc = rc != 0 ? rc : bench_await(w->global, all);
    if (rc != 0)
        return rc;
    int64_t last_us = 0;
    for (int i = 0; i < b->stage.node_count; i++) {
        const int64_t us = process_started_us(b->stage.nodes[i]);
        last_us = us > last_us ? us : last_us;
    }
    const double enriched =
        seconds_since(watch_first_us(w->enriched), process_started_us(b->stage.nodes[0]));
    const double global = seconds_since(watch_first_us(w->global), last_us);
    p->enriched_s = enriched > p->enriched_s ? enriched : p->enriched_s;
    p->start_s = global > p->start_s ? global : p->start_s;
    return 0;
}

static int start_one(struct bench *b, const struct setting *setting)
{
    struct stage_stream st = {.partitions = 1};
    struct start_watches w = {NULL, NULL};
    struct watch_result result;

    int rc = bench_prepare(b, setting);
    rc = rc != 0 ? rc : bench_stream(b, "start", setting, &st);
    rc = rc != 0 ? rc : bench_fill(b, &st, 0, setting->events);
    rc = rc != 0 ? rc : stage_stream_apply(&b->stage, &st);
    struct point *p = rc != 0 ? NULL : bench_point(b, "start", setting);
    if (p == NULL)
        goto out;
    p->enriched_at_most_s = 1;
    p->start_at_most_s = 2;
    (void)snprintf(p->note, sizeof p->note, "the worst of %d starts after a stop in order", TRIES);
    w.enriched = bench_watch(b, &st, 0, st.enriched[0]);
    w.global = bench_watch(b, &st, 0, st.global);
    rc = w.enriched == NULL || w.global == NULL ? ERR_NO_MEMORY : 0;
    rc = rc != 0 ? rc : bench_await(w.global, setting->events);
    for (int i = 0; i < TRIES && rc == 0; i++)
        rc = start_once(b, setting, &st, &w, p);
    if (w.enriched != NULL) {
        watch_end(w.enriched, &result);
        hdr_close(result.latency);
    }
    if (w.global != NULL) {
        watch_end(w.global, &result);
        bench_audit(p, &result, setting->events * (TRIES + 1));
    }
out:
    stage_stream_close(&b->stage, &st);
    return rc;
}

void scenario_start(struct bench *b)
{
    const struct setting setting = {.name = "after a stop in order",
                                    .event_bytes = 1500,
                                    .text_bytes = 10500,
                                    .batch = 50,
                                    .partitions = 1,
                                    .nodes = 1,
                                    .events = 200};

    bench_run(b, "start", &setting, start_one);
}
