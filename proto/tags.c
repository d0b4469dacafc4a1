/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tags.h"

#include "proto/err.h"

#define MADE "/enrichments"

/* As MediaWiki's REST API numbers the lines of a diff, and the ranges in a changed one. */
enum {
    LINE_ADDED = 1,
    LINE_REMOVED = 2,
    LINE_CHANGED = 3,
    LINE_MOVED_HERE = 5,
    RANGE_ADDED = 0,
    RANGE_REMOVED = 1,
};

/* ---- reading --------------------------------------------------------------------------------- */

static struct slice trim(struct slice text)
{
    while (text.len > 0 && text.ptr[0] == ' ')
        text = slice_sub(text, 1, text.len);
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    return text;
}

/* "POINTER: TEST" */
static int read_condition(struct slice text, struct tag_condition *out)
{
    const uint8_t *colon = memmem(text.ptr, text.len, ": ", 2);

    if (colon == NULL)
        return ERR_MALFORMED;
    const size_t at = (size_t)(colon - text.ptr);
    struct slice pointer = trim(slice_sub(text, 0, at));
    *out = (struct tag_condition){.field = TAG_FIELD_EVENT};
    if (slice_equal(pointer, SLICE_LIT("added")))
        out->field = TAG_FIELD_ADDED;
    else if (slice_equal(pointer, SLICE_LIT("removed")))
        out->field = TAG_FIELD_REMOVED;
    else if (slice_starts_with(pointer, SLICE_LIT(MADE "/")))
        out->field = TAG_FIELD_MADE;
    if (out->field == TAG_FIELD_MADE)
        pointer = slice_sub(pointer, strlen(MADE), pointer.len);
    else if (out->field != TAG_FIELD_EVENT)
        pointer = SLICE_LIT("/"); /* any: it is not looked at */
    const struct slice test = trim(slice_sub(text, at + 1, text.len));
    return test.len == 0 ? ERR_MALFORMED : where_parse(pointer, test, &out->where);
}

int tag_rule_parse(struct slice text, struct tag_condition out[TAG_CONDITIONS_MAX],
                   size_t *out_count)
{
    size_t count = 0;

    for (size_t from = 0; from <= text.len;) {
        const struct slice rest = slice_sub(text, from, text.len);
        const uint8_t *end = rest.len == 0 ? NULL : memmem(rest.ptr, rest.len, "; ", 2);
        const size_t len = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        if (count == TAG_CONDITIONS_MAX)
            return ERR_TOO_LARGE;
        const int rc = read_condition(slice_sub(rest, 0, len), &out[count]);
        if (rc != 0)
            return rc;
        count++;
        from += len + 2;
        if (end == NULL)
            break;
    }
    *out_count = count;
    return count > 0 ? 0 : ERR_MALFORMED;
}

/* ---- lines of the diff ----------------------------------------------------------------------- */

/* A condition without its "not": whether any piece of text meets it. */
struct search {
    struct where where;
    bool is_added;
    bool is_found;
};

static yyjson_val *get(yyjson_val *obj, const char *name)
{
    return json_value(json_key(obj, slice_str(name)));
}

static int64_t number_of(yyjson_val *obj, const char *name)
{
    int64_t number = -1;

    (void)json_integer(get(obj, name), &number); /* -1 stays */
    return number;
}

static void look_at(struct search *s, struct slice text)
{
    s->is_found = s->is_found || where_meets_text(text, &s->where);
}

/* The pieces of a changed line that came or went. */
static void look_at_ranges(struct search *s, struct slice text, yyjson_val *ranges)
{
    size_t i;
    size_t n;
    yyjson_val *range;

    yyjson_arr_foreach(ranges, i, n, range)
    {
        const int64_t start = number_of(range, "start");
        const int64_t length = number_of(range, "length");
        if (number_of(range, "type") != (s->is_added ? RANGE_ADDED : RANGE_REMOVED) || start < 0 ||
            length < 0 || start > (int64_t)text.len || length > (int64_t)text.len - start)
            continue;
        look_at(s, slice_of(text.ptr + start, (size_t)length));
    }
}

static void look_at_lines(struct search *s, yyjson_val *lines)
{
    size_t i;
    size_t n;
    yyjson_val *line;

    yyjson_arr_foreach(lines, i, n, line)
    {
        const struct slice text = json_text(get(line, "text"));
        const int64_t type = number_of(line, "type");
        if (type == (s->is_added ? LINE_ADDED : LINE_REMOVED))
            look_at(s, text);
        else if (type == LINE_CHANGED || type == LINE_MOVED_HERE)
            look_at_ranges(s, text, get(line, "highlightRanges"));
    }
}

static bool text_holds(const struct tag_condition *c, yyjson_val *made)
{
    struct search s = {.where = c->where, .is_added = c->field == TAG_FIELD_ADDED};
    size_t i;
    size_t n;
    yyjson_val *slot;

    s.where.is_not = false;
    yyjson_arr_foreach(get(get(made, "diff"), "slots"), i, n, slot)
    {
        look_at_lines(&s, get(slot, "diff"));
    }
    return s.is_found != c->where.is_not;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static bool names(struct slice pointer, const char *step)
{
    return memmem(pointer.ptr, pointer.len, step, strlen(step)) != NULL;
}

/* Wherever in the event a user or a comment stands. */
static bool is_hidden(const struct tag_view *view, struct slice pointer)
{
    return (view->is_user_hidden && (names(pointer, "/performer") || names(pointer, "/editor") ||
                                     names(pointer, "/user"))) ||
           (view->is_comment_hidden && names(pointer, "comment"));
}

static bool condition_holds(const struct tag_condition *c, const struct tag_view *view)
{
    yyjson_val *val = NULL;

    if (c->field == TAG_FIELD_ADDED || c->field == TAG_FIELD_REMOVED)
        return text_holds(c, view->made);
    if (c->field == TAG_FIELD_MADE)
        val = where_find(view->made, c->where.pointer);
    else if (!is_hidden(view, c->where.pointer))
        val = where_find(view->event, c->where.pointer);
    return where_meets(val, &c->where);
}

bool tag_rule_holds(const struct tag_rule *rule, const struct tag_view *view)
{
    for (size_t i = 0; i < rule->count; i++) {
        if (!condition_holds(&rule->conditions[i], view))
            return false;
    }
    return true;
}
