/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/report.h"

#include "tests/sim/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 64

/* A seed is worth its name: the medians must reach these. */
enum measure {
    MEASURE_RECORDS,
    MEASURE_CUTS,
    MEASURE_MINUTES,
    MEASURE_FAULTS,
    MEASURE_COUNT,
};

static const char *const measure_names[MEASURE_COUNT] = {"source records", "cuts",
                                                         "virtual minutes", "faults"};
static const double measure_least[MEASURE_COUNT] = {2000, 200, 10, 5};

static double measure_of(const struct outcome *o, enum measure m)
{
    switch (m) {
    case MEASURE_RECORDS:
        return (double)o->stats.records;
    case MEASURE_CUTS:
        return (double)o->stats.cuts;
    case MEASURE_MINUTES:
        return o->virtual_s / 60;
    case MEASURE_FAULTS:
    case MEASURE_COUNT:
        return (double)o->stats.faults;
    }
    return 0;
}

static void outcome_of(const struct world *w, struct outcome *out)
{
    const struct violation *v = check_verdict(w);

    *out = (struct outcome){.seed = w->p.seed,
                            .is_broken = v->is_broken,
                            .at_s = (double)v->at_us / 1e6,
                            .virtual_s = (double)w->now_us / 1e6,
                            .stats = w->stats};
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

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The table of what the seeds were worth; false if they were too small. */
static bool print_measures(const struct outcome *list, uint64_t count)
{
    double *values = calloc(count + 1, sizeof *values);
    bool is_fine = true;

    if (values == NULL)
        return false;
    (void)printf("%-16s %10s %10s %10s\n", "per seed", "min", "median", "max");
    for (enum measure m = 0; m < MEASURE_COUNT; m++) {
        for (uint64_t n = 0; n < count; n++)
            values[n] = measure_of(&list[n], m);
        qsort(values, count, sizeof *values, by_value);
        (void)printf("%-16s %10.1f %10.1f %10.1f\n", measure_names[m], values[0], values[count / 2],
                     values[count - 1]);
        if (values[count / 2] < measure_least[m]) {
            (void)printf("  the median is below %.0f\n", measure_least[m]);
            is_fine = false;
        }
    }
    free(values);
    return is_fine;
}

static void print_coverage(const struct outcome *list, uint64_t count)
{
    (void)printf("faults:");
    for (enum fault f = 0; f < FAULT_COUNT; f++) {
        uint64_t sum = 0;

        for (uint64_t n = 0; n < count; n++)
            sum += list[n].stats.fault[f];
        (void)printf(" %s %llu", fault_name(f), (unsigned long long)sum);
    }
    (void)printf("\nstops:");
    for (int code = 1; code < 64; code++) {
        uint64_t sum = 0;

        for (uint64_t n = 0; n < count; n++)
            sum += list[n].stats.stops[code];
        if (sum != 0)
            (void)printf(" %s %llu", err_name(-code), (unsigned long long)sum);
    }
    (void)printf("\n");
}

static uint64_t gather(const int *pipes, uint32_t workers, uint64_t count, struct outcome *list)
{
    uint64_t got = 0;

    /* Seeds are dealt in turn, so taking them in turn keeps their order. */
    for (uint64_t n = 0; n < count; n++) {
        if (!read_outcome(pipes[n % workers], &list[n])) {
            (void)printf("a worker died on seed %llu\n", (unsigned long long)list[0].seed + n);
            return got;
        }
        got++;
    }
    return got;
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
    struct outcome *list = calloc(count + 1, sizeof *list);
    int pipes[WORKERS_MAX];
    uint64_t broken = 0;
    uint64_t got;
    bool is_fine;
    time_t began = time(NULL);

    if (list == NULL || count == 0)
        return 3;
    if (workers == 0 || workers > WORKERS_MAX)
        workers = 1;
    if (workers > count)
        workers = (uint32_t)count;
    list[0].seed = first;
    spawn(first, count, mutant, workers, pipes);
    got = gather(pipes, workers, count, list);
    for (uint32_t n = 0; n < workers; n++) {
        (void)close(pipes[n]);
        (void)wait(NULL);
    }
    for (uint64_t n = 0; n < got; n++) {
        if (list[n].is_broken) {
            print_broken(&list[n], mutant, stdout);
            broken++;
        }
    }
    is_fine = got == count && broken == 0;
    if (got != 0 && !print_measures(list, got))
        is_fine = false;
    if (got != 0 && stats)
        print_coverage(list, got);
    (void)printf("%llu seeds, %llu broken, %ld s\n", (unsigned long long)got,
                 (unsigned long long)broken, (long)(time(NULL) - began));
    free(list);
    return is_fine ? 0 : 1;
}

/* --- mutants ------------------------------------------------------------------------------------ */

#define MUTANT_SEEDS_MAX 250

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
