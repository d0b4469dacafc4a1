/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/json_out.h"

#include <assert.h>
#include <stdio.h>

#include "proto/err.h"

enum {
    FIRST_SIZE = 1024
};

void json_out_init(struct json_out *out, struct arena *arena, size_t bytes_max)
{
    *out = (struct json_out){.arena = arena, .bytes_max = bytes_max};
}

/* Room for `len` more bytes; NULL if there is none. Bytes that were moved away stay in the arena:
 * doubling keeps that below what is used. */
static uint8_t *room(struct json_out *out, size_t len)
{
    if (out->rc != 0)
        return NULL;
    if (len > out->bytes_max - out->len) {
        out->rc = ERR_TOO_LARGE;
        return NULL;
    }
    if (out->len + len > out->size) {
        size_t size = out->size == 0 ? FIRST_SIZE : out->size;
        while (size < out->len + len)
            size *= 2;
        uint8_t *moved = arena_alloc(out->arena, size);
        if (moved == NULL) {
            out->rc = ERR_NO_MEMORY;
            return NULL;
        }
        if (out->len > 0)
            memcpy(moved, out->bytes, out->len);
        out->bytes = moved;
        out->size = size;
    }
    out->len += len;
    return out->bytes + out->len - len;
}

static void put(struct json_out *out, struct slice bytes)
{
    uint8_t *to = room(out, bytes.len);

    if (to != NULL && bytes.len > 0)
        memcpy(to, bytes.ptr, bytes.len);
}

static void put_char(struct json_out *out, char c)
{
    uint8_t *to = room(out, 1);

    if (to != NULL)
        *to = (uint8_t)c;
}

/* Before each value: the comma, unless a key or nothing precedes it. */
static void begin_value(struct json_out *out)
{
    const uint32_t bit = 1U << out->depth;

    if (!out->has_key) {
        if ((out->is_full & bit) != 0)
            put_char(out, ',');
        out->is_full |= bit;
    }
    out->has_key = false;
}

void json_out_open(struct json_out *out, char open)
{
    begin_value(out);
    put_char(out, open);
    assert(out->depth + 1 < JSON_OUT_DEPTH_MAX);
    out->depth++;
    out->is_full &= ~(1U << out->depth);
}

void json_out_close(struct json_out *out, char close)
{
    assert(out->depth > 0);
    assert(!out->has_key);
    out->depth--;
    put_char(out, close);
}

static bool is_plain(uint8_t c)
{
    return c >= ' ' && c != '"' && c != '\\';
}

static void put_escape(struct json_out *out, uint8_t c)
{
    char text[8];

    if (c == '"' || c == '\\')
        (void)snprintf(text, sizeof text, "\\%c", c);
    else if (c == '\n')
        (void)snprintf(text, sizeof text, "\\n");
    else
        (void)snprintf(text, sizeof text, "\\u%04x", c);
    put(out, slice_str(text));
}

static void put_string(struct json_out *out, struct slice text)
{
    size_t done = 0;

    put_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (is_plain(text.ptr[i]))
            continue;
        put(out, slice_sub(text, done, i));
        put_escape(out, text.ptr[i]);
        done = i + 1;
    }
    if (done < text.len)
        put(out, slice_sub(text, done, text.len));
    put_char(out, '"');
}

void json_out_key(struct json_out *out, const char *name)
{
    assert(!out->has_key);
    begin_value(out);
    put_string(out, slice_str(name));
    put_char(out, ':');
    out->has_key = true;
}

void json_out_text(struct json_out *out, struct slice text)
{
    begin_value(out);
    put_string(out, text);
}

void json_out_integer(struct json_out *out, int64_t number)
{
    char text[24];
    const int len = snprintf(text, sizeof text, "%lld", (long long)number);

    begin_value(out);
    put(out, slice_of(text, (size_t)len));
}

void json_out_bool(struct json_out *out, bool value)
{
    begin_value(out);
    put(out, value ? SLICE_LIT("true") : SLICE_LIT("false"));
}

void json_out_token(struct json_out *out, struct slice token)
{
    begin_value(out);
    put(out, token);
}

struct slice json_out_bytes(const struct json_out *out)
{
    assert(out->depth == 0 || out->rc != 0);
    if (out->rc != 0)
        return (struct slice){0};
    return slice_of(out->bytes, out->len);
}
