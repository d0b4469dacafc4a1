/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: nodes divide the tasks of a DC among them and keep them through etcd's bad days. Method:
 * several nodes on one loop, each with a client of its own, against three real members; tasks are
 * only names here, which "finish" when they are told to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "coord/claims.h"
#include "coord/io_node.h"
#include "coord/keyspace.h"
#include "coord/spec.h"
#include "proto/err.h"
#include "tests/integration/etcd_fixture.h"

const int FIXTURE_PORT_OFFSET = 200;

enum {
    NODES = 3,
    RUNNING_MAX = 64,
    PARTITIONS = 6,
    TTL_S = 5,
    WAIT_TRIES = 300
};
/* Of a stream of two DCs, PARTITIONS in one: enrich, replicate E, merge. */
enum {
    TASKS = PARTITIONS + PARTITIONS + 1
};

struct running {
    char name[TASK_NAME_MAX];
    int64_t claim;
};

/* One node, and what runs on it. */
struct host {
    struct etcd *e;
    struct node *node;
    struct running running[RUNNING_MAX];
    size_t count;
    int starts;
    int stops;
    int views;
    size_t streams;
    size_t nodes;
    bool is_fatal;
    bool has_left;
    bool is_stubborn; /* does not finish when told to stop */
};

struct cluster_of_hosts {
    struct fixture *f;
    struct host hosts[NODES];
};

static size_t find(const struct host *h, struct slice name)
{
    size_t i = 0;

    while (i < h->count && !slice_equal(slice_str(h->running[i].name), name))
        i++;
    return i;
}

static void on_start(void *arg, struct slice name, const struct task *t, int64_t claim)
{
    struct host *h = arg;

    (void)t;
    assert_true(claim > 0);
    assert_int_equal(find(h, name), h->count); /* never twice */
    assert_true(h->count < RUNNING_MAX);
    struct running *r = &h->running[h->count++];
    (void)snprintf(r->name, sizeof r->name, "%.*s", SLICE_ARG(name));
    r->claim = claim;
    h->starts++;
}

static void finish_task(struct host *h, struct slice name, int rc)
{
    char copy[TASK_NAME_MAX];
    const size_t at = find(h, name);

    assert_true(at < h->count);
    (void)snprintf(copy, sizeof copy, "%.*s", SLICE_ARG(name));
    h->running[at] = h->running[--h->count];
    node_task_finished(h->node, slice_str(copy), rc);
}

static void on_stop(void *arg, struct slice name)
{
    struct host *h = arg;

    h->stops++;
    if (!h->is_stubborn)
        finish_task(h, name, 0);
}

static void on_claim(void *arg, struct slice name, int64_t claim)
{
    struct host *h = arg;
    const size_t at = find(h, name);

    assert_true(at < h->count);
    h->running[at].claim = claim;
}

static void on_view(void *arg, const struct node_view *view)
{
    struct host *h = arg;

    h->views++;
    h->streams = view->stream_count;
    h->nodes = view->node_count;
}

static void on_fatal(void *arg, int rc, const char *why)
{
    struct host *h = arg;

    assert_int_equal(rc, ERR_FENCED);
    assert_non_null(why);
    h->is_fatal = true;
    h->node = NULL;
}

static void on_left(void *arg)
{
    ((struct host *)arg)->has_left = true;
}

static void host_open(struct fixture *f, struct host *h, const char *name)
{
    char endpoints[200];
    struct node_config config = {
        .cluster = "t",
        .dc = "eqiad",
        .node = name,
        .weight = 1,
        .lease_ttl_s = TTL_S,
        .task_start = on_start,
        .task_stop = on_stop,
        .task_claim = on_claim,
        .on_view = on_view,
        .on_fatal = on_fatal,
        .arg = h,
    };

    cluster_endpoints(&f->cluster, (const int[]){0, 1, 2, -1}, endpoints, sizeof endpoints);
    const struct etcd_config etcd = {.endpoints = endpoints,
                                     .ca_file = f->cluster.ca_file,
                                     .cert_file = f->cluster.cert_file,
                                     .key_file = f->cluster.key_file};
    memset(h, 0, sizeof *h);
    assert_int_equal(etcd_open(&f->loop, &etcd, &h->e), 0);
    assert_int_equal(node_open(h->e, &config, &h->node), 0);
}

