/* SPDX-License-Identifier: Apache-2.0 */
#include "node/fetch_queue.h"

#include <assert.h>

#include "proto/err.h"

int fetch_queue_init(struct fetch_queue *q, uint32_t item_max, uint32_t host_max, struct arena *a)
{
    assert(item_max > 0);
    assert(host_max > 0);
    *q = (struct fetch_queue){.items = arena_calloc(a, item_max, sizeof *q->items),
                              .hosts = arena_calloc(a, host_max, sizeof *q->hosts),
                              .heap = arena_calloc(a, item_max, sizeof *q->heap),
                              .item_max = item_max,
                              .host_max = host_max,
                              .active_first = FETCH_NONE,
                              .active_last = FETCH_NONE};
    if (q->items == NULL || q->hosts == NULL || q->heap == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < item_max; i++)
        q->items[i].next = i + 1 < item_max ? i + 1 : FETCH_NONE;
    return 0;
}

/* ---- heap ------------------------------------------------------------------------------------ */

int64_t fetch_queue_due_ms(const struct fetch_queue *q, uint32_t item)
{
    const struct fetch_item *it = &q->items[item];

    if (it->state == FETCH_ITEM_WAITING && it->ready_ms < it->deadline_ms)
        return it->ready_ms;
    return it->deadline_ms;
}

static void heap_set(struct fetch_queue *q, uint32_t place, uint32_t item)
{
    q->heap[place] = item;
    q->items[item].heap_place = place;
}

static void heap_up(struct fetch_queue *q, uint32_t place)
{
    const uint32_t item = q->heap[place];
    const int64_t due = fetch_queue_due_ms(q, item);

    while (place > 0) {
        const uint32_t parent = (place - 1) / 2;
        if (fetch_queue_due_ms(q, q->heap[parent]) <= due)
            break;
        heap_set(q, place, q->heap[parent]);
        place = parent;
    }
    heap_set(q, place, item);
}

static void heap_down(struct fetch_queue *q, uint32_t place)
{
    const uint32_t item = q->heap[place];
    const int64_t due = fetch_queue_due_ms(q, item);

    for (uint32_t child = 2 * place + 1; child < q->heap_len; child = 2 * place + 1) {
        if (child + 1 < q->heap_len &&
            fetch_queue_due_ms(q, q->heap[child + 1]) < fetch_queue_due_ms(q, q->heap[child]))
            child++;
        if (fetch_queue_due_ms(q, q->heap[child]) >= due)
            break;
        heap_set(q, place, q->heap[child]);
        place = child;
    }
    heap_set(q, place, item);
}

static void heap_add(struct fetch_queue *q, uint32_t item)
{
    assert(q->heap_len < q->item_max);
    heap_set(q, q->heap_len, item);
    q->heap_len++;
    heap_up(q, q->heap_len - 1);
}

static void heap_remove(struct fetch_queue *q, uint32_t item)
{
    const uint32_t place = q->items[item].heap_place;

    assert(place < q->heap_len);
    assert(q->heap[place] == item);
    q->heap_len--;
    if (place == q->heap_len)
        return;
    const uint32_t moved = q->heap[q->heap_len];
    heap_set(q, place, moved);
    heap_up(q, place);
    heap_down(q, q->items[moved].heap_place);
}

