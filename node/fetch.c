/* SPDX-License-Identifier: Apache-2.0 */
#include "node/fetch.h"

#include <assert.h>

#include "proto/err.h"

enum {
    WINDOW_ONE = 1000, /* one call, in thousandths */
    WINDOW_START = 4,  /* calls */
    SUSPECT_MAX = 2,   /* an answer that does not fit the event is asked for again so often */
    MISSING_BACKOFF_MAX = 2000,               /* ms: young revisions appear soon or never */
    BURST_US = 100000,                        /* the rate may be exceeded for so long */
    ROOM = FETCH_BATCH_MAX + FETCH_CALLS_MAX, /* actions that one answer and its calls may need */
};

static_assert(FETCH_ACTIONS_MAX > 2 * ROOM, "deadlines leave room for an answer and new calls");

/* ---- life cycle ------------------------------------------------------------------------------ */

int fetch_set_limits(struct fetch *f, const struct fetch_limits *limits)
{
    struct fetch_limits l = {0};
    const int rc = fetch_limits_fill(limits, &l);

    if (rc != 0)
        return rc;
    l.items_max = f->queue.item_max;
    f->limits = l;
    if (f->window_milli > l.in_flight_max * WINDOW_ONE)
        f->window_milli = l.in_flight_max * WINDOW_ONE;
    return 0;
}

int fetch_init(struct fetch *f, const struct fetch_limits *limits, uint64_t seed, struct arena *a)
{
    struct fetch_limits l = {0};
    int rc = fetch_limits_fill(limits, &l);

    if (rc != 0)
        return rc;
    const uint32_t hosts_max = l.items_max < FETCH_HOSTS_MAX ? l.items_max : FETCH_HOSTS_MAX;
    *f = (struct fetch){.seed = seed, .window_milli = WINDOW_START * WINDOW_ONE};
    f->calls = arena_calloc(a, FETCH_CALLS_MAX, sizeof *f->calls);
    if (f->calls == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < FETCH_CALLS_MAX; i++)
        f->calls[i].host = FETCH_NONE;
    rc = fetch_queue_init(&f->queue, l.items_max, hosts_max, a);
    if (rc != 0)
        return rc;
    return fetch_set_limits(f, limits);
}

/* ---- time and chance ------------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t random_next(struct fetch *f)
{
    uint64_t z = f->seed += 0x9e3779b97f4a7c15U;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* backoff_min doubled `times` times, at most `max`; then something between a half and all of it. */
