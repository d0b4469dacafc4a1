/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/etcd_fixture.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/err.h"

int fixture_set_up_all(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *port = getenv("BRAID_TEST_PORT");

    cluster_open(&f->cluster,
                 FIXTURE_PORT_OFFSET + (port == NULL ? 24000 : (int)strtol(port, NULL, 10)));
    *state = f;
    return 0;
}

int fixture_tear_down_all(void **state)
{
    struct fixture *f = *state;

    cluster_close(&f->cluster);
    free(f);
    return 0;
}

void fixture_connect(struct fixture *f, const char *endpoints)
{
    const struct etcd_config config = {
        .endpoints = endpoints,
        .ca_file = f->cluster.ca_file,
        .cert_file = f->cluster.cert_file,
        .key_file = f->cluster.key_file,
    };

    etcd_close(f->e, NULL, NULL);
    f->e = NULL;
    assert_int_equal(etcd_open(&f->loop, &config, &f->e), 0);
}

void fixture_connect_members(struct fixture *f, const int *members)
{
    char endpoints[200];

    cluster_endpoints(&f->cluster, members, endpoints, sizeof endpoints);
    fixture_connect(f, endpoints);
}

void fixture_connect_proxy(struct fixture *f, const int *others)
{
    char endpoints[300];
    const int port = f->cluster.port_base + PROXY_PORT;

    tcp_proxy_open(&f->proxy, &f->loop, port, cluster_client_port(&f->cluster, 0));
    f->has_proxy = true;
    const int len = snprintf(endpoints, sizeof endpoints, "https://127.0.0.1:%d,", port);
    cluster_endpoints(&f->cluster, others, endpoints + len, sizeof endpoints - (size_t)len);
    fixture_connect(f, endpoints);
}

int fixture_set_up(void **state)
{
    struct fixture *f = *state;
    const struct etcd_range all = {.is_prefix = true};

    cluster_heal(&f->cluster);
    f->e = NULL;
    arena_init(&f->arena, 4096, 64 * 1024 * 1024);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    fixture_connect_members(f, (const int[]){0, 1, 2, -1});
    assert_int_equal(finish(f, etcd_delete(f->e, &all, done(f), NULL)), 0);
    return 0;
}

int fixture_tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->cleanup != NULL)
        f->cleanup(f->cleanup_arg);
    f->cleanup = NULL;
    etcd_close(f->e, NULL, NULL);
    if (f->has_proxy)
        tcp_proxy_close(&f->proxy);
    f->has_proxy = false;
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    /* Nothing may be left open on the loop. */
    assert_int_equal(uv_loop_close(&f->loop), 0);
    arena_deinit(&f->arena);
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void on_timer_closed(uv_handle_t *handle)
{
    *(bool *)handle->data = true;
}

bool run_until(struct fixture *f, const bool *flag, uint64_t ms)
{
    bool is_over = false;
    bool is_closed = false;
    uv_timer_t timer;

    uv_update_time(&f->loop);
    (void)uv_timer_init(&f->loop, &timer);
    timer.data = &is_over;
    (void)uv_timer_start(&timer, on_timer, ms, 0);
    while (!*flag && !is_over)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    timer.data = &is_closed;
    uv_close((uv_handle_t *)&timer, on_timer_closed);
    while (!is_closed)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    return *flag;
}

void run_for(struct fixture *f, uint64_t ms)
{
    const bool never = false;

    (void)run_until(f, &never, ms);
}

static void on_done(void *arg, const struct etcd_answer *answer)
{
    struct fixture *f = arg;

    assert_false(f->is_done); /* once, and not before the call returned */
    f->is_done = true;
    arena_reset(&f->arena);
    assert_int_equal(etcd_answer_copy(answer, &f->arena, &f->answer), 0);
}

struct etcd_done done(struct fixture *f)
{
    f->is_done = false;
    uv_update_time(&f->loop);
    return (struct etcd_done){.fn = on_done, .arg = f};
}

int finish(struct fixture *f, int rc)
{
    if (rc != 0)
        return rc;
    assert_false(f->is_done);
    assert_true(run_until(f, &f->is_done, 15000));
    return f->answer.rc;
}

int put(struct fixture *f, const char *key, const char *value)
{
    const struct etcd_put put = {.key = slice_str(key), .value = slice_str(value)};

    return finish(f, etcd_put(f->e, &put, done(f), NULL));
}

int get_version(struct fixture *f, const char *key, int64_t *out_version)
{
    const struct etcd_range range = {.key = slice_str(key)};
    const int rc = finish(f, etcd_range(f->e, &range, done(f), NULL));

    if (rc == 0)
        *out_version = f->answer.ops[0].kv_count == 0 ? 0 : f->answer.ops[0].kvs[0].version;
    return rc;
}

int count_prefix(struct fixture *f, const char *prefix, int64_t *out_count)
{
    const struct etcd_range range = {
        .key = slice_str(prefix), .is_prefix = true, .count_only = true};
    const int rc = finish(f, etcd_range(f->e, &range, done(f), NULL));

    if (rc == 0)
        *out_count = f->answer.ops[0].count;
    return rc;
}

static size_t mirror_find(const struct mirror *m, struct slice key)
{
    size_t i = 0;

    while (i < m->count && !slice_equal(slice_str(m->keys[i].key), key))
        i++;
    return i;
}

static void mirror_set(struct mirror *m, const struct etcd_kv *kv)
{
    const size_t i = mirror_find(m, kv->key);

    assert_true(i < MIRROR_KEYS);
    assert_true(kv->key.len < MIRROR_TEXT);
    if (i == m->count)
        m->count++;
    memset(m->keys[i].key, 0, MIRROR_TEXT);
    memcpy(m->keys[i].key, kv->key.ptr, kv->key.len);
    m->keys[i].mod_revision = kv->mod_revision;
}

void mirror_tell(void *arg, const struct etcd_watch_event *event)
{
    struct mirror *m = arg;

    m->went_back = m->went_back || event->revision < m->revision;
    m->revision = event->revision;
    if (event->is_snapshot) {
        m->snapshots++;
        m->count = 0;
        for (size_t i = 0; i < event->kv_count; i++)
            mirror_set(m, &event->kvs[i]);
        return;
    }
    for (size_t i = 0; i < event->change_count; i++) {
        const struct etcd_change *change = &event->changes[i];
        const size_t at = mirror_find(m, change->kv.key);
        m->changes++;
        if (!change->is_delete)
            mirror_set(m, &change->kv);
        else if (at < m->count)
            m->keys[at] = m->keys[--m->count];
    }
}

bool mirror_becomes_true(struct fixture *f, struct mirror *m, const char *prefix, uint64_t ms)
{
    const struct etcd_range range = {.key = slice_str(prefix), .is_prefix = true};
    const uint64_t give_up_ms = uv_hrtime() / 1000000 + ms;

    while (uv_hrtime() / 1000000 < give_up_ms) {
        if (finish(f, etcd_range(f->e, &range, done(f), NULL)) == 0) {
            const struct etcd_op_answer *all = &f->answer.ops[0];
            size_t same = 0;
            for (size_t i = 0; i < all->kv_count; i++) {
                const size_t at = mirror_find(m, all->kvs[i].key);
                same += at < m->count && m->keys[at].mod_revision == all->kvs[i].mod_revision;
            }
            if (same == all->kv_count && m->count == all->kv_count && m->snapshots > 0)
                return true;
        }
        run_for(f, 50);
    }
    return false;
}
