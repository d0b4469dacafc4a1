/* SPDX-License-Identifier: Apache-2.0 */
#include "node/strand.h"

#include "node/cover.h"
#include "node/filter.h"
#include "node/mutant.h"
#include "proto/err.h"

#include <assert.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* --- init ------------------------------------------------------------------------------------- */

static uint64_t ring_size(uint32_t entries_max, uint32_t strands)
{
    uint64_t size = STRAND_ENTRIES_MIN;

    while (size * 2 * strands <= entries_max)
        size *= 2;
    return size;
}

static int add_to_log(struct strands *s, uint32_t strand, uint32_t logs_max)
{
    const struct strand_name *name = &s->layout.names[strand];
    uint32_t i = 0;

    while (i < s->log_count && !(s->logs[i].partition == name->from.partition &&
                                 s->logs[i].by_incarnation == name->by_incarnation &&
                                 slice_equal(s->logs[i].by, name->by)))
        i++;
    if (i == logs_max)
        return ERR_TOO_LARGE;
    struct log *log = &s->logs[i];
    if (i == s->log_count) {
        *log = (struct log){.by = name->by,
                            .by_incarnation = name->by_incarnation,
                            .partition = name->from.partition,
                            .epoch = -1,
                            .tail.epoch = -1,
                            .known.epoch = -1};
        s->log_count++;
    }
    if (log->count == LOG_STRANDS_MAX)
        return ERR_TOO_LARGE;
    log->strands[log->count] = strand;
    log->count++;
    s->list[strand].log = i;
    return 0;
}

/* Inserts the strand's origin partition in order, or finds it. */
static int add_to_part(struct strands *s, uint32_t strand)
{
    const struct origin_partition *from = &s->layout.names[strand].from;
    uint32_t i = 0;

    while (i < s->part_count && origin_partition_compare(&s->parts[i].from, from) < 0)
        i++;
    if (i == s->part_count || !origin_partition_equal(&s->parts[i].from, from)) {
        memmove(&s->parts[i + 1], &s->parts[i], (s->part_count - i) * sizeof *s->parts);
        s->parts[i] = (struct part){.from = *from, .decided = POSITION_NONE};
        s->part_count++;
    }
    struct part *part = &s->parts[i];
    if (part->count == DCS_MAX)
        return ERR_TOO_LARGE;
    part->strands[part->count] = strand;
    part->count++;
    return 0;
}

static int init_members(struct strands *s, uint32_t logs_max)
{
    for (uint32_t i = 0; i < s->layout.count; i++) {
        int rc = add_to_log(s, i, logs_max);
        if (rc == 0)
            rc = add_to_part(s, i);
        if (rc != 0)
            return rc;
    }
    for (uint32_t p = 0; p < s->part_count; p++) {
        for (uint32_t i = 0; i < s->parts[p].count; i++)
            s->list[s->parts[p].strands[i]].part = p;
    }
    return 0;
}

int strands_init(struct strands *s, const struct strands_config *config, uint32_t logs_max,
                 struct arena *a)
{
    const uint32_t count = config->layout->count;

    *s =
        (struct strands){.dc = config->dc, .layout = *config->layout, .grace_ms = config->grace_ms};
    if (count == 0 || count > STRANDS_MAX)
        return ERR_TOO_LARGE;
    const uint64_t ring = ring_size(config->entries_max, count);
    s->bytes_max = config->bytes_max / 2 / count;
    s->bytes_common = config->bytes_max / 2;
    s->released_max = (uint32_t)(ring * count);
    s->list = arena_calloc(a, count, sizeof *s->list);
    s->logs = arena_calloc(a, logs_max, sizeof *s->logs);
    s->parts = arena_calloc(a, (size_t)count + 1, sizeof *s->parts);
    s->released = arena_alloc(a, s->released_max * sizeof *s->released);
    if (s->list == NULL || s->logs == NULL || s->parts == NULL || s->released == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        s->list[i].ring = arena_alloc(a, ring * sizeof *s->list[i].ring);
        if (s->list[i].ring == NULL)
            return ERR_NO_MEMORY;
        s->list[i].mask = ring - 1;
        s->list[i].last = s->list[i].base_last = POSITION_NONE;
    }
    return init_members(s, logs_max);
}

