/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The story of a request: io_fetch_submit puts it into a slot and tells the scheduler (fetch.h);
 * a CALL of the scheduler becomes an HTTP call; when that ends, its answer is judged for each
 * revision, the scheduler says who is DONE, and those get their share in the response. Whatever
 * goes wrong on the way is the scheduler's to decide on.
 */
#include "node/io_fetch.h"

#include <assert.h>
#include <stdlib.h>

#include "coord/io_multi.h"
#include "node/io_fetch_call.h"
#include "node/io_loop.h"
#include "proto/err.h"

enum {
    SCRATCH_BLOCK = 256 * 1024,
    SCRATCH_MAX = 512 * 1024 * 1024, /* for an answer of MWAPI_BYTES_MAX; most is never touched */
    SCRATCH_KEPT = 16 * 1024 * 1024, /* more than this goes back to the system after a call */
    CORE_BLOCK = 1024 * 1024,
    CORE_MAX = 1024 * 1024 * 1024,
    BYTES_HELD_MAX = 64 * 1024 * 1024,
};

#define NO_SLOT UINT32_MAX

/* A request that was taken. Its number is the scheduler's `user`. */
struct slot {
    struct io_fetch_request request;
    bool is_used;
    uint32_t next; /* of the free ones, or of those that ended inside io_fetch_submit */
    int64_t submitted_ms;
    uint32_t bytes_hint;  /* of content that is to come */
    uint32_t http_status; /* of the last call that it was in */
    char api_error[MWAPI_CODE_MAX];
    uint32_t attempts; /* of one that ended inside io_fetch_submit, and why */
    enum reason reason;
};

struct io_fetch {
    struct io_multi multi;
    uv_timer_t timer; /* the scheduler's wake_ms */
    struct io_fetch_setup setup;
    struct domain_list domains;               /* borrowed */
    const struct io_fetch_services *services; /* borrowed; NULL: none */
    struct io_fetch_observer observer;
    uint64_t bytes_held_max;
    uint64_t bytes_to_come; /* announced, of all requests under way */
    struct arena core_arena;
    struct fetch core;
    struct fetch_action *actions;        /* owned; of answers and ticks */
    struct fetch_action *submit_actions; /* owned; a submit may come from inside done */
    struct io_fetch_call *calls;         /* owned; FETCH_CALLS_MAX, by the scheduler's number */
    struct slot *slots;                  /* owned */
    uint32_t slot_max;
    uint32_t free_slot;
    uint32_t first_late;
    uint32_t stillborn; /* calls that could not be started and wait for the next tick */
    struct arena scratch;
    struct io_fetch_stats stats;
    bool is_closing;
    uint32_t handles_open; /* timer and multi */
};

/* ---- slots ----------------------------------------------------------------------------------- */

static void slot_free(struct io_fetch *f, uint32_t s)
{
    f->bytes_to_come -= f->slots[s].bytes_hint;
    f->slots[s] = (struct slot){.next = f->free_slot};
    f->free_slot = s;
}

/* Tells the requester. The slot is free before, so that it can submit again at once. */
static void slot_end(struct io_fetch *f, uint32_t s, struct enrich_outcome *outcome,
                     struct io_fetch_hold *hold)
{
    const struct slot slot = f->slots[s];
    const int64_t ms = io_mono_ms() - slot.submitted_ms;

    assert(slot.is_used);
    outcome->http_status = slot.http_status;
    outcome->ms = (uint32_t)(ms < 0 ? 0 : ms);
    memcpy(outcome->api_error, slot.api_error, sizeof outcome->api_error);
    slot_free(f, s);
    slot.request.done(slot.request.data, outcome, hold);
}

static void on_timer(uv_timer_t *timer);

/* After each step: wakes us when the scheduler wants to. The latest step knows best. */
static void arm(struct io_fetch *f, int64_t now_ms, int64_t wake_ms)
{
    if (f->first_late != NO_SLOT || f->stillborn > 0)
        wake_ms = now_ms;
    if (f->is_closing || wake_ms == INT64_MAX)
        (void)uv_timer_stop(&f->timer);
    else
        (void)uv_timer_start(&f->timer, on_timer,
                             wake_ms > now_ms ? (uint64_t)(wake_ms - now_ms) : 0, 0);
}

