/* SPDX-License-Identifier: Apache-2.0 */
#include "node/line.h"

#include "node/cover.h"
#include "node/filter.h"
#include "node/mutant.h"
#include "proto/err.h"

#include <assert.h>

void line_init(struct line *l, const struct line_config *config)
{
    assert(config->strand_count >= 1);
    assert(config->strand_count <= LINE_STRANDS_MAX);
    assert(config->in_flight_max >= 1);
    assert(config->in_flight_max <= LINE_IN_FLIGHT_MAX);
    assert(!config->raw || config->strand_count == 1);

    *l = (struct line){.config = *config, .failing.others = FAILING_ALONE};
    uncut_init(&l->uncut, config->retention_ms);
}

static struct line_action *act(struct line_actions *out, enum line_action_kind kind)
{
    assert(out->count < LINE_ACTIONS_MAX);

    struct line_action *a = &out->list[out->count];
    *a = (struct line_action){.kind = kind};
    out->count++;
    return a;
}

static void stop(struct line *l, struct line_actions *out, int code, const char *why)
{
    struct line_action *a = act(out, LINE_DO_STOP);

    a->code = code;
    a->why = why;
    l->phase = LINE_STOPPED;
}

static struct line_slot *slot_of(struct line *l, uint64_t ticket)
{
    assert(ticket >= l->ticket_read);
    assert(ticket < l->ticket_next);

    return &l->slots[ticket % l->config.in_flight_max];
}

/* --- START and the own output log ------------------------------------------------------------ */

/*
 * A strand's later incarnation began when the log had a past already: without a place it is read
 * from whatever the log has (R13). What is gone of it since, if anything, shows as a hole, or is
 * copied again, which the filter drops.
 */
static bool began_later(const struct line *l)
{
    return l->config.by_dc.len > 0 && l->config.by_incarnation > 0;
}

/* Where the output log is to be read from; false if it cannot be (stopped). */
static bool output_start(struct line *l, const struct line_event *ev, struct line_actions *out,
                         int64_t *out_offset)
{
    const struct line_place *place = ev->place_out;

    if (!place->valid) {
        if (ev->out.start > 0 && !began_later(l) && !MUTANT(start_at_earliest)) {
            stop(l, out, ERR_DATA_LOSS, "no place is saved and the output's beginning is gone");
            return false;
        }
        COVER(line_from_beginning);
        *out_offset = LINE_FROM_START;
        return true;
    }
    if (ev->out.start > place->log_offset) {
        stop(l, out, ERR_DATA_LOSS, "the output starts after the saved place");
        return false;
    }
    COVER(line_from_place);
    *out_offset = place->log_offset;
    return true;
}

/*
 * Where to read from so that the record before a place comes first, and can be compared: a log that
 * lost records and grew again is another log (A1).
 */
static int64_t check_from(struct line_check *check, int64_t place, int32_t epoch, int64_t log_start)
{
    *check = (struct line_check){.at = -1};
    if (epoch < 0 || place - 1 < log_start || MUTANT(ignore_leader_epoch))
        return place;
    *check = (struct line_check){.at = place - 1, .epoch = epoch};
    return place - 1;
}

/* True if the record says that the log is another one than that of the place. */
static bool is_other_log(struct line_check *check, const struct record *r)
{
    if (check->at < 0 || r->log_offset < check->at)
        return false;
    const bool is_it = r->log_offset == check->at;
    check->at = -1;
    return is_it && r->leader_epoch != check->epoch;
}

/* The last of a strand before the first record that a log has. */
static int64_t last_at_start(const struct line *l, const struct log_bounds *log, uint32_t strand)
{
    return log->start > 0 ? LINE_START_ANY : l->config.start[strand];
}

/* The output is not the log of its place. A copier begins at its start; enrich cannot go on. */
static void output_lost(struct line *l, struct line_actions *out)
{
    if (l->config.kind == LINE_ENRICH) {
        stop(l, out, ERR_DATA_LOSS, "the enriched topic lost records: it was truncated");
        return;
    }
    for (uint32_t i = 0; i < l->config.strand_count; i++)
        l->strands[i].out_last = last_at_start(l, &l->out_bounds, i);
    l->is_out_lost = true;
    l->out_check.at = -1;
    l->out_next = l->out_bounds.start;
    l->out_epoch = -1;
    act(out, LINE_DO_READ_OUT)->log_offset = LINE_FROM_START;
}

