/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/request.h"

#include <string.h>

/* The last header of this name, as elsewhere. */
static struct slice value_of(const struct header *headers, size_t count, const char *name)
{
    struct slice value = {0};

    for (size_t i = 0; i < count; i++) {
        if (slice_equal(headers[i].name, slice_str(name)))
            value = headers[i].value;
    }
    return value;
}

static uint32_t retry_of(struct slice text)
{
    int64_t number = 0;

    if (text.len == 0 || number_parse(text, false, &number) != 0 || number > REQUEST_RETRY_MAX)
        return 0;
    return (uint32_t)number;
}

struct request request_read(struct slice topic, struct slice output, const struct header *headers,
                            size_t count)
{
    const struct slice retry = SLICE_LIT(TASK_RETRY_PREFIX);
    const struct slice backfill = SLICE_LIT(TASK_BACKFILL_PREFIX);
    struct request r = {.source = topic};

    if (slice_starts_with(topic, retry)) {
        r.is_from_operator = true;
        r.source = value_of(headers, count, HEADER_REQUEST_SOURCE);
        r.retry = retry_of(value_of(headers, count, HEADER_REQUEST_RETRY));
    } else if (slice_starts_with(topic, backfill)) {
        r.is_from_operator = true;
        r.source = slice_sub(topic, backfill.len, topic.len);
        r.is_for_another = !slice_equal(value_of(headers, count, HEADER_REQUEST_BACKFILL), output);
    }
    return r;
}

struct slice request_id(struct slice id, uint32_t retry, uint8_t *out)
{
    char digits[NUMBER_TEXT_MAX];
    const size_t len = retry == 0 ? 0 : number_format((int64_t)retry, digits);

    if (id.len == 0 || id.len + (retry > 0 ? 1 : 0) + len > BRAID_ID_MAX)
        return (struct slice){0};
    memcpy(out, id.ptr, id.len);
    if (retry > 0) {
        out[id.len] = '#';
        memcpy(out + id.len + 1, digits, len);
    }
    return slice_of(out, id.len + (retry > 0 ? 1 + len : 0));
}