/* As if its process had died. */
static void host_kill(struct host *h)
{
    node_close(h->node);
    etcd_close(h->e, NULL, NULL);
    memset(h, 0, sizeof *h);
}

/* One stream, one source with partitions in eqiad; cut 0. */
static void stream_put(struct fixture *f, const char *output)
{
    struct arena a;
    struct slice dcs[2] = {SLICE_LIT("codfw"), SLICE_LIT("eqiad")};
    struct slice sources[1] = {SLICE_LIT("page_change")};
    struct strand_name names[2 * PARTITIONS];
    struct strand_position positions[2 * PARTITIONS];
    const struct spec spec = {.version = 1,
                              .output = slice_str(output),
                              .dcs = {.items = dcs, .count = 2},
                              .sources = {.items = sources, .count = 1},
                              .min_members = 1};
    struct slice key[3];
    struct slice value[2];

    arena_init(&a, 4096, 16 << 20);
    for (uint32_t i = 0; i < 2 * PARTITIONS; i++) {
        names[i] = (struct strand_name){
            .by = dcs[i / PARTITIONS],
            .from = {.dc = dcs[1], .topic = sources[0], .partition = i % PARTITIONS}};
        positions[i] = (struct strand_position){.position = POSITION_NONE, .log_offset = -1};
    }
    struct cut cut = {.spec_version = 1,
                      .member_count = 2,
                      .members = {{.dc = dcs[0]}, {.dc = dcs[1]}},
                      .layout = {.count = 2 * PARTITIONS, .names = names},
                      .strands = positions,
                      .params = {.dedup_window = 1, .cap_records = 1, .cap_bytes = 1},
                      .proposer = SLICE_LIT("test")};
    layout_hash(&cut.layout);
    assert_int_equal(spec_encode(&spec, &a, &value[0]), 0);
    assert_int_equal(cut_encode(&cut, &a, &value[1]), 0);
    const enum keyspace_kind kinds[3] = {KEYSPACE_SPEC, KEYSPACE_CUT, KEYSPACE_CHANGED};
    struct etcd_op ops[3];
    for (int i = 0; i < 3; i++) {
        const struct keyspace_key name = {.kind = kinds[i],
                                          .cluster = SLICE_LIT("t"),
                                          .output = slice_str(output),
                                          .number = i == 0 ? 1 : 0};
        assert_int_equal(keyspace_build(&name, &a, &key[i]), 0);
        ops[i] = (struct etcd_op){.type = ETCD_OP_PUT,
                                  .put = {.key = key[i], .value = i < 2 ? value[i] : key[i]}};
    }
    const struct etcd_txn txn = {.then = ops, .then_count = 3};
    assert_int_equal(finish(f, etcd_txn(f->e, &txn, done(f), NULL)), 0);
    arena_deinit(&a);
}

static size_t running_all(const struct cluster_of_hosts *c)
{
    size_t count = 0;

    for (int i = 0; i < NODES; i++)
        count += c->hosts[i].count;
    return count;
}

/* Does every task run exactly once, under its claim? */
static bool is_settled(struct cluster_of_hosts *c, size_t tasks)
{
    struct fixture *f = c->f;
    const struct etcd_range claims = {.key = SLICE_LIT("/braid/t/claims/eqiad/"),
                                      .is_prefix = true};
    size_t good = 0;

    if (running_all(c) != tasks || finish(f, etcd_range(f->e, &claims, done(f), NULL)) != 0 ||
        f->answer.ops[0].kv_count != tasks)
        return false;
    for (size_t k = 0; k < tasks; k++) {
        const struct etcd_kv *kv = &f->answer.ops[0].kvs[k];
        struct keyspace_key key;
        assert_int_equal(keyspace_parse(kv->key, &key), 0);
        for (int i = 0; i < NODES; i++) {
            const size_t at = find(&c->hosts[i], key.name);
            good += at < c->hosts[i].count && c->hosts[i].running[at].claim == kv->create_revision;
        }
    }
    return good == tasks;
}

