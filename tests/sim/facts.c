/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.c - the checker's own readers of headers, cuts and reports. They trust what they read as
 * far as the records are Braid's: what is not is told by the lack of an origin.
 */
#include "tests/sim/checker.h"

#include <stdlib.h>

static struct slice header_value(const struct body *b, const char *name)
{
    struct slice wanted = slice_str(name);
    struct slice value = {0};

    for (uint32_t h = 0; h < b->header_count; h++) {
        if (b->headers[h].name.len == wanted.len &&
            memcmp(b->headers[h].name.ptr, wanted.ptr, wanted.len) == 0)
            value = b->headers[h].value;
    }
    return value;
}

/* Digits with an optional '-'; false if there is anything else. */
static bool to_number(struct slice s, int64_t *out)
{
    bool is_negative = s.len != 0 && s.ptr[0] == '-';
    int64_t n = 0;

    if (s.len == (size_t)is_negative || s.len > 18)
        return false;
    for (size_t at = is_negative; at < s.len; at++) {
        if (s.ptr[at] < '0' || s.ptr[at] > '9')
            return false;
        n = n * 10 + (s.ptr[at] - '0');
    }
    *out = is_negative ? -n : n;
    return true;
}

/* Splits off what stands before `by`. */
static struct slice next_part(struct slice *rest, char by)
{
    struct slice part = *rest;

    for (size_t at = 0; at < rest->len; at++) {
        if (rest->ptr[at] == (uint8_t)by) {
            part = slice_of(rest->ptr, at);
            *rest = slice_of(rest->ptr + at + 1, rest->len - at - 1);
            return part;
        }
    }
    *rest = (struct slice){0};
    return part;
}

static uint32_t dc_index(const struct world *w, struct slice name)
{
    for (uint32_t dc = 0; dc < w->p.dc_count; dc++) {
        if (slice_equal(name, w->dcs[dc].name))
            return dc;
    }
    return UINT32_MAX;
}

static void read_origin(const struct world *w, struct slice text, struct facts *f)
{
    uint32_t dc = dc_index(w, next_part(&text, '/'));
    struct slice topic = next_part(&text, '/');
    int64_t incarnation;
    int64_t partition;

    if (!to_number(next_part(&text, '/'), &incarnation) ||
        !to_number(next_part(&text, '/'), &partition) ||
        !to_number(next_part(&text, '/'), &f->prev) ||
        !to_number(next_part(&text, '/'), &f->offset))
        return;
    for (uint32_t t = 0; t < w->p.topic_count; t++) {
        if (slice_equal(topic, w->topics[t]))
            f->origin = origin_index(w, dc, t, (uint32_t)partition);
    }
    f->has_origin = f->origin != UINT32_MAX && f->offset > f->prev && incarnation == 0;
}

struct facts facts_read(const struct world *w, const struct body *b)
{
    struct facts f = {.origin = UINT32_MAX, .by = UINT32_MAX};
    struct slice by = header_value(b, "braid-by");
    struct slice cut = header_value(b, "braid-cut");
    struct slice seq = header_value(b, "braid-seq");
    int64_t number = 0;

    read_origin(w, header_value(b, "braid-origin"), &f);
    if (!to_number(header_value(b, "braid-time"), &f.time_ms))
        f.has_origin = false;
    f.status = header_value(b, "braid-status");
    f.id = header_value(b, "braid-id");
    f.chain = header_value(b, "braid-chain");
    if (by.ptr != NULL) {
        f.by = dc_index(w, next_part(&by, '/'));
        if (to_number(by, &number))
            f.by_incarnation = (uint32_t)number;
    }
    if (seq.ptr != NULL && to_number(seq, &number)) {
        f.has_seq = true;
        f.seq = (uint64_t)number;
        if (to_number(next_part(&cut, '.'), &number))
            f.era = (uint32_t)number;
        if (to_number(cut, &number))
            f.cut = (uint64_t)number;
    }
    return f;
}

const struct facts *facts_of(struct world *w, const struct body *b)
{
    struct body *learns;

    if (b->facts == NULL) {
        struct facts *f = pool_alloc(&w->pool, sizeof *f);

        *f = facts_read(w, b);
        memcpy(&learns, &b, sizeof learns); /* a cache */
        learns->facts = f;
    }
    return b->facts;
}

