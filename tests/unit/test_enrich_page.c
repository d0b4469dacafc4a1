/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: each event gets the status that the rules give it, and a value in which nothing differs
 *       from the source but what must; nothing that a wiki hides is ever in it.
 * Method: one event and one thing different at a time, whole values compared; then random events,
 *       whose values are parsed and compared member by member with the source.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "proto/enrich_page.h"
#include "proto/err.h"
#include "tests/unit/random_json.h"

#define SHA36_ABC    "jt72fo5t4yobf0qugwuczbwj07max7h"
#define META(domain) "\"meta\":{\"stream\":\"in\",\"domain\":\"" domain "\",\"dt\":\"then\"}"
#define META_OUT(domain)                                                                           \
    "\"meta\":{\"stream\":\"out.v1\",\"domain\":\"" domain "\",\"dt\":\"2026-01-02T03:04:05."      \
    "678Z\"}"
#define SLOT(more) "\"content_slots\":{\"main\":{\"content_sha1\":\"" SHA36_ABC "\"" more "}}"

enum {
    NOW_MS_LOW = 678
};
static const int64_t NOW_MS = 1767323045000 + NOW_MS_LOW;

static const struct slice DOMAINS[] = {{(const uint8_t *)"*.wiki", 6}};

/* One page on its way; what it borrows lives as long. */
struct fixture {
    struct arena scratch;
    struct arena keep;
    struct arena made; /* of the page */
    struct enrich_memory memory;
    struct mwapi_answer answer;
    struct enrich_spec spec;
    struct enrich_page page;
    char *value; /* owned; NUL-terminated */
    size_t value_len;
    bool is_null;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    arena_init(&f->scratch, 1 << 16, 1 << 26);
    arena_init(&f->keep, 1 << 14, 1 << 24);
    arena_init(&f->made, 1 << 12, 1 << 24);
    f->memory = (struct enrich_memory){&f->scratch, &f->made};
    f->spec = (struct enrich_spec){.output = SLICE_LIT("out.v1"),
                                   .domains = {DOMAINS, 1},
                                   .enrichments = ENRICHMENT_BIT(ENRICHMENT_CONTENT)};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->scratch);
    arena_deinit(&f->keep);
    arena_deinit(&f->made);
    free(f->value);
    free(f);
    return 0;
}

static bool open_page(struct fixture *f, const char *source)
{
    arena_reset(&f->made);
    return enrich_page_open(&f->page, &f->spec, &f->memory, slice_str(source));
}

static void write_value(struct fixture *f)
{
    free(f->value);
    f->value_len = enrich_page_value(&f->page, NOW_MS, &f->is_null);
    f->value = malloc(f->value_len + 1);
    enrich_page_write(&f->page, (uint8_t *)f->value);
    f->value[f->value_len] = '\0';
}