/* However busy the machine is. */
static bool settles(struct cluster_of_hosts *c, size_t tasks)
{
    for (int i = 0; i < WAIT_TRIES; i++) {
        if (is_settled(c, tasks))
            return true;
        run_for(c->f, 100);
    }
    for (int i = 0; i < NODES; i++)
        print_message("host %d: %zu running, %d starts, %d stops\n", i, c->hosts[i].count,
                      c->hosts[i].starts, c->hosts[i].stops);
    return false;
}

static bool holds(struct cluster_of_hosts *c, int host, size_t count)
{
    for (int i = 0; i < WAIT_TRIES && c->hosts[host].count != count; i++)
        run_for(c->f, 100);
    return c->hosts[host].count == count;
}

static void hosts_free(void *arg)
{
    struct cluster_of_hosts *c = arg;

    for (int i = 0; i < NODES; i++)
        host_kill(&c->hosts[i]);
    free(c);
}

static bool all_see(const struct cluster_of_hosts *c, int count)
{
    bool is_seen = true;

    for (int i = 0; i < count; i++)
        is_seen = is_seen && c->hosts[i].nodes == (size_t)count;
    return is_seen;
}

static struct cluster_of_hosts *hosts_open(struct fixture *f, int count)
{
    static const char *const NAMES[NODES] = {"n1", "n2", "n3"};
    struct cluster_of_hosts *c = calloc(1, sizeof *c);

    c->f = f;
    f->cleanup = hosts_free;
    f->cleanup_arg = c;
    for (int i = 0; i < count; i++)
        host_open(f, &c->hosts[i], NAMES[i]);
    /* All see all, so that nothing moves only because one came later. */
    for (int tries = 0; tries < WAIT_TRIES && !all_see(c, count); tries++)
        run_for(f, 100);
    assert_true(all_see(c, count));
    return c;
}

static void two_nodes_divide_the_tasks_of_a_stream_applied_later(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 2);

    assert_int_equal(running_all(c), 0);
    const uint64_t began_ms = uv_hrtime() / 1000000;
    stream_put(f, "out");
    assert_true(settles(c, TASKS));
    assert_in_range(uv_hrtime() / 1000000 - began_ms, 0,
                    NODE_REREAD_MS * 8 / 10); /* `changed` rang the bell */
    assert_int_equal(c->hosts[0].stops + c->hosts[1].stops, 0);
    assert_true(c->hosts[0].count > 0);
    assert_true(c->hosts[1].count > 0);
    assert_int_equal(c->hosts[0].streams, 1);
    assert_int_equal(c->hosts[0].nodes, 2);
}

static void a_node_that_comes_gets_its_share_by_handover(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 1);

    stream_put(f, "out");
    assert_true(settles(c, TASKS));
    host_open(f, &c->hosts[1], "n2");
    for (int i = 0; i < WAIT_TRIES && c->hosts[1].count == 0; i++)
        run_for(f, 100);
    assert_true(settles(c, TASKS));
    assert_true(c->hosts[1].count > 0);
    assert_int_equal(c->hosts[0].stops, (int)c->hosts[1].count);
    assert_int_equal(c->hosts[0].starts, TASKS); /* what stayed was not touched */
}

static void a_task_is_claimed_elsewhere_only_after_it_finished_here(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 1);

    stream_put(f, "out");
    assert_true(settles(c, TASKS));
    c->hosts[0].is_stubborn = true;
    host_open(f, &c->hosts[1], "n2");
    for (int i = 0; i < WAIT_TRIES && c->hosts[0].stops == 0; i++)
        run_for(f, 100);
    run_for(f, 2000);
    const int stops = c->hosts[0].stops;
    assert_true(stops > 0);
    assert_int_equal(c->hosts[1].starts, 0);
    assert_int_equal(c->hosts[0].count, TASKS);
    c->hosts[0].is_stubborn = false;
    for (size_t i = c->hosts[0].count; i-- > 0;) {
        struct slice name = slice_str(c->hosts[0].running[i].name);
        char copy[TASK_NAME_MAX];
        (void)snprintf(copy, sizeof copy, "%.*s", SLICE_ARG(name));
        finish_task(&c->hosts[0], slice_str(copy), 0);
    }
    assert_true(settles(c, TASKS));
    assert_int_equal((int)c->hosts[1].count, stops);
}

