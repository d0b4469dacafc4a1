/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what a watch has told is what etcd has, whatever happens between; leases are kept, and
 * their loss is told. Method: three real members; a mirror of a prefix is compared with a read of
 * it after each fault.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "coord/io_etcd_lease.h"
#include "coord/io_node.h"
#include "coord/io_table.h"
#include "proto/err.h"
#include "tests/integration/etcd_fixture.h"

const int FIXTURE_PORT_OFFSET = 100;

enum {
    WAIT_STEP_MS = 20,
    WAIT_TRIES = 1500
};

static struct etcd_watch *watch(struct fixture *f, struct mirror *m, uint32_t reread_ms)
{
    struct etcd_watch *w = NULL;
    const struct etcd_watch_config config = {.prefix = SLICE_LIT("w/"),
                                             .reread_ms = reread_ms,
                                             .page_keys = 7,
                                             .fn = mirror_tell,
                                             .arg = m};

    memset(m, 0, sizeof *m);
    assert_int_equal(etcd_watch(f->e, &config, &w), 0);
    assert_int_equal(m->snapshots, 0);
    return w;
}

static void put_many(struct fixture *f, const char *prefix, int count)
{
    for (int i = 0; i < count; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%s%d", prefix, i);
        assert_int_equal(put(f, key, "v"), 0);
    }
}

/* Waits for what comes by itself, however busy the machine is. */
static bool reaches(struct fixture *f, const int *count, int least)
{
    for (int i = 0; i < WAIT_TRIES && *count < least; i++)
        run_for(f, WAIT_STEP_MS);
    return *count >= least;
}

static bool table_reaches(struct fixture *f, const struct io_table *table, size_t count)
{
    for (int i = 0; i < WAIT_TRIES && table->count != count; i++)
        run_for(f, WAIT_STEP_MS);
    return table->count == count;
}

static bool becomes_live(struct fixture *f, struct etcd_watch *w)
{
    for (int i = 0; i < WAIT_TRIES && !etcd_watch_is_live(w); i++)
        run_for(f, WAIT_STEP_MS);
    return etcd_watch_is_live(w);
}