static void start(struct line *l, const struct line_event *ev, struct line_actions *out)
{
    int64_t offset;

    assert(l->phase == LINE_IDLE);
    if (!output_start(l, ev, out, &offset))
        return;
    for (uint32_t i = 0; i < l->config.strand_count; i++) {
        struct line_strand *s = &l->strands[i];
        s->out_last = ev->place_out->valid ? ev->place_out->last[i] : l->config.start[i];
        s->cut_position = POSITION_NONE;
    }
    l->given_in = *ev->place_in;
    l->place_in = *ev->place_in;
    l->in_check.at = l->out_check.at = -1;
    l->in_bounds = ev->in;
    l->out_end = ev->out.end;
    l->out_bounds = ev->out;
    l->out_next = offset == LINE_FROM_START ? ev->out.start : offset;
    l->out_epoch = ev->place_out->valid ? ev->place_out->epoch : -1;
    l->phase = LINE_RECOVERING;
    if (ev->place_out->valid && ev->out.end < offset && !MUTANT(ignore_truncation)) {
        output_lost(l, out);
        return;
    }
    if (ev->place_out->valid)
        offset = check_from(&l->out_check, offset, l->out_epoch, ev->out.start);
    act(out, LINE_DO_READ_OUT)->log_offset = offset;
}

/* What enrich reads is not enriched yet: only its output names who did it. */
static bool is_by(const struct line *l, const struct record *r, bool is_input)
{
    if (l->config.by_dc.len == 0 || (is_input && l->config.kind == LINE_ENRICH))
        return true;
    return r->braid.has_by &&
           (r->braid.by_incarnation == l->config.by_incarnation || MUTANT(ignore_incarnation)) &&
           slice_equal(r->braid.by_dc, l->config.by_dc);
}

/*
 * The strand of a record with a braid-origin; -1 for a foreign one (R3): no sound origin, or in a
 * copied topic a copy that another DC's copier or a mirror made.
 */
static int strand_of(const struct line *l, const struct record *r, bool is_input)
{
    const struct slice copy_dc = is_input ? l->config.input_copy_dc : l->config.output_copy_dc;

    if (!r->braid.has_origin)
        return -1;
    if (copy_dc.len > 0 && !slice_equal(r->braid.raw[HEADER_COPY], copy_dc) &&
        !MUTANT(trust_foreign))
        return -1;
    if (!is_by(l, r, is_input))
        return -1;
    for (uint32_t i = 0; i < l->config.strand_count; i++) {
        if (origin_partition_equal(&r->braid.origin.from, &l->config.strands[i]))
            return (int)i;
    }
    return -1;
}

/* A first record read from a log's untruncated beginning says itself where its strand starts. */
static bool settle_start(int64_t *last, const struct record *r)
{
    if (*last != LINE_START_ANY)
        return false;
    *last = r->braid.origin.prev;
    return true;
}

/* Everything up to the newest slot that is acknowledged and read back is settled. */
static void settle(struct line *l)
{
    while (l->ticket_read < l->ticket_sent) {
        struct line_slot *slot = slot_of(l, l->ticket_read);
        if (slot->kind != LINE_SLOT_NONE &&
            (!slot->is_acked || l->strands[slot->strand].out_last < slot->origin.offset) &&
            !MUTANT(commit_ahead))
            return;
        l->place_in.valid = true;
        l->place_in.log_offset = slot->in_next;
        l->place_in.epoch = slot->in_epoch;
        l->place_in.last[slot->strand] = slot->origin.offset;
        l->ticket_read++;
    }
}

