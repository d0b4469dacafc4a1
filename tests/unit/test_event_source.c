/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: what is no page change is read as well: events of the older streams, any JSON by pointers,
 *       CloudEvents and Debezium; and what is written of it keeps every other byte.
 * Method: one event of each kind, field by field; then each with one thing wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proto/enrich_page.h"
#include "proto/err.h"

static struct event e;
static struct event_flaw flaw;

static int decode(const struct event_shape *shape, const char *json)
{
    struct arena a;

    arena_init(&a, 1 << 16, 1 << 26);
    flaw = (struct event_flaw){0};
    const int rc = event_decode_as(&a, slice_str(json), shape, &e, &flaw);
    arena_deinit(&a); /* what is kept must not live in there */
    if (rc != 0)
        assert_int_equal(reason_class(flaw.reason), REASON_CLASS_FAILED);
    return rc;
}

static void check_text(struct slice s, const char *expected)
{
    assert_true(slice_equal(s, slice_str(expected)));
}

/* ---- older streams ---------------------------------------------------------------------------- */

#define OLDER(schema, more)                                                                        \
    "{\"$schema\":\"/mediawiki/" schema "\",\"meta\":{\"stream\":\"s\",\"id\":\"i\","              \
    "\"domain\":\"a.wiki\"},\"database\":\"testwiki\",\"page_id\":7,\"page_namespace\":2,"         \
    "\"rev_id\":11" more "}"

static const struct event_shape PLAIN = {0};

struct older {
    const char *json;
    const char *kind;
    int64_t parent_id;
};

static const struct older OLDERS[] = {
    {OLDER("revision/create/2.0.0", ",\"rev_parent_id\":10"), "edit", 10},
    {OLDER("revision/create/2.0.0", ",\"rev_parent_id\":0"), "create", 0},
    {OLDER("revision/create/2.0.0", ""), "create", 0},
    {OLDER("page/create/1.0.0", ""), "create", 0},
    {OLDER("page/delete/1.0.0", ""), "delete", -1},
    {OLDER("page/undelete/1.0.0", ""), "undelete", -1},
    {OLDER("page/move/1.0.0", ",\"prior_state\":{\"rev_id\":9}"), "move", 9},
    {OLDER("revision/visibility-change/1.0.0", ""), "visibility_change", -1},
    {OLDER("page/links-change/1.0.0", ""), "edit", -1},
};

static void an_older_streams_event_has_its_kind_from_its_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(OLDERS) / sizeof(OLDERS[0]); i++) {
        assert_int_equal(decode(&PLAIN, OLDERS[i].json), 0);
        check_text(e.kind, OLDERS[i].kind);
        check_text(e.wiki_id, "testwiki");
        assert_int_equal(e.page_id, 7);
        assert_int_equal(e.namespace_id, 2);
        assert_int_equal(e.rev_id, 11);
        assert_int_equal(e.parent_id, OLDERS[i].parent_id);
        assert_true(e.is_other);
    }
}

static void an_older_streams_slots_have_their_own_names(void **state)
{
    (void)state;
    assert_int_equal(decode(&PLAIN, OLDER("revision/create/2.0.0",
                                          ",\"rev_slots\":{\"main\":{\"rev_slot_sha1\":\"abc\","
                                          "\"rev_slot_content_model\":\"wikitext\","
                                          "\"rev_slot_size\":12,\"rev_slot_origin_rev_id\":11}}")),
                     0);
    assert_int_equal(e.slot_count, 1);
    check_text(e.slots[0].role, "main");
    check_text(e.slots[0].sha1, "abc");
    check_text(e.slots[0].model, "wikitext");
    assert_int_equal(e.slots[0].size, 12);
    assert_int_equal(decode(&PLAIN, OLDER("revision/create/2.0.0", ",\"rev_slots\":3")),
                     ERR_MALFORMED);
    assert_int_equal(flaw.reason, REASON_BAD_FIELD);
}

