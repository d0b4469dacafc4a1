/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/audit.h"

#include <assert.h>
#include <inttypes.h>

#include "coord/ctl/audit_ids.h"

/* What one copy said at one sequence number, until all have said it. */
struct ring_slot {
    int64_t seq;
    struct audit_digest digest;
    size_t first_dc;
    uint32_t dcs; /* a bit for each that has fed it */
};

struct copy {
    int64_t next_seq;
    char chain[AUDIT_CHAIN_LEN + 1]; /* claimed by the last record; empty: take the first's */
    uint32_t era;
    uint64_t cut;
    bool has_ended;
    bool is_behind;
    uint64_t lost;
    uint64_t records;
    uint64_t foreign;
    struct audit_ids ids; /* of the last records, by number */
    int64_t loose_next;   /* of the reader that does not wait for commits */
    char loose_chain[AUDIT_CHAIN_LEN + 1];
};

/* A visible source record that is not in the stream. */
struct open_record {
    uint32_t part;
    enum audit_why why;
    int64_t offset;
    struct audit_digest id;
    uint64_t filtered_by; /* as in audit_absent */
    bool has_id;
};

struct audit {
    struct arena *arena;
    struct slice dcs[AUDIT_DCS_MAX];
    size_t dc_count;
    struct audit_config config;
    struct copy copies[AUDIT_DCS_MAX];
    struct ring_slot ring[AUDIT_RING];
    struct audit_part *parts; /* AUDIT_PARTS_MAX of them */
    size_t part_count;
    struct open_record *open; /* AUDIT_OPEN_MAX of them; by partition, then offset */
    size_t open_count;
    size_t unexplained; /* of them */
    uint64_t statuses[STATUS_COUNT];
    uint64_t accounted[AUDIT_WHY_COUNT];
    struct audit_finding findings[AUDIT_SHOWN_MAX * AUDIT_KIND_COUNT];
    size_t finding_count;
    uint64_t counts[AUDIT_KIND_COUNT];
    int64_t first_unequal;
};

struct audit *audit_new(const struct audit_config *config, struct arena *a)
{
    struct audit *au = arena_calloc(a, 1, sizeof(*au));
    size_t window = config->window > AUDIT_WINDOW_MAX ? AUDIT_WINDOW_MAX : (size_t)config->window;

    assert(config->dc_count > 0);
    assert(config->dc_count <= AUDIT_DCS_MAX);
    if (au == NULL)
        return NULL;
    au->arena = a;
    au->config = *config;
    au->dc_count = config->dc_count;
    au->first_unequal = -1;
    au->parts = arena_calloc(a, AUDIT_PARTS_MAX, sizeof(*au->parts));
    au->open = arena_calloc(a, AUDIT_OPEN_MAX, sizeof(*au->open));
    for (size_t dc = 0; dc < au->dc_count; dc++) {
        struct copy *c = &au->copies[dc];

        au->dcs[dc] = config->dcs[dc];
        c->next_seq = config->first_seq;
        c->loose_next = config->first_seq;
        if (config->first_seq == 0) {
            memset(c->chain, '0', AUDIT_CHAIN_LEN);
            memset(c->loose_chain, '0', AUDIT_CHAIN_LEN);
        }
        /* Copies are equal or that is a finding: one window of ids is enough. */
        if (dc == 0 && !audit_ids_init(&c->ids, window + 1, a))
            return NULL;
    }
    for (size_t i = 0; i < AUDIT_RING; i++)
        au->ring[i].seq = -1;
    return au->parts == NULL || au->open == NULL ? NULL : au;
}

/* ---- findings --------------------------------------------------------------------------------- */

/* Messages are only made where they will be kept: a broken copy has a finding for every record. */
static bool is_shown(const struct audit *au, enum audit_kind kind)
{
    return au->counts[kind] < AUDIT_SHOWN_MAX;
}

void audit_add(struct audit *au, enum audit_kind kind, struct slice dc, int64_t seq,
               const char *message)
{
    if (is_shown(au, kind)) {
        au->findings[au->finding_count++] =
            (struct audit_finding){kind, dc, seq, text_format(au->arena, "%s", message)};
    }
    au->counts[kind]++;
}

const struct audit_finding *audit_findings(const struct audit *au, size_t *out_count)
{
    *out_count = au->finding_count;
    return au->findings;
}

const char *audit_kind_name(enum audit_kind kind)
{
    static const char *const NAMES[] = {
#define X(id, name, sentence) name,
        AUDIT_MAP(X)
#undef X
    };

    return NAMES[kind];
}

