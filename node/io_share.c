/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The story of a request: the table (share.h) says whether to ask, to wait for one who asks, or to
 * take an answer that is there. Who asks is told its outcome by the fetcher through on_led, which
 * then serves those who wait. What is taken is told with the next turn of the loop.
 */
#include "node/io_share.h"

#include <assert.h>
#include <stdlib.h>

#include "node/io_loop.h"
#include "node/io_pool.h"
#include "node/share.h"
#include "proto/err.h"

enum {
    TABLE_BLOCK = 4 * 1024 * 1024,
    TICK_MS = 100, /* how exactly the waiting is timed */
};

/* Somebody served by an answer that another asked for. */
struct waiter {
    struct waiter *next;
    struct io_fetch_request request;
    int64_t joined_ms;
    /* of one in `ready`: what it is told */
    struct enrich_outcome outcome;
    struct io_fetch_hold *hold; /* owned */
};

/* One request at a fetcher, on behalf of an entry. */
struct leader {
    struct io_share *share;
    uint32_t entry;
    struct io_fetch_request request;
};

/* What belongs to an entry of the table. */
struct answered {
    struct waiter *waiters;        /* owned list; of FLYING */
    struct enrich_outcome outcome; /* of KEPT */
    struct io_fetch_hold *hold;    /* owned share; of KEPT */
};

struct io_share {
    struct share table;
    struct arena arena;
    struct answered *of; /* owned; by entry */
    struct io_pool leader_pool;
    struct waiter *ready;
    struct waiter **ready_end;
    uv_timer_t timer;
    uint32_t streams;
    uint32_t waiter_count;
    uint32_t leaders; /* at fetchers */
    struct io_share_stats stats;
    bool is_closing;
};

/* ---- telling --------------------------------------------------------------------------------- */

static void tell(struct io_share *s, struct waiter *w, const struct enrich_outcome *outcome,
                 struct io_fetch_hold *hold)
{
    const struct io_fetch_request request = w->request;

    assert(s->waiter_count > 0);
    s->waiter_count--;
    free(w);
    request.done(request.data, outcome, hold);
}

static void tell_again(struct io_share *s, struct waiter *w)
{
    const struct enrich_outcome outcome = {.reason = REASON_STOPPED, .ask_again = !s->is_closing};

    s->stats.again++;
    tell(s, w, &outcome, NULL);
}

/* The answer to this event, made from one that another event asked for. False: it is no good. */
static bool outcome_for(const struct io_fetch_request *request, const struct enrich_outcome *from,
                        struct enrich_outcome *out)
{
    *out = *from;
    out->attempts = 0; /* no call was about this event */
    out->ms = 0;
    if (from->reason != REASON_NONE)
        return false;
    if (request->question->kind != QUESTION_REVISION)
        return true;
    const struct enrich_judgement j = enrich_page_judge_revision(request->event, from->revision);
    return j.verdict == ENRICH_VERDICT_OK;
}

static void tell_answer(struct io_share *s, struct waiter *w, const struct enrich_outcome *from,
                        struct io_fetch_hold *hold)
{
    struct enrich_outcome outcome;

    if (!outcome_for(&w->request, from, &outcome)) {
        tell_again(s, w);
        return;
    }
    io_fetch_hold_share(hold);
    s->stats.joined++;
    tell(s, w, &outcome, hold);
}

