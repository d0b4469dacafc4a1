/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/io_yaml.h"

#include <assert.h>
#include <libfyaml.h>
#include <string.h>

#include "coord/suggest.h"
#include "proto/err.h"
#include "proto/utf8.h"

enum {
    FRAMES_MAX = 64
};

/* A map still to be walked. */
struct frame {
    struct fy_node *map;
    const char *path;      /* of its keys' parents with the dot: "merge."; "" at the top */
    struct slice any_name; /* what stood for `*` in path; absent: no `*` in it */
};

struct walk {
    struct yaml_file *file;
    uint8_t *out;
    struct frame frames[FRAMES_MAX];
    size_t frame_count;
};

/* ---- nodes ------------------------------------------------------------------------------------ */

static struct yaml_mark mark_of(struct fy_node *scalar)
{
    struct fy_token *token = fy_node_get_scalar_token(scalar);
    const struct fy_mark *start = token == NULL ? NULL : fy_token_start_mark(token);
    const struct fy_mark *end = token == NULL ? NULL : fy_token_end_mark(token);
    struct yaml_mark mark = {.width = 1};

    if (start == NULL)
        return mark;
    mark.line = (unsigned)start->line + 1;
    mark.column = (unsigned)start->column + 1;
    if (end != NULL && end->line == start->line && end->column > start->column)
        mark.width = (unsigned)(end->column - start->column);
    return mark;
}

static struct slice scalar_of(struct fy_node *node)
{
    size_t len = 0;
    const char *text = fy_node_get_scalar(node, &len);

    return slice_of(text == NULL ? "" : text, text == NULL ? 0 : len);
}

/* ---- values ----------------------------------------------------------------------------------- */

/* An error about a value: what the row takes. */
static void report_value(struct walk *w, const struct key *row, struct yaml_mark mark,
                         const char *what)
{
    struct text message = text_in(w->file->arena);
    const char *hint = NULL;

    text_addf(&message, "'%s' %s ", row->path, what);
    keys_expect(row, &message);
    if (row->fallback != NULL && row->fallback[0] != '\0')
        hint = text_format(w->file->arena, "without this line it is %s", row->fallback);
    yaml_report_at(w->file, mark, hint, text_string(&message));
}

/* The nearest of a row's choices, as a hint, or NULL. */
static const char *closest_choice(struct walk *w, const struct key *row, struct slice word)
{
    struct suggest s = suggest_for(word);
    struct slice rest = slice_str(row->choices);

    while (rest.ptr != NULL) {
        const uint8_t *bar = memchr(rest.ptr, '|', rest.len);
        size_t len = bar == NULL ? rest.len : (size_t)(bar - rest.ptr);

        suggest_closer(&s, slice_sub(rest, 0, len));
        rest = bar == NULL ? (struct slice){0} : slice_sub(rest, len + 1, rest.len);
    }
    if (s.best.ptr == NULL)
        return NULL;
    return text_format(w->file->arena, "did you mean '%.*s'?", SLICE_ARG(s.best));
}

/* Parses a scalar node; reports and returns false if it does not fit. */
static bool read_scalar(struct walk *w, const struct key *row, struct fy_node *node, void *field)
{
    struct text message = text_in(w->file->arena);
    struct slice scalar = arena_copy(w->file->arena, scalar_of(node));

    if (scalar.ptr == NULL && scalar_of(node).len > 0) {
        yaml_report_at(w->file, mark_of(node), NULL, "out of memory");
        return false;
    }
    text_addf(&message, "'%s' cannot be '", row->path);
    yaml_add_visible(&message, slice_of(scalar.ptr, scalar.len > 60 ? 60 : scalar.len));
    text_adds(&message, "': it takes ");
    if (keys_parse(row, scalar, field, &message) == 0)
        return true;
    yaml_report_at(w->file, mark_of(node),
                   row->choices == NULL ? NULL : closest_choice(w, row, scalar),
                   text_string(&message));
    return false;
}

