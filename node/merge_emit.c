/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From committed cuts to transactions on the global topic (R8, R10, R11, A5): each cut is checked
 * against the one before, logged, waited for until all it covers is held and the digests agree,
 * planned, written in parts, and noted.
 */
#include "node/cover.h"
#include "node/merge_state.h"
#include "node/mutant.h"
#include "proto/err.h"

#include <assert.h>

/* --- cuts come in ------------------------------------------------------------------------------- */

static struct merge_cut *cut_slot(struct merge *m, uint64_t number)
{
    return &m->cuts[number % MERGE_CUTS_AHEAD_MAX];
}

bool merge_follows(struct merge *m, const struct cut *cut, struct merge_actions *out)
{
    const char *why = NULL;

    if (cut->previous_hash != m->last_hash)
        why = "the chain of cuts does not fit what this DC has emitted: etcd was restored?";
    else if (cut->params.rules_version > MERGE_RULES_VERSION)
        why = "the chain asks for merge rules that this version does not know";
    if (why != NULL)
        merge_stop(m, out, ERR_DIVERGED, why);
    return why == NULL;
}

static bool goes_back(struct merge *m, const struct cut *cut)
{
    const struct strand_position *before =
        m->cuts_tail > m->cuts_head ? cut_slot(m, m->cuts_tail - 1)->positions : NULL;

    for (uint32_t i = 0; i < m->strands.layout.count; i++) {
        const int64_t position = before != NULL ? before[i].position : m->emitted_positions[i];
        if (cut->strands[i].position < position && !MUTANT(cut_goes_back))
            return true;
    }
    return false;
}

void merge_log_cut(struct merge *m, struct slice bytes, const struct cut *cut,
                   struct merge_actions *out)
{
    if (cut->number <= m->logging_number)
        return;
    struct slice line;
    int rc = line_encode_cut(bytes, &m->scratch, &line);
    if (rc != 0) {
        merge_stop(m, out, rc, "a cut is too large to be logged");
        return;
    }
    COVER(cut_logged);
    struct merge_action *a = merge_act(out, MERGE_DO_LOG_CUT);
    a->era = cut->era;
    a->number = cut->number;
    a->bytes = line;
    m->logging_number = cut->number;
}

static void cut_append(struct merge *m, struct slice bytes, const struct cut *cut,
                       struct merge_actions *out)
{
    struct merge_cut *slot = cut_slot(m, cut->number);

    slot->number = cut->number;
    slot->hash = cut_hash(bytes);
    slot->time_ms = cut->time_ms;
    slot->params = cut->params;
    memcpy(slot->positions, cut->strands, m->strands.layout.count * sizeof *slot->positions);
    m->last_hash = slot->hash;
    m->cuts_tail = cut->number + 1;
    if (m->asked_number < cut->number)
        m->asked_number = cut->number;
    merge_log_cut(m, bytes, cut, out);
}

void merge_cut_taken(struct merge *m, struct slice bytes, const struct cut *cut,
                     struct merge_actions *out)
{
    if (m->phase != MERGE_RUNNING || cut->era != m->era)
        return;
    if (cut->layout.hash != m->strands.layout.hash && m->has_floor) {
        merge_cross_taken(m, bytes, cut, out);
        return;
    }
    if (!m->has_floor) {
        if (cut->number != m->emitted.number)
            return;
        if (cut->layout.hash != m->strands.layout.hash) {
            merge_stop(m, out, ERR_UNSUPPORTED, "the last emitted cut is of other strands");
            return;
        }
        m->last_hash = cut_hash(bytes);
        merge_floor(m, cut, out);
        return;
    }
    if (cut->number != m->cuts_tail || m->cuts_tail - m->cuts_head == MERGE_CUTS_AHEAD_MAX)
        return;
    if (cut->params.dedup_window > m->window.ids_max) {
        merge_stop(m, out, ERR_CONFLICT, "the chain asks for a larger window: start again");
        return;
    }
    if (!merge_follows(m, cut, out))
        return;
    if (goes_back(m, cut)) {
        merge_stop(m, out, ERR_DIVERGED, "a cut's position goes back");
        return;
    }
    cut_append(m, bytes, cut, out);
}

