/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: single calls mean what io_etcd.h says, also when servers are killed, paused, drained or
 * cut off. Method: three real members with TLS; faults by signals and by a proxy that loses
 * answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "coord/io_etcd_sync.h"
#include "proto/err.h"
#include "tests/integration/etcd_fixture.h"

const int FIXTURE_PORT_OFFSET = 0;

static void a_put_is_read_back_with_its_revisions(void **state)
{
    struct fixture *f = *state;
    const struct etcd_range range = {.key = SLICE_LIT("a")};

    assert_int_equal(put(f, "a", "one"), 0);
    const int64_t created = f->answer.header.revision;
    assert_int_equal(put(f, "a", "two"), 0);
    assert_int_equal(f->answer.header.revision, created + 1);
    assert_int_equal(finish(f, etcd_range(f->e, &range, done(f), NULL)), 0);
    assert_int_equal(f->answer.op_count, 1);
    assert_int_equal(f->answer.ops[0].kv_count, 1);
    const struct etcd_kv *kv = &f->answer.ops[0].kvs[0];
    assert_true(slice_equal(kv->value, SLICE_LIT("two")));
    assert_int_equal(kv->create_revision, created);
    assert_int_equal(kv->mod_revision, created + 1);
    assert_int_equal(kv->version, 2);
    assert_true(etcd_seen(f->e).cluster_id != 0);
    assert_int_equal(etcd_seen(f->e).revision_max, created + 1);
    assert_false(etcd_seen(f->e).has_changed);
}

static void an_absent_key_an_empty_value_and_any_bytes_are_told_apart(void **state)
{
    struct fixture *f = *state;
    const struct etcd_put odd = {.key = slice_of("\0\xff/", 3), .value = slice_of("\0", 1)};
    const struct etcd_range range = {.key = odd.key};
    int64_t version;

    assert_int_equal(get_version(f, "nothing", &version), 0);
    assert_int_equal(version, 0);
    assert_int_equal(put(f, "empty", ""), 0);
    assert_int_equal(get_version(f, "empty", &version), 0);
    assert_int_equal(version, 1);
    assert_int_equal(f->answer.ops[0].kvs[0].value.len, 0);
    assert_int_equal(finish(f, etcd_put(f->e, &odd, done(f), NULL)), 0);
    assert_int_equal(finish(f, etcd_range(f->e, &range, done(f), NULL)), 0);
    assert_true(slice_equal(f->answer.ops[0].kvs[0].value, odd.value));
}

static void a_prefix_is_read_in_order_up_to_its_limit(void **state)
{
    struct fixture *f = *state;
    struct etcd_range range = {.key = SLICE_LIT("p/"), .is_prefix = true, .limit = 2};

    assert_int_equal(put(f, "p/b", "1"), 0);
    assert_int_equal(put(f, "p/a", "2"), 0);
    assert_int_equal(put(f, "p/c", "3"), 0);
    assert_int_equal(put(f, "p0", "outside"), 0);
    assert_int_equal(finish(f, etcd_range(f->e, &range, done(f), NULL)), 0);
    assert_int_equal(f->answer.ops[0].kv_count, 2);
    assert_int_equal(f->answer.ops[0].count, 3);
    assert_true(f->answer.ops[0].more);
    assert_true(slice_equal(f->answer.ops[0].kvs[0].key, SLICE_LIT("p/a")));
    range.is_newest_first = true;
    range.limit = 1;
    assert_int_equal(finish(f, etcd_range(f->e, &range, done(f), NULL)), 0);
    assert_true(slice_equal(f->answer.ops[0].kvs[0].key, SLICE_LIT("p/c")));
    range.is_newest_first = false;
    range.limit = 0;
    range.created_from = f->answer.ops[0].kvs[0].create_revision - 1;
    assert_int_equal(finish(f, etcd_range(f->e, &range, done(f), NULL)), 0);
    assert_int_equal(f->answer.ops[0].kv_count, 2);
}

