/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what recovery read to a running merge (R11, A1, A2, A5): the last emitted state, the
 * window as of it, the places of all strands, and where each log is read from.
 */
#include "node/cover.h"
#include "node/merge_era.h"
#include "node/mutant.h"
#include "proto/err.h"

#include <assert.h>

void merge_ids(struct merge *m, const struct merge_event *ev)
{
    if (MUTANT(window_by_memory))
        return;
    if (!m->has_ids)
        window_reset(&m->window, ev->first_seq);
    m->has_ids = true;
    for (uint32_t i = 0; i < ev->count; i++) {
        /* An older merge may have noted a cut late or again: only the next number counts. */
        if (ev->first_seq + i == m->window.next)
            window_push(&m->window, ev->ids[i]);
    }
}

/* --- memory --------------------------------------------------------------------------------------- */

/* The layout outlives the view it came from. */
static int layout_copy(struct merge *m, const struct layout *from, struct layout *out)
{
    *out = (struct layout){.count = from->count, .hash = from->hash};
    out->names = arena_alloc(m->arena, ((size_t)from->count + 1) * sizeof *out->names);
    if (out->names == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < from->count; i++) {
        out->names[i] = from->names[i];
        out->names[i].by = arena_copy(m->arena, from->names[i].by);
        out->names[i].from.dc = arena_copy(m->arena, from->names[i].from.dc);
        out->names[i].from.topic = arena_copy(m->arena, from->names[i].from.topic);
        if (out->names[i].from.topic.ptr == NULL)
            return ERR_NO_MEMORY;
    }
    return 0;
}

static int arrays_init(struct merge *m, uint32_t count)
{
    m->emitted_positions = arena_calloc(m->arena, count, sizeof *m->emitted_positions);
    m->places = arena_calloc(m->arena, count, sizeof *m->places);
    m->next_positions = arena_calloc(m->arena, count, sizeof *m->next_positions);
    m->next_names = arena_calloc(m->arena, count, sizeof *m->next_names);
    m->report_read_back = arena_calloc(m->arena, count, sizeof *m->report_read_back);
    m->report_offer = arena_calloc(m->arena, count, sizeof *m->report_offer);
    m->last_read_back = arena_calloc(m->arena, count, sizeof *m->last_read_back);
    m->tails = arena_calloc(m->arena, (size_t)m->strands.log_count + 1, sizeof *m->tails);
    if (m->emitted_positions == NULL || m->places == NULL || m->next_positions == NULL ||
        m->next_names == NULL || m->report_read_back == NULL || m->report_offer == NULL ||
        m->last_read_back == NULL || m->tails == NULL)
        return ERR_NO_MEMORY;
    for (int i = 0; i < MERGE_CUTS_AHEAD_MAX; i++) {
        m->cuts[i].positions = arena_calloc(m->arena, count, sizeof *m->cuts[i].positions);
        if (m->cuts[i].positions == NULL)
            return ERR_NO_MEMORY;
    }
    return 0;
}

static int parts_init(struct merge *m, const struct layout *from)
{
    struct layout layout;
    int rc = layout_copy(m, from, &layout);

    if (rc != 0)
        return rc;
    const struct strands_config config = {
        .dc = m->config.dc,
        .layout = &layout,
        .entries_max = m->config.entries_max,
        .bytes_max = m->config.bytes_max,
        .grace_ms = m->config.failed_grace_ms,
    };
    rc = strands_init(&m->strands, &config, MERGE_LOGS_MAX, m->arena);
    if (rc == 0)
        rc = members_init(&m->members, &m->config, layout.count, m->arena);
    if (rc == 0)
        rc = plan_init(&m->plan, layout.count, m->arena);
    if (rc == 0)
        rc = arrays_init(m, layout.count);
    return rc;
}

/* --- what was emitted ------------------------------------------------------------------------------ */

/* A4: after a start, nothing is reported until at least this is held again. */
static void last_report(struct merge *m, const struct merge_view *view)
{
    const struct merge_dc_view *own = view_dc(view, m->config.dc);
    const bool usable = own != NULL && own->has_report &&
                        own->report.incarnation == own->incarnation &&
                        own->report.layout_hash == m->strands.layout.hash &&
                        own->report.count == m->strands.layout.count;

    for (uint32_t i = 0; i < m->strands.layout.count; i++)
        m->last_read_back[i] = usable ? own->report.read_back[i] : POSITION_NONE;
    for (uint32_t i = 0; usable && i < m->strands.log_count; i++) {
        struct log *l = &m->strands.logs[i];
        for (uint32_t t = 0; slice_equal(l->by, m->config.dc) && t < own->report.tail_count; t++) {
            if (own->report.tails[t].partition == l->partition && !MUTANT(ignore_leader_epoch))
                l->known = own->report.tails[t];
        }
    }
}

