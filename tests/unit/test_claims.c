/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what claims.h promises, for one node by stories and for several by chance. Method: the
 * stories feed events and compare actions as text; the rest runs three nodes against a little etcd
 * in memory that delays lists, loses answers, ends leases and restarts nodes, from a seed; every
 * step checks the promises, and in the end, faults over, every task runs once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "coord/claims.h"
#include "coord/tasks.h"
#include "proto/err.h"

/* ---- stories ---------------------------------------------------------------------------------- */

struct story {
    struct arena arena;
    struct claims *c;
    struct claims_actions actions;
    int64_t now_ms;
};

static void open_story(struct story *s, const char *node)
{
    arena_init(&s->arena, CLAIMS_ARENA_BYTES, CLAIMS_ARENA_BYTES);
    s->c = claims_new(slice_str(node), &s->arena);
    assert_non_null(s->c);
    s->now_ms = 1000;
}

static void close_story(struct story *s)
{
    arena_deinit(&s->arena);
}

/* Feeds an event; the actions must be these, as "claim a, start a 7, ...". */
static void step(struct story *s, struct claims_event ev, const char *expected)
{
    static const char *const NAMES[] = {"claim", "release", "start", "renamed", "stop", "reread"};
    char text[1024] = "";
    size_t len = 0;

    ev.now_ms = s->now_ms;
    claims_step(s->c, &ev, &s->actions);
    for (size_t i = 0; i < s->actions.count; i++) {
        const struct claims_action *a = &s->actions.items[i];
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%s%.*s", i > 0 ? ", " : "",
                                NAMES[a->type], a->task.len > 0 ? " " : "", SLICE_ARG(a->task));
        if (a->type == CLAIMS_RELEASE || a->type == CLAIMS_START || a->type == CLAIMS_RENAMED)
            len += (size_t)snprintf(text + len, sizeof text - len, " %lld",
                                    (long long)a->create_revision);
    }
    if (strcmp(text, expected) != 0)
        fail_msg("\"%s\", not \"%s\"", text, expected);
}

static const struct slice ONE[] = {{(const uint8_t *)"merge/a", 7}};

static struct claims_event wanted(void)
{
    return (struct claims_event){.type = CLAIMS_WANTED, .wanted = ONE, .wanted_count = 1};
}

static struct claims_event list(const struct claim *claims, size_t count, int64_t revision)
{
    return (struct claims_event){
        .type = CLAIMS_LIST, .claims = claims, .claim_count = count, .revision = revision};
}

static struct claims_event lease(int64_t id)
{
    return (struct claims_event){.type = CLAIMS_LEASE, .lease = id};
}

static struct claims_event claimed(int64_t under, int64_t revision)
{
    return (struct claims_event){.type = CLAIMS_CLAIMED,
                                 .task = ONE[0],
                                 .is_ours = true,
                                 .lease = under,
                                 .create_revision = revision};
}

static struct claims_event ended(enum claims_event_type type, int rc)
{
    return (struct claims_event){.type = type, .task = ONE[0], .rc = rc};
}

static struct claims_event tick(void)
{
    return (struct claims_event){.type = CLAIMS_TICK};
}

/* Up to where merge/a runs under lease 5, claim 7. */
static void open_running(struct story *s)
{
    open_story(s, "n1");
    step(s, lease(5), "");
    step(s, wanted(), "");
    step(s, list(NULL, 0, 6), "claim merge/a");
    step(s, claimed(5, 7), "start merge/a 7");
    assert_int_equal(claims_revision(s->c, ONE[0]), 7);
}

static void a_task_is_claimed_and_then_started_under_its_claim(void **state)
{
    struct story s;

    (void)state;
    open_running(&s);
    step(&s, tick(), "");
    close_story(&s);
}

static void nothing_is_claimed_before_the_claims_were_read_or_without_a_lease(void **state)
{
    struct story s;

    (void)state;
    open_story(&s, "n1");
    step(&s, wanted(), "");
    step(&s, lease(5), "");
    step(&s, lease(0), "");
    step(&s, list(NULL, 0, 6), "");
    step(&s, lease(6), "claim merge/a");
    close_story(&s);
}