static void text_that_a_visibility_change_hides_is_hidden(void **state)
{
    (void)state;
    assert_int_equal(decode(&PLAIN, OLDER("revision/visibility-change/1.0.0",
                                          ",\"visibility\":{\"text\":false}")),
                     0);
    assert_true(e.is_content_hidden);
    assert_int_equal(decode(&PLAIN, OLDER("revision/visibility-change/1.0.0",
                                          ",\"visibility\":{\"text\":true}")),
                     0);
    assert_false(e.is_content_hidden);
}

/* ---- any JSON --------------------------------------------------------------------------------- */

static const struct event_shape VIEWS = {
    .envelope = EVENT_JSON,
    .id = {(const uint8_t *)"/request/id", 11},
    .time = {(const uint8_t *)"/time", 5},
    .key = {(const uint8_t *)"/page", 5},
};

static void pointers_find_id_time_and_key(void **state)
{
    (void)state;
    assert_int_equal(decode(&VIEWS, "{\"request\":{\"id\":\"a\\u00e9\"},\"time\":"
                                    "\"2026-01-02T03:04:05.678Z\",\"page\":12345678901234567890}"),
                     0);
    check_text(e.id, "a\xc3\xa9");
    check_text(e.key, "12345678901234567890");
    assert_true(e.time_ms == 1767323045678);
    assert_true(e.is_other);
    assert_int_equal(decode(&VIEWS, "{\"time\":1767323045678,\"page\":true}"), 0);
    assert_true(e.time_ms == 1767323045678);
    check_text(e.key, "true");
    assert_null(e.id.ptr);
    assert_int_equal(decode(&VIEWS, "{\"time\":null}"), 0);
    assert_int_equal(e.time_ms, -1);
    assert_null(e.key.ptr);
}

static void other_json_may_have_fields_of_our_names_with_other_types(void **state)
{
    (void)state;
    assert_int_equal(
        decode(&VIEWS, "{\"page\":\"Main\",\"revision\":5,\"wiki_id\":[],\"performer\":1}"), 0);
    check_text(e.key, "Main");
    assert_int_equal(decode(&PLAIN, "{\"page\":\"Main\"}"), ERR_MALFORMED);
}

static void a_page_change_in_other_json_is_read_as_one(void **state)
{
    (void)state;
    assert_int_equal(decode(&VIEWS, "{\"page_change_kind\":\"edit\",\"revision\":{\"rev_id\":4}}"),
                     0);
    assert_int_equal(e.rev_id, 4);
    assert_false(e.is_other);
}

struct broken {
    const char *json;
    const char *says;
};

static const struct broken BROKEN_VIEWS[] = {
    {"{\"time\":\"yesterday\"}", "the time"},
    {"{\"time\":1.5}", "the time"},
    {"{\"time\":-1}", "the time"},
    {"{\"time\":{}}", "the time"},
    {"{\"request\":{\"id\":[1]}}", "the id"},
    {"{\"page\":{\"a\":1}}", "the key"},
    {"{\"meta\":5}", "meta"},
    {"[1]", "at byte"},
};

static void what_a_pointer_finds_must_be_of_use(void **state)
{
    char *json = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(BROKEN_VIEWS) / sizeof(BROKEN_VIEWS[0]); i++) {
        assert_true(decode(&VIEWS, BROKEN_VIEWS[i].json) != 0);
        assert_non_null(strstr(flaw.detail, BROKEN_VIEWS[i].says));
    }
    json = malloc(600);
    (void)memset(json, 'x', 600);
    memcpy(json, "{\"request\":{\"id\":\"", 18);
    memcpy(json + 400, "\"}}", 4);
    assert_true(decode(&VIEWS, json) != 0); /* longer than EVENT_ID_MAX */
    assert_non_null(strstr(flaw.detail, "the id"));
    free(json);
}

/* ---- CloudEvents ------------------------------------------------------------------------------ */

static const struct event_shape CLOUD = {.envelope = EVENT_CLOUDEVENTS,
                                         .time = {(const uint8_t *)"/time", 5}};

