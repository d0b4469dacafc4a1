/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: `braidctl status` finds what counts among everything that etcd may hold, and fast: a stream has
 * up to 2,000 cuts there, of which only the newest is read. Method: a cluster's keys as nodes and
 * merges write them, in three real members; then the program itself. How long it took is printed, and
 * judged by nobody here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "coord/ctl/apply.h"
#include "coord/pb_arena.h"
#include "coord/spec.h"
#include "proto/braid.pb-c.h"
#include "proto/cut.h"
#include "tests/integration/etcd_fixture.h"

const int FIXTURE_PORT_OFFSET = 600;

enum {
    CUTS = 2000,
    PARTITIONS = 12,
    RUNS = 21,
    SAID_MAX = 1 << 20,
    COMMAND_MAX = 2048
};

static void put_bytes(struct fixture *f, const char *key, struct slice value)
{
    const struct etcd_put op = {.key = slice_str(key), .value = value};

    assert_non_null(value.ptr);
    assert_int_equal(finish(f, etcd_put(f->e, &op, done(f), NULL)), 0);
}

static int64_t now_ms(void)
{
    uv_timeval64_t now;

    (void)uv_gettimeofday(&now);
    return now.tv_sec * 1000 + now.tv_usec / 1000;
}

static void put_report(struct fixture *f, struct arena *a, const char *output,
                       const struct cut *cut, const char *dc)
{
    struct slice bytes = {0};
    struct report r = {
        .dc = slice_str(dc),
        .clock_ms = now_ms(),
        .layout_hash = cut->layout.hash,
        .count = cut->layout.count,
        .emitted = {.number = cut->number, .next_seq = 77},
        .caught_up = true,
        .alarm = SLICE_LIT(""),
    };

    r.read_back = arena_calloc(a, r.count + 1, sizeof(int64_t));
    r.offer = r.read_back;
    assert_int_equal(report_encode(&r, a, &bytes), 0);
    put_bytes(f, text_format(a, "/braid/t/streams/%s/held/%s", output, dc), bytes);
}

/* A stream of two DCs with so many cuts that etcd has. */
static void put_stream(struct fixture *f, struct arena *a, const char *output, uint64_t cuts)
{
    struct slice dcs[] = {SLICE_LIT("codfw"), SLICE_LIT("eqiad")};
    struct slice source = SLICE_LIT("in.v1");
    struct apply_start starts[2 * PARTITIONS];
    struct spec spec = {.version = 1,
                        .output = slice_str(output),
                        .yaml = SLICE_LIT("stream: x"),
                        .dcs = {dcs, 2},
                        .sources = {&source, 1},
                        .min_members = 1};
    struct slice bytes = {0};
    struct cut cut;

    for (uint32_t i = 0; i < 2 * PARTITIONS; i++)
        starts[i] = (struct apply_start){
            .from = {.dc = dcs[i % 2], .topic = source, .partition = i / 2}, .position = -1};
    assert_int_equal(spec_encode(&spec, a, &bytes), 0);
    put_bytes(f, text_format(a, "/braid/t/streams/%s/spec/1", output), bytes);
    assert_int_equal(apply_first_cut(&spec, starts, 2 * PARTITIONS, 1, a, &cut), 0);
    for (uint64_t n = 0; n < cuts; n++) {
        cut.number = n;
        cut.time_ms = now_ms();
        assert_int_equal(cut_encode(&cut, a, &bytes), 0);
        put_bytes(f,
                  text_format(a, "/braid/t/streams/%s/cuts/0/%llu", output, (unsigned long long)n),
                  bytes);
    }
    put_report(f, a, output, &cut, "eqiad");
    put_report(f, a, output, &cut, "codfw");
}

static void put_node(struct fixture *f, struct arena *a, const char *key)
{
    struct slice bytes = {0};
    Braid__NodeInfo info;

    braid__node_info__init(&info);
    info.rules_version_max = 1;
    assert_int_equal(pb_pack(&info.base, 4096, a, &bytes), 0);
    put_bytes(f, key, bytes);
}