static bool had_emitted(const struct merge *m, const struct merge_view *view)
{
    const struct merge_dc_view *own = view_dc(view, m->config.dc);

    return own != NULL && own->has_report && own->report.emitted.number > 0;
}

/* There is no line, though there was one. */
static bool lost_lines(const struct merge *m, const struct merge_event *ev)
{
    return m->era > 0 || ev->recovery->tail_is_emptied || had_emitted(m, ev->view);
}

/* Compares the newest line with the tail of the global topic. NULL: they agree. */
static const char *tail_disagrees(const struct merge *m, const struct merge_recovery *r)
{
    const uint64_t next = m->emitted.next_seq;

    if (!r->has_tail)
        return next > 0 && !r->tail_is_emptied ? "the global topic lost what was emitted" : NULL;
    if (r->tail_seq + 1 < next)
        return "the global topic ends before the log of cuts";
    if (r->tail_seq + 1 == next && r->tail_chain != m->emitted.chain)
        return "the global topic's chain is not the log of cuts'";
    return NULL;
}

/* Sets emitted and tail. False: stopped. */
static bool emitted_init(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    const struct merge_recovery *r = ev->recovery;

    m->tail =
        (struct merge_tail){.is_known = r->has_tail, .seq = r->tail_seq, .chain = r->tail_chain};
    if (r->has_line) {
        m->emitted = r->line.emitted;
    } else if (lost_lines(m, ev)) {
        merge_lost(m, ev->view, out, "the log of cuts has no line of this stream");
        return false;
    }
    if (m->emitted.era != m->era) {
        merge_stop(m, out, ERR_DIVERGED, "the log of cuts is of another era than the chain");
        return false;
    }
    const char *why = tail_disagrees(m, r);
    if (why != NULL && !MUTANT(ignore_truncation)) {
        merge_lost(m, ev->view, out, why);
        return false;
    }
    COVER_IF(!r->has_line, start_without_line);
    COVER_IF(r->has_line && r->has_tail && r->tail_seq + 1 == m->emitted.next_seq, start_at_tail);
    COVER_IF(r->has_tail && r->tail_seq + 1 > m->emitted.next_seq, start_before_tail);
    COVER_IF(!r->has_tail && r->tail_is_emptied, start_emptied);
    if (MUTANT(recover_from_line) || (!r->has_tail && r->tail_is_emptied))
        m->tail = (struct merge_tail){.is_known = m->emitted.next_seq > 0,
                                      .seq = m->emitted.next_seq - 1,
                                      .chain = m->emitted.chain};
    return true;
}

/* The window as of the first number that is merged again. False: it cannot be had (stopped). */
static bool window_ready(struct merge *m, const struct merge_view *view, struct merge_actions *out)
{
    const uint64_t next = m->emitted.next_seq;

    if (MUTANT(window_by_memory) || !m->has_ids)
        window_reset(&m->window, next);
    COVER_IF(m->has_ids && m->window.next == next && next != m->window.first, window_rebuilt);
    if (m->window.next == next)
        return true;
    merge_lost(m, view, out, "the log of cuts lacks ids of what was emitted");
    return false;
}

static void places_init(struct merge *m, const struct merge_recovery *r)
{
    for (uint32_t i = 0; i < m->strands.layout.count; i++)
        m->places[i] = r->has_line ? r->line.places[i] : (struct place){.last = POSITION_NONE};
    if (r->has_line && r->line.window_offset >= 0) {
        m->marks[0] =
            (struct merge_mark){.seq = m->window.first, .log_offset = r->line.window_offset};
        m->mark_count = 1;
    }
}

/* The stream did not start with these strands. */
static bool has_crossed(const struct layout *layout)
{
    for (uint32_t i = 0; i < layout->count; i++) {
        if (layout->names[i].by_incarnation > 0)
            return true;
    }
    return false;
}

/* The last report is of other strands: nobody can tell by it whether this DC holds less now (A4). */
static bool is_of_others(const struct merge *m, const struct merge_dc_view *own)
{
    return own != NULL && own->has_report && own->report.incarnation == own->incarnation &&
           own->report.layout_hash != m->strands.layout.hash;
}

void merge_start(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    const struct merge_view *view = ev->view;
    const struct merge_recovery *r = ev->recovery;

    if (!view->has_head) {
        merge_stop(m, out, ERR_NOT_FOUND, "the stream has no cut in etcd");
        return;
    }
    m->era = view->head.era;
    if (merge_era_start(m, ev, out))
        return;
    if (r->has_line ? r->line.layout_hash != view->head.layout.hash
                    : has_crossed(&view->head.layout) && !lost_lines(m, ev)) {
        merge_ask_floor(m, ev, out);
        return;
    }
    if (!merge_start_in(m, &view->head.layout, ev, out))
        return;
    struct merge_action *a = merge_act(out, MERGE_DO_NEED_CUT);
    a->era = m->era;
    a->number = m->emitted.number;
}

