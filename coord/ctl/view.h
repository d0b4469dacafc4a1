/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - what a command has to say, before it has a format.
 *
 * Promise: every command builds one view: fields, then tables; every format is printed from it,
 *          so that each command has them all and they say the same.
 * Pure:    yes; all memory is the arena's. When it is full, what no longer fits is left out and
 *          is_cut says so.
 * Not here: aligned tables for people (io_output.h).
 */
#ifndef BRAID_COORD_CTL_VIEW_H
#define BRAID_COORD_CTL_VIEW_H

#include "coord/text.h"
#include "proto/arena.h"
#include "proto/slice.h"

#define VIEW_API_VERSION "braid/v1"

enum {
    VIEW_FIELDS_MAX = 64,
    VIEW_TABLES_MAX = 12,
    VIEW_COLUMNS_MAX = 16
};

enum view_format {
    VIEW_TABLE,
    VIEW_JSON,
    VIEW_YAML,
    VIEW_TSV
};

enum view_type {
    VIEW_NULL,
    VIEW_TEXT,
    VIEW_NUMBER,
    VIEW_BOOL
};

struct view_cell {
    enum view_type type;
    struct slice text; /* owned by the arena */
    int64_t number;    /* of a bool: 0 or 1 */
};

struct view_field {
    const char *name; /* borrowed; as in JSON */
    struct view_cell cell;
};

struct view_table {
    const char *name;          /* borrowed; as in JSON */
    const char *const *titles; /* borrowed; as in JSON */
    size_t columns;
    struct view_cell *cells; /* owned by the arena; row after row */
    size_t cell_count;
    size_t cell_capacity;
};

struct view {
    struct arena *arena;  /* borrowed */
    const char *kind;     /* borrowed: "Status" */
    struct slice heading; /* a sentence for people; also the field "summary" */
    struct slice yaml;    /* printed instead where YAML is asked for; absent: from the view */
    struct slice json;    /* the same for JSON, where it is not for one line */
    struct view_field fields[VIEW_FIELDS_MAX];
    size_t field_count;
    struct view_table tables[VIEW_TABLES_MAX];
    size_t table_count;
    bool is_cut;
};

struct view view_new(struct arena *a, const char *kind);

void view_heading(struct view *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One field; names are literals. */
void view_text(struct view *v, const char *name, struct slice text);
void view_textf(struct view *v, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void view_number(struct view *v, const char *name, int64_t number);
void view_bool(struct view *v, const char *name, bool value);
void view_null(struct view *v, const char *name);
/* As text in UTC; null where it is 0. */
void view_time(struct view *v, const char *name, int64_t ms);

/* A new table; rows follow cell by cell. `titles` ends with NULL. */
struct view_table *view_table(struct view *v, const char *name, const char *const *titles);
void view_cell(struct view *v, struct view_table *t, struct view_cell cell);
void view_cell_text(struct view *v, struct view_table *t, struct slice text);
void view_cell_textf(struct view *v, struct view_table *t, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void view_cell_number(struct view *v, struct view_table *t, int64_t number);
void view_cell_bool(struct view *v, struct view_table *t, bool value);
void view_cell_null(struct view *v, struct view_table *t);
void view_cell_time(struct view *v, struct view_table *t, int64_t ms);
size_t view_rows(const struct view_table *t);

/* A cell as text for people and TSV: null is "-". */
void view_print_cell(const struct view_cell *cell, struct text *out);

/* JSON: an object with apiVersion, kind, fields, and each table as an array of objects. With
 * is_line on one line, for streams of views. */
void view_print_json(const struct view *v, bool is_line, struct text *out);

/* YAML with the same shape, as one document. */
void view_print_yaml(const struct view *v, struct text *out);

/* Fields as "name<tab>value", then each table with a line of titles; a blank line between. Tab,
 * newline and backslash are written \t, \n and \\. */
void view_print_tsv(const struct view *v, struct text *out);

/* A string as JSON. Bytes that are not UTF-8 become U+FFFD. */
void view_print_json_string(struct slice text, struct text *out);

#endif
