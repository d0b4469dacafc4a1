/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_recorder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum {
    RECORDER_POLL_MS = 20,
    RECORDER_PAUSE_MS = 50 /* after a failed read */
};

struct recording {
    struct recorder *recorder; /* borrowed: the owner */
    struct drill_copy *copy;   /* borrowed; under the lock */
    struct kafka_reader *reader;
    pthread_t thread;
};

struct recorder {
    struct drill *drill; /* borrowed; under the lock */
    struct timespec begun;
    pthread_mutex_t lock;
    struct recording recordings[AUDIT_DCS_MAX];
    size_t count;
    pthread_t clock;
    bool has_clock;
    atomic_bool is_over;
};

static int64_t mono_ms(const struct timespec *since)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)(now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

int64_t recorder_now_ms(const struct recorder *r)
{
    return mono_ms(&r->begun);
}

/* ---- the threads ------------------------------------------------------------------------------ */

/* The source's timestamp; the record's own if the header is not there. */
static int64_t source_time(const struct audit_raw *raw)
{
    int64_t ms = 0;

    for (size_t i = 0; i < raw->header_count; i++) {
        if (slice_equal(raw->headers[i].name, SLICE_LIT("braid-time")) &&
            keys_parse_number(raw->headers[i].value, &ms) == 0) {
            return ms;
        }
    }
    return raw->time_ms;
}

static void take(struct recording *rec, const struct kafka_record *record)
{
    struct recorder *r = rec->recorder;
    struct audit_record parsed;
    struct drill_arrival arrival;

    audit_record_parse(&record->raw, &parsed);
    if (!parsed.has_origin || !parsed.has_seq)
        return;
    arrival = (struct drill_arrival){.wall_ms = session_now_ms(),
                                     .time_ms = source_time(&record->raw),
                                     .seq = parsed.seq,
                                     .dc = parsed.dc,
                                     .topic = parsed.topic,
                                     .partition = parsed.partition};
    (void)pthread_mutex_lock(&r->lock); /* fails only for a broken mutex */
    arrival.at_ms = recorder_now_ms(r);
    drill_record(r->drill, rec->copy, &arrival);
    if (!rec->copy->is_harmed && r->drill->taken_ms == DRILL_NONE &&
        r->drill->detected_ms != DRILL_NONE) {
        r->drill->taken_ms = arrival.at_ms;
    }
    (void)pthread_mutex_unlock(&r->lock);
}

/*
 * Thread: one that only sleeps, and notes how much longer than it wanted to: a machine that stood still
 * tells nothing of the stream.
 */
static void *run_clock(void *arg)
{
    const struct timespec nap = {.tv_nsec = RECORDER_POLL_MS * 1000000};
    struct recorder *r = arg;
    int64_t last_ms = recorder_now_ms(r);

    while (!atomic_load(&r->is_over)) {
        (void)nanosleep(&nap, NULL); /* a shorter nap is no stall */
        const int64_t now_ms = recorder_now_ms(r);
        const int64_t stall_ms = now_ms - last_ms - RECORDER_POLL_MS;

        last_ms = now_ms;
        (void)pthread_mutex_lock(&r->lock);
        if (stall_ms > r->drill->stall_max_ms)
            r->drill->stall_max_ms = stall_ms;
        drill_tick(r->drill, now_ms);
        (void)pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

/* Thread: one of its own for each copy. */
static void *run(void *arg)
{
    const struct timespec pause = {.tv_nsec = RECORDER_PAUSE_MS * 1000000};
    struct recording *rec = arg;
    struct kafka_record record;

    while (!atomic_load(&rec->recorder->is_over)) {
        enum kafka_event event = kafka_next(rec->reader, RECORDER_POLL_MS, &record);

        if (event == KAFKA_RECORD)
            take(rec, &record);
        if (event == KAFKA_FAILED)
            (void)nanosleep(&pause, NULL); /* its Kafka may be the one that is harmed */
    }
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------- */

int recorder_new(struct session *s, struct drill *d, struct recorder **out)
{
    struct recorder *r = arena_calloc(&s->arena, 1, sizeof(*r));

    if (r == NULL || pthread_mutex_init(&r->lock, NULL) != 0) {
        output_error(&s->output, "out of memory");
        return EXIT_REFUSED;
    }
    r->drill = d;
    (void)clock_gettime(CLOCK_MONOTONIC, &r->begun); /* cannot fail for this clock */
    if (pthread_create(&r->clock, NULL, run_clock, r) != 0) {
        output_error(&s->output, "no thread could be started");
        return EXIT_REFUSED;
    }
    r->has_clock = true;
    *out = r;
    return 0;
}

int recorder_add(struct recorder *r, struct drill_copy *copy, struct kafka_reader *reader)
{
    struct recording *rec = &r->recordings[r->count];

    *rec = (struct recording){.recorder = r, .copy = copy, .reader = reader};
    if (pthread_create(&rec->thread, NULL, run, rec) != 0)
        return EXIT_REFUSED;
    r->count++;
    return 0;
}

void recorder_mark(struct recorder *r, enum recorder_moment moment)
{
    struct drill *d = r->drill;
    int64_t *moments[] = {[RECORDER_ACTED] = &d->acted_ms,
                          [RECORDER_DETECTED] = &d->detected_ms,
                          [RECORDER_ENDED] = &d->ended_ms,
                          [RECORDER_FINE] = &d->fine_ms};

    (void)pthread_mutex_lock(&r->lock);
    if (*moments[moment] == DRILL_NONE)
        *moments[moment] = recorder_now_ms(r);
    (void)pthread_mutex_unlock(&r->lock);
}

uint64_t recorder_fewest(struct recorder *r)
{
    uint64_t fewest = UINT64_MAX;

    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->drill->copy_count; i++) {
        if (r->drill->copies[i].records < fewest)
            fewest = r->drill->copies[i].records;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return fewest;
}

void recorder_stop(struct recorder *r)
{
    atomic_store(&r->is_over, true);
    if (r->has_clock)
        (void)pthread_join(r->clock, NULL); /* it was created */
    for (size_t i = 0; i < r->count; i++) {
        (void)pthread_join(r->recordings[i].thread, NULL); /* each was created */
        kafka_close(r->recordings[i].reader);
    }
    (void)pthread_mutex_destroy(&r->lock);
    r->count = 0;
}
