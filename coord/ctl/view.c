/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "coord/keys.h"

struct view view_new(struct arena *a, const char *kind)
{
    return (struct view){.arena = a, .kind = kind};
}

/* ---- building --------------------------------------------------------------------------------- */

static struct slice vformat(struct arena *a, const char *format, va_list args)
{
    char line[TEXT_LINE_MAX];
    int len = vsnprintf(line, sizeof(line), format, args);

    if (len < 0)
        return slice_of("", 0);
    return arena_copy(a,
                      slice_of(line, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1));
}

static struct view_cell cell_of_text(struct view *v, struct slice text)
{
    struct slice copy = arena_copy(v->arena, text);

    if (text.ptr == NULL)
        return (struct view_cell){.type = VIEW_NULL};
    if (copy.ptr == NULL && text.len > 0) {
        v->is_cut = true;
        return (struct view_cell){.type = VIEW_NULL};
    }
    return (struct view_cell){.type = VIEW_TEXT, .text = copy.ptr == NULL ? text : copy};
}

static struct view_cell cell_of_time(struct view *v, int64_t ms)
{
    struct text time = text_in(v->arena);

    if (ms <= 0)
        return (struct view_cell){.type = VIEW_NULL};
    keys_print_time(ms, &time);
    return (struct view_cell){.type = VIEW_TEXT, .text = text_slice(&time)};
}

static void add_field(struct view *v, const char *name, struct view_cell cell)
{
    if (v->field_count == VIEW_FIELDS_MAX) {
        v->is_cut = true;
        return;
    }
    v->fields[v->field_count++] = (struct view_field){name, cell};
}

void view_heading(struct view *v, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    v->heading = vformat(v->arena, format, args);
    va_end(args);
}

void view_text(struct view *v, const char *name, struct slice text)
{
    add_field(v, name, cell_of_text(v, text));
}

void view_textf(struct view *v, const char *name, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_field(v, name,
              (struct view_cell){.type = VIEW_TEXT, .text = vformat(v->arena, format, args)});
    va_end(args);
}

void view_number(struct view *v, const char *name, int64_t number)
{
    add_field(v, name, (struct view_cell){.type = VIEW_NUMBER, .number = number});
}

void view_bool(struct view *v, const char *name, bool value)
{
    add_field(v, name, (struct view_cell){.type = VIEW_BOOL, .number = value ? 1 : 0});
}

void view_null(struct view *v, const char *name)
{
    add_field(v, name, (struct view_cell){.type = VIEW_NULL});
}

void view_time(struct view *v, const char *name, int64_t ms)
{
    add_field(v, name, cell_of_time(v, ms));
}

struct view_table *view_table(struct view *v, const char *name, const char *const *titles)
{
    struct view_table *t = &v->tables[v->table_count];

    assert(v->table_count < VIEW_TABLES_MAX);
    v->table_count++;
    *t = (struct view_table){.name = name, .titles = titles};
    while (titles[t->columns] != NULL)
        t->columns++;
    assert(t->columns > 0);
    assert(t->columns <= VIEW_COLUMNS_MAX);
    return t;
}

void view_cell(struct view *v, struct view_table *t, struct view_cell cell)
{
    if (t->cell_count == t->cell_capacity) {
        size_t capacity = t->cell_capacity == 0 ? 64 : t->cell_capacity * 2;
        struct view_cell *grown = arena_calloc(v->arena, capacity, sizeof(*grown));

        if (grown == NULL) {
            v->is_cut = true;
            return;
        }
        if (t->cell_count > 0)
            memcpy(grown, t->cells, t->cell_count * sizeof(*grown));
        t->cells = grown;
        t->cell_capacity = capacity;
    }
    t->cells[t->cell_count++] = cell;
}

void view_cell_text(struct view *v, struct view_table *t, struct slice text)
{
    view_cell(v, t, cell_of_text(v, text));
}

void view_cell_textf(struct view *v, struct view_table *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    view_cell(v, t, (struct view_cell){.type = VIEW_TEXT, .text = vformat(v->arena, format, args)});
    va_end(args);
}