static void a_task_that_another_holds_is_waited_for(void **state)
{
    struct story s;
    const struct claim other = {
        .task = ONE[0], .node = SLICE_LIT("n2"), .lease = 9, .create_revision = 4};

    (void)state;
    open_story(&s, "n1");
    step(&s, lease(5), "");
    step(&s, wanted(), "");
    step(&s, list(&other, 1, 6), "");
    assert_int_equal(claims_count(s.c).waiting, 1);
    step(&s, list(NULL, 0, 8), "claim merge/a");
    /* Somebody was faster after all. */
    struct claims_event late = claimed(5, 9);
    late.is_ours = false;
    step(&s, late, "reread");
    step(&s, list(&other, 1, 9), "");
    close_story(&s);
}

static void a_claim_of_unknown_outcome_is_settled_by_the_next_list(void **state)
{
    struct story s;
    const struct claim mine = {
        .task = ONE[0], .node = SLICE_LIT("n1"), .lease = 5, .create_revision = 7};

    (void)state;
    open_story(&s, "n1");
    step(&s, lease(5), "");
    step(&s, wanted(), "");
    step(&s, list(NULL, 0, 6), "claim merge/a");
    step(&s, ended(CLAIMS_CLAIMED, ERR_UNKNOWN), "reread");
    step(&s, list(&mine, 1, 7), "start merge/a 7");
    close_story(&s);
}

static void a_failed_claim_is_tried_again_after_a_pause(void **state)
{
    struct story s;

    (void)state;
    open_story(&s, "n1");
    step(&s, lease(5), "");
    step(&s, wanted(), "");
    step(&s, list(NULL, 0, 6), "claim merge/a");
    step(&s, ended(CLAIMS_CLAIMED, ERR_UNAVAILABLE), "reread");
    assert_int_equal(s.actions.wake_ms, s.now_ms + CLAIMS_RETRY_MS);
    step(&s, list(NULL, 0, 6), "");
    s.now_ms += CLAIMS_RETRY_MS;
    step(&s, tick(), "claim merge/a");
    close_story(&s);
}

static void a_handover_is_stop_then_finished_then_release(void **state)
{
    struct story s;
    struct assign_node nodes[2] = {{.name = SLICE_LIT("n1"), .is_draining = true},
                                   {.name = SLICE_LIT("n2")}};

    (void)state;
    open_running(&s);
    step(&s, (struct claims_event){.type = CLAIMS_NODES, .nodes = nodes, .node_count = 2},
         "stop merge/a");
    step(&s, tick(), "");
    step(&s, ended(CLAIMS_FINISHED, 0), "release merge/a 7");
    step(&s, ended(CLAIMS_RELEASED, ERR_UNKNOWN), "reread");
    s.now_ms += CLAIMS_RETRY_MS;
    step(&s, tick(), "release merge/a 7");
    step(&s, ended(CLAIMS_RELEASED, 0), "");
    assert_true(claims_is_idle(s.c));
    close_story(&s);
}

static void a_list_older_than_a_release_does_not_bring_the_claim_back(void **state)
{
    struct story s;
    const struct claim mine = {
        .task = ONE[0], .node = SLICE_LIT("n1"), .lease = 5, .create_revision = 7};

    (void)state;
    open_running(&s);
    step(&s, (struct claims_event){.type = CLAIMS_LEAVE}, "stop merge/a");
    step(&s, ended(CLAIMS_FINISHED, 0), "release merge/a 7");
    step(&s, ended(CLAIMS_RELEASED, 0), "");
    step(&s, list(&mine, 1, 7), "");
    assert_true(claims_is_idle(s.c));
    close_story(&s);
}

