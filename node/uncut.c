/* SPDX-License-Identifier: Apache-2.0 */
#include "node/uncut.h"

#include "node/mutant.h"

#include <stddef.h>

void uncut_init(struct uncut *u, int64_t retention_ms)
{
    *u = (struct uncut){.cut = INT64_MIN, .retention_ms = retention_ms};
}

void uncut_read(struct uncut *u, int64_t offset, int64_t stamp_ms, int64_t now_ms)
{
    const int64_t step_ms = u->retention_ms / 2 / UNCUT_MARKS;

    if (u->retention_ms == 0)
        return;
    if (u->newest_ms <= stamp_ms) {
        u->newest_ms = stamp_ms;
        u->read_ms = now_ms;
    }
    if (offset <= u->cut)
        return;
    struct uncut_mark *last = u->count == 0 ? NULL : &u->marks[u->count - 1];
    if (last == NULL || (stamp_ms - last->stamp_ms > step_ms && u->count < UNCUT_MARKS)) {
        u->marks[u->count] = (struct uncut_mark){.offset = offset, .stamp_ms = stamp_ms};
        u->count++;
    } else {
        last->offset = offset;
    }
}

void uncut_cut(struct uncut *u, int64_t position)
{
    uint32_t covered = 0;

    u->cut = position;
    while (covered < u->count && u->marks[covered].offset <= position)
        covered++;
    u->count -= covered;
    for (uint32_t i = 0; i < u->count; i++)
        u->marks[i] = u->marks[i + covered];
}

bool uncut_is_old(const struct uncut *u, int64_t now_ms)
{
    if (u->retention_ms == 0 || u->count == 0 || MUTANT(write_uncut))
        return false;
    return u->newest_ms - u->marks[0].stamp_ms + now_ms - u->read_ms >= u->retention_ms / 2;
}
