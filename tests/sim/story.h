/* SPDX-License-Identifier: Apache-2.0 */
/*
 * story.h - one scripted scenario: what happens when, and what must be told of it.
 *
 * A story is a file of lines: `dcs N`, `nodes N`, `interval MS`, `seed N`; then steps, each with
 * its second: `12s pause eqiad-1 60s`; below a step, what the trace must say after it, in that
 * order: `> cut * drops codfw`, where * stands for anything. `#` begins a comment. The invariants
 * are checked as in every seed.
 *
 * Not here: drawn faults (faults.c).
 */
#ifndef BRAID_SIM_STORY_H
#define BRAID_SIM_STORY_H

#include "tests/sim/params.h"

#define STORY_LINES_MAX 128
#define STORY_TEXT_MAX  160

struct world;
struct happening;

struct story_line {
    int64_t at_ms;
    bool is_expected; /* else a step */
    char text[STORY_TEXT_MAX];
    uint32_t number; /* in the file */
};

struct story {
    const char *path; /* borrowed */
    struct story_line list[STORY_LINES_MAX];
    uint32_t count;
    uint32_t next; /* expected next */
};

/* Reads the file; ends the program with a message if it cannot be read. */
void story_read(struct story *s, const char *path, struct params *out);

/* Plans the steps, and does one. */
void story_begin(struct world *w);
void story_happens(struct world *w, const struct happening *h);

/* A line of the trace. */
void story_hear(struct world *w, const char *line);

/* Says which expected line never came, if one did not. */
bool story_is_told(const struct story *s);

#endif
