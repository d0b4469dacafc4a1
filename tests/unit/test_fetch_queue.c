/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: items are found in order of arrival and of falling due, whatever happens to them, and
 *       hosts take turns; nothing grows.
 * Method: small stories; then random operations against a slow model that keeps plain arrays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "node/fetch_queue.h"
#include "proto/err.h"

static struct arena arena;
static struct fetch_queue q;

static int set_up(void **state)
{
    arena_init(&arena, 1 << 16, 1 << 24);
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(&arena);
    return 0;
}

static uint32_t add(const char *host, int64_t deadline_ms)
{
    uint32_t item = FETCH_NONE;

    assert_int_equal(fetch_queue_add(&q, slice_str(host), FETCH_LIVE, deadline_ms, &item), 0);
    return item;
}

static uint32_t next_host(int64_t now_ms)
{
    int64_t wake_ms = INT64_MAX;

    return fetch_queue_next_host(&q, 50, now_ms, &wake_ms);
}

static void items_of_a_host_keep_their_order_and_may_go_first_again(void **state)
{
    assert_int_equal(fetch_queue_init(&q, 8, 8, &arena), 0);
    const uint32_t a = add("a.wiki", 100);
    const uint32_t b = add("a.wiki", 100);
    const uint32_t c = add("a.wiki", 100);
    const struct fetch_host *host = &q.hosts[next_host(0)];
    assert_int_equal(host->first[FETCH_LIVE], a);
    fetch_queue_take(&q, a);
    assert_int_equal(host->first[FETCH_LIVE], b);
    fetch_queue_make_ready(&q, a, true);
    assert_int_equal(host->first[FETCH_LIVE], a);
    assert_int_equal(host->last[FETCH_LIVE], c);
    fetch_queue_remove(&q, b);
    assert_int_equal(q.items[a].next, c);
    fetch_queue_take(&q, a);
    fetch_queue_make_wait(&q, a, 50);
    assert_int_equal(host->first[FETCH_LIVE], c);
    assert_int_equal(fetch_queue_due(&q), a);
    assert_int_equal(fetch_queue_due_ms(&q, a), 50);
    fetch_queue_make_ready(&q, a, false);
    assert_int_equal(host->last[FETCH_LIVE], a);
    assert_int_equal(fetch_queue_due_ms(&q, a), 100);
}

static void hosts_take_turns_and_paused_ones_are_passed_over(void **state)
{
    int64_t wake_ms = INT64_MAX;

    assert_int_equal(fetch_queue_init(&q, 8, 8, &arena), 0);
    assert_int_equal(next_host(0), FETCH_NONE);
    (void)add("a.wiki", 100);
    (void)add("b.wiki", 100);
    const uint32_t c = add("c.wiki", 100);
    const uint32_t h[] = {next_host(0), next_host(0), next_host(0)};
    assert_int_not_equal(h[0], h[1]);
    assert_int_not_equal(h[1], h[2]);
    assert_int_equal(next_host(0), h[0]);
    q.hosts[h[1]].pause_until_ms = 70;
    assert_int_equal(fetch_queue_next_host(&q, 50, 69, &wake_ms), h[2]);
    assert_int_equal(wake_ms, 70);
    assert_int_equal(next_host(69), h[0]);
    assert_int_equal(next_host(70), h[1]);
    fetch_queue_remove(&q, c); /* c.wiki has nothing left */
    assert_int_not_equal(next_host(70), h[2]);
    assert_int_not_equal(next_host(70), h[2]);
}

static void a_host_with_a_call_under_way_gathers_until_a_batch_is_full(void **state)
{
    int64_t wake_ms = INT64_MAX;

    assert_int_equal(fetch_queue_init(&q, 8, 8, &arena), 0);
    (void)add("a.wiki", 100);
    const uint32_t h = next_host(0);
    q.hosts[h].calls = 1;
    q.hosts[h].gather_until_ms = 20;
    assert_int_equal(fetch_queue_next_host(&q, 2, 19, &wake_ms), FETCH_NONE);
    assert_int_equal(wake_ms, 20);
    assert_int_equal(fetch_queue_next_host(&q, 2, 20, &wake_ms), h); /* long enough */
    assert_int_equal(fetch_queue_next_host(&q, 1, 19, &wake_ms), h); /* full */
    (void)add("a.wiki", 100);
    assert_int_equal(fetch_queue_next_host(&q, 2, 19, &wake_ms), h);
    q.hosts[h].calls = 0;
    assert_int_equal(fetch_queue_next_host(&q, 50, 0, &wake_ms), h); /* idle */
    q.hosts[h].pause_until_ms = 30;
    assert_int_equal(fetch_queue_next_host(&q, 50, 29, &wake_ms), FETCH_NONE);
}

static void hosts_with_live_items_come_before_those_with_backlog(void **state)
{
    assert_int_equal(fetch_queue_init(&q, 8, 8, &arena), 0);
    uint32_t old;
    assert_int_equal(fetch_queue_add(&q, SLICE_LIT("a.wiki"), FETCH_BACKLOG, 100, &old), 0);
    assert_int_equal(fetch_queue_add(&q, SLICE_LIT("b.wiki"), FETCH_BACKLOG, 100, &old), 0);
    const uint32_t live = add("c.wiki", 100);
    const uint32_t c = q.items[live].host;
    for (q.turn = 0; q.turn < FETCH_TURNS - 1; q.turn++)
        assert_int_equal(next_host(0), c);
    assert_int_not_equal(next_host(0), c); /* one turn is the backlog's */
    q.hosts[c].pause_until_ms = 70;
    q.turn = 0;
    assert_int_not_equal(next_host(69), c); /* and what live ones leave */
    assert_int_equal(next_host(70), c);
    fetch_queue_take(&q, live);
    assert_int_not_equal(next_host(70), FETCH_NONE);
}