static void output_records(struct line *l, const struct line_event *ev, struct line_actions *out)
{
    for (uint32_t i = 0; i < ev->count; i++) {
        const struct record *r = &ev->records[i];
        const int s = strand_of(l, r, false);
        if (is_other_log(&l->out_check, r)) {
            output_lost(l, out);
            return;
        }
        l->out_next = r->log_offset + 1;
        l->out_epoch = r->leader_epoch;
        if (s < 0)
            continue; /* another task's strand, or foreign */
        (void)settle_start(&l->strands[s].out_last, r);
        const struct origin *o = &r->braid.origin;
        const enum filter_verdict verdict =
            filter_step(&l->strands[s].out_last, o, filter_is_range(&r->braid));
        if (verdict == FILTER_HOLE)
            l->holes++;
        COVER_IF(verdict == FILTER_HOLE, line_own_hole);
        COVER_IF(verdict == FILTER_DUPLICATE, line_own_duplicate);
        if (verdict == FILTER_ACCEPT && r->log_offset >= l->out_end)
            l->out_grew = true;
        if (verdict == FILTER_ACCEPT && l->config.kind == LINE_ENRICH)
            uncut_read(&l->uncut, o->offset, r->log_time_ms, ev->now_ms);
    }
    settle(l);
}

/* --- where the input is read from (R4, A1) ------------------------------------------------------ */

static uint64_t new_slot(struct line *l, const struct line_slot *slot)
{
    const uint64_t ticket = l->ticket_next;

    assert(ticket - l->ticket_read < l->config.in_flight_max);
    l->slots[ticket % l->config.in_flight_max] = *slot;
    l->ticket_next++;
    return ticket;
}

/* A raw source log: its offsets are the origin's, so last + 1 is a place of that very log. */
static void position_raw(struct line *l, struct line_actions *out)
{
    struct line_strand *s = &l->strands[0];
    const struct log_bounds *in = &l->in_bounds;

    if (s->out_last == LINE_START_ANY)
        s->out_last = in->start - 1;
    s->sent_last = s->acked_last = s->read_mark = s->out_last;
    s->in_last = s->out_last;
    if (in->end < s->in_last + 1 && !MUTANT(ignore_truncation)) {
        /* An older run that still writes may have copied what came after the bounds. */
        if (l->out_grew)
            stop(l, out, ERR_CONFLICT, "the output has grown since the bounds: start again");
        else
            stop(l, out, ERR_DATA_LOSS, "the source ends before what was copied from it");
        return;
    }
    if (in->start > s->in_last + 1 && !MUTANT(start_at_earliest)) {
        /* Retention was faster: what is gone is named, for ever, not stepped over (R13, A10). */
        COVER(line_gap_made);
        const struct line_slot gap = {
            .kind = LINE_SLOT_GAP,
            .origin = {.from = l->config.strands[0], .prev = s->in_last, .offset = in->start - 1},
            .source_time_ms = -1,
            .in_next = in->start,
            .is_done = true,
        };
        (void)new_slot(l, &gap);
        s->in_last = in->start - 1;
    }
    int64_t from = s->in_last + 1;
    if (l->place_in.valid && l->place_in.log_offset <= from)
        from = check_from(&l->in_check, l->place_in.log_offset, l->place_in.epoch, in->start);
    act(out, LINE_DO_READ_IN)->log_offset = l->in_check.at >= 0 ? from : s->in_last + 1;
}

/* True if the saved place lies in the log and claims nothing that the output lacks. */
static bool place_is_usable(const struct line *l)
{
    const struct line_place *p = &l->place_in;

    if (!p->valid || p->log_offset < l->in_bounds.start || p->log_offset > l->in_bounds.end)
        return false;
    for (uint32_t i = 0; i < l->config.strand_count; i++) {
        if (p->last[i] > l->strands[i].out_last) {
            COVER(line_place_refused);
            return false;
        }
    }
    COVER(line_place_used);
    return true;
}

/* The input is not the log of its place (A1). What enrich reads is a copy: the same again. */
static bool input_is_copied(const struct line *l)
{
    return l->config.kind == LINE_ENRICH && !l->config.raw;
}

/*
 * The input from the first record that it has. If its beginning is gone, it must be a copy: these
 * have no two versions of a record, so what the output has can be taken as read, and should what
 * comes next be gone, the chain shows a hole. In a topic that enrich writes, a record that came too
 * early, and was not accepted, could be taken for the next (A1).
 */
