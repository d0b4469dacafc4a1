/* SPDX-License-Identifier: Apache-2.0 */
#include "node/error_event.h"

#include <assert.h>
#include <string.h>

#include "proto/utf8.h"

#define FRAME_BYTES 512 /* names, quotes, times: all that does not depend on the texts */
#define ESCAPED_MAX 6   /* bytes that one byte can become: \u001f, or U+FFFD's three */

/* Where the JSON is being written. */
struct pen {
    uint8_t *out;
    size_t len;
};

static void put(struct pen *p, struct slice bytes)
{
    if (bytes.len > 0)
        memcpy(p->out + p->len, bytes.ptr, bytes.len);
    p->len += bytes.len;
}

static void puts_text(struct pen *p, const char *text)
{
    put(p, slice_str(text));
}

static const char HEX[] = "0123456789abcdef";

static void put_byte(struct pen *p, uint8_t c)
{
    if (c == '"' || c == '\\') {
        p->out[p->len++] = '\\';
        p->out[p->len++] = c;
    } else if (c < 0x20) {
        puts_text(p, "\\u00");
        p->out[p->len++] = (uint8_t)HEX[c >> 4];
        p->out[p->len++] = (uint8_t)HEX[c & 15];
    } else {
        p->out[p->len++] = c;
    }
}

/* The inside of a JSON string; what is no UTF-8 becomes U+FFFD, byte by byte. */
static void put_escaped(struct pen *p, struct slice text)
{
    while (text.len > 0) {
        const size_t good = utf8_prefix(text);
        for (size_t i = 0; i < good; i++)
            put_byte(p, text.ptr[i]);
        text = slice_sub(text, good, text.len);
        if (text.len > 0) {
            puts_text(p, "\xef\xbf\xbd");
            text = slice_sub(text, 1, text.len);
        }
    }
}

static void put_string(struct pen *p, struct slice text)
{
    puts_text(p, "\"");
    put_escaped(p, text);
    puts_text(p, "\"");
}

/* Bytes that are no UTF-8, and text that begins as those do. */
static bool is_binary(struct slice raw)
{
    return utf8_prefix(raw) < raw.len || slice_starts_with(raw, SLICE_LIT(ERROR_EVENT_BASE64));
}

/* RFC 4648, section 4. */
static void put_base64(struct pen *p, struct slice bytes)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.len; i += 3) {
        const size_t left = bytes.len - i;
        const uint32_t group = (uint32_t)bytes.ptr[i] << 16 |
                               (left > 1 ? (uint32_t)bytes.ptr[i + 1] << 8 : 0) |
                               (left > 2 ? (uint32_t)bytes.ptr[i + 2] : 0);
        p->out[p->len++] = (uint8_t)DIGITS[group >> 18];
        p->out[p->len++] = (uint8_t)DIGITS[group >> 12 & 63];
        p->out[p->len++] = left > 1 ? (uint8_t)DIGITS[group >> 6 & 63] : '=';
        p->out[p->len++] = left > 2 ? (uint8_t)DIGITS[group & 63] : '=';
    }
}

static void put_raw(struct pen *p, struct slice raw)
{
    if (!is_binary(raw)) {
        puts_text(p, ",\"raw_event\":");
        put_string(p, raw);
        return;
    }
    puts_text(p, ",\"raw_event\":\"" ERROR_EVENT_BASE64);
    put_base64(p, raw);
    puts_text(p, "\"");
}

/* ,"name":"value", if there is a value. */
static void put_member(struct pen *p, const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    puts_text(p, ",\"");
    puts_text(p, name);
    puts_text(p, "\":");
    put_string(p, value);
}

static bool has_raw(const struct error_event *e)
{
    return e->raw.len <= ERROR_EVENT_RAW_MAX;
}

size_t error_event_size(const struct error_event *e)
{
    const size_t text = e->stream.len + e->emitter.len + strlen(e->reason) + strlen(e->message) +
                        strlen(e->detail) + (has_raw(e) ? e->raw.len : 0) + e->errored_stream.len +
                        e->errored_schema.len + e->domain.len + e->request_id.len;

    return FRAME_BYTES + ESCAPED_MAX * text;
}

size_t error_event_write(const struct error_event *e, uint8_t *out)
{
    struct pen p = {.out = out};
    char now[TIME_TEXT_LEN];

    time_text(e->now_ms, now);
    puts_text(&p, "{\"$schema\":\"/error/2.1.0\",\"meta\":{\"stream\":");
    put_string(&p, e->stream);
    put_member(&p, "dt", slice_of(now, sizeof(now)));
    put_member(&p, "domain", e->domain);
    put_member(&p, "request_id", e->request_id);
    puts_text(&p, "}");
    put_member(&p, "dt", slice_of(now, sizeof(now)));
    put_member(&p, "emitter_id", e->emitter);
    put_member(&p, "error_type", slice_str(e->reason));
    puts_text(&p, ",\"message\":\"");
    put_escaped(&p, slice_str(e->message));
    if (e->detail[0] != '\0') {
        puts_text(&p, ": ");
        put_escaped(&p, slice_str(e->detail));
    }
    puts_text(&p, "\"");
    put_member(&p, "errored_stream_name", e->errored_stream);
    put_member(&p, "errored_schema_uri", e->errored_schema);
    if (has_raw(e) && e->raw.len > 0)
        put_raw(&p, e->raw);
    puts_text(&p, "}");
    assert(p.len <= error_event_size(e));
    return p.len;
}