static void check_status(struct fixture *f, const char *expected)
{
    char text[ENRICH_STATUS_MAX];

    assert_int_equal(enrich_page_status_text(&f->page, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void check_end(struct fixture *f, const char *status, const char *value)
{
    write_value(f);
    check_status(f, status);
    assert_false(f->is_null);
    assert_string_equal(f->value, value);
}

/* An event that needs no fetch. */
static void check_at_once(struct fixture *f, const char *source, const char *status,
                          const char *value)
{
    assert_false(open_page(f, source));
    check_end(f, status, value);
}

static struct enrich_judgement judge(struct fixture *f, const char *body)
{
    arena_reset(&f->keep);
    assert_int_equal(mwapi_decode(&f->scratch, &f->keep, slice_str(body), &f->answer), 0);
    return enrich_page_judge(&f->page.event, &f->answer);
}

#define ANSWER(revision) "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":7," revision "}]}]}}"

/* Asks for the revision, which must be all there is to ask. */
static void settle_revision(struct fixture *f, const struct enrich_outcome *outcome)
{
    struct question q;

    assert_true(enrich_page_ask(&f->page, &f->scratch, &q));
    assert_int_equal(q.kind, QUESTION_REVISION);
    assert_false(enrich_page_ask(&f->page, &f->scratch, &q));
    assert_false(enrich_page_is_done(&f->page));
    enrich_page_settle(&f->page, QUESTION_REVISION, outcome, &f->scratch);
    assert_true(enrich_page_is_done(&f->page));
}

static void settle_ok(struct fixture *f, const char *body)
{
    const struct enrich_judgement j = judge(f, body);
    const struct enrich_outcome outcome = {
        .revision = j.revision, .hidden = j.hidden, .attempts = 1, .http_status = 200, .ms = 12};

    assert_int_equal(j.verdict, ENRICH_VERDICT_OK);
    settle_revision(f, &outcome);
}

static void settle(struct fixture *f, enum reason reason)
{
    const struct enrich_outcome outcome = {.reason = reason, .attempts = 3, .http_status = 503};

    settle_revision(f, &outcome);
}

static void content_is_inserted_and_not_one_byte_else_differs(void **state)
{
    struct fixture *f = *state;

    assert_true(open_page(
        f, "{ \"$schema\":\"/s/1\",  " META(
               "a.wiki") ",\n\"revision\" :{"
                         "\"rev_id\":7, " SLOT(" ") " },\"x\":1e400, \"y\":\"\\u00e4\\/\"} "));
    settle_ok(f, ANSWER("\"slots\":{\"main\":{\"content\":\"a\\u0062c\"}}"));
    check_end(f, "ok",
              "{ \"$schema\":\"/s/1\",  " META_OUT(
                  "a.wiki") ",\n\"revision\" :{"
                            "\"rev_id\":7, " SLOT(
                                " ,\"content_body\":\"a\\u0062c\"") " },\"x\":1e400, "
                                                                    "\"y\":\"\\u00e4\\/\"} ");
    char text[ENRICH_FETCH_MAX];
    assert_int_equal(enrich_page_fetch_text(&f->page, text), 33);
    assert_string_equal(text, "attempts=1 http=200 error=- ms=12");
}

static void each_slot_gets_its_own_content(void **state)
{
    struct fixture *f = *state;

    assert_true(open_page(f, "{" META("a.wiki") ",\"revision\":{\"rev_id\":7,\"content_slots\":{"
                                                "\"main\":{},\"mediainfo\":{\"a\":1}}}}"));
    settle_ok(f, ANSWER("\"slots\":{\"mediainfo\":{\"content\":\"{}\"},\"other\":{},"
                        "\"main\":{\"content\":\"\"}}"));
    check_end(f, "ok",
              "{" META_OUT("a.wiki") ",\"revision\":{\"rev_id\":7,\"content_slots\":{"
                                     "\"main\":{\"content_body\":\"\"},"
                                     "\"mediainfo\":{\"a\":1,\"content_body\":\"{}\"}}}}");
}

static void content_that_the_source_has_already_is_replaced_or_cut(void **state)
{
    struct fixture *f = *state;
    static const char SOURCE[] =
        "{" META("a.wiki") ",\"revision\":{\"rev_id\":7,\"content_slots\":"
                           "{\"main\":{\"content_body\":{\"old\":1},\"a\":1,"
                           "\"content_sha1\":\"" SHA36_ABC "\"}}}}";

    assert_true(open_page(f, SOURCE));
    settle_ok(f, ANSWER("\"slots\":{\"main\":{\"content\":\"abc\"}}"));
    check_end(
        f, "ok",
        "{" META_OUT(
            "a.wiki") ",\"revision\":{\"rev_id\":7,\"content_slots\":"
                      "{\"main\":{\"content_body\":\"abc\",\"a\":1,\"content_sha1\":\"" SHA36_ABC
                      "\"}}}}");
    assert_true(open_page(f, SOURCE));
    settle(f, REASON_UNAVAILABLE);
    check_end(f, "failed:unavailable",
              "{" META_OUT("a.wiki") ",\"revision\":{\"rev_id\":7,\"content_slots\":"
                                     "{\"main\":{\"a\":1,\"content_sha1\":\"" SHA36_ABC "\"}}}}");
    assert_true(open_page(f, SOURCE));
    settle(f, REASON_TEXT_HIDDEN);
    check_end(f, "withheld:text_hidden",
              "{" META_OUT("a.wiki") ",\"revision\":{\"rev_id\":7,\"content_slots\":"
                                     "{\"main\":{\"a\":1}}}}");
}

static void schema_and_meta_are_set_wherever_they_were(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *source;
        const char *value;
    } ROWS[] = {
#define TIME     "2026-01-02T03:04:05.678Z"
#define OUT_META "\"meta\":{\"stream\":\"out.v1\",\"dt\":\"" TIME "\"}"
#define KIND     ",\"page_change_kind\":\"delete\"}"
        {"{\"$schema\":\"old\",\"meta\":{}" KIND, "{\"$schema\":\"/new/2\"," OUT_META KIND},
        {"{\"$schema\":\"\\/new\\/2\",\"meta\":{}" KIND,
         "{\"$schema\":\"\\/new\\/2\"," OUT_META KIND},
        {"{\"meta\":{}" KIND, "{\"$schema\":\"/new/2\"," OUT_META KIND},
        {"{\"page_change_kind\":\"delete\"}",
         "{\"$schema\":\"/new/2\"," OUT_META ",\"page_change_kind\":\"delete\"}"},
        {"{\"meta\":{\"dt\":5}" KIND,
         "{\"$schema\":\"/new/2\",\"meta\":{\"dt\":\"" TIME "\",\"stream\":\"out.v1\"}" KIND},
        {"{\"meta\":{\"stream\":null }" KIND,
         "{\"$schema\":\"/new/2\",\"meta\":{\"stream\":\"out.v1\" ,\"dt\":\"" TIME "\"}" KIND},
        {"{\"meta\":{ \"id\":\"i\"}" KIND,
         "{\"$schema\":\"/new/2\",\"meta\":{ \"id\":\"i\",\"stream\":\"out.v1\",\"dt\":\"" TIME
         "\"}" KIND},
    };

    f->spec.schema = SLICE_LIT("/new/2");
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        check_at_once(f, ROWS[i].source, "ok", ROWS[i].value);
    assert_false(open_page(f, "{}"));
    check_end(f, "failed:no_revision", "{\"$schema\":\"/new/2\"," OUT_META "}");
}

static void a_delete_passes_without_content_and_without_a_fetch(void **state)
{
    struct fixture *f = *state;

    check_at_once(f,
                  "{" META("a.wiki") ",\"page_change_kind\":\"delete\",\"revision\":{\"rev_id\":7,"
                                     "\"is_content_visible\":false}}",
                  "ok",
                  "{" META_OUT("a.wiki") ",\"page_change_kind\":\"delete\",\"revision\":{"
                                         "\"rev_id\":7,\"is_content_visible\":false}}");
    char text[ENRICH_FETCH_MAX];
    (void)enrich_page_fetch_text(&f->page, text);
    assert_string_equal(text, "attempts=0 http=0 error=- ms=0");
}

static void hidden_content_is_withheld_without_a_fetch(void **state)
{
    struct fixture *f = *state;

    check_at_once(
        f,
        "{" META("a.wiki") ",\"revision\":{\"rev_id\":7,\"is_content_visible\":false,"
                           "\"rev_sha1\":\"s\"," SLOT(",\"content_body\":\"secret\"") "}}",
        "withheld:content_hidden",
        "{" META_OUT("a.wiki") ",\"revision\":{\"rev_id\":7,\"is_content_visible\":false,"
                               "\"content_slots\":{\"main\":{}}}}");
}

static void what_is_suppressed_meanwhile_is_cut_from_the_event(void **state)
{
    struct fixture *f = *state;

    assert_true(open_page(
        f, "{\"performer\":{\"user_text\":\"Ada\"}," META(
               "a.wiki") ",\"comment\":\"c\",\"revision\":{\"rev_id\":7,"
                         "\"is_content_visible\": true,\"comment\":\"c\",\"rev_size\":3," SLOT(
                             ",\"content_size\":3") ",\"editor\":{},\"rev_sha1\":\"s\" }}"));
    const struct enrich_judgement j =
        judge(f, ANSWER("\"suppressed\":true,\"slots\":{\"main\":{\"content\":\"abc\"}}"));
    assert_int_equal(j.verdict, ENRICH_VERDICT_HIDDEN);
    assert_null(j.revision);
    settle(f, j.reason);
    check_end(f, "withheld:suppressed",
              "{" META_OUT("a.wiki") ",\"revision\":{\"rev_id\":7,\"is_content_visible\": false,"
                                     "\"rev_size\":3,\"content_slots\":{\"main\":{\"content_size\":"
                                     "3}} }}");
}

static void a_hidden_user_or_comment_is_cut_and_the_content_stays(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *kind;
        const char *flags;
        const char *head;
        const char *revision;
    } ROWS[] = {
        {"edit", "\"userhidden\":true,\"suppressed\":true,", "\"comment\":\"c\",",
         "\"comment\":\"c\",\"is_comment_visible\":true,\"is_editor_visible\":false"},
        {"move", "\"commenthidden\":true,", "\"performer\":{},",
         "\"editor\":{},\"is_comment_visible\":false,\"is_editor_visible\":true"},
        {"undelete", "\"userhidden\":true,\"commenthidden\":true,",
         "\"performer\":{},\"comment\":\"c\",",
         "\"is_comment_visible\":false,\"is_editor_visible\":false"},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char source[1024];
        char body[1024];
        char value[1024];
        (void)snprintf(source, sizeof source,
                       "{\"performer\":{},\"comment\":\"c\",\"page_change_kind\":\"%s\"," META(
                           "a.wiki") ",\"revision\":{\"rev_id\":7,\"editor\":{},\"comment\":"
                                     "\"c\",\"is_comment_visible\":true,\"is_editor_visible\":true,"
                                     "\"content_slots\":{\"main\":{}}}}",
                       ROWS[i].kind);
        (void)snprintf(body, sizeof body, ANSWER("%s\"slots\":{\"main\":{\"content\":\"abc\"}}"),
                       ROWS[i].flags);
        (void)snprintf(value, sizeof value,
                       "{%s\"page_change_kind\":\"%s\"," META_OUT(
                           "a.wiki") ",\"revision\":{\"rev_id\":7,%s,\"content_slots\":{\"main\":{"
                                     "\"content_body\":\"abc\"}}}}",
                       ROWS[i].head, ROWS[i].kind, ROWS[i].revision);
        assert_true(open_page(f, source));
        settle_ok(f, body);
        check_end(f, "ok", value);
    }
}

static void canaries_are_passed_on_and_never_fetched(void **state)
{
    struct fixture *f = *state;
    const struct slice wikis[] = {SLICE_LIT("testwiki")};

    f->spec.wikis = wikis; /* not even the filter drops them */
    f->spec.wiki_count = 1;
    check_at_once(f, "{" META("canary") ",\"wiki_id\":\"example\",\"revision\":{\"rev_id\":2}}",
                  "canary",
                  "{" META_OUT("canary") ",\"wiki_id\":\"example\",\"revision\":{\"rev_id\":2}}");
}

static void what_the_filter_does_not_name_is_filtered_and_empty(void **state)
{
    struct fixture *f = *state;
    const struct slice wikis[] = {SLICE_LIT("testwiki"), SLICE_LIT("frwiki")};
    const struct slice kinds[] = {SLICE_LIT("delete")};
    const int32_t namespaces[] = {0, 14};
    static const struct {
        const char *source;
        const char *status;
    } ROWS[] = {
#define EVENT(wiki, kind, page)                                                                    \
    "{\"wiki_id\":\"" wiki "\",\"page_change_kind\":\"" kind "\",\"page\":{" page "}}"
        {EVENT("frwiki", "delete", "\"namespace_id\":14"), "ok"},
        {EVENT("dewiki", "delete", "\"namespace_id\":14"), "filtered"},
        {EVENT("frwiki", "edit", "\"namespace_id\":14"), "filtered"},
        {EVENT("frwiki", "delete", "\"namespace_id\":1"), "filtered"},
        {EVENT("frwiki", "delete", "\"namespace_id\":-1"), "filtered"},
        {EVENT("frwiki", "delete", "\"namespace_id\":4294967296"), "filtered"},
        {EVENT("frwiki", "delete", ""), "filtered"},
        {"{}", "filtered"},
#undef EVENT
    };

    f->spec = (struct enrich_spec){.output = SLICE_LIT("out.v1"),
                                   .wikis = wikis,
                                   .wiki_count = 2,
                                   .kinds = kinds,
                                   .kind_count = 1,
                                   .namespaces = namespaces,
                                   .namespace_count = 2};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_false(open_page(f, ROWS[i].source));
        write_value(f);
        check_status(f, ROWS[i].status);
        if (strcmp(ROWS[i].status, "filtered") == 0)
            assert_int_equal(f->value_len, 0);
    }
}

