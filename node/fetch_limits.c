/* SPDX-License-Identifier: Apache-2.0 */
#include "node/fetch_limits.h"

#include "proto/err.h"

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value == 0 ? otherwise : value;
}

int fetch_limits_fill(const struct fetch_limits *in, struct fetch_limits *out)
{
    struct fetch_limits l = {
        .items_max = or_default(in->items_max, 4096),
        .in_flight_max = or_default(in->in_flight_max, 8),
        .per_second_max = in->per_second_max,
        .bytes_per_second_max = in->bytes_per_second_max,
        .batch_max = or_default(in->batch_max, FETCH_BATCH_MAX),
        .batch_bytes_max = or_default(in->batch_bytes_max, 4 * 1024 * 1024),
        .bytes_in_flight_max = or_default(in->bytes_in_flight_max, 24 * 1024 * 1024),
        .attempts_max = or_default(in->attempts_max, 8),
        .deadline_ms = or_default(in->deadline_ms, 60000),
        .call_timeout_ms = or_default(in->call_timeout_ms, 15000),
        .missing_retry_ms = or_default(in->missing_retry_ms, 10000),
        .backoff_min_ms = or_default(in->backoff_min_ms, 100),
        .backoff_max_ms = or_default(in->backoff_max_ms, 10000),
        .gather_ms = or_default(in->gather_ms, 20),
        .slow_ms = or_default(in->slow_ms, 3000),
    };

    if (l.items_max > FETCH_ITEMS_MAX || l.per_second_max > 1000000 ||
        l.backoff_min_ms > l.backoff_max_ms)
        return ERR_CONFIG;
    if (l.in_flight_max > FETCH_CALLS_MAX)
        l.in_flight_max = FETCH_CALLS_MAX;
    if (l.batch_max > FETCH_BATCH_MAX)
        l.batch_max = FETCH_BATCH_MAX;
    *out = l;
    return 0;
}