/* --- places ----------------------------------------------------------------------------------- */

void strand_place_set(struct strands *s, uint32_t strand, const struct place *at)
{
    struct strand *st = &s->list[strand];

    assert(st->head == st->tail);
    st->last = st->base_last = at->last;
    st->digest = st->base_digest = at->digest;
    st->from = at->from;
    st->from_epoch = at->epoch;
    st->check_at = -1;
    st->wanted = st->ahead = st->report = POSITION_NONE;
    st->cut = at->last;
    st->skims = false;
}

void strand_skim(struct strands *s, uint32_t strand, int64_t start)
{
    struct strand *st = &s->list[strand];

    st->skims = start < st->base_last; /* else none of its records is to be found */
    st->skim_last = start;
}

void strand_place(const struct strands *s, uint32_t strand, struct place *out)
{
    const struct strand *st = &s->list[strand];

    *out = (struct place){.last = st->base_last,
                          .digest = st->base_digest,
                          .from = st->from,
                          .epoch = st->from_epoch};
    if (st->head != st->tail) {
        out->from = strand_entry(st, st->head)->log_offset;
        out->epoch = strand_entry(st, st->head)->epoch_before;
    }
    if (st->skims)
        out->from = PLACE_OF_CUT;
}

/* Entries leave from the head; their handles go to `released`. */
static void drop_until(struct strands *s, struct strand *st, uint64_t end)
{
    for (; st->head < end; st->head++) {
        struct entry *e = strand_entry(st, st->head);
        if (e->handle != NULL) {
            assert(s->released_count < s->released_max);
            s->released[s->released_count] = e->handle;
            s->released_count++;
        }
        st->bytes -= e->bytes;
        s->bytes -= e->bytes;
    }
    if (st->offered < st->head)
        st->offered = st->head;
}

void log_reset(struct strands *s, uint32_t log)
{
    struct log *l = &s->logs[log];

    for (uint32_t i = 0; i < l->count; i++) {
        struct strand *st = &s->list[l->strands[i]];
        drop_until(s, st, st->tail);
        st->last = st->base_last;
        st->digest = st->base_digest;
        st->from = 0;
        st->from_epoch = -1;
        st->check_at = -1;
        st->is_over = false;
        st->skims = false;
    }
    l->next = 0;
    l->epoch = l->tail.epoch = l->known.epoch = -1;
    l->checks = 0;
    l->is_reset = true;
    l->is_lost = l->is_caught_up = l->is_paused = l->has_bounds = false;
}

int64_t log_from(const struct strands *s, uint32_t log)
{
    const struct log *l = &s->logs[log];
    int64_t from = INT64_MAX;

    for (uint32_t i = 0; i < l->count; i++) {
        const struct strand *st = &s->list[l->strands[i]];
        if (st->from < from)
            from = st->from;
    }
    return from;
}

void log_start_known(struct strands *s, uint32_t log, int64_t log_start)
{
    struct log *l = &s->logs[log];

    l->is_reset = false;
    l->next = log_start;
    for (uint32_t i = 0; i < l->count; i++) {
        struct strand *st = &s->list[l->strands[i]];
        if (st->from < log_start)
            st->from = log_start;
        if (log_start > 0)
            st->skims = false; /* its beginning is gone: the next cut's digest must tell */
    }
}

int64_t log_check_from(const struct strands *s, uint32_t log)
{
    const struct log *l = &s->logs[log];
    const int64_t from = log_from(s, log);

    for (uint32_t i = 0; i < l->count; i++) {
        if (s->list[l->strands[i]].check_at == from - 1 && from > 0)
            return from - 1;
    }
    return from;
}

#define STRAND_VOID (-2)