const char *audit_kind_text(enum audit_kind kind)
{
    static const char *const TEXTS[] = {
#define X(id, name, sentence) sentence,
        AUDIT_MAP(X)
#undef X
    };

    return TEXTS[kind];
}

static const char *origin_text(struct audit *au, const struct audit_part *p, int64_t offset)
{
    return text_format(au->arena, "%.*s/%.*s/%u/%u offset %" PRId64, SLICE_ARG(p->dc),
                       SLICE_ARG(p->topic), p->incarnation, p->partition, offset);
}

static void add_record(struct audit *au, enum audit_kind kind, size_t dc,
                       const struct audit_record *r, const char *what)
{
    const char *message =
        !is_shown(au, kind)
            ? ""
            : text_format(au->arena,
                          "%s (%.*s/%.*s/%u/%u offset %" PRId64 ", at log offset %" PRId64 ")",
                          what, SLICE_ARG(r->dc), SLICE_ARG(r->topic), r->incarnation, r->partition,
                          r->offset, r->raw->offset);

    audit_add(au, kind, au->dcs[dc], r->has_seq ? r->seq : -1, message);
}

/* ---- partitions ------------------------------------------------------------------------------- */

static int part_find(const struct audit *au, const struct audit_part *like)
{
    for (size_t i = 0; i < au->part_count; i++) {
        const struct audit_part *p = &au->parts[i];

        if (p->partition == like->partition && p->incarnation == like->incarnation &&
            slice_equal(p->dc, like->dc) && slice_equal(p->topic, like->topic)) {
            return (int)i;
        }
    }
    return -1;
}

int audit_part_add(struct audit *au, const struct audit_part *part)
{
    int index = part_find(au, part);

    if (index >= 0) {
        struct audit_part *p = &au->parts[index];

        if (part->hi > p->hi)
            p->hi = part->hi;
        if (part->lo_is_known && (!p->lo_is_known || part->lo > p->lo))
            p->lo = part->lo;
        p->lo_is_known = p->lo_is_known || part->lo_is_known;
        return index;
    }
    if (au->part_count == AUDIT_PARTS_MAX)
        return -1;
    au->parts[au->part_count] = *part;
    memset(au->parts[au->part_count].emitted, 0, sizeof(part->emitted));
    au->parts[au->part_count].visible = NULL;
    return (int)au->part_count++;
}

size_t audit_part_count(const struct audit *au)
{
    return au->part_count;
}

const struct audit_part *audit_part_at(const struct audit *au, size_t index)
{
    assert(index < au->part_count);
    return &au->parts[index];
}

/* The partition of a record, or NULL. */
static struct audit_part *part_of(struct audit *au, const struct audit_record *r)
{
    const struct audit_part like = {
        .dc = r->dc, .topic = r->topic, .incarnation = r->incarnation, .partition = r->partition};
    int index = part_find(au, &like);

    return index < 0 ? NULL : &au->parts[index];
}

static bool prepare(struct audit *au, struct audit_part *p)
{
    if (audit_part_prepare(p, au->dc_count, au->arena))
        return true;
    if (au->counts[AUDIT_LIMIT] == 0) {
        audit_add(au, AUDIT_LIMIT, p->dc, -1,
                  text_format(au->arena,
                              "%.*s/%.*s: %" PRId64
                              " offsets are too many for the memory set aside; "
                              "use --from-seq or --since",
                              SLICE_ARG(p->dc), SLICE_ARG(p->topic), p->hi - p->lo));
    }
    return false;
}

/* ---- the copies ------------------------------------------------------------------------------- */

/* The smallest next number of the copies that still come. */
static int64_t slowest(const struct audit *au)
{
    int64_t least = INT64_MAX;

    for (size_t dc = 0; dc < au->dc_count; dc++) {
        if (!au->copies[dc].has_ended && au->copies[dc].next_seq < least)
            least = au->copies[dc].next_seq;
    }
    return least;
}

bool audit_may_feed(const struct audit *au, size_t dc)
{
    const struct copy *c = &au->copies[dc];

    return !c->has_ended && c->next_seq < slowest(au) + AUDIT_RING / 2;
}

