/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - what a check-up found, each finding with its fix.
 *
 * Promise: every check leaves a line, good or bad, so that what was looked at is seen; a bad line has a
 *          fix. What a snapshot alone can tell is judged here.
 * Pure:    yes; texts lie in the arena.
 * Not here: asking servers (io_cmd_doctor.c).
 */
#ifndef BRAID_COORD_CTL_DOCTOR_H
#define BRAID_COORD_CTL_DOCTOR_H

#include "coord/ctl/snapshot.h"
#include "coord/text.h"

enum {
    DOCTOR_LINES_MAX = 512,
    DOCTOR_CLOCK_MS = 1000, /* clocks may differ by this much */
    DOCTOR_CLOCK_BAD_MS = 60000,
    DOCTOR_CERT_DAYS = 30,  /* a certificate with less is a warning */
    DOCTOR_REPORT_MS = 3000 /* a report older than this says nothing about a clock */
};

enum doctor_verdict {
    DOCTOR_GOOD,
    DOCTOR_WARNING,
    DOCTOR_BAD
};

struct doctor_line {
    enum doctor_verdict verdict;
    const char *check; /* static */
    const char *where;
    const char *what;
    const char *fix; /* NULL: none needed */
};

struct doctor {
    struct arena *arena; /* borrowed */
    struct doctor_line lines[DOCTOR_LINES_MAX];
    size_t count;
    size_t warnings;
    size_t bad;
};

void doctor_add(struct doctor *d, struct doctor_line line);

/* Do all nodes run one version, and is it known which merge rules they have? */
void doctor_check_versions(struct doctor *d, const struct snapshot *s);

/* Are the clocks of the merges (as their reports say) near ours, and are there nodes in each DC? */
void doctor_check_clocks(struct doctor *d, const struct snapshot *s);
void doctor_check_nodes(struct doctor *d, const struct snapshot *s);

/* What a node does with a topic. */
enum {
    DOCTOR_MAY_READ = 1,
    DOCTOR_MAY_WRITE = 2
};

/* A line if something that a node does with the topic (bits of the above) is refused to us. */
void doctor_check_access(struct doctor *d, struct slice dc, const char *topic, unsigned refused);

/* A certificate that ends in so many seconds. */
void doctor_check_certificate(struct doctor *d, const char *file, int64_t left_s);

#endif
