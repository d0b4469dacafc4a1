/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/ctl/errors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/err.h"

void errors_init(struct errors *e, struct slice output, struct arena *a)
{
    *e = (struct errors){.arena = a, .output = output};
}

/* ---- adding ----------------------------------------------------------------------------------- */

static struct slice header_of(const struct audit_raw *raw, const char *name)
{
    for (size_t i = 0; i < raw->header_count; i++) {
        if (slice_equal(raw->headers[i].name, slice_str(name)))
            return raw->headers[i].value;
    }
    return (struct slice){0};
}

static struct failure *append(struct errors *e)
{
    if (e->count == ERRORS_MAX) {
        e->is_full = true;
        return NULL;
    }
    if (e->count == e->capacity) {
        size_t capacity = e->capacity == 0 ? 256 : e->capacity * 2;
        struct failure *grown = arena_calloc(e->arena, capacity, sizeof(*grown));

        if (grown == NULL)
            return NULL;
        if (e->count > 0)
            memcpy(grown, e->items, e->count * sizeof(*grown));
        e->items = grown;
        e->capacity = capacity;
    }
    return &e->items[e->count++];
}

/* What stands before the last '#', if digits follow: an id as the source had it. */
static struct slice plain_id(struct slice id)
{
    size_t at = id.len;

    while (at > 0 && id.ptr[at - 1] >= '0' && id.ptr[at - 1] <= '9')
        at--;
    return at > 0 && at < id.len && id.ptr[at - 1] == '#' ? slice_sub(id, 0, at - 1) : id;
}

static struct slice dc_of(struct slice by)
{
    const uint8_t *slash = by.len == 0 ? NULL : memchr(by.ptr, '/', by.len);

    return slash == NULL ? by : slice_of(by.ptr, (size_t)(slash - by.ptr));
}

static int64_t number_of(struct slice text)
{
    int64_t value = 0;

    return number_parse(text, false, &value) == 0 ? value : 0;
}

static void take_origin(struct errors *e, const struct errors_record *r, struct failure *f)
{
    const struct audit_record *p = r->parsed;

    if (r->is_retry) {
        struct slice topic =
            slice_str(text_format(e->arena, "braid.retry.%.*s", SLICE_ARG(e->output)));

        f->origin = (struct origin){.from = {.dc = arena_copy(e->arena, r->dc), .topic = topic},
                                    .prev = POSITION_NONE,
                                    .offset = p->raw->offset};
        return;
    }
    f->origin = (struct origin){.from = {.dc = arena_copy(e->arena, p->dc),
                                         .topic = arena_copy(e->arena, p->topic),
                                         .incarnation = p->incarnation,
                                         .partition = p->partition},
                                .prev = p->prev,
                                .offset = p->offset};
}

int errors_add(struct errors *e, const struct errors_record *r)
{
    const struct audit_record *p = r->parsed;
    struct failure *f = NULL;

    if (!r->is_retry && !p->has_origin)
        return 0;
    f = append(e);
    if (f == NULL)
        return e->is_full ? 0 : ERR_NO_MEMORY;
    *f = (struct failure){
        .id = arena_copy(e->arena, plain_id(p->id)),
        .reason = arena_copy(e->arena, r->reason),
        .message = arena_copy(e->arena, r->message),
        .source_ms = number_of(header_of(p->raw, "braid-time")),
        .first_ms = p->raw->time_ms,
        .site = r->is_retry ? -1 : r->site,
        .log_offset = p->raw->offset,
        .is_dropped = header_of(p->raw, ERRORS_DROPPED).ptr != NULL,
    };
    take_origin(e, r, f);
    if (r->is_retry) {
        f->source_ms = p->raw->time_ms;
        f->retries = (uint32_t)number_of(header_of(p->raw, "braid-retry"));
        f->retry_of = arena_copy(e->arena, header_of(p->raw, ERRORS_RETRY_OF));
    } else if (!f->is_dropped && p->by.len > 0) {
        f->by[f->by_count++] = arena_copy(e->arena, dc_of(p->by));
    }
    return 0;
}

