/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/totals.h"

#include "core_hash.h"
#include "proto/err.h"

#include <stdio.h>
#include <stdlib.h>

#define YEAR_S (365.25 * 86400)

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

struct totals {
    uint64_t got;
    uint64_t broken;
    double virtual_s;
    struct stats sum;
    uint64_t cover[COVER_COUNT];
    uint64_t room;
    float values[]; /* MEASURE_COUNT rows of `room` */
};

struct totals *totals_new(uint64_t seeds)
{
    struct totals *t = calloc(1, sizeof *t + (seeds + 1) * MEASURE_COUNT * sizeof(float));

    if (t != NULL)
        t->room = seeds + 1;
    return t;
}

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

void totals_add(struct totals *t, const struct outcome *o)
{
    for (enum measure m = 0; m < MEASURE_COUNT; m++)
        t->values[m * t->room + t->got] = (float)measure_of(o, m);
    t->got++;
    t->broken += o->is_broken;
    t->virtual_s += o->virtual_s;
    t->sum.records += o->stats.records;
    t->sum.cuts += o->stats.cuts;
    t->sum.faults += o->stats.faults;
    t->sum.beyond_repair += o->stats.beyond_repair;
    for (enum fault f = 0; f < FAULT_COUNT; f++)
        t->sum.fault[f] += o->stats.fault[f];
    for (int code = 0; code < 64; code++)
        t->sum.stops[code] += o->stats.stops[code];
    for (enum cover c = 0; c < COVER_COUNT; c++)
        t->cover[c] += o->cover[c];
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a;
    const float y = *(const float *)b;

    return (x > y) - (x < y);
}

/* What the seeds were worth; false if they were too small. */
static bool print_measures(struct totals *t)
{
    bool is_fine = true;

    (void)printf("%-16s %10s %10s %10s\n", "per seed", "min", "median", "max");
    for (enum measure m = 0; m < MEASURE_COUNT; m++) {
        float *values = &t->values[m * t->room];
        double median;

        qsort(values, t->got, sizeof *values, by_value);
        median = (double)values[t->got / 2];
        (void)printf("%-16s %10.1f %10.1f %10.1f\n", measure_names[m], (double)values[0], median,
                     (double)values[t->got - 1]);
        if (median < measure_least[m] && t->got >= MEASURE_SEEDS) {
            (void)printf("  the median is below %.0f\n", measure_least[m]);
            is_fine = false;
        }
    }
    return is_fine;
}

static void print_stops(const struct totals *t)
{
    (void)printf("stops:");
    for (int code = 1; code < 64; code++) {
        if (t->sum.stops[code] != 0)
            (void)printf(" %s %llu", err_name(-code), (unsigned long long)t->sum.stops[code]);
    }
    (void)printf("\nseeds in which a truncation took what only a new era can do without: %llu\n",
                 (unsigned long long)t->sum.beyond_repair);
}

/* How many faults were drawn less often than they must. */
static uint32_t print_faults(const struct totals *t, bool is_whole, bool counts)
{
    uint32_t below = 0;

    for (enum fault f = 0; f < FAULT_COUNT; f++) {
        const char *rare = fault_rare(f);
        const bool is_low = counts && t->sum.fault[f] < COVER_LEAST && *rare == '\0';

        below += is_low;
        if (is_whole || is_low)
            (void)printf("fault %-24s %10llu%s%s%s\n", fault_name(f),
                         (unsigned long long)t->sum.fault[f], is_low ? "  too few" : "",
                         *rare != '\0' ? "  " : "", rare);
    }
    return below;
}

static uint32_t print_branches(const struct totals *t, bool is_whole, bool counts)
{
    uint32_t below = 0;

    for (enum cover c = 0; c < COVER_COUNT; c++) {
        const struct cover_branch *b = cover_branch(c);
        const bool is_low = counts && t->cover[c] < COVER_LEAST && *b->rare == '\0';

        below += is_low;
        if (is_whole || is_low)
            (void)printf("%-4s %-25s %10llu  %s%s%s%s\n", b->rule, b->name,
                         (unsigned long long)t->cover[c], b->what, is_low ? ": TOO FEW" : "",
                         *b->rare != '\0' ? "; rare: " : "", b->rare);
    }
    return below;
}

bool totals_print(struct totals *t, uint64_t seeds, bool is_whole, int64_t seconds)
{
    const bool counts = seeds >= COVER_SEEDS;
    bool is_fine = t->got == seeds && t->broken == 0;
    uint32_t below;

    if (t->got != seeds)
        (void)printf("%llu seeds were not run\n", (unsigned long long)(seeds - t->got));
    if (t->got == 0)
        return false;
    if (is_whole)
        print_stops(t);
    below = print_faults(t, is_whole, counts) + print_branches(t, is_whole, counts);
    if (below != 0) {
        (void)printf("%u faults or branches of rules were exercised fewer than %d times\n", below,
                     COVER_LEAST);
        is_fine = false;
    }
    if (!print_measures(t))
        is_fine = false;
    (void)printf("core %s, seeds %llu, faults %llu, years %.3f, branches %d, below %u\n", CORE_HASH,
                 (unsigned long long)(t->got - t->broken), (unsigned long long)t->sum.faults,
                 t->virtual_s / YEAR_S, COVER_COUNT, below);
    (void)printf("%llu seeds, %llu broken, %lld s\n", (unsigned long long)t->got,
                 (unsigned long long)t->broken, (long long)seconds);
    return is_fine;
}