static void a_killed_nodes_tasks_move_when_its_lease_is_over(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 3);

    stream_put(f, "out");
    assert_true(settles(c, TASKS));
    const int stops = c->hosts[0].stops + c->hosts[2].stops;
    host_kill(&c->hosts[1]);
    assert_true(settles(c, TASKS));
    assert_int_equal(c->hosts[0].stops + c->hosts[2].stops, stops);
}

static void a_node_that_leaves_hands_its_tasks_over_at_once(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 2);

    stream_put(f, "out");
    assert_true(settles(c, TASKS));
    const uint64_t began_ms = uv_hrtime() / 1000000;
    node_leave(c->hosts[0].node, 5000, on_left, &c->hosts[0]);
    assert_true(run_until(f, &c->hosts[0].has_left, 30000));
    assert_int_equal(c->hosts[0].count, 0);
    assert_true(settles(c, TASKS));
    assert_in_range(uv_hrtime() / 1000000 - began_ms, 0, TTL_S * 1000 - 1);
    assert_int_equal(c->hosts[1].nodes, 1);
}

static void a_drained_node_loses_its_tasks_until_it_is_undrained(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 2);
    const struct etcd_range drain = {.key = SLICE_LIT("/braid/t/drains/eqiad/n1")};

    stream_put(f, "out");
    assert_true(settles(c, TASKS));
    const size_t before = c->hosts[0].count;
    assert_int_equal(put(f, "/braid/t/drains/eqiad/n1", ""), 0);
    assert_true(holds(c, 0, 0));
    assert_true(settles(c, TASKS));
    assert_int_equal(finish(f, etcd_delete(f->e, &drain, done(f), NULL)), 0);
    assert_true(holds(c, 0, before));
    assert_true(settles(c, TASKS));
    assert_int_equal(c->hosts[0].count, before);
}

static void tasks_go_on_while_etcd_is_away_and_keep_their_place(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 2);

    stream_put(f, "out");
    assert_true(settles(c, TASKS));
    for (int i = 0; i < MEMBERS; i++)
        cluster_kill(&f->cluster, i);
    run_for(f, 3 * TTL_S * 1000);
    assert_int_equal(running_all(c), TASKS);
    assert_int_equal(c->hosts[0].stops + c->hosts[1].stops, 0);
    cluster_heal(&f->cluster);
    assert_true(settles(c, TASKS));
    assert_int_equal(c->hosts[0].starts + c->hosts[1].starts, TASKS);
}

static void a_node_whose_lease_was_revoked_takes_its_tasks_again(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 1);
    char command[64];

    stream_put(f, "out");
    assert_true(settles(c, TASKS));
    const int64_t lease = node_status(c->hosts[0].node).lease;
    (void)snprintf(command, sizeof command, "lease revoke %llx", (unsigned long long)lease);
    assert_int_equal(cluster_etcdctl(&f->cluster, 0, command), 0);
    for (int i = 0; i < WAIT_TRIES && node_status(c->hosts[0].node).lease == lease; i++)
        run_for(f, 100);
    assert_true(settles(c, TASKS));
    assert_true(node_status(c->hosts[0].node).lease != lease);
    assert_int_equal(c->hosts[0].starts, TASKS);
    assert_int_equal(c->hosts[0].stops, 0);
}