static void a_list_older_than_a_claim_does_not_take_it_away(void **state)
{
    struct story s;

    (void)state;
    open_running(&s);
    step(&s, list(NULL, 0, 6), "");
    assert_int_equal(claims_revision(s.c, ONE[0]), 7);
    step(&s, list(NULL, 0, 8), "renamed merge/a 0, claim merge/a");
    close_story(&s);
}

static void a_list_older_than_the_last_is_of_a_restored_etcd(void **state)
{
    struct story s;
    const struct claim mine = {
        .task = ONE[0], .node = SLICE_LIT("n1"), .lease = 5, .create_revision = 7};

    (void)state;
    open_running(&s);
    step(&s, list(&mine, 1, 20), "");
    step(&s, list(NULL, 0, 6), "renamed merge/a 0, claim merge/a");
    close_story(&s);
}

static void a_task_goes_on_through_a_lost_lease_and_gets_a_new_claim(void **state)
{
    struct story s;

    (void)state;
    open_running(&s);
    step(&s, lease(0), "renamed merge/a 0");
    assert_int_equal(claims_revision(s.c, ONE[0]), 0);
    assert_int_equal(claims_count(s.c).unclaimed, 1);
    s.now_ms += 3600 * 1000;
    step(&s, tick(), "");
    step(&s, lease(6), "claim merge/a");
    step(&s, claimed(6, 20), "renamed merge/a 20");
    assert_int_equal(claims_revision(s.c, ONE[0]), 20);
    close_story(&s);
}

static void a_claim_that_was_answered_for_an_old_lease_does_not_count(void **state)
{
    struct story s;

    (void)state;
    open_story(&s, "n1");
    step(&s, lease(5), "");
    step(&s, wanted(), "");
    step(&s, list(NULL, 0, 6), "claim merge/a");
    step(&s, lease(0), "");
    step(&s, lease(6), "");
    step(&s, claimed(5, 7), "reread");
    s.now_ms += CLAIMS_RETRY_MS;
    step(&s, list(NULL, 0, 8), "claim merge/a");
    close_story(&s);
}

static void a_task_that_another_took_meanwhile_stops_and_nothing_is_released(void **state)
{
    struct story s;
    const struct claim other = {
        .task = ONE[0], .node = SLICE_LIT("n2"), .lease = 9, .create_revision = 12};

    (void)state;
    open_running(&s);
    step(&s, lease(0), "renamed merge/a 0");
    step(&s, lease(6), "claim merge/a");
    struct claims_event late = claimed(6, 12);
    late.is_ours = false;
    step(&s, late, "reread, stop merge/a");
    step(&s, list(&other, 1, 12), "");
    step(&s, ended(CLAIMS_FINISHED, 0), "");
    assert_int_equal(claims_count(s.c).running, 0);
    close_story(&s);
}

static void what_our_former_self_left_is_removed_and_claimed(void **state)
{
    struct story s;
    const struct claim formers = {
        .task = ONE[0], .node = SLICE_LIT("n1"), .lease = 4, .create_revision = 3};

    (void)state;
    open_story(&s, "n1");
    step(&s, lease(5), "");
    step(&s, wanted(), "");
    step(&s, list(&formers, 1, 6), "release merge/a 3");
    step(&s, ended(CLAIMS_RELEASED, 0), "claim merge/a");
    step(&s, list(&formers, 1, 6), "");
    step(&s, claimed(5, 8), "start merge/a 8");
    close_story(&s);
}

/* A line goes on without etcd: it starts again under the claim that it has. */
static const struct slice LINE[] = {{(const uint8_t *)"replicate/eqiad/a/0", 19}};

static struct claims_event of_line(struct claims_event ev)
{
    ev.task = LINE[0];
    return ev;
}