static void read_in_from_start(struct line *l, struct line_actions *out)
{
    const bool is_cut = l->in_bounds.start > 0;
    const bool is_whole = !is_cut || (began_later(l) && !input_is_copied(l));

    if (is_cut && !input_is_copied(l) && !began_later(l) && !MUTANT(start_at_earliest)) {
        stop(l, out, ERR_DATA_LOSS, "no usable place in the input and its beginning is gone");
        return;
    }
    for (uint32_t i = 0; i < l->config.strand_count; i++) {
        struct line_strand *s = &l->strands[i];
        s->in_last = is_whole ? l->config.start[i] : s->out_last;
        l->place_in.last[i] = s->in_last;
    }
    l->in_check.at = -1;
    l->in_begins = true;
    l->place_in.valid = false;
    act(out, LINE_DO_READ_IN)->log_offset = LINE_FROM_START;
}

static void input_lost(struct line *l, struct line_actions *out)
{
    if (!input_is_copied(l)) {
        stop(l, out, ERR_DATA_LOSS, "the input lost records that were read: it was truncated");
        return;
    }
    read_in_from_start(l, out);
}

static void position_chained(struct line *l, struct line_actions *out)
{
    const bool usable = place_is_usable(l);

    for (uint32_t i = 0; i < l->config.strand_count; i++) {
        struct line_strand *s = &l->strands[i];
        s->sent_last = s->acked_last = s->read_mark = s->out_last;
    }
    if (l->place_in.valid && l->place_in.log_offset > l->in_bounds.end &&
        !MUTANT(ignore_truncation)) {
        input_lost(l, out);
        return;
    }
    COVER_IF(!l->place_in.valid && began_later(l), line_incarnation);
    if (!l->place_in.valid && l->in_bounds.start > 0 && !began_later(l) &&
        !MUTANT(start_at_earliest)) {
        stop(l, out, ERR_DATA_LOSS, "no place in the input and its beginning is gone");
        return;
    }
    if (!usable) {
        read_in_from_start(l, out);
        return;
    }
    for (uint32_t i = 0; i < l->config.strand_count; i++) {
        struct line_strand *s = &l->strands[i];
        s->in_last = MUTANT(place_from_output) ? s->out_last : l->place_in.last[i];
        l->place_in.last[i] = s->in_last;
    }
    act(out, LINE_DO_READ_IN)->log_offset =
        check_from(&l->in_check, l->place_in.log_offset, l->place_in.epoch, l->in_bounds.start);
}

static void flush(struct line *l, int64_t now_ms, struct line_actions *out);

static void output_end(struct line *l, const struct line_event *ev, struct line_actions *out)
{
    if (ev->log_offset > l->out_next) {
        l->out_next = ev->log_offset;
        l->out_epoch = -1; /* what lies before it is no record */
    }
    if (l->phase != LINE_RECOVERING)
        return;
    for (uint32_t i = 0; i < l->config.strand_count; i++) {
        struct line_strand *s = &l->strands[i];
        s->read_mark_ms = ev->now_ms;
        /* Retention and an unclean election took all: what the input lacks becomes a gap. */
        if (l->is_out_lost && s->out_last == LINE_START_ANY)
            s->out_last = POSITION_NONE;
    }
    l->phase = LINE_RUNNING;
    if (l->config.raw)
        position_raw(l, out);
    else
        position_chained(l, out);
    if (l->phase == LINE_RUNNING)
        flush(l, ev->now_ms, out);
}

/* --- the input ---------------------------------------------------------------------------------- */

/* A range begins where the last record ended (R3), wherever its input record begins. */
static void link_range(struct line_slot *slot, int64_t sent_last)
{
    if (slot->kind != LINE_SLOT_SKIP && slot->kind != LINE_SLOT_GAP)
        return;
    if (slot->origin.prev < sent_last && sent_last < slot->origin.offset)
        slot->origin.prev = sent_last;
}

/* True if a failed record is not to be written yet; one that cuts have passed is skipped (R5). */
static bool must_wait(struct line *l, struct line_slot *slot, int64_t now_ms)
{
    if (!slot->has_failed)
        return false;
    const enum failing_verdict verdict =
        failing_judge(&l->failing, l->config.failed_share_max, slot->origin.offset, now_ms);
    if (verdict == FAILING_SKIPS)
        slot->kind = LINE_SLOT_SKIP;
    return verdict == FAILING_WAITS;
}

