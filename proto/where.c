/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/where.h"

#include "proto/err.h"
#include "proto/event.h"

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

int where_parse(struct slice pointer, struct slice value, struct where *out)
{
    const struct slice not_word = SLICE_LIT("not ");

    if (!is_pointer(pointer))
        return ERR_MALFORMED;
    *out = (struct where){.pointer = pointer, .value = value};
    if (slice_starts_with(value, not_word)) {
        out->is_not = true;
        out->value = slice_sub(value, not_word.len, value.len);
    }
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
        passes = is_equal(where_find(json.root, list[i].pointer), list[i].value) != list[i].is_not;
    arena_reset(scratch);
    return passes;
}
