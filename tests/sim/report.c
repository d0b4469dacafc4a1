/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/report.h"

#include "tests/sim/check.h"
#include "tests/sim/totals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 64

static void outcome_of(const struct world *w, struct outcome *out)
{
    const struct violation *v = check_verdict(w);

    *out = (struct outcome){.seed = w->p.seed,
                            .is_broken = v->is_broken,
                            .at_s = (double)v->at_us / 1e6,
                            .virtual_s = (double)w->now_us / 1e6,
                            .stats = w->stats};
    for (enum cover c = 0; c < COVER_COUNT; c++)
        out->cover[c] = (uint32_t)cover_counts[c];
    memcpy(out->invariant, v->invariant, sizeof out->invariant);
    memcpy(out->text, v->text, sizeof out->text);
}

static void print_broken(const struct outcome *o, enum mutant mutant, FILE *to)
{
    (void)fprintf(to, "%s broken at %.3f s: %s\n", o->invariant, o->at_s, o->text);
    (void)fprintf(to, "  make sim SEED=%llu%s%s\n", (unsigned long long)o->seed,
                  mutant != MUTANT_none ? " MUTANT=" : "",
                  mutant != MUTANT_none ? mutant_name(mutant) : "");
}

void report_one(const struct world *w, FILE *to)
{
    struct outcome o;

    outcome_of(w, &o);
    (void)fprintf(to,
                  "%.1f virtual minutes, %llu source records, %llu cuts, %llu emitted, %llu"
                  " faults, %llu runs, %llu member changes, %llu happenings\n",
                  o.virtual_s / 60, (unsigned long long)o.stats.records,
                  (unsigned long long)o.stats.cuts, (unsigned long long)o.stats.emitted,
                  (unsigned long long)o.stats.faults, (unsigned long long)o.stats.runs,
                  (unsigned long long)o.stats.member_changes,
                  (unsigned long long)o.stats.happenings);
    if (o.is_broken)
        print_broken(&o, w->p.mutant, to);
    else
        (void)fprintf(to, "every invariant held\n");
}

/* --- workers ------------------------------------------------------------------------------------ */

static void run_seed(struct world *w, uint64_t seed, enum mutant mutant, struct outcome *out)
{
    struct params p;

    params_draw(&p, seed, mutant);
    cover_reset();
    (void)world_run(w, &p);
    outcome_of(w, out);
}

/* Runs every `workers`-th seed and writes an outcome for each. */
static void work(uint64_t first, uint64_t count, uint32_t step, enum mutant mutant, int to)
{
    static struct world w;
    struct outcome o;

    world_init(&w);
    mutant_choose(mutant);
    for (uint64_t n = 0; n < count; n += step) {
        run_seed(&w, first + n, mutant, &o);
        if (write(to, &o, sizeof o) != (ssize_t)sizeof o)
            _exit(3);
    }
    world_free(&w);
    _exit(0);
}

