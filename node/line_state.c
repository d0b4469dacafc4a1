/* SPDX-License-Identifier: Apache-2.0 */
#include "node/line_state.h"

uint32_t line_slots_free(const struct line *l)
{
    return l->config.in_flight_max - (uint32_t)(l->ticket_next - l->ticket_read);
}

uint32_t line_room(const struct line *l)
{
    if (l->phase != LINE_RUNNING || l->is_old)
        return 0;
    return line_slots_free(l);
}

const char *line_waits(const struct line *l)
{
    if (l->is_old)
        return "waits for cuts: its oldest record that none covers has reached half of the topic's "
               "retention";
    if (l->config.kind == LINE_ENRICH && l->failing.others != FAILING_ALONE &&
        failing_is_over(&l->failing, l->config.failed_share_max))
        return l->failing.is_last
                   ? "fails more than limits.failed_share_max of its requests to the API, and goes "
                     "on: no other DC's strand moves"
                   : "follows another DC: of its requests to the API more than "
                     "limits.failed_share_max fail";
    return NULL;
}

bool line_place_equal(const struct line *l, const struct line_place *a, const struct line_place *b)
{
    return a->valid == b->valid && a->log_offset == b->log_offset && a->epoch == b->epoch &&
           memcmp(a->last, b->last, l->config.strand_count * sizeof a->last[0]) == 0;
}

void line_places(const struct line *l, struct line_place *out_in, struct line_place *out_out)
{
    /* Until there is a new one the old one stays: it says that there was one. */
    *out_in = l->place_in.valid ? l->place_in : l->given_in;
    *out_out = (struct line_place){
        .valid = l->phase == LINE_RUNNING, .log_offset = l->out_next, .epoch = l->out_epoch};
    for (uint32_t i = 0; i < l->config.strand_count; i++)
        out_out->last[i] = l->strands[i].out_last;
}