void merge_cuts_ask(struct merge *m, struct merge_actions *out)
{
    const struct merge_view *view = m->view;

    if (m->cuts_tail - m->cuts_head == MERGE_CUTS_AHEAD_MAX || m->cuts_tail > m->known_number ||
        m->crossing.number != 0)
        return;
    if (view->has_head && view->head.era == m->era && view->head.number == m->cuts_tail) {
        COVER(cut_from_view);
        merge_cut_taken(m, view->head_bytes, &view->head, out);
        return;
    }
    if (m->asked_number >= m->cuts_tail)
        return;
    COVER(cut_asked);
    struct merge_action *a = merge_act(out, MERGE_DO_NEED_CUT);
    a->era = m->era;
    a->number = m->cuts_tail;
    m->asked_number = m->cuts_tail;
}

/* --- a cut is done --------------------------------------------------------------------------------- */

/* Remembers where in the log of cuts the ids from `seq` on are, sparsely. */
static void mark_next(struct merge *m, uint64_t number, uint64_t seq)
{
    const uint64_t step = m->window.ids_max / MERGE_MARKS + 1;

    if (m->noting_number != 0)
        return;
    if (m->mark_count > 0 && seq < m->marks[m->mark_count - 1].seq + step)
        return;
    m->noting_number = number;
    m->noting_seq = seq;
}

void merge_noted(struct merge *m, uint64_t number, int64_t log_offset, struct merge_actions *out)
{
    const struct emitted *e = &m->chains[number % MERGE_CHAINS_KEPT];

    /* Only now: a report must not say more than the next run finds in the log of cuts (A4). */
    if (e->number == number && number > m->noted.number) {
        m->noted = *e;
        m->is_report_due = true;
    }
    if (m->crossing.is_noting && number == m->crossing.number) {
        merge_stop(m, out, ERR_CONFLICT, "its strands have a new incarnation: start again");
        return;
    }
    if (number != m->noting_number)
        return;
    m->noting_number = 0;
    if (m->mark_count == MERGE_MARKS) {
        m->mark_count--;
        memmove(&m->marks[0], &m->marks[1], m->mark_count * sizeof m->marks[0]);
    }
    m->marks[m->mark_count] = (struct merge_mark){.seq = m->noting_seq, .log_offset = log_offset};
    m->mark_count++;
}

int64_t merge_window_offset(const struct merge *m)
{
    int64_t offset = -1;

    for (uint32_t i = 0; i < m->mark_count; i++) {
        if (m->marks[i].seq <= m->window.first)
            offset = m->marks[i].log_offset;
    }
    return offset;
}

static void note(struct merge *m, struct merge_actions *out)
{
    struct emitted_line line = {
        .emitted = m->emitted,
        .first_seq = m->first_seq,
        .id_count = m->plan.count,
        .ids = m->plan.ids,
        .window_offset = merge_window_offset(m),
        .layout_hash = m->strands.layout.hash,
        .place_count = m->strands.layout.count,
        .places = m->places,
    };
    struct slice bytes;

    for (uint32_t i = 0; i < m->strands.layout.count; i++)
        strand_place(&m->strands, i, &m->places[i]);
    int rc = line_encode_emitted(&line, &m->scratch, &bytes);
    if (rc != 0) {
        merge_stop(m, out, rc, "what was emitted is too large to be noted");
        return;
    }
    struct merge_action *a = merge_act(out, MERGE_DO_LOG_EMITTED);
    a->era = m->emitted.era;
    a->number = m->emitted.number;
    a->bytes = bytes;
    mark_next(m, m->emitted.number, m->first_seq);
}

static void cut_done(struct merge *m, struct merge_actions *out)
{
    const struct merge_cut *c = cut_slot(m, m->cuts_head);
    struct strands *s = &m->strands;

    m->emitted.number = c->number;
    m->emitted.next_seq = m->window.next;
    m->emitted.chain = m->chain;
    m->chains[c->number % MERGE_CHAINS_KEPT] = m->emitted;
    for (uint32_t i = 0; i < s->layout.count; i++) {
        struct part *part = &s->parts[s->list[i].part];
        m->emitted_positions[i] = c->positions[i].position;
        if (c->positions[i].position > part->decided)
            part->decided = c->positions[i].position;
        strand_emitted(s, i, c->positions[i].position);
    }
    m->cuts_head++;
    m->is_planned = false;
    m->is_report_due = true;
    note(m, out);
}