static struct slice position_text(const struct failure *f, char buffer[ERRORS_POSITION_MAX])
{
    int len = snprintf(buffer, ERRORS_POSITION_MAX, "%.*s/%.*s/%u/%u/%" PRId64,
                       SLICE_ARG(f->origin.from.dc), SLICE_ARG(f->origin.from.topic),
                       f->origin.from.incarnation, f->origin.from.partition, f->origin.offset);

    return slice_of(buffer, len < 0 ? 0 : (size_t)len);
}

/* ---- order ------------------------------------------------------------------------------------ */

static int by_position(const void *left, const void *right)
{
    const struct failure *a = left;
    const struct failure *b = right;
    int order = origin_partition_compare(&a->origin.from, &b->origin.from);

    if (order != 0)
        return order;
    if (a->origin.offset != b->origin.offset)
        return (a->origin.offset > b->origin.offset) - (a->origin.offset < b->origin.offset);
    return (a->first_ms > b->first_ms) - (a->first_ms < b->first_ms);
}

static bool is_same(const struct failure *a, const struct failure *b)
{
    return origin_partition_equal(&a->origin.from, &b->origin.from) &&
           a->origin.offset == b->origin.offset;
}

/* Takes over what a later record about the same event says. */
static void join(struct failure *f, const struct failure *later)
{
    f->is_dropped = f->is_dropped || later->is_dropped;
    if (later->by_count > 0 && f->by_count < ERRORS_DCS_MAX) {
        bool is_there = false;

        for (size_t i = 0; i < f->by_count; i++)
            is_there = is_there || slice_equal(f->by[i], later->by[0]);
        if (!is_there)
            f->by[f->by_count++] = later->by[0];
    }
    if (f->site < 0 && !later->is_dropped) {
        f->site = later->site;
        f->log_offset = later->log_offset;
    }
    if (f->id.len == 0)
        f->id = later->id;
    if (f->reason.len == 0) {
        f->reason = later->reason;
        f->message = later->message;
    }
    if (f->retry_of.ptr == NULL)
        f->retry_of = later->retry_of;
    if (later->retries > f->retries)
        f->retries = later->retries;
    if (f->source_ms == 0)
        f->source_ms = later->source_ms;
}

static bool is_at(const struct failure *f, struct slice text)
{
    char buffer[ERRORS_POSITION_MAX];

    return slice_equal(position_text(f, buffer), text);
}

static struct failure *find_position(const struct errors *e, struct slice text)
{
    for (size_t i = 0; i < e->count; i++) {
        if (is_at(&e->items[i], text))
            return &e->items[i];
    }
    return NULL;
}

void errors_index(struct errors *e)
{
    size_t kept = 0;

    if (e->count > 0)
        qsort(e->items, e->count, sizeof(*e->items), by_position);
    for (size_t i = 0; i < e->count; i++) {
        if (kept > 0 && is_same(&e->items[kept - 1], &e->items[i])) {
            join(&e->items[kept - 1], &e->items[i]);
        } else {
            e->items[kept++] = e->items[i];
        }
    }
    e->count = kept;
    for (size_t i = 0; i < e->count; i++) {
        struct failure *of =
            e->items[i].retry_of.ptr == NULL ? NULL : find_position(e, e->items[i].retry_of);

        if (of != NULL && e->items[i].retries > of->retries)
            of->retries = e->items[i].retries;
    }
}

/* ---- what the global stream says -------------------------------------------------------------- */

