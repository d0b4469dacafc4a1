/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/yaml_file.h"

#include <stdlib.h>
#include <string.h>

void yaml_report_at(struct yaml_file *file, struct yaml_mark mark, const char *hint,
                    const char *message)
{
    if (file->error_count < YAML_ERRORS_MAX)
        file->errors[file->error_count] = (struct yaml_error){mark, message, hint};
    file->error_count++;
}

static const struct key *row_of(const struct yaml_file *file, const char *path, size_t *out_index)
{
    const struct key *row = keys_find(file->table, slice_str(path));

    if (row != NULL)
        *out_index = (size_t)(row - file->table->rows);
    return row;
}

bool yaml_is_given(const struct yaml_file *file, const char *path)
{
    size_t index = 0;

    return row_of(file, path, &index) != NULL && file->marks[index].line != 0;
}

void yaml_report(struct yaml_file *file, const char *path, const char *hint, const char *message)
{
    size_t index = 0;
    struct yaml_mark mark = {.line = 1, .column = 1, .width = 1};

    if (row_of(file, path, &index) != NULL && file->marks != NULL && file->marks[index].line != 0)
        mark = file->marks[index];
    yaml_report_at(file, mark, hint == NULL ? NULL : text_format(file->arena, "%s", hint),
                   text_format(file->arena, "%s", message));
}

/* The nth line of the file, without its end. */
static struct slice line_of(struct slice bytes, unsigned line)
{
    for (unsigned at = 1; bytes.len > 0; at++) {
        const uint8_t *end = memchr(bytes.ptr, '\n', bytes.len);
        size_t len = end == NULL ? bytes.len : (size_t)(end - bytes.ptr);

        if (at == line)
            return slice_of(bytes.ptr, len > 0 && bytes.ptr[len - 1] == '\r' ? len - 1 : len);
        if (end == NULL)
            break;
        bytes = slice_sub(bytes, len + 1, bytes.len);
    }
    return slice_of("", 0);
}

void yaml_add_visible(struct text *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];

        if (c == '\t') {
            text_adds(out, " ");
        } else {
            text_add(out, c < 0x20 || c == 0x7f ? slice_of("?", 1) : slice_of(&bytes.ptr[i], 1));
        }
    }
}

/* The source line and, below, carets. */
static void print_source(const struct yaml_file *file, const struct yaml_mark *mark,
                         struct text *out)
{
    struct slice line = line_of(file->bytes, mark->line);
    const unsigned room = 200;

    text_addf(out, "%6u | ", mark->line);
    yaml_add_visible(out, slice_of(line.ptr, line.len > room ? room : line.len));
    text_adds(out, "\n       | ");
    text_pad(out, ' ', mark->column > room ? room : mark->column - 1);
    text_pad(out, '^', mark->width > room ? room : mark->width);
    text_adds(out, "\n");
}

static int by_place(const void *left, const void *right)
{
    const struct yaml_error *a = left;
    const struct yaml_error *b = right;

    if (a->mark.line != b->mark.line)
        return a->mark.line < b->mark.line ? -1 : 1;
    return (a->mark.column > b->mark.column) - (a->mark.column < b->mark.column);
}

void yaml_print_errors(struct yaml_file *file, struct text *out)
{
    size_t count = file->error_count;

    if (count > YAML_ERRORS_MAX)
        count = YAML_ERRORS_MAX;
    qsort(file->errors, count, sizeof(file->errors[0]), by_place);
    for (size_t i = 0; i < count; i++) {
        const struct yaml_error *e = &file->errors[i];

        text_addf(out, "%s:%u:%u: error: %s\n", file->name, e->mark.line, e->mark.column,
                  e->message);
        print_source(file, &e->mark, out);
        if (e->hint != NULL)
            text_addf(out, "       = %s\n", e->hint);
    }
    if (file->error_count > count)
        text_addf(out, "%s: and %zu more\n", file->name, file->error_count - count);
}