/* --- reading ----------------------------------------------------------------------------------- */

/* The strand of a record; -1 for a foreign one (R3), STRAND_VOID for one of an older incarnation. */
static int strand_of(const struct strands *s, const struct log *l, const struct record *r)
{
    const struct braid_headers *h = &r->braid;

    if (!h->has_origin || !h->has_by || h->status == STATUS_NONE)
        return -1;
    if (!slice_equal(h->by_dc, l->by))
        return -1;
    if (h->by_incarnation != l->by_incarnation && !MUTANT(ignore_incarnation))
        return STRAND_VOID;
    if (!slice_equal(l->by, s->dc) && !slice_equal(h->raw[HEADER_COPY], s->dc) &&
        !MUTANT(trust_foreign))
        return -1;
    for (uint32_t i = 0; i < l->count; i++) {
        if (origin_partition_equal(&h->origin.from, &s->layout.names[l->strands[i]].from))
            return (int)l->strands[i];
    }
    return -1;
}

static bool ring_is_full(const struct strand *st)
{
    return st->tail - st->head > st->mask;
}

/* Whether cuts are furthest along this strand of its partition: the first of those that are. */
static bool leads(const struct strands *s, const struct strand *st)
{
    const struct part *p = &s->parts[st->part];
    const struct strand *first = &s->list[p->strands[0]];

    for (uint32_t i = 1; i < p->count; i++) {
        const struct strand *other = &s->list[p->strands[i]];
        if (other->cut > first->cut)
            first = other;
    }
    return first == st;
}

/*
 * Half of the budget is shared out, so that no strand can starve another; half is common, as most
 * strands are idle most of the time. Of a partition's strands the common half is for the one that
 * leads: cuts follow what all members hold, so all must have room for the same one. The others'
 * records are mostly decided when they are read, and weigh nothing.
 */
static bool is_over_budget(const struct strands *s, const struct strand *st)
{
    return st->bytes > s->bytes_max && (s->bytes > s->bytes_common || !leads(s, st));
}

/* With some room to spare, or it would be over again at once. */
static bool has_budget(const struct strands *s, const struct strand *st)
{
    return st->bytes <= s->bytes_max / 2 || (s->bytes <= s->bytes_common / 4 * 3 && leads(s, st));
}

/* What the next cut needs is taken whatever it weighs: otherwise emission could wait for ever. So
 * is what was reported before a restart: until it is held again, nothing is reported (A4). */
static bool is_full_for(const struct strands *s, const struct strand *st, int64_t offset)
{
    return ring_is_full(st) ||
           (is_over_budget(s, st) && offset > st->wanted && offset > st->report);
}

static uint64_t digest_next(uint64_t digest, int64_t offset, uint64_t content_hash)
{
    const uint64_t words[3] = {digest, (uint64_t)offset, content_hash};

    return XXH3_64bits(words, sizeof words);
}

/* Appends an accepted record. Returns true if its value is needed for emission. */
static bool append(struct strands *s, struct strand *st, const struct record *r, int64_t now_ms)
{
    const struct log *l = &s->logs[st->log];
    struct entry *e = strand_entry(st, st->tail);
    const struct slice id = r->braid.raw[HEADER_ID];
    const bool needed =
        r->braid.status != STATUS_SKIPPED && r->braid.origin.offset > s->parts[st->part].decided;

    COVER_IF(!needed, held_decided);
    st->digest = digest_next(st->digest, r->braid.origin.offset, r->content_hash);
    *e = (struct entry){
        .offset = r->braid.origin.offset,
        .log_offset = r->log_offset,
        .epoch_before = l->next == r->log_offset ? l->epoch : -1,
        .source_time_ms = r->braid.time_ms,
        .read_ms = now_ms,
        .digest = st->digest,
        .handle = needed ? r->handle : NULL,
        .bytes = needed ? r->bytes : 0,
        .status = (uint8_t)r->braid.status,
    };
    if (id.len > 0 && id.len <= WINDOW_ID_MAX) {
        e->id_len = (uint8_t)id.len;
        memcpy(e->id, id.ptr, id.len);
    }
    st->tail++;
    st->bytes += e->bytes;
    s->bytes += e->bytes;
    return needed;
}

