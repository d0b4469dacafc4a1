/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/cost.h"

#include <assert.h>

enum {
    DAY_S = 24 * 3600
};

/* Saturates. */
static int64_t times(int64_t a, int64_t b)
{
    assert(a >= 0);
    assert(b >= 0);
    return b != 0 && a > INT64_MAX / b ? INT64_MAX : a * b;
}

static int64_t plus(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

struct cost cost_of(const struct cost_input *in)
{
    /* How often an event is enriched, and thus fetched. */
    const int64_t strands = in->is_at_origin ? 1 : in->dcs;
    const int64_t others = in->dcs - 1;
    const int64_t source_day = times(in->events_per_day, in->source_bytes);
    const int64_t enriched_day = times(in->events_per_day, in->enriched_bytes);
    /* Enriched at its origin alone, a source is read nowhere else. */
    const int64_t copies_day = in->is_at_origin ? 0 : times(source_day, others);
    /* Each strand lies in every DC, and crosses to all but one. */
    const int64_t inner_day = times(enriched_day, times(strands, in->dcs));
    const int64_t global_day = times(enriched_day, in->dcs);
    const int64_t kept_inner = times(plus(copies_day, inner_day) / DAY_S, in->inner_kept_s);
    const int64_t kept_global = times(global_day / DAY_S, in->global_kept_s);

    assert(in->dcs > 0);
    return (struct cost){
        .api_calls_per_day = times(in->events_per_day, strands),
        .wan_bytes_per_s = plus(copies_day, times(enriched_day, times(strands, others))) / DAY_S,
        .stored_bytes_per_s =
            times(plus(plus(copies_day, inner_day), global_day), in->replication) / DAY_S,
        .disk_bytes = times(plus(kept_inner, kept_global), in->replication),
    };
}