/* True if the node is a value that can be read as text; reports what it is otherwise. */
static bool node_is_plain(struct walk *w, const struct key *row, struct fy_node *node,
                          struct yaml_mark mark)
{
    if (node == NULL || !fy_node_is_scalar(node)) {
        report_value(w, row, mark,
                     node == NULL ? "has no value; it takes"
                     : row->type == KEY_TEXTS || row->type == KEY_NUMBERS
                         ? "has an item that is no plain value; it takes"
                     : fy_node_is_mapping(node) ? "is a map here; it takes"
                                                : "is a list here; it takes");
        return false;
    }
    if (fy_node_is_alias(node)) {
        yaml_report_at(w->file, mark_of(node), NULL,
                       "aliases (*name) are not taken; write the value");
        return false;
    }
    if (scalar_of(node).len == 0 && fy_node_get_style(node) == FYNS_PLAIN) {
        report_value(w, row, mark, "has no value; it takes");
        return false;
    }
    return true;
}

static size_t item_size(const struct key *row)
{
    return row->type == KEY_NUMBERS ? sizeof(int64_t) : sizeof(struct slice);
}

/* Both list types have the same shape: items, then their count. */
static void store_items(const struct key *row, uint8_t *field, void *items, size_t count)
{
    if (row->type == KEY_NUMBERS) {
        *(struct key_numbers *)(void *)field = (struct key_numbers){items, count};
    } else {
        *(struct key_texts *)(void *)field = (struct key_texts){items, count};
    }
}

static void read_list(struct walk *w, const struct key *row, struct fy_node *node,
                      struct yaml_mark mark)
{
    int declared = fy_node_is_sequence(node) ? fy_node_sequence_item_count(node) : -1;
    size_t count = 0;
    void *iter = NULL;
    uint8_t *items = NULL;

    if (declared < row->min || declared > row->max || declared > YAML_ITEMS_MAX) {
        report_value(w, row, mark, declared < 0 ? "is no list; it takes" : "takes");
        return;
    }
    items = arena_calloc(w->file->arena, (size_t)declared + 1, item_size(row));
    if (items == NULL) {
        yaml_report_at(w->file, mark, NULL, "out of memory");
        return;
    }
    for (int i = 0; i < declared; i++) {
        struct fy_node *item = fy_node_sequence_iterate(node, &iter);

        if (!node_is_plain(w, row, item, mark))
            continue;
        if (read_scalar(w, row, item, items + count * item_size(row)))
            count++;
    }
    store_items(row, w->out + row->offset, items, count);
}

/* Suggests, for a word below `parents`, the nearest key there; else the same key elsewhere. */
static const char *suggest_key(struct walk *w, const char *parents, struct slice word)
{
    struct suggest here = suggest_for(word);
    struct suggest anywhere = suggest_for(word);
    const struct key *found = NULL;

    for (size_t i = 0; i < w->file->table->count; i++) {
        const char *path = w->file->table->rows[i].path;
        const char *last = strrchr(path, '.');

        suggest_closer(&anywhere, slice_str(last == NULL ? path : last + 1));
        if (anywhere.best.ptr == (const uint8_t *)(last == NULL ? path : last + 1))
            found = &w->file->table->rows[i];
        if (strncmp(path, parents, strlen(parents)) == 0) {
            const char *rest = path + strlen(parents);

            suggest_closer(&here, slice_of(rest, strcspn(rest, ".[")));
        }
    }
    if (here.best.ptr != NULL)
        return text_format(w->file->arena, "did you mean '%.*s'?", SLICE_ARG(here.best));
    if (found != NULL)
        return text_format(w->file->arena, "did you mean '%s'?", found->path);
    return NULL;
}

/* ---- a list of maps --------------------------------------------------------------------------- */

/* "[]." in a row's path; NULL if it is no key of a list's maps. */
static const char *list_part(const struct key *row)
{
    return strstr(row->path, "[].");
}

static bool same_list(const struct key *a, const struct key *b)
{
    const char *part = list_part(b);
    const size_t len = part == NULL ? 0 : (size_t)(part - b->path) + 3;

    return len > 0 && strncmp(a->path, b->path, len) == 0;
}

