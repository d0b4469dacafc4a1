/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference.c - the global stream once more, as simply as one can: from the final strands and the
 * chain of cuts, by R8, R9 and R10, and nothing of the core.
 */
#include "tests/sim/checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

/* One origin offset that a cut decides. */
struct choice {
    const struct krec *k;
    const struct facts *f;
    int64_t maximum; /* running maximum of the source time */
};

struct choices {
    struct choice *list;
    size_t count;
    size_t capacity;
};

/* id -> number last emitted; open addressing. */
struct ids {
    struct slice *ids;
    uint64_t *numbers;
    size_t mask;
};

static int rank(struct slice status)
{
    static const char *const order[] = {"withheld", "filtered", "canary", "ok", "failed", "gap"};

    for (int r = 0; r < 6; r++) {
        if (slice_starts_with(status, slice_str(order[r])))
            return r;
    }
    return 9; /* skipped decides nothing */
}

/* The best of the strands that the cut covers at this offset. */
static const struct krec *choose(struct world *w, const struct parsed_cut *cut, uint32_t origin,
                                 int64_t offset, const struct facts **out)
{
    const struct krec *best = NULL;
    int best_rank = 9;

    for (uint32_t n = 0; n < w->p.dc_count; n++) {
        /* The origin DC first, then by name, which is the order of the indices. */
        uint32_t dc = n == 0 ? w->origin_dc[origin] : n <= w->origin_dc[origin] ? n - 1 : n;
        uint32_t s = strand_index(w, dc, origin);
        const struct krec *k;
        const struct facts *f;

        if (s == UINT32_MAX || cut->positions[s] < offset)
            continue;
        k = by_offset_get(&w->check->accepted[s], offset);
        if (k == NULL)
            continue;
        f = facts_of(w, k->body);
        if (rank(f->status) < best_rank) {
            best = k;
            best_rank = rank(f->status);
            *out = f;
        }
    }
    return best;
}

static void collect(struct world *w, const struct parsed_cut *cut, uint32_t origin,
                    struct choices *out)
{
    int64_t maximum = INT64_MIN;

    for (int64_t at = cut[-1].furthest[origin] + 1; at <= cut->furthest[origin]; at++) {
        struct choice c = {0};

        c.k = choose(w, cut, origin, at, &c.f);
        if (c.k == NULL)
            continue;
        if (c.f->time_ms > maximum)
            maximum = c.f->time_ms;
        c.maximum = maximum;
        out->list = pool_grow(&w->pool, out->list, out->count, &out->capacity, sizeof c);
        out->list[out->count++] = c;
    }
}

static int by_order(const void *a, const void *b)
{
    const struct choice *x = a;
    const struct choice *y = b;

    if (x->maximum != y->maximum)
        return x->maximum < y->maximum ? -1 : 1;
    /* Origin partitions are numbered by DC, topic, partition. */
    if (x->f->origin != y->f->origin)
        return x->f->origin < y->f->origin ? -1 : 1;
    return x->f->offset < y->f->offset ? -1 : 1;
}

static size_t find_id(const struct ids *t, struct slice id)
{
    size_t at = XXH3_64bits(id.ptr, id.len) & t->mask;

    while (t->ids[at].ptr != NULL && !slice_equal(t->ids[at], id))
        at = (at + 1) & t->mask;
    return at;
}

static enum verdict judge(const struct parsed_cut *cut, const struct choice *c, struct ids *ids,
                          uint64_t number)
{
    size_t at;

    if (slice_starts_with(c->f->status, SLICE_LIT("filtered")))
        return VERDICT_OMITTED;
    if (slice_starts_with(c->f->status, SLICE_LIT("canary")) && cut->canaries_drop)
        return VERDICT_OMITTED;
    if (slice_starts_with(c->f->status, SLICE_LIT("failed")) && !cut->failed_emit)
        return VERDICT_OMITTED;
    if (c->f->id.len == 0)
        return VERDICT_EMITTED;
    at = find_id(ids, c->f->id);
    if (ids->ids[at].ptr != NULL && ids->numbers[at] + cut->dedup_window >= number &&
        ids->numbers[at] >= cut->dedup_floor)
        return VERDICT_DUPLICATE;
    ids->ids[at] = c->f->id;
    ids->numbers[at] = number;
    return VERDICT_EMITTED;
}