/* --- emitting --------------------------------------------------------------------------------------- */

/* True if all that the cut covers is held; tells the strands what is wanted of them. */
static bool is_held(struct merge *m, const struct merge_cut *c)
{
    const struct merge_cut *newest = cut_slot(m, m->cuts_tail - 1);
    bool held = true;

    for (uint32_t i = 0; i < m->strands.layout.count; i++) {
        struct strand *st = &m->strands.list[i];
        st->wanted = c->positions[i].position;
        st->ahead = newest->positions[i].position;
        if (st->last < c->positions[i].position)
            held = false;
    }
    return held || MUTANT(emit_unheld);
}

/* True if our digests are the cut's (R8). */
static bool digests_agree(const struct merge *m, const struct merge_cut *c)
{
    if (MUTANT(ignore_digest))
        return true;
    for (uint32_t i = 0; i < m->strands.layout.count; i++) {
        uint64_t digest = 0;
        const struct strand *st = &m->strands.list[i];
        if (MUTANT(emit_unheld) && st->last < c->positions[i].position)
            continue;
        if (!strand_digest_at(st, c->positions[i].position, &digest))
            return false;
        if (digest != c->positions[i].digest)
            return false;
    }
    return true;
}

/* A ring that is smaller than a cut can never hold it: say so instead of waiting. */
static bool is_hopeless(const struct merge *m, const struct merge_cut *c)
{
    for (uint32_t i = 0; i < m->strands.layout.count; i++) {
        const struct strand *st = &m->strands.list[i];
        if (st->last < c->positions[i].position && st->is_over && st->tail - st->head > st->mask)
            return true;
    }
    return false;
}

/* R9: a DC that has not all the ids that the cut compares with does not emit. */
static bool window_is_whole(const struct merge *m, const struct merge_cut *c)
{
    const uint64_t next = m->window.next;
    uint64_t need = next > c->params.dedup_window ? next - c->params.dedup_window : 0;

    if (need < c->params.dedup_floor)
        need = c->params.dedup_floor;
    return need >= next || m->window.first <= need || MUTANT(window_by_memory);
}

/* Plans the next cut if it is ready. False: not now, or stopped. */
static bool plan_next(struct merge *m, struct merge_actions *out)
{
    const struct merge_cut *c = cut_slot(m, m->cuts_head);

    if (m->cuts_head == m->cuts_tail)
        return false;
    if (m->logged_number < c->number && !MUTANT(emit_unlogged)) {
        COVER(emit_waits_for_log);
        return false;
    }
    if (!is_held(m, c)) {
        COVER(emit_waits_for_held);
        if (is_hopeless(m, c))
            merge_stop(m, out, ERR_CONFIG, "limits.entries is smaller than a cut of this stream");
        return false;
    }
    if (!digests_agree(m, c)) {
        merge_stop(m, out, ERR_DIVERGED, "the records held are not those that the cut was made of");
        return false;
    }
    if (!window_is_whole(m, c)) {
        merge_lost(m, m->view, out, "the window of ids cannot be rebuilt");
        return false;
    }
    m->first_seq = m->window.next;
    int rc = plan_cut(&m->plan, &m->strands, c->positions, &c->params, &m->window);
    if (rc != 0) {
        merge_stop(m, out, rc, "the cut cannot be emitted from what is held");
        return false;
    }
    COVER_IF(m->plan.count == 0, emit_empty);
    m->is_planned = true;
    m->part_first = 0;
    return true;
}

