/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_file.h - a YAML file being read: its table, where its values stood, what is wrong with it.
 *
 * Promise: errors are printed as compilers do, `file:line:column`, with the source line, carets
 *          and a hint; in the order of the file, whatever the order they were found in.
 * Pure:    yes.
 * Not here: reading (io_yaml.h), the tables (keys.h).
 */
#ifndef BRAID_COORD_YAML_FILE_H
#define BRAID_COORD_YAML_FILE_H

#include "coord/keys.h"
#include "proto/arena.h"

enum {
    YAML_BYTES_MAX = 1 << 20, /* of a file */
    YAML_ERRORS_MAX = 100,    /* reported; more are counted */
    YAML_ITEMS_MAX = 1000,    /* of one list or map */
};

/* A place in the file; line 0 is none. */
struct yaml_mark {
    unsigned line;   /* from 1 */
    unsigned column; /* from 1, in characters */
    unsigned width;  /* of what the carets underline */
};

struct yaml_error {
    struct yaml_mark mark;
    const char *message; /* owned by the arena */
    const char *hint;    /* owned by the arena; NULL: none */
};

/* A file being read and what is wrong with it. Zero is a valid start; set the first four. */
struct yaml_file {
    const char *name;              /* as errors name it */
    struct slice bytes;            /* borrowed as long as the errors are printed */
    const struct key_table *table; /* borrowed */
    struct arena *arena;           /* borrowed; holds all values, marks and errors */

    struct yaml_mark *marks; /* owned by the arena; of each row's value; line 0: not given */
    struct yaml_error errors[YAML_ERRORS_MAX];
    size_t error_count; /* may be larger than YAML_ERRORS_MAX */
};

/* True if the file gave this key. */
bool yaml_is_given(const struct yaml_file *file, const char *path);

/* Adds an error at the value of `path`, or at the file's first line if it was not given. */
void yaml_report(struct yaml_file *file, const char *path, const char *hint, const char *message);

/* Adds an error at a place; hint and message must live as long as the arena. */
void yaml_report_at(struct yaml_file *file, struct yaml_mark mark, const char *hint,
                    const char *message);

/* Adds bytes for a terminal: what it might obey is shown as '?', a tab as one space. */
void yaml_add_visible(struct text *out, struct slice bytes);

/* All errors in the order of the file, as compilers print them, with source line and carets. */
void yaml_print_errors(struct yaml_file *file, struct text *out);

#endif
