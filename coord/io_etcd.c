/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/io_etcd.h"

#include "coord/etcd_decode.h"
#include "coord/io_etcd_core.h"
#include "proto/err.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static void on_timer(uv_timer_t *timer);

/* ---- the one timer ---------------------------------------------------------------------------- */

void etcd_wake(struct etcd *e, uint64_t at_ms)
{
    const uint64_t now_ms = uv_now(e->loop);
    const uint64_t in_ms = at_ms > now_ms ? at_ms - now_ms : 0;

    if (e->is_closing || at_ms == ETCD_NEVER)
        return;
    if (e->is_ticking) {
        e->wake_ms = at_ms < e->wake_ms ? at_ms : e->wake_ms;
        return;
    }
    if (uv_is_active((uv_handle_t *)&e->timer) && uv_timer_get_due_in(&e->timer) <= in_ms)
        return;
    (void)uv_timer_start(&e->timer, on_timer, in_ms, 0);
}

void etcd_part_add(struct etcd *e, struct etcd_part *part)
{
    part->next = e->parts;
    part->previous = NULL;
    if (e->parts != NULL)
        e->parts->previous = part;
    e->parts = part;
    etcd_wake(e, 0);
}

void etcd_part_remove(struct etcd *e, struct etcd_part *part)
{
    if (part->previous != NULL)
        part->previous->next = part->next;
    else
        e->parts = part->next;
    if (part->next != NULL)
        part->next->previous = part->previous;
}

/* ---- calls ------------------------------------------------------------------------------------ */

static void call_unlink(struct etcd *e, struct etcd_call *call)
{
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        e->calls = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    else
        e->last_call = call->previous;
    e->call_count--;
}

/* Ends a call: its owner is told, and it is gone. */
static void call_finish(struct etcd *e, struct etcd_call *call, const struct etcd_answer *answer)
{
    const struct etcd_done done = call->done;

    assert(call->grpc == NULL);
    if (answer->rc == ERR_UNKNOWN)
        e->seen.unknown_count++;
    call_unlink(e, call);
    if (done.fn != NULL)
        done.fn(done.arg, answer);
    free(call);
}

static void call_fail(struct etcd *e, struct etcd_call *call, int rc)
{
    const struct etcd_answer answer = {.rc = rc, .text = slice_str(call->text)};

    call_finish(e, call, &answer);
}

/* A good answer's bytes. */
static void call_succeed(struct etcd *e, struct etcd_call *call, struct slice message)
{
    struct arena arena;
    struct etcd_answer answer = {0};

    arena_init(&arena, 16 * 1024, (size_t)4 * ETCD_ANSWER_BYTES_MAX);
    int rc = etcd_decode_answer(call->method, message, &arena, &answer);
    if (rc != 0) {
        (void)snprintf(call->text, sizeof call->text, "the answer makes no sense: %s",
                       err_text(rc));
        call_fail(e, call, call->may_write ? ERR_UNKNOWN : rc);
    } else {
        etcd_note_success(e);
        etcd_note_header(e, &answer.header, call->is_linearizable ? call->revision_before : -1);
        if (call->is_linearizable)
            e->seen.last_answer_ms = (int64_t)uv_now(e->loop);
        call_finish(e, call, &answer);
    }
    arena_deinit(&arena);
}

/* What an end without an answer means. */
static int end_rc(const struct etcd_call *call, const struct grpc_end *end)
{
    if (end->rc != 0)
        return call->may_write ? ERR_UNKNOWN : end->rc;
    if (end->status == GRPC_STATUS_NONE && !end->was_sent)
        return ERR_UNAVAILABLE;
    return grpc_status_rc(end->status, end->text, call->may_write);
}

