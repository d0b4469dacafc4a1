/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - a file format as one table: key, type, default, range, sentence.
 *
 * Promise: the table that a file is read by (io_yaml.h) is the one that its reference, example
 *          and man page are printed from, so that they cannot differ.
 * Pure:    yes.
 * Not here: reading YAML (io_yaml.h); the tables themselves (spec.c; the node's config.c).
 */
#ifndef BRAID_COORD_KEYS_H
#define BRAID_COORD_KEYS_H

#include "coord/text.h"
#include "proto/slice.h"

/* Type of a value, and of the field that takes it. */
enum key_type {
    KEY_TEXT,     /* struct slice; min..max bytes */
    KEY_NUMBER,   /* int64_t */
    KEY_PERCENT,  /* int64_t: "5%" */
    KEY_DURATION, /* int64_t, milliseconds: "50ms", "10s", "5m", "6h", "7d" */
    KEY_BYTES,    /* int64_t: "512", "64KiB", "1MiB", "1GiB" */
    KEY_BOOL,     /* bool: "true", "false" */
    KEY_CHOICE,   /* int: index in `choices` */
    KEY_TEXTS,    /* struct key_texts; min..max items; of `choices` if there are any */
    KEY_NUMBERS,  /* struct key_numbers; min..max items */
    KEY_PAIRS,    /* struct key_pairs; min..max pairs; see `path` */
};

struct key_texts {
    struct slice *items; /* owned by the reader's arena */
    size_t count;
};

struct key_numbers {
    int64_t *items; /* owned by the reader's arena */
    size_t count;
};

struct key_pair {
    struct slice name;
    struct slice value;
};

struct key_pairs {
    struct key_pair *items; /* owned by the reader's arena */
    size_t count;
};

/*
 * One row. `path` is the key with its parents: "merge.cut_interval". Two forms more:
 * "sources[].topic", for KEY_TEXTS: a list of maps, each with this key; further keys of the maps are
 * rows behind it ("sources[].id"), whose items are absent where a map lacks the key;
 * "peers.*.brokers" or
 * "kafka.*", for KEY_PAIRS: `*` stands for any name, which becomes the pair's name.
 */
struct key {
    const char *path;
    enum key_type type;
    bool is_required;
    const char *fallback; /* default, as one would write it; NULL: absent, zero or empty */
    int64_t min;          /* of the value; of bytes, items or pairs where it is not a number */
    int64_t max;
    const char *choices;  /* "a|b|c" or NULL */
    size_t offset;        /* of the field in the caller's struct */
    const char *example;  /* as one would write it, for the example file; NULL: the default */
    const char *sentence; /* what it does, one sentence, no full stop */
};

struct key_table {
    const char *title; /* "a stream" */
    const struct key *rows;
    size_t count;
};

/* The row of exactly this path, or NULL. */
const struct key *keys_find(const struct key_table *table, struct slice path);

/*
 * Parses one scalar of a row's type into `field`, which is the row's field or, for the list types,
 * one item of it. 0, or ERR_CONFIG with `out_why` saying what is expected ("a duration such as
 * 50ms, from 10 ms to 10 s").
 */
int keys_parse(const struct key *row, struct slice scalar, void *field, struct text *out_why);

/* What the row takes, for people: "a duration, 10ms to 10s". */
void keys_expect(const struct key *row, struct text *out);

/* A value of the row's type as one would write it: 60000 of a duration as "1m". */
void keys_print_value(const struct key *row, int64_t value, struct text *out);

/* A duration or a size without a row. 0 or ERR_MALFORMED. */
int keys_parse_duration(struct slice scalar, int64_t *out_ms);
int keys_parse_bytes(struct slice scalar, int64_t *out_bytes);
int keys_parse_number(struct slice scalar, int64_t *out);

/* A time in UTC, "2026-01-02", "2026-01-02T03:04:05Z" or with milliseconds, as ms since 1970. */
int keys_parse_time(struct slice scalar, int64_t *out_ms);

/* The reverse, "2026-01-02T03:04:05Z", with milliseconds where there are any. */
void keys_print_time(int64_t ms, struct text *out);

/* Reference and example, from the table. */
void keys_print_help(const struct key_table *table, struct text *out);
void keys_print_markdown(const struct key_table *table, struct text *out);
void keys_print_mdoc(const struct key_table *table, struct text *out);
void keys_print_example(const struct key_table *table, struct text *out);

#endif