/* Sends what is done, in input order. */
static void flush(struct line *l, int64_t now_ms, struct line_actions *out)
{
    while (l->ticket_sent < l->ticket_next) {
        const uint64_t ticket = l->ticket_sent;
        struct line_slot *slot = slot_of(l, ticket);
        if (!slot->is_done || must_wait(l, slot, now_ms))
            break;
        l->ticket_sent++;
        if (slot->kind == LINE_SLOT_NONE)
            continue;
        link_range(slot, l->strands[slot->strand].sent_last);
        l->strands[slot->strand].sent_last = slot->origin.offset;
        if (slot->kind == LINE_SLOT_COPY)
            continue; /* PRODUCE was given with the record */
        struct line_action *a = act(out, slot->kind == LINE_SLOT_SKIP  ? LINE_DO_SKIP
                                         : slot->kind == LINE_SLOT_GAP ? LINE_DO_GAP
                                                                       : LINE_DO_PRODUCE);
        a->ticket = ticket;
        a->origin = slot->origin;
        a->source_time_ms = slot->source_time_ms;
    }
    settle(l);
}

/* Adds to the skip that is last in line, if it is one that was not sent yet. */
static bool skip_extended(struct line *l, const struct line_slot *more)
{
    if (l->ticket_sent == l->ticket_next)
        return false;
    struct line_slot *slot = slot_of(l, l->ticket_next - 1);
    if (slot->kind != LINE_SLOT_SKIP || slot->strand != more->strand)
        return false;
    slot->origin.offset = more->origin.offset;
    slot->in_next = more->in_next;
    slot->in_epoch = more->in_epoch;
    COVER(line_skip_grows);
    return true;
}

static bool may_skip(const struct line *l, const struct line_strand *s, int64_t offset)
{
    if (l->config.kind != LINE_ENRICH)
        return false;
    return offset <= s->cut_position || MUTANT(skip_above_cut);
}

/* An accepted record: what becomes of it. */
static void take(struct line *l, const struct record *r, uint32_t index, struct line_slot *slot,
                 struct line_actions *out)
{
    struct line_strand *s = &l->strands[slot->strand];
    const int64_t offset = slot->origin.offset;

    slot->in_next = r->log_offset + 1;
    slot->in_epoch = r->leader_epoch;
    slot->is_done = true;
    if (offset <= s->out_last || offset <= s->sent_last) {
        COVER(line_already_there);
        slot->kind = LINE_SLOT_NONE;
        (void)new_slot(l, slot);
        act(out, LINE_DO_DROP)->index = index;
        return;
    }
    if (l->config.kind == LINE_ENRICH && r->braid.status == STATUS_GAP) {
        COVER(line_gap_passed);
        slot->kind = LINE_SLOT_GAP;
        (void)new_slot(l, slot);
        act(out, LINE_DO_DROP)->index = index;
        return;
    }
    if (may_skip(l, s, offset)) {
        COVER(line_skips);
        slot->kind = LINE_SLOT_SKIP;
        if (!skip_extended(l, slot))
            (void)new_slot(l, slot);
        act(out, LINE_DO_DROP)->index = index;
        return;
    }
    const bool is_copy = l->config.kind == LINE_COPY;
    slot->kind = is_copy ? LINE_SLOT_COPY : LINE_SLOT_WORK;
    slot->is_done = is_copy;
    const uint64_t ticket = new_slot(l, slot);
    struct line_action *a = act(out, is_copy ? LINE_DO_PRODUCE : LINE_DO_WORK);
    a->index = index;
    a->ticket = ticket;
    a->origin = slot->origin;
    a->source_time_ms = slot->source_time_ms;
}

/* The strand, origin and time of an input record; -1: not one of this line's. */
static int input_origin(struct line *l, const struct record *r, struct line_slot *slot)
{
    if (l->config.raw) {
        slot->origin = (struct origin){
            .from = l->config.strands[0], .prev = l->strands[0].in_last, .offset = r->log_offset};
        slot->source_time_ms = r->log_time_ms;
        return 0;
    }
    const int s = strand_of(l, r, true);
    if (s < 0)
        return -1;
    slot->origin = r->braid.origin;
    slot->origin.from = l->config.strands[s]; /* ours outlives the record */
    slot->source_time_ms = r->braid.time_ms;
    (void)settle_start(&l->strands[s].in_last, r);
    return s;
}