#define CLOUD_HEAD                                                                                 \
    "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"//"                                        \
    "wiki\",\"time\":\"2026-01-02T04:04:05+01:00\","

static void a_cloudevent_holds_the_event_in_its_data(void **state)
{
    (void)state;
    assert_int_equal(decode(&CLOUD, CLOUD_HEAD
                            "\"data\":{\"meta\":{\"id\":\"inner\",\"domain\":\"a.wiki\"},"
                            "\"page_change_kind\":\"edit\",\"revision\":{\"rev_id\":4}}}"),
                     0);
    check_text(e.id, "//wiki/7");
    check_text(e.domain, "a.wiki");
    assert_int_equal(e.rev_id, 4);
    assert_true(e.time_ms == 1767323045000);
}

static void what_is_no_cloudevent_is_refused(void **state)
{
    (void)state;
    assert_true(decode(&CLOUD, "{\"data\":{}}") != 0);
    assert_non_null(strstr(flaw.detail, "specversion"));
    assert_true(decode(&CLOUD, CLOUD_HEAD "\"data\":\"text\"}") != 0);
    assert_true(decode(&CLOUD, CLOUD_HEAD "\"data_base64\":\"AA==\"}") != 0);
    assert_non_null(strstr(flaw.detail, "data"));
    assert_true(decode(&CLOUD, CLOUD_HEAD "\"data\":{},\"data\":{}}") != 0);
}

/* ---- Debezium --------------------------------------------------------------------------------- */

static const struct event_shape ROWS = {.envelope = EVENT_DEBEZIUM,
                                        .domain = {(const uint8_t *)"a.wiki", 6}};

#define ROW "{\"rev_id\":12,\"rev_page\":7,\"rev_parent_id\":11,\"rev_sha1\":\"abc\"}"
#define SOURCE                                                                                     \
    "\"source\":{\"name\":\"s1\",\"db\":\"testwiki\",\"table\":\"revision\",\"file\":\"bin.3\","   \
    "\"pos\":4711,\"row\":0}"

static void a_row_that_debezium_saw_is_a_change(void **state)
{
    static const char *const OPS[][3] = {
        {"{\"op\":\"c\",\"before\":null,\"after\":" ROW "," SOURCE "}", "create", "s1/testwiki"},
        {"{\"schema\":{},\"payload\":{\"op\":\"u\",\"before\":{},\"after\":" ROW "," SOURCE "}}",
         "edit", "s1/testwiki"},
        {"{\"op\":\"d\",\"before\":" ROW ",\"after\":null," SOURCE "}", "delete", "s1/testwiki"},
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(decode(&ROWS, OPS[i][0]), 0);
        check_text(e.kind, OPS[i][1]);
        check_text(e.wiki_id, "testwiki");
        check_text(e.domain, "a.wiki");
        assert_int_equal(e.rev_id, 12);
        assert_int_equal(e.page_id, 7);
        check_text(e.id, "s1/testwiki/revision/bin.3/4711/0");
    }
}

static void a_row_of_a_snapshot_has_no_id_for_its_place(void **state)
{
    (void)state;
    assert_int_equal(decode(&ROWS, "{\"op\":\"r\",\"after\":" ROW "," SOURCE "}"), 0);
    check_text(e.kind, "create");
    assert_null(e.id.ptr);
}

static void what_is_no_change_event_is_refused(void **state)
{
    (void)state;
    assert_true(decode(&ROWS, "{\"payload\":{\"after\":{}}}") != 0);
    assert_true(decode(&ROWS, "{\"op\":5}") != 0);
    assert_true(decode(&ROWS, "{\"op\":\"c\",\"op\":\"c\"}") != 0);
    assert_non_null(strstr(flaw.detail, "twice"));
}

/* ---- what is written -------------------------------------------------------------------------- */