static uint32_t backoff_ms(struct fetch *f, uint32_t times, uint32_t max)
{
    uint64_t delay = (uint64_t)f->limits.backoff_min_ms << (times < 20 ? times : 20);

    if (delay > max)
        delay = max;
    return (uint32_t)(delay - random_next(f) % (delay / 2 + 1));
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void wake_at(struct fetch_actions *out, int64_t ms)
{
    if (ms < out->wake_ms)
        out->wake_ms = ms;
}

/* ---- the window of calls --------------------------------------------------------------------- */

static void window_grow(struct fetch *f)
{
    const uint32_t max = f->limits.in_flight_max * WINDOW_ONE;

    /* one call more for each window full of calls, and only if the window was made use of */
    if ((f->calls_in_flight + 2) * WINDOW_ONE < f->window_milli)
        return;
    f->window_milli += WINDOW_ONE * WINDOW_ONE / f->window_milli;
    if (f->window_milli > max)
        f->window_milli = max;
}

/* Once for each window full of calls: those started before the last cut have no say. */
static void window_halve(struct fetch *f, const struct fetch_call *call, int64_t now_ms)
{
    if (f->window_cut_ms > call->started_ms)
        return;
    f->window_milli /= 2;
    if (f->window_milli < WINDOW_ONE)
        f->window_milli = WINDOW_ONE;
    f->window_cut_ms = now_ms + 1;
}

/* ---- ending and retrying items --------------------------------------------------------------- */

static void finish(struct fetch *f, uint32_t item, enum reason reason, uint32_t place,
                   struct fetch_actions *out)
{
    const struct fetch_item *it = &f->queue.items[item];

    assert(out->count < FETCH_ACTIONS_MAX);
    out->list[out->count++] = (struct fetch_action){
        .kind = FETCH_ACT_DONE,
        .done = {.user = it->user, .reason = reason, .place = place, .attempts = it->calls}};
    fetch_queue_remove(&f->queue, item);
}

/* A failed call, from the point of view of one of its items. */
static void retry_failed(struct fetch *f, uint32_t item, const struct fetch_event *ev,
                         struct fetch_actions *out)
{
    struct fetch_item *it = &f->queue.items[item];
    const enum reason reason = ev->answer.reason;

    it->failures++;
    it->reason = reason;
    if (it->failures >= f->limits.attempts_max) {
        finish(f, item, reason, 0, out);
        return;
    }
    /* One revision may be what makes a call slow or its answer unreadable. */
    if (it->failures >= 2 && reason != REASON_UNAVAILABLE)
        it->is_single = true;
    fetch_queue_make_wait(&f->queue, item,
                          ev->now_ms + backoff_ms(f, it->failures - 1, f->limits.backoff_max_ms));
}

static void retry_alone(struct fetch *f, uint32_t item)
{
    f->queue.items[item].is_single = true;
    fetch_queue_make_ready(&f->queue, item, true);
}

static void retry_missing(struct fetch *f, uint32_t item, int64_t now_ms, struct fetch_actions *out)
{
    struct fetch_item *it = &f->queue.items[item];

    it->reason = REASON_MISSING;
    if (now_ms >= it->young_until_ms) {
        finish(f, item, REASON_MISSING, 0, out);
        return;
    }
    const int64_t wake = now_ms + backoff_ms(f, it->missing, MISSING_BACKOFF_MAX);
    it->missing++;
    fetch_queue_make_wait(&f->queue, item, wake < it->young_until_ms ? wake : it->young_until_ms);
}

/* A good answer, which may soon be a better one. */
static void retry_early(struct fetch *f, uint32_t item, uint32_t place, int64_t now_ms,
                        struct fetch_actions *out)
{
    struct fetch_item *it = &f->queue.items[item];
    const int64_t until =
        it->young_until_ms < it->deadline_ms ? it->young_until_ms : it->deadline_ms - 1;

    if (now_ms >= until) {
        finish(f, item, REASON_NONE, place, out);
        return;
    }
    const int64_t wake = now_ms + backoff_ms(f, it->missing, MISSING_BACKOFF_MAX);
    it->missing++;
    fetch_queue_make_wait(&f->queue, item, wake < until ? wake : until);
}

static void retry_suspect(struct fetch *f, uint32_t item, const struct fetch_event *ev,
                          enum reason reason, struct fetch_actions *out)
{
    struct fetch_item *it = &f->queue.items[item];

    it->reason = reason;
    it->is_single = true;
    if (it->suspect >= SUSPECT_MAX) {
        finish(f, item, reason, 0, out);
        return;
    }
    it->suspect++;
    fetch_queue_make_wait(&f->queue, item,
                          ev->now_ms + backoff_ms(f, it->suspect, f->limits.backoff_max_ms));
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool served_nobody(const struct fetch_call *call, const struct fetch_verdict *verdicts)
{
    for (uint32_t i = 0; i < call->count; i++) {
        if (verdicts[i].verdict != ENRICH_VERDICT_UNSERVED)
            return false;
    }
    return true;
}

/* The answer was cut short. Each call that serves somebody is progress; one that serves nobody is
 * too large even for its first revision, and would come back for ever. */
static void retry_unserved(struct fetch *f, uint32_t item, const struct fetch_call *call,
                           bool is_progress, struct fetch_actions *out)
{
    if (is_progress)
        fetch_queue_make_ready(&f->queue, item, true);
    else if (call->count > 1)
        retry_alone(f, item);
    else
        finish(f, item, REASON_TOO_LARGE, 0, out);
}

static void take_verdicts(struct fetch *f, const struct fetch_call *call,
                          const struct fetch_event *ev, struct fetch_actions *out)
{
    const struct fetch_verdict *verdicts = ev->answer.verdicts;
    const bool is_progress = !served_nobody(call, verdicts);

    /* backwards, so that what goes to the front of the queue keeps its order */
    for (uint32_t i = call->count; i-- > 0;) {
        const uint32_t item = call->items[i];
        switch (verdicts[i].verdict) {
        case ENRICH_VERDICT_OK:
            finish(f, item, REASON_NONE, i, out);
            break;
        case ENRICH_VERDICT_HIDDEN:
            finish(f, item, verdicts[i].reason, i, out);
            break;
        case ENRICH_VERDICT_MISSING:
            retry_missing(f, item, ev->now_ms, out);
            break;
        case ENRICH_VERDICT_EARLY:
            retry_early(f, item, i, ev->now_ms, out);
            break;
        case ENRICH_VERDICT_UNSERVED:
            retry_unserved(f, item, call, is_progress, out);
            break;
        case ENRICH_VERDICT_SUSPECT:
            retry_suspect(f, item, ev, verdicts[i].reason, out);
            break;
        }
    }
}

/* The wiki, or all of the API, wants to be left alone for a while. */
static void take_limit(struct fetch *f, const struct fetch_call *call, const struct fetch_event *ev)
{
    struct fetch_host *host = &f->queue.hosts[call->host];
    const uint32_t times = ev->answer.is_global ? f->failures_in_row : host->limited;
    uint32_t pause = backoff_ms(f, times, f->limits.backoff_max_ms);

    if (ev->answer.retry_after_ms > pause)
        pause = ev->answer.retry_after_ms;
    if (pause > FETCH_RETRY_AFTER_MAX_MS)
        pause = FETCH_RETRY_AFTER_MAX_MS;
    if (ev->answer.is_global) {
        f->failures_in_row++;
        f->queue.wikis_pause_ms = later(f->queue.wikis_pause_ms, ev->now_ms + pause);
        window_halve(f, call, ev->now_ms);
    } else {
        host->limited++;
        host->pause_until_ms = later(host->pause_until_ms, ev->now_ms + pause);
    }
    for (uint32_t i = call->count; i-- > 0;) {
        f->queue.items[call->items[i]].reason = REASON_UNAVAILABLE;
        fetch_queue_make_ready(&f->queue, call->items[i], true);
    }
}

/* The circuit: after some failures in a row nothing is asked for a while, so that items do not
 * spend their attempts on an API that is down. Other servers have one each, and say nothing of how
 * many calls the API bears. */
static void take_failure(struct fetch *f, const struct fetch_call *call,
                         const struct fetch_event *ev, struct fetch_actions *out)
{
    struct fetch_host *host = &f->queue.hosts[call->host];
    uint32_t *failures = host->is_wiki ? &f->failures_in_row : &host->failures;
    int64_t *pause_ms = host->is_wiki ? &f->queue.wikis_pause_ms : &host->pause_until_ms;

    if (host->is_wiki)
        window_halve(f, call, ev->now_ms);
    ++*failures;
    if (*failures >= FETCH_CIRCUIT_FAILURES) {
        const uint32_t times = *failures - FETCH_CIRCUIT_FAILURES;
        *pause_ms = later(*pause_ms, ev->now_ms + backoff_ms(f, times, f->limits.backoff_max_ms));
    }
    if (ev->answer.retry_after_ms > 0) {
        const uint32_t asked = ev->answer.retry_after_ms;
        *pause_ms = later(
            *pause_ms,
            ev->now_ms + (asked < FETCH_RETRY_AFTER_MAX_MS ? asked : FETCH_RETRY_AFTER_MAX_MS));
    }
    for (uint32_t i = call->count; i-- > 0;)
        retry_failed(f, call->items[i], ev, out);
}

/* The server is there. */
static void take_success(struct fetch *f, struct fetch_host *host)
{
    if (host->is_wiki)
        f->failures_in_row = 0;
    else
        host->failures = 0;
}

/* Too much at once, or one of them is to blame: one by one. A single one that is to blame fails,
 * or is tried again where trying may help. */
static void take_refusal(struct fetch *f, const struct fetch_call *call,
                         const struct fetch_event *ev, struct fetch_actions *out)
{
    for (uint32_t i = call->count; i-- > 0;) {
        if (call->count > 1)
            retry_alone(f, call->items[i]);
        else if (ev->answer.result == FETCH_CALL_SPLIT)
            retry_failed(f, call->items[i], ev, out);
        else
            finish(f, call->items[i], ev->answer.reason, i, out);
    }
}

static void take_answer(struct fetch *f, const struct fetch_event *ev, struct fetch_actions *out)
{
    assert(ev->answer.call < FETCH_CALLS_MAX);
    struct fetch_call *call = &f->calls[ev->answer.call];
    assert(call->host != FETCH_NONE);
    assert(f->calls_in_flight > 0);

    f->calls_in_flight--;
    f->queue.hosts[call->host].calls--;
    f->bytes_in_flight -= call->bytes;
    switch (ev->answer.result) {
    case FETCH_CALL_OK:
        take_success(f, &f->queue.hosts[call->host]);
        f->queue.hosts[call->host].limited = 0;
        if (ev->answer.took_ms <= f->limits.slow_ms)
            window_grow(f);
        else if (f->queue.hosts[call->host].is_wiki)
            window_halve(f, call, ev->now_ms);
        take_verdicts(f, call, ev, out);
        break;
    case FETCH_CALL_LIMITED:
        take_limit(f, call, ev);
        break;
    case FETCH_CALL_TRANSIENT:
        take_failure(f, call, ev, out);
        break;
    case FETCH_CALL_SPLIT:
    case FETCH_CALL_TOO_LARGE:
    case FETCH_CALL_PERMANENT:
        take_success(f, &f->queue.hosts[call->host]);
        take_refusal(f, call, ev, out);
        break;
    }
    call->host = FETCH_NONE;
}

/* ---- new calls ------------------------------------------------------------------------------- */

/* Items that wake up, and items whose time is over. */
static void take_due(struct fetch *f, int64_t now_ms, struct fetch_actions *out)
{
    for (uint32_t n = 0; n <= f->queue.item_max; n++) {
        const uint32_t item = fetch_queue_due(&f->queue);
        if (item == FETCH_NONE)
            return;
        const int64_t due = fetch_queue_due_ms(&f->queue, item);
        if (due > now_ms) {
            wake_at(out, due);
            return;
        }
        const struct fetch_item *it = &f->queue.items[item];
        if (it->deadline_ms > now_ms)
            fetch_queue_make_ready(&f->queue, item, false);
        else if (out->count >= FETCH_ACTIONS_MAX - FETCH_CALLS_MAX)
            break;
        else
            finish(f, item, it->reason == REASON_NONE ? REASON_TIMEOUT : it->reason, 0, out);
    }
    wake_at(out, now_ms);
}

/* May a call start now? If not, and only time is in the way, says until when. */
static bool may_call(const struct fetch *f, int64_t now_ms, struct fetch_actions *out)
{
    const uint32_t window = f->window_milli / WINDOW_ONE;

    if (f->queue.ready_count == 0 || f->calls_in_flight >= window ||
        out->count >= FETCH_ACTIONS_MAX)
        return false;
    if (f->calls_in_flight > 0 && f->bytes_in_flight >= f->limits.bytes_in_flight_max)
        return false;
    if (f->limits.bytes_per_second_max > 0 && f->bytes_until_us > now_ms * 1000) {
        wake_at(out, (f->bytes_until_us + 999) / 1000);
        return false;
    }
    if (f->limits.per_second_max == 0)
        return true;
    const int64_t cost = 1000000 / f->limits.per_second_max;
    const int64_t burst = cost < BURST_US ? BURST_US - cost : 0;
    if (f->paid_until_us - burst > now_ms * 1000) {
        wake_at(out, (f->paid_until_us - burst + 999) / 1000);
        return false;
    }
    return true;
}

static void pay(struct fetch *f, int64_t now_ms)
{
    if (f->limits.per_second_max == 0)
        return;
    f->paid_until_us = later(f->paid_until_us, now_ms * 1000) + 1000000 / f->limits.per_second_max;
}

/* How large an answer is is known when it is there: no call starts before it is paid for. */
static void pay_bytes(struct fetch *f, int64_t now_ms, uint64_t bytes)
{
    const uint64_t max = f->limits.bytes_per_second_max;
    const uint64_t known = bytes > FETCH_ANSWER_BYTES_MAX ? FETCH_ANSWER_BYTES_MAX : bytes;

    if (max > 0)
        f->bytes_until_us =
            later(f->bytes_until_us, now_ms * 1000) + (int64_t)(known * 1000000 / max);
}

/* Ready items of one class, in order, within the limits of a batch. */
static void fill_from(struct fetch *f, enum fetch_class class, bool is_single,
                      struct fetch_call *call)
{
    const uint32_t count_max = is_single ? 1 : f->limits.batch_max;
    uint32_t next = f->queue.hosts[call->host].first[class];

    while (call->count < count_max && next != FETCH_NONE) {
        const uint32_t item = next;
        struct fetch_item *it = &f->queue.items[item];
        next = it->next;
        if (it->is_single != is_single) /* its turn comes when it is the first */
            continue;
        if (call->count > 0 && call->bytes + it->bytes_hint > f->limits.batch_bytes_max)
            break;
        fetch_queue_take(&f->queue, item);
        it->calls++;
        call->items[call->count] = item;
        call->users[call->count] = it->user;
        call->rev_ids[call->count] = it->rev_id;
        call->bytes += it->bytes_hint;
        call->count++;
    }
}

/* Fills a call with ready items of the host; the class whose turn it is not has what is left. */
static void fill(struct fetch *f, uint32_t h, struct fetch_call *call)
{
    const struct fetch_host *host = &f->queue.hosts[h];
    const enum fetch_class class = fetch_queue_class(&f->queue, host);
    const bool is_single = f->queue.items[host->first[class]].is_single;

    call->host = h;
    call->count = 0;
    call->bytes = 0;
    fill_from(f, class, is_single, call);
    fill_from(f, class == FETCH_LIVE ? FETCH_BACKLOG : FETCH_LIVE, is_single, call);
    f->queue.turn++;
    assert(call->count > 0);
}

static uint32_t free_call(const struct fetch *f)
{
    for (uint32_t i = 0; i < FETCH_CALLS_MAX; i++) {
        if (f->calls[i].host == FETCH_NONE)
            return i;
    }
    return FETCH_NONE;
}

static void start_calls(struct fetch *f, int64_t now_ms, struct fetch_actions *out)
{
    while (may_call(f, now_ms, out)) {
        const uint32_t h =
            fetch_queue_next_host(&f->queue, f->limits.batch_max, now_ms, &out->wake_ms);
        const uint32_t c = free_call(f);
        if (h == FETCH_NONE || c == FETCH_NONE)
            return;
        struct fetch_call *call = &f->calls[c];
        fill(f, h, call);
        call->started_ms = now_ms;
        f->calls_in_flight++;
        f->bytes_in_flight += call->bytes;
        pay(f, now_ms);
        struct fetch_host *host = &f->queue.hosts[h];
        host->calls++;
        host->gather_until_ms = now_ms + f->limits.gather_ms;
        out->list[out->count++] =
            (struct fetch_action){.kind = FETCH_ACT_CALL,
                                  .call = {.call = c,
                                           .domain = slice_of(host->name, host->name_len),
                                           .users = call->users,
                                           .rev_ids = call->rev_ids,
                                           .count = call->count,
                                           .timeout_ms = f->limits.call_timeout_ms}};
    }
}

/* ---- the one way in -------------------------------------------------------------------------- */

static int submit(struct fetch *f, const struct fetch_event *ev)
{
    const enum fetch_class class = ev->submit.age_ms > FETCH_LIVE_MS ? FETCH_BACKLOG : FETCH_LIVE;
    uint32_t item;

    /* A quarter of the room is for live ones. */
    if (class == FETCH_BACKLOG && f->queue.item_count >= f->queue.item_max - f->queue.item_max / 4)
        return ERR_BUSY;
    const int rc = fetch_queue_add(&f->queue, ev->submit.domain, class,
                                   ev->now_ms + f->limits.deadline_ms, &item);
    if (rc != 0)
        return rc;
    struct fetch_item *it = &f->queue.items[item];
    const uint32_t age = ev->submit.age_ms;
    const uint32_t young =
        ev->submit.young_ms > 0 ? ev->submit.young_ms : f->limits.missing_retry_ms;
    it->rev_id = ev->submit.rev_id;
    it->user = ev->submit.user;
    it->bytes_hint = ev->submit.bytes_hint;
    it->is_single = ev->submit.is_alone;
    it->young_until_ms = ev->now_ms + (age < young ? young - age : 0);
    return 0;
}

int fetch_step(struct fetch *f, const struct fetch_event *ev, struct fetch_actions *out)
{
    int rc = 0;

    out->count = 0;
    out->wake_ms = INT64_MAX;
    switch (ev->kind) {
    case FETCH_EV_TICK:
        break;
    case FETCH_EV_SUBMIT:
        rc = submit(f, ev);
        break;
    case FETCH_EV_ANSWER:
        pay_bytes(f, ev->now_ms, ev->answer.bytes);
        take_answer(f, ev, out);
        break;
    }
    take_due(f, ev->now_ms, out);
    start_calls(f, ev->now_ms, out);
    return rc;
}