static void on_call_end(void *arg, const struct grpc_end *end)
{
    struct etcd_call *call = arg;
    struct etcd *e = call->client;

    call->grpc = NULL;
    if (end->rc == 0 && end->status == 0) {
        call_succeed(e, call, end->message);
        if (e->call_count >= ETCD_IN_FLIGHT_MAX)
            etcd_wake(e, 0); /* one that waits may start */
        return;
    }
    const int rc = end_rc(call, end);
    (void)snprintf(call->text, sizeof call->text, "%s: %s", e->urls[e->current], end->text);
    /* Had no effect, so it may be tried elsewhere; it waits for its turn. */
    const bool goes_on = rc == ERR_UNAVAILABLE && uv_now(e->loop) < call->deadline_ms;
    if (!goes_on)
        call->ended_rc = rc;
    if (rc == ERR_UNAVAILABLE || end->status == GRPC_STATUS_NONE || end->status == 14)
        etcd_move(e);
    etcd_wake(e, 0);
}

static void call_dispatch(struct etcd *e, struct etcd_call *call, uint64_t now_ms)
{
    struct grpc_channel *link = etcd_link(e, ETCD_LINK_CALLS);

    if (link == NULL)
        return;
    const struct grpc_request request = {
        .path = etcd_method_path(call->method),
        .message = slice_of(call->message, call->message_len),
        .needs_leader = call->is_linearizable,
        .timeout_ms = (uint32_t)(call->deadline_ms - now_ms),
        .on_end = on_call_end,
        .arg = call,
    };
    call->attempt_ms = now_ms;
    call->revision_before = e->seen.revision_max;
    /* If it cannot be started now it stays waiting. */
    if (grpc_call_start(link, &request, &call->grpc) != 0)
        call->grpc = NULL;
}

/* Has its connection said nothing at all since it was sent, for long enough to matter? */
static bool call_is_unheard(const struct etcd *e, const struct etcd_call *call, uint64_t now_ms)
{
    return now_ms >= call->attempt_ms + ETCD_UNHEARD_MS &&
           grpc_channel_heard_ms(e->links[ETCD_LINK_CALLS]) < call->attempt_ms;
}

/* Looks at one call: may end it. Returns when it must be looked at again; 0: it has ended. */
static uint64_t call_tick(struct etcd *e, struct etcd_call *call, uint64_t now_ms)
{
    if (call->ended_rc != 0) {
        call_fail(e, call, call->ended_rc);
        return 0;
    }
    if (now_ms >= call->deadline_ms) {
        int rc = ERR_TIMEOUT;
        const bool is_unheard = call->grpc != NULL && call_is_unheard(e, call, now_ms);
        if (call->grpc != NULL && grpc_call_cancel(call->grpc) && call->may_write)
            rc = ERR_UNKNOWN;
        call->grpc = NULL;
        if (is_unheard)
            etcd_move(e);
        if (call->text[0] == '\0')
            (void)snprintf(call->text, sizeof call->text, "no answer in time");
        call_fail(e, call, rc);
        return 0;
    }
    return call->deadline_ms;
}

/* Ends what must end. The callbacks may change the list, so each end starts anew. */
static void calls_expire(struct etcd *e, uint64_t now_ms)
{
    struct etcd_call *call = e->calls;

    while (call != NULL && !e->is_closing)
        call = call_tick(e, call, now_ms) == 0 ? e->calls : call->next;
}

/* Is a call under way on a connection that says nothing? Else *due_ms: when it would be. */
static bool calls_are_stuck(const struct etcd *e, uint64_t now_ms, uint64_t *due_ms)
{
    if (e->links[ETCD_LINK_CALLS] == NULL)
        return false;
    const uint64_t heard_ms = grpc_channel_heard_ms(e->links[ETCD_LINK_CALLS]);
    for (const struct etcd_call *call = e->calls; call != NULL; call = call->next) {
        if (call->grpc == NULL)
            continue;
        const uint64_t since_ms = heard_ms > call->attempt_ms ? heard_ms : call->attempt_ms;
        if (now_ms >= since_ms + ETCD_SILENCE_MS)
            return true;
        if (since_ms + ETCD_SILENCE_MS < *due_ms)
            *due_ms = since_ms + ETCD_SILENCE_MS;
    }
    return false;
}