static void a_transaction_takes_the_branch_that_its_compares_say(void **state)
{
    struct fixture *f = *state;
    const struct etcd_compare absent = {
        .key = SLICE_LIT("t"), .target = ETCD_COMPARE_CREATE_REVISION, .result = ETCD_EQUAL};
    const struct etcd_op create = {.type = ETCD_OP_PUT,
                                   .put = {.key = SLICE_LIT("t"), .value = SLICE_LIT("mine")}};
    const struct etcd_op look = {.type = ETCD_OP_RANGE, .range = {.key = SLICE_LIT("t")}};
    const struct etcd_txn txn = {.compares = &absent,
                                 .compare_count = 1,
                                 .then = &create,
                                 .then_count = 1,
                                 .otherwise = &look,
                                 .otherwise_count = 1};

    assert_int_equal(finish(f, etcd_txn(f->e, &txn, done(f), NULL)), 0);
    assert_true(f->answer.succeeded);
    assert_int_equal(f->answer.ops[0].type, ETCD_OP_PUT);
    const int64_t created = f->answer.header.revision;
    assert_int_equal(finish(f, etcd_txn(f->e, &txn, done(f), NULL)), 0);
    assert_false(f->answer.succeeded);
    assert_int_equal(f->answer.ops[0].type, ETCD_OP_RANGE);
    assert_int_equal(f->answer.ops[0].kvs[0].create_revision, created);
}

static void a_transaction_inside_a_transaction_has_its_own_compares(void **state)
{
    struct fixture *f = *state;
    const struct etcd_compare owner = {.key = SLICE_LIT("claim"),
                                       .target = ETCD_COMPARE_VALUE,
                                       .result = ETCD_EQUAL,
                                       .value = SLICE_LIT("me")};
    const struct etcd_compare gone = {
        .key = SLICE_LIT("cut"), .target = ETCD_COMPARE_CREATE_REVISION, .result = ETCD_EQUAL};
    const struct etcd_op cut = {.type = ETCD_OP_PUT, .put = {.key = SLICE_LIT("cut")}};
    const struct etcd_txn inner = {
        .compares = &gone, .compare_count = 1, .then = &cut, .then_count = 1};
    const struct etcd_op ops[] = {
        {.type = ETCD_OP_PUT, .put = {.key = SLICE_LIT("report"), .value = SLICE_LIT("r")}},
        {.type = ETCD_OP_TXN, .txn = &inner},
        {.type = ETCD_OP_RANGE, .range = {.key = SLICE_LIT("report")}},
    };
    const struct etcd_txn outer = {
        .compares = &owner, .compare_count = 1, .then = ops, .then_count = 3};
    const struct etcd_op too_deep = {.type = ETCD_OP_TXN, .txn = &outer};
    const struct etcd_txn deep = {.then = &too_deep, .then_count = 1};

    assert_int_equal(finish(f, etcd_txn(f->e, &outer, done(f), NULL)), 0);
    assert_false(f->answer.succeeded);
    assert_int_equal(put(f, "claim", "me"), 0);
    assert_int_equal(finish(f, etcd_txn(f->e, &outer, done(f), NULL)), 0);
    assert_true(f->answer.succeeded);
    assert_int_equal(f->answer.op_count, 3);
    assert_true(f->answer.ops[1].succeeded);
    assert_int_equal(f->answer.ops[1].op_count, 1);
    assert_int_equal(f->answer.ops[2].kv_count, 1);
    assert_int_equal(finish(f, etcd_txn(f->e, &outer, done(f), NULL)), 0);
    assert_true(f->answer.succeeded);
    assert_false(f->answer.ops[1].succeeded); /* the cut is there already; the report was put */
    assert_int_equal(f->answer.ops[2].kvs[0].version, 2);
    assert_int_equal(etcd_txn(f->e, &deep, done(f), NULL), ERR_UNSUPPORTED);
}

static void what_is_too_large_or_too_much_is_refused_before_it_is_sent(void **state)
{
    struct fixture *f = *state;
    uint8_t *large = calloc(1, ETCD_REQUEST_BYTES_MAX);
    const struct etcd_put put = {.key = SLICE_LIT("l"),
                                 .value = slice_of(large, ETCD_REQUEST_BYTES_MAX)};
    const struct etcd_range range = {.key = SLICE_LIT("l")};
    int started = 0;
    int rc = 0;

    assert_int_equal(etcd_put(f->e, &put, done(f), NULL), ERR_TOO_LARGE);
    assert_int_equal(etcd_range(f->e, &(struct etcd_range){0}, done(f), NULL), ERR_MALFORMED);
    while (rc == 0 && started <= ETCD_CALLS_MAX) {
        rc = etcd_range(f->e, &range, (struct etcd_done){0}, NULL);
        started += rc == 0;
    }
    assert_int_equal(rc, ERR_BUSY);
    assert_int_equal(started, ETCD_CALLS_MAX);
    free(large);
}