static void a_task_that_fails_starts_again_after_pauses_that_grow(void **state)
{
    struct story s;
    int64_t pause_ms = CLAIMS_RESTART_MS;

    (void)state;
    open_story(&s, "n1");
    step(&s, lease(5), "");
    step(&s, (struct claims_event){.type = CLAIMS_WANTED, .wanted = LINE, .wanted_count = 1}, "");
    step(&s, list(NULL, 0, 6), "claim replicate/eqiad/a/0");
    step(&s, of_line(claimed(5, 7)), "start replicate/eqiad/a/0 7");
    for (int i = 0; i < 10; i++) {
        step(&s, of_line(ended(CLAIMS_FINISHED, ERR_DELIVERY)), "");
        assert_int_equal(s.actions.wake_ms, s.now_ms + pause_ms);
        s.now_ms += pause_ms - 1;
        step(&s, tick(), "");
        s.now_ms += 1;
        step(&s, tick(), "start replicate/eqiad/a/0 7");
        pause_ms = 2 * pause_ms > CLAIMS_RESTART_MAX_MS ? CLAIMS_RESTART_MAX_MS : 2 * pause_ms;
    }
    s.now_ms += CLAIMS_SETTLED_MS;
    step(&s, of_line(ended(CLAIMS_FINISHED, ERR_DELIVERY)), "");
    assert_int_equal(s.actions.wake_ms, s.now_ms + CLAIMS_RESTART_MS);
    close_story(&s);
}

/* What the run before sent to etcd may arrive after this one has looked, and would count. */
static void each_run_of_a_merge_has_a_claim_of_its_own(void **state)
{
    struct story s;

    (void)state;
    open_running(&s);
    step(&s, ended(CLAIMS_FINISHED, ERR_DELIVERY), "release merge/a 7");
    step(&s, ended(CLAIMS_RELEASED, 0), "claim merge/a");
    step(&s, claimed(5, 30), "");
    s.now_ms += CLAIMS_RESTART_MS;
    step(&s, tick(), "start merge/a 30");
    close_story(&s);
}

static void a_fenced_task_starts_only_under_a_claim_made_afterwards(void **state)
{
    struct story s;

    (void)state;
    open_running(&s);
    step(&s, ended(CLAIMS_FINISHED, ERR_FENCED), "release merge/a 7");
    step(&s, ended(CLAIMS_RELEASED, 0), "claim merge/a");
    step(&s, claimed(5, 30), "");
    s.now_ms += CLAIMS_RESTART_MS;
    step(&s, tick(), "start merge/a 30");
    close_story(&s);
}

static void a_task_that_is_not_wanted_any_more_stops_and_is_forgotten(void **state)
{
    struct story s;

    (void)state;
    open_running(&s);
    step(&s, (struct claims_event){.type = CLAIMS_WANTED}, "stop merge/a");
    step(&s, ended(CLAIMS_FINISHED, 0), "release merge/a 7");
    step(&s, ended(CLAIMS_RELEASED, 0), "");
    step(&s, tick(), "");
    step(&s, ended(CLAIMS_FINISHED, 0), ""); /* late news of nobody */
    close_story(&s);
}

static void more_actions_than_fit_come_in_the_next_steps(void **state)
{
    enum {
        COUNT = 300
    };
    static char texts[COUNT][16];
    static struct slice names[COUNT];
    static struct claim claims[COUNT];
    struct story s;
    size_t started = 0;

    (void)state;
    open_story(&s, "n1");
    for (int i = 0; i < COUNT; i++) {
        names[i] = slice_of(texts[i], (size_t)snprintf(texts[i], sizeof texts[i], "t/%03d", i));
        claims[i] = (struct claim){
            .task = names[i], .node = SLICE_LIT("n1"), .lease = 5, .create_revision = i + 1};
    }
    struct claims_event ev = {.type = CLAIMS_WANTED, .wanted = names, .wanted_count = COUNT};
    step(&s, lease(5), "");
    step(&s, ev, "");
    ev = list(claims, COUNT, 1000);
    ev.now_ms = s.now_ms;
    claims_step(s.c, &ev, &s.actions);
    for (int rounds = 0; rounds < 10; rounds++) {
        started += s.actions.count;
        if (!s.actions.is_full)
            break;
        ev = tick();
        ev.now_ms = s.now_ms;
        claims_step(s.c, &ev, &s.actions);
    }
    assert_int_equal(started, COUNT);
    assert_int_equal(claims_count(s.c).running, COUNT);
    close_story(&s);
}