/* Starts what waits, and says when to look again. */
static uint64_t calls_start(struct etcd *e, uint64_t now_ms)
{
    uint64_t due_ms = ETCD_NEVER;
    size_t in_flight = 0;

    for (const struct etcd_call *call = e->calls; call != NULL; call = call->next)
        in_flight += call->grpc != NULL;
    for (struct etcd_call *call = e->calls; call != NULL; call = call->next) {
        const bool may_start = call->grpc == NULL && call->ended_rc == 0;
        if (may_start && now_ms < call->deadline_ms && in_flight < ETCD_IN_FLIGHT_MAX) {
            call_dispatch(e, call, now_ms);
            in_flight += call->grpc != NULL;
        }
        if (call->deadline_ms < due_ms)
            due_ms = call->deadline_ms;
        uint64_t look_ms = now_ms + ETCD_SILENCE_MS;
        if (call->grpc == NULL)
            look_ms = e->wait_until_ms > now_ms ? e->wait_until_ms : now_ms + ETCD_BACKOFF_FIRST_MS;
        due_ms = look_ms < due_ms ? look_ms : due_ms;
    }
    return due_ms;
}

static uint64_t etcd_tick(struct etcd *e, uint64_t now_ms)
{
    uint64_t due_ms = ETCD_NEVER;

    calls_expire(e, now_ms);
    if (e->is_closing)
        return ETCD_NEVER;
    if (calls_are_stuck(e, now_ms, &due_ms)) {
        etcd_move(e);
        return 0;
    }
    for (struct etcd_part *part = e->parts; part != NULL; part = part->next) {
        const uint64_t part_ms = part->tick(part, now_ms);
        due_ms = part_ms < due_ms ? part_ms : due_ms;
    }
    const uint64_t calls_ms = calls_start(e, now_ms);
    return calls_ms < due_ms ? calls_ms : due_ms;
}

static void on_timer(uv_timer_t *timer)
{
    struct etcd *e = timer->data;

    e->is_ticking = true;
    e->wake_ms = ETCD_NEVER;
    const uint64_t due_ms = etcd_tick(e, uv_now(e->loop));
    e->is_ticking = false;
    etcd_wake(e, due_ms < e->wake_ms ? due_ms : e->wake_ms);
}

/* How a call is to be treated. */
struct call_kind {
    enum etcd_method method;
    bool may_write;
    bool is_linearizable;
};

/* Takes what an encoder returned, and its bytes. */
static int call_start(struct etcd *e, struct call_kind kind, int rc, struct slice message,
                      struct etcd_done done, uint64_t *out_id)
{
    struct etcd_call *call = NULL;

    if (rc == 0 && (e->is_closing || e->call_count >= ETCD_CALLS_MAX))
        rc = ERR_BUSY;
    if (rc == 0) {
        call = calloc(1, sizeof *call + message.len);
        rc = call == NULL ? ERR_NO_MEMORY : 0;
    }
    if (rc == 0) {
        call->client = e;
        call->id = ++e->next_id;
        call->method = kind.method;
        call->may_write = kind.may_write;
        call->is_linearizable = kind.is_linearizable;
        call->done = done;
        call->deadline_ms =
            uv_now(e->loop) + (done.timeout_ms == 0 ? e->call_timeout_ms : done.timeout_ms);
        call->message_len = message.len;
        if (message.len > 0)
            memcpy(call->message, message.ptr, message.len);
        call->previous = e->last_call;
        if (e->last_call != NULL)
            e->last_call->next = call;
        else
            e->calls = call;
        e->last_call = call;
        e->call_count++;
        if (out_id != NULL)
            *out_id = call->id;
        etcd_wake(e, 0);
    }
    arena_reset(&e->scratch);
    return rc;
}

int etcd_range(struct etcd *e, const struct etcd_range *range, struct etcd_done done,
               uint64_t *out_id)
{
    const struct call_kind kind = {ETCD_METHOD_RANGE, false, !range->is_serializable};
    struct slice message = {0};
    const int rc = etcd_encode_range(range, &e->scratch, &message);

    return call_start(e, kind, rc, message, done, out_id);
}