void view_cell_number(struct view *v, struct view_table *t, int64_t number)
{
    view_cell(v, t, (struct view_cell){.type = VIEW_NUMBER, .number = number});
}

void view_cell_bool(struct view *v, struct view_table *t, bool value)
{
    view_cell(v, t, (struct view_cell){.type = VIEW_BOOL, .number = value ? 1 : 0});
}

void view_cell_null(struct view *v, struct view_table *t)
{
    view_cell(v, t, (struct view_cell){.type = VIEW_NULL});
}

void view_cell_time(struct view *v, struct view_table *t, int64_t ms)
{
    view_cell(v, t, cell_of_time(v, ms));
}

size_t view_rows(const struct view_table *t)
{
    return t->columns == 0 ? 0 : t->cell_count / t->columns;
}

/* ---- cells ------------------------------------------------------------------------------------ */

void view_print_cell(const struct view_cell *cell, struct text *out)
{
    switch (cell->type) {
    case VIEW_NULL:
        text_adds(out, "-");
        return;
    case VIEW_TEXT:
        text_add(out, cell->text.len == 0 ? SLICE_LIT("-") : cell->text);
        return;
    case VIEW_NUMBER:
        text_addf(out, "%" PRId64, cell->number);
        return;
    case VIEW_BOOL:
        text_adds(out, cell->number != 0 ? "yes" : "no");
        return;
    }
}

