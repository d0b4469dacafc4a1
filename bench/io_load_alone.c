/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/io_load_alone.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/event_text.h"
#include "bench/io_load.h"
#include "bench/io_process.h"

enum {
    EVENT_BYTES = 1500,
    ARENA_BYTES = 1 << 20,
    ARENA_BYTES_MAX = 64 << 20
};

/* Until the time is over or a signal comes; signals are blocked, so that no thread takes them. */
static void wait_for_end(const sigset_t *signals, double seconds)
{
    const struct timespec time = {.tv_sec = (time_t)seconds,
                                  .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

    (void)sigtimedwait(signals, NULL, &time); /* either way it is over */
}

static int run(const struct load_alone *l, const struct event_source *source)
{
    const struct load_config config = {
        .bootstrap = l->bootstrap,
        .topic = l->topic,
        .partitions = l->partitions,
        .source = source,
        .first = l->first,
        .count = l->rate > 0 ? (uint64_t)(l->rate * l->seconds) : l->count,
        .rate = l->rate,
    };
    sigset_t signals;

    (void)sigemptyset(&signals); /* these fail only for numbers that are no signals */
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    struct load *load = load_start(&config);
    if (load == NULL)
        return EXIT_FAILURE;
    if (l->rate > 0) {
        wait_for_end(&signals, l->seconds + 1);
        load_stop(load);
    }
    const struct load_result r = load_wait(load);
    (void)printf("{\"sent\":%llu,\"failed\":%llu,\"late\":%llu,\"late_max_ms\":%lld,"
                 "\"saturated\":%s}\n",
                 (unsigned long long)r.sent, (unsigned long long)r.failed,
                 (unsigned long long)r.late, (long long)(r.late_max_us / 1000),
                 load_is_saturated(&r) ? "true" : "false");
    return r.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int load_alone_run(const struct load_alone *l)
{
    struct event_source *source = calloc(1, sizeof *source);
    struct texts *texts = calloc(1, sizeof *texts);
    struct arena arena;
    int code = EXIT_FAILURE;

    arena_init(&arena, ARENA_BYTES, ARENA_BYTES_MAX);
    if (source != NULL && texts != NULL &&
        texts_fill(texts, l->seed, l->text_bytes, 0, &arena) == 0) {
        event_source_init(source, l->seed, texts, EVENT_BYTES);
        source->pages = l->pages;
        code = run(l, source);
    }
    arena_deinit(&arena);
    free(texts);
    free(source);
    return code;
}