static void input_record(struct line *l, const struct record *r, uint32_t index,
                         struct line_actions *out)
{
    struct line_slot slot = {0};
    const int s = input_origin(l, r, &slot);
    enum filter_verdict verdict = FILTER_DUPLICATE;

    if (s < 0) {
        COVER(line_foreign);
        l->foreign++;
    } else {
        slot.strand = (uint32_t)s;
        if (!l->config.raw || slot.origin.offset > l->strands[s].in_last)
            verdict = filter_step(&l->strands[s].in_last, &slot.origin, filter_is_range(&r->braid));
        if (verdict == FILTER_HOLE)
            l->holes++;
        if (verdict == FILTER_DUPLICATE)
            l->duplicates++;
        COVER_IF(verdict == FILTER_HOLE, line_hole);
        COVER_IF(verdict == FILTER_DUPLICATE, line_duplicate);
        COVER_IF(verdict == FILTER_ACCEPT, line_accepts);
        if (verdict != FILTER_ACCEPT && l->config.kind == LINE_COPY && MUTANT(copy_unfiltered))
            verdict = FILTER_ACCEPT;
    }
    if (s < 0 || verdict != FILTER_ACCEPT) {
        act(out, LINE_DO_DROP)->index = index;
        return;
    }
    take(l, r, index, &slot, out);
}

/* Retention has taken the input's beginning after this run had seen its bounds: what was to be
 * accepted first is gone, and nothing would ever be accepted. Where the log begins as it was seen,
 * be it with records of an older incarnation, nothing is gone: a record may have come too early. */
static bool begins_late(struct line *l, const struct record *r)
{
    if (r->log_offset <= l->in_bounds.start)
        l->in_begins = false;
    const int s = l->in_begins ? strand_of(l, r, true) : -1;

    if (s < 0)
        return false;
    l->in_begins = false;
    return l->strands[s].in_last != LINE_START_ANY && r->braid.origin.prev > l->strands[s].in_last;
}

static void drop_from(const struct line_event *ev, uint32_t first, struct line_actions *out)
{
    for (uint32_t rest = first; rest < ev->count; rest++)
        act(out, LINE_DO_DROP)->index = rest;
}

static void input_records(struct line *l, const struct line_event *ev, struct line_actions *out)
{
    assert(ev->count <= line_slots_free(l));

    l->in_caught_up = false;
    for (uint32_t i = 0; i < ev->count; i++) {
        if (is_other_log(&l->in_check, &ev->records[i])) {
            drop_from(ev, i, out);
            input_lost(l, out);
            break;
        }
        if (begins_late(l, &ev->records[i])) {
            drop_from(ev, i, out);
            stop(l, out, ERR_HOLE, "the input's beginning went before it was read: start again");
            return;
        }
        input_record(l, &ev->records[i], i, out);
    }
    flush(l, ev->now_ms, out);
}

/* A log was truncated below what this run has read of it. */
static void moved(struct line *l, const struct line_event *ev, struct line_actions *out)
{
    if (MUTANT(ignore_truncation))
        return;
    if (ev->is_output ? l->config.kind == LINE_ENRICH : !input_is_copied(l))
        stop(l, out, ERR_DATA_LOSS, "records that were read are gone: a log was truncated");
    else
        stop(l, out, ERR_HOLE, "a copy was truncated under the reader");
}

/* --- acknowledgements, time --------------------------------------------------------------------- */

static void acked(struct line *l, uint64_t ticket)
{
    if (ticket < l->ticket_read)
        return; /* only a mutant settles before the acknowledgement */
    struct line_slot *slot = slot_of(l, ticket);

    slot->is_acked = true;
    struct line_strand *s = &l->strands[slot->strand];
    if (slot->origin.offset > s->acked_last)
        s->acked_last = slot->origin.offset;
    settle(l);
}

/* Only a mutant does: takes a record that was not delivered for one that was read back. */
static void step_past(struct line *l, uint64_t ticket)
{
    const struct line_slot *slot = slot_of(l, ticket);

    if (slot->origin.offset > l->strands[slot->strand].out_last)
        l->strands[slot->strand].out_last = slot->origin.offset;
    acked(l, ticket);
}

