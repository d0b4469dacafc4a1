/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bench/io_client.h"
#include "bench/io_process.h"
#include "bench/io_stage.h"
#include "coord/keyspace.h"
#include "proto/braid.pb-c.h"
#include "proto/err.h"

#define DELETE_US 700000 /* then the nodes have seen that the stream is gone */

static struct slice cluster_name(void)
{
    return slice_str(getenv("BRAID_CLUSTER"));
}

int stage_stream_open(struct stage *s, const char *scenario, struct stage_stream *st)
{
    char name[64];

    s->streams++;
    (void)snprintf(name, sizeof name, "bench.%.20s.%lld.%d", scenario, (long long)s->id,
                   s->streams);
    (void)snprintf(st->topic, sizeof st->topic, "%s.page_change", name);
    (void)snprintf(st->output, sizeof st->output, "%s.page_content", name);
    (void)snprintf(st->global, sizeof st->global, "global.%s.page_content", name);
    for (int d = 0; d < STAGE_DCS; d++) {
        (void)snprintf(st->source[d], sizeof st->source[d], "%s.%s.page_change", STAGE_DC[d], name);
        (void)snprintf(st->enriched[d], sizeof st->enriched[d], "%s.braid.enriched.%s.page_content",
                       STAGE_DC[d], name);
        const int rc = client_create_topic(s->kafka[d], st->source[d], st->partitions);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* ---- tasks that rest -------------------------------------------------------------------------- */

static int put_claim(struct stage *s, const char *dc, struct slice task, bool is_held)
{
    const struct keyspace_key key = {
        .kind = KEYSPACE_CLAIM, .cluster = cluster_name(), .dc = slice_str(dc), .name = task};
    Braid__Claim claim;
    struct etcd_answer answer;
    uint8_t bytes[1024];
    struct slice name;

    braid__claim__init(&claim);
    int rc = keyspace_build(&key, &s->arena, &name);
    if (rc != 0)
        return rc;
    if (!is_held) {
        const struct etcd_range range = {.key = name};
        return etcd_sync_delete(s->etcd, &range, &s->arena, &answer);
    }
    claim.node = arena_strdup(&s->arena, SLICE_LIT("bench/holds"));
    claim.task = arena_strdup(&s->arena, task);
    if (claim.node == NULL || claim.task == NULL ||
        braid__claim__get_packed_size(&claim) > sizeof bytes)
        return ERR_NO_MEMORY;
    const struct etcd_put put = {.key = name,
                                 .value = slice_of(bytes, braid__claim__pack(&claim, bytes))};
    rc = etcd_sync_put(s->etcd, &put, &s->arena, &answer);
    if (rc != 0)
        (void)fprintf(stderr, "braid-bench: etcd: %s\n", etcd_sync_error(s->etcd));
    return rc;
}

/* The task of one kind and partition of DC d. */
static struct task task_of(const struct stage_stream *st, int d, unsigned kind, uint32_t partition,
                           char enriched[STAGE_NAME_MAX + 32])
{
    const struct slice other = slice_str(STAGE_DC[1 - d]);
    struct task t = {.partition = partition, .topic = slice_str(st->topic)};

    switch ((enum stage_rest)kind) {
    case STAGE_REST_COPY_SOURCE:
        t.kind = TASK_REPLICATE;
        t.dc = other;
        break;
    case STAGE_REST_ENRICH_OWN:
    case STAGE_REST_ENRICH_OTHER:
        t.kind = TASK_ENRICH;
        t.output = slice_str(st->output);
        t.dc = kind == STAGE_REST_ENRICH_OWN ? slice_str(STAGE_DC[d]) : other;
        break;
    case STAGE_REST_COPY_ENRICHED:
        (void)snprintf(enriched, STAGE_NAME_MAX + 32, TASK_ENRICHED_PREFIX "%s", st->output);
        t.kind = TASK_REPLICATE;
        t.dc = other;
        t.topic = slice_str(enriched);
        break;
    case STAGE_REST_MERGE:
    case STAGE_REST_ALL:
        t = (struct task){.kind = TASK_MERGE, .output = slice_str(st->output)};
        break;
    }
    return t;
}

static int set_claims(struct stage *s, const struct stage_stream *st, const unsigned kinds[],
                      bool is_held)
{
    for (int d = 0; d < STAGE_DCS; d++)
        for (unsigned kind = 1; kind < STAGE_REST_ALL; kind *= 2) {
            const int partitions = kind == STAGE_REST_MERGE ? 1 : st->partitions;
            for (int p = 0; (kinds[d] & kind) != 0 && p < partitions; p++) {
                char enriched[STAGE_NAME_MAX + 32];
                const struct task t = task_of(st, d, kind, (uint32_t)p, enriched);
                struct slice name;
                arena_reset(&s->arena);
                int rc = task_build(&t, &s->arena, &name);
                rc = rc != 0 ? rc : put_claim(s, STAGE_DC[d], name, is_held);
                if (rc != 0)
                    return rc;
            }
        }
    return 0;
}

int stage_release(struct stage *s, const struct stage_stream *st, unsigned kinds)
{
    const unsigned of_each[STAGE_DCS] = {kinds & st->rest[0], kinds & st->rest[1]};

    return set_claims(s, st, of_each, false);
}

/* ---- applying --------------------------------------------------------------------------------- */

static int write_spec(const struct stage *s, const struct stage_stream *st, char path[])
{
    (void)snprintf(path, STAGE_PATH_MAX + 64, "%s/bench-stream.yaml", s->state);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return ERR_IO;
    (void)fprintf(file,
                  "stream: %s\ndescription: load of braid-bench\nowner: bench\n"
                  "dcs: [eqiad, codfw]\nsources: [{topic: %s}]\nstart: earliest\n"
                  "enrich: [content]\nmerge: {cut_interval: 50ms}\ndedup: {window: %lld}\n"
                  "limits: {fetches_per_s: 100000, in_flight: %d, batch: %d}\n",
                  st->output, st->topic, (long long)st->dedup_window, st->in_flight, st->batch);
    return fclose(file) == 0 ? 0 : ERR_IO;
}

/* Starts braidctl. */
static pid_t ctl_start(const struct stage *s, const char *const words[])
{
    char path[STAGE_PATH_MAX + 32];
    const char *argv[PROCESS_ARGS_MAX] = {path};

    (void)snprintf(path, sizeof path, "%s/build/braidctl", s->root);
    for (int i = 0; words[i] != NULL && i + 2 < PROCESS_ARGS_MAX; i++)
        argv[i + 1] = words[i];
    return process_start(argv, s->log);
}

int stage_stream_apply(struct stage *s, const struct stage_stream *st)
{
    char path[STAGE_PATH_MAX + 64];
    const char *const words[] = {"apply", "-f", path, "--yes", "-m", "bench", NULL};
    int rc = write_spec(s, st, path);

    rc = rc != 0 ? rc : set_claims(s, st, st->rest, true);
    if (rc != 0)
        return rc;
    if (process_wait(ctl_start(s, words)) != 0) {
        (void)fprintf(stderr, "braid-bench: the stream could not be applied; see %s\n", s->log);
        return ERR_REFUSED;
    }
    return 0;
}

void stage_stream_close(struct stage *s, const struct stage_stream *st)
{
    const char *const words[] = {"delete", st->output, "--yes", "-m", "bench", NULL};

    if (st->output[0] == '\0')
        return;
    /* It waits until nobody holds the stream's tasks; but were the bench to let go of them first, they
     * would begin. What stays behind only takes disk space: the next stream has other names. */
    const pid_t pid = ctl_start(s, words);
    sleep_us(DELETE_US);
    (void)stage_release(s, st, STAGE_REST_ALL);
    (void)process_wait(pid);
    for (int d = 0; d < STAGE_DCS; d++) {
        for (int e = 0; e < STAGE_DCS; e++) {
            client_delete_topic(s->kafka[d], st->source[e]);
            client_delete_topic(s->kafka[d], st->enriched[e]);
        }
        client_delete_topic(s->kafka[d], st->global);
    }
}
