/* SPDX-License-Identifier: Apache-2.0 */
#include "node/peer_copy.h"

#include "node/cover.h"
#include "node/global.h"
#include "node/mutant.h"
#include "proto/err.h"

#include <assert.h>

static enum peer_copy_verdict ends(const struct peer_copy *p)
{
    if (!p->has_next || p->next < p->until.next_seq)
        return PEER_COPY_SKIP;
    if (p->next > p->until.next_seq)
        return PEER_COPY_FAR;
    return p->has_chain && p->chain != p->until.chain ? PEER_COPY_DIVERGED : PEER_COPY_OVER;
}

enum peer_copy_verdict peer_copy_begin(struct peer_copy *p, const struct merge_copy *copy,
                                       const struct merge_recovery *tail)
{
    *p = (struct peer_copy){
        .until = copy->until,
        .has_logged = tail->has_logged && tail->logged_era == copy->until.era,
        .logged = tail->logged_number,
    };
    if (tail->has_tail && !MUTANT(copy_from_first)) {
        p->next = tail->tail_seq + 1;
        p->chain = tail->tail_chain;
        p->has_next = p->has_chain = true;
    } else if (tail->tail_is_emptied && copy->has_after) {
        p->next = copy->after.next_seq;
        p->chain = copy->after.chain;
        p->has_next = p->has_chain = true;
    }
    return p->until.next_seq == 0 ? PEER_COPY_OVER : ends(p);
}

enum peer_copy_verdict peer_copy_record(struct peer_copy *p, const struct record *r)
{
    uint64_t seq;
    uint64_t cut;
    uint64_t chain;
    uint32_t era;

    if (!r->braid.has_origin || global_parse(&r->braid, &seq, &era, &cut, &chain) != 0)
        return PEER_COPY_SKIP;
    if (!p->has_next) {
        /* An empty topic: it begins where the peer's does, with the peer's chain before (A14). */
        p->has_next = true;
        p->next = seq;
        p->has_chain = seq == 0;
        p->chain = 0;
    }
    if (seq + 1 == p->next && p->has_chain && chain != p->chain)
        return PEER_COPY_DIVERGED;
    if (ends(p) != PEER_COPY_SKIP)
        return ends(p);
    if (seq < p->next)
        return PEER_COPY_SKIP;
    if (seq > p->next)
        return PEER_COPY_GONE;
    const uint64_t own = global_chain(p->chain, &r->braid, r->log_time_ms, r->key, r->value);
    if (p->has_chain && own != chain)
        return PEER_COPY_DIVERGED;
    p->chain = chain;
    p->has_chain = true;
    p->next = seq + 1;
    return PEER_COPY_TAKE;
}

bool peer_copy_has_records(const struct peer_copy *p)
{
    return p->until.next_seq == 0 || ends(p) == PEER_COPY_OVER;
}

bool peer_copy_is_last(const struct peer_copy *p, const struct emitted_line *line)
{
    const struct emitted *e = &line->emitted;

    return e->era == p->until.era && e->number == p->until.number &&
           e->next_seq == p->until.next_seq && e->chain == p->until.chain;
}

bool peer_copy_wants_cut(const struct peer_copy *p, const struct cut *cut)
{
    return !p->has_cuts && cut->era == p->until.era && cut->number <= p->until.number &&
           (!p->has_logged || cut->number > p->logged);
}

void peer_copy_cuts_there(struct peer_copy *p)
{
    p->has_cuts = true;
}

bool peer_copy_wants_line(struct peer_copy *p, const struct emitted_line *line)
{
    const struct emitted *e = &line->emitted;

    if (!p->has_cuts || e->era > p->until.era || e->number > p->until.number ||
        (p->has_row && e->number != p->row + 1))
        return false;
    if (e->number == p->until.number && !peer_copy_is_last(p, line))
        return false;
    p->has_row = true;
    p->row = e->number;
    return true;
}

int peer_copy_line(const struct emitted_line *line, int64_t log_end, struct arena *a,
                   struct slice *out)
{
    struct emitted_line own = *line;

    own.window_offset = log_end;
    own.places = arena_alloc(a, ((size_t)line->place_count + 1) * sizeof *own.places);
    if (own.places == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < line->place_count; i++) {
        own.places[i] = (struct place){.last = POSITION_NONE, .from = PLACE_OF_CUT, .epoch = -1};
        if (MUTANT(copy_places))
            own.places[i] = line->places[i];
    }
    return line_encode_emitted(&own, a, out);
}

bool peer_copy_has_lines(const struct peer_copy *p)
{
    return p->has_row && p->row == p->until.number;
}