static void events_that_cannot_be_fetched_say_why(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *source;
        const char *status;
    } ROWS[] = {
#define REV "\"revision\":{\"rev_id\":7," SLOT("") "}"
        {"{" META("a.wiki") ",\"revision\":{" SLOT("") "}}", "failed:no_revision"},
        {"{" META("a.wiki") ",\"revision\":{\"rev_id\":7}}", "failed:no_slots"},
        {"{" META("a.wiki") ",\"revision\":{\"rev_id\":7,\"content_slots\":{}}}",
         "failed:no_slots"},
        {"{" REV "}", "failed:domain"},
        {"{\"meta\":{}," REV "}", "failed:domain"},
        {"{" META("") "," REV "}", "failed:domain"},
        {"{" META("evil.example") "," REV "}", "failed:domain"},
        {"{" META("a.wiki\\r\\nX-Evil: 1") "," REV "}", "failed:domain"},
        {"{" META("a.wiki\\u0000.x") "," REV "}", "failed:domain"},
        {"{" META("localhost:6500/x#.wiki") "," REV "}", "failed:domain"},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_false(open_page(f, ROWS[i].source));
        write_value(f);
        check_status(f, ROWS[i].status);
        assert_true(f->value_len > 0);
    }
}

static void bytes_that_are_no_event_fail_and_stay_as_they_are(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *source;
        const char *status;
    } ROWS[] = {
        {"", "failed:malformed"},
        {"not JSON", "failed:malformed"},
        {"[{}]", "failed:malformed"},
        {"\xef\xbb\xbf{}", "failed:malformed"},
        {"{\"meta\":{},\"meta\":{}}", "failed:malformed"},
        {"{\"a\":\"\\udc00\"}", "failed:malformed"},
        {"{\"meta\":7}", "failed:bad_field"},
        {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
         "failed:too_deep"},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        check_at_once(f, ROWS[i].source, ROWS[i].status, ROWS[i].source);
        assert_true(strlen(f->page.detail) > 0);
    }
    assert_false(enrich_page_open(&f->page, &f->spec, &f->memory, (struct slice){0}));
    write_value(f);
    check_status(f, "failed:malformed");
    assert_true(f->is_null);
    assert_int_equal(f->value_len, 0);
}