/* ---- carrying out what the scheduler says ---------------------------------------------------- */

static void start_call(struct io_fetch *f, const struct fetch_action *action)
{
    struct io_fetch_call *call = &f->calls[action->call.call];
    const struct slot *first = &f->slots[action->call.users[0]];

    f->stats.calls++;
    f->stats.revisions_asked += action->call.count;
    call->started_ms = io_mono_ms();
    int rc = io_fetch_call_start(call, &f->setup, action, &first->request);
    if (rc == 0 && curl_multi_add_handle(f->multi.curl, call->easy) != CURLM_OK) {
        io_fetch_call_end(call);
        rc = ERR_NO_MEMORY;
    }
    if (rc == 0)
        return;
    call->is_stillborn = true;
    f->stillborn++;
    arm(f, 0, 0);
}

/* One answered call: what its DONE actions need. */
struct answered {
    struct io_fetch_hold *hold; /* one share is ours */
    struct slice body;          /* of a question that was asked alone */
    int64_t at_ms;
    struct enrich_judgement of[FETCH_BATCH_MAX]; /* by place */
};

static void end_done(struct io_fetch *f, const struct fetch_action *action,
                     const struct answered *a)
{
    struct enrich_outcome outcome = {.reason = action->done.reason,
                                     .attempts = action->done.attempts};
    struct io_fetch_hold *hold = NULL;

    if (reason_class(outcome.reason) != REASON_CLASS_FAILED) {
        assert(a != NULL);
        outcome.hidden = a->of[action->done.place].hidden;
        outcome.revision = a->of[action->done.place].revision; /* NULL if withheld */
        outcome.body = a->body;
        outcome.at_ms = a->at_ms;
        if (outcome.reason == REASON_NONE) {
            hold = a->hold;
            assert(hold != NULL); /* an answer that is good has its bytes */
            hold->shares++;
        }
    }
    slot_end(f, (uint32_t)action->done.user, &outcome, hold);
}

/* Steps the scheduler and does what it says; `a` only with an answer. */
static void step(struct io_fetch *f, const struct fetch_event *ev, const struct answered *a)
{
    struct fetch_actions actions = {.list = f->actions};
    const int rc = fetch_step(&f->core, ev, &actions);

    assert(rc == 0);
    arm(f, ev->now_ms, actions.wake_ms);
    for (size_t i = 0; i < actions.count && !f->is_closing; i++) {
        const struct fetch_action *action = &actions.list[i];
        if (action->kind == FETCH_ACT_CALL)
            start_call(f, action);
        else
            end_done(f, action, a);
    }
}

static void answer_stillborn(struct io_fetch *f)
{
    for (uint32_t c = 0; c < FETCH_CALLS_MAX && f->stillborn > 0 && !f->is_closing; c++) {
        if (!f->calls[c].is_stillborn)
            continue;
        const struct fetch_event ev = {
            .kind = FETCH_EV_ANSWER,
            .now_ms = io_mono_ms(),
            .answer = {.call = c, .result = FETCH_CALL_TRANSIENT, .reason = REASON_UNAVAILABLE}};
        f->calls[c].is_stillborn = false;
        f->stillborn--;
        f->stats.calls_failed++;
        step(f, &ev, NULL);
    }
}