static char *value_of(const struct event_shape *shape, uint32_t enrichments, struct slice source,
                      const char *status)
{
    static struct enrich_page page;
    const struct enrich_spec spec = {.output = SLICE_LIT("out.v1"), .enrichments = enrichments};
    char text[ENRICH_STATUS_MAX];
    struct arena scratch;
    struct arena keep;
    bool is_null = false;

    arena_init(&scratch, 1 << 16, 1 << 26);
    arena_init(&keep, 1 << 12, 1 << 20);
    const struct enrich_memory memory = {&scratch, &keep};
    assert_false(enrich_page_open_as(&page, &spec, shape, &memory, source));
    const size_t size = enrich_page_value(&page, 1767323045678, &is_null);
    char *value = calloc(1, size + 1);
    enrich_page_write(&page, (uint8_t *)value);
    (void)enrich_page_status_text(&page, text);
    assert_string_equal(text, status);
    arena_deinit(&scratch);
    arena_deinit(&keep);
    return value;
}

static void what_is_written_stands_inside_the_envelope(void **state)
{
    char *value = value_of(&CLOUD, 0, SLICE_LIT(CLOUD_HEAD "\"data\":{\"a\" : 1}, \"x\":2}"), "ok");

    (void)state;
    assert_string_equal(value, CLOUD_HEAD "\"data\":{\"meta\":{\"stream\":\"out.v1\",\"dt\":"
                                          "\"2026-01-02T03:04:05.678Z\"},\"a\" : 1}, \"x\":2}");
    free(value);
    value = value_of(&ROWS, 0, SLICE_LIT("{\"op\":\"u\",\"after\":" ROW "}"), "ok");
    assert_string_equal(value, "{\"meta\":{\"stream\":\"out.v1\",\"dt\":"
                               "\"2026-01-02T03:04:05.678Z\"},\"op\":\"u\",\"after\":" ROW "}");
    free(value);
}

static void an_older_event_that_is_enriched_says_so_in_its_schema(void **state)
{
    char *value = value_of(&PLAIN, ENRICHMENT_BIT(ENRICHMENT_CONTENT),
                           SLICE_LIT(OLDER("page/delete/1.0.0", "")), "ok");

    (void)state;
    assert_non_null(strstr(value, "{\"$schema\":\"" ENRICHMENT_OTHER_SCHEMA "\","));
    free(value);
    value = value_of(&PLAIN, 0, SLICE_LIT(OLDER("page/delete/1.0.0", "")), "ok");
    assert_non_null(strstr(value, "{\"$schema\":\"/mediawiki/page/delete/1.0.0\","));
    free(value);
}

static void the_tombstone_behind_a_deleted_row_is_filtered(void **state)
{
    char *value = value_of(&ROWS, 0, (struct slice){0}, "filtered");

    (void)state;
    assert_string_equal(value, "");
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_streams_event_has_its_kind_from_its_schema),
        cmocka_unit_test(an_older_streams_slots_have_their_own_names),
        cmocka_unit_test(text_that_a_visibility_change_hides_is_hidden),
        cmocka_unit_test(pointers_find_id_time_and_key),
        cmocka_unit_test(other_json_may_have_fields_of_our_names_with_other_types),
        cmocka_unit_test(a_page_change_in_other_json_is_read_as_one),
        cmocka_unit_test(what_a_pointer_finds_must_be_of_use),
        cmocka_unit_test(a_cloudevent_holds_the_event_in_its_data),
        cmocka_unit_test(what_is_no_cloudevent_is_refused),
        cmocka_unit_test(a_row_that_debezium_saw_is_a_change),
        cmocka_unit_test(a_row_of_a_snapshot_has_no_id_for_its_place),
        cmocka_unit_test(what_is_no_change_event_is_refused),
        cmocka_unit_test(what_is_written_stands_inside_the_envelope),
        cmocka_unit_test(an_older_event_that_is_enriched_says_so_in_its_schema),
        cmocka_unit_test(the_tombstone_behind_a_deleted_row_is_filtered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
