/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - runs seeds of the simulation in worker processes, prints what broke and how to see it
 * again, and what was covered.
 */
#include "tests/sim/report.h"
#include "tests/sim/story.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    uint64_t first;
    uint64_t seeds;
    bool one_seed;
    bool trace;
    bool stats;
    bool mutants;
    uint32_t workers;
    enum mutant mutant;
    const char *story; /* path */
};

static void usage(void)
{
    (void)fprintf(stderr,
                  "usage: sim [--seeds N] [--first K] [--seed S] [--mutant NAME] [--trace]\n"
                  "           [--stats] [--mutants] [--workers N] [--story FILE]\n");
    exit(2);
}

static uint64_t number_of(const char *text)
{
    char *end;
    uint64_t n = text == NULL ? 0 : strtoull(text, &end, 10);

    if (text == NULL || *text == '\0' || *end != '\0')
        usage();
    return n;
}

static void parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){.first = 1, .seeds = 20, .workers = 2};
    for (int n = 1; n < argc; n++) {
        const char *value = n + 1 < argc ? argv[n + 1] : NULL;

        if (strcmp(argv[n], "--trace") == 0) {
            o->trace = true;
            continue;
        }
        if (strcmp(argv[n], "--stats") == 0) {
            o->stats = true;
            continue;
        }
        if (strcmp(argv[n], "--mutants") == 0) {
            o->mutants = true;
            continue;
        }
        if (strcmp(argv[n], "--seeds") == 0) {
            o->seeds = number_of(value);
        } else if (strcmp(argv[n], "--first") == 0) {
            o->first = number_of(value);
        } else if (strcmp(argv[n], "--seed") == 0) {
            o->first = number_of(value);
            o->seeds = 1;
            o->one_seed = true;
        } else if (strcmp(argv[n], "--story") == 0 && value != NULL) {
            o->story = value;
        } else if (strcmp(argv[n], "--workers") == 0) {
            o->workers = (uint32_t)number_of(value);
        } else if (strcmp(argv[n], "--mutant") == 0 && value != NULL) {
            o->mutant = mutant_lookup(value);
            if (o->mutant == MUTANT_none) {
                (void)fprintf(stderr, "sim: no mutant '%s'\n", value);
                exit(2);
            }
        } else {
            usage();
        }
        n++;
    }
}

static struct world the_world;

static int tell_story(const struct options *o)
{
    static struct story story;
    struct params p;
    bool is_fine;

    story_read(&story, o->story, &p);
    world_init(&the_world);
    the_world.trace = o->trace;
    mutant_choose(o->mutant);
    is_fine = world_run(&the_world, &p);
    if (!is_fine)
        report_one(&the_world, stdout);
    is_fine = story_is_told(&story) && is_fine;
    (void)printf("story %s %s\n", o->story, is_fine ? "holds" : "FAILS");
    world_free(&the_world);
    return is_fine ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options o;
    struct params p;
    bool is_fine;

    parse(argc, argv, &o);
    if (o.story != NULL)
        return tell_story(&o);
    if (o.mutants)
        return report_mutants(o.workers, o.stats);
    if (!o.one_seed)
        return report_seeds(o.first, o.seeds, o.mutant, o.workers, o.stats);
    world_init(&the_world);
    the_world.trace = o.trace;
    mutant_choose(o.mutant);
    params_draw(&p, o.first, o.mutant);
    params_print(&p, stdout);
    cover_reset();
    is_fine = world_run(&the_world, &p);
    report_one(&the_world, stdout);
    world_free(&the_world);
    return is_fine ? 0 : 1;
}