/* What `braidctl -C t status` says, and its exit code. */
static int status_says(struct fixture *f, const char *format, char *out)
{
    const char *program = getenv("BRAIDCTL");
    char endpoints[200];
    char command[COMMAND_MAX];
    FILE *pipe = NULL;

    cluster_endpoints(&f->cluster, (const int[]){0, 1, 2, -1}, endpoints, sizeof endpoints);
    (void)snprintf(command, sizeof command,
                   "BRAID_ETCD=%s BRAID_ETCD_CA=%s BRAID_ETCD_CERT=%s BRAID_ETCD_KEY=%s "
                   "%s -C t -o %s status",
                   endpoints, f->cluster.ca_file, f->cluster.cert_file, f->cluster.key_file,
                   program == NULL ? "build/braidctl" : program, format);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    const size_t len = fread(out, 1, SAID_MAX - 1, pipe);
    out[len] = '\0';
    return WEXITSTATUS(pclose(pipe));
}

static int by_size(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;

    return (*a > *b) - (*a < *b);
}

static void print_times(struct fixture *f, char *said)
{
    uint64_t ns[RUNS];

    for (int i = 0; i < RUNS; i++) {
        const uint64_t start = uv_hrtime();
        (void)status_says(f, "json", said);
        ns[i] = uv_hrtime() - start;
    }
    const uint64_t *middle = &ns[RUNS / 2];
    qsort(ns, RUNS, sizeof ns[0], by_size);
    print_message("status, cold, with its shell: fastest %.1f ms, median %.1f ms of %d runs\n",
                  (double)ns[0] / 1e6, (double)*middle / 1e6, RUNS);
}

static void status_reads_the_newest_of_two_thousand_cuts(void **state)
{
    struct fixture *f = *state;
    struct arena a;
    char *said = malloc(SAID_MAX);

    arena_init(&a, 1 << 16, 512 << 20);
    put_node(f, &a, "/braid/t/nodes/eqiad/n1");
    put_node(f, &a, "/braid/t/nodes/codfw/n1");
    put_stream(f, &a, "many.v1", CUTS);
    put_stream(f, &a, "few.v1", 1);
    assert_int_equal(status_says(f, "json", said), 0);
    assert_non_null(strstr(said, "\"fine\": true"));
    assert_non_null(strstr(said, "\"cut\": \"0.1999\", \"cuts_behind\": 0, \"next_seq\": 77"));
    assert_non_null(strstr(said, "\"stream\": \"few.v1\", \"dc\": \"eqiad\", \"member\": true, "
                                 "\"cut\": \"0.0\""));
    print_times(f, said);
    free(said);
    arena_deinit(&a);
}

static void a_spec_that_cannot_be_read_leaves_its_stream_in_sight(void **state)
{
    struct fixture *f = *state;
    struct arena a;
    char *said = malloc(SAID_MAX);

    arena_init(&a, 1 << 16, 512 << 20);
    put_node(f, &a, "/braid/t/nodes/eqiad/n1");
    put_node(f, &a, "/braid/t/nodes/codfw/n1");
    put_stream(f, &a, "good.v1", 3);
    put_stream(f, &a, "odd.v1", 12);
    assert_int_equal(put(f, "/braid/t/streams/odd.v1/spec/2", "\xff\xff no spec"), 0);
    assert_int_equal(put(f, "/braid/t/streams/no name/spec/1", "x"), 0);
    assert_int_equal(status_says(f, "json", said), 3);
    assert_non_null(strstr(said, "version 2 of its spec cannot be decoded"));
    assert_non_null(strstr(said, "\"stream\": \"odd.v1\", \"dc\": \"codfw\", \"member\": true, "
                                 "\"cut\": \"0.11\""));
    assert_non_null(strstr(said, "\"stream\": \"good.v1\", \"dc\": \"codfw\", \"member\": true"));
    assert_non_null(strstr(said, "2 keys or values make no sense"));
    assert_int_equal(status_says(f, "table", said), 3);
    assert_non_null(strstr(said, "odd.v1"));
    free(said);
    arena_deinit(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(status_reads_the_newest_of_two_thousand_cuts),
        TEST(a_spec_that_cannot_be_read_leaves_its_stream_in_sight),
    };

    return cmocka_run_group_tests(tests, fixture_set_up_all, fixture_tear_down_all);
}