void by_offset_put(struct world *w, struct by_offset *list, int64_t offset, const struct krec *k)
{
    while ((int64_t)list->count <= offset) {
        list->list =
            pool_grow(&w->pool, list->list, list->count, &list->capacity, sizeof *list->list);
        list->list[list->count++] = NULL;
    }
    list->list[offset] = k;
}

void times_put(struct world *w, struct times *list, int64_t offset, int64_t at_us)
{
    while ((int64_t)list->count <= offset) {
        list->list =
            pool_grow(&w->pool, list->list, list->count, &list->capacity, sizeof *list->list);
        list->list[list->count++] = 0;
    }
    if (list->list[offset] == 0)
        list->list[offset] = at_us; /* what was lost and came again came first then */
}

const struct krec *by_offset_get(const struct by_offset *list, int64_t offset)
{
    return offset >= 0 && offset < (int64_t)list->count ? list->list[offset] : NULL;
}

void by_offset_drop(struct by_offset *list, int64_t first, int64_t end)
{
    for (int64_t at = first < 0 ? 0 : first; at < end && at < (int64_t)list->count; at++)
        list->list[at] = NULL;
}

/* --- protobuf, as far as proto/braid.proto uses it -------------------------------------------- */

struct field {
    uint32_t number;
    uint64_t value;     /* varint and fixed */
    struct slice bytes; /* length-delimited */
};