struct reference {
    struct ids ids;
    uint64_t number;
    uint64_t chain;
    uint8_t *verdicts[ORIGINS_MAX];
    struct pool *pool;
    struct slice cut_text; /* of the cut being merged */
    struct slice time_text;
};

/* --- bytes -------------------------------------------------------------------------------------- */

#define CHAIN_INPUT_MAX 4096

struct chain_input {
    uint8_t bytes[CHAIN_INPUT_MAX];
    size_t len;
};

static void add_bytes(struct chain_input *in, struct slice s)
{
    uint32_t len = s.ptr == NULL ? UINT32_MAX : (uint32_t)s.len;

    if (in->len + 4 + s.len > sizeof in->bytes)
        abort();
    for (int n = 0; n < 4; n++)
        in->bytes[in->len++] = (uint8_t)(len >> (8 * n));
    if (s.len != 0)
        memcpy(in->bytes + in->len, s.ptr, s.len);
    in->len += s.len;
}

static struct slice named(const struct header *list, uint32_t count, const char *name)
{
    struct slice value = {0};

    for (uint32_t h = 0; h < count; h++) {
        if (slice_equal(list[h].name, slice_str(name)))
            value = list[h].value;
    }
    return value;
}

static struct slice hex_of(uint64_t value, char out[16])
{
    for (int n = 15; n >= 0; n--) {
        out[n] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    return slice_of(out, 16);
}

/* `time` as text. */
static uint64_t chain_of(uint64_t before, const struct header *list, uint32_t count,
                         struct slice time, const struct body *b)
{
    static const char *const names[] = {"braid-origin", "braid-time", "braid-id",
                                        "braid-status", "braid-by",   "braid-fetch",
                                        "braid-spec",   "braid-seq",  "braid-cut"};
    char text[16];
    struct chain_input in;