static void a_deleted_streams_tasks_stop_and_a_broken_spec_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 1);
    const struct etcd_range stream = {.key = SLICE_LIT("/braid/t/streams/out/"), .is_prefix = true};

    stream_put(f, "out");
    stream_put(f, "other");
    assert_true(settles(c, 2 * TASKS));
    assert_int_equal(put(f, "/braid/t/streams/out/spec/2", "\xff\xff no spec"), 0);
    assert_int_equal(put(f, "/braid/t/streams/out/cuts/0/1", "\xff no cut"), 0);
    assert_int_equal(put(f, "/braid/t/nodes/eqiad/ghost", "\xff no node"), 0);
    assert_int_equal(put(f, "/braid/t/claims/eqiad/merge/nobody", "\xff"), 0);
    assert_int_equal(put(f, "/braid/t/changed", "1"), 0);
    run_for(f, 2000);
    const struct etcd_range ghost = {.key = SLICE_LIT("/braid/t/nodes/eqiad/ghost")};
    const struct etcd_range nobody = {.key = SLICE_LIT("/braid/t/claims/eqiad/merge/nobody")};
    assert_int_equal(finish(f, etcd_delete(f->e, &ghost, done(f), NULL)), 0);
    assert_int_equal(finish(f, etcd_delete(f->e, &nobody, done(f), NULL)), 0);
    run_for(f, 500);
    assert_true(settles(c, 2 * TASKS));
    assert_int_equal(finish(f, etcd_delete(f->e, &stream, done(f), NULL)), 0);
    assert_int_equal(put(f, "/braid/t/changed", "2"), 0);
    run_for(f, 500);
    assert_true(settles(c, TASKS));
}

static void the_newer_process_of_a_name_wins_and_the_older_ends(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 1);

    stream_put(f, "out");
    assert_true(settles(c, TASKS));
    host_open(f, &c->hosts[1], "n1");
    assert_true(run_until(f, &c->hosts[0].is_fatal, 30000));
    c->hosts[0].count = 0; /* its process ends */
    assert_true(settles(c, TASKS));
    assert_int_equal(c->hosts[1].count, TASKS);
}

static void a_task_that_fails_starts_again_and_a_fenced_one_under_a_new_claim(void **state)
{
    struct fixture *f = *state;
    struct cluster_of_hosts *c = hosts_open(f, 1);
    struct host *h = &c->hosts[0];

    stream_put(f, "out");
    assert_true(settles(c, TASKS));
    const size_t at = find(h, SLICE_LIT("merge/out"));
    const int64_t claim = h->running[at].claim;
    const uint64_t ended_ms = uv_hrtime() / 1000000;
    finish_task(h, SLICE_LIT("merge/out"), ERR_DELIVERY);
    assert_true(settles(c, TASKS));
    assert_true(uv_hrtime() / 1000000 - ended_ms > CLAIMS_RESTART_MS / 2); /* a pause first */
    /* each run of a merge has a claim of its own */
    const int64_t second = h->running[find(h, SLICE_LIT("merge/out"))].claim;
    assert_true(second > claim);
    finish_task(h, SLICE_LIT("merge/out"), ERR_FENCED);
    run_for(f, 200);
    assert_true(settles(c, TASKS));
    assert_true(h->running[find(h, SLICE_LIT("merge/out"))].claim > second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_nodes_divide_the_tasks_of_a_stream_applied_later),
        TEST(a_node_that_comes_gets_its_share_by_handover),
        TEST(a_task_is_claimed_elsewhere_only_after_it_finished_here),
        TEST(a_killed_nodes_tasks_move_when_its_lease_is_over),
        TEST(a_node_that_leaves_hands_its_tasks_over_at_once),
        TEST(a_drained_node_loses_its_tasks_until_it_is_undrained),
        TEST(tasks_go_on_while_etcd_is_away_and_keep_their_place),
        TEST(a_node_whose_lease_was_revoked_takes_its_tasks_again),
        TEST(a_deleted_streams_tasks_stop_and_a_broken_spec_changes_nothing),
        TEST(the_newer_process_of_a_name_wins_and_the_older_ends),
        TEST(a_task_that_fails_starts_again_and_a_fenced_one_under_a_new_claim),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, fixture_set_up_all, fixture_tear_down_all);
}