static void tell_ready(struct io_share *s)
{
    struct waiter *w = s->ready;

    s->ready = NULL;
    s->ready_end = &s->ready;
    while (w != NULL) {
        struct waiter *next = w->next;
        const struct enrich_outcome outcome = w->outcome;
        tell(s, w, &outcome, w->hold);
        w = next;
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static void let_go(struct io_share *s, uint32_t entry)
{
    struct answered *a = &s->of[entry];

    io_fetch_release(a->hold);
    *a = (struct answered){0};
}

static void drop_old(struct io_share *s, uint64_t bytes, int64_t now_ms)
{
    uint32_t entry = share_pop_old(&s->table, bytes, now_ms);

    while (entry != SHARE_NONE) {
        let_go(s, entry);
        entry = share_pop_old(&s->table, bytes, now_ms);
    }
}

/* Those of one entry who have waited for too long; the oldest stand at the end. */
static void end_late(struct io_share *s, uint32_t entry, int64_t now_ms)
{
    struct waiter **at = &s->of[entry].waiters;

    while (*at != NULL && now_ms - (*at)->joined_ms < IO_SHARE_JOIN_MS)
        at = &(*at)->next;
    struct waiter *late = *at;
    *at = NULL;
    while (late != NULL) {
        struct waiter *next = late->next;
        tell_again(s, late);
        late = next;
    }
}

static void on_timer(uv_timer_t *timer);

static void arm(struct io_share *s)
{
    const bool is_needed = s->waiter_count > 0 || s->table.oldest != SHARE_NONE;

    if (s->is_closing || !is_needed)
        return;
    if (s->ready != NULL)
        (void)uv_timer_start(&s->timer, on_timer, 0, 0);
    else if (!uv_is_active((uv_handle_t *)&s->timer))
        (void)uv_timer_start(&s->timer, on_timer, TICK_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct io_share *s = timer->data;
    const int64_t now_ms = io_mono_ms();

    tell_ready(s);
    for (uint32_t i = 0; s->waiter_count > 0 && i < SHARE_ENTRIES_MAX; i++) {
        if (s->of[i].waiters != NULL)
            end_late(s, i, now_ms);
    }
    drop_old(s, 0, now_ms);
    arm(s);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* From the fetcher: first the table, so that nobody joins any more; then who asked, then who waits. */
static void on_led(void *data, const struct enrich_outcome *outcome, struct io_fetch_hold *hold)
{
    struct leader *leader = data;
    struct io_share *s = leader->share;
    const uint32_t entry = leader->entry;
    const struct io_fetch_request request = leader->request;
    struct waiter *w = s->of[entry].waiters;
    const bool is_good = outcome->reason == REASON_NONE;
    const uint64_t bytes = is_good ? io_fetch_outcome_bytes(outcome) : 0;

    if (!io_pool_give(&s->leader_pool, leader))
        io_pool_free(leader);
    assert(s->leaders > 0);
    s->leaders--;
    s->of[entry].waiters = NULL;
    drop_old(s, bytes, io_mono_ms());
    if (share_answered(&s->table, entry, is_good && s->streams > 1, bytes, io_mono_ms())) {
        io_fetch_hold_share(hold);
        s->of[entry] = (struct answered){.outcome = *outcome, .hold = hold};
    }
    const struct enrich_outcome kept = *outcome;
    if (is_good)
        io_fetch_hold_share(hold); /* for those who wait */
    request.done(request.data, outcome, hold);
    while (w != NULL) {
        struct waiter *next = w->next;
        tell_answer(s, w, &kept, hold);
        w = next;
    }
    if (is_good)
        io_fetch_release(hold);
    arm(s);
}

static int lead(struct io_share *s, struct io_fetch *fetch, const struct io_fetch_request *request,
                uint32_t entry)
{
    struct leader *leader = io_pool_take(&s->leader_pool, sizeof *leader);
    int rc = ERR_NO_MEMORY;

    if (leader != NULL) {
        *leader = (struct leader){.share = s, .entry = entry, .request = *request};
        struct io_fetch_request own = *request;
        own.data = leader;
        own.done = on_led;
        rc = io_fetch_submit(fetch, &own);
    }
    if (rc != 0) {
        if (leader != NULL && !io_pool_give(&s->leader_pool, leader))
            io_pool_free(leader);
        (void)share_answered(&s->table, entry, false, 0, io_mono_ms());
        return rc;
    }
    s->leaders++;
    s->stats.asked++;
    return 0;
}

static struct waiter *waiter_new(struct io_share *s, const struct io_fetch_request *request)
{
    struct waiter *w = s->waiter_count < IO_SHARE_WAITERS_MAX ? calloc(1, sizeof *w) : NULL;

    if (w == NULL)
        return NULL;
    w->request = *request;
    w->joined_ms = io_mono_ms();
    s->waiter_count++;
    return w;
}

/* False: it is no good for this event, or there is no memory. */
static bool take(struct io_share *s, const struct io_fetch_request *request, uint32_t entry)
{
    const struct answered *a = &s->of[entry];
    struct enrich_outcome outcome;

    if (!outcome_for(request, &a->outcome, &outcome))
        return false;
    struct waiter *w = waiter_new(s, request);
    if (w == NULL)
        return false;
    io_fetch_hold_share(a->hold);
    w->outcome = outcome;
    w->hold = a->hold;
    *s->ready_end = w;
    s->ready_end = &w->next;
    s->stats.taken++;
    return true;
}

static bool join(struct io_share *s, const struct io_fetch_request *request, uint32_t entry)
{
    struct waiter *w = waiter_new(s, request);

    if (w == NULL)
        return false;
    w->next = s->of[entry].waiters;
    s->of[entry].waiters = w;
    return true;
}

static int ask_alone(struct io_share *s, struct io_fetch *fetch,
                     const struct io_fetch_request *request)
{
    const int rc = io_fetch_submit(fetch, request);

    s->stats.asked += rc == 0;
    return rc;
}

int io_share_submit(struct io_share *s, struct io_fetch *fetch,
                    const struct io_fetch_request *request, bool must_ask)
{
    uint32_t entry = SHARE_NONE;
    bool is_served = false;

    if (s->streams < 2 || must_ask || s->is_closing)
        return ask_alone(s, fetch, request);
    switch (share_ask(&s->table, request->question, io_mono_ms(), &entry)) {
    case SHARE_LEAD:
        return lead(s, fetch, request, entry);
    case SHARE_JOIN:
        is_served = join(s, request, entry);
        break;
    case SHARE_TAKE:
        is_served = take(s, request, entry);
        break;
    case SHARE_ALONE:
        break;
    }
    if (!is_served)
        return ask_alone(s, fetch, request);
    arm(s);
    return 0;
}

void io_share_drop_page(struct io_share *s, struct slice domain, int64_t page_id)
{
    uint32_t entry = share_pop_page(&s->table, domain, page_id);

    while (entry != SHARE_NONE) {
        let_go(s, entry);
        entry = share_pop_page(&s->table, domain, page_id);
    }
}

void io_share_set_streams(struct io_share *s, uint32_t count)
{
    s->streams = count;
}

void io_share_stats(const struct io_share *s, struct io_share_stats *out)
{
    *out = s->stats;
    out->bytes = s->table.bytes;
}

/* ---- life cycle ------------------------------------------------------------------------------ */

static void free_memory(struct io_share *s)
{
    io_pool_deinit(&s->leader_pool, NULL);
    arena_deinit(&s->arena);
    free(s->of);
    free(s);
}

int io_share_open(uv_loop_t *loop, struct io_share **out)
{
    struct io_share *s = calloc(1, sizeof *s);

    if (s == NULL)
        return ERR_NO_MEMORY;
    arena_init(&s->arena, TABLE_BLOCK, TABLE_BLOCK);
    s->of = calloc(SHARE_ENTRIES_MAX, sizeof *s->of);
    const int rc = share_init(&s->table, IO_SHARE_BYTES_MAX, &s->arena);
    if (rc != 0 || s->of == NULL) {
        free_memory(s);
        return ERR_NO_MEMORY;
    }
    s->ready_end = &s->ready;
    (void)uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    *out = s;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    free_memory(handle->data);
}

void io_share_close(struct io_share *s)
{
    if (s == NULL)
        return;
    assert(s->leaders == 0);
    s->is_closing = true;
    tell_ready(s);
    assert(s->waiter_count == 0); /* they went with their leaders */
    for (uint32_t i = 0; i < SHARE_ENTRIES_MAX; i++)
        let_go(s, i);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}