/* One key of item `index`, whose rows have room for all items. */
static bool read_item_key(struct walk *w, const struct key *first, size_t index,
                          struct fy_node_pair *pair)
{
    struct fy_node *key = fy_node_pair_key(pair);
    const struct slice word = key == NULL ? slice_str("") : scalar_of(key);
    const char *prefix =
        text_format(w->file->arena, "%.*s[].", (int)(list_part(first) - first->path), first->path);
    const char *path = text_format(w->file->arena, "%s%.*s", prefix, SLICE_ARG(word));
    const struct key *row = keys_find(w->file->table, slice_str(path));
    struct key_texts *field = NULL;

    if (key == NULL || row == NULL || row->type != KEY_TEXTS) {
        yaml_report_at(w->file, key == NULL ? (struct yaml_mark){1, 1, 1} : mark_of(key),
                       suggest_key(w, prefix, word),
                       text_format(w->file->arena, "no such key: '%s'", path));
        return false;
    }
    field = (struct key_texts *)(void *)(w->out + row->offset);
    if (field->items[index].ptr != NULL) {
        yaml_report_at(w->file, mark_of(key), NULL,
                       text_format(w->file->arena, "'%s' is given twice", path));
        return false;
    }
    return node_is_plain(w, row, fy_node_pair_value(pair), mark_of(key)) &&
           read_scalar(w, row, fy_node_pair_value(pair), &field->items[index]);
}

static void read_item(struct walk *w, const struct key *first, struct fy_node *item, size_t index,
                      struct yaml_mark mark)
{
    const char *name = list_part(first) + strlen("[].");
    const int keys = fy_node_is_mapping(item) ? fy_node_mapping_item_count(item) : 0;
    const struct key_texts *field = (const struct key_texts *)(void *)(w->out + first->offset);
    const size_t errors = w->file->error_count;
    void *iter = NULL;

    for (int i = 0; i < keys && i < YAML_ITEMS_MAX; i++)
        (void)read_item_key(w, first, index, fy_node_mapping_iterate(item, &iter));
    if (field->items[index].ptr != NULL || w->file->error_count > errors)
        return;
    yaml_report_at(w->file, fy_node_is_scalar(item) ? mark_of(item) : mark,
                   text_format(w->file->arena, "write '- %s: ...'", name),
                   text_format(w->file->arena, "each item here is a map with the key '%s'", name));
}

/* Every row of the list has as many items as the list; an absent slice where an item lacks the key. */
static void read_maps(struct walk *w, const struct key *first, struct fy_node *node,
                      struct yaml_mark mark)
{
    const int declared = fy_node_is_sequence(node) ? fy_node_sequence_item_count(node) : -1;
    const struct key_table *table = w->file->table;
    void *iter = NULL;

    if (declared < first->min || declared > first->max || declared > YAML_ITEMS_MAX) {
        report_value(w, first, mark, declared < 0 ? "is no list; it takes" : "takes");
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct key *row = &table->rows[i];
        void *items = same_list(row, first)
                          ? arena_calloc(w->file->arena, (size_t)declared + 1, item_size(row))
                          : NULL;

        if (same_list(row, first) && items == NULL) {
            yaml_report_at(w->file, mark, NULL, "out of memory");
            return;
        }
        if (items == NULL)
            continue;
        store_items(row, w->out + row->offset, items, (size_t)declared);
        w->file->marks[i] = mark;
    }
    for (int i = 0; i < declared; i++)
        read_item(w, first, fy_node_sequence_iterate(node, &iter), (size_t)i, mark);
}

/* Adds one pair; grows by copying, which is fine for what people write by hand. */
static void read_pair(struct walk *w, const struct key *row, struct slice name,
                      struct fy_node *node, struct yaml_mark mark)
{
    struct key_pairs *pairs = (struct key_pairs *)(void *)(w->out + row->offset);
    struct key_pair *grown = NULL;
    struct slice value = {0};

    if (!node_is_plain(w, row, node, mark) || !read_scalar(w, row, node, &value))
        return;
    if ((int64_t)pairs->count >= row->max || pairs->count >= YAML_ITEMS_MAX) {
        report_value(w, row, mark, "has too many names; it takes");
        return;
    }
    grown = arena_calloc(w->file->arena, pairs->count + 1, sizeof(*grown));
    if (grown == NULL) {
        yaml_report_at(w->file, mark, NULL, "out of memory");
        return;
    }
    if (pairs->count > 0)
        memcpy(grown, pairs->items, pairs->count * sizeof(*grown));
    grown[pairs->count] = (struct key_pair){arena_copy(w->file->arena, name), value};
    pairs->items = grown;
    pairs->count++;
}