uint32_t fetch_queue_due(const struct fetch_queue *q)
{
    return q->heap_len == 0 ? FETCH_NONE : q->heap[0];
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static uint32_t find_host(struct fetch_queue *q, struct slice name)
{
    uint32_t empty = FETCH_NONE;

    for (uint32_t i = 0; i < q->host_max; i++) {
        const struct fetch_host *host = &q->hosts[i];
        if (slice_equal(slice_of(host->name, host->name_len), name))
            return i;
        if (host->item_count == 0 && !host->is_active &&
            (empty == FETCH_NONE || host->name_len == 0))
            empty = i;
        if (host->name_len == 0) /* hosts are taken in order: no name follows */
            break;
    }
    if (empty == FETCH_NONE)
        return FETCH_NONE;
    struct fetch_host *host = &q->hosts[empty];
    *host = (struct fetch_host){.name_len = (uint32_t)name.len,
                                .is_wiki = memchr(name.ptr, '/', name.len) == NULL,
                                .first = {FETCH_NONE, FETCH_NONE},
                                .last = {FETCH_NONE, FETCH_NONE},
                                .next_active = FETCH_NONE};
    memcpy(host->name, name.ptr, name.len);
    return empty;
}

static void activate(struct fetch_queue *q, uint32_t h)
{
    struct fetch_host *host = &q->hosts[h];

    if (host->is_active)
        return;
    host->is_active = true;
    host->next_active = FETCH_NONE;
    if (q->active_last == FETCH_NONE)
        q->active_first = h;
    else
        q->hosts[q->active_last].next_active = h;
    q->active_last = h;
}

static uint32_t pop_active(struct fetch_queue *q)
{
    const uint32_t h = q->active_first;
    struct fetch_host *host = &q->hosts[h];

    q->active_first = host->next_active;
    if (q->active_first == FETCH_NONE)
        q->active_last = FETCH_NONE;
    host->is_active = false;
    return h;
}

static enum fetch_class turn_of(const struct fetch_queue *q)
{
    return q->turn % FETCH_TURNS == FETCH_TURNS - 1 ? FETCH_BACKLOG : FETCH_LIVE;
}

enum fetch_class fetch_queue_class(const struct fetch_queue *q, const struct fetch_host *host)
{
    if (host->first[turn_of(q)] != FETCH_NONE)
        return turn_of(q);
    return host->first[FETCH_LIVE] != FETCH_NONE ? FETCH_LIVE : FETCH_BACKLOG;
}

/* When a host may have a call, as far as the host goes. */
static int64_t host_ready_ms(const struct fetch_queue *q, const struct fetch_host *host,
                             uint32_t batch_max)
{
    const bool all_wait = host->is_wiki && q->wikis_pause_ms > host->pause_until_ms;
    const int64_t pause_ms = all_wait ? q->wikis_pause_ms : host->pause_until_ms;
    const uint32_t first = host->first[fetch_queue_class(q, host)];

    if (host->calls == 0 || host->ready_count >= batch_max || q->items[first].is_single ||
        host->gather_until_ms < pause_ms)
        return pause_ms;
    return host->gather_until_ms;
}

/* The next host with ready items of the class. One whose last ready item left stays in the ring until
 * its turn comes: here it is let go. */
static uint32_t next_of_class(struct fetch_queue *q, enum fetch_class class, uint32_t batch_max,
                              int64_t now_ms, int64_t *io_wake_ms)
{
    const uint32_t stop = q->active_last;

    while (q->active_first != FETCH_NONE) {
        const uint32_t h = pop_active(q);
        const struct fetch_host *host = &q->hosts[h];
        if (host->ready_count > 0)
            activate(q, h); /* at the end of the ring */
        if (host->first[class] != FETCH_NONE) {
            const int64_t ready_ms = host_ready_ms(q, host, batch_max);
            if (ready_ms <= now_ms)
                return h;
            if (ready_ms < *io_wake_ms)
                *io_wake_ms = ready_ms;
        }
        if (h == stop)
            break;
    }
    return FETCH_NONE;
}

uint32_t fetch_queue_next_host(struct fetch_queue *q, uint32_t batch_max, int64_t now_ms,
                               int64_t *io_wake_ms)
{
    const enum fetch_class mine = turn_of(q);
    const enum fetch_class other = mine == FETCH_LIVE ? FETCH_BACKLOG : FETCH_LIVE;
    uint32_t h = FETCH_NONE;

    if (q->class_counts[mine] > 0)
        h = next_of_class(q, mine, batch_max, now_ms, io_wake_ms);
    return h != FETCH_NONE ? h : next_of_class(q, other, batch_max, now_ms, io_wake_ms);
}

/* ---- items ----------------------------------------------------------------------------------- */

static void link_ready(struct fetch_queue *q, uint32_t item, bool at_front)
{
    struct fetch_item *it = &q->items[item];
    struct fetch_host *host = &q->hosts[it->host];
    uint32_t *first = &host->first[it->class];
    uint32_t *last = &host->last[it->class];

    it->state = FETCH_ITEM_READY;
    it->previous = at_front ? FETCH_NONE : *last;
    it->next = at_front ? *first : FETCH_NONE;
    if (it->previous == FETCH_NONE)
        *first = item;
    else
        q->items[it->previous].next = item;
    if (it->next == FETCH_NONE)
        *last = item;
    else
        q->items[it->next].previous = item;
    q->ready_count++;
    q->class_counts[it->class]++;
    host->ready_count++;
    activate(q, it->host);
}

static void unlink_ready(struct fetch_queue *q, uint32_t item)
{
    const struct fetch_item *it = &q->items[item];
    struct fetch_host *host = &q->hosts[it->host];

    if (it->previous == FETCH_NONE)
        host->first[it->class] = it->next;
    else
        q->items[it->previous].next = it->next;
    if (it->next == FETCH_NONE)
        host->last[it->class] = it->previous;
    else
        q->items[it->next].previous = it->previous;
    q->ready_count--;
    q->class_counts[it->class]--;
    host->ready_count--;
}

/* Out of queue and heap. */
static void detach(struct fetch_queue *q, uint32_t item)
{
    switch (q->items[item].state) {
    case FETCH_ITEM_READY:
        unlink_ready(q, item);
        heap_remove(q, item);
        break;
    case FETCH_ITEM_WAITING:
        heap_remove(q, item);
        break;
    case FETCH_ITEM_CALLED:
        break;
    case FETCH_ITEM_FREE:
        assert(false);
    }
}

int fetch_queue_add(struct fetch_queue *q, struct slice domain, enum fetch_class class,
                    int64_t deadline_ms, uint32_t *out_item)
{
    const uint32_t item = q->free_item;

    assert(domain.len > 0);
    assert(domain.len <= DOMAIN_LEN_MAX);
    if (q->item_count == q->item_max)
        return ERR_BUSY;
    const uint32_t h = find_host(q, domain);
    if (h == FETCH_NONE)
        return ERR_BUSY;
    q->free_item = q->items[item].next;
    q->item_count++;
    q->hosts[h].item_count++;
    q->items[item] = (struct fetch_item){.host = h, .class = class, .deadline_ms = deadline_ms};
    link_ready(q, item, false);
    heap_add(q, item);
    *out_item = item;
    return 0;
}

void fetch_queue_remove(struct fetch_queue *q, uint32_t item)
{
    struct fetch_item *it = &q->items[item];

    detach(q, item);
    assert(q->hosts[it->host].item_count > 0);
    q->hosts[it->host].item_count--;
    q->item_count--;
    *it = (struct fetch_item){.state = FETCH_ITEM_FREE, .next = q->free_item};
    q->free_item = item;
}

void fetch_queue_make_ready(struct fetch_queue *q, uint32_t item, bool at_front)
{
    assert(q->items[item].state != FETCH_ITEM_READY);
    detach(q, item);
    link_ready(q, item, at_front);
    heap_add(q, item);
}

void fetch_queue_make_wait(struct fetch_queue *q, uint32_t item, int64_t ready_ms)
{
    struct fetch_item *it = &q->items[item];

    assert(it->state == FETCH_ITEM_CALLED);
    it->state = FETCH_ITEM_WAITING;
    it->ready_ms = ready_ms;
    heap_add(q, item);
}

void fetch_queue_take(struct fetch_queue *q, uint32_t item)
{
    assert(q->items[item].state == FETCH_ITEM_READY);
    detach(q, item);
    q->items[item].state = FETCH_ITEM_CALLED;
}
