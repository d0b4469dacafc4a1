/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    TEXT_FIRST_BYTES = 256
};

struct text text_in(struct arena *a)
{
    assert(a != NULL);
    return (struct text){.arena = a};
}

/* Room for `len` more bytes and the NUL; false if the arena has none. */
static bool text_reserve(struct text *t, size_t len)
{
    size_t capacity = t->capacity == 0 ? TEXT_FIRST_BYTES : t->capacity;
    char *grown = NULL;

    if (t->is_full)
        return false;
    if (t->ptr != NULL && t->capacity - t->len > len)
        return true;
    while (capacity - t->len <= len)
        capacity *= 2;
    grown = arena_alloc(t->arena, capacity);
    if (grown == NULL) {
        t->is_full = true;
        return false;
    }
    if (t->len > 0)
        memcpy(grown, t->ptr, t->len);
    grown[t->len] = '\0';
    t->ptr = grown;
    t->capacity = capacity;
    return true;
}

void text_add(struct text *t, struct slice bytes)
{
    if (!text_reserve(t, bytes.len))
        return;
    if (bytes.len > 0)
        memcpy(t->ptr + t->len, bytes.ptr, bytes.len);
    t->len += bytes.len;
    t->ptr[t->len] = '\0';
}

void text_adds(struct text *t, const char *string)
{
    text_add(t, slice_str(string));
}

static void text_vaddf(struct text *t, const char *format, va_list args)
{
    char line[TEXT_LINE_MAX];
    int len = vsnprintf(line, sizeof(line), format, args);

    if (len < 0)
        return;
    text_add(t, slice_of(line, (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1));
}

void text_addf(struct text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_vaddf(t, format, args);
    va_end(args);
}

void text_pad(struct text *t, char c, size_t count)
{
    if (!text_reserve(t, count))
        return;
    memset(t->ptr + t->len, c, count);
    t->len += count;
    t->ptr[t->len] = '\0';
}

const char *text_string(const struct text *t)
{
    return t->ptr == NULL ? "" : t->ptr;
}

struct slice text_slice(const struct text *t)
{
    return slice_of(text_string(t), t->len);
}

const char *text_format(struct arena *a, const char *format, ...)
{
    struct text t = text_in(a);
    va_list args;

    va_start(args, format);
    text_vaddf(&t, format, args);
    va_end(args);
    return text_string(&t);
}