/* ---- chance ----------------------------------------------------------------------------------- */

enum {
    NODES = 3,
    TASKS = 12,
    PENDING_MAX = 256,
    STEPS = 3000
};

/* A claim, release or finish that will be told later. */
struct later {
    struct claims_event ev;
    int64_t at_ms;
};

struct actor {
    struct arena arena;
    struct claims *c; /* NULL: dead */
    struct assign_node self;
    char name[16];
    int64_t lease;
    int64_t lease_ends_ms; /* on the server */
    bool is_running[TASKS];
    int64_t told_revision[TASKS]; /* the claim that the task believes in */
    struct later later[PENDING_MAX];
    size_t later_count;
};

struct world {
    uint64_t chance;
    int64_t now_ms;
    int64_t revision;
    int64_t next_lease;
    struct claim claims[TASKS]; /* create_revision 0: none */
    struct actor actors[NODES];
    char texts[TASKS][16];
    struct slice names[TASKS];
    bool has_faults;
    int64_t releases;
};

static uint32_t chance(struct world *w, uint32_t bound)
{
    uint64_t x = w->chance += 0x9e3779b97f4a7c15u;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((x ^ (x >> 31)) % bound);
}

static size_t task_of(const struct world *w, struct slice name)
{
    size_t t = 0;

    while (t < TASKS && !slice_equal(w->names[t], name))
        t++;
    assert_true(t < TASKS);
    return t;
}

static void tell_later(struct world *w, struct actor *a, struct claims_event ev)
{
    assert_true(a->later_count < PENDING_MAX);
    ev.task = w->names[task_of(w, ev.task)];
    a->later[a->later_count++] =
        (struct later){.ev = ev, .at_ms = w->now_ms + (int64_t)chance(w, 300)};
}

/* The server carries out a claim or release; the answer may be lost or "unknown". */
static void serve(struct world *w, struct actor *a, const struct claims_action *action)
{
    struct claim *key = &w->claims[task_of(w, action->task)];
    const bool is_claim = action->type == CLAIMS_CLAIM;
    struct claims_event ev = {.type = is_claim ? CLAIMS_CLAIMED : CLAIMS_RELEASED,
                              .task = action->task,
                              .lease = a->lease};
    const uint32_t fault = w->has_faults ? chance(w, 10) : 9;

    if (fault == 0) {
        ev.rc = ERR_UNAVAILABLE; /* never arrived */
    } else {
        if (is_claim && key->create_revision == 0 && a->lease_ends_ms > w->now_ms)
            *key = (struct claim){.task = w->names[task_of(w, action->task)],
                                  .node = a->self.name,
                                  .lease = a->lease,
                                  .create_revision = ++w->revision};
        else if (!is_claim && key->create_revision == action->create_revision &&
                 key->create_revision != 0)
            *key = (struct claim){.create_revision = 0 * ++w->revision};
        ev.is_ours = is_claim && key->create_revision != 0 && key->lease == a->lease;
        ev.create_revision = is_claim ? key->create_revision : 0;
        if (is_claim && a->lease_ends_ms <= w->now_ms)
            ev.rc = ERR_NOT_FOUND; /* the lease is gone */
        if (fault == 1)
            ev.rc = ERR_UNKNOWN;
    }
    w->releases += !is_claim;
    tell_later(w, a, ev);
}

static void act(struct world *w, struct actor *a, const struct claims_action *action)
{
    const size_t t = action->task.len == 0 ? 0 : task_of(w, action->task);

    switch (action->type) {
    case CLAIMS_CLAIM:
        serve(w, a, action);
        break;
    case CLAIMS_RELEASE:
        assert_false(a->is_running[t]); /* only what does not run is released */
        serve(w, a, action);
        break;
    case CLAIMS_START:
        assert_false(a->is_running[t]);
        assert_true(action->create_revision > 0);
        a->is_running[t] = true;
        a->told_revision[t] = action->create_revision;
        break;
    case CLAIMS_RENAMED:
        assert_true(a->is_running[t]);
        a->told_revision[t] = action->create_revision;
        break;
    case CLAIMS_STOP: {
        assert_true(a->is_running[t]);
        struct claims_event ev = {.type = CLAIMS_FINISHED, .task = action->task};
        tell_later(w, a, ev);
        break;
    }
    case CLAIMS_REREAD:
        break; /* lists come often anyway */
    }
}

