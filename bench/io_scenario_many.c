/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many streams at once, each with a source topic of its own: what a stream costs beside its events.
 * All have a backlog when the nodes start; measured is from there until all of it has come out.
 */
#include "bench/io_scenario.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/err.h"

enum {
    STREAMS = 50,
    READ_DC = 1, /* whose global topics are read and audited */
};

struct many {
    int opened;
    struct stage_stream streams[STREAMS];
    struct watch *watches[STREAMS];
};

/* All topics first: one that was made this moment is not there for everybody. */
static int open_all(struct bench *b, const struct setting *setting, struct many *m)
{
    int rc = 0;

    for (int i = 0; i < STREAMS && rc == 0; i++)
        rc = bench_stream(b, "many", setting, &m->streams[m->opened++]);
    for (int i = 0; i < STREAMS && rc == 0; i++)
        rc = stage_stream_apply(&b->stage, &m->streams[i]);
    return rc;
}

static int fill_all(struct bench *b, const struct setting *setting, struct many *m)
{
    for (int i = 0; i < STREAMS; i++) {
        for (int d = 0; d < STAGE_DCS; d++) {
            const int rc = bench_fill(b, &m->streams[i], d, setting->events / STREAMS / STAGE_DCS);
            if (rc != 0)
                return rc;
        }
        m->watches[i] = bench_watch(b, &m->streams[i], READ_DC, m->streams[i].global);
        if (m->watches[i] == NULL)
            return ERR_NO_MEMORY;
    }
    return 0;
}

static int measure(struct bench *b, const struct setting *setting, struct many *m, struct point *p)
{
    int rc = stage_nodes_start(&b->stage, setting->nodes);
    const struct meter meter = bench_meter(b);

    for (int i = 0; i < STREAMS && rc == 0; i++)
        rc = bench_await(m->watches[i], setting->events / STREAMS);
    bench_meter_read(b, &meter, p);
    p->events = setting->events;
    return rc;
}

static void audit_all(const struct setting *setting, struct many *m, struct point *p)
{
    for (int i = 0; i < STREAMS && m->watches[i] != NULL; i++) {
        struct watch_result result;
        watch_end(m->watches[i], &result);
        bench_audit(p, &result, setting->events / STREAMS);
    }
}

static int many_one(struct bench *b, const struct setting *setting)
{
    struct many *m = calloc(1, sizeof *m);
    struct point *p = NULL;

    if (m == NULL)
        return ERR_NO_MEMORY;
    int rc = bench_prepare(b, setting);
    rc = rc != 0 ? rc : open_all(b, setting, m);
    if (rc == 0) {
        stage_nodes_stop(&b->stage);
        p = bench_point(b, "end-to-end", setting);
        rc = p == NULL ? ERR_NO_MEMORY : fill_all(b, setting, m);
    }
    if (p != NULL) {
        (void)snprintf(p->note, sizeof p->note,
                       "%d streams, from the nodes' start to the end of %d "
                       "events in each",
                       STREAMS, (int)(setting->events / STREAMS));
        rc = rc != 0 ? rc : measure(b, setting, m, p);
        audit_all(setting, m, p);
    }
    for (int i = 0; i < m->opened; i++)
        stage_stream_close(&b->stage, &m->streams[i]);
    free(m);
    return rc;
}

void scenario_many_streams(struct bench *b)
{
    const struct setting setting = {.name = "50 streams",
                                    .event_bytes = 1500,
                                    .text_bytes = 10500,
                                    .batch = 50,
                                    .partitions = 1,
                                    .nodes = 1,
                                    .dedup_window = 10000,
                                    .events = (uint64_t)STREAMS * 300};

    bench_run(b, "end-to-end", &setting, many_one);
}