static void a_value_over_the_limit_fails_but_what_is_withheld_stays_withheld(void **state)
{
    struct fixture *f = *state;
    static const char SOURCE[] = "{" META("a.wiki") ",\"revision\":{\"rev_id\":7," SLOT("") "}}";

    assert_true(open_page(f, SOURCE));
    settle_ok(f, ANSWER("\"slots\":{\"main\":{\"content\":\"abc\"}}"));
    write_value(f);
    check_status(f, "ok");
    const size_t size = f->value_len;

    f->spec.value_bytes_max = size - 1;
    assert_true(open_page(f, SOURCE));
    settle_ok(f, ANSWER("\"slots\":{\"main\":{\"content\":\"abc\"}}"));
    check_end(f, "failed:too_large",
              "{" META_OUT("a.wiki") ",\"revision\":{\"rev_id\":7," SLOT("") "}}");
    f->spec.value_bytes_max = size;
    assert_true(open_page(f, SOURCE));
    settle_ok(f, ANSWER("\"slots\":{\"main\":{\"content\":\"abc\"}}"));
    write_value(f);
    check_status(f, "ok");

    f->spec.value_bytes_max = 10;
    assert_true(open_page(f, SOURCE));
    settle(f, REASON_TEXT_HIDDEN);
    write_value(f);
    check_status(f, "withheld:text_hidden");
    assert_true(f->is_null);
    assert_false(open_page(f, "this is no event"));
    write_value(f);
    check_status(f, "failed:malformed");
    assert_true(f->is_null);
    assert_int_equal(f->value_len, 0);
    assert_true(slice_equal(f->page.source, SLICE_LIT("this is no event")));
}