static void check_seq(struct audit *au, size_t dc, const struct audit_record *r)
{
    struct copy *c = &au->copies[dc];

    if (r->seq == c->next_seq)
        return;
    add_record(au, AUDIT_NOT_DENSE, dc, r,
               !is_shown(au, AUDIT_NOT_DENSE) ? ""
               : r->seq < c->next_seq
                   ? text_format(au->arena, "number %" PRId64 " comes again", r->seq)
                   : text_format(au->arena, "numbers %" PRId64 " to %" PRId64 " are left out",
                                 c->next_seq, r->seq - 1));
}

static void check_chain(struct audit *au, size_t dc, const struct audit_record *r)
{
    struct copy *c = &au->copies[dc];

    if (c->chain[0] != '\0') {
        char chain[AUDIT_CHAIN_LEN + 1];

        audit_record_chain(r->raw, slice_str(c->chain), chain);
        if (!slice_equal(slice_str(chain), r->chain)) {
            add_record(au, AUDIT_CHAIN, dc, r,
                       !is_shown(au, AUDIT_CHAIN)
                           ? ""
                           : text_format(au->arena, "braid-chain is %.*s, computed %s",
                                         SLICE_ARG(r->chain), chain));
        }
    }
    memcpy(c->chain, r->chain.ptr, AUDIT_CHAIN_LEN); /* go on from what it claims: one finding */
}

static void check_cut(struct audit *au, size_t dc, const struct audit_record *r)
{
    struct copy *c = &au->copies[dc];

    if (c->records > 0 && (r->era < c->era || (r->era == c->era && r->cut < c->cut))) {
        add_record(au, AUDIT_CUT_BACK, dc, r,
                   !is_shown(au, AUDIT_CUT_BACK)
                       ? ""
                       : text_format(au->arena, "cut %u.%" PRIu64 " comes after %u.%" PRIu64,
                                     r->era, r->cut, c->era, c->cut));
    }
    c->era = r->era;
    c->cut = r->cut;
}

static void check_order(struct audit *au, size_t dc, const struct audit_record *r)
{
    struct audit_part *p = part_of(au, r);

    if (p == NULL) {
        add_record(au, AUDIT_PHANTOM, dc, r, "no strand of the stream has this origin partition");
        return;
    }
    if (!p->lo_is_known) {
        p->lo = r->prev;
        p->lo_is_known = true;
    }
    if (p->is_begun[dc] && r->offset <= p->last[dc]) {
        p->order_count++;
        add_record(au, AUDIT_ORDER, dc, r,
                   !is_shown(au, AUDIT_ORDER)
                       ? ""
                       : text_format(au->arena, "comes after offset %" PRId64, p->last[dc]));
    }
    if (!p->is_begun[dc])
        p->first[dc] = r->offset;
    p->last[dc] = r->offset;
    p->is_begun[dc] = true;
    if (!audit_part_has(p, r->offset)) {
        add_record(au, AUDIT_PHANTOM, dc, r, "its offset is not in the cuts' range");
        return;
    }
    if (!prepare(au, p))
        return;
    if (!audit_part_emitted(p, r->offset))
        p->emitted_count++;
    audit_part_set(p, p->emitted[dc], r->offset);
    if (r->status == STATUS_GAP) {
        for (int64_t offset = r->prev + 1; offset < r->offset; offset++) {
            if (audit_part_has(p, offset))
                audit_part_set(p, p->emitted[dc], offset);
        }
    }
}

static void check_ids(struct audit *au, size_t dc, const struct audit_record *r)
{
    struct audit_ids *ids = &au->copies[0].ids;
    struct audit_digest id = {0};
    int64_t before = -1;

    if (dc != 0 || r->id.len == 0 || r->status == STATUS_REDACTION)
        return;
    id = audit_digest_of(r->id);
    before = audit_ids_find(ids, id);
    if (before >= (int64_t)au->config.window_floor && before >= 0 && before != r->seq &&
        r->seq - before <= (int64_t)au->config.window) {
        if (part_of(au, r) != NULL)
            part_of(au, r)->twice_count++;
        add_record(au, AUDIT_TWICE, dc, r,
                   !is_shown(au, AUDIT_TWICE)
                       ? ""
                       : text_format(au->arena, "has the id of number %" PRId64 ": %.*s", before,
                                     SLICE_ARG(r->id)));
    }
    audit_ids_add(ids, id, r->seq);
}