static void read_value(struct walk *w, const struct key *row, struct fy_node *node,
                       struct yaml_mark mark)
{
    struct yaml_mark *place = &w->file->marks[row - w->file->table->rows];

    *place = node != NULL && fy_node_is_scalar(node) && !fy_node_is_alias(node) &&
                     scalar_of(node).len > 0
                 ? mark_of(node)
                 : mark;
    if (row->type == KEY_TEXTS || row->type == KEY_NUMBERS) {
        if (node == NULL) {
            (void)node_is_plain(w, row, node, mark);
        } else if (list_part(row) != NULL) {
            read_maps(w, row, node, mark);
        } else {
            read_list(w, row, node, mark);
        }
        return;
    }
    if (node_is_plain(w, row, node, mark))
        (void)read_scalar(w, row, node, w->out + row->offset);
}

/* ---- the walk --------------------------------------------------------------------------------- */

/* True if some row lies below this path ("merge." for "merge.cut_interval"). */
static bool path_is_parent(const struct key_table *table, const char *parent)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strncmp(table->rows[i].path, parent, strlen(parent)) == 0)
            return true;
    }
    return false;
}

static void push(struct walk *w, struct frame frame, struct yaml_mark mark)
{
    if (w->frame_count == FRAMES_MAX) {
        yaml_report_at(w->file, mark, NULL, "too many maps");
        return;
    }
    w->frames[w->frame_count++] = frame;
}

/* "a.b" as a row's path: with "[].topic" where the row is a list of maps. */
static const struct key *row_at(struct walk *w, const char *path)
{
    const struct key *row = keys_find(w->file->table, slice_str(path));
    size_t len = strlen(path);

    for (size_t i = 0; row == NULL && i < w->file->table->count; i++) {
        const char *candidate = w->file->table->rows[i].path;

        if (strncmp(candidate, path, len) == 0 && strncmp(candidate + len, "[].", 3) == 0)
            row = &w->file->table->rows[i];
    }
    return row;
}

/* A name that the table writes as `*`: a pair of the row, or one more level. */
static void visit_any(struct walk *w, const struct frame *f, struct slice name,
                      struct fy_node *value, struct yaml_mark mark)
{
    const char *path = text_format(w->file->arena, "%s*", f->path);
    const struct key *row = keys_find(w->file->table, slice_str(path));

    if (row != NULL) {
        read_pair(w, row, name, value, mark);
    } else if (value == NULL || !fy_node_is_mapping(value)) {
        yaml_report_at(
            w->file, mark, NULL,
            text_format(w->file->arena, "'%s%.*s' must be a map", f->path, SLICE_ARG(name)));
    } else {
        push(w, (struct frame){value, text_format(w->file->arena, "%s.", path), name}, mark);
    }
}

static void visit_known(struct walk *w, const struct frame *f, const struct key *row,
                        struct fy_node *value, struct yaml_mark mark)
{
    if (row->type == KEY_PAIRS) {
        read_pair(w, row, f->any_name, value, mark);
    } else {
        read_value(w, row, value, mark);
    }
}

static void visit_key(struct walk *w, const struct frame *f, struct fy_node *key,
                      struct fy_node *value)
{
    struct yaml_mark mark = mark_of(key);
    struct slice name = scalar_of(key);
    const char *path = NULL;
    const char *parent = NULL;
    const struct key *row = NULL;

    if (name.len == 0 || name.len > 200) {
        yaml_report_at(w->file, mark, NULL, "a key must be a word");
        return;
    }
    path = text_format(w->file->arena, "%s%.*s", f->path, SLICE_ARG(name));
    parent = text_format(w->file->arena, "%s.", path);
    row = row_at(w, path);
    if (row != NULL && (strchr(path, '*') == NULL || f->any_name.ptr != NULL)) {
        visit_known(w, f, row, value, mark);
    } else if (path_is_parent(w->file->table, text_format(w->file->arena, "%s*", f->path))) {
        visit_any(w, f, name, value, mark);
    } else if (!path_is_parent(w->file->table, parent)) {
        yaml_report_at(w->file, mark, suggest_key(w, f->path, name),
                       text_format(w->file->arena, "no such key: '%s'", path));
    } else if (value == NULL || !fy_node_is_mapping(value)) {
        yaml_report_at(w->file, mark, NULL,
                       text_format(w->file->arena, "'%s' must be a map of further keys", path));
    } else {
        push(w, (struct frame){value, parent, f->any_name}, mark);
    }
}