    in.len = 0;
    add_bytes(&in, hex_of(before, text));
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
        add_bytes(&in, named(list, count, names[n]));
    add_bytes(&in, time);
    add_bytes(&in, b->key);
    add_bytes(&in, b->value);
    return XXH3_64bits(in.bytes, in.len);
}

static bool same_header(const struct header *h, const char *name, struct slice value)
{
    return slice_equal(h->name, slice_str(name)) && slice_equal(h->value, value);
}

/* Whether the stream's record `number` is what the merge of this choice must be. */
static bool is_as_it_must_be(struct reference *r, const struct parsed_cut *cut,
                             const struct choice *c, const struct krec *emitted)
{
    const struct body *in = c->k->body;
    const struct body *out = emitted->body;
    char text[16];

    if (emitted->time_ms != cut->time_ms || out->header_count != in->header_count + 3)
        return false;
    if (!slice_equal(in->key, out->key) || !slice_equal(in->value, out->value) ||
        (in->value.ptr == NULL) != (out->value.ptr == NULL))
        return false;
    for (uint32_t h = 0; h < in->header_count; h++) {
        if (!slice_equal(in->headers[h].name, out->headers[h].name) ||
            !slice_equal(in->headers[h].value, out->headers[h].value))
            return false;
    }
    if (!same_header(&out->headers[in->header_count], "braid-seq",
                     pool_number(r->pool, (int64_t)r->number)) ||
        !same_header(&out->headers[in->header_count + 1], "braid-cut", r->cut_text))
        return false;
    r->chain = chain_of(r->chain, out->headers, out->header_count, r->time_text, out);
    return same_header(&out->headers[in->header_count + 2], "braid-chain", hex_of(r->chain, text));
}

/* --- the whole ---------------------------------------------------------------------------------- */

static void begin(struct world *w, struct reference *r)
{
    size_t size = 1024;

    r->pool = &w->pool;
    while (size < 4 * w->check->stream_count + 1024)
        size *= 2;
    r->ids.ids = pool_alloc(&w->pool, size * sizeof(struct slice));
    r->ids.numbers = pool_alloc(&w->pool, size * sizeof(uint64_t));
    r->ids.mask = size - 1;
    for (uint32_t o = 0; o < w->origin_count; o++)
        r->verdicts[o] = pool_alloc(&w->pool, w->check->sources[o].count + 1);
}

static void merge_cut(struct world *w, struct reference *r, const struct parsed_cut *cut)
{
    struct check *c = w->check;
    struct choices choices = {0};
    char text[32];
    int len = snprintf(text, sizeof text, "%u.%llu", cut->era, (unsigned long long)cut->number);

    r->cut_text = pool_copy(r->pool, slice_of(text, (size_t)len));
    r->time_text = pool_number(r->pool, cut->time_ms);
    for (uint32_t o = 0; o < w->origin_count; o++)
        collect(w, cut, o, &choices);
    if (choices.count > 1)
        qsort(choices.list, choices.count, sizeof *choices.list, by_order);
    for (size_t n = 0; n < choices.count; n++) {
        const struct choice *choice = &choices.list[n];
        enum verdict v = judge(cut, choice, &r->ids, r->number);

        if (choice->f->offset < (int64_t)c->sources[choice->f->origin].count)
            r->verdicts[choice->f->origin][choice->f->offset] = (uint8_t)v;
        if (v != VERDICT_EMITTED)
            continue;
        if (r->number < c->stream_count &&
            !is_as_it_must_be(r, cut, choice, c->stream[r->number])) {
            check_fail(w, "I8", "number %llu is not what a plain merge of cut %llu gives",
                       (unsigned long long)r->number, (unsigned long long)cut->number);
            return;
        }
        r->number++;
    }
}

/* Whether every strand names this offset as lost in a gap record. */
static bool is_gap(struct world *w, uint32_t origin, int64_t offset)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        uint32_t s = strand_index(w, dc, origin);
        const struct by_offset *list = s == UINT32_MAX ? NULL : &w->check->accepted[s];
        int64_t at = offset;
        const struct facts *f;

        if (list == NULL)
            continue;
        while (at < (int64_t)list->count && list->list[at] == NULL)
            at++;
        if (at >= (int64_t)list->count)
            return false;
        f = facts_of(w, list->list[at]->body);
        if (!slice_starts_with(f->status, SLICE_LIT("gap")) || f->prev >= offset)
            return false;
    }
    return true;
}

static void check_complete(struct world *w, const struct reference *r)
{
    const struct check *c = w->check;

    for (uint32_t o = 0; o < w->origin_count; o++) {
        for (size_t at = 0; at < c->sources[o].count; at++) {
            if (c->sources[o].list[at] == NULL || r->verdicts[o][at] != VERDICT_NONE)
                continue;
            if ((int64_t)at <= c->cuts[c->cut_count - 1].furthest[o] && !is_gap(w, o, (int64_t)at))
                check_fail(w, "I3", "offset %zu of origin partition %u is in no copy", at, o);
        }
    }
}

void reference_check(struct world *w)
{
    struct check *c = w->check;
    struct reference r = {0};

    begin(w, &r);
    for (size_t n = 1; n < c->cut_count && !c->verdict.is_broken; n++)
        merge_cut(w, &r, &c->cuts[n]);
    if (c->stream_count > r.number)
        check_fail(w, "I8", "%zu numbers are emitted, a plain merge gives %llu", c->stream_count,
                   (unsigned long long)r.number);
    check_complete(w, &r);
    if (c->stream_count < r.number)
        check_fail(w, "I10", "%zu numbers are emitted, a plain merge gives %llu", c->stream_count,
                   (unsigned long long)r.number);
}
