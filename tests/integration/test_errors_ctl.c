/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: `braidctl errors` as an operator runs it: what failed is listed, shown, tried again, dropped.
 * Method: a real etcd, two DCs' Kafkas of librdkafka's mock, and a small stream written by hand: of three
 *         events of eqiad the second failed everywhere, the third in codfw only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "coord/ctl/apply.h"
#include "coord/ctl/audit_record.h"
#include "coord/io_etcd_sync.h"
#include "coord/spec.h"
#include "tests/integration/etcd_cluster.h"

/* etcd_fixture.c, which is linked to every test of this folder, wants it. */
extern const int FIXTURE_PORT_OFFSET;
const int FIXTURE_PORT_OFFSET = 700;

enum {
    PORT_BASE = 24700,
    DC_COUNT = 2,
    OUTPUT_MAX = 1 << 20
};

static const char *const DCS[DC_COUNT] = {"codfw", "eqiad"};

struct world {
    struct etcd_cluster etcd_cluster;
    struct etcd_sync *etcd;
    struct arena arena;
    rd_kafka_t *producers[DC_COUNT];
    rd_kafka_mock_cluster_t *mocks[DC_COUNT];
    char output[OUTPUT_MAX];
};

/* ---- etcd ------------------------------------------------------------------------------------- */

static void put_bytes(struct world *w, const char *name, struct slice value)
{
    struct etcd_answer answer;
    struct etcd_put put = {.value = value};

    put.key = slice_str(text_format(&w->arena, "/braid/test/streams/out.v1/%s", name));
    assert_int_equal(etcd_sync_put(w->etcd, &put, &w->arena, &answer), 0);
}

/* Spec and a cut that is past the three events. */
static void put_stream(struct world *w)
{
    struct slice dcs[DC_COUNT] = {slice_str(DCS[0]), slice_str(DCS[1])};
    struct slice source = SLICE_LIT("in.v1");
    struct spec spec = {.version = 1,
                        .output = SLICE_LIT("out.v1"),
                        .dcs = {dcs, DC_COUNT},
                        .sources = {&source, 1},
                        .dedup_window = 1000,
                        .min_members = 1};
    const struct apply_start starts[] = {
        {.from = {.dc = dcs[1], .topic = SLICE_LIT("braid.retry.out.v1")}, .position = -1},
        {.from = {.dc = dcs[1], .topic = source}, .position = -1},
    };
    struct cut cut;
    struct slice bytes = {0};

    assert_int_equal(spec_encode(&spec, &w->arena, &bytes), 0);
    put_bytes(w, "spec/1", bytes);
    assert_int_equal(apply_first_cut(&spec, starts, 2, 1, &w->arena, &cut), 0);
    for (uint32_t i = 0; i < cut.layout.count; i++) {
        if (slice_equal(cut.layout.names[i].from.topic, source))
            cut.strands[i].position = 2;
    }
    assert_int_equal(cut_encode(&cut, &w->arena, &bytes), 0);
    put_bytes(w, "cuts/0/0", bytes);
}

/* ---- Kafka ------------------------------------------------------------------------------------ */

static void produce(struct world *w, int dc, const char *topic, const struct audit_raw *raw)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(raw->header_count + 1);

    for (size_t i = 0; i < raw->header_count; i++)
        assert_int_equal(rd_kafka_header_add(headers, (const char *)raw->headers[i].name.ptr,
                                             (ssize_t)raw->headers[i].name.len,
                                             raw->headers[i].value.ptr,
                                             (ssize_t)raw->headers[i].value.len),
                         0);
    assert_int_equal(
        rd_kafka_producev(w->producers[dc], RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                          RD_KAFKA_V_KEY(raw->key.ptr, raw->key.len),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)raw->value.ptr, raw->value.len),
                          RD_KAFKA_V_TIMESTAMP(raw->time_ms), RD_KAFKA_V_HEADERS(headers),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
        0);
}

static void put_header(struct audit_raw *raw, const char *name, const char *value)
{
    raw->headers[raw->header_count++] = (struct header){slice_str(name), slice_str(value)};
}

static struct audit_raw raw_of(struct world *w, int offset)
{
    struct audit_raw raw = {.key = SLICE_LIT("k"), .time_ms = 1700000000000};

    put_header(&raw, "braid-origin",
               text_format(&w->arena, "eqiad/in.v1/0/0/%d/%d", offset - 1, offset));
    put_header(&raw, "braid-time", "1000"); /* old: the mock finds no offsets by time */
    put_header(&raw, "braid-id", text_format(&w->arena, "e%d", offset));
    return raw;
}