static void an_answer_is_judged_against_the_event(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *body;
        enum enrich_verdict verdict;
        enum reason reason;
    } ROWS[] = {
        {ANSWER("\"slots\":{\"main\":{\"content\":\"abc\"}}"), ENRICH_VERDICT_OK, REASON_NONE},
        {ANSWER("\"slots\":{\"main\":{\"content\":\"abd\"}}"), ENRICH_VERDICT_SUSPECT, REASON_SHA1},
        {ANSWER("\"slots\":{\"main\":{\"sha1\":\"00\",\"content\":\"abc\"}}"),
         ENRICH_VERDICT_SUSPECT, REASON_SHA1},
        {ANSWER("\"slots\":{\"main\":{}}"), ENRICH_VERDICT_SUSPECT, REASON_SLOT_MISSING},
        {ANSWER("\"slots\":{\"other\":{\"content\":\"abc\"}}"), ENRICH_VERDICT_SUSPECT,
         REASON_SLOT_MISSING},
        {ANSWER("\"slots\":{}"), ENRICH_VERDICT_SUSPECT, REASON_SLOT_MISSING},
        {ANSWER("\"texthidden\":true"), ENRICH_VERDICT_HIDDEN, REASON_TEXT_HIDDEN},
        {ANSWER("\"suppressed\":true"), ENRICH_VERDICT_HIDDEN, REASON_SUPPRESSED},
        {"{\"query\":{\"badrevids\":{\"7\":{\"revid\":7}}}}", ENRICH_VERDICT_MISSING, REASON_NONE},
        {"{\"query\":{\"pages\":[{\"missing\":true}]}}", ENRICH_VERDICT_MISSING, REASON_NONE},
        {"{\"continue\":{},\"query\":{\"pages\":[{\"pageid\":1}]}}", ENRICH_VERDICT_UNSERVED,
         REASON_NONE},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_true(open_page(f, "{" META("a.wiki") ",\"revision\":{\"rev_id\":7," SLOT("") "}}"));
        const struct enrich_judgement j = judge(f, ROWS[i].body);
        assert_int_equal(j.verdict, ROWS[i].verdict);
        assert_int_equal(j.reason, ROWS[i].reason);
        assert_int_equal(j.revision != NULL, ROWS[i].verdict == ENRICH_VERDICT_OK);
    }
    /* a sha1 that is none cannot be met */
    assert_true(open_page(f, "{" META("a.wiki") ",\"revision\":{\"rev_id\":7,\"content_slots\":{"
                                                "\"main\":{\"content_sha1\":\"\"}}}}"));
    assert_int_equal(judge(f, ROWS[0].body).verdict, ENRICH_VERDICT_SUSPECT);
    assert_int_equal(judge(f, ROWS[0].body).reason, REASON_SHA1);
}

