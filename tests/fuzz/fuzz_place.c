/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: any committed metadata is read or refused; what is read is written back equal. */
#include <assert.h>

#include "node/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct line_place in = {0};
    struct line_place out = {0};
    struct line_place in_again = {0};
    struct line_place out_again = {0};
    char text[PLACE_TEXT_MAX];
    const uint32_t count = size > 0 ? data[0] % 4 : 1;
    const struct slice bytes = size > 0 ? slice_of(data + 1, size - 1) : slice_of(data, 0);

    if (place_parse(bytes, 1, count, &in, &out) != 0)
        return 0;
    const size_t len = place_format(1, count, &in, &out, text);
    assert(place_parse(slice_of(text, len), 1, count, &in_again, &out_again) == 0);
    assert(in_again.log_offset == in.log_offset || !in.valid);
    assert(out_again.log_offset == out.log_offset || !out.valid);
    return 0;
}