static void a_full_queue_is_an_answer_for_items_and_for_hosts(void **state)
{
    uint32_t item = 77;
    assert_int_equal(fetch_queue_init(&q, 3, 2, &arena), 0);
    const uint32_t a = add("a.wiki", 1);
    (void)add("b.wiki", 1);
    assert_int_equal(fetch_queue_add(&q, SLICE_LIT("c.wiki"), FETCH_LIVE, 1, &item), ERR_BUSY);
    (void)add("a.wiki", 1);
    assert_int_equal(fetch_queue_add(&q, SLICE_LIT("a.wiki"), FETCH_BACKLOG, 1, &item), ERR_BUSY);
    assert_int_equal(item, 77);
    /* a host without items makes room, once it has left the ring */
    fetch_queue_remove(&q, a);
    fetch_queue_remove(&q, q.hosts[0].first[FETCH_LIVE]);
    (void)next_host(0);
    (void)next_host(0);
    (void)add("c.wiki", 1);
    arena_deinit(&arena);
    arena_init(&arena, 64, 64);
    assert_int_equal(fetch_queue_init(&q, 100, 2, &arena), ERR_NO_MEMORY);
}

/* ---- against a model ------------------------------------------------------------------------- */

enum {
    ITEMS = 40
};

struct model {
    uint64_t seed;
    bool is_there[ITEMS];
    enum fetch_item_state state[ITEMS];
    int64_t due_ms[ITEMS];
    int64_t deadline_ms[ITEMS];
    size_t count;
};

static uint32_t below(struct model *m, uint32_t n)
{
    m->seed = m->seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)((m->seed >> 33) % n);
}

static void check_model(const struct model *m)
{
    int64_t first_ms = INT64_MAX;
    size_t ready = 0;

    for (uint32_t i = 0; i < ITEMS; i++) {
        if (!m->is_there[i])
            continue;
        assert_int_equal(q.items[i].state, m->state[i]);
        ready += m->state[i] == FETCH_ITEM_READY;
        if (m->state[i] != FETCH_ITEM_CALLED && m->due_ms[i] < first_ms)
            first_ms = m->due_ms[i];
    }
    assert_int_equal(q.item_count, m->count);
    assert_int_equal(q.ready_count, ready);
    assert_int_equal(q.class_counts[FETCH_LIVE] + q.class_counts[FETCH_BACKLOG], ready);
    const uint32_t due = fetch_queue_due(&q);
    if (first_ms == INT64_MAX)
        assert_int_equal(due, FETCH_NONE);
    else
        assert_int_equal(fetch_queue_due_ms(&q, due), first_ms);
}

static void model_add(struct model *m)
{
    char host[] = "a.wiki";
    uint32_t item = FETCH_NONE;
    const int64_t deadline_ms = below(m, 1000);

    host[0] = (char)('a' + below(m, 5));
    const enum fetch_class class = below(m, 2) == 0 ? FETCH_LIVE : FETCH_BACKLOG;
    const int rc = fetch_queue_add(&q, slice_str(host), class, deadline_ms, &item);
    if (m->count == ITEMS) {
        assert_int_equal(rc, ERR_BUSY);
        return;
    }
    assert_int_equal(rc, 0);
    assert_false(m->is_there[item]);
    m->is_there[item] = true;
    m->state[item] = FETCH_ITEM_READY;
    m->deadline_ms[item] = deadline_ms;
    m->due_ms[item] = deadline_ms;
    m->count++;
}

static void model_change(struct model *m, uint32_t item)
{
    const uint32_t choice = below(m, 4);
    const int64_t ready_ms = below(m, 1000);

    if (choice == 0) {
        fetch_queue_remove(&q, item);
        m->is_there[item] = false;
        m->count--;
    } else if (m->state[item] == FETCH_ITEM_READY) {
        fetch_queue_take(&q, item);
        m->state[item] = FETCH_ITEM_CALLED;
    } else if (m->state[item] == FETCH_ITEM_CALLED && choice == 1) {
        fetch_queue_make_wait(&q, item, ready_ms);
        m->state[item] = FETCH_ITEM_WAITING;
        m->due_ms[item] = ready_ms < m->deadline_ms[item] ? ready_ms : m->deadline_ms[item];
    } else {
        fetch_queue_make_ready(&q, item, choice == 2);
        m->state[item] = FETCH_ITEM_READY;
        m->due_ms[item] = m->deadline_ms[item];
    }
}

static void random_operations_equal_a_slow_model(void **state)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct model m = {.seed = seed};
        arena_reset(&arena);
        assert_int_equal(fetch_queue_init(&q, ITEMS, 5, &arena), 0);
        for (unsigned n = 0; n < 5000; n++) {
            const uint32_t item = below(&m, ITEMS);
            if (below(&m, 3) == 0)
                model_add(&m);
            else if (m.is_there[item])
                model_change(&m, item);
            if (below(&m, 10) == 0) {
                q.turn = below(&m, FETCH_TURNS);
                assert_int_equal(next_host(0) == FETCH_NONE, q.ready_count == 0);
            }
            check_model(&m);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(items_of_a_host_keep_their_order_and_may_go_first_again),
        TEST(hosts_take_turns_and_paused_ones_are_passed_over),
        TEST(a_host_with_a_call_under_way_gathers_until_a_batch_is_full),
        TEST(hosts_with_live_items_come_before_those_with_backlog),
        TEST(a_full_queue_is_an_answer_for_items_and_for_hosts),
        TEST(random_operations_equal_a_slow_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