static void a_spec_must_be_plain_text(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(enrich_spec_check(&f->spec), 0);
    f->spec.output = SLICE_LIT("a\"b");
    assert_int_equal(enrich_spec_check(&f->spec), ERR_CONFIG);
    f->spec.output = SLICE_LIT("");
    assert_int_equal(enrich_spec_check(&f->spec), ERR_CONFIG);
    f->spec.output = SLICE_LIT("out");
    f->spec.schema = SLICE_LIT("/a\n");
    assert_int_equal(enrich_spec_check(&f->spec), ERR_CONFIG);
}

static void times_are_written_for_every_year(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } ROWS[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782399999, "2000-02-28T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {951868800000, "2000-03-01T00:00:00.000Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
        {1767323045678, "2026-01-02T03:04:05.678Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {-62167219200000, "0000-01-01T00:00:00.000Z"},
        {-62162035200001, "0000-02-29T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char text[TIME_TEXT_LEN + 1] = {0};
        time_text(ROWS[i].ms, text);
        assert_string_equal(text, ROWS[i].text);
    }
}

/* A random event of the right shape: known members among random ones, in random places. */
static void put_event(struct random_json *r)
{
    static const char *const KNOWN[] = {"\"rev_id\":7", "\"is_content_visible\":true",
                                        "\"rev_sha1\":\"s\"", "\"comment\":\"c\"",
                                        "\"editor\":{\"x\":1}"};

    r->len = 0;
    random_json_put(r, "{\"a\":");
    random_json_value(r, 2);
    random_json_put(r, ",\"meta\":{\"domain\":\"a.wiki\"");
    if (random_json_below(r, 2) == 0)
        random_json_put(r, ", \"stream\" :\"in\"");
    random_json_space(r);
    random_json_put(r, "},\"revision\":");
    random_json_space(r);
    random_json_put(r, "{\"b\":");
    random_json_value(r, 1);
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (i > 0 && random_json_below(r, 2) == 0)
            continue;
        random_json_put(r, ",");
        random_json_space(r);
        random_json_put(r, KNOWN[i]);
    }
    random_json_put(r, ",\"content_slots\":{\"main\":{");
    random_json_space(r);
    if (random_json_below(r, 2) == 0) {
        random_json_put(r, "\"content_body\":");
        random_json_value(r, 1);
        random_json_put(r, ",");
    }
    random_json_put(r, "\"c\":");
    random_json_value(r, 1);
    random_json_space(r);
    random_json_put(r, "}}},\"d\":");
    random_json_value(r, 2);
    random_json_space(r);
    random_json_put(r, "}");
}