/*
 * A log that is read from its untruncated beginning only to find the record at base_last: a zombie
 * may have written another version of what follows before that, which nobody has accepted (A1).
 */
static void skim(struct strand *st, const struct origin *o, bool is_range)
{
    if (st->skim_last == STRAND_SKIM_ANY)
        st->skim_last = o->prev; /* the first record says itself where its strand starts */
    if (filter_step(&st->skim_last, o, is_range) == FILTER_ACCEPT)
        COVER(held_skims);
    if (st->skim_last >= st->base_last)
        st->skims = false;
}

/* True if its handle is kept. */
static bool read_one(struct strands *s, struct log *l, const struct record *r, int64_t now_ms)
{
    const int index = strand_of(s, l, r);

    if (index == STRAND_VOID) {
        COVER(held_void);
        return false;
    }
    if (index < 0) {
        COVER(held_foreign);
        s->foreign++;
        return false;
    }
    struct strand *st = &s->list[index];
    if (st->is_over || r->log_offset < st->from)
        return false;
    const struct origin *o = &r->braid.origin;
    const bool is_range = filter_is_range(&r->braid);
    if (st->skims && (st->skim_last != STRAND_SKIM_ANY || o->prev < st->base_last)) {
        skim(st, o, is_range);
        return false;
    }
    st->skims = false;
    int64_t last = st->last;
    const enum filter_verdict verdict = filter_step(&last, o, is_range);
    if (verdict == FILTER_HOLE) {
        s->holes++;
        st->has_hole = true;
    }
    if (verdict == FILTER_DUPLICATE)
        s->duplicates++;
    COVER_IF(verdict == FILTER_HOLE, held_hole);
    COVER_IF(verdict == FILTER_DUPLICATE, held_duplicate);
    if (verdict != FILTER_ACCEPT)
        return false;
    if (is_full_for(s, st, o->offset)) {
        COVER(held_full);
        st->is_over = true;
        st->from = r->log_offset;
        st->from_epoch = l->next == r->log_offset ? l->epoch : -1;
        return false;
    }
    COVER(held_accepts);
    st->last = last;
    st->has_hole = false;
    l->tail = (struct log_tail){
        .partition = l->partition, .epoch = r->leader_epoch, .log_offset = r->log_offset};
    return append(s, st, r, now_ms);
}

/* All strands that took everything have judged the log up to its next record. */
static void judged(struct strands *s, const struct log *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        struct strand *st = &s->list[l->strands[i]];
        if (!st->is_over && st->from < l->next) {
            st->from = l->next;
            st->from_epoch = l->epoch;
        }
    }
}

/* Emission waits for it, or soon will: reading anew for each single cut would be too slow. */
static bool is_needed(const struct strand *st)
{
    const int64_t need = st->is_over ? st->wanted : st->ahead;

    return st->last < (need > st->report ? need : st->report) && !ring_is_full(st);
}

/*
 * A strand that is full only because emission is behind makes its whole log wait: reading on
 * would be reading twice. One that is held up by grace or a gap must not (I10), nor may one be
 * waited for that emission itself waits for. One that waits for the next cut must not, either: that
 * cut may wait for another strand of this log, while in another DC it is the other way round.
 */
static bool must_pause(const struct strands *s, const struct log *l)
{
    bool all_over = true;

    for (uint32_t i = 0; i < l->count; i++)
        if (is_needed(&s->list[l->strands[i]]))
            return false;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct strand *st = &s->list[l->strands[i]];
        if (!st->is_over)
            all_over = false;
        else if (st->offered == st->tail && st->base_last < st->ahead)
            return true;
    }
    return all_over;
}

