/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: `braidctl verify` as an operator runs it says with its exit code, and in its list, what is
 *       wrong with a stream: each failure that it must find, made on purpose.
 * Method: a real etcd, two DCs' Kafkas of librdkafka's mock, and a small stream written by hand into
 *         both, with one thing doctored. Each test has a stream and a source topic of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
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
const int FIXTURE_PORT_OFFSET = 200;

enum {
    PORT_BASE = 24200,
    RECORDS = 24,
    DC_COUNT = 2,
    TEXT_MAX = 128,
    OUTPUT_MAX = 1 << 20,
    LAST_CUT = 6
};

static const char *const DCS[DC_COUNT] = {"codfw", "eqiad"};

/* A record of the global stream, with its own storage. */
struct made {
    int dc; /* of the origin */
    int64_t offset;
    int64_t prev;
    char status[TEXT_MAX];
    char id[TEXT_MAX];
    char value[TEXT_MAX];
    char chain[TEXT_MAX];
    int cut;
    int64_t seq;       /* -1: counted */
    bool is_absent;    /* left out of this copy */
    bool keeps_number; /* the next one has the next number all the same */
    bool keeps_chain;  /* what is in `chain` stays */
};

struct world {
    struct etcd_cluster etcd_cluster;
    struct etcd_sync *etcd;
    struct arena arena;
    rd_kafka_t *producers[DC_COUNT];
    rd_kafka_mock_cluster_t *mocks[DC_COUNT];
    int number; /* of the test: names are made from it */
    char stream[TEXT_MAX];
    char source[TEXT_MAX];
    struct made copies[DC_COUNT][RECORDS];
    bool has_source[RECORDS];
    uint64_t emitted[DC_COUNT]; /* cut that each DC reports as emitted */
    bool is_widened;            /* the first spec wanted another wiki, the second wants all */
    int filtered;               /* record that the enriched log calls filtered; -1: none */
    char output[OUTPUT_MAX];
};

/* ---- etcd ------------------------------------------------------------------------------------- */

static void put_bytes(struct world *w, const char *name, struct slice value)
{
    char key[512];
    struct etcd_answer answer;
    struct etcd_put put = {.value = value};

    (void)snprintf(key, sizeof(key), "/braid/test/streams/%s/%s", w->stream, name);
    put.key = slice_str(key);
    assert_int_equal(etcd_sync_put(w->etcd, &put, &w->arena, &answer), 0);
}

static void put_report(struct world *w, int dc, const struct cut *head)
{
    struct report r = {
        .dc = slice_str(DCS[dc]),
        .number = 1,
        .layout_hash = head->layout.hash,
        .count = head->layout.count,
        .emitted = {.number = w->emitted[dc]},
        .caught_up = true,
    };
    struct slice bytes = {0};
    char name[64];

    r.read_back = arena_calloc(&w->arena, r.count, sizeof(int64_t));
    r.offer = r.read_back;
    assert_int_equal(report_encode(&r, &w->arena, &bytes), 0);
    (void)snprintf(name, sizeof(name), "held/%s", DCS[dc]);
    put_bytes(w, name, bytes);
}