static yyjson_val *at(struct json *j, const char *a, const char *b, const char *c, const char *d)
{
    const char *const path[] = {a, b, c, d};
    yyjson_val *val = j->root;

    for (size_t i = 0; i < 4 && path[i] != NULL; i++)
        val = json_value(json_key(val, slice_str(path[i])));
    return val;
}

static bool same(yyjson_val *a, yyjson_val *b)
{
    return a == NULL ? b == NULL : b != NULL && yyjson_equals(a, b);
}

static void check_random(struct fixture *f, struct random_json *r, bool is_hidden)
{
    static const struct json_limits LIMITS = {.bytes_max = 1 << 20, .depth_max = 64};
    struct json before;
    struct json after;
    struct json_flaw flaw;

    assert_true(enrich_page_open(&f->page, &f->spec, &f->memory, random_json_slice(r)));
    if (is_hidden)
        settle(f, REASON_SUPPRESSED);
    else
        settle_ok(f, ANSWER("\"slots\":{\"main\":{\"content\":\"x\\ud83d\\ude00\\\"y\"}}"));
    write_value(f);
    arena_reset(&f->scratch);
    assert_int_equal(json_parse(&f->scratch, random_json_slice(r), &LIMITS, &before, &flaw), 0);
    assert_int_equal(
        json_parse(&f->scratch, slice_of(f->value, f->value_len), &LIMITS, &after, &flaw), 0);
    assert_true(same(at(&before, "a", NULL, NULL, NULL), at(&after, "a", NULL, NULL, NULL)));
    assert_true(same(at(&before, "d", NULL, NULL, NULL), at(&after, "d", NULL, NULL, NULL)));
    assert_true(
        same(at(&before, "revision", "b", NULL, NULL), at(&after, "revision", "b", NULL, NULL)));
    yyjson_val *slot = at(&after, "revision", "content_slots", "main", NULL);
    assert_true(same(at(&before, "revision", "content_slots", "main", "c"),
                     json_value(json_key(slot, SLICE_LIT("c")))));
    yyjson_val *body = json_value(json_key(slot, SLICE_LIT("content_body")));
    if (is_hidden) {
        assert_null(body);
        assert_null(at(&after, "revision", "editor", NULL, NULL));
        assert_null(at(&after, "revision", "comment", NULL, NULL));
        assert_null(at(&after, "revision", "rev_sha1", NULL, NULL));
        assert_false(yyjson_is_true(at(&after, "revision", "is_content_visible", NULL, NULL)));
    } else {
        assert_true(yyjson_equals_str(body, "x\xf0\x9f\x98\x80\"y"));
        assert_true(same(at(&before, "revision", "editor", NULL, NULL),
                         at(&after, "revision", "editor", NULL, NULL)));
    }
    assert_true(yyjson_equals_str(at(&after, "meta", "stream", NULL, NULL), "out.v1"));
    assert_true(
        yyjson_equals_str(at(&after, "meta", "dt", NULL, NULL), "2026-01-02T03:04:05.678Z"));
}

