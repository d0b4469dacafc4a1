/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/writer.h"

#include <inttypes.h>
#include <stdio.h>

static void append(struct writer *t, const void *bytes, size_t len)
{
    if (len > t->len_max - t->len) {
        t->is_full = true;
        return;
    }
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}

static void comma(struct writer *t)
{
    if (t->wants_comma)
        append(t, ",", 1);
    t->wants_comma = true;
}

void writer_raw(struct writer *t, const char *raw)
{
    append(t, raw, strlen(raw));
}

static void append_escaped(struct writer *t, uint8_t byte)
{
    char escape[8];

    switch (byte) {
    case '"':
    case '\\':
        escape[0] = '\\';
        escape[1] = (char)byte;
        append(t, escape, 2);
        return;
    case '\n':
        append(t, "\\n", 2);
        return;
    case '\t':
        append(t, "\\t", 2);
        return;
    default:
        (void)snprintf(escape, sizeof(escape), "\\u%04x", byte);
        append(t, escape, 6);
    }
}

void writer_string(struct writer *t, struct slice value)
{
    append(t, "\"", 1);
    for (size_t i = 0; i < value.len; i++) {
        uint8_t byte = value.ptr[i];

        if (byte < 0x20 || byte == '"' || byte == '\\')
            append_escaped(t, byte);
        else
            append(t, &byte, 1);
    }
    append(t, "\"", 1);
}

void writer_open(struct writer *t, char bracket)
{
    append(t, &bracket, 1);
    t->wants_comma = false;
}

void writer_close(struct writer *t, char bracket)
{
    append(t, &bracket, 1);
    t->wants_comma = true;
}

void writer_key(struct writer *t, const char *key)
{
    comma(t);
    writer_string(t, slice_str(key));
    append(t, ":", 1);
}

void writer_member(struct writer *t, const char *key, struct slice value)
{
    if (value.ptr == NULL)
        return;
    writer_key(t, key);
    writer_string(t, value);
}

void writer_member_int(struct writer *t, const char *key, int64_t value)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRId64, value);

    writer_key(t, key);
    append(t, digits, (size_t)len);
}

void writer_member_bool(struct writer *t, const char *key, bool value)
{
    writer_key(t, key);
    writer_raw(t, value ? "true" : "false");
}

struct slice writer_slice(const struct writer *t)
{
    return t->is_full ? (struct slice){0} : slice_of(t->bytes, t->len);
}