/* Compares with the copies that have been here, or is the first. */
static void check_equal(struct audit *au, size_t dc, const struct audit_record *r)
{
    struct ring_slot *slot = &au->ring[(uint64_t)r->seq % AUDIT_RING];
    struct audit_digest digest = audit_record_digest(r->raw);

    if (slot->seq != r->seq) {
        *slot = (struct ring_slot){.seq = r->seq, .digest = digest, .first_dc = dc};
        au->statuses[r->status]++;
    } else if (slot->digest.low != digest.low || slot->digest.high != digest.high) {
        if (au->first_unequal < 0 || r->seq < au->first_unequal)
            au->first_unequal = r->seq;
        add_record(au, AUDIT_UNEQUAL, dc, r,
                   !is_shown(au, AUDIT_UNEQUAL)
                       ? ""
                       : text_format(au->arena, "differs from the record in %.*s",
                                     SLICE_ARG(au->dcs[slot->first_dc])));
    }
    slot->dcs |= 1U << dc;
}

bool audit_copy(struct audit *au, size_t dc, const struct audit_record *r)
{
    struct copy *c = &au->copies[dc];

    if (!r->has_origin) {
        c->foreign++;
        return true;
    }
    if (!r->has_seq || r->status == STATUS_NONE) {
        c->records++;
        add_record(au, AUDIT_UNSOUND, dc, r,
                   "braid-seq, braid-cut, braid-chain or braid-status is missing or malformed");
        return true;
    }
    if (r->era > au->config.end_era ||
        (r->era == au->config.end_era && r->cut > au->config.end_cut)) {
        return false;
    }
    if (r->seq < c->next_seq && c->records == 0) { /* before the range asked for */
        if (r->seq == c->next_seq - 1) {
            memcpy(c->chain, r->chain.ptr, AUDIT_CHAIN_LEN);
            memcpy(c->loose_chain, r->chain.ptr, AUDIT_CHAIN_LEN);
        }
        return true;
    }
    check_seq(au, dc, r);
    check_chain(au, dc, r);
    check_cut(au, dc, r);
    check_order(au, dc, r);
    check_ids(au, dc, r);
    check_equal(au, dc, r);
    c->records++;
    if (r->seq >= c->next_seq)
        c->next_seq = r->seq + 1;
    return true;
}

void audit_copy_end(struct audit *au, size_t dc, bool is_behind)
{
    au->copies[dc].has_ended = true;
    au->copies[dc].is_behind = is_behind;
}

void audit_uncommitted(struct audit *au, size_t dc, const struct audit_record *r)
{
    struct copy *c = &au->copies[dc];

    if (!r->has_origin || !r->has_seq || r->seq < c->loose_next || r->seq >= c->next_seq)
        return;
    if (r->seq > c->loose_next)
        add_record(au, AUDIT_UNCOMMITTED, dc, r, "numbers before it were not seen");
    if (c->loose_chain[0] != '\0') {
        char chain[AUDIT_CHAIN_LEN + 1];

        audit_record_chain(r->raw, slice_str(c->loose_chain), chain);
        if (!slice_equal(slice_str(chain), r->chain))
            add_record(au, AUDIT_UNCOMMITTED, dc, r, "the chain does not hold");
    }
    memcpy(c->loose_chain, r->chain.ptr, AUDIT_CHAIN_LEN);
    c->loose_next = r->seq + 1;
}

/* ---- the sources ------------------------------------------------------------------------------ */

void audit_source_start(struct audit *au, size_t part, int64_t log_start)
{
    struct audit_part *p = &au->parts[part];
    int64_t first = p->lo + 1;

    p->log_start = log_start;
    if (p->lo_is_known && log_start > first)
        p->expired_count = (uint64_t)((log_start > p->hi + 1 ? p->hi + 1 : log_start) - first);
}

/* Must a copy have the offset, if another has it? A copy that is behind ends early, and one that is
 * not read from its beginning may begin elsewhere. */
static bool must_have(const struct audit *au, const struct audit_part *p, size_t dc, int64_t offset)
{
    if (au->config.first_seq > 0 && !(p->is_begun[dc] && offset > p->first[dc]))
        return false;
    return !au->copies[dc].is_behind || (p->is_begun[dc] && offset < p->last[dc]);
}

/* A record that is in some copy: which ones lack it? */
static void check_lost(struct audit *au, struct audit_part *p, int64_t offset)
{
    for (size_t dc = 0; dc < au->dc_count; dc++) {
        if (audit_part_get(p, p->emitted[dc], offset) || !must_have(au, p, dc, offset))
            continue;
        au->copies[dc].lost++;
        p->missing_count++;
        audit_add(au, AUDIT_LOST, au->dcs[dc], -1,
                  !is_shown(au, AUDIT_LOST)
                      ? ""
                      : text_format(au->arena, "%s is not in the copy of %.*s",
                                    origin_text(au, p, offset), SLICE_ARG(au->dcs[dc])));
    }
}

