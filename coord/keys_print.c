/* SPDX-License-Identifier: Apache-2.0 */
/* keys_print.c - the reference, the man page's list and the example file, from a key table. */
#include "coord/keys.h"

#include <string.h>

/* The default as a reader should see it. */
static const char *fallback_of(const struct key *row)
{
    if (row->is_required)
        return "required";
    if (row->fallback == NULL)
        return "none";
    return row->fallback[0] == '\0' ? "empty" : row->fallback;
}

void keys_print_help(const struct key_table *table, struct text *out)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct key *row = &table->rows[i];

        text_addf(out, "  %s\n      %s.\n      ", row->path, row->sentence);
        keys_expect(row, out);
        text_addf(out, "; %s%s\n", row->is_required ? "" : "default: ", fallback_of(row));
    }
}

void keys_print_markdown(const struct key_table *table, struct text *out)
{
    text_adds(out, "| key | takes | default | what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct key *row = &table->rows[i];

        text_addf(out, "| `%s` | ", row->path);
        keys_expect(row, out);
        text_addf(out, " | %s | %s. |\n", fallback_of(row), row->sentence);
    }
}

void keys_print_mdoc(const struct key_table *table, struct text *out)
{
    text_adds(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct key *row = &table->rows[i];

        text_addf(out, ".It Cm %s\n%s.\nTakes ", row->path, row->sentence);
        keys_expect(row, out);
        text_addf(out, "; %s%s.\n", row->is_required ? "" : "default: ", fallback_of(row));
    }
    text_adds(out, ".El\n");
}

/* How many leading bytes of two paths are the same whole parents ("merge."). */
static size_t same_parents(const char *a, const char *b)
{
    size_t same = 0;

    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++) {
        if (a[i] == '.')
            same = i + 1;
    }
    return same;
}

static size_t depth_of(const char *path, size_t len)
{
    size_t depth = 0;

    for (size_t i = 0; i < len; i++)
        depth += path[i] == '.' ? 1U : 0U;
    return depth;
}

/* Opens the parents of a path that the row before did not have. */
static void print_parents(const char *path, size_t same, bool is_comment, struct text *out)
{
    const char *start = path + same;

    for (const char *dot = strchr(start, '.'); dot != NULL; dot = strchr(start, '.')) {
        text_adds(out, is_comment ? "# " : "");
        text_pad(out, ' ', 2 * depth_of(path, (size_t)(start - path)));
        text_add(out, slice_of(start, (size_t)(dot - start)));
        text_adds(out, ":\n");
        start = dot + 1;
    }
}

/* True if some row below these parents has an example, so that they must stand uncommented. */
static bool parents_are_shown(const struct key_table *table, const char *path)
{
    const char *dot = strchr(path, '.');
    size_t len = dot == NULL ? 0 : (size_t)(dot - path) + 1;

    for (size_t i = 0; i < table->count && len > 0; i++) {
        if (strncmp(table->rows[i].path, path, len) == 0 && table->rows[i].example != NULL)
            return true;
    }
    return len == 0;
}

/* "sources[].topic" as a list of maps, everything else as "key: value". */
static void print_entry(const struct key *row, const char *name, const char *value,
                        struct text *out)
{
    const char *brackets = strstr(name, "[].");

    if (strcmp(name, "*") == 0) {
        text_adds(out, "NAME: TEXT\n");
        return;
    }
    if (brackets != NULL && !row->is_required) {
        text_addf(out, "# as %.*s: [{..., %s: %s}]\n", (int)(brackets - name), name, brackets + 3,
                  value);
    } else if (brackets != NULL) {
        text_addf(out, "%.*s: [{%s: %s}]\n", (int)(brackets - name), name, brackets + 3, value);
    } else {
        text_addf(out, "%s: %s\n", name,
                  value[0] == '\0' && row->type == KEY_TEXT ? "\"\"" : value);
    }
}

void keys_print_example(const struct key_table *table, struct text *out)
{
    const char *before = "";

    text_addf(out, "# %s. Lines that are commented out show the defaults.\n", table->title);
    for (size_t i = 0; i < table->count; i++) {
        const struct key *row = &table->rows[i];
        const char *value = row->example != NULL ? row->example : row->fallback;
        const char *last = strrchr(row->path, '.');
        const char *name = last == NULL || strstr(row->path, "[].") != NULL ? row->path : last + 1;
        size_t indent = 2 * depth_of(row->path, (size_t)(name - row->path));
        bool is_comment = row->example == NULL;

        if (strstr(row->path, "[].") == NULL) {
            print_parents(row->path, same_parents(before, row->path),
                          !parents_are_shown(table, row->path), out);
        }
        text_pad(out, ' ', parents_are_shown(table, row->path) ? indent : 0);
        text_addf(out, "# %s (", row->sentence);
        keys_expect(row, out);
        text_adds(out, ")\n");
        if (is_comment && !parents_are_shown(table, row->path)) {
            text_adds(out, "# ");
            text_pad(out, ' ', indent);
        } else {
            text_pad(out, ' ', indent);
            text_adds(out, is_comment ? "# " : "");
        }
        print_entry(row, name, value == NULL ? "" : value, out);
        before = row->path;
    }
}