/* Length of the well-formed UTF-8 sequence at s, 0 if there is none (RFC 3629). */
static size_t utf8_len(struct slice s)
{
    uint8_t c = s.ptr[0];
    size_t len = c < 0x80 ? 1 : (c & 0xe0) == 0xc0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : 4;

    if (c >= 0x80 && (c < 0xc2 || c > 0xf4))
        return 0;
    if (s.len < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((s.ptr[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((c == 0xe0 && s.ptr[1] < 0xa0) || (c == 0xed && s.ptr[1] > 0x9f) ||
        (c == 0xf0 && s.ptr[1] < 0x90) || (c == 0xf4 && s.ptr[1] > 0x8f)) {
        return 0;
    }
    return len;
}

void view_print_json_string(struct slice text, struct text *out)
{
    text_adds(out, "\"");
    while (text.len > 0) {
        uint8_t c = text.ptr[0];
        size_t len = utf8_len(text);

        if (c == '"' || c == '\\') {
            text_addf(out, "\\%c", c);
        } else if (c == '\n') {
            text_adds(out, "\\n");
        } else if (c == '\t') {
            text_adds(out, "\\t");
        } else if (c < 0x20 || c == 0x7f) {
            text_addf(out, "\\u%04x", c);
        } else if (len == 0) {
            text_adds(out, "\\ufffd");
        } else {
            text_add(out, slice_sub(text, 0, len));
        }
        text = slice_sub(text, len == 0 ? 1 : len, text.len);
    }
    text_adds(out, "\"");
}

static void print_json_cell(const struct view_cell *cell, struct text *out)
{
    switch (cell->type) {
    case VIEW_NULL:
        text_adds(out, "null");
        return;
    case VIEW_TEXT:
        view_print_json_string(cell->text, out);
        return;
    case VIEW_NUMBER:
        text_addf(out, "%" PRId64, cell->number);
        return;
    case VIEW_BOOL:
        text_adds(out, cell->number != 0 ? "true" : "false");
        return;
    }
}

/* ---- JSON and YAML ---------------------------------------------------------------------------- */

static void print_json_table(const struct view_table *t, bool is_line, struct text *out)
{
    text_addf(out, "\"%s\":%s[", t->name, is_line ? "" : " ");
    for (size_t row = 0; row < view_rows(t); row++) {
        text_addf(out, "%s%s{", row == 0 ? "" : ",", is_line ? "" : "\n    ");
        for (size_t column = 0; column < t->columns; column++) {
            text_addf(out, "%s\"%s\":%s",
                      column == 0 ? ""
                      : is_line   ? ","
                                  : ", ",
                      t->titles[column], is_line ? "" : " ");
            print_json_cell(&t->cells[row * t->columns + column], out);
        }
        text_adds(out, "}");
    }
    text_adds(out, view_rows(t) == 0 || is_line ? "]" : "\n  ]");
}

void view_print_json(const struct view *v, bool is_line, struct text *out)
{
    const char *comma = is_line ? "," : ",\n  ";
    const char *space = is_line ? "" : " ";

    if (v->json.ptr != NULL && !is_line) {
        text_add(out, v->json);
        return;
    }
    text_addf(out, "{%s\"apiVersion\":%s\"" VIEW_API_VERSION "\"%s\"kind\":%s\"%s\"",
              is_line ? "" : "\n  ", space, comma, space, v->kind);
    if (v->heading.ptr != NULL) {
        text_addf(out, "%s\"summary\":%s", comma, space);
        view_print_json_string(v->heading, out);
    }
    for (size_t i = 0; i < v->field_count; i++) {
        text_addf(out, "%s\"%s\":%s", comma, v->fields[i].name, space);
        print_json_cell(&v->fields[i].cell, out);
    }
    for (size_t i = 0; i < v->table_count; i++) {
        text_adds(out, comma);
        print_json_table(&v->tables[i], is_line, out);
    }
    text_adds(out, is_line ? "}\n" : "\n}\n");
}

/* JSON strings are YAML, too. */
void view_print_yaml(const struct view *v, struct text *out)
{
    if (v->yaml.ptr != NULL) {
        text_add(out, v->yaml);
        return;
    }
    text_addf(out, "apiVersion: " VIEW_API_VERSION "\nkind: %s\n", v->kind);
    if (v->heading.ptr != NULL) {
        text_adds(out, "summary: ");
        view_print_json_string(v->heading, out);
        text_adds(out, "\n");
    }
    for (size_t i = 0; i < v->field_count; i++) {
        text_addf(out, "%s: ", v->fields[i].name);
        print_json_cell(&v->fields[i].cell, out);
        text_adds(out, "\n");
    }
    for (size_t i = 0; i < v->table_count; i++) {
        const struct view_table *t = &v->tables[i];

        text_addf(out, "%s:%s\n", t->name, view_rows(t) == 0 ? " []" : "");
        for (size_t at = 0; at < view_rows(t) * t->columns; at++) {
            text_addf(out, "%s%s: ", at % t->columns == 0 ? "  - " : "    ",
                      t->titles[at % t->columns]);
            print_json_cell(&t->cells[at], out);
            text_adds(out, "\n");
        }
    }
}

/* ---- TSV -------------------------------------------------------------------------------------- */

static void print_tsv_cell(const struct view_cell *cell, struct text *out)
{
    if (cell->type != VIEW_TEXT) {
        view_print_cell(cell, out);
        return;
    }
    for (size_t i = 0; i < cell->text.len; i++) {
        uint8_t c = cell->text.ptr[i];

        if (c == '\t' || c == '\n' || c == '\\') {
            text_addf(out, "\\%c", c == '\t' ? 't' : c == '\n' ? 'n' : '\\');
        } else {
            text_add(out, slice_of(&cell->text.ptr[i], 1));
        }
    }
}

void view_print_tsv(const struct view *v, struct text *out)
{
    if (v->heading.ptr != NULL) {
        const struct view_cell heading = {.type = VIEW_TEXT, .text = v->heading};

        text_adds(out, "summary\t");
        print_tsv_cell(&heading, out);
        text_adds(out, "\n");
    }
    for (size_t i = 0; i < v->field_count; i++) {
        text_addf(out, "%s\t", v->fields[i].name);
        print_tsv_cell(&v->fields[i].cell, out);
        text_adds(out, "\n");
    }
    for (size_t i = 0; i < v->table_count; i++) {
        const struct view_table *t = &v->tables[i];

        if (i > 0 || v->field_count > 0 || v->heading.ptr != NULL)
            text_adds(out, "\n");
        for (size_t column = 0; column < t->columns; column++)
            text_addf(out, "%s%s", column == 0 ? "" : "\t", t->titles[column]);
        text_adds(out, "\n");
        for (size_t at = 0; at < view_rows(t) * t->columns; at++) {
            print_tsv_cell(&t->cells[at], out);
            text_adds(out, (at + 1) % t->columns == 0 ? "\n" : "\t");
        }
    }
}