/* Whether an earlier pair of the map has the same key; reports it. */
static bool key_is_repeated(struct walk *w, const struct frame *f, struct fy_node *key, int index)
{
    void *iter = NULL;

    for (int i = 0; i < index; i++) {
        struct fy_node *other = fy_node_pair_key(fy_node_mapping_iterate(f->map, &iter));

        if (other != NULL && fy_node_is_scalar(other) &&
            slice_equal(scalar_of(other), scalar_of(key))) {
            yaml_report_at(
                w->file, mark_of(key),
                text_format(w->file->arena, "first given in line %u", mark_of(other).line),
                text_format(w->file->arena, "'%s%.*s' is given twice", f->path,
                            SLICE_ARG(scalar_of(key))));
            return true;
        }
    }
    return false;
}

static void visit_map(struct walk *w, const struct frame *f)
{
    int count = fy_node_mapping_item_count(f->map);
    void *iter = NULL;

    if (count > YAML_ITEMS_MAX) {
        yaml_report_at(w->file, (struct yaml_mark){1, 1, 1}, NULL, "a map has too many keys");
        return;
    }
    for (int i = 0; i < count; i++) {
        struct fy_node_pair *pair = fy_node_mapping_iterate(f->map, &iter);
        struct fy_node *key = pair == NULL ? NULL : fy_node_pair_key(pair);
        struct fy_node *value = pair == NULL ? NULL : fy_node_pair_value(pair);

        if (key == NULL || !fy_node_is_scalar(key) || fy_node_is_alias(key)) {
            yaml_report_at(w->file, (struct yaml_mark){1, 1, 1}, NULL, "a key must be a word");
            continue;
        }
        if (value != NULL && (fy_node_get_anchor(value) != NULL || fy_node_get_tag(value, NULL))) {
            yaml_report_at(w->file, mark_of(key), NULL,
                           "anchors (&name) and tags (!name) are not taken");
        } else if (!key_is_repeated(w, f, key, i)) {
            visit_key(w, f, key, value);
        }
    }
}

/* Defaults are written in the table as in a file and parsed alike. */
static void fill_defaults(struct walk *w)
{
    for (size_t i = 0; i < w->file->table->count; i++) {
        const struct key *row = &w->file->table->rows[i];

        if (row->fallback == NULL || row->type == KEY_TEXTS || row->type == KEY_NUMBERS ||
            row->type == KEY_PAIRS)
            continue;
        int rc = keys_parse(row, slice_str(row->fallback), w->out + row->offset, NULL);
        assert(rc == 0);
        (void)rc;
    }
}

static void check_required(struct walk *w)
{
    for (size_t i = 0; i < w->file->table->count; i++) {
        const struct key *row = &w->file->table->rows[i];

        if (row->is_required && w->file->marks[i].line == 0) {
            yaml_report_at(
                w->file, (struct yaml_mark){1, 1, 1},
                row->example == NULL ? NULL
                                     : text_format(w->file->arena, "for example: %s", row->example),
                text_format(w->file->arena, "'%s' is missing: %s", row->path, row->sentence));
        }
    }
}

/* ---- libfyaml --------------------------------------------------------------------------------- */

/* YAML's own errors, or a general one where libfyaml names none. */
static void report_syntax(struct yaml_file *file, struct fy_diag *diag)
{
    void *iter = NULL;
    struct fy_diag_error *e = NULL;

    for (e = fy_diag_errors_iterate(diag, &iter); e != NULL;
         e = fy_diag_errors_iterate(diag, &iter)) {
        yaml_report_at(file,
                       (struct yaml_mark){e->line < 1 ? 1 : (unsigned)e->line,
                                          e->column < 1 ? 1 : (unsigned)e->column, 1},
                       NULL, text_format(file->arena, "%s", e->msg == NULL ? "not YAML" : e->msg));
    }
    if (file->error_count == 0) {
        yaml_report_at(file, (struct yaml_mark){1, 1, 1}, NULL,
                       file->bytes.len == 0 ? "the file is empty" : "not YAML");
    }
}

