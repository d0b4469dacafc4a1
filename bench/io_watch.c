/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/io_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bench/io_client.h"
#include "bench/io_load.h"
#include "bench/io_process.h"
#include "node/io_kafka.h"

#define BATCH          1000
#define LATENCY_MAX_US (3600LL * 1000000)
#define ARENA_MAX      (256 * 1024 * 1024)

struct watch {
    struct watch_config config;
    pthread_t thread;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct arena arena;
    struct watch_result result;
    _Atomic int64_t from_us;
    _Atomic uint64_t seen;
    _Atomic uint64_t distinct;
    _Atomic uint64_t mark;
    _Atomic int64_t first_us;
    atomic_bool is_stopped;
    int64_t start_us;
    int64_t last_us;
};

static int64_t intended_us(const struct header *headers, size_t count)
{
    char text[32];

    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(headers[i].name, SLICE_LIT(LOAD_TIME_HEADER)) ||
            headers[i].value.len >= sizeof text)
            continue;
        memcpy(text, headers[i].value.ptr, headers[i].value.len);
        text[headers[i].value.len] = '\0';
        return strtoll(text, NULL, 10);
    }
    return -1;
}

static void take(struct watch *w, rd_kafka_message_t *msg, int64_t now)
{
    struct header headers[IO_KAFKA_HEADERS_MAX];
    struct braid_headers braid;
    const int64_t from = atomic_load(&w->from_us);

    if (msg->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return; /* the client goes on by itself, or the watch will miss something and say so */
    const size_t count = io_kafka_headers(msg, headers);
    const int64_t intended = intended_us(headers, count);
    headers_parse(headers, count, &braid);
    tally_add(&w->result.tally, &braid, w->config.is_global);
    if (from == 0 || intended < from)
        return;
    (void)hdr_record_value(w->result.latency, now - intended);
    if (w->last_us != 0 && now - w->last_us > w->result.gap_max_us)
        w->result.gap_max_us = now - w->last_us;
    w->last_us = now;
}

static void count_slice(struct watch *w, int64_t now, ssize_t got)
{
    const int64_t slice = (now - w->start_us) / (WATCH_SLICE_MS * 1000);

    if (slice < 0 || slice >= WATCH_SLICES_MAX)
        return;
    w->result.slices[slice] += (uint32_t)got;
    if ((uint32_t)slice >= w->result.slice_count)
        w->result.slice_count = (uint32_t)slice + 1;
}

static void *run(void *arg)
{
    struct watch *w = arg;
    rd_kafka_message_t *messages[BATCH];

    while (!atomic_load(&w->is_stopped)) {
        rd_kafka_message_t *first = NULL;
        /* One first, for its exact time; then what has come with it. */
        ssize_t got = rd_kafka_consume_batch_queue(w->queue, 20, &first, 1);
        const int64_t now = now_wall_us();
        if (got <= 0)
            continue;
        take(w, first, now);
        rd_kafka_message_destroy(first);
        const ssize_t more = rd_kafka_consume_batch_queue(w->queue, 0, messages, BATCH);
        for (ssize_t i = 0; i < more; i++) {
            take(w, messages[i], now);
            rd_kafka_message_destroy(messages[i]);
        }
        got += more > 0 ? more : 0;
        count_slice(w, now, got);
        atomic_fetch_add(&w->seen, (uint64_t)got);
        atomic_store(&w->distinct, w->result.tally.distinct);
        if (w->result.tally.distinct > atomic_load(&w->mark) && atomic_load(&w->first_us) == 0)
            atomic_store(&w->first_us, now);
    }
    return NULL;
}

struct watch *watch_start(const struct watch_config *config)
{
    struct watch *w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->config = *config;
    w->start_us = now_wall_us();
    arena_init(&w->arena, 1024 * 1024, ARENA_MAX);
    if (tally_init(&w->result.tally, config->dcs, config->source_partitions, config->offsets_max,
                   &w->arena) != 0 ||
        hdr_init(1, LATENCY_MAX_US, 3, &w->result.latency) != 0)
        goto out;
    w->rk = client_reader(config->bootstrap, config->topic, config->partitions, "read_committed",
                          &w->queue);
    if (w->rk == NULL || pthread_create(&w->thread, NULL, run, w) != 0)
        goto out;
    return w;
out: /* no memory, or no thread: the process ends */
    arena_deinit(&w->arena);
    free(w);
    return NULL;
}

uint64_t watch_seen(const struct watch *w)
{
    return atomic_load(&w->seen);
}

uint64_t watch_distinct(const struct watch *w)
{
    return atomic_load(&w->distinct);
}

void watch_mark(struct watch *w)
{
    atomic_store(&w->mark, watch_distinct(w));
    atomic_store(&w->first_us, 0);
}

int64_t watch_first_us(const struct watch *w)
{
    return atomic_load(&w->first_us);
}

void watch_measure(struct watch *w, int64_t from_us)
{
    atomic_store(&w->from_us, from_us);
}

void watch_end(struct watch *w, struct watch_result *out)
{
    atomic_store(&w->is_stopped, true);
    (void)pthread_join(w->thread, NULL);
    rd_kafka_queue_destroy(w->queue);
    rd_kafka_destroy_flags(w->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    *out = w->result; /* its tally's bits are not asked for any more */
    arena_deinit(&w->arena);
    free(w);
}
