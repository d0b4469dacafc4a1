/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults.h - what the relay does to the links between sites.
 *
 * Promise: which directions are cut, how late bytes arrive, and which Kafka requests are to be
 *          delayed, dropped or repeated; changed by commands of one line.
 * Pure:    yes.
 * Not here: the connections that obey (io_conn.h), where links lead (config.h).
 *
 * Commands (sites by name; KEY is a number of Kafka's list of APIs, LINK the name of a link):
 *   cut A B              nothing passes between A and B; "*" for B means every other site
 *   cut-one-way A B      nothing passes from A to B
 *   heal [A B]           undo cuts, all of them without A and B
 *   latency MS [A B]     bytes between different sites arrive MS milliseconds later
 *   delay KEY MS N [LINK]   hold the next N requests (and what comes behind them) for MS
 *   drop KEY N [LINK]       swallow the next N requests and break their connections
 *   drop-reply KEY N [LINK] pass them on, swallow the replies and break the connections
 *   repeat KEY N [LINK]     pass them on, and send each once more on a connection of its own
 *   forget               no more of delay, drop and repeat
 */
#ifndef BRAID_DEPLOY_LOCAL_RELAY_FAULTS_H
#define BRAID_DEPLOY_LOCAL_RELAY_FAULTS_H

#include "proto/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FAULTS_SITES_MAX = 8,
    FAULTS_RULES_MAX = 32,
    FAULTS_NAME_MAX = 32, /* with the NUL */
    FAULTS_ANSWER_MAX = 128,
    FAULTS_MS_MAX = 600 * 1000,
    FAULTS_COUNT_MAX = 1000 * 1000,
    FAULTS_WORDS_MAX = 8,
};

enum fault_kind {
    FAULT_NONE,
    FAULT_DELAY,
    FAULT_DROP,
    FAULT_DROP_REPLY,
    FAULT_REPEAT
};

/* For the next `left` requests of one kind. */
struct fault_rule {
    enum fault_kind kind;
    int16_t api_key;
    uint32_t delay_ms;
    uint32_t left;
    char link[FAULTS_NAME_MAX]; /* empty: any link */
};

/* All zeros: no site, no fault. */
struct faults {
    char sites[FAULTS_SITES_MAX][FAULTS_NAME_MAX];
    uint32_t site_count;
    bool is_cut[FAULTS_SITES_MAX][FAULTS_SITES_MAX];         /* [from][to] */
    uint32_t latency_ms[FAULTS_SITES_MAX][FAULTS_SITES_MAX]; /* [from][to] */
    struct fault_rule rules[FAULTS_RULES_MAX];               /* left > 0: in use */
};

/* What to do with one request. */
struct fault {
    enum fault_kind kind;
    uint32_t delay_ms;
};

/* Splits a line at blanks into at most FAULTS_WORDS_MAX words; the count, or -1 if there are more. */
int words_split(struct slice line, struct slice words[FAULTS_WORDS_MAX]);

/* Copies a word into a name; false if it is empty or too long. */
bool name_copy(struct slice word, char out[FAULTS_NAME_MAX]);

/* The number of a site, added if it is new; -1 if there are too many or the name is too long. */
int faults_site(struct faults *f, struct slice name);

/* Carries out one command. 0, or ERR_MALFORMED with a sentence in `answer` and nothing changed. */
int faults_command(struct faults *f, struct slice line, char answer[FAULTS_ANSWER_MAX]);

/* What to do with a request that has just come in on `link`; counts it off the first rule that
 * fits. */
struct fault faults_take(struct faults *f, const char *link, int16_t api_key);

/* Is a connection between two sites cut in one direction at least, so that none can be opened? */
bool faults_blocks_connect(const struct faults *f, int a, int b);

#endif