static void a_value_of_a_megabyte_goes_and_comes(void **state)
{
    struct fixture *f = *state;
    const size_t len = 1000000;
    uint8_t *large = malloc(len);
    const struct etcd_range range = {.key = SLICE_LIT("m")};

    for (size_t i = 0; i < len; i++)
        large[i] = (uint8_t)(i * 7 + i / 251);
    const struct etcd_put put = {.key = SLICE_LIT("m"), .value = slice_of(large, len)};
    assert_int_equal(finish(f, etcd_put(f->e, &put, done(f), NULL)), 0);
    assert_int_equal(finish(f, etcd_range(f->e, &range, done(f), NULL)), 0);
    assert_true(slice_equal(f->answer.ops[0].kvs[0].value, put.value));
    free(large);
}

static void count_call(void *arg, const struct etcd_answer *answer)
{
    int *counts = arg;

    counts[answer->rc == 0 ? 0 : 1]++;
}

static void five_hundred_calls_at_once_share_one_connection_and_all_end(void **state)
{
    struct fixture *f = *state;
    int counts[2] = {0};
    const struct etcd_done each = {.fn = count_call, .arg = counts, .timeout_ms = 20000};

    fixture_connect_proxy(f, (const int[]){-1});
    for (int i = 0; i < 500; i++) {
        char key[20];
        (void)snprintf(key, sizeof key, "n/%d", i);
        const struct etcd_put put = {.key = slice_str(key), .value = SLICE_LIT("v")};
        assert_int_equal(etcd_put(f->e, &put, each, NULL), 0);
    }
    for (int i = 0; i < 200 && counts[0] + counts[1] < 500; i++)
        run_for(f, 100);
    assert_int_equal(counts[0], 500);
    assert_int_equal(f->proxy.accepted, 1);
}

static void calls_go_on_at_the_next_endpoint_when_a_server_is_killed(void **state)
{
    struct fixture *f = *state;
    int64_t version;

    assert_int_equal(put(f, "k", "before"), 0);
    cluster_kill(&f->cluster, 0);
    assert_int_equal(get_version(f, "k", &version), 0);
    assert_int_equal(version, 1);
    assert_true(etcd_seen(f->e).endpoint_moves > 0);
    /* The member may have been the leader: the first write may have to wait for another. */
    int rc = put(f, "k", "after");
    for (int i = 0; i < 10 && rc != 0; i++)
        rc = put(f, "k", "after");
    assert_int_equal(rc, 0);
}

static void a_dead_endpoint_costs_a_write_nothing_but_time(void **state)
{
    struct fixture *f = *state;
    char endpoints[200];

    (void)snprintf(endpoints, sizeof endpoints,
                   "https://127.0.0.1:1,https://localhost:2,https://127.0.0.1:%d",
                   cluster_client_port(&f->cluster, 1));
    fixture_connect(f, endpoints);
    assert_int_equal(put(f, "d", "v"), 0);
    assert_int_equal(etcd_seen(f->e).unknown_count, 0);
    assert_int_equal(etcd_seen(f->e).endpoint_moves, 2);
}

static void a_paused_server_is_left_for_another_and_a_read_still_ends_well(void **state)
{
    struct fixture *f = *state;
    int64_t version = 0;

    assert_int_equal(put(f, "s", "v"), 0);
    cluster_pause(&f->cluster, 0);
    const uint64_t began_ms = uv_hrtime() / 1000000;
    int rc = get_version(f, "s", &version);
    if (rc != 0) /* it led: the others first elect another */
        rc = get_version(f, "s", &version);
    assert_int_equal(rc, 0);
    assert_int_equal(version, 1);
    assert_in_range(uv_hrtime() / 1000000 - began_ms, 1000, 9000);
    cluster_resume(&f->cluster, 0);
}