/* A1, A4: whether the log still has the records that our places and our last report name. */
static void check_places(struct strands *s, struct log *l, const struct record *r)
{
    for (uint32_t i = 0; l->checks > 0 && i < l->count; i++) {
        struct strand *st = &s->list[l->strands[i]];
        if (st->check_at < 0 || r->log_offset < st->check_at)
            continue;
        if (r->log_offset == st->check_at && r->leader_epoch != st->check_epoch)
            l->is_lost = true;
        st->check_at = -1;
        l->checks--;
    }
    if (l->known.epoch < 0 || r->log_offset < l->known.log_offset)
        return;
    if (r->log_offset == l->known.log_offset && r->leader_epoch != l->known.epoch)
        l->is_shorter = true;
    l->known.epoch = -1;
}

static void passed(struct log *l, const struct record *r)
{
    if (r->log_offset < l->next)
        return;
    l->next = r->log_offset + 1;
    l->epoch = r->leader_epoch;
}

bool strands_read(struct strands *s, uint32_t log, const struct record *records, uint32_t count,
                  int64_t now_ms, bool *keep)
{
    struct log *l = &s->logs[log];

    assert(log < s->log_count);
    for (uint32_t i = 0; i < count; i++) {
        keep[i] = false;
        if (l->is_paused || l->is_lost || !l->has_bounds)
            continue; /* of the reading before this one, or of another log */
        check_places(s, l, &records[i]);
        if (l->is_lost)
            continue;
        keep[i] = read_one(s, l, &records[i], now_ms);
        passed(l, &records[i]);
        if (must_pause(s, l)) {
            COVER(held_paused);
            l->is_paused = true;
            l->is_caught_up = false;
        }
    }
    judged(s, l);
    return l->is_paused;
}

bool log_wants_reading(const struct strands *s, uint32_t log)
{
    const struct log *l = &s->logs[log];

    for (uint32_t i = 0; i < l->count; i++) {
        const struct strand *st = &s->list[l->strands[i]];
        const bool has_room = st->tail - st->head <= st->mask / 2 && has_budget(s, st);
        if (st->is_over && has_room)
            return true;
        if ((st->is_over || l->is_paused) && is_needed(st))
            return true;
    }
    return false;
}

void log_rewind(struct strands *s, uint32_t log)
{
    struct log *l = &s->logs[log];

    for (uint32_t i = 0; i < l->count; i++) {
        struct strand *st = &s->list[l->strands[i]];
        if (!ring_is_full(st))
            st->is_over = false;
    }
    COVER(held_reads_on);
    l->next = log_from(s, log);
    l->epoch = -1;
    l->checks = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        struct strand *st = &s->list[l->strands[i]];
        if (st->from == l->next)
            l->epoch = st->from_epoch; /* of the record before `next` */
        st->check_at = -1;
        if (st->from_epoch < 0 || st->from == 0 || MUTANT(ignore_leader_epoch))
            continue;
        st->check_at = st->from - 1;
        st->check_epoch = st->from_epoch;
        l->checks++;
    }
    l->is_paused = false;
    l->is_caught_up = false;
    l->has_bounds = false;
}

/* --- offering ----------------------------------------------------------------------------------- */

/* How many other strands of the partition are past an offset. */
static uint32_t others_past(const struct strands *s, const struct strand *st, int64_t offset)
{
    const struct part *p = &s->parts[st->part];
    uint32_t past = 0;

    for (uint32_t i = 0; i < p->count; i++) {
        const struct strand *other = &s->list[p->strands[i]];
        if (other != st && other->last >= offset)
            past++;
    }
    return past;
}

/*
 * A10: whether nothing is lost if a gap is cut now. The other strand's own position must be past it
 * in a cut, not only held: a cut may take this strand through the gap and leave the other behind.
 * Where the other has nothing but gaps as well, there is nothing to wait for.
 */
