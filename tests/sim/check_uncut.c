/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/checker.h"

/*
 * A2: a run whose oldest record that no cut covers has reached half of the retention writes no more
 * than what it has under way: what waits, waits in the source.
 */
void check_uncut(struct world *w, uint32_t strand, const struct krec *k)
{
    struct check *c = w->check;
    const struct by_offset *list = &c->accepted[strand];
    const struct krec *oldest = NULL;
    int64_t at = c->cut_count == 0 ? 0 : c->cuts[c->cut_count - 1].positions[strand] + 1;

    if (c->late_writer[strand] != k->writer)
        c->late[strand] = 0;
    c->late_writer[strand] = k->writer;
    for (; oldest == NULL && (size_t)at < list->count; at++) {
        if (list->list[at] != NULL && list->list[at]->writer == k->writer)
            oldest = list->list[at];
    }
    if (w->p.retention_ms == 0 || oldest == NULL ||
        k->time_ms - oldest->time_ms < w->p.retention_ms / 2 + 2000)
        c->late[strand] = 0;
    else if (++c->late[strand] > 2 * w->p.in_flight_max)
        check_fail(w, "I9",
                   "strand %u: %u records written while the oldest without a cut is %lld ms old",
                   strand, c->late[strand], (long long)(k->time_ms - oldest->time_ms));
}