static bool varint(struct slice *in, uint64_t *out)
{
    uint64_t value = 0;

    for (uint32_t shift = 0; shift < 64 && in->len != 0; shift += 7) {
        uint8_t byte = in->ptr[0];

        *in = slice_of(in->ptr + 1, in->len - 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static int64_t zigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static bool next_field(struct slice *in, struct field *out)
{
    uint64_t tag;

    *out = (struct field){0};
    if (in->len == 0 || !varint(in, &tag))
        return false;
    out->number = (uint32_t)(tag >> 3);
    switch (tag & 7) {
    case 0:
        return varint(in, &out->value);
    case 1:
        if (in->len < 8)
            return false;
        memcpy(&out->value, in->ptr, 8);
        *in = slice_of(in->ptr + 8, in->len - 8);
        return true;
    case 2:
        if (!varint(in, &out->value) || out->value > in->len)
            return false;
        out->bytes = slice_of(in->ptr, out->value);
        *in = slice_of(in->ptr + out->value, in->len - out->value);
        return true;
    default:
        return false;
    }
}

/* Of a Strand: its index in the layout by its names, and its position. */
static void read_strand(const struct world *w, struct slice in, struct parsed_cut *out)
{
    uint32_t by = UINT32_MAX;
    uint32_t by_incarnation = 0;
    uint32_t dc = UINT32_MAX;
    uint32_t topic = 0;
    uint64_t partition = 0;
    int64_t position = 0;
    struct field f;
    uint32_t strand;

    while (next_field(&in, &f)) {
        if (f.number == 1)
            by = dc_index(w, f.bytes);
        else if (f.number == 2)
            by_incarnation = (uint32_t)f.value;
        else if (f.number == 3)
            dc = dc_index(w, f.bytes);
        else if (f.number == 4)
            topic = slice_equal(f.bytes, w->topics[0]) ? 0 : 1;
        else if (f.number == 6)
            partition = f.value;
        else if (f.number == 7)
            position = zigzag(f.value);
    }
    strand = strand_index(w, by, origin_index(w, dc, topic, (uint32_t)partition));
    if (strand == UINT32_MAX)
        return;
    out->positions[strand] = position;
    out->by_incarnation[by] = by_incarnation;
    out->strand_count++;
    if (position > out->furthest[w->strand_origin[strand]])
        out->furthest[w->strand_origin[strand]] = position;
}

static void read_member(const struct world *w, struct slice in, struct parsed_cut *out)
{
    uint32_t incarnation = 0;
    uint32_t dc = UINT32_MAX;
    struct field f;

    while (next_field(&in, &f)) {
        if (f.number == 1)
            dc = dc_index(w, f.bytes);
        else if (f.number == 2)
            incarnation = (uint32_t)f.value;
    }
    if (dc == UINT32_MAX)
        return;
    out->is_member[dc] = true;
    out->incarnation[dc] = incarnation;
}

static bool ends_with(struct slice s, const char *text)
{
    size_t len = strlen(text);

    return s.len >= len && memcmp(s.ptr + s.len - len, text, len) == 0;
}

static void read_continues(struct slice in, struct parsed_cut *out)
{
    struct field f;

    out->continues = true;
    while (next_field(&in, &f)) {
        if (f.number == 2)
            out->from_number = f.value;
        else if (f.number == 3)
            out->from_seq = f.value;
        else if (f.number == 4)
            out->from_chain = f.value;
    }
}

/* "dropped DC: no report" */
static void read_reason(const struct world *w, struct slice reason, struct parsed_cut *out)
{
    const bool is_silence = ends_with(reason, "no report");

    out->reason = reason;
    if (is_silence && slice_equal(next_part(&reason, ' '), SLICE_LIT("dropped")))
        out->silent = dc_index(w, next_part(&reason, ':'));
}

bool cut_read(struct world *w, struct slice bytes, struct parsed_cut *out)
{
    struct slice in = bytes;
    struct field f;

    *out = (struct parsed_cut){.bytes = bytes, .proposer = UINT32_MAX, .silent = UINT32_MAX};
    out->positions = pool_alloc(&w->pool, w->layout.count * sizeof(int64_t));
    out->furthest = pool_alloc(&w->pool, w->origin_count * sizeof(int64_t));
    for (uint32_t o = 0; o < w->origin_count; o++)
        out->furthest[o] = POSITION_NONE;
    while (next_field(&in, &f)) {
        if (f.number == 1)
            out->era = (uint32_t)f.value;
        else if (f.number == 2)
            out->number = f.value;
        else if (f.number == 3)
            out->previous_hash = f.value;
        else if (f.number == 5)
            out->time_ms = (int64_t)f.value;
        else if (f.number == 6)
            read_member(w, f.bytes, out);
        else if (f.number == 7)
            read_strand(w, f.bytes, out);
        else if (f.number == 10)
            out->dedup_window = f.value;
        else if (f.number == 11)
            out->dedup_floor = f.value;
        else if (f.number == 12)
            out->failed_emit = f.value != 0;
        else if (f.number == 13)
            out->canaries_drop = f.value != 0;
        else if (f.number == 14)
            out->proposer = dc_index(w, next_part(&f.bytes, '/'));
        else if (f.number == 15)
            read_reason(w, f.bytes, out);
        else if (f.number == 16)
            read_continues(f.bytes, out);
    }
    return in.len == 0 && out->strand_count == w->layout.count;
}

static uint32_t read_list(struct slice in, int64_t *out, uint32_t max)
{
    uint32_t count = 0;
    uint64_t value;

    while (in.len != 0 && count < max && varint(&in, &value))
        out[count++] = zigzag(value);
    return count;
}

static void read_emitted(struct slice in, struct parsed_report *out)
{
    struct field f;

    while (next_field(&in, &f)) {
        if (f.number == 2)
            out->emitted_number = f.value;
        else if (f.number == 3)
            out->next_seq = f.value;
    }
}

bool report_read(const struct world *w, struct slice bytes, struct parsed_report *out)
{
    uint32_t counts[2] = {0, 0};
    struct slice in = bytes;
    struct field f;

    out->number = 0;
    out->clock_ms = 0;
    out->layout = 0;
    out->incarnation = 0;
    out->emitted_number = 0;
    out->next_seq = 0;
    while (next_field(&in, &f)) {
        if (f.number == 2)
            out->incarnation = (uint32_t)f.value;
        else if (f.number == 3)
            out->number = f.value;
        else if (f.number == 4)
            out->clock_ms = (int64_t)f.value;
        else if (f.number == 5)
            out->layout = f.value;
        else if (f.number == 6)
            counts[0] = read_list(f.bytes, out->read_back, w->layout.count);
        else if (f.number == 7)
            counts[1] = read_list(f.bytes, out->offer, w->layout.count);
        else if (f.number == 8)
            read_emitted(f.bytes, out);
    }
    return in.len == 0 && counts[0] == w->layout.count && counts[1] == w->layout.count;
}
