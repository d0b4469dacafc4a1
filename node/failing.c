/* SPDX-License-Identifier: Apache-2.0 */
#include "node/failing.h"

#include "node/cover.h"
#include "node/mutant.h"

void failing_result(struct failing *f, bool has_failed)
{
    f->results = f->results << 1 | (has_failed ? 1 : 0);
    if (f->count < FAILING_RESULTS)
        f->count++;
}

void failing_cut(struct failing *f, int64_t own, int64_t others, int64_t now_ms)
{
    if (others != f->others)
        f->others_ms = now_ms;
    f->others = others;
    if (others > own)
        f->is_last = false;
}

static uint32_t failures(const struct failing *f)
{
    uint32_t count = 0;

    for (uint64_t rest = f->results; rest != 0; rest &= rest - 1)
        count++;
    return count;
}

bool failing_is_over(const struct failing *f, uint32_t share_max_percent)
{
    return f->count >= FAILING_LEAST && failures(f) * 100 > share_max_percent * f->count;
}

enum failing_verdict failing_judge(struct failing *f, uint32_t share_max_percent, int64_t offset,
                                   int64_t now_ms)
{
    if (f->others == FAILING_ALONE || !failing_is_over(f, share_max_percent)) {
        f->waits_ms = 0;
        return FAILING_WRITES;
    }
    if (f->others >= offset) {
        COVER(failing_skips);
        f->waits_ms = 0;
        return FAILING_SKIPS;
    }
    if (f->is_last)
        return FAILING_WRITES;
    if (f->waits_ms == 0)
        f->waits_ms = now_ms;
    const int64_t since = f->others_ms > f->waits_ms ? f->others_ms : f->waits_ms;
    if (now_ms - since < FAILING_WAIT_MS || MUTANT(last_waits)) {
        COVER(failing_waits);
        return FAILING_WAITS;
    }
    COVER(failing_last);
    f->waits_ms = 0;
    f->is_last = true;
    return FAILING_WRITES;
}