static void tell(struct world *w, struct actor *a, struct claims_event ev)
{
    struct claims_actions actions;

    do {
        if (ev.type == CLAIMS_FINISHED)
            a->is_running[task_of(w, ev.task)] = false;
        ev.now_ms = w->now_ms;
        claims_step(a->c, &ev, &actions);
        for (size_t i = 0; i < actions.count; i++)
            act(w, a, &actions.items[i]);
        ev = tick();
    } while (actions.is_full);
}

static void tell_nodes(struct world *w, struct actor *a)
{
    struct assign_node nodes[NODES];
    struct claims_event ev = {.type = CLAIMS_NODES, .nodes = nodes};

    for (int i = 0; i < NODES; i++) {
        if (w->actors[i].c != NULL && w->actors[i].lease_ends_ms > w->now_ms)
            nodes[ev.node_count++] = w->actors[i].self;
    }
    tell(w, a, ev);
}

static void tell_list(struct world *w, struct actor *a)
{
    struct claim claims[TASKS];
    struct claims_event ev = list(claims, 0, w->revision);

    for (int t = 0; t < TASKS; t++) {
        if (w->claims[t].create_revision != 0)
            claims[ev.claim_count++] = w->claims[t];
    }
    tell(w, a, ev);
}

static void actor_start(struct world *w, struct actor *a)
{
    const struct claims_event all = {
        .type = CLAIMS_WANTED, .wanted = w->names, .wanted_count = TASKS};

    arena_init(&a->arena, CLAIMS_ARENA_BYTES, CLAIMS_ARENA_BYTES);
    a->c = claims_new(a->self.name, &a->arena);
    a->lease = 0;
    a->later_count = 0;
    memset(a->is_running, 0, sizeof a->is_running);
    tell(w, a, all);
}

static void actor_stop(struct actor *a)
{
    arena_deinit(&a->arena);
    a->c = NULL;
}

static void actor_turn(struct world *w, struct actor *a)
{
    /* Leases: granted, kept alive, or lost. */
    if (a->lease != 0 && a->lease_ends_ms <= w->now_ms && chance(w, 3) == 0) {
        a->lease = 0;
        tell(w, a, lease(0));
    } else if (a->lease == 0) {
        a->lease = w->next_lease++;
        a->lease_ends_ms = w->now_ms + 1000;
        tell(w, a, lease(a->lease));
    } else if (a->lease_ends_ms > w->now_ms && (!w->has_faults || chance(w, 50) != 0)) {
        a->lease_ends_ms = w->now_ms + 1000;
    }
    for (size_t i = 0; i < a->later_count;) {
        if (a->later[i].at_ms > w->now_ms) {
            i++;
            continue;
        }
        const struct claims_event ev = a->later[i].ev;
        a->later[i] = a->later[--a->later_count];
        tell(w, a, ev);
    }
    if (chance(w, 3) == 0)
        tell_list(w, a);
    if (chance(w, 5) == 0)
        tell_nodes(w, a);
    tell(w, a, tick());
}

