/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - what braid-outbox is told on its command line or in its file.
 *
 * Promise: one table makes the flags, the file's keys, the defaults, the ranges and --help. All
 *          values are checked before anything starts.
 * Pure:    yes; memory comes from the caller's arena, and must live as long as the options.
 * Not here: reading the file (main.c).
 */
#ifndef BRAID_NODE_OUTBOX_OPTIONS_H
#define BRAID_NODE_OUTBOX_OPTIONS_H

#include "proto/arena.h"

enum {
    OPTIONS_WIKIS_MAX = 64,
    OPTIONS_KAFKA_MAX = 64,
    OPTIONS_MESSAGE_MAX = 512,
    OPTIONS_NAME_BYTES_MAX = 64, /* of a data centre, a wiki */
};

struct outbox_wiki {
    const char *wiki_id; /* lives in the arena */
    const char *domain;  /* lives in the arena */
    const char *path;    /* lives in the arena; the SQLite file */
};

struct kafka_option {
    const char *name;  /* lives in the arena */
    const char *value; /* lives in the arena */
};

struct outbox_options {
    const char *dc;
    const char *kafka;
    const char *api; /* NULL: do not compare */
    const char *stream;
    struct outbox_wiki wikis[OPTIONS_WIKIS_MAX];
    size_t wiki_count;
    struct kafka_option kafka_options[OPTIONS_KAFKA_MAX];
    size_t kafka_option_count;
    int64_t poll_ms;
    int64_t compare_ms;
    int64_t incomplete_ms;
    int64_t timeout_ms;
    int64_t keep_days;
};

/* What is wrong, for people: one sentence without a full stop. */
struct options_error {
    char message[OPTIONS_MESSAGE_MAX];
};

/* Fills in the defaults. */
void options_init(struct outbox_options *o);

/* Sets one option by its name (without dashes). 0 or ERR_CONFIG. */
int options_set(struct outbox_options *o, struct arena *a, struct slice name, struct slice value,
                struct options_error *error);

/* Sets options from a file's text: lines of `name value`; # begins a comment. 0 or ERR_CONFIG. */
int options_set_file(struct outbox_options *o, struct arena *a, struct slice file,
                     struct options_error *error);

/* Whether all that is needed is there and fits together. 0 or ERR_CONFIG. */
int options_check(const struct outbox_options *o, struct options_error *error);

/* The list of options for --help, NUL-terminated; NULL if there is no room. */
const char *options_help(struct arena *a);

#endif
