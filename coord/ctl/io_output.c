/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/io_output.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_text(struct output *o, struct slice text)
{
    if (text.len > 0 && fwrite(text.ptr, 1, text.len, o->out) != text.len)
        o->has_failed = true;
}

static void clear_progress(struct output *o)
{
    if (o->has_progress) {
        (void)fputs("\r\033[K", o->err); /* only looks; a lost line of progress is no loss */
    }
    o->has_progress = false;
}

void output_raw(struct output *o, struct slice bytes)
{
    clear_progress(o);
    write_text(o, bytes);
}

/* ---- tables for people ------------------------------------------------------------------------ */

static bool column_is_number(const struct view_table *t, size_t column)
{
    bool has_number = false;

    for (size_t row = 0; row < view_rows(t); row++) {
        enum view_type type = t->cells[row * t->columns + column].type;

        if (type == VIEW_TEXT || type == VIEW_BOOL)
            return false;
        has_number = has_number || type == VIEW_NUMBER;
    }
    return has_number;
}

/* One row of cells into a line of libsmartcols. 0 or its error. */
static int add_line(struct output *o, const struct view *v, const struct view_table *t, size_t row,
                    struct libscols_table *table)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);

    if (line == NULL)
        return -1;
    (void)o;
    for (size_t column = 0; column < t->columns; column++) {
        struct text cell = text_in(v->arena);

        view_print_cell(&t->cells[row * t->columns + column], &cell);
        if (scols_line_set_data(line, column, text_string(&cell)) != 0)
            return -1;
    }
    return 0;
}

/* Upper case of "next_seq" with a blank: "NEXT SEQ". */
static const char *title_of(struct arena *a, const char *name)
{
    char *title = arena_strdup(a, slice_str(name));

    for (char *c = title; c != NULL && *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        } else if (*c == '_') {
            *c = ' ';
        }
    }
    return title == NULL ? name : title;
}

static void print_table(struct output *o, const struct view *v, const struct view_table *t)
{
    struct libscols_table *table = scols_new_table();
    int rc = table == NULL ? -1 : 0;

    for (size_t column = 0; rc == 0 && column < t->columns; column++) {
        int flags = column_is_number(t, column) ? SCOLS_FL_RIGHT : 0;

        if (scols_table_new_column(table, title_of(v->arena, t->titles[column]), 0, flags) ==
            NULL) {
            rc = -1;
        }
    }
    for (size_t row = 0; rc == 0 && row < view_rows(t); row++)
        rc = add_line(o, v, t, row, table);
    if (rc == 0) {
        scols_table_set_stream(table, o->out);
        (void)scols_table_set_column_separator(table, "  ");
        (void)scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER); /* cut nothing off */
        rc = scols_print_table(table);
    }
    if (rc != 0)
        o->has_failed = true;
    scols_unref_table(table);
}

static void print_fields(struct output *o, const struct view *v)
{
    size_t width = 0;
    struct text out = text_in(v->arena);

    for (size_t i = 0; i < v->field_count; i++) {
        if (strlen(v->fields[i].name) > width)
            width = strlen(v->fields[i].name);
    }
    for (size_t i = 0; i < v->field_count; i++) {
        text_addf(&out, "%-*s  ", (int)width, v->fields[i].name);
        view_print_cell(&v->fields[i].cell, &out);
        text_adds(&out, "\n");
    }
    write_text(o, text_slice(&out));
}

static void print_people(struct output *o, const struct view *v)
{
    if (v->heading.ptr != NULL) {
        write_text(o, v->heading);
        write_text(o, SLICE_LIT("\n"));
    }
    if (v->heading.ptr != NULL && v->field_count > 0)
        write_text(o, SLICE_LIT("\n"));
    print_fields(o, v);
    for (size_t i = 0; i < v->table_count; i++) {
        if (view_rows(&v->tables[i]) == 0 && (v->table_count > 1 || v->heading.ptr != NULL))
            continue;
        if (i > 0 || v->field_count > 0 || v->heading.ptr != NULL)
            write_text(o, SLICE_LIT("\n"));
        print_table(o, v, &v->tables[i]);
    }
}

/* ---- views ------------------------------------------------------------------------------------ */

void output_view(struct output *o, const struct view *v)
{
    struct text text = text_in(v->arena);

    clear_progress(o);
    switch (o->format) {
    case VIEW_TABLE:
        print_people(o, v);
        break;
    case VIEW_JSON:
        view_print_json(v, false, &text);
        break;
    case VIEW_YAML:
        view_print_yaml(v, &text);
        break;
    case VIEW_TSV:
        view_print_tsv(v, &text);
        break;
    }
    write_text(o, text_slice(&text));
    if (text.is_full || v->is_cut)
        o->has_failed = true;
}

void output_item(struct output *o, const struct view *v, struct slice text)
{
    struct text item = text_in(v->arena);

    clear_progress(o);
    if (o->format == VIEW_JSON) {
        view_print_json(v, true, &item);
    } else if (o->format == VIEW_YAML) {
        text_adds(&item, "---\n");
        view_print_yaml(v, &item);
    } else {
        text_add(&item, text);
        text_adds(&item, "\n");
    }
    write_text(o, text_slice(&item));
}

/* ---- messages --------------------------------------------------------------------------------- */

void output_error(struct output *o, const char *format, ...)
{
    va_list args;

    if (o->is_mute)
        return;
    clear_progress(o);
    (void)fputs("braidctl: error: ", o->err); /* nobody left to tell */
    va_start(args, format);
    (void)vfprintf(o->err, format, args);
    va_end(args);
    (void)fputs("\n", o->err);
}

void output_note(struct output *o, const char *format, ...)
{
    va_list args;

    if (o->is_quiet)
        return;
    clear_progress(o);
    (void)fputs("braidctl: ", o->err);
    va_start(args, format);
    (void)vfprintf(o->err, format, args);
    va_end(args);
    (void)fputs("\n", o->err);
}

void output_progress(struct output *o, const char *format, ...)
{
    va_list args;

    if (o->is_quiet || isatty(fileno(o->err)) == 0)
        return;
    clear_progress(o);
    va_start(args, format);
    (void)vfprintf(o->err, format, args);
    va_end(args);
    (void)fflush(o->err);
    o->has_progress = true;
}

bool output_finish(struct output *o)
{
    clear_progress(o);
    if (fflush(o->out) != 0 || ferror(o->out) != 0)
        o->has_failed = true;
    return !o->has_failed;
}

bool output_ask(struct output *o, const char *question)
{
    char answer[16] = "";

    if (isatty(STDIN_FILENO) == 0)
        return false;
    clear_progress(o);
    (void)fprintf(o->err, "%s [y/N] ", question);
    (void)fflush(o->err);
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        return false;
    return strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0;
}
