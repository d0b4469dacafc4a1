/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wiki.c - the MediaWiki API of each DC: what it says about an event depends on the event, the
 * DC and the time, and no two DCs need agree.
 */
#include "tests/sim/world.h"

#include <stdio.h>

static uint64_t hash_of(const struct world *w, struct slice s)
{
    uint64_t h = w->p.seed;

    for (size_t at = 0; at < s.len; at++)
        h = (h ^ s.ptr[at]) * 0x100000001b3U;
    return chance_mix(h);
}

/* The letter after the event's id. */
static uint8_t kind_of(struct slice value)
{
    for (size_t at = 0; at + 1 < value.len; at++) {
        if (value.ptr[at] == ' ')
            return value.ptr[at + 1];
    }
    return 'n';
}

struct slice wiki_fetch(struct world *w, uint32_t dc, const struct body *source, int64_t at_us,
                        struct slice *out_value)
{
    uint64_t event = hash_of(w, source->value);
    uint64_t fetch = chance_mix(event ^ (dc + 1) ^ (uint64_t)(at_us / SECOND) << 8);
    uint32_t failed = w->p.failed_share[dc];
    char text[160];
    int len;

    *out_value = source->value;
    if (kind_of(source->value) == 'c')
        return SLICE_LIT("canary");
    if (kind_of(source->value) == 'f') {
        *out_value = SLICE_LIT("");
        return SLICE_LIT("filtered");
    }
    if (event % 1000 < w->p.withheld_share || window_is_on(w, dc, FAULT_page_hidden))
        return SLICE_LIT("withheld:hidden");
    if ((event >> 12) % 1000 < w->p.fault_share[FAULT_page_hidden] && (fetch & 1) != 0) {
        fault_count(w, FAULT_page_hidden);
        return SLICE_LIT("withheld:hidden");
    }
    if (window_is_on(w, dc, FAULT_wiki_errors))
        failed += w->p.story == NULL ? 500 : 1000;
    if ((fetch >> 12) % 1000 < failed)
        return SLICE_LIT("failed:http");
    len = snprintf(text, sizeof text, "%.*s +%.*s@%lld", SLICE_ARG(source->value),
                   SLICE_ARG(w->dcs[dc].name), (long long)(at_us / SECOND));
    *out_value = pool_copy(&w->pool, slice_of(text, (size_t)len));
    return SLICE_LIT("ok");
}

int64_t wiki_delay_us(struct world *w, uint32_t dc)
{
    if (window_is_on(w, dc, FAULT_wiki_slow) && chance_permille(&w->chance_detail, 300))
        return chance_between(&w->chance_detail, SECOND, 15 * SECOND);
    return chance_between(&w->chance_detail, 20 * MS, 200 * MS);
}
