/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/grpc.h"

#include "proto/err.h"

#include <assert.h>

void grpc_head_write(uint8_t out[GRPC_HEAD_BYTES], uint32_t len)
{
    out[0] = 0;
    out[1] = (uint8_t)(len >> 24);
    out[2] = (uint8_t)(len >> 16);
    out[3] = (uint8_t)(len >> 8);
    out[4] = (uint8_t)len;
}

int grpc_message_next(struct slice bytes, size_t bytes_max, struct slice *out_message,
                      size_t *out_used)
{
    *out_message = (struct slice){0};
    *out_used = 0;
    if (bytes.len == 0)
        return 0;
    if (bytes.ptr[0] != 0)
        return ERR_MALFORMED;
    if (bytes.len < GRPC_HEAD_BYTES)
        return 0;
    const size_t len = (size_t)bytes.ptr[1] << 24 | (size_t)bytes.ptr[2] << 16 |
                       (size_t)bytes.ptr[3] << 8 | bytes.ptr[4];
    if (len > bytes_max)
        return ERR_TOO_LARGE;
    if (bytes.len - GRPC_HEAD_BYTES < len)
        return 0;
    *out_message = slice_sub(bytes, GRPC_HEAD_BYTES, GRPC_HEAD_BYTES + len);
    *out_used = GRPC_HEAD_BYTES + len;
    assert(*out_used <= bytes.len);
    return 0;
}

void grpc_trailer_init(struct grpc_trailer *t)
{
    *t = (struct grpc_trailer){.status = GRPC_STATUS_NONE};
}

/* A number of at most three digits at the start of the text, -1 if there is none. */
static int small_number(struct slice text)
{
    int number = 0;
    size_t digits = 0;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9') {
        if (digits == 3)
            return -1;
        number = number * 10 + (text.ptr[digits] - '0');
        digits++;
    }
    return digits == 0 ? -1 : number;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Undoes the percent encoding of grpc-message; what is not printable becomes '?'. */
static void text_decode(struct slice in, char out[GRPC_TEXT_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < in.len && len < GRPC_TEXT_MAX - 1; i++) {
        uint8_t c = in.ptr[i];
        if (c == '%' && i + 2 < in.len && hex_digit(in.ptr[i + 1]) >= 0 &&
            hex_digit(in.ptr[i + 2]) >= 0) {
            c = (uint8_t)(hex_digit(in.ptr[i + 1]) * 16 + hex_digit(in.ptr[i + 2]));
            i += 2;
        }
        if (c < 0x20 || c >= 0x7f)
            c = '?';
        out[len++] = (char)c;
    }
    out[len] = '\0';
}

/* Is this the line of the header of that lower-case name? Then *out is its value. */
static bool header_value(struct slice line, struct slice name, struct slice *out)
{
    if (line.len <= name.len || line.ptr[name.len] != ':')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = line.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != name.ptr[i])
            return false;
    }
    size_t from = name.len + 1;
    size_t to = line.len;
    while (from < to && line.ptr[from] == ' ')
        from++;
    while (to > from &&
           (line.ptr[to - 1] == '\r' || line.ptr[to - 1] == '\n' || line.ptr[to - 1] == ' '))
        to--;
    *out = slice_sub(line, from, to);
    return true;
}

void grpc_trailer_line(struct grpc_trailer *t, struct slice line)
{
    struct slice value;

    if (slice_starts_with(line, SLICE_LIT("HTTP/"))) {
        const uint8_t *space = memchr(line.ptr, ' ', line.len);
        if (space == NULL)
            return;
        const int number = small_number(slice_sub(line, (size_t)(space - line.ptr) + 1, line.len));
        t->http_status = number < 0 ? 0 : number;
    } else if (header_value(line, SLICE_LIT("grpc-status"), &value)) {
        const int number = small_number(value);
        t->status = number < 0 ? 2 : number; /* 2: unknown error */
    } else if (header_value(line, SLICE_LIT("grpc-message"), &value)) {
        text_decode(value, t->text);
    }
}

/* gRPC's codes (grpc.io, statuscodes.md). */
enum {
    CODE_OK = 0,
    CODE_INVALID_ARGUMENT = 3,
    CODE_DEADLINE_EXCEEDED = 4,
    CODE_NOT_FOUND = 5,
    CODE_PERMISSION_DENIED = 7,
    CODE_RESOURCE_EXHAUSTED = 8,
    CODE_FAILED_PRECONDITION = 9,
    CODE_OUT_OF_RANGE = 11,
    CODE_UNIMPLEMENTED = 12,
    CODE_UNAVAILABLE = 14,
    CODE_UNAUTHENTICATED = 16,
};

int grpc_status_rc(int status, const char *text, bool may_write)
{
    switch (status) {
    case CODE_OK:
        return 0;
    case CODE_NOT_FOUND:
        return ERR_NOT_FOUND;
    case CODE_OUT_OF_RANGE:
        return strstr(text, "compacted") != NULL ? ERR_COMPACTED : ERR_REFUSED;
    case CODE_RESOURCE_EXHAUSTED:
        /* Refused before it was proposed. "received message larger than max" is one too. */
        return strstr(text, "larger") != NULL ? ERR_TOO_LARGE : ERR_BUSY;
    case CODE_INVALID_ARGUMENT:
        return strstr(text, "too large") != NULL ? ERR_TOO_LARGE : ERR_REFUSED;
    case CODE_PERMISSION_DENIED:
    case CODE_FAILED_PRECONDITION:
    case CODE_UNIMPLEMENTED:
    case CODE_UNAUTHENTICATED:
        return ERR_REFUSED;
    case CODE_UNAVAILABLE:
        /* The server's interceptor says this before it looks at the call: no effect. */
        if (strcmp(text, "etcdserver: no leader") == 0)
            return ERR_UNAVAILABLE;
        return may_write ? ERR_UNKNOWN : ERR_UNAVAILABLE;
    case CODE_DEADLINE_EXCEEDED:
        return may_write ? ERR_UNKNOWN : ERR_TIMEOUT;
    default:
        /* Also GRPC_STATUS_NONE: the stream ended without a word. */
        return may_write ? ERR_UNKNOWN : ERR_UNAVAILABLE;
    }
}