static void world_turn(struct world *w)
{
    w->now_ms += 1 + (int64_t)chance(w, 100);
    for (int t = 0; t < TASKS; t++) {
        bool is_alive = false;
        for (int i = 0; i < NODES; i++)
            is_alive = is_alive || (w->actors[i].lease == w->claims[t].lease &&
                                    w->actors[i].lease_ends_ms > w->now_ms);
        /* The key of a lease that has ended goes, also that of a dead node. */
        if (w->claims[t].create_revision != 0 && !is_alive)
            w->claims[t] = (struct claim){.create_revision = 0 * ++w->revision};
    }
    for (int i = 0; i < NODES; i++) {
        struct actor *a = &w->actors[i];
        if (a->c == NULL) {
            if (!w->has_faults || chance(w, 50) == 0)
                actor_start(w, a);
        } else if (w->has_faults && chance(w, 300) == 0) {
            actor_stop(a);
            if (chance(w, 2) == 0)
                a->lease_ends_ms = 0;
        } else {
            if (w->has_faults && chance(w, 200) == 0)
                a->self.is_draining = !a->self.is_draining;
            actor_turn(w, a);
        }
    }
}

/* Faults over: every task runs once, where it should, under its claim. */
static void world_check(struct world *w)
{
    for (int t = 0; t < TASKS; t++) {
        int runs = 0;
        for (int i = 0; i < NODES; i++) {
            const struct actor *a = &w->actors[i];
            if (!a->is_running[t])
                continue;
            runs++;
            assert_int_equal(a->told_revision[t], w->claims[t].create_revision);
            assert_int_equal(claims_revision(a->c, w->names[t]), w->claims[t].create_revision);
        }
        assert_int_equal(runs, 1);
    }
}

static void three_nodes_run_every_task_once_after_any_faults(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        memset(w, 0, sizeof *w);
        w->chance = seed;
        w->next_lease = 1;
        w->has_faults = true;
        for (int t = 0; t < TASKS; t++)
            w->names[t] =
                slice_of(w->texts[t], (size_t)snprintf(w->texts[t], sizeof w->texts[t], "t/%d", t));
        for (int i = 0; i < NODES; i++) {
            struct actor *a = &w->actors[i];
            (void)snprintf(a->name, sizeof a->name, "n%d", i);
            a->self.name = slice_str(a->name);
            actor_start(w, a);
        }
        for (int i = 0; i < STEPS; i++)
            world_turn(w);
        w->has_faults = false;
        for (int i = 0; i < NODES; i++)
            w->actors[i].self.is_draining = false;
        for (int i = 0; i < 2000; i++)
            world_turn(w);
        world_check(w);
        assert_true(w->releases > 0);
        for (int i = 0; i < NODES; i++)
            actor_stop(&w->actors[i]);
    }
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_is_claimed_and_then_started_under_its_claim),
        cmocka_unit_test(nothing_is_claimed_before_the_claims_were_read_or_without_a_lease),
        cmocka_unit_test(a_task_that_another_holds_is_waited_for),
        cmocka_unit_test(a_claim_of_unknown_outcome_is_settled_by_the_next_list),
        cmocka_unit_test(a_failed_claim_is_tried_again_after_a_pause),
        cmocka_unit_test(a_handover_is_stop_then_finished_then_release),
        cmocka_unit_test(a_list_older_than_a_release_does_not_bring_the_claim_back),
        cmocka_unit_test(a_list_older_than_a_claim_does_not_take_it_away),
        cmocka_unit_test(a_list_older_than_the_last_is_of_a_restored_etcd),
        cmocka_unit_test(a_task_goes_on_through_a_lost_lease_and_gets_a_new_claim),
        cmocka_unit_test(a_claim_that_was_answered_for_an_old_lease_does_not_count),
        cmocka_unit_test(a_task_that_another_took_meanwhile_stops_and_nothing_is_released),
        cmocka_unit_test(what_our_former_self_left_is_removed_and_claimed),
        cmocka_unit_test(a_task_that_fails_starts_again_after_pauses_that_grow),
        cmocka_unit_test(each_run_of_a_merge_has_a_claim_of_its_own),
        cmocka_unit_test(a_fenced_task_starts_only_under_a_claim_made_afterwards),
        cmocka_unit_test(a_task_that_is_not_wanted_any_more_stops_and_is_forgotten),
        cmocka_unit_test(more_actions_than_fit_come_in_the_next_steps),
        cmocka_unit_test(three_nodes_run_every_task_once_after_any_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
