/* SPDX-License-Identifier: Apache-2.0 */
#include "node/inner.h"

#include <assert.h>
#include <stdio.h>

#include "node/global.h"

static_assert(INNER_HEADERS_MAX <= GLOBAL_HEADERS_MAX, "a global record holds them all");

static size_t own_headers(const struct header *source, size_t source_count,
                          struct header out[INNER_HEADERS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < source_count && count < INNER_SOURCE_MAX; i++)
        if (!header_is_reserved(source[i].name))
            out[count++] = source[i];
    return count;
}

static size_t add(struct header out[INNER_HEADERS_MAX], size_t count, enum header_name name,
                  struct slice value)
{
    if (value.ptr == NULL)
        return count;
    out[count] = (struct header){.name = slice_str(header_text(name)), .value = value};
    return count + 1;
}

/* Fills in what is made from numbers; the absent slice where there is nothing to say. */
static void fill(struct slice values[HEADER_COUNT], const struct inner_fields *f,
                 struct inner_text *text)
{
    values[HEADER_ORIGIN] = slice_of(text->origin, origin_format(&f->origin, text->origin));
    (void)snprintf(text->time, sizeof(text->time), "%lld", (long long)f->time_ms);
    values[HEADER_TIME] = slice_str(text->time);
    values[HEADER_ID] = f->id;
    values[HEADER_STATUS] = f->status;
    values[HEADER_COPY] = f->copy_dc;
    if (f->by_dc.len > 0) {
        (void)snprintf(text->by, sizeof(text->by), "%.*s/%u", SLICE_ARG(f->by_dc),
                       f->by_incarnation);
        values[HEADER_BY] = slice_str(text->by);
    }
    values[HEADER_FETCH] = f->fetch;
    if (f->spec_version > 0) {
        (void)snprintf(text->spec, sizeof(text->spec), "%llu", (unsigned long long)f->spec_version);
        values[HEADER_SPEC] = slice_str(text->spec);
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
