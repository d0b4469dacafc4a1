/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: any header values are read or refused; an origin that is accepted is written back as the
 *       very same bytes.
 * Input: header values, each ended by a newline, in the order of Braid's headers.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "node/global.h"
#include "proto/headers.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct header list[HEADER_COUNT];
    struct braid_headers b;
    size_t count = 0;
    size_t from = 0;
    uint64_t seq;
    uint32_t era;
    uint64_t cut;
    uint64_t chain;

    for (size_t i = 0; i <= size && count < HEADER_COUNT; i++) {
        if (i < size && data[i] != '\n')
            continue;
        list[count] = (struct header){.name = slice_str(header_text((enum header_name)count)),
                                      .value = slice_of(data + from, i - from)};
        count++;
        from = i + 1;
    }
    headers_parse(list, count, &b);
    if (b.has_origin) {
        char buf[ORIGIN_TEXT_MAX];
        const size_t len = origin_format(&b.origin, buf);
        check(slice_equal(slice_of(buf, len), b.raw[HEADER_ORIGIN]));
        check(b.origin.prev < b.origin.offset);
    }
    (void)global_parse(&b, &seq, &era, &cut, &chain);
    return 0;
}
