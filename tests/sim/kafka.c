/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/kafka.h"

#include "tests/sim/check.h"
#include "tests/sim/world.h"

#include <assert.h>

int64_t klog_stable_end(const struct klog *log)
{
    int64_t end = log->end;

    for (uint32_t i = 0; i < log->open_count; i++) {
        if (log->open[i].first < end)
            end = log->open[i].first;
    }
    return end;
}

struct krec *klog_at(const struct klog *log, int64_t offset)
{
    return offset >= log->start && offset < log->end ? log->recs[offset] : NULL;
}

static void tell_readers(struct world *w, struct klog *log)
{
    for (struct reader *r = log->readers; r != NULL; r = r->next) {
        r->end_told = false;
        reader_plan(w, r);
    }
}

static void show(struct world *w, struct klog *log, const struct krec *k)
{
    if (log->role == LOG_CUTS) {
        world_note_logged(w, log, k);
        return;
    }
    if (log->role == LOG_GLOBAL)
        world_note_emitted(w, log, k);
    check_visible(w, log, k);
}

int64_t klog_append(struct world *w, struct klog *log, const struct body *body, struct krec like)
{
    struct krec *k = pool_take(&w->pool, sizeof *k);

    *k = like;
    k->body = body;
    k->offset = log->end;
    k->appended_us = w->now_us;
    k->epoch = log->epoch;
    if (k->state == KREC_OPEN)
        klog_open(log, k->writer);
    log->recs = pool_grow(&w->pool, log->recs, (size_t)log->end, &log->capacity, sizeof(void *));
    log->recs[log->end++] = k;
    w->stats.appended++;
    if (k->state == KREC_VISIBLE) {
        show(w, log, k);
        tell_readers(w, log);
    } else if (k->state == KREC_OPEN) {
        check_uncommitted(w, log, k);
    }
    return k->offset;
}

void klog_open(struct klog *log, uint32_t writer)
{
    if (klog_is_open(log, writer))
        return;
    assert(log->open_count < OPEN_TXNS_MAX);
    log->open[log->open_count++] = (struct open_txn){.writer = writer, .first = log->end};
}

bool klog_is_open(const struct klog *log, uint32_t writer)
{
    for (uint32_t i = 0; i < log->open_count; i++) {
        if (log->open[i].writer == writer)
            return true;
    }
    return false;
}

void klog_end_txn(struct world *w, struct klog *log, uint32_t writer, bool commit)
{
    int64_t first = -1;
    int64_t end = log->end;

    for (uint32_t i = 0; i < log->open_count; i++) {
        if (log->open[i].writer == writer) {
            first = log->open[i].first;
            log->open[i] = log->open[--log->open_count];
            break;
        }
    }
    if (first < 0)
        return;
    for (int64_t at = first; at < end; at++) {
        struct krec *k = klog_at(log, at);

        if (k == NULL || k->state != KREC_OPEN || k->writer != writer)
            continue;
        k->state = commit ? KREC_VISIBLE : KREC_ABORTED;
        if (commit)
            show(w, log, k);
    }
    (void)klog_append(w, log, NULL, (struct krec){.state = KREC_MARKER, .writer = writer});
    tell_readers(w, log);
}

int64_t klog_cut_off_since(const struct klog *log, uint32_t epoch)
{
    int64_t least = INT64_MAX;

    for (uint32_t e = epoch; e < log->epoch; e++) {
        if (log->cut_off_at[e] < least)
            least = log->cut_off_at[e];
    }
    return least;
}

uint32_t klog_read(const struct klog *log, int64_t *at, struct krec **out, uint32_t max)
{
    int64_t end = klog_stable_end(log);
    uint32_t count = 0;

    while (*at < end && count < max) {
        struct krec *k = klog_at(log, *at);

        (*at)++;
        if (k != NULL && k->state == KREC_VISIBLE)
            out[count++] = k;
    }
    return count;
}

void klog_retain(struct world *w, struct klog *log, int64_t start)
{
    if (start <= log->start)
        return;
    log->start = start < log->end ? start : log->end;
    (void)w;
}

void klog_truncate(struct world *w, struct klog *log, int64_t end)
{
    if (end >= log->end || end < log->start)
        return;
    log->end = end;
    log->cut_off_at = pool_grow(&w->pool, log->cut_off_at, log->epoch, &log->cut_off_capacity,
                                sizeof *log->cut_off_at);
    log->cut_off_at[log->epoch++] = end;
    for (uint32_t i = 0; i < log->open_count;) {
        if (log->open[i].first >= end)
            log->open[i] = log->open[--log->open_count];
        else
            i++;
    }
    check_truncated(w, log);
    tell_readers(w, log);
}

void krec_view(struct world *w, const struct klog *log, const struct krec *k, struct record *out)
{
    const struct body *b = k->body;

    *out = (struct record){.log_offset = k->offset,
                           .log_time_ms = k->time_ms,
                           .leader_epoch = (int32_t)k->epoch,
                           .braid = b->braid,
                           .key = b->key,
                           .value = b->value,
                           .bytes = b->bytes};
    if (k->copy_dc >= 0)
        out->braid.raw[HEADER_COPY] = w->dcs[k->copy_dc].name;
    /* The shell gives the handle back as it is; nobody writes through it. */
    memcpy(&out->handle, &k, sizeof k);
    (void)log;
}

const struct body *body_new(struct world *w, struct slice key, struct slice value,
                            const struct header *headers, uint32_t count)
{
    struct body *b = pool_take(&w->pool, sizeof *b);

    *b = (struct body){.key = key,
                       .value = value,
                       .header_count = count,
                       .bytes = (uint32_t)(key.len + value.len) + 64,
                       .headers = pool_take(&w->pool, count * sizeof *headers)};
    if (count != 0)
        memcpy(b->headers, headers, count * sizeof *headers);
    headers_parse(b->headers, count, &b->braid);
    return b;
}

void reader_start(struct world *w, struct reader *r, struct klog *log, int64_t at)
{
    if (r->log != NULL)
        reader_stop(r);
    r->log = log;
    r->at = at;
    r->log_epoch = log->epoch;
    r->is_blocked = false;
    r->end_told = false;
    r->next = log->readers;
    log->readers = r;
    reader_plan(w, r);
}

void reader_stop(struct reader *r)
{
    if (r->log == NULL)
        return;
    for (struct reader **at = &r->log->readers; *at != NULL; at = &(*at)->next) {
        if (*at == r) {
            *at = r->next;
            break;
        }
    }
    r->log = NULL;
}

bool reader_was_cut_off(const struct reader *r)
{
    return r->log_epoch != r->log->epoch && r->at > klog_cut_off_since(r->log, r->log_epoch);
}

void reader_plan(struct world *w, struct reader *r)
{
    int64_t delay_us;

    if (r->is_planned || r->is_blocked || r->log == NULL)
        return;
    r->is_planned = true;
    delay_us = net_delay_us(w, r->log->dc, w->instances[r->instance].dc);
    world_plan(w, delay_us,
               &(struct happening){.kind = HAPPENS_PUMP,
                                   .who = r->instance,
                                   .generation = r->generation,
                                   .which = r->which});
}