/* Spec, cut 0, the last cut, and what the DCs report. */
static void put_stream(struct world *w)
{
    struct slice dcs[DC_COUNT] = {slice_str(DCS[0]), slice_str(DCS[1])};
    struct slice source = slice_str(w->source);
    struct spec spec = {
        .version = w->is_widened ? 2 : 1,
        .output = slice_str(w->stream),
        .dcs = {dcs, DC_COUNT},
        .sources = {&source, 1},
        .dedup_window = 1000,
        .min_members = 1,
    };
    struct apply_start starts[DC_COUNT];
    struct cut cut;
    struct slice bytes = {0};
    char name[64];

    for (int dc = 0; dc < DC_COUNT; dc++)
        starts[dc] = (struct apply_start){.from = {.dc = dcs[dc], .topic = source}, .position = -1};
    if (w->is_widened) {
        struct slice wiki = SLICE_LIT("elsewhere");
        spec.wikis = (struct key_texts){&wiki, 1};
        assert_int_equal(spec_encode(&spec, &w->arena, &bytes), 0);
        put_bytes(w, "spec/1", bytes);
        spec.wikis = (struct key_texts){0};
    }
    assert_int_equal(spec_encode(&spec, &w->arena, &bytes), 0);
    put_bytes(w, w->is_widened ? "spec/2" : "spec/1", bytes);
    assert_int_equal(apply_first_cut(&spec, starts, DC_COUNT, 1, &w->arena, &cut), 0);
    assert_int_equal(cut_encode(&cut, &w->arena, &bytes), 0);
    put_bytes(w, "cuts/0/0", bytes);
    cut.number = LAST_CUT;
    for (uint32_t i = 0; i < cut.layout.count; i++)
        cut.strands[i].position = RECORDS / DC_COUNT - 1;
    assert_int_equal(cut_encode(&cut, &w->arena, &bytes), 0);
    (void)snprintf(name, sizeof(name), "cuts/0/%d", LAST_CUT);
    put_bytes(w, name, bytes);
    for (int dc = 0; dc < DC_COUNT; dc++)
        put_report(w, dc, &cut);
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

/* Writes one copy, numbering and chaining it unless a record keeps its own. */
static void produce_copy(struct world *w, int dc, const char *topic)
{
    char before[TEXT_MAX] = "0000000000000000";
    int64_t next = 0;

    for (int i = 0; i < RECORDS; i++) {
        struct made *m = &w->copies[dc][i];
        struct audit_raw raw = {.key = SLICE_LIT("k"), .value = slice_str(m->value)};
        char origin[2 * TEXT_MAX];
        char seq[TEXT_MAX];
        char cut[TEXT_MAX];

        next += m->is_absent && m->keeps_number ? 1 : 0;
        if (m->is_absent)
            continue;
        (void)snprintf(origin, sizeof(origin), "%s/%s/0/0/%" PRId64 "/%" PRId64, DCS[m->dc],
                       w->source, m->prev, m->offset);
        (void)snprintf(seq, sizeof(seq), "%" PRId64, m->seq >= 0 ? m->seq : next);
        (void)snprintf(cut, sizeof(cut), "0.%d", m->cut);
        raw.time_ms = 1700000000000 + m->cut;
        put_header(&raw, "braid-origin", origin);
        put_header(&raw, "braid-time", "1700000000000");
        if (m->id[0] != '\0')
            put_header(&raw, "braid-id", m->id);
        put_header(&raw, "braid-status", m->status);
        put_header(&raw, "braid-by", "eqiad/0");
        put_header(&raw, "braid-seq", seq);
        put_header(&raw, "braid-cut", cut);
        if (!m->keeps_chain)
            audit_record_chain(&raw, slice_str(before), m->chain);
        put_header(&raw, "braid-chain", m->chain);
        produce(w, dc, topic, &raw);
        memcpy(before, m->chain, AUDIT_CHAIN_LEN);
        next = (m->seq >= 0 ? m->seq : next) + 1;
    }
}

static void produce_sources(struct world *w, const char *const *topics)
{
    for (int i = 0; i < RECORDS; i++) {
        char value[2 * TEXT_MAX];
        struct audit_raw raw = {.key = SLICE_LIT("k"), .time_ms = 1700000000000};

        if (!w->has_source[i])
            continue;
        (void)snprintf(value, sizeof(value), "{\"meta\":{\"id\":\"%s\"}}", w->copies[0][i].id);
        raw.value = slice_str(value);
        produce(w, i % DC_COUNT, topics[i % DC_COUNT], &raw);
    }
}

/* What one DC decided about a record. */
static void produce_filtered(struct world *w)
{
    const struct made *m = &w->copies[0][w->filtered];
    struct audit_raw raw = {.key = SLICE_LIT("k"), .time_ms = 1700000000000};
    char origin[2 * TEXT_MAX];
    char topic[2 * TEXT_MAX];

    (void)snprintf(topic, sizeof(topic), "%s.braid.enriched.%s", DCS[0], w->stream);
    assert_int_equal(rd_kafka_mock_topic_create(w->mocks[0], topic, 1, 1), 0);
    (void)snprintf(origin, sizeof(origin), "%s/%s/0/0/%" PRId64 "/%" PRId64, DCS[m->dc], w->source,
                   m->prev, m->offset);
    put_header(&raw, "braid-origin", origin);
    put_header(&raw, "braid-time", "1700000000000");
    put_header(&raw, "braid-status", "filtered");
    put_header(&raw, "braid-spec", "1");
    produce(w, 0, topic, &raw);
}

static void produce_all(struct world *w)
{
    char global[TEXT_MAX + 16];
    char names[DC_COUNT][TEXT_MAX + 16];
    const char *topics[DC_COUNT] = {names[0], names[1]};

    (void)snprintf(global, sizeof(global), "global.%s", w->stream);
    for (int dc = 0; dc < DC_COUNT; dc++) {
        (void)snprintf(names[dc], sizeof(names[dc]), "%s.%s", DCS[dc], w->source);
        assert_int_equal(rd_kafka_mock_topic_create(w->mocks[dc], names[dc], 1, 1), 0);
        assert_int_equal(rd_kafka_mock_topic_create(w->mocks[dc], global, 1, 1), 0);
        produce_copy(w, dc, global);
    }
    produce_sources(w, topics);
    if (w->filtered >= 0)
        produce_filtered(w);
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

static void expect(struct world *w, const char *options, int code, const char *words)
{
    char arguments[512];
    int got = 0;

    put_stream(w);
    produce_all(w);
    (void)snprintf(arguments, sizeof(arguments), "verify %s --wait 0s %s", w->stream, options);
    got = braidctl(w, arguments);
    if (got != code || strstr(w->output, words) == NULL)
        fail_msg("verify exited with %d, not %d, or did not say '%s':\n%s", got, code, words,
                 w->output);
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
    for (int dc = 0; dc < DC_COUNT; dc++)
        open_kafka(w, dc);
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

/* A sound stream in both DCs. */
static int set_up(void **state)
{
    struct world *w = *state;
    int64_t last[DC_COUNT] = {-1, -1};

    arena_reset(&w->arena);
    w->number++;
    (void)snprintf(w->stream, TEXT_MAX, "stream%d.v1", w->number);
    (void)snprintf(w->source, TEXT_MAX, "source%d", w->number);
    for (int i = 0; i < RECORDS; i++) {
        int origin = i % DC_COUNT;
        struct made m = {.dc = origin,
                         .prev = last[origin],
                         .offset = last[origin] + 1,
                         .cut = 1 + i * LAST_CUT / RECORDS,
                         .seq = -1};

        (void)snprintf(m.status, TEXT_MAX, "ok");
        (void)snprintf(m.id, TEXT_MAX, "id-%d-%d", w->number, i);
        (void)snprintf(m.value, TEXT_MAX, "{\"n\":%d}", i);
        last[origin]++;
        w->copies[0][i] = m;
        w->copies[1][i] = m;
        w->has_source[i] = true;
    }
    w->emitted[0] = LAST_CUT;
    w->emitted[1] = LAST_CUT;
    w->is_widened = false;
    w->filtered = -1;
    return 0;
}

/* ---- what it says ----------------------------------------------------------------------------- */

static void a_sound_stream_passes(void **state)
{
    expect(*state, "", 0, "SOUND: 2 copies are equal, dense and in order over numbers 0 to 23");
}

static void a_sound_stream_passes_without_waiting_for_commits_too(void **state)
{
    expect(*state, "--uncommitted", 0, "SOUND");
}

static void a_stretch_of_it_passes_by_itself(void **state)
{
    expect(*state, "--from-seq 10", 0, "over numbers 10 to 23");
}

static void a_record_missing_in_one_copy_fails(void **state)
{
    struct world *w = *state;

    w->copies[1][9].is_absent = true;
    w->copies[1][9].keeps_number = true;
    expect(w, "", 1, "\"finding\": \"not-dense\"");
}

static void a_record_missing_in_all_copies_fails(void **state)
{
    struct world *w = *state;

    w->copies[0][9].is_absent = true;
    w->copies[1][9].is_absent = true;
    expect(w, "", 1, "\"finding\": \"missing\"");
}

static void a_copy_that_ends_early_fails(void **state)
{
    struct world *w = *state;

    w->copies[1][RECORDS - 1].is_absent = true;
    expect(w, "", 1, "ends before number 23");
}

static void the_same_event_twice_fails(void **state)
{
    struct world *w = *state;

    for (int dc = 0; dc < DC_COUNT; dc++) {
        w->copies[dc][12] = w->copies[dc][10];
        w->copies[dc][12].cut = w->copies[dc][11].cut;
    }
    expect(w, "", 1, "\"finding\": \"twice\"");
}

static void a_number_twice_fails(void **state)
{
    struct world *w = *state;

    w->copies[0][12].seq = 11;
    expect(w, "", 1, "number 11 comes again");
}

static void a_wrong_order_fails(void **state)
{
    struct world *w = *state;

    for (int dc = 0; dc < DC_COUNT; dc++) {
        struct made first = w->copies[dc][10];

        w->copies[dc][10] = w->copies[dc][12];
        w->copies[dc][12] = first;
        w->copies[dc][12].cut = w->copies[dc][10].cut;
    }
    expect(w, "", 1, "\"finding\": \"order\"");
}

static void an_altered_value_fails(void **state)
{
    struct world *w = *state;

    (void)snprintf(w->copies[1][9].value, TEXT_MAX, "{\"n\":10}");
    expect(w, "", 1, "\"finding\": \"unequal\"");
}

static void a_broken_chain_fails(void **state)
{
    struct world *w = *state;

    for (int dc = 0; dc < DC_COUNT; dc++) {
        (void)snprintf(w->copies[dc][9].chain, TEXT_MAX, "0123456789abcdef");
        w->copies[dc][9].keeps_chain = true;
    }
    expect(w, "", 1, "\"finding\": \"chain\"");
}

static void a_cut_that_goes_back_fails(void **state)
{
    struct world *w = *state;

    w->copies[0][20].cut = 1;
    w->copies[1][20].cut = 1;
    expect(w, "", 1, "\"finding\": \"cut-back\"");
}

static void a_record_without_source_fails(void **state)
{
    struct world *w = *state;

    w->has_source[RECORDS - 1] = false;
    expect(w, "", 1, "\"finding\": \"phantom\"");
}

static void an_empty_stream_fails(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < RECORDS; i++) {
        w->copies[0][i].is_absent = true;
        w->copies[1][i].is_absent = true;
        w->has_source[i] = false;
    }
    expect(w, "", 1, "NOTHING COMPARED");
}

static void too_few_successes_degrade(void **state)
{
    struct world *w = *state;

    for (int dc = 0; dc < DC_COUNT; dc++)
        (void)snprintf(w->copies[dc][9].status, TEXT_MAX, "failed:timeout");
    expect(w, "", 3, "DEGRADED");
}

static void a_lower_limit_lets_them_pass(void **state)
{
    struct world *w = *state;

    for (int dc = 0; dc < DC_COUNT; dc++)
        (void)snprintf(w->copies[dc][9].status, TEXT_MAX, "failed:timeout");
    expect(w, "--min-ok 90", 0, "SOUND");
}

static void a_dc_that_is_behind_degrades(void **state)
{
    struct world *w = *state;

    w->emitted[1] = LAST_CUT - 1;
    w->copies[1][RECORDS - 1].is_absent = true;
    expect(w, "", 3, "eqiad had not emitted what is cut");
}

static void a_source_duplicate_that_was_dropped_is_accounted_for(void **state)
{
    struct world *w = *state;

    for (int dc = 0; dc < DC_COUNT; dc++) {
        memcpy(w->copies[dc][20].id, w->copies[dc][5].id, TEXT_MAX);
        w->copies[dc][20].is_absent = true;
    }
    expect(w, "", 0, "\"duplicates_dropped\": 1");
}

static void what_the_spec_before_filtered_is_not_missing(void **state)
{
    struct world *w = *state;

    w->is_widened = true;
    w->filtered = 20;
    for (int dc = 0; dc < DC_COUNT; dc++)
        w->copies[dc][20].is_absent = true;
    expect(w, "", 0, "\"filtered\": 1");
}

static void what_decided_may_be_gone(void **state)
{
    struct world *w = *state;

    w->is_widened = true;
    for (int dc = 0; dc < DC_COUNT; dc++)
        w->copies[dc][20].is_absent = true;
    expect(w, "", 0, "\"filtered_by_some_spec\": 1");
}

static void what_no_spec_filtered_is_missing_whatever_a_log_says(void **state)
{
    struct world *w = *state;

    w->filtered = 20;
    for (int dc = 0; dc < DC_COUNT; dc++)
        w->copies[dc][20].is_absent = true;
    expect(w, "", 1, "\"finding\": \"missing\"");
}

static void an_unknown_stream_is_refused_with_the_nearest_name(void **state)
{
    struct world *w = *state;

    put_stream(w);
    assert_int_equal(braidctl(w, "verify straem.v1"), 1);
    assert_non_null(strstr(w->output, "no such stream"));
    assert_non_null(strstr(w->output, "did you mean 'stream"));
}

static void a_wrong_option_is_a_usage_error(void **state)
{
    struct world *w = *state;

    assert_int_equal(braidctl(w, "verify x --min-okay 5"), 2);
    assert_non_null(strstr(w->output, "did you mean --min-ok?"));
    assert_int_equal(braidctl(w, "verify x --min-ok many"), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(a_sound_stream_passes),
        TEST(a_sound_stream_passes_without_waiting_for_commits_too),
        TEST(a_stretch_of_it_passes_by_itself),
        TEST(a_record_missing_in_one_copy_fails),
        TEST(a_record_missing_in_all_copies_fails),
        TEST(a_copy_that_ends_early_fails),
        TEST(the_same_event_twice_fails),
        TEST(a_number_twice_fails),
        TEST(a_wrong_order_fails),
        TEST(an_altered_value_fails),
        TEST(a_broken_chain_fails),
        TEST(a_cut_that_goes_back_fails),
        TEST(a_record_without_source_fails),
        TEST(an_empty_stream_fails),
        TEST(too_few_successes_degrade),
        TEST(a_lower_limit_lets_them_pass),
        TEST(a_dc_that_is_behind_degrades),
        TEST(a_source_duplicate_that_was_dropped_is_accounted_for),
        TEST(what_the_spec_before_filtered_is_not_missing),
        TEST(what_decided_may_be_gone),
        TEST(what_no_spec_filtered_is_missing_whatever_a_log_says),
        TEST(an_unknown_stream_is_refused_with_the_nearest_name),
        TEST(a_wrong_option_is_a_usage_error),
    };

    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