static void produce_error(struct world *w, int dc, int offset)
{
    struct audit_raw raw = raw_of(w, offset);

    put_header(&raw, "braid-status", "failed:timeout");
    put_header(&raw, "braid-by", text_format(&w->arena, "%s/0", DCS[dc]));
    raw.value =
        slice_str(text_format(&w->arena,
                              "{\"emitter_id\":\"braid-test-%s-out.v1\",\"error_type\":\"timeout\","
                              "\"message\":\"no answer in time\",\"raw_event\":\"{\\\"n\\\":%d}\"}",
                              DCS[dc], offset));
    produce(w, dc, text_format(&w->arena, "%s.braid.error", DCS[dc]), &raw);
}

static void produce_global(struct world *w, int dc, int offset, const char *seq)
{
    struct audit_raw raw = raw_of(w, offset);

    put_header(&raw, "braid-status", "ok");
    put_header(&raw, "braid-by", "eqiad/0");
    put_header(&raw, "braid-seq", seq);
    put_header(&raw, "braid-cut", "0.1");
    put_header(&raw, "braid-chain", "0011223344556677");
    raw.value = SLICE_LIT("{}");
    produce(w, dc, "global.out.v1", &raw);
}

static void create_topics(struct world *w, int dc)
{
    const char *const names[] = {"in.v1", "braid.error", "braid.retry.out.v1"};

    assert_int_equal(rd_kafka_mock_topic_create(w->mocks[dc], "global.out.v1", 1, 1), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(
            rd_kafka_mock_topic_create(w->mocks[dc],
                                       text_format(&w->arena, "%s.%s", DCS[dc], names[i]), 1, 1),
            0);
}

static void produce_all(struct world *w)
{
    for (int n = 0; n < 3; n++) {
        const struct audit_raw raw = {.key = SLICE_LIT("k"),
                                      .time_ms = 1700000000000,
                                      .value = slice_str(text_format(&w->arena, "{\"n\":%d}", n))};

        produce(w, 1, "eqiad.in.v1", &raw);
    }
    for (int dc = 0; dc < DC_COUNT; dc++) {
        produce_error(w, dc, 1);
        produce_global(w, dc, 0, "0");
        produce_global(w, dc, 2, "1");
    }
    produce_error(w, 0, 2);
    for (int dc = 0; dc < DC_COUNT; dc++)
        assert_int_equal(rd_kafka_flush(w->producers[dc], 10000), 0);
}

/* ---- the program ------------------------------------------------------------------------------ */

/* Runs braidctl; its exit code. What it prints is in w->output. */
static int braidctl(struct world *w, const char *arguments)
{
    const char *program = getenv("BRAIDCTL");
    char command[1024];
    FILE *pipe = NULL;
    size_t len = 0;
    int status = 0;

    (void)snprintf(command, sizeof(command), "%s -q -o json %s 2>&1",
                   program == NULL ? "build/braidctl" : program, arguments);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    len = fread(w->output, 1, OUTPUT_MAX - 1, pipe);
    w->output[len] = '\0';
    status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect(struct world *w, const char *arguments, int code, const char *words)
{
    int got = braidctl(w, arguments);

    if (got != code || strstr(w->output, words) == NULL)
        fail_msg("'%s' exited with %d, not %d, or did not say '%s':\n%s", arguments, got, code,
                 words, w->output);
}

static void what_failed_is_listed_shown_tried_again_and_dropped(void **state)
{
    struct world *w = *state;

    expect(w, "errors list out.v1", 0, "\"summary\": \"1 event of out.v1 failed.\"");
    expect(w, "errors list out.v1", 0,
           "\"position\": \"eqiad/in.v1/0/0/1\", \"id\": \"e1\", \"state\": \"failed\", "
           "\"reason\": \"timeout\", \"failed_in\": \"codfw,eqiad\", \"retries\": 0");
    expect(w, "errors list out.v1 --all", 0,
           "\"id\": \"e2\", \"state\": \"emitted\", \"reason\": \"timeout\", \"failed_in\": "
           "\"codfw\"");
    expect(w, "errors show out.v1 e1", 0, "\"event\": \"{\\\"n\\\":1}\"");
    expect(w, "errors show out.v1 eqiad/in.v1/0/0/1", 0, "\"message\": \"no answer in time\"");
    expect(w, "errors retry out.v1 --plan", 0, "\"step\": \"retry 1 event of out.v1\"");
    expect(w, "errors list out.v1", 0, "\"retries\": 0");
    expect(w, "errors retry out.v1 e1 --yes -m test", 0, "Done: retry 1 event of out.v1.");
    expect(w, "errors list out.v1", 0, "\"state\": \"retrying\"");
    expect(w, "errors list out.v1", 0, "\"retries\": 1");
    expect(w, "errors retry out.v1 e1 --yes -m test", 1, "is retrying: nothing to retry");
    expect(w, "history", 0, "\"what\": \"retry 1 event of out.v1\"");
    expect(w, "errors drop out.v1 e1 --yes -m test", 0, "Done: drop 1 event of out.v1.");
    expect(w, "errors list out.v1", 0, "\"summary\": \"0 events of out.v1 failed.\"");
    expect(w, "errors list out.v1 --all", 0, "\"id\": \"e1\", \"state\": \"dropped\"");
    expect(w, "errors retry out.v1 --yes -m test", 0, "");
}

static void what_cannot_be_done_is_refused_with_its_reason(void **state)
{
    struct world *w = *state;

    expect(w, "errors retry out.v1 e2 --yes -m test", 1, "is emitted: nothing to retry");
    expect(w, "errors show out.v1 e9", 1, "no error topic names the event 'e9' of out.v1");
    expect(w, "errors show out.v1", 2, "errors show needs EVENT");
    expect(w, "errors mend out.v1", 2, "errors does list, show, retry or drop, not 'mend'");
    expect(w, "errors list out.v2", 1, "did you mean 'out.v1'");
    expect(w, "errors retry out.v1 e1 --yes", 2, "needs -m REASON");
}

/* ---- set up ----------------------------------------------------------------------------------- */

static void open_kafka(struct world *w, int dc)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    char variable[64];

    assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", why, sizeof(why)), 0);
    w->producers[dc] = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    assert_non_null(w->producers[dc]);
    w->mocks[dc] = rd_kafka_handle_mock_cluster(w->producers[dc]);
    assert_non_null(w->mocks[dc]);
    (void)snprintf(variable, sizeof(variable), "BRAID_KAFKA_%s", dc == 0 ? "CODFW" : "EQIAD");
    assert_int_equal(setenv(variable, rd_kafka_mock_cluster_bootstraps(w->mocks[dc]), 1), 0);
}

static int set_up_all(void **state)
{
    static const int ALL[] = {0, 1, 2, -1};
    struct world *w = calloc(1, sizeof(*w));
    char endpoints[256];
    struct etcd_config config = {0};

    assert_non_null(w);
    *state = w;
    arena_init(&w->arena, 1 << 16, 64 << 20);
    cluster_open(&w->etcd_cluster, PORT_BASE);
    cluster_endpoints(&w->etcd_cluster, ALL, endpoints, sizeof(endpoints));
    config = (struct etcd_config){.endpoints = endpoints,
                                  .ca_file = w->etcd_cluster.ca_file,
                                  .cert_file = w->etcd_cluster.cert_file,
                                  .key_file = w->etcd_cluster.key_file};
    assert_int_equal(etcd_sync_open(&config, &w->etcd), 0);
    assert_int_equal(setenv("BRAID_ETCD", endpoints, 1), 0);
    assert_int_equal(setenv("BRAID_ETCD_CA", w->etcd_cluster.ca_file, 1), 0);
    assert_int_equal(setenv("BRAID_ETCD_CERT", w->etcd_cluster.cert_file, 1), 0);
    assert_int_equal(setenv("BRAID_ETCD_KEY", w->etcd_cluster.key_file, 1), 0);
    assert_int_equal(setenv("BRAID_CLUSTER", "test", 1), 0);
    for (int dc = 0; dc < DC_COUNT; dc++) {
        open_kafka(w, dc);
        create_topics(w, dc);
    }
    put_stream(w);
    produce_all(w);
    return 0;
}

static int tear_down_all(void **state)
{
    struct world *w = *state;

    for (int dc = 0; dc < DC_COUNT; dc++)
        if (w->producers[dc] != NULL)
            rd_kafka_destroy(w->producers[dc]);
    if (w->etcd != NULL)
        etcd_sync_close(w->etcd);
    cluster_close(&w->etcd_cluster);
    arena_deinit(&w->arena);
    free(w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_done_is_refused_with_its_reason),
        cmocka_unit_test(what_failed_is_listed_shown_tried_again_and_dropped),
    };

    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