static bool read_outcome(int from, struct outcome *out)
{
    size_t got = 0;

    while (got < sizeof *out) {
        ssize_t n = read(from, (char *)out + got, sizeof *out - got);

        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

/* Takes every outcome in the order of the seeds: they are dealt in turn, so taken in turn. */
static void gather(const int *pipes, uint32_t workers, uint64_t first, uint64_t count,
                   enum mutant mutant, struct totals *t)
{
    struct outcome o;

    for (uint64_t n = 0; n < count; n++) {
        if (!read_outcome(pipes[n % workers], &o)) {
            (void)printf("a worker died on seed %" PRIu64 "\n", first + n);
            return;
        }
        totals_add(t, &o);
        if (o.is_broken)
            print_broken(&o, mutant, stdout);
    }
}

static void spawn(uint64_t first, uint64_t count, enum mutant mutant, uint32_t workers, int *pipes)
{
    (void)fflush(stdout);
    for (uint32_t n = 0; n < workers; n++) {
        int ends[2];
        pid_t pid;

        if (pipe(ends) != 0 || (pid = fork()) < 0) {
            perror("sim");
            exit(3);
        }
        if (pid == 0) {
            (void)close(ends[0]);
            work(first + n, count - n, workers, mutant, ends[1]);
        }
        (void)close(ends[1]);
        pipes[n] = ends[0];
    }
}

int report_seeds(uint64_t first, uint64_t count, enum mutant mutant, uint32_t workers, bool stats)
{
    struct totals *t = totals_new(count);
    int pipes[WORKERS_MAX];
    bool is_fine;
    time_t began = time(NULL);

    if (t == NULL || count == 0)
        return 3;
    if (workers == 0 || workers > WORKERS_MAX)
        workers = 1;
    if (workers > count)
        workers = (uint32_t)count;
    spawn(first, count, mutant, workers, pipes);
    gather(pipes, workers, first, count, mutant, t);
    for (uint32_t n = 0; n < workers; n++) {
        (void)close(pipes[n]);
        (void)wait(NULL);
    }
    is_fine = totals_print(t, count, stats, (int64_t)(time(NULL) - began));
    free(t);
    return is_fine ? 0 : 1;
}

/* --- mutants ------------------------------------------------------------------------------------ */

#define MUTANT_SEEDS_MAX 1000

struct kill {
    enum mutant mutant;
    bool is_killed;
    uint64_t seed;
    char invariant[8];
    char text[320];
    uint32_t crashes; /* seeds on which the core itself gave up: they do not count */
};

/* Seeds from `first` until one breaks, in a process of its own. True if it ended by itself. */
static bool try_seeds(enum mutant mutant, uint64_t first, struct outcome *last)
{
    int ends[2];
    pid_t pid;
    struct outcome o;
    bool got_end = false;

    if (pipe(ends) != 0 || (pid = fork()) < 0) {
        perror("sim");
        exit(3);
    }
    if (pid == 0) {
        static struct world w;

        (void)close(ends[0]);
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(3);
        world_init(&w);
        mutant_choose(mutant);
        for (uint64_t seed = first; seed <= MUTANT_SEEDS_MAX; seed++) {
            run_seed(&w, seed, mutant, &o);
            if (write(ends[1], &o, sizeof o) != (ssize_t)sizeof o || o.is_broken)
                _exit(0);
        }
        _exit(0);
    }
    (void)close(ends[1]);
    last->seed = first - 1;
    last->is_broken = false;
    while (read_outcome(ends[0], &o)) {
        *last = o;
        got_end = o.is_broken || o.seed == MUTANT_SEEDS_MAX;
    }
    (void)close(ends[0]);
    (void)waitpid(pid, NULL, 0);
    return got_end;
}

static void try_mutant(enum mutant mutant, struct kill *out)
{
    struct outcome last;
    uint64_t next = 1;

    *out = (struct kill){.mutant = mutant};
    while (next <= MUTANT_SEEDS_MAX && out->crashes < 60) {
        if (try_seeds(mutant, next, &last)) {
            out->is_killed = last.is_broken;
            out->seed = last.seed;
            memcpy(out->invariant, last.invariant, sizeof out->invariant);
            memcpy(out->text, last.text, sizeof out->text);
            return;
        }
        out->crashes++;
        next = last.seed + 2;
    }
}

static void try_every(uint32_t first, uint32_t step, int to)
{
    struct kill k;

    for (uint32_t m = 1 + first; m < MUTANT_COUNT; m += step) {
        try_mutant((enum mutant)m, &k);
        if (write(to, &k, sizeof k) != (ssize_t)sizeof k)
            _exit(3);
    }
    _exit(0);
}

int report_mutants(uint32_t workers, bool is_verbose)
{
    int pipes[WORKERS_MAX];
    uint32_t survived = 0;

    if (workers == 0 || workers > WORKERS_MAX)
        workers = 1;
    (void)fflush(stdout);
    for (uint32_t n = 0; n < workers; n++) {
        int ends[2];
        pid_t pid;

        if (pipe(ends) != 0 || (pid = fork()) < 0) {
            perror("sim");
            return 3;
        }
        if (pid == 0)
            try_every(n, workers, ends[1]);
        (void)close(ends[1]);
        pipes[n] = ends[0];
    }
    for (uint32_t m = 1; m < MUTANT_COUNT; m++) {
        struct kill k;

        if (read(pipes[(m - 1) % workers], &k, sizeof k) != (ssize_t)sizeof k)
            return 3;
        if (k.is_killed)
            (void)printf("mutant %s killed %llu %s\n", mutant_name(k.mutant),
                         (unsigned long long)k.seed, k.invariant);
        else
            (void)printf("mutant %s survived\n", mutant_name(k.mutant));
        if (is_verbose)
            (void)printf("  %s (%u crashes)\n", k.text, k.crashes);
        (void)fflush(stdout);
        survived += !k.is_killed;
    }
    for (uint32_t n = 0; n < workers; n++)
        (void)wait(NULL);
    return survived == 0 ? 0 : 1;
}