static bool is_past_gap(const struct strand *other, int64_t offset)
{
    if (other->cut >= offset)
        return true;
    if (other->last < offset)
        return false;
    for (uint64_t i = strand_after(other, other->cut); i < other->tail; i++) {
        const struct entry *e = strand_entry(other, i);
        if (e->offset > offset)
            break;
        if (e->status != STATUS_GAP && e->status != STATUS_SKIPPED)
            return false;
    }
    return true;
}

static bool all_past_gap(const struct strands *s, const struct strand *st, int64_t offset)
{
    const struct part *p = &s->parts[st->part];

    for (uint32_t i = 0; i < p->count; i++) {
        const struct strand *other = &s->list[p->strands[i]];
        if (other != st && !is_past_gap(other, offset))
            return false;
    }
    return p->count > 1;
}

static bool may_offer(const struct strands *s, const struct strand *st, const struct entry *e,
                      int64_t now_ms)
{
    const uint32_t others = s->parts[st->part].count - 1;

    if (e->status == STATUS_GAP && !MUTANT(gap_offered)) {
        const bool passes = all_past_gap(s, st, e->offset);
        COVER_IF(passes, gap_passes);
        COVER_IF(!passes, gap_waits);
        return passes;
    }
    if (e->status == STATUS_FAILED && !MUTANT(no_grace)) {
        if (MUTANT(grace_for_own_only) && !slice_equal(s->logs[st->log].by, s->dc))
            return true;
        const bool in_time = now_ms - e->read_ms >= s->grace_ms;
        const bool by_other = others_past(s, st, e->offset) > 0;
        COVER_IF(others == 0, grace_alone);
        COVER_IF(others != 0 && by_other, grace_ends_by_other);
        COVER_IF(others != 0 && in_time && !by_other, grace_ends_in_time);
        COVER_IF(others != 0 && !in_time && !by_other, grace_waits);
        return others == 0 || in_time || by_other;
    }
    return true;
}

bool strands_offer(struct strands *s, int64_t now_ms)
{
    bool moved = false;

    for (uint32_t i = 0; i < s->layout.count; i++) {
        struct strand *st = &s->list[i];
        while (st->offered < st->tail && may_offer(s, st, strand_entry(st, st->offered), now_ms)) {
            st->offered++;
            moved = true;
        }
    }
    return moved;
}

int64_t strand_offer(const struct strand *st)
{
    assert(st->offered >= st->head);

    return st->offered == st->head ? st->base_last : strand_entry(st, st->offered - 1)->offset;
}

/* --- looking up, leaving ------------------------------------------------------------------------ */

uint64_t strand_after(const struct strand *st, int64_t offset)
{
    uint64_t low = st->head;
    uint64_t high = st->tail;

    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (strand_entry(st, middle)->offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct entry *strand_find(const struct strand *st, int64_t offset)
{
    const uint64_t after = strand_after(st, offset);

    if (after == st->head)
        return NULL;
    const struct entry *e = strand_entry(st, after - 1);
    return e->offset == offset ? e : NULL;
}

bool strand_digest_at(const struct strand *st, int64_t position, uint64_t *out)
{
    if (position == st->base_last) {
        *out = st->base_digest;
        return true;
    }
    const struct entry *e = strand_find(st, position);
    if (e == NULL)
        return false;
    *out = e->digest;
    return true;
}

void strand_emitted(struct strands *s, uint32_t strand, int64_t position)
{
    struct strand *st = &s->list[strand];

    st->cut = position;
    const uint64_t end = strand_after(st, position);
    if (end == st->head)
        return;
    st->base_last = strand_entry(st, end - 1)->offset;
    st->base_digest = strand_entry(st, end - 1)->digest;
    drop_until(s, st, end);
}

void log_caught_up(struct strands *s, uint32_t log, int64_t log_offset)
{
    struct log *l = &s->logs[log];

    if (l->is_paused || !l->has_bounds)
        return;
    if (log_offset > l->next) {
        l->next = log_offset;
        l->epoch = -1; /* what lies before it is no record */
    }
    if (l->is_lost)
        return;
    judged(s, l);
    l->is_caught_up = true;
}
