/* SPDX-License-Identifier: Apache-2.0 */
#include "node/batch_size.h"

#define BATCH_HEAD 61 /* base offset to record count */

/* Bytes of a varint of a number that is not negative, zigzag: seven bits a byte. */
static size_t varint_size(size_t value)
{
    size_t size = 1;

    for (size_t rest = value << 1; rest >= 128; rest >>= 7)
        size++;
    return size;
}

static size_t bytes_size(struct slice s)
{
    return s.ptr == NULL ? 1 : varint_size(s.len) + s.len; /* null: -1, one byte */
}

size_t batch_size(struct slice key, struct slice value, const struct header *headers, size_t count)
{
    size_t body = 3; /* attributes; deltas of timestamp and offset, both 0 */

    body += bytes_size(key) + bytes_size(value) + varint_size(count);
    for (size_t i = 0; i < count; i++)
        body +=
            varint_size(headers[i].name.len) + headers[i].name.len + bytes_size(headers[i].value);
    return BATCH_HEAD + varint_size(body) + body;
}