static void end_late(struct io_fetch *f)
{
    while (f->first_late != NO_SLOT && !f->is_closing) {
        const uint32_t s = f->first_late;
        struct enrich_outcome outcome = {.reason = f->slots[s].reason,
                                         .attempts = f->slots[s].attempts};
        f->first_late = f->slots[s].next;
        slot_end(f, s, &outcome, NULL);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct io_fetch *f = timer->data;

    if (!f->is_closing)
        end_late(f);
    if (!f->is_closing)
        answer_stillborn(f);
    if (f->is_closing)
        return;
    step(f, &(struct fetch_event){.kind = FETCH_EV_TICK, .now_ms = io_mono_ms()}, NULL);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* What the answer says of each revision of the call. */
static void judge(const struct io_fetch *f, const struct fetch_call *asked,
                  const struct mwapi_answer *answer, struct fetch_verdict *verdicts,
                  struct answered *out)
{
    for (uint32_t i = 0; i < asked->count; i++) {
        const struct slot *slot = &f->slots[asked->users[i]];
        out->of[i] = enrich_page_judge(slot->request.event, answer);
        verdicts[i] = (struct fetch_verdict){out->of[i].verdict, out->of[i].reason};
    }
}

static void note_answer(struct io_fetch *f, const struct io_fetch_call *call,
                        const struct fetch_call *asked, const struct fetch_reply *reply,
                        uint32_t took_ms)
{
    f->stats.bytes_received += call->hold->len;
    for (uint32_t i = 0; i < asked->count; i++) {
        struct slot *slot = &f->slots[asked->users[i]];
        slot->http_status = reply->http_status;
        memcpy(slot->api_error, call->api_error, sizeof slot->api_error);
    }
    if (f->observer.call_ended != NULL)
        f->observer.call_ended(f->observer.data, reply->http_status, call->api_error, took_ms,
                               asked->count);
}

static void on_call_ended(struct io_fetch *f, struct io_fetch_call *call, CURLcode code)
{
    const uint32_t c = (uint32_t)(call - f->calls);
    const struct fetch_call *asked = &f->core.calls[c];
    struct fetch_verdict verdicts[FETCH_BATCH_MAX];
    struct answered a = {0};
    struct fetch_reply reply;
    const int64_t now_ms = io_mono_ms();
    const uint32_t took_ms = (uint32_t)(now_ms - call->started_ms);

    const enum question_kind kind = f->slots[asked->users[0]].request.question->kind;
    io_fetch_call_read(call, code, &f->scratch, kind, &reply);
    if (f->scratch.bytes_held > SCRATCH_KEPT)
        arena_deinit(&f->scratch);
    const struct fetch_result result = kind == QUESTION_REVISION
                                           ? fetch_reply_class(&reply)
                                           : fetch_alone_class(&reply, kind, &verdicts[0]);
    if (kind != QUESTION_REVISION && result.result == FETCH_CALL_OK &&
        verdicts[0].verdict == ENRICH_VERDICT_OK &&
        question_is_early(f->slots[asked->users[0]].request.question, reply.body, &f->scratch))
        verdicts[0].verdict = ENRICH_VERDICT_EARLY;
    f->stats.calls_failed += result.result != FETCH_CALL_OK;
    note_answer(f, call, asked, &reply, took_ms);
    if (result.result == FETCH_CALL_OK && kind == QUESTION_REVISION)
        judge(f, asked, reply.answer, verdicts, &a);
    else
        a.body = reply.body;
    a.at_ms = io_now_ms();
    /* The call's number may be given to a new call in this very step. */
    a.hold = call->hold;
    call->hold = NULL;
    io_fetch_call_end(call);
    const struct fetch_event ev = {.kind = FETCH_EV_ANSWER,
                                   .now_ms = now_ms,
                                   .answer = {.call = c,
                                              .result = result.result,
                                              .reason = result.reason,
                                              .retry_after_ms = result.retry_after_ms,
                                              .is_global = result.is_global,
                                              .took_ms = took_ms,
                                              .bytes = a.hold == NULL ? 0 : a.hold->len,
                                              .verdicts = verdicts}};
    step(f, &ev, &a);
    io_fetch_release(a.hold);
}

/* libcurl has done something: which calls have ended? */
static void on_turned(void *arg)
{
    struct io_fetch *f = arg;
    int left;

    for (unsigned n = 0; n < 2 * FETCH_CALLS_MAX && !f->is_closing; n++) {
        struct CURLMsg *msg = curl_multi_info_read(f->multi.curl, &left);
        if (msg == NULL)
            return;
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURL *easy = msg->easy_handle;
        const CURLcode code = msg->data.result;
        struct io_fetch_call *call = NULL;
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
        (void)curl_multi_remove_handle(f->multi.curl, easy);
        on_call_ended(f, call, code);
    }
    if (!f->is_closing)
        io_multi_kick(&f->multi); /* the others, at the next turn of the loop */
}

/* ---- life cycle ------------------------------------------------------------------------------ */

static void free_memory(struct io_fetch *f)
{
    for (uint32_t c = 0; f->calls != NULL && c < FETCH_CALLS_MAX; c++)
        io_fetch_call_free(&f->calls[c]);
    arena_deinit(&f->core_arena);
    arena_deinit(&f->scratch);
    free(f->actions);
    free(f->submit_actions);
    free(f->calls);
    free(f->slots);
    io_fetch_setup_deinit(&f->setup);
    free(f);
}

static int take_memory(struct io_fetch *f, const struct io_fetch_config *config)
{
    arena_init(&f->core_arena, CORE_BLOCK, CORE_MAX);
    arena_init(&f->scratch, SCRATCH_BLOCK, SCRATCH_MAX);
    const int rc = fetch_init(&f->core, &config->limits, config->seed, &f->core_arena);
    if (rc != 0)
        return rc;
    f->slot_max = f->core.queue.item_max;
    f->actions = calloc(FETCH_ACTIONS_MAX, sizeof *f->actions);
    f->submit_actions = calloc(FETCH_ACTIONS_MAX, sizeof *f->submit_actions);
    f->calls = calloc(FETCH_CALLS_MAX, sizeof *f->calls);
    f->slots = calloc(f->slot_max, sizeof *f->slots);
    if (f->actions == NULL || f->submit_actions == NULL || f->calls == NULL || f->slots == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t s = 0; s < f->slot_max; s++)
        f->slots[s].next = s + 1 < f->slot_max ? s + 1 : NO_SLOT;
    f->first_late = NO_SLOT;
    return 0;
}

int io_fetch_open(uv_loop_t *loop, const struct io_fetch_config *config,
                  const struct io_fetch_observer *observer, struct io_fetch **out)
{
    struct io_fetch *f = calloc(1, sizeof *f);
    if (f == NULL)
        return ERR_NO_MEMORY;
    int rc = io_fetch_setup_init(&f->setup, config);
    if (rc == 0)
        rc = take_memory(f, config);
    if (rc == 0)
        rc = io_multi_open(&f->multi, loop, on_turned, f);
    if (rc != 0) {
        free_memory(f);
        return rc;
    }
    /* libcurl keeps four connections for each transfer under way: when a burst of answers is taken
     * out, it would close those that the next burst needs. */
    (void)curl_multi_setopt(f->multi.curl, CURLMOPT_MAXCONNECTS, (long)FETCH_CALLS_MAX);
    f->domains = config->domains;
    f->services = config->services;
    f->bytes_held_max = config->bytes_held_max == 0 ? BYTES_HELD_MAX : config->bytes_held_max;
    if (observer != NULL)
        f->observer = *observer;
    (void)uv_timer_init(loop, &f->timer);
    f->timer.data = f;
    f->handles_open = 2;
    *out = f;
    return 0;
}

static void on_part_closed(struct io_fetch *f)
{
    assert(f->handles_open > 0);
    f->handles_open--;
    if (f->handles_open == 0)
        free_memory(f);
}

static void on_multi_closed(void *arg)
{
    on_part_closed(arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

void io_fetch_close(struct io_fetch *f)
{
    if (f == NULL)
        return;
    assert(!f->is_closing);
    f->is_closing = true;
    for (uint32_t c = 0; c < FETCH_CALLS_MAX; c++) {
        if (f->calls[c].is_busy)
            (void)curl_multi_remove_handle(f->multi.curl, f->calls[c].easy);
        io_fetch_call_free(&f->calls[c]);
    }
    for (uint32_t s = 0; s < f->slot_max; s++) {
        struct enrich_outcome outcome = {.reason = REASON_STOPPED};
        if (f->slots[s].is_used)
            slot_end(f, s, &outcome, NULL);
    }
    io_multi_close(&f->multi, on_multi_closed);
    uv_close((uv_handle_t *)&f->timer, on_timer_closed);
}

void io_fetch_set_limits(struct io_fetch *f, const struct fetch_limits *limits)
{
    (void)fetch_set_limits(&f->core, limits); /* a spec's are in range, or the old ones stay */
}

/* ---- requests -------------------------------------------------------------------------------- */

/* How old the event is. A time that is absurd makes it new. */
static uint32_t age_of(int64_t source_time_ms)
{
    const int64_t now_ms = io_now_ms();

    if (source_time_ms < 0 || source_time_ms > now_ms)
        return 0;
    const int64_t age = now_ms - source_time_ms;
    return age > UINT32_MAX ? UINT32_MAX : (uint32_t)age;
}

static uint32_t announced_bytes(const struct event *event)
{
    enum {
        UNKNOWN = 4096
    };
    uint64_t bytes = 0;

    for (size_t i = 0; i < event->slot_count; i++) {
        const int64_t size = event->slots[i].size;
        bytes += size < 0 ? UNKNOWN : size > UINT32_MAX ? UINT32_MAX : (uint64_t)size;
    }
    return bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
}

/* A submit's own actions. done must not be called from within, so an end (of another request, at
 * its deadline) waits for the next tick. */
static void carry_out_submit(struct io_fetch *f, const struct fetch_actions *actions)
{
    for (size_t i = 0; i < actions->count; i++) {
        const struct fetch_action *action = &actions->list[i];
        if (action->kind == FETCH_ACT_CALL) {
            start_call(f, action);
            continue;
        }
        struct slot *slot = &f->slots[action->done.user];
        assert(action->done.reason != REASON_NONE);
        slot->reason = action->done.reason;
        slot->attempts = action->done.attempts;
        slot->next = f->first_late;
        f->first_late = (uint32_t)action->done.user;
    }
}

static bool service_is_allowed(const struct io_fetch *f, const struct question *q)
{
    for (size_t i = 0; f->services != NULL && i < f->services->origin_count; i++) {
        if (slice_equal(f->services->origins[i], q->domain))
            return true;
    }
    return false;
}

/* 0, or why it may never be asked. */
static int check_question(const struct io_fetch *f, const struct question *q)
{
    if (q->rev_id < 1 || q->domain.len == 0)
        return ERR_MALFORMED;
    if (q->api == QUESTION_OTHER)
        return service_is_allowed(f, q) ? 0 : ERR_UNSUPPORTED;
    if (!domain_is_allowed(&f->domains, q->domain))
        return ERR_REFUSED;
    if (q->api != QUESTION_ACTION && f->setup.rest_url == NULL)
        return ERR_UNSUPPORTED;
    return 0;
}

/* One request is always taken: it may be larger than all the room there is. */
static bool has_room(const struct io_fetch *f, uint32_t bytes)
{
    const uint64_t held = f->setup.account->bytes_held + f->bytes_to_come;

    return f->setup.account->bytes_held < f->bytes_held_max &&
           (f->bytes_to_come == 0 || held + bytes <= f->bytes_held_max);
}

int io_fetch_submit(struct io_fetch *f, const struct io_fetch_request *request)
{
    const struct question *q = request->question;

    const int refused = check_question(f, q);

    if (refused != 0)
        return refused;
    const uint32_t bytes_hint = announced_bytes(request->event);
    if (f->is_closing || f->free_slot == NO_SLOT ||
        (!request->is_first && !has_room(f, bytes_hint)))
        return ERR_BUSY;
    const uint32_t s = f->free_slot;
    struct fetch_actions actions = {.list = f->submit_actions};
    const struct fetch_event ev = {
        .kind = FETCH_EV_SUBMIT,
        .now_ms = io_mono_ms(),
        .submit = {.domain = q->domain,
                   .rev_id = q->rev_id,
                   .user = s,
                   .age_ms = age_of(request->source_time_ms),
                   .bytes_hint = bytes_hint,
                   .young_ms = q->kind == QUESTION_REDIRECT || q->kind == QUESTION_REDIRECTS
                                   ? QUESTION_REDIRECT_MS
                                   : 0,
                   .is_alone = q->kind != QUESTION_REVISION}};
    const uint32_t next = f->slots[s].next;
    f->slots[s] = (struct slot){
        .request = *request, .is_used = true, .submitted_ms = ev.now_ms, .bytes_hint = bytes_hint};
    f->bytes_to_come += bytes_hint;
    f->free_slot = next;
    const int rc = fetch_step(&f->core, &ev, &actions);
    if (rc != 0)
        slot_free(f, s);
    carry_out_submit(f, &actions);
    arm(f, ev.now_ms, actions.wake_ms);
    return rc;
}

void io_fetch_stats(const struct io_fetch *f, struct io_fetch_stats *out)
{
    *out = f->stats;
    out->waiting = f->core.queue.item_count;
    out->calls_in_flight = f->core.calls_in_flight;
    out->window_milli = f->core.window_milli;
    out->bytes_held = f->setup.account->bytes_held;
}