static void a_write_to_a_paused_server_is_unknown_never_repeated(void **state)
{
    struct fixture *f = *state;
    int64_t version = -1;

    fixture_connect_members(f, (const int[]){0, -1});
    assert_int_equal(put(f, "first", "v"), 0);
    cluster_pause(&f->cluster, 0);
    assert_int_equal(put(f, "w", "v"), ERR_UNKNOWN);
    assert_int_equal(etcd_seen(f->e).unknown_count, 1);
    cluster_resume(&f->cluster, 0);
    run_for(f, 1500);
    for (int i = 0; i < 10 && get_version(f, "w", &version) != 0; i++)
        run_for(f, 200);
    assert_in_range(version, 0, 1);
}

static void a_write_whose_answer_is_lost_with_its_connection_happens_once(void **state)
{
    struct fixture *f = *state;
    int64_t version = 0;

    fixture_connect_proxy(f, (const int[]){-1});
    assert_int_equal(put(f, "warm", "v"), 0);
    for (int round = 1; round <= 5; round++) {
        const struct etcd_put write = {.key = SLICE_LIT("once"), .value = SLICE_LIT("v")};
        f->proxy.drops_answers = true;
        assert_int_equal(etcd_put(f->e, &write, done(f), NULL), 0);
        run_for(f, 300); /* the server has it by now */
        f->proxy.drops_answers = false;
        tcp_proxy_cut(&f->proxy);
        assert_int_equal(finish(f, 0), ERR_UNKNOWN);
        assert_int_equal(get_version(f, "once", &version), 0);
        assert_int_equal(version, round);
    }
    assert_int_equal(etcd_seen(f->e).unknown_count, 5);
}

static void while_a_server_drains_every_acknowledged_write_is_there(void **state)
{
    struct fixture *f = *state;
    int64_t count = 0;
    int good = 0;
    int unclear = 0;

    fixture_connect_members(f, (const int[]){2, 0, 1, -1});
    for (int i = 0; i < 100; i++) {
        char key[20];
        (void)snprintf(key, sizeof key, "drain/%d", i);
        if (i == 10)
            cluster_terminate(&f->cluster, 2);
        const int rc = put(f, key, "v");
        good += rc == 0;
        unclear += rc == ERR_UNKNOWN;
        if (rc != 0 && rc != ERR_UNKNOWN)
            print_message("write %d: %s\n", i, err_name(rc));
        run_for(f, 20);
    }
    cluster_reap(&f->cluster, 2);
    assert_int_equal(count_prefix(f, "drain/", &count), 0);
    assert_true(count >= good);
    assert_true(count <= good + unclear);
    assert_true(good >= 80);
}

static void without_a_majority_nothing_is_written_and_afterwards_all_is_well(void **state)
{
    struct fixture *f = *state;
    int64_t version = -1;

    assert_int_equal(put(f, "q", "v"), 0);
    cluster_pause(&f->cluster, 1);
    cluster_pause(&f->cluster, 2);
    const int rc = put(f, "q", "w");
    assert_true(rc == ERR_UNKNOWN || rc == ERR_TIMEOUT || rc == ERR_UNAVAILABLE);
    const int read_rc = get_version(f, "q", &version);
    assert_true(read_rc == ERR_TIMEOUT || read_rc == ERR_UNAVAILABLE);
    assert_true(etcd_seen(f->e).calls_waiting == 0);
    cluster_resume(&f->cluster, 1);
    cluster_resume(&f->cluster, 2);
    int again = ERR_TIMEOUT;
    for (int i = 0; i < 10 && again != 0; i++)
        again = get_version(f, "q", &version);
    assert_int_equal(again, 0);
    assert_in_range(version, 1, 2);
}

static void a_serializable_read_is_answered_without_a_majority(void **state)
{
    struct fixture *f = *state;
    const struct etcd_range range = {.key = SLICE_LIT("z"), .is_serializable = true};

    fixture_connect_members(f, (const int[]){0, -1});
    assert_int_equal(put(f, "z", "v"), 0);
    cluster_pause(&f->cluster, 1);
    cluster_pause(&f->cluster, 2);
    assert_int_equal(finish(f, etcd_range(f->e, &range, done(f), NULL)), 0);
    assert_int_equal(f->answer.ops[0].kv_count, 1);
}