/*
 * Whether the bytes may be shown to libfyaml at all. It takes UTF-8 on trust: 0.7.12 never returns
 * from a directive ("%a") with a byte that is not (fuzz_spec).
 */
static bool is_text(struct yaml_file *file)
{
    const size_t good = utf8_prefix(file->bytes);
    struct yaml_mark mark = {1, 1, 1};

    if (file->bytes.len > YAML_BYTES_MAX || memchr(file->bytes.ptr, 0, file->bytes.len) != NULL) {
        yaml_report_at(file, mark, NULL, "larger than 1 MiB, or has a NUL byte");
        return false;
    }
    if (good == file->bytes.len)
        return true;
    for (size_t i = 0; i < good; i++) {
        if (file->bytes.ptr[i] == '\n')
            mark = (struct yaml_mark){mark.line + 1, 1, 1};
        else if ((file->bytes.ptr[i] & 0xc0) != 0x80) /* Not within a character. */
            mark.column++;
    }
    yaml_report_at(file, mark, NULL, "a byte here is not UTF-8");
    return false;
}

/* The one document of the file, or NULL with the reasons reported. */
static struct fy_document *load(struct yaml_file *file, struct fy_parser *parser,
                                struct fy_diag *diag)
{
    struct fy_document *doc = NULL;
    struct fy_document *second = NULL;

    if (fy_parser_set_string(parser, (const char *)file->bytes.ptr, file->bytes.len) != 0) {
        report_syntax(file, diag);
        return NULL;
    }
    doc = fy_parse_load_document(parser);
    if (doc == NULL || fy_document_root(doc) == NULL) {
        report_syntax(file, diag);
        fy_parse_document_destroy(parser, doc);
        return NULL;
    }
    second = fy_parse_load_document(parser);
    if (second != NULL) {
        yaml_report_at(file, (struct yaml_mark){1, 1, 1}, NULL,
                       "the file has more than one document");
    } else if (fy_parser_get_stream_error(parser)) {
        report_syntax(file, diag);
    }
    fy_parse_document_destroy(parser, second);
    return doc;
}

static void walk_document(struct yaml_file *file, struct fy_document *doc, void *out)
{
    struct fy_node *root = fy_document_root(doc);
    struct walk w = {.file = file, .out = out};

    fill_defaults(&w);
    if (!fy_node_is_mapping(root)) {
        yaml_report_at(file, (struct yaml_mark){1, 1, 1}, NULL, "the file must be a map of keys");
        return;
    }
    push(&w, (struct frame){.map = root, .path = ""}, (struct yaml_mark){1, 1, 1});
    while (w.frame_count > 0) {
        struct frame f = w.frames[--w.frame_count];

        visit_map(&w, &f);
    }
    check_required(&w);
}

int yaml_read(struct yaml_file *file, void *out)
{
    const struct fy_diag_cfg diag_cfg = {.level = FYET_ERROR, .module_mask = ~0U};
    struct fy_diag *diag = fy_diag_create(&diag_cfg);
    struct fy_parse_cfg cfg = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS, .diag = diag};
    struct fy_parser *parser = NULL;
    struct fy_document *doc = NULL;

    file->marks = arena_calloc(file->arena, file->table->count, sizeof(*file->marks));
    if (diag == NULL || file->marks == NULL) {
        fy_diag_destroy(diag);
        return ERR_NO_MEMORY;
    }
    fy_diag_set_collect_errors(diag, true);
    parser = fy_parser_create(&cfg);
    if (parser != NULL && is_text(file))
        doc = load(file, parser, diag);
    if (doc != NULL)
        walk_document(file, doc, out);
    if (doc != NULL)
        fy_parse_document_destroy(parser, doc);
    if (parser != NULL)
        fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    return file->error_count > 0 || doc == NULL ? ERR_CONFIG : 0;
}