static void emit_part(struct merge *m, struct merge_actions *out)
{
    const struct merge_cut *c = cut_slot(m, m->cuts_head);
    const struct merge_item *first = &m->plan.items[m->part_first];
    uint32_t count = m->plan.count - m->part_first;

    if (count > MERGE_PART_RECORDS)
        count = MERGE_PART_RECORDS;
    const uint64_t last_seq = first[count - 1].seq;
    if (m->tail.is_known && m->tail.seq + 1 < first->seq && !MUTANT(ignore_truncation)) {
        merge_stop(m, out, ERR_HOLE, "the global topic lost records at its end: written again");
        return;
    }
    if (m->tail.is_known && m->tail.seq + 1 == first->seq && m->tail.chain != m->chain &&
        !MUTANT(ignore_truncation)) {
        merge_stop(m, out, ERR_DIVERGED, "the global topic's tail is not the one merged");
        return;
    }
    m->part = (struct merge_part){
        .items = first,
        .count = count,
        .write_from = first->seq,
        .era = m->era,
        .number = c->number,
        .time_ms = c->time_ms,
        .chain = m->chain,
    };
    if (m->tail.is_known && m->tail.seq >= first->seq) {
        COVER_IF(m->tail.seq < last_seq, emit_again);
        COVER_IF(m->tail.seq >= last_seq, emit_all_there);
        m->part.write_from = m->tail.seq + 1;
        m->part.has_tail = m->tail.seq <= last_seq;
        m->part.tail_chain = m->tail.chain;
    }
    COVER(emit_part);
    m->emitting = MERGE_WRITING;
    (void)merge_act(out, MERGE_DO_EMIT);
}

bool merge_has_begun(const struct merge *m)
{
    return m->tail.is_known && m->tail.seq >= m->emitted.next_seq;
}

/* R13: the era ends, and nothing more is begun in it. */
static bool is_at_end(const struct merge *m)
{
    if (!view_ends_era(m->view) || m->is_planned || merge_has_begun(m) || MUTANT(era_goes_on))
        return false;
    COVER(era_ends);
    return true;
}

/* A line must not say where a log is read from while its start is not known. */
static bool is_resetting(const struct merge *m)
{
    for (uint32_t i = 0; i < m->strands.log_count; i++) {
        if (m->strands.logs[i].is_reset)
            return true;
    }
    return false;
}

void merge_emit(struct merge *m, struct merge_actions *out)
{
    if (is_resetting(m))
        return;
    for (int i = 0; i < MERGE_CUTS_AHEAD_MAX; i++) {
        if (m->phase != MERGE_RUNNING || m->emitting != MERGE_WAITING || is_at_end(m))
            return;
        merge_cross(m, out);
        if (!m->is_planned && !plan_next(m, out))
            return;
        if (m->part_first < m->plan.count) {
            emit_part(m, out);
            return;
        }
        cut_done(m, out);
    }
}

void merge_committed(struct merge *m, uint64_t chain, struct merge_actions *out)
{
    (void)out;
    if (m->emitting != MERGE_WRITING)
        return;
    const uint64_t last_seq = m->part.items[m->part.count - 1].seq;
    m->chain = chain;
    if (!m->tail.is_known || m->tail.seq < last_seq)
        m->tail = (struct merge_tail){.is_known = true, .seq = last_seq, .chain = chain};
    m->part_first += m->part.count;
    m->emitting = MERGE_WAITING;
}

void merge_unclear(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    if (MUTANT(trust_commit)) {
        merge_committed(m, ev->chain, out);
        return;
    }
    COVER(unclear);
    m->emitting = MERGE_UNCLEAR;
    (void)merge_act(out, MERGE_DO_RESET);
}

void merge_tail_read(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    const struct merge_recovery *r = ev->recovery;

    if (m->emitting != MERGE_UNCLEAR)
        return;
    m->emitting = MERGE_WAITING;
    if (MUTANT(retry_unclear))
        return;
    if (!r->has_tail) {
        if (m->tail.is_known && !r->tail_is_emptied && !MUTANT(ignore_truncation))
            merge_stop(m, out, ERR_HOLE, "the global topic lost what was emitted: written again");
        return;
    }
    if (m->tail.is_known && r->tail_seq < m->tail.seq && !MUTANT(ignore_truncation)) {
        merge_stop(m, out, ERR_HOLE, "the global topic lost records at its end: written again");
        return;
    }
    COVER_IF(!m->tail.is_known || r->tail_seq > m->tail.seq, unclear_was_written);
    COVER_IF(m->tail.is_known && r->tail_seq == m->tail.seq, unclear_was_not);
    m->tail = (struct merge_tail){.is_known = true, .seq = r->tail_seq, .chain = r->tail_chain};
}