bool audit_source(struct audit *au, size_t part, int64_t offset)
{
    struct audit_part *p = &au->parts[part];

    if (!audit_part_has(p, offset) || !prepare(au, p))
        return false;
    audit_part_set(p, p->visible, offset);
    p->visible_count++;
    if (!audit_part_emitted(p, offset))
        return true;
    check_lost(au, p, offset);
    return false;
}

void audit_source_open(struct audit *au, size_t part, int64_t offset,
                       const struct audit_absent *what)
{
    struct open_record *o = NULL;

    if (what->why != AUDIT_WHY_OPEN) {
        au->accounted[what->why]++;
        return;
    }
    if (au->open_count == AUDIT_OPEN_MAX && what->filtered_by != 0) {
        au->accounted[AUDIT_WHY_FILTERED_ONCE]++;
        return;
    }
    if (au->open_count == AUDIT_OPEN_MAX) {
        if (au->counts[AUDIT_LIMIT] == 0) {
            audit_add(au, AUDIT_LIMIT, au->parts[part].dc, -1,
                      "too many source records are not in the stream");
        }
        au->counts[AUDIT_MISSING]++;
        au->parts[part].missing_count++;
        return;
    }
    o = &au->open[au->open_count++];
    au->unexplained++;
    *o = (struct open_record){.part = (uint32_t)part,
                              .offset = offset,
                              .filtered_by = what->filtered_by,
                              .has_id = what->id.len > 0};
    if (o->has_id)
        o->id = audit_digest_of(what->id);
}

void audit_source_end(struct audit *au, size_t part)
{
    struct audit_part *p = &au->parts[part];
    int64_t first = p->lo + 1 > p->log_start ? p->lo + 1 : p->log_start;

    if (p->visible == NULL)
        return;
    for (int64_t offset = first; offset <= p->hi; offset++) {
        if (audit_part_emitted(p, offset) && !audit_part_get(p, p->visible, offset)) {
            audit_add(au, AUDIT_PHANTOM, p->dc, -1,
                      text_format(au->arena, "%s is in the stream but not in the source topic",
                                  origin_text(au, p, offset)));
        }
    }
}

/* ---- what is left open ------------------------------------------------------------------------ */

size_t audit_open_count(const struct audit *au)
{
    return au->unexplained;
}

static void explain(struct audit *au, struct open_record *o, enum audit_why why)
{
    if (o->why != AUDIT_WHY_OPEN)
        return;
    o->why = why;
    au->unexplained--;
}

/* The first open record of the partition at or after the offset; open_count if there is none. They
 * are sorted because sources are read one partition after the other, in order. */