static void a_watch_begins_with_a_snapshot_of_all_pages_and_goes_on_with_changes(void **state)
{
    struct fixture *f = *state;
    struct mirror m;
    const struct etcd_range gone = {.key = SLICE_LIT("w/3")};

    put_many(f, "w/", 30);
    put_many(f, "x/", 3);
    (void)watch(f, &m, 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    assert_int_equal(m.snapshots, 1);
    put_many(f, "w/new", 5);
    assert_int_equal(finish(f, etcd_delete(f->e, &gone, done(f), NULL)), 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    assert_int_equal(m.snapshots, 1);
    assert_int_equal(m.changes, 6);
    assert_false(m.went_back);
}

static void the_changes_of_one_transaction_come_together(void **state)
{
    struct fixture *f = *state;
    struct mirror m;
    struct etcd_op ops[3];
    static const char *const KEYS[3] = {"w/a", "w/b", "w/c"};

    (void)watch(f, &m, 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    for (int i = 0; i < 3; i++)
        ops[i] = (struct etcd_op){.type = ETCD_OP_PUT, .put = {.key = slice_str(KEYS[i])}};
    const struct etcd_txn txn = {.then = ops, .then_count = 3};
    assert_int_equal(finish(f, etcd_txn(f->e, &txn, done(f), NULL)), 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    assert_int_equal(m.changes, 3);
    assert_int_equal(m.revision, m.keys[0].mod_revision);
}

static void a_watch_of_nothing_yet_tells_an_empty_snapshot(void **state)
{
    struct fixture *f = *state;
    struct mirror m;

    struct etcd_watch *w = watch(f, &m, 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    assert_int_equal(m.count, 0);
    assert_true(m.revision > 0);
    assert_true(becomes_live(f, w));
    etcd_watch_stop(w);
    put_many(f, "w/", 3);
    run_for(f, 200);
    assert_int_equal(m.count, 0); /* stopped is stopped */
}

static void a_watch_reads_again_by_itself_and_when_asked(void **state)
{
    struct fixture *f = *state;
    struct mirror m;

    put_many(f, "w/", 10);
    struct etcd_watch *w = watch(f, &m, 400);
    const uint64_t began_ms = uv_hrtime() / 1000000;
    assert_true(reaches(f, &m.snapshots, 4));
    assert_in_range(m.snapshots, 4, (uv_hrtime() / 1000000 - began_ms) / 400 + 2);
    etcd_watch_stop(w);
    struct etcd_watch *quiet = watch(f, &m, 0);
    assert_true(reaches(f, &m.snapshots, 1));
    assert_true(becomes_live(f, quiet));
    etcd_watch_reread(quiet);
    etcd_watch_reread(quiet);
    assert_true(reaches(f, &m.snapshots, 2));
    run_for(f, 200);
    assert_in_range(m.snapshots, 2, 3);
    assert_int_equal(m.changes, 0);
    assert_false(m.went_back);
}

static void rereads_between_busy_writes_lose_and_repeat_nothing(void **state)
{
    struct fixture *f = *state;
    struct mirror m;

    (void)watch(f, &m, 20);
    for (int i = 0; i < 300; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "w/%d", i % 40);
        assert_int_equal(put(f, key, "v"), 0);
    }
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    assert_false(m.went_back);
    assert_true(m.snapshots > 5);
}

static void a_killed_server_costs_a_watch_a_snapshot_and_no_change(void **state)
{
    struct fixture *f = *state;
    struct mirror m;

    put_many(f, "w/", 10);
    (void)watch(f, &m, 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    for (int member = 0; member < 2; member++) {
        cluster_kill(&f->cluster, member);
        for (int i = 0; i < 20; i++) {
            char key[32];
            (void)snprintf(key, sizeof key, "w/%d-%d", member, i);
            (void)put(f, key, "v");
            run_for(f, 20);
        }
        assert_true(mirror_becomes_true(f, &m, "w/", 20000));
        cluster_heal(&f->cluster);
    }
    assert_true(m.snapshots >= 2);
    assert_false(m.went_back);
}

static void a_drained_server_costs_a_watch_nothing_either(void **state)
{
    struct fixture *f = *state;
    struct mirror m;

    (void)watch(f, &m, 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    cluster_terminate(&f->cluster, 0);
    for (int i = 0; i < 100; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "w/%d", i);
        (void)put(f, key, "v");
        run_for(f, 30);
    }
    cluster_reap(&f->cluster, 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    assert_false(m.went_back);
}

static void a_black_hole_is_left_for_another_server_in_seconds(void **state)
{
    struct fixture *f = *state;
    struct mirror m;

    fixture_connect_proxy(f, (const int[]){1, -1});
    struct etcd_watch *w = watch(f, &m, 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    f->proxy.drops_all = true;
    /* Somebody else writes meanwhile; this client has no call of its own under way. */
    assert_int_equal(cluster_etcdctl(&f->cluster, 1, "put w/else v"), 0);
    assert_true(reaches(f, &m.snapshots, 2));
    assert_true(becomes_live(f, w));
    assert_int_equal(m.count, 1);
}

static void a_paused_server_is_left_and_a_watch_goes_on_elsewhere(void **state)
{
    struct fixture *f = *state;
    struct mirror m;

    (void)watch(f, &m, 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    cluster_pause(&f->cluster, 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 30000));
    put_many(f, "w/", 5);
    assert_true(mirror_becomes_true(f, &m, "w/", 30000));
    cluster_resume(&f->cluster, 0);
    assert_int_equal(m.count, 5);
    assert_false(m.went_back);
}

static void a_compaction_under_a_watch_and_one_while_it_is_away_do_no_harm(void **state)
{
    struct fixture *f = *state;
    struct mirror m;

    fixture_connect_proxy(f, (const int[]){-1});
    (void)watch(f, &m, 0);
    put_many(f, "w/", 20);
    assert_int_equal(finish(f, etcd_compact(f->e, f->answer.header.revision, done(f))), 0);
    put_many(f, "w/more", 20);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    const int64_t revision = etcd_seen(f->e).revision_max;
    f->proxy.drops_all = true;
    for (int i = 0; i < 5; i++)
        assert_int_equal(cluster_etcdctl(&f->cluster, 1, "put w/away v"), 0);
    char command[64];
    (void)snprintf(command, sizeof command, "compact %lld", (long long)revision + 4);
    assert_int_equal(cluster_etcdctl(&f->cluster, 1, command), 0);
    tcp_proxy_cut(&f->proxy);
    f->proxy.drops_all = false;
    assert_true(mirror_becomes_true(f, &m, "w/", 30000));
    assert_int_equal(m.count, 41);
    assert_false(m.went_back);
}

static void a_member_without_a_majority_is_no_source_of_news(void **state)
{
    struct fixture *f = *state;
    struct mirror m;

    fixture_connect_members(f, (const int[]){0, -1});
    struct etcd_watch *w = watch(f, &m, 0);
    put_many(f, "w/", 3);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    cluster_pause(&f->cluster, 1);
    cluster_pause(&f->cluster, 2);
    run_for(f, 8000);
    assert_false(etcd_watch_is_live(w));
    assert_int_equal(m.count, 3); /* what was known stays known */
    cluster_resume(&f->cluster, 1);
    cluster_resume(&f->cluster, 2);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    assert_int_equal(put(f, "w/after", "v"), 0);
    assert_true(mirror_becomes_true(f, &m, "w/", 20000));
    assert_false(m.went_back);
}

static void tell_table(void *arg, const struct etcd_watch_event *event)
{
    (void)io_table_apply(arg, event);
}

static void a_table_of_a_watch_holds_what_etcd_holds(void **state)
{
    struct fixture *f = *state;
    struct io_table table = {0};
    struct etcd_watch *w;
    const struct etcd_watch_config config = {
        .prefix = SLICE_LIT("w/"), .reread_ms = 50, .fn = tell_table, .arg = &table};
    const struct etcd_range one = {.key = SLICE_LIT("w/1"), .is_prefix = true};
    const struct etcd_range all = {.key = SLICE_LIT("w/"), .is_prefix = true};

    put_many(f, "w/", 25);
    assert_int_equal(etcd_watch(f->e, &config, &w), 0);
    assert_true(table_reaches(f, &table, 25));
    assert_int_equal(finish(f, etcd_delete(f->e, &one, done(f), NULL)), 0);
    put_many(f, "w/2", 5);
    run_for(f, 300);
    assert_int_equal(finish(f, etcd_range(f->e, &all, done(f), NULL)), 0);
    assert_true(table_reaches(f, &table, f->answer.ops[0].kv_count));
    for (size_t i = 0; i < table.count; i++) {
        assert_true(slice_equal(table.kvs[i].key, f->answer.ops[0].kvs[i].key));
        assert_int_equal(table.kvs[i].mod_revision, f->answer.ops[0].kvs[i].mod_revision);
    }
    assert_null(io_table_find(&table, SLICE_LIT("w/1")));
    assert_non_null(io_table_find(&table, SLICE_LIT("w/0")));
    etcd_watch_stop(w);
    io_table_deinit(&table);
}

struct leases {
    int granted;
    int lost;
    int64_t lease;
};

static void on_granted(void *arg, int64_t lease)
{
    struct leases *l = arg;

    assert_int_equal(l->granted, l->lost);
    l->granted++;
    l->lease = lease;
}

static void on_lost(void *arg, int64_t lease)
{
    struct leases *l = arg;

    assert_int_equal(l->granted, l->lost + 1);
    assert_int_equal(lease, l->lease);
    l->lost++;
}

static struct etcd_lease *lease_of(struct fixture *f, int64_t ttl_s, struct leases *told)
{
    const struct etcd_lease_config config = {
        .ttl_s = ttl_s, .on_granted = on_granted, .on_lost = on_lost, .arg = told};
    struct etcd_lease *l;

    memset(told, 0, sizeof *told);
    assert_int_equal(etcd_lease_open(f->e, &config, &l), 0);
    assert_int_equal(told->granted, 0);
    assert_true(reaches(f, &told->granted, 1));
    return l;
}

static struct etcd_lease *lease(struct fixture *f, struct leases *told)
{
    return lease_of(f, 2, told);
}

static void a_lease_is_kept_past_its_ttl_and_its_keys_with_it(void **state)
{
    struct fixture *f = *state;
    struct leases told;
    int64_t version = 0;

    struct etcd_lease *l = lease(f, &told);
    const struct etcd_put put = {.key = SLICE_LIT("mine"), .lease = told.lease};
    assert_int_equal(finish(f, etcd_put(f->e, &put, done(f), NULL)), 0);
    run_for(f, 6000);
    assert_int_equal(get_version(f, "mine", &version), 0);
    assert_int_equal(version, 1);
    assert_int_equal(told.lost, 0);
    assert_true(etcd_lease_sure_until_ms(l) > uv_now(&f->loop));
    etcd_lease_close(l, true);
    run_for(f, 300);
    assert_int_equal(get_version(f, "mine", &version), 0);
    assert_int_equal(version, 0);
}

static void a_lease_that_is_revoked_is_told_lost_and_granted_anew(void **state)
{
    struct fixture *f = *state;
    struct leases told;
    char command[64];

    (void)lease(f, &told);
    const int64_t first = told.lease;
    (void)snprintf(command, sizeof command, "lease revoke %llx", (unsigned long long)first);
    assert_int_equal(cluster_etcdctl(&f->cluster, 0, command), 0);
    assert_true(reaches(f, &told.granted, 2));
    assert_int_equal(told.lost, 1);
    assert_true(told.lease != first);
}

static void a_lease_is_unsure_not_lost_while_no_server_answers(void **state)
{
    struct fixture *f = *state;
    struct leases told;

    struct etcd_lease *l = lease(f, &told);
    for (int i = 0; i < MEMBERS; i++)
        cluster_pause(&f->cluster, i);
    run_for(f, 5000);
    assert_int_equal(told.lost, 0);
    assert_true(etcd_lease_sure_until_ms(l) < uv_now(&f->loop));
    for (int i = 0; i < MEMBERS; i++)
        cluster_resume(&f->cluster, i);
    /* The servers had stood still too; whether the lease outlives that is theirs to say. */
    for (int i = 0; i < 300 && etcd_lease_sure_until_ms(l) < uv_now(&f->loop); i++)
        run_for(f, 100);
    assert_true(etcd_lease_sure_until_ms(l) > uv_now(&f->loop));
    assert_int_equal(told.granted, told.lost + 1);
}

static void a_lease_survives_the_death_of_the_server_that_kept_it(void **state)
{
    struct fixture *f = *state;
    struct leases told;

    (void)lease(f, &told);
    cluster_kill(&f->cluster, 0);
    run_for(f, 6000);
    assert_int_equal(told.lost, 0);
}

/* The silence must be noticed while there is time for another server to answer. */
static void a_lease_survives_a_server_that_stands_still(void **state)
{
    struct fixture *f = *state;
    struct leases told;

    (void)lease_of(f, NODE_LEASE_TTL_S, &told);
    cluster_pause(&f->cluster, 0);
    run_for(f, 6000);
    cluster_resume(&f->cluster, 0);
    run_for(f, 1000);
    assert_int_equal(told.lost, 0);
}

static double cpu_seconds(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void an_idle_client_takes_no_processor_time(void **state)
{
    struct fixture *f = *state;
    struct mirror m[4];
    struct leases told;

    for (int i = 0; i < 4; i++)
        (void)watch(f, &m[i], 0);
    (void)lease(f, &told);
    const double before = cpu_seconds();
    run_for(f, 10000);
    const double used = cpu_seconds() - before;
    print_message("4 watches and a lease, idle: %.1f ms of CPU a second\n", used * 100);
    assert_true(used < 0.2); /* 2 percent, under the sanitizers */
}

static void nobody(void *arg, const struct etcd_answer *answer)
{
    (void)answer;
    fail_msg("called back after the client was closed: %s", (const char *)arg);
}

static void closing_in_the_middle_of_everything_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct mirror m;
    struct leases told;
    const struct etcd_range range = {.key = SLICE_LIT("w/"), .is_prefix = true};
    const struct etcd_put put = {.key = SLICE_LIT("w/p"), .value = SLICE_LIT("v")};
    char text[] = "a call";
    const struct etcd_done each = {.fn = nobody, .arg = text};

    put_many(f, "w/", 50);
    for (uint64_t ms = 0; ms < 40; ms++) {
        (void)watch(f, &m, 10);
        (void)lease(f, &told);
        run_for(f, ms);
        for (int i = 0; i < 20; i++) {
            assert_int_equal(etcd_range(f->e, &range, each, NULL), 0);
            assert_int_equal(etcd_put(f->e, &put, each, NULL), 0);
        }
        if (ms % 2 == 1)
            (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        fixture_connect_members(f, (const int[]){0, 1, 2, -1});
        ms += 3;
    }
    run_for(f, 300);
}

struct stopper {
    struct etcd_watch *w;
    int told;
};

static void stop_at_once(void *arg, const struct etcd_watch_event *event)
{
    struct stopper *s = arg;

    (void)event;
    s->told++;
    etcd_watch_stop(s->w);
}

static void a_watch_may_be_stopped_from_within_its_own_callback(void **state)
{
    struct fixture *f = *state;
    struct stopper s = {0};
    const struct etcd_watch_config config = {
        .prefix = SLICE_LIT("w/"), .fn = stop_at_once, .arg = &s};

    put_many(f, "w/", 3);
    assert_int_equal(etcd_watch(f->e, &config, &s.w), 0);
    assert_true(reaches(f, &s.told, 1));
    run_for(f, 200);
    assert_int_equal(s.told, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_watch_begins_with_a_snapshot_of_all_pages_and_goes_on_with_changes),
        TEST(the_changes_of_one_transaction_come_together),
        TEST(a_watch_of_nothing_yet_tells_an_empty_snapshot),
        TEST(a_watch_reads_again_by_itself_and_when_asked),
        TEST(rereads_between_busy_writes_lose_and_repeat_nothing),
        TEST(a_killed_server_costs_a_watch_a_snapshot_and_no_change),
        TEST(a_drained_server_costs_a_watch_nothing_either),
        TEST(a_black_hole_is_left_for_another_server_in_seconds),
        TEST(a_paused_server_is_left_and_a_watch_goes_on_elsewhere),
        TEST(a_compaction_under_a_watch_and_one_while_it_is_away_do_no_harm),
        TEST(a_member_without_a_majority_is_no_source_of_news),
        TEST(a_table_of_a_watch_holds_what_etcd_holds),
        TEST(a_lease_is_kept_past_its_ttl_and_its_keys_with_it),
        TEST(a_lease_that_is_revoked_is_told_lost_and_granted_anew),
        TEST(a_lease_is_unsure_not_lost_while_no_server_answers),
        TEST(a_lease_survives_the_death_of_the_server_that_kept_it),
        TEST(a_lease_survives_a_server_that_stands_still),
        TEST(an_idle_client_takes_no_processor_time),
        TEST(closing_in_the_middle_of_everything_leaves_nothing),
        TEST(a_watch_may_be_stopped_from_within_its_own_callback),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, fixture_set_up_all, fixture_tear_down_all);
}
