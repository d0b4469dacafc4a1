/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/where.h"

#include <stdlib.h>

#include "proto/err.h"
#include "proto/event.h"

enum {
    NUMBER_MAX = 40 /* bytes of a number that is compared */
};

/* A pointer is empty, or begins with a slash; ~ stands only before 0 and 1. */
static bool is_pointer(struct slice p)
{
    if (p.len == 0 || p.len > WHERE_POINTER_MAX || p.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < p.len; i++) {
        if (p.ptr[i] == '~' && (i + 1 == p.len || (p.ptr[i + 1] != '0' && p.ptr[i + 1] != '1')))
            return false;
    }
    return true;
}

static bool take_word(struct slice *text, struct slice word)
{
    if (!slice_starts_with(*text, word))
        return false;
    *text = slice_sub(*text, word.len, text->len);
    return true;
}

static bool read_number(struct slice text, double *out)
{
    char copy[NUMBER_MAX];
    char *end = copy;

    if (text.len == 0 || text.len >= sizeof copy ||
        (text.ptr[0] != '-' && !(text.ptr[0] >= '0' && text.ptr[0] <= '9')))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, &end);
    return *end == '\0';
}

/* What does not fit the words is a value like any other. */
static void read_test(struct where *w)
{
    struct slice rest = w->value;

    if (take_word(&rest, SLICE_LIT("has ")) && rest.len > 0) {
        w->test = WHERE_HAS;
        w->value = rest;
        return;
    }
    if (slice_equal(w->value, SLICE_LIT("is there"))) {
        w->test = WHERE_THERE;
        return;
    }
    const bool is_above = take_word(&rest, SLICE_LIT("above "));
    if ((is_above || take_word(&rest, SLICE_LIT("below "))) && read_number(rest, &w->number))
        w->test = is_above ? WHERE_ABOVE : WHERE_BELOW;
}

int where_parse(struct slice pointer, struct slice value, struct where *out)
{
    if (!is_pointer(pointer))
        return ERR_MALFORMED;
    *out = (struct where){.pointer = pointer, .value = value};
    out->is_not = take_word(&out->value, SLICE_LIT("not "));
    read_test(out);
    return 0;
}

/* One step's name, decoded into `out` of WHERE_POINTER_MAX bytes. */
static struct slice step_name(struct slice raw, uint8_t *out)
{
    size_t len = 0;

    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] == '~' && i + 1 < raw.len) {
            i++;
            out[len++] = raw.ptr[i] == '0' ? '~' : '/';
        } else {
            out[len++] = raw.ptr[i];
        }
    }
    return slice_of(out, len);
}

static yyjson_val *element(yyjson_val *array, struct slice name)
{
    size_t index = 0;

    if (name.len == 0 || name.len > 6)
        return NULL;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] < '0' || name.ptr[i] > '9')
            return NULL;
        index = index * 10 + (name.ptr[i] - '0');
    }
    return yyjson_arr_get(array, index);
}

yyjson_val *where_find(yyjson_val *root, struct slice pointer)
{
    uint8_t buffer[WHERE_POINTER_MAX];
    yyjson_val *val = root;
    size_t at = 0;

    while (at < pointer.len && val != NULL) {
        size_t end = at + 1;
        while (end < pointer.len && pointer.ptr[end] != '/')
            end++;
        const struct slice name = step_name(slice_sub(pointer, at + 1, end), buffer);
        val = yyjson_is_arr(val) ? element(val, name) : json_value(json_key(val, name));
        at = end;
    }
    return val;
}

static bool is_equal(yyjson_val *val, struct slice wanted)
{
    if (yyjson_is_str(val))
        return slice_equal(json_text(val), wanted);
    if (yyjson_is_raw(val))
        return slice_equal(slice_of(yyjson_get_raw(val), yyjson_get_len(val)), wanted);
    if (yyjson_is_bool(val))
        return slice_equal(slice_str(yyjson_is_true(val) ? "true" : "false"), wanted);
    return yyjson_is_null(val) && slice_equal(SLICE_LIT("null"), wanted);
}

static bool has(yyjson_val *val, struct slice wanted)
{
    const struct slice text = json_text(val);
    size_t i;
    size_t n;
    yyjson_val *one;

    if (text.len > 0)
        return memmem(text.ptr, text.len, wanted.ptr, wanted.len) != NULL;
    yyjson_arr_foreach(val, i, n, one)
    {
        if (is_equal(one, wanted))
            return true;
    }
    return false;
}

static bool is_beyond(yyjson_val *val, const struct where *where)
{
    double number;

    if (!yyjson_is_raw(val) ||
        !read_number(slice_of(yyjson_get_raw(val), yyjson_get_len(val)), &number))
        return false;
    return where->test == WHERE_ABOVE ? number > where->number : number < where->number;
}

bool where_meets(yyjson_val *val, const struct where *where)
{
    bool meets = false;

    switch (where->test) {
    case WHERE_IS:
        meets = is_equal(val, where->value);
        break;
    case WHERE_HAS:
        meets = has(val, where->value);
        break;
    case WHERE_ABOVE:
    case WHERE_BELOW:
        meets = is_beyond(val, where);
        break;
    case WHERE_THERE:
        meets = val != NULL && !yyjson_is_null(val);
        break;
    }
    return meets != where->is_not;
}

bool where_meets_text(struct slice text, const struct where *where)
{
    bool meets = false;

    if (where->test == WHERE_IS)
        meets = slice_equal(text, where->value);
    else if (where->test == WHERE_THERE)
        meets = text.len > 0;
    else if (where->test == WHERE_HAS && text.len > 0)
        meets = memmem(text.ptr, text.len, where->value.ptr, where->value.len) != NULL;
    return meets != where->is_not;
}

bool where_passes(struct arena *scratch, struct slice event, const struct where *list, size_t count)
{
    static const struct json_limits LIMITS = {.bytes_max = EVENT_BYTES_MAX,
                                              .depth_max = EVENT_DEPTH_MAX};
    struct json json;
    struct json_flaw flaw;
    bool passes = true;

    if (count == 0)
        return true;
    arena_reset(scratch);
    if (json_parse(scratch, event, &LIMITS, &json, &flaw) != 0)
        return false;
    for (size_t i = 0; i < count && passes; i++)
        passes = where_meets(where_find(json.root, list[i].pointer), &list[i]);
    arena_reset(scratch);
    return passes;
}