static size_t open_from(const struct audit *au, uint32_t part, int64_t offset)
{
    size_t low = 0;
    size_t high = au->open_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct open_record *o = &au->open[middle];

        if (o->part < part || (o->part == part && o->offset < offset)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Does the spec that the record says it followed filter this event? */
static bool is_filtered_by(const struct audit *au, const struct open_record *o, int64_t spec)
{
    const uint64_t age = au->config.spec_version - (uint64_t)spec;

    return spec > 0 && (uint64_t)spec <= au->config.spec_version && age < AUDIT_SPECS_MAX &&
           ((o->filtered_by >> age) & 1) != 0;
}

static void note_decided(struct audit_part *p, int64_t offset)
{
    if (!p->has_decided || offset < p->decided_from)
        p->decided_from = offset;
    p->has_decided = true;
}

void audit_explain(struct audit *au, const struct audit_record *r, bool is_enriched)
{
    struct audit_part *p = r->has_origin ? part_of(au, r) : NULL;
    const bool is_gap = r->status == STATUS_GAP;
    const bool is_filtered = r->status == STATUS_FILTERED && is_enriched;
    const int64_t first = is_gap ? r->prev + 1 : r->offset;

    if (p == NULL)
        return;
    if (is_enriched)
        note_decided(p, first);
    if (!is_gap && !is_filtered && r->status != STATUS_FAILED)
        return;
    const uint32_t part = (uint32_t)(p - au->parts);
    for (size_t i = open_from(au, part, first);
         i < au->open_count && au->open[i].part == part && au->open[i].offset <= r->offset; i++) {
        if (!is_filtered)
            explain(au, &au->open[i], is_gap ? AUDIT_WHY_GAP : AUDIT_WHY_FAILED);
        else if (is_filtered_by(au, &au->open[i], r->spec))
            explain(au, &au->open[i], AUDIT_WHY_FILTERED);
    }
}

void audit_duplicate_begin(struct audit *au)
{
    audit_ids_clear(&au->copies[0].ids);
    for (size_t i = 0; i < au->part_count; i++) {
        au->parts[i].again_offset = au->parts[i].lo;
        au->parts[i].again_seq = au->config.first_seq - 1;
    }
}

/*
 * The open records of a partition after `after` and before `before`: had they been emitted, then
 * with a number above that of the record before them (again_seq). One whose id was emitted in the
 * window before that, and is known by now, was dropped as a duplicate.
 */
static void settle(struct audit *au, size_t part, int64_t before)
{
    const struct audit_part *p = &au->parts[part];

    for (size_t i = open_from(au, (uint32_t)part, p->again_offset + 1);
         i < au->open_count && au->open[i].part == part && au->open[i].offset < before; i++) {
        struct open_record *o = &au->open[i];
        int64_t seq = o->has_id ? audit_ids_find(&au->copies[0].ids, o->id) : -1;

        if (seq >= 0 && seq + (int64_t)au->config.window > p->again_seq)
            explain(au, o, AUDIT_WHY_DUPLICATE);
    }
}

void audit_duplicate(struct audit *au, const struct audit_record *r)
{
    struct audit_part *p = r->has_origin && r->has_seq ? part_of(au, r) : NULL;

    if (p == NULL)
        return;
    settle(au, (size_t)(p - au->parts), r->offset);
    p->again_offset = r->offset;
    p->again_seq = r->seq;
    if (r->id.len > 0)
        audit_ids_add(&au->copies[0].ids, audit_digest_of(r->id), r->seq);
}

void audit_duplicate_end(struct audit *au)
{
    for (size_t i = 0; i < au->part_count; i++)
        settle(au, i, INT64_MAX);
}

void audit_peek(const struct audit *au, struct audit_result *out)
{
    struct audit_result result = {.shortest = INT64_MAX, .first_unequal = au->first_unequal};

    for (size_t dc = 0; dc < au->dc_count; dc++) {
        const struct copy *c = &au->copies[dc];

        result.records[dc] = c->records;
        result.foreign[dc] = c->foreign;
        result.lost[dc] = c->lost;
        result.next_seq[dc] = c->next_seq;
        if (c->next_seq < result.shortest)
            result.shortest = c->next_seq;
    }
    for (size_t i = 0; i < au->part_count; i++) {
        result.sources += au->parts[i].visible_count;
        result.sources_expired += au->parts[i].expired_count;
    }
    memcpy(result.statuses, au->statuses, sizeof(result.statuses));
    memcpy(result.accounted, au->accounted, sizeof(result.accounted));
    memcpy(result.findings, au->counts, sizeof(result.findings));
    for (int kind = 0; kind < AUDIT_KIND_COUNT; kind++)
        result.finding_count += au->counts[kind];
    result.enrichable = result.statuses[STATUS_OK] + result.statuses[STATUS_FAILED] +
                        result.accounted[AUDIT_WHY_FAILED];
    result.ok_percent = result.enrichable == 0 ? 100.0
                                               : 100.0 * (double)result.statuses[STATUS_OK] /
                                                     (double)result.enrichable;
    *out = result;
}

/* What decided is gone, and one of the specs would have filtered it. */
static bool is_filtered_once(const struct audit *au, const struct open_record *o)
{
    const struct audit_part *p = &au->parts[o->part];

    return o->why == AUDIT_WHY_OPEN && o->filtered_by != 0 &&
           (!p->has_decided || o->offset < p->decided_from);
}

void audit_finish(struct audit *au, struct audit_result *out)
{
    for (size_t i = 0; i < au->open_count; i++) {
        struct open_record *o = &au->open[i];

        if (is_filtered_once(au, o))
            explain(au, o, AUDIT_WHY_FILTERED_ONCE);
        au->accounted[o->why]++;
        if (o->why == AUDIT_WHY_OPEN) {
            au->parts[o->part].missing_count++;
            audit_add(au, AUDIT_MISSING, au->parts[o->part].dc, -1,
                      !is_shown(au, AUDIT_MISSING)
                          ? ""
                          : text_format(au->arena, "%s is nowhere in the stream",
                                        origin_text(au, &au->parts[o->part], o->offset)));
        }
    }
    audit_peek(au, out);
}