int etcd_put(struct etcd *e, const struct etcd_put *put, struct etcd_done done, uint64_t *out_id)
{
    const struct call_kind kind = {ETCD_METHOD_PUT, true, true};
    struct slice message = {0};
    const int rc = etcd_encode_put(put, &e->scratch, &message);

    return call_start(e, kind, rc, message, done, out_id);
}

int etcd_delete(struct etcd *e, const struct etcd_range *range, struct etcd_done done,
                uint64_t *out_id)
{
    const struct call_kind kind = {ETCD_METHOD_DELETE, true, true};
    struct slice message = {0};
    const int rc = etcd_encode_delete(range, &e->scratch, &message);

    return call_start(e, kind, rc, message, done, out_id);
}

int etcd_txn(struct etcd *e, const struct etcd_txn *txn, struct etcd_done done, uint64_t *out_id)
{
    const struct call_kind kind = {ETCD_METHOD_TXN, etcd_txn_may_write(txn), true};
    struct slice message = {0};
    const int rc = etcd_encode_txn(txn, &e->scratch, &message);

    return call_start(e, kind, rc, message, done, out_id);
}

int etcd_lease_grant(struct etcd *e, int64_t ttl_s, int64_t id, struct etcd_done done)
{
    const struct call_kind kind = {ETCD_METHOD_LEASE_GRANT, true, false};
    struct slice message = {0};
    const int rc = etcd_encode_lease_grant(ttl_s, id, &e->scratch, &message);

    return call_start(e, kind, rc, message, done, NULL);
}

int etcd_lease_revoke(struct etcd *e, int64_t lease, struct etcd_done done, uint64_t *out_id)
{
    const struct call_kind kind = {ETCD_METHOD_LEASE_REVOKE, true, false};
    struct slice message = {0};
    const int rc = etcd_encode_lease(lease, &e->scratch, &message);

    return call_start(e, kind, rc, message, done, out_id);
}

int etcd_lease_renew(struct etcd *e, int64_t lease, struct etcd_done done)
{
    /* Renewing twice does no harm, so it may be tried again. */
    const struct call_kind kind = {ETCD_METHOD_LEASE_KEEP_ALIVE, false, false};
    struct slice message = {0};
    const int rc = etcd_encode_lease(lease, &e->scratch, &message);

    return call_start(e, kind, rc, message, done, NULL);
}

int etcd_compact(struct etcd *e, int64_t revision, struct etcd_done done)
{
    const struct call_kind kind = {ETCD_METHOD_COMPACT, true, false};
    struct slice message = {0};
    const int rc = etcd_encode_compact(revision, &e->scratch, &message);

    return call_start(e, kind, rc, message, done, NULL);
}

int etcd_member_list(struct etcd *e, struct etcd_done done)
{
    const struct call_kind kind = {ETCD_METHOD_MEMBER_LIST, false, false};
    struct slice message = {0};
    const int rc = etcd_encode_member_list(&e->scratch, &message);

    return call_start(e, kind, rc, message, done, NULL);
}

int etcd_status(struct etcd *e, struct etcd_done done)
{
    const struct call_kind kind = {ETCD_METHOD_STATUS, false, false};
    struct slice message = {0};
    const int rc = etcd_encode_status(&e->scratch, &message);

    return call_start(e, kind, rc, message, done, NULL);
}

/* Ends a call without a word. */
static void call_drop(struct etcd *e, struct etcd_call *call)
{
    if (call->grpc != NULL)
        (void)grpc_call_cancel(call->grpc);
    call_unlink(e, call);
    free(call);
}

void etcd_cancel(struct etcd *e, uint64_t id)
{
    for (struct etcd_call *call = e->calls; call != NULL; call = call->next) {
        if (call->id == id) {
            call_drop(e, call);
            return;
        }
    }
}

struct etcd_seen etcd_seen(const struct etcd *e)
{
    struct etcd_seen seen = e->seen;

    seen.endpoint = e->urls[e->current];
    seen.calls_waiting = e->call_count;
    return seen;
}

uv_loop_t *etcd_loop(const struct etcd *e)
{
    return e->loop;
}