static void a_server_with_a_strange_certificate_gets_no_request(void **state)
{
    struct fixture *f = *state;
    char endpoint[64];
    struct etcd_config config = {
        .endpoints = endpoint, /* no ca_file: signed by nobody the system knows */
        .cert_file = f->cluster.cert_file,
        .key_file = f->cluster.key_file,
        .call_timeout_ms = 1000,
    };

    (void)snprintf(endpoint, sizeof endpoint, "https://127.0.0.1:%d",
                   cluster_client_port(&f->cluster, 0));
    etcd_close(f->e, NULL, NULL);
    assert_int_equal(etcd_open(&f->loop, &config, &f->e), 0);
    const int rc = put(f, "stranger", "v");
    assert_true(rc == ERR_TIMEOUT || rc == ERR_UNAVAILABLE); /* but not ERR_UNKNOWN */
    assert_true(f->answer.text.len > 0);
}

static void unusable_endpoints_are_a_configuration_error(void **state)
{
    struct fixture *f = *state;
    struct etcd *e = NULL;

    assert_int_equal(etcd_open(&f->loop, &(struct etcd_config){0}, &e), ERR_CONFIG);
    assert_int_equal(etcd_open(&f->loop, &(struct etcd_config){.endpoints = " , "}, &e),
                     ERR_CONFIG);
    assert_int_equal(etcd_open(&f->loop, &(struct etcd_config){.endpoints = "ftp://x"}, &e),
                     ERR_CONFIG);
    assert_null(e);
}

static void a_cancelled_call_is_never_called_back(void **state)
{
    struct fixture *f = *state;
    const struct etcd_range range = {.key = SLICE_LIT("c")};
    int counts[2] = {0};
    const struct etcd_done each = {.fn = count_call, .arg = counts};
    uint64_t ids[3];

    for (int i = 0; i < 3; i++)
        assert_int_equal(etcd_range(f->e, &range, each, &ids[i]), 0);
    etcd_cancel(f->e, ids[1]);
    etcd_cancel(f->e, ids[1]);
    run_for(f, 1000);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 0);
}

static void members_and_status_say_who_is_there(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(finish(f, etcd_member_list(f->e, done(f))), 0);
    assert_int_equal(f->answer.member_count, 3);
    assert_true(f->answer.members[0].client_url.len > 0);
    assert_int_equal(finish(f, etcd_status(f->e, done(f))), 0);
    assert_true(f->answer.version.len > 0);
    assert_true(f->answer.leader != 0);
    assert_true(f->answer.db_bytes > 0);
}

static void a_compacted_revision_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    struct etcd_range range = {.key = SLICE_LIT("old")};

    assert_int_equal(put(f, "old", "1"), 0);
    range.revision = f->answer.header.revision;
    assert_int_equal(put(f, "old", "2"), 0);
    assert_int_equal(finish(f, etcd_range(f->e, &range, done(f), NULL)), 0);
    assert_int_equal(finish(f, etcd_compact(f->e, range.revision + 1, done(f))), 0);
    assert_int_equal(finish(f, etcd_range(f->e, &range, done(f), NULL)), ERR_COMPACTED);
}

static void an_etcd_that_has_forgotten_is_noticed(void **state)
{
    struct fixture *f = *state;
    int64_t version = -1;
    int rc = ERR_TIMEOUT;

    assert_int_equal(put(f, "f", "v"), 0);
    assert_int_equal(put(f, "f", "w"), 0);
    cluster_wipe(&f->cluster);
    cluster_heal(&f->cluster);
    assert_false(etcd_seen(f->e).has_changed);
    for (int i = 0; i < 10 && rc != 0; i++)
        rc = get_version(f, "f", &version);
    assert_int_equal(rc, 0);
    assert_int_equal(version, 0);
    assert_true(etcd_seen(f->e).has_changed);
}

