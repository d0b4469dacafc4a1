/* SPDX-License-Identifier: Apache-2.0 */
#include "node/inner.h"

#include <assert.h>

#include "node/global.h"

static_assert(sizeof(((struct inner_text *)NULL)->time) >= NUMBER_TEXT_MAX, "any number fits");
static_assert(sizeof(((struct inner_text *)NULL)->spec) >= NUMBER_TEXT_MAX, "any number fits");
static_assert(INNER_HEADERS_MAX <= GLOBAL_HEADERS_MAX, "a global record holds them all");

static size_t own_headers(const struct header *source, size_t source_count,
                          struct header out[INNER_HEADERS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < source_count && count < INNER_SOURCE_MAX; i++)
        if (!header_is_reserved(source[i].name) || header_is_request(source[i].name))
            out[count++] = source[i];
    return count;
}

static size_t add(struct header out[INNER_HEADERS_MAX], size_t count, enum header_name name,
                  struct slice value)
{
    if (value.ptr == NULL)
        return count;
    out[count] = (struct header){.name = header_slice(name), .value = value};
    return count + 1;
}

/* Fills in what is made from numbers; the absent slice where there is nothing to say. */
static void fill(struct slice values[HEADER_COUNT], const struct inner_fields *f,
                 struct inner_text *text)
{
    values[HEADER_ORIGIN] = slice_of(text->origin, origin_format(&f->origin, text->origin));
    values[HEADER_TIME] = slice_of(text->time, number_format(f->time_ms, text->time));
    values[HEADER_ID] = f->id;
    values[HEADER_STATUS] = f->status;
    values[HEADER_COPY] = f->copy_dc;
    if (f->by_dc.len > 0) {
        assert(f->by_dc.len <= DC_NAME_MAX);
        memcpy(text->by, f->by_dc.ptr, f->by_dc.len);
        text->by[f->by_dc.len] = '/';
        const size_t number = number_format(f->by_incarnation, text->by + f->by_dc.len + 1);
        values[HEADER_BY] = slice_of(text->by, f->by_dc.len + 1 + number);
    }
    values[HEADER_FETCH] = f->fetch;
    if (f->spec_version > 0) {
        const size_t len = number_format((int64_t)f->spec_version, text->spec);
        values[HEADER_SPEC] = slice_of(text->spec, len);
    }
}

size_t inner_headers(const struct header *source, size_t source_count,
                     const struct inner_fields *fields, struct inner_text *text,
                     struct header out[INNER_HEADERS_MAX])
{
    struct slice values[HEADER_COUNT] = {{0}};
    size_t count = own_headers(source, source_count, out);

    fill(values, fields, text);
    for (int name = 0; name < HEADER_COUNT; name++)
        count = add(out, count, (enum header_name)name, values[name]);
    assert(count <= INNER_HEADERS_MAX);
    return count;
}

size_t inner_copy_headers(const struct header *source, size_t source_count, struct slice copy_dc,
                          struct header out[INNER_HEADERS_MAX])
{
    struct slice values[HEADER_COUNT] = {{0}};
    size_t count = own_headers(source, source_count, out);

    for (size_t i = 0; i < source_count; i++) {
        const enum header_name name = header_lookup(source[i].name);
        if (name != HEADER_COUNT)
            values[name] = source[i].value;
    }
    values[HEADER_COPY] = copy_dc;
    for (int name = 0; name < HEADER_COUNT; name++)
        count = add(out, count, (enum header_name)name, values[name]);
    assert(count <= INNER_HEADERS_MAX);
    return count;
}