static void commit(struct line *l, int64_t now_ms, struct line_actions *out)
{
    struct line_place in;
    struct line_place output;

    if (now_ms - l->commit_ms < LINE_COMMIT_MS)
        return;
    line_places(l, &in, &output);
    if (line_place_equal(l, &in, &l->saved_in) && line_place_equal(l, &output, &l->saved_out))
        return;
    l->commit_ms = now_ms;
    l->saved_in = in;
    l->saved_out = output;
    COVER(line_commits);
    (void)act(out, LINE_DO_COMMIT);
}

static void tick(struct line *l, int64_t now_ms, struct line_actions *out)
{
    for (uint32_t i = 0; i < l->config.strand_count; i++) {
        struct line_strand *s = &l->strands[i];
        if (s->out_last >= s->read_mark) {
            s->read_mark = s->acked_last;
            s->read_mark_ms = now_ms;
        } else if (now_ms - s->read_mark_ms > LINE_READ_BACK_MS) {
            COVER(line_not_read_back);
            stop(l, out, ERR_DELIVERY, "acknowledged records cannot be read back");
            return;
        }
    }
    flush(l, now_ms, out);
    commit(l, now_ms, out);
}

static void done(struct line *l, const struct line_event *ev)
{
    struct line_slot *slot = slot_of(l, ev->ticket);

    slot->is_done = true;
    slot->has_failed = ev->work == LINE_WORK_FAILED;
    if (ev->work != LINE_WORK_NOT_ASKED)
        failing_result(&l->failing, slot->has_failed);
}

static void cut(struct line *l, const struct line_event *ev, struct line_actions *out)
{
    for (uint32_t i = 0; i < l->config.strand_count; i++)
        l->strands[i].cut_position = ev->positions[i];
    if (l->config.kind != LINE_ENRICH)
        return;
    failing_cut(&l->failing, ev->own, ev->others, ev->now_ms);
    uncut_cut(&l->uncut, ev->own);
    if (l->phase == LINE_RUNNING)
        flush(l, ev->now_ms, out);
}

static void running(struct line *l, const struct line_event *ev, struct line_actions *out)
{
    switch (ev->kind) {
    case LINE_EV_IN:
        input_records(l, ev, out);
        break;
    case LINE_EV_IN_END:
        l->in_caught_up = true;
        break;
    case LINE_EV_DONE:
        done(l, ev);
        flush(l, ev->now_ms, out);
        break;
    case LINE_EV_ACKED:
        acked(l, ev->ticket);
        break;
    case LINE_EV_FAILED:
        COVER(line_undelivered);
        if (MUTANT(step_past_failure))
            step_past(l, ev->ticket);
        else
            stop(l, out, ERR_DELIVERY, "a record could not be delivered");
        break;
    case LINE_EV_TICK:
        tick(l, ev->now_ms, out);
        break;
    case LINE_EV_START:
    case LINE_EV_OUT:
    case LINE_EV_OUT_END:
    case LINE_EV_MOVED:
    case LINE_EV_CUT:
        break;
    }
}

static void take_event(struct line *l, const struct line_event *ev, struct line_actions *out)
{
    switch (ev->kind) {
    case LINE_EV_START:
        start(l, ev, out);
        return;
    case LINE_EV_OUT:
        output_records(l, ev, out);
        return;
    case LINE_EV_OUT_END:
        output_end(l, ev, out);
        return;
    case LINE_EV_MOVED:
        moved(l, ev, out);
        return;
    case LINE_EV_CUT:
        cut(l, ev, out);
        return;
    case LINE_EV_IN:
    case LINE_EV_IN_END:
    case LINE_EV_DONE:
    case LINE_EV_ACKED:
    case LINE_EV_FAILED:
    case LINE_EV_TICK:
        if (l->phase == LINE_RUNNING)
            running(l, ev, out);
        return;
    }
}

void line_step(struct line *l, const struct line_event *ev, struct line_actions *out)
{
    out->count = 0;
    if (l->phase == LINE_STOPPED)
        return;
    take_event(l, ev, out);
    l->is_old = uncut_is_old(&l->uncut, ev->now_ms);
    COVER_IF(l->is_old, line_old);
}