static void random_events_20000_times_over_change_only_where_they_must(void **state)
{
    struct fixture *f = *state;
    struct random_json *r = calloc(1, sizeof *r);

    for (unsigned n = 0; n < 20000; n++) {
        arena_reset(&f->scratch);
        r->seed = n;
        put_event(r);
        check_random(f, r, n % 2 == 0);
    }
    free(r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(content_is_inserted_and_not_one_byte_else_differs),
        TEST(each_slot_gets_its_own_content),
        TEST(content_that_the_source_has_already_is_replaced_or_cut),
        TEST(schema_and_meta_are_set_wherever_they_were),
        TEST(a_delete_passes_without_content_and_without_a_fetch),
        TEST(hidden_content_is_withheld_without_a_fetch),
        TEST(what_is_suppressed_meanwhile_is_cut_from_the_event),
        TEST(a_hidden_user_or_comment_is_cut_and_the_content_stays),
        TEST(canaries_are_passed_on_and_never_fetched),
        TEST(what_the_filter_does_not_name_is_filtered_and_empty),
        TEST(events_that_cannot_be_fetched_say_why),
        TEST(bytes_that_are_no_event_fail_and_stay_as_they_are),
        TEST(a_value_over_the_limit_fails_but_what_is_withheld_stays_withheld),
        TEST(an_answer_is_judged_against_the_event),
        TEST(a_spec_must_be_plain_text),
        TEST(times_are_written_for_every_year),
        TEST(random_events_20000_times_over_change_only_where_they_must),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