static void blocking_calls_do_the_same(void **state)
{
    struct fixture *f = *state;
    char endpoints[200];
    struct etcd_sync *s;
    struct etcd_answer answer;
    struct etcd_kv kv;
    struct etcd_kvs kvs;
    struct arena a;

    cluster_endpoints(&f->cluster, (const int[]){0, 1, 2, -1}, endpoints, sizeof endpoints);
    const struct etcd_config config = {.endpoints = endpoints,
                                       .ca_file = f->cluster.ca_file,
                                       .cert_file = f->cluster.cert_file,
                                       .key_file = f->cluster.key_file};
    arena_init(&a, 4096, 16 * 1024 * 1024);
    assert_int_equal(etcd_sync_open(&config, &s), 0);
    assert_int_equal(etcd_sync_get(s, SLICE_LIT("b/none"), &a, &kv), ERR_NOT_FOUND);
    for (int i = 0; i < 1200; i++) {
        char key[20];
        (void)snprintf(key, sizeof key, "b/%04d", i);
        const struct etcd_op op = {.type = ETCD_OP_PUT,
                                   .put = {.key = slice_str(key), .value = SLICE_LIT("v")}};
        const struct etcd_txn txn = {.then = &op, .then_count = 1};
        assert_int_equal(etcd_sync_txn(s, &txn, &a, &answer), 0);
    }
    assert_int_equal(etcd_sync_get_prefix(s, SLICE_LIT("b/"), &a, &kvs), 0);
    assert_int_equal(kvs.count, 1200);
    assert_true(slice_equal(kvs.items[1199].key, SLICE_LIT("b/1199")));
    assert_int_equal(etcd_sync_get(s, SLICE_LIT("b/0007"), &a, &kv), 0);
    assert_true(slice_equal(kv.value, SLICE_LIT("v")));
    assert_int_equal(etcd_sync_lease_grant(s, 5, &a, &answer), 0);
    const int64_t lease = answer.lease;
    assert_int_equal(etcd_sync_lease_renew(s, lease, &a, &answer), 0);
    assert_in_range(answer.ttl_s, 1, 10);
    assert_int_equal(etcd_sync_lease_revoke(s, lease, &a, &answer), 0);
    assert_int_equal(etcd_sync_lease_renew(s, lease, &a, &answer), 0);
    assert_int_equal(answer.ttl_s, 0);
    assert_int_equal(etcd_sync_lease_revoke(s, lease, &a, &answer), ERR_NOT_FOUND);
    assert_true(strlen(etcd_sync_error(s)) > 0);
    etcd_sync_close(s);
    arena_deinit(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_put_is_read_back_with_its_revisions),
        TEST(an_absent_key_an_empty_value_and_any_bytes_are_told_apart),
        TEST(a_prefix_is_read_in_order_up_to_its_limit),
        TEST(a_transaction_takes_the_branch_that_its_compares_say),
        TEST(a_transaction_inside_a_transaction_has_its_own_compares),
        TEST(what_is_too_large_or_too_much_is_refused_before_it_is_sent),
        TEST(a_value_of_a_megabyte_goes_and_comes),
        TEST(five_hundred_calls_at_once_share_one_connection_and_all_end),
        TEST(calls_go_on_at_the_next_endpoint_when_a_server_is_killed),
        TEST(a_dead_endpoint_costs_a_write_nothing_but_time),
        TEST(a_paused_server_is_left_for_another_and_a_read_still_ends_well),
        TEST(a_write_to_a_paused_server_is_unknown_never_repeated),
        TEST(a_write_whose_answer_is_lost_with_its_connection_happens_once),
        TEST(while_a_server_drains_every_acknowledged_write_is_there),
        TEST(without_a_majority_nothing_is_written_and_afterwards_all_is_well),
        TEST(a_serializable_read_is_answered_without_a_majority),
        TEST(a_server_with_a_strange_certificate_gets_no_request),
        TEST(unusable_endpoints_are_a_configuration_error),
        TEST(a_cancelled_call_is_never_called_back),
        TEST(members_and_status_say_who_is_there),
        TEST(a_compacted_revision_cannot_be_read),
        TEST(an_etcd_that_has_forgotten_is_noticed),
        TEST(blocking_calls_do_the_same),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, fixture_set_up_all, fixture_tear_down_all);
}