bool merge_start_in(struct merge *m, const struct layout *layout, const struct merge_event *ev,
                    struct merge_actions *out)
{
    const struct merge_view *view = ev->view;
    const struct merge_recovery *r = ev->recovery;

    int rc = parts_init(m, layout);
    if (rc != 0) {
        merge_stop(m, out, rc, "the stream needs more memory than the node's limits allow");
        return false;
    }
    if (r->has_line && (r->line.layout_hash != m->strands.layout.hash ||
                        r->line.place_count != m->strands.layout.count)) {
        merge_stop(m, out, ERR_UNSUPPORTED, "the last emitted cut is of other strands");
        return false;
    }
    if (!emitted_init(m, ev, out) || !window_ready(m, view, out))
        return false;
    last_report(m, view);
    places_init(m, r);
    m->logged_number = r->has_logged && r->logged_era == m->era ? r->logged_number : 0;
    m->logging_number = m->logged_number;
    m->chain = m->emitted.chain;
    m->noted = m->emitted;
    m->cuts_head = m->cuts_tail = m->asked_number = m->emitted.number;
    m->known_number = m->logged_number > m->emitted.number ? m->logged_number : m->emitted.number;
    m->token = m->config.seed;
    m->phase = MERGE_RUNNING;
    const struct merge_dc_view *own = view_dc(view, m->config.dc);
    m->incarnation = own == NULL ? 0 : own->incarnation;
    m->must_raise = is_of_others(m, own) && !MUTANT(cross_same_epoch);
    const struct merge_event seen = {.kind = MERGE_EV_VIEW, .now_ms = ev->now_ms, .view = view};
    merge_view_taken(m, &seen, out);
    return m->phase == MERGE_RUNNING;
}

/*
 * The line was copied from a peer: what the cut covers counts as held (R5), and the log is read
 * from its start. That is sound for a copy, which has one version of each record. In the own topic
 * the record at the cut's position must be found first: the cut may say where it is; else the topic
 * is to be skimmed from its beginning (true). If that is gone, and a zombie's version of a record is
 * taken, the next cut's digest shows it.
 */
static bool place_from_cut(struct merge *m, uint32_t strand, const struct strand_position *at)
{
    struct strands *s = &m->strands;
    struct log *l = &s->logs[s->list[strand].log];
    const bool is_own = slice_equal(l->by, m->config.dc);
    const bool is_known = is_own && at->log_offset >= 0;

    COVER(place_of_cut);
    m->places[strand] = (struct place){.last = at->position,
                                       .digest = at->digest,
                                       .from = is_known ? at->log_offset + 1 : 0,
                                       .epoch = -1};
    l->is_reset = l->is_reset || !is_known;
    return is_own && !is_known && !MUTANT(no_skim);
}

/* Of a later incarnation the cut says where it began, and all readers start there: the first of its
 * records need not be the one that follows (seeds 2090: a gap, 18603: one before it had failed). */
static int64_t skim_from(const struct strands *s, uint32_t strand, const struct strand_position *at)
{
    return s->layout.names[strand].by_incarnation > 0 ? at->start : STRAND_SKIM_ANY;
}

/* The cut that was emitted last: now the strands' places are known, and the logs can be read. */
void merge_floor(struct merge *m, const struct cut *cut, struct merge_actions *out)
{
    struct strands *s = &m->strands;
    const bool from_start = m->emitted.number == 0 && m->emitted.next_seq == 0;

    for (uint32_t i = 0; i < s->layout.count; i++) {
        if (from_start)
            m->places[i].last = cut->strands[i].position;
        const bool skims =
            m->places[i].from == PLACE_OF_CUT && place_from_cut(m, i, &cut->strands[i]);
        m->emitted_positions[i] = cut->strands[i].position;
        strand_place_set(s, i, &m->places[i]);
        if (skims)
            strand_skim(s, i, skim_from(s, i, &cut->strands[i]));
        s->list[i].report = m->last_read_back[i];
        struct part *part = &s->parts[s->list[i].part];
        if (cut->strands[i].position > part->decided)
            part->decided = cut->strands[i].position;
    }
    m->has_floor = true;
    m->cuts_head = m->cuts_tail = cut->number + 1;
    for (uint32_t i = 0; i < s->log_count; i++) {
        log_rewind(s, i);
        const int64_t from = log_check_from(s, i);
        struct merge_action *a = merge_act(out, MERGE_DO_READ);
        a->log = i;
        a->log_offset = from > 0 ? from : MERGE_FROM_START;
    }
}