/* The first that is not before this position. */
static size_t lower_bound(const struct errors *e, const struct failure *wanted)
{
    size_t low = 0;
    size_t high = e->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (by_position(&e->items[middle], wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void errors_decide(struct errors *e, const struct audit_record *r)
{
    const struct failure wanted = {
        .origin = {.from = {r->dc, r->topic, r->incarnation, r->partition}, .offset = r->offset},
        .first_ms = INT64_MIN};
    size_t at = 0;

    if (!r->has_origin || !r->has_seq)
        return;
    at = lower_bound(e, &wanted);
    if (at < e->count && is_same(&e->items[at], &wanted)) {
        e->items[at].is_seen = true;
        if (r->status != STATUS_FAILED)
            e->items[at].is_emitted = true;
    }
    /* Within an origin partition the order is kept (I4): what comes before it has been decided. */
    while (at > 0 && origin_partition_equal(&e->items[at - 1].origin.from, &wanted.origin.from) &&
           !e->items[at - 1].is_passed) {
        at--;
        e->items[at].is_passed = true;
    }
}

void errors_end(struct errors *e, const struct cut *c)
{
    for (size_t i = 0; i < e->count; i++) {
        if (snapshot_furthest(c, &e->items[i].origin.from) >= e->items[i].origin.offset)
            e->items[i].is_passed = true;
    }
}

const struct failure *errors_undecided(const struct errors *e)
{
    const struct failure *oldest = NULL;

    for (size_t i = 0; i < e->count; i++) {
        const struct failure *f = &e->items[i];

        if (!f->is_seen && !f->is_passed && (oldest == NULL || f->source_ms < oldest->source_ms))
            oldest = f;
    }
    return oldest;
}

static enum error_state own_state(const struct failure *f)
{
    if (f->is_dropped)
        return ERROR_DROPPED;
    if (f->is_emitted)
        return ERROR_EMITTED;
    return f->is_seen || f->is_passed ? ERROR_FAILED : ERROR_OPEN;
}

void errors_finish(struct errors *e)
{
    for (size_t i = 0; i < e->count; i++)
        e->items[i].state = own_state(&e->items[i]);
    for (size_t i = 0; i < e->count; i++) {
        const struct failure *retry = &e->items[i];
        struct failure *of = retry->retry_of.ptr == NULL ? NULL : find_position(e, retry->retry_of);

        if (of == NULL || of->state == ERROR_DROPPED || of->state == ERROR_EMITTED)
            continue;
        if (retry->state == ERROR_EMITTED) {
            of->state = ERROR_EMITTED;
        } else if (retry->state == ERROR_OPEN) {
            of->state = ERROR_RETRYING;
        }
    }
}

/* ---- names ------------------------------------------------------------------------------------ */

struct failure *errors_find(const struct errors *e, struct slice what, size_t *out_count)
{
    struct failure *found = NULL;

    *out_count = 0;
    for (size_t i = 0; i < e->count; i++) {
        struct failure *f = &e->items[i];

        if (f->retry_of.ptr != NULL)
            continue;
        if (slice_equal(f->id, what) || is_at(f, what)) {
            found = found == NULL ? f : found;
            ++*out_count;
        }
    }
    return found;
}

struct slice errors_position(const struct failure *f, struct arena *a)
{
    char buffer[ERRORS_POSITION_MAX];

    return arena_copy(a, position_text(f, buffer));
}

const char *errors_state_name(enum error_state state)
{
    switch (state) {
    case ERROR_OPEN:
        return "open";
    case ERROR_FAILED:
        return "failed";
    case ERROR_RETRYING:
        return "retrying";
    case ERROR_EMITTED:
        return "emitted";
    case ERROR_DROPPED:
        return "dropped";
    }
    return "?";
}

bool errors_is_of(struct slice emitter, struct slice cluster, struct slice output)
{
    struct slice head = SLICE_LIT("braid-");

    if (!slice_starts_with(emitter, head))
        return false;
    emitter = slice_sub(emitter, head.len, emitter.len);
    /* "<cluster>-<dc>-<output>": a name may have '-', so from both ends. */
    return slice_starts_with(emitter, cluster) && emitter.len > cluster.len + output.len + 2 &&
           emitter.ptr[cluster.len] == '-' && emitter.ptr[emitter.len - output.len - 1] == '-' &&
           slice_equal(slice_sub(emitter, emitter.len - output.len, emitter.len), output);
}
