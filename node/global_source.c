/* SPDX-License-Identifier: Apache-2.0 */
#include "node/global_source.h"

#include "node/global.h"

void global_as_source(const struct origin_partition *from, struct record *r)
{
    struct braid_headers as = {.raw = {[HEADER_ID] = r->braid.raw[HEADER_ID]}};
    uint64_t seq;
    uint32_t era;
    uint64_t cut;
    uint64_t chain;

    if (r->braid.has_origin && global_parse(&r->braid, &seq, &era, &cut, &chain) == 0) {
        as.has_origin = true;
        as.origin =
            (struct origin){.from = *from, .prev = (int64_t)seq - 1, .offset = (int64_t)seq};
        as.time_ms = r->log_time_ms;
    }
    r->braid = as;
}

struct slice global_source_id(const struct header *headers, size_t count)
{
    struct slice id = {0};

    for (size_t i = 0; i < count; i++) {
        if (header_lookup(headers[i].name) == HEADER_ID)
            id = headers[i].value;
    }
    return id;
}