/* --- the bounds of a log -------------------------------------------------------------------------- */

/* A2: an emptied log is complete only if nobody has reported more of its strands than we hold. */
static bool nobody_holds_more(const struct merge *m, const struct log *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        const uint32_t strand = l->strands[i];
        for (uint32_t d = 0; d < m->view->dc_count; d++) {
            const struct merge_dc_view *dc = &m->view->dcs[d];
            if (dc->has_report && dc->report.layout_hash == m->strands.layout.hash &&
                dc->report.read_back[strand] > m->strands.list[strand].last)
                return false;
        }
    }
    return true;
}

/* All of its strands have judged some of the log up to here. */
static int64_t log_until(const struct merge *m, const struct log *l)
{
    int64_t until = l->next;

    for (uint32_t i = 0; i < l->count; i++) {
        const struct strand *st = &m->strands.list[l->strands[i]];
        if (st->from > until)
            until = st->from;
    }
    return until;
}

void merge_bounds(struct merge *m, const struct merge_event *ev, struct merge_actions *out)
{
    struct log *l = &m->strands.logs[ev->log];
    const int64_t from = l->next;

    if (ev->log_end < log_until(m, l) && !MUTANT(ignore_truncation)) {
        l->is_lost = true;
        return;
    }
    l->has_bounds = true;
    if (l->is_reset) {
        log_start_known(&m->strands, ev->log, ev->log_start);
        return;
    }
    if (ev->log_start <= from || MUTANT(start_at_earliest))
        return;
    if (ev->log_start == ev->log_end && nobody_holds_more(m, l)) {
        COVER(bounds_emptied);
        log_caught_up(&m->strands, ev->log, ev->log_start);
        return;
    }
    merge_lost(m, m->view, out, "a log of enriched records starts after its place");
}

/* --- what the own Kafka lost (A1, A4) --------------------------------------------------------------- */

static bool is_own(const struct merge *m, const struct log *l)
{
    return slice_equal(l->by, m->config.dc);
}

/*
 * A log that lost records is not the one of our places any more. Copies say the same whoever made
 * them, so their strands are read again from the log's start. What this DC itself enriched cannot
 * be had again byte for byte, and others may hold it: that needs an operator (R13).
 */
void merge_heal(struct merge *m, struct merge_actions *out)
{
    for (uint32_t i = 0; i < m->strands.log_count; i++) {
        struct log *l = &m->strands.logs[i];
        if ((!l->is_lost || l->is_told) && !l->is_shorter)
            continue;
        l->is_told = l->is_lost && is_own(m, l);
        m->must_raise = !MUTANT(keep_log_epoch);
        m->is_caught_up = false;
        m->has_lost_own = m->has_lost_own || is_own(m, l);
        l->is_shorter = false;
        if (!l->is_lost || is_own(m, l) || m->is_planned)
            continue;
        log_reset(&m->strands, i);
        struct merge_action *a = merge_act(out, MERGE_DO_READ);
        a->log = i;
        a->log_offset = MERGE_FROM_START;
    }
    for (uint32_t i = 0; MUTANT(keep_log_epoch) && i < m->strands.layout.count; i++)
        m->last_read_back[i] = POSITION_NONE;
}

/* True once the log was read far enough to know whether it has what was last reported of it. */
static bool is_compared(const struct merge *m, struct log *l)
{
    bool is_less = false;

    for (uint32_t i = 0; i < l->count; i++) {
        const struct strand *st = &m->strands.list[l->strands[i]];
        const bool has_less = st->last < m->last_read_back[l->strands[i]];
        if (has_less && st->is_over)
            return false; /* a full strand goes on once there is room */
        is_less = is_less || has_less;
    }
    if (l->known.epoch >= 0 && l->is_caught_up && l->next <= l->known.log_offset)
        is_less = true;
    if (l->is_lost && is_own(m, l) && merge_is_replaced(m))
        return true; /* nobody misses it */
    if (l->is_lost || (is_less && !l->is_caught_up))
        return false;
    if (is_less) {
        l->known.epoch = -1;
        l->is_shorter = true;
        return false;
    }
    /* One that waits for room is compared later: what is in its way is what was reported. */
    return l->has_bounds && (l->known.epoch < 0 || l->next > l->known.log_offset || l->is_paused);
}

void merge_caught_up(struct merge *m)
{
    if (m->is_caught_up || m->must_raise)
        return;
    for (uint32_t i = 0; i < m->strands.log_count; i++) {
        if (!is_compared(m, &m->strands.logs[i]))
            return;
    }
    COVER(caught_up);
    m->is_caught_up = true;
}
