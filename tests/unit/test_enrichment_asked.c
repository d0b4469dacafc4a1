/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: redirects, citations, and what others than the event's wiki are asked, are what the answers
 *       say, and what is asked is escaped.
 * Method: small answers in MediaWiki's, Wikibase's and LiftWing's documented shapes; the whole member
 *         is compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/enrich_fixture.h"

/* ---- redirects ------------------------------------------------------------------------------- */

#define LINK "<html><body><link rel=\"mw:PageProp/redirect\" href=\"%s\"/></body></html>"
#define TARGETS                                                                                    \
    "{\"query\":{\"normalized\":[{\"from\":\"New_one\",\"to\":\"New one\"}],\"pages\":["           \
    "{\"pageid\":7,\"ns\":0,\"title\":\"New "                                                      \
    "one\"},{\"ns\":0,\"title\":\"Old\",\"missing\":true}]}}"
#define REDIRECTED                                                                                 \
    "{\"meta\":{\"domain\":\"a.wiki\"},\"page_change_kind\":\"edit\",\"page\":{\"page_id\":4,"     \
    "\"is_redirect\":true},\"revision\":{\"rev_id\":5,\"rev_parent_id\":3}}"

static void a_redirect_comes_with_all_that_redirect_to_its_targets(void **state)
{
    struct fixture *f = *state;
    char html[256];

    open_visible(f, BIT(REDIRECT), REDIRECTED);
    ask(f, QUESTION_HTML, "revision/5/html");
    ask(f, QUESTION_HTML_PARENT, "revision/3/html");
    (void)snprintf(html, sizeof html, LINK, "./New_one#S%C3%A9c");
    settle_text(f, QUESTION_HTML, html);
    char before[256];
    (void)snprintf(before, sizeof before, LINK, "./Old");
    settle_text(f, QUESTION_HTML_PARENT, before);
    ask(f, QUESTION_TARGETS,
        "format=json&formatversion=2&action=query&prop=info&titles=New_one%7COld");
    settle_text(f, QUESTION_TARGETS, TARGETS);
    ask(f, QUESTION_REDIRECT,
        "format=json&formatversion=2&action=query&redirects=1&pageids=4&requestid=5");
    settle_text(f, QUESTION_REDIRECT,
                "{\"query\":{\"redirects\":[{\"from\":\"R\",\"to\":\"New one\"}]}}");
    ask(f, QUESTION_REDIRECTS,
        "format=json&formatversion=2&action=query&prop=redirects&rdprop=pageid%7Ctitle%7Cfragment"
        "&rdlimit=max&titles=New%20one%7COld&requestid=5");
    settle_text(f, QUESTION_REDIRECTS,
                "{\"continue\":{\"rdcontinue\":\"7|9\",\"continue\":\"||\"},\"query\":{\"pages\":["
                "{\"pageid\":7,\"ns\":0,\"title\":\"New one\",\"redirects\":["
                "{\"pageid\":4,\"ns\":0,\"title\":\"R\",\"fragment\":\"S\"}]}]}}");
    assert_false(enrich_page_is_done(&f->page));
    ask(f, QUESTION_REDIRECTS,
        "format=json&formatversion=2&action=query&prop=redirects&rdprop=pageid%7Ctitle%7Cfragment"
        "&rdlimit=max&titles=New%20one%7COld&requestid=5&rdcontinue=7%7C9");
    settle_text(f, QUESTION_REDIRECTS,
                "{\"query\":{\"pages\":[{\"pageid\":7,\"ns\":0,\"title\":\"New one\","
                "\"redirects\":[{\"pageid\":9,\"ns\":1,\"title\":\"Talk:R\"}]}]}}");
    check(f, "ok",
          "{\"redirect\":{" AS_OF ",\"target\":{\"page_id\":7,\"ns\":0,\"title\":\"New one\","
          "\"fragment\":\"S\xc3\xa9"
          "c\",\"redirects\":[{\"page_id\":4,\"ns\":0,\"title\":\"R\","
          "\"fragment\":\"S\"},{\"page_id\":9,\"ns\":1,\"title\":\"Talk:R\"}],\"truncated\":false},"
          "\"parent_rev_id\":3,\"parent_target\":{\"page_id\":null,\"ns\":0,\"title\":\"Old\","
          "\"redirects\":[],\"truncated\":false},\"complete\":true}}");
}

static void a_page_that_is_no_redirect_costs_one_question_about_its_parent(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(REDIRECT),
                 "{\"meta\":{\"domain\":\"a.wiki\"},\"page\":{\"page_id\":4,\"is_redirect\":false},"
                 "\"revision\":{\"rev_id\":5,\"rev_parent_id\":3}}");
    ask(f, QUESTION_HTML_PARENT, "");
    ask_nothing(f);
    settle_text(f, QUESTION_HTML_PARENT, "<p>mw:PageProp/redirect</p>");
    check(f, "ok",
          "{\"redirect\":{" AS_OF ",\"target\":null,\"parent_rev_id\":3,\"parent_target\":null,"
          "\"complete\":true}}");
}

static void a_table_that_does_not_show_the_change_is_said_to_be_incomplete(void **state)
{
    struct fixture *f = *state;
    struct question q;

    open_visible(
        f, BIT(REDIRECT),
        "{\"meta\":{\"domain\":\"a.wiki\"},\"page_change_kind\":\"create\",\"page\":"
        "{\"page_id\":4,\"is_redirect\":true,\"redirect_page_link\":{\"page_title\":\"New_one\"}},"
        "\"revision\":{\"rev_id\":5}}");
    ask(f, QUESTION_TARGETS, "format=json&formatversion=2&action=query&prop=info&titles=New_one");
    settle_text(f, QUESTION_TARGETS, TARGETS);
    assert_true(enrich_page_ask(&f->page, &f->scratch, &q));
    assert_int_equal(q.kind, QUESTION_REDIRECT);
    assert_true(slice_equal(q.expect, SLICE_LIT("New one")));
    assert_true(question_is_early(&q, SLICE_LIT("{\"query\":{\"pages\":[]}}"), &f->scratch));
    assert_true(question_is_early(&q, SLICE_LIT("{\"query\":{\"redirects\":[{\"to\":\"Old\"}]}}"),
                                  &f->scratch));
    assert_false(question_is_early(
        &q, SLICE_LIT("{\"query\":{\"redirects\":[{\"to\":\"New one\"}]}}"), &f->scratch));
    settle_text(f, QUESTION_REDIRECT, "{\"query\":{\"redirects\":[{\"to\":\"New one\"}]}}");
    assert_true(enrich_page_ask(&f->page, &f->scratch, &q));
    assert_int_equal(q.kind, QUESTION_REDIRECTS);
    assert_true(question_is_early(&q, SLICE_LIT("{\"query\":{\"pages\":[]}}"), &f->scratch));
    assert_true(question_is_early(
        &q,
        SLICE_LIT("{\"query\":{\"pages\":[{\"title\":\"Old\",\"redirects\":[{\"pageid\":4}]}]}}"),
        &f->scratch));
    assert_false(question_is_early(
        &q,
        SLICE_LIT(
            "{\"query\":{\"pages\":[{\"title\":\"New one\",\"redirects\":[{\"pageid\":4}]}]}}"),
        &f->scratch));
    settle_text(f, QUESTION_REDIRECTS, "{\"query\":{\"pages\":[]}}");
    check(f, "ok",
          "{\"redirect\":{" AS_OF ",\"target\":{\"page_id\":7,\"ns\":0,\"title\":\"New one\","
          "\"redirects\":[],\"truncated\":false},\"parent_rev_id\":0,\"parent_target\":null,"
          "\"complete\":false}}");
}

static void a_deleted_redirect_tells_where_it_led(void **state)
{
    struct fixture *f = *state;
    const struct enrich_memory memory = {&f->scratch, &f->keep};

    f->spec.enrichments = BIT(REDIRECT) | BIT(LINKS) | BIT(CONTENT);
    arena_reset(&f->keep);
    assert_true(enrich_page_open(
        &f->page, &f->spec, &memory,
        slice_str("{\"meta\":{\"domain\":\"a.wiki\"},\"page_change_kind\":\"delete\",\"page\":"
                  "{\"page_id\":4,\"is_redirect\":true,\"redirect_page_link\":"
                  "{\"page_title\":\"New_one\"}},\"revision\":{\"rev_id\":5,"
                  "\"content_slots\":{\"main\":{\"content_body\":\"x\"}}}}")));
    ask(f, QUESTION_TARGETS, "");
    settle_text(f, QUESTION_TARGETS, TARGETS);
    ask(f, QUESTION_REDIRECT, "");
    settle_text(f, QUESTION_REDIRECT, "{\"query\":{\"pages\":[{\"pageid\":4,\"missing\":true}]}}");
    ask(f, QUESTION_REDIRECTS, "");
    settle_text(f, QUESTION_REDIRECTS, "{\"query\":{\"pages\":[]}}");
    check(f, "ok",
          "{\"redirect\":{" AS_OF ",\"target\":null,\"parent_rev_id\":5,\"parent_target\":"
          "{\"page_id\":7,\"ns\":0,\"title\":\"New one\",\"redirects\":[],\"truncated\":false},"
          "\"complete\":true}}");
    assert_null(strstr(f->value, "content_body"));
}

enum {
    BODY_SIZE = 64 * 1024
};

static void a_list_longer_than_its_limit_is_cut_and_says_so(void **state)
{
    struct fixture *f = *state;
    struct question q;
    const struct slice link = SLICE_LIT("{\"pageid\":1,\"ns\":0,\"title\":\"R\"}");
    char *body = malloc(BODY_SIZE);
    unsigned parts = 0;

    assert_non_null(body);
    open_visible(f, BIT(REDIRECT),
                 "{\"meta\":{\"domain\":\"a.wiki\"},\"page_change_kind\":\"create\",\"page\":"
                 "{\"page_id\":4,\"redirect_page_link\":{\"page_title\":\"New_one\"}},"
                 "\"revision\":{\"rev_id\":5}}");
    ask(f, QUESTION_TARGETS, "");
    settle_text(f, QUESTION_TARGETS, TARGETS);
    ask(f, QUESTION_REDIRECT, "");
    settle_text(f, QUESTION_REDIRECT, "{\"query\":{}}");
    size_t len = (size_t)snprintf(body, BODY_SIZE,
                                  "{\"continue\":{\"rdcontinue\":\"1\"},\"query\":{\"pages\":["
                                  "{\"title\":\"New one\",\"redirects\":[");
    for (unsigned i = 0; i < 500; i++)
        len += (size_t)snprintf(body + len, BODY_SIZE - len, "%s%.*s", i == 0 ? "" : ",",
                                SLICE_ARG(link));
    (void)snprintf(body + len, BODY_SIZE - len, "]}]}}");
    while (enrich_page_ask(&f->page, &f->scratch, &q)) {
        assert_int_equal(q.kind, QUESTION_REDIRECTS);
        parts++;
        settle_text(f, QUESTION_REDIRECTS, body);
    }
    free(body);
    assert_int_equal(parts, QUESTION_PARTS_MAX);
    assert_int_equal(f->page.status, ENRICH_OK);
    size_t count = 0;
    for (size_t i = 0; i + link.len <= f->page.made.len; i++)
        count += memcmp(f->page.made.ptr + i, "\"page_id\":1,", 12) == 0;
    assert_int_equal(count, 5000);
    assert_non_null(memmem(f->page.made.ptr, f->page.made.len, "\"truncated\":true", 16));
}

/* ---- citations ------------------------------------------------------------------------------- */

#define REFERENCES(items)                                                                          \
    "<html><body><p>a<a rel='mw:ExtLink' href='https://outside.example/'>x</a></p>"                \
    "<ol class='mw-references references'>" items "</ol><p>b</p></body></html>"
#define ITEM(id, text)                                                                             \
    "<li id='" id "'><a rel='mw:referencedBy' href='./A'><span>\xe2\x86\x91</span></a> "           \
    "<span class='mw-reference-text' id='mw-reference-text-" id "'>" text "</span></li>"
#define URL(n)                                                                                     \
    "<a rel='mw:ExtLink' class='external' href='https://example.org/" n "'>book <i>" n "</i></a>"

static void citations_tell_what_the_edit_added_and_removed(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(CITATIONS), EDIT);
    ask(f, QUESTION_HTML, "revision/5/html");
    ask(f, QUESTION_HTML_PARENT, "revision/4/html");
    settle_text(f, QUESTION_HTML,
                REFERENCES(ITEM("n-1", URL("2")) ITEM("n-2", "B\xc3\xa9 &amp; C")));
    settle_text(f, QUESTION_HTML_PARENT,
                REFERENCES(ITEM("n-1", "old " URL("1")) ITEM("n-2", URL("2"))));
    check(f, "ok",
          "{\"citations\":{" AS_OF ",\"references\":["
          "{\"id\":\"n-1\",\"text\":\"book 2\",\"urls\":[\"https://example.org/2\"]},"
          "{\"id\":\"n-2\",\"text\":\"B\xc3\xa9 & C\",\"urls\":[]}],\"truncated\":false,"
          "\"parent_rev_id\":4,"
          "\"added\":{\"references\":[{\"id\":\"n-2\",\"text\":\"B\xc3\xa9 & C\",\"urls\":[]}],"
          "\"urls\":[]},"
          "\"removed\":{\"references\":[{\"id\":\"n-1\",\"text\":\"old book 1\","
          "\"urls\":[\"https://example.org/1\"]}],\"urls\":[\"https://example.org/1\"]}}}");
}

static void a_page_without_references_has_none(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(CITATIONS), CREATION);
    ask(f, QUESTION_HTML, "");
    settle_text(f, QUESTION_HTML, "<p>nothing</p>");
    check(
        f, "ok",
        "{\"citations\":{" AS_OF ",\"references\":[],\"truncated\":false,\"parent_rev_id\":0,"
        "\"added\":{\"references\":[],\"urls\":[]},\"removed\":{\"references\":[],\"urls\":[]}}}");
}

/* ---- other servers, other wikis -------------------------------------------------------------- */

#define ASKED                                                                                      \
    "{\"meta\":{\"domain\":\"a.wiki\"},\"wiki_id\":\"enwiki\",\"page\":{\"page_id\":4,"            \
    "\"page_title\":\"A \\\"b\\\"/\xc3\xa9\",\"is_redirect\":false},"                              \
    "\"revision\":{\"rev_id\":5,\"rev_parent_id\":4},\"performer\":{\"user_text\":\"L & M\"}}"

static void any_server_is_asked_with_the_events_fields_escaped(void **state)
{
    const struct ask_pair HEADERS[] = {{SLICE_LIT("X-Wiki"), SLICE_LIT("w={/wiki_id}")}};
    struct fixture *f = *state;
    struct question q;
    struct question_http http;

    f->spec.asks.http.url =
        SLICE_LIT("https://api.example.org/p/{/page/page_title}?r={/revision/rev_id}");
    f->spec.asks.http.is_post = true;
    f->spec.asks.http.headers = HEADERS;
    f->spec.asks.http.header_count = 1;
    f->spec.asks.http.body =
        SLICE_LIT("{\"t\":{/page/page_title},\"n\":{/page/page_id},\"r\":{/page/is_redirect}}");
    f->spec.asks.http.token = SLICE_LIT("secret");
    f->spec.asks.http.result = SLICE_LIT("/a/b");
    f->spec.asks.http.place = SLICE_LIT("/x/y");
    open_visible(f, BIT(HTTP), ASKED);
    assert_true(enrich_page_ask(&f->page, &f->scratch, &q));
    assert_int_equal(q.kind, QUESTION_HTTP);
    assert_true(slice_equal(q.domain, SLICE_LIT("https://api.example.org")));
    assert_true(slice_equal(
        q.text, SLICE_LIT("POST https://api.example.org/p/A%20%22b%22%2F%C3%A9?r=5\n"
                          "X-Wiki: w=enwiki\nContent-Type: application/json\n@secret\n\n"
                          "{\"t\":\"A \\\"b\\\"/\xc3\xa9\",\"n\":4,\"r\":false}")));
    assert_true(question_http_read(q.text, &http));
    assert_true(http.is_post);
    assert_true(
        slice_equal(http.url, SLICE_LIT("https://api.example.org/p/A%20%22b%22%2F%C3%A9?r=5")));
    assert_true(slice_starts_with(http.body, SLICE_LIT("{\"t\"")));
    settle_text(f, QUESTION_HTTP, "{\"a\":{\"b\":[1, 2]}}");
    check(f, "ok", "{\"http\":{" AS_OF ",\"x\":{\"y\":[1, 2]}}}");
    /* not there: null */
    f->spec.asks.http.result = SLICE_LIT("/a/c");
    f->spec.asks.http.place = (struct slice){0};
    open_visible(f, BIT(HTTP), ASKED);
    ask(f, QUESTION_HTTP, "");
    settle_text(f, QUESTION_HTTP, "{\"a\":{\"b\":[1, 2]}}");
    check(f, "ok", "{\"http\":{" AS_OF ",\"value\":null}}");
    /* the server knows nothing */
    open_visible(f, BIT(HTTP), ASKED);
    ask(f, QUESTION_HTTP, "");
    settle_reason(f, QUESTION_HTTP, REASON_MISSING);
    check(f, "ok", "{\"http\":null}");
    open_visible(f, BIT(HTTP), ASKED);
    ask(f, QUESTION_HTTP, "");
    settle_reason(f, QUESTION_HTTP, REASON_REFUSED);
    check(f, "failed:refused", NULL);
}

static void an_event_without_a_field_of_the_question_is_not_asked_about(void **state)
{
    static const char *const URLS[] = {"http://h/{/page/nothing}", "http://h/{/page}"};
    const struct ask_pair HEADERS[] = {{SLICE_LIT("X"), SLICE_LIT("{/page/page_title}")}};
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        f->spec.asks.http.url = slice_str(URLS[i]);
        open_visible(f, BIT(HTTP), ASKED);
        check(f, "ok", "{\"http\":null}");
    }
    f->spec.asks.http.url = SLICE_LIT("http://h/"); /* a header takes ASCII only */
    f->spec.asks.http.headers = HEADERS;
    f->spec.asks.http.header_count = 1;
    open_visible(f, BIT(HTTP), ASKED);
    check(f, "ok", "{\"http\":null}");
}

static void urls_name_their_server_before_any_field(void **state)
{
    static const char *const GOOD[] = {"http://h", "https://a.example:8080/x?y={/a}",
                                       "http://[::1]:80/"};
    static const char *const BAD[] = {"",          "ftp://h/",      "http://",       "http://{/a}/",
                                      "http:///x", "http://u@h/",   "http://h/a b",  "http://h/#x",
                                      "h/x",       "http://h\n.x/", "http://h{/a}/", "HTTP://h/"};

    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++)
        assert_true(asks_url_is_valid(slice_str(GOOD[i])));
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_false(asks_url_is_valid(slice_str(BAD[i])));
    assert_true(slice_equal(asks_origin(slice_str(GOOD[1])), SLICE_LIT("https://a.example:8080")));
}

static void a_model_is_asked_in_liftwings_way(void **state)
{
    const struct ask_pair LANGS[] = {{SLICE_LIT("enwiki"), SLICE_LIT("en")}};
    struct fixture *f = *state;

    f->spec.asks.score.url = SLICE_LIT("http://models:1");
    f->spec.asks.score.model = SLICE_LIT("revertrisk");
    f->spec.asks.score.langs = LANGS;
    f->spec.asks.score.lang_count = 1;
    open_visible(f, BIT(SCORE), ASKED);
    ask(f, QUESTION_SCORE,
        "POST http://models:1/v1/models/revertrisk:predict\nContent-Type: application/json\n\n"
        "{\"rev_id\":5,\"lang\":\"en\"}");
    settle_text(f, QUESTION_SCORE, "{\"output\":{\"prediction\":true}}");
    check(f, "ok",
          "{\"score\":{" AS_OF ",\"model\":\"revertrisk\",\"answer\":{\"output\":"
          "{\"prediction\":true}}}}");
}

/* The revision has this as its content, in the way of JSON; the slot may be given another later. */
static struct mwapi_slot *store(struct fixture *f, struct slice content)
{
    static struct mwapi_slot slot;

    slot = (struct mwapi_slot){.role = SLICE_LIT("main"), .content = content};
    f->revision = (struct mwapi_revision){.slots = &slot, .slot_count = 1};
    return &slot;
}

static void an_entity_is_asked_for_by_the_id_in_its_content(void **state)
{
    struct fixture *f = *state;
    struct mwapi_slot *slot =
        store(f, SLICE_LIT("\"{\\\"type\\\":\\\"item\\\",\\\"id\\\":\\\"Q60\\\"}\""));

    open_visible(f, BIT(ENTITY), ASKED);
    ask(f, QUESTION_ENTITY, "title=Special:EntityData/Q60.json&revision=5");
    settle_text(f, QUESTION_ENTITY, "{\"entities\":{\"Q60\":{\"id\":\"Q60\", \"lastrevid\":5}}}");
    check(f, "ok", "{\"entity\":{" AS_OF ",\"entity\":{\"id\":\"Q60\", \"lastrevid\":5}}}");
    slot->content = SLICE_LIT("\"'''wikitext'''\"");
    open_visible(f, BIT(ENTITY), ASKED);
    check(f, "ok", "{\"entity\":null}");
    slot->content = SLICE_LIT("\"{\\\"entity\\\":\\\"Q1\\\",\\\"redirect\\\":\\\"Q2\\\"}\"");
    open_visible(f, BIT(ENTITY), ASKED);
    check(f, "ok", "{\"entity\":null}");
}

#define RDF(body) "{\"rdf_diff\":{" AS_OF ",\"from\":\"" body "}}"

static void triples_are_compared_with_what_the_stream_had_last(void **state)
{
    struct fixture *f = *state;

    (void)store(f, SLICE_LIT("\"{\\\"id\\\":\\\"Q60\\\"}\""));
    open_visible(f, BIT(RDF_DIFF), ASKED);
    f->page.event.emitted_rev_id = 2;
    ask(f, QUESTION_RDF, "title=Special:EntityData/Q60.nt&flavor=dump&revision=5");
    ask(f, QUESTION_RDF_BEFORE, "title=Special:EntityData/Q60.nt&flavor=dump&revision=2");
    settle_text(f, QUESTION_RDF, "<b> <p> <o> .\n<a> <p> <o> .\n");
    settle_text(f, QUESTION_RDF_BEFORE, "<a> <p> <o> .\n<c> <p> <o> .\n");
    check(f, "ok",
          RDF("emitted\",\"from_rev_id\":2,\"added\":[\"<b> <p> <o> .\"],"
              "\"removed\":[\"<c> <p> <o> .\"]"));
    open_visible(f, BIT(RDF_DIFF), ASKED); /* not known: the parent, which is gone */
    ask(f, QUESTION_RDF, "");
    ask(f, QUESTION_RDF_BEFORE, "title=Special:EntityData/Q60.nt&flavor=dump&revision=4");
    settle_text(f, QUESTION_RDF, "<a> <p> <o> .\n");
    settle_reason(f, QUESTION_RDF_BEFORE, REASON_MISSING);
    check(f, "ok", RDF("parent\",\"from_rev_id\":4,\"from_unknown\":\"missing\""));
    open_visible(f, BIT(RDF_DIFF), ASKED); /* deleted before */
    f->page.event.emitted_rev_id = 0;
    ask(f, QUESTION_RDF, "");
    ask_nothing(f);
    settle_text(f, QUESTION_RDF, "<a> <p> <o> .\n");
    check(f, "ok", RDF("nothing\",\"added\":[\"<a> <p> <o> .\"],\"removed\":[]"));
}

static void of_a_late_revision_and_of_no_entity_no_triples_are_asked_for(void **state)
{
    struct fixture *f = *state;
    struct mwapi_slot *slot = store(f, SLICE_LIT("\"{\\\"id\\\":\\\"Q60\\\"}\""));

    open_visible(f, BIT(RDF_DIFF), ASKED);
    f->page.event.emitted_rev_id = 7;
    check(f, "ok", "{\"rdf_diff\":{\"from\":\"newer\",\"from_rev_id\":7}}");
    open_visible(f, BIT(RDF_DIFF), ASKED); /* what is no triple */
    f->page.event.emitted_rev_id = 0;
    ask(f, QUESTION_RDF, "");
    settle_text(f, QUESTION_RDF, "<html>\n");
    check(f, "failed:bad_answer", NULL);
    slot->content = SLICE_LIT("\"'''wikitext'''\"");
    open_visible(f, BIT(RDF_DIFF), ASKED);
    check(f, "ok", "{\"rdf_diff\":null}");
}

static void another_wiki_may_be_asked(void **state)
{
    struct fixture *f = *state;
    struct question q;

    f->spec.asks.user_domain = SLICE_LIT("meta.wiki");
    f->spec.asks.entity_domain = SLICE_LIT("data.wiki");
    open_visible(f, BIT(USER) | BIT(ENTITY), ASKED);
    assert_true(enrich_page_ask(&f->page, &f->scratch, &q));
    assert_int_equal(q.kind, QUESTION_USER);
    assert_true(slice_equal(q.domain, SLICE_LIT("meta.wiki")));
    assert_true(enrich_page_ask(&f->page, &f->scratch, &q));
    assert_int_equal(q.kind, QUESTION_ENTITY_OF_PAGE);
    assert_true(slice_equal(q.domain, SLICE_LIT("data.wiki")));
    assert_true(
        slice_equal(q.text, SLICE_LIT("format=json&formatversion=2&action=wbgetentities"
                                      "&redirects=yes&sites=enwiki&titles=A%20%22b%22%2F%C3%A9")));
    settle_file(f, QUESTION_USER, "user_none.json");
    settle_text(f, QUESTION_ENTITY_OF_PAGE,
                "{\"entities\":{\"-1\":{\"site\":\"enwiki\",\"missing\":\"\"}},\"success\":1}");
    check(f, "ok", "{\"user\":{" AS_OF ",\"state\":\"missing\"},\"entity\":null}");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_redirect_comes_with_all_that_redirect_to_its_targets),
        T(a_page_that_is_no_redirect_costs_one_question_about_its_parent),
        T(a_table_that_does_not_show_the_change_is_said_to_be_incomplete),
        T(a_deleted_redirect_tells_where_it_led),
        T(a_list_longer_than_its_limit_is_cut_and_says_so),
        T(citations_tell_what_the_edit_added_and_removed),
        T(a_page_without_references_has_none),
        T(any_server_is_asked_with_the_events_fields_escaped),
        T(an_event_without_a_field_of_the_question_is_not_asked_about),
        T(urls_name_their_server_before_any_field),
        T(a_model_is_asked_in_liftwings_way),
        T(an_entity_is_asked_for_by_the_id_in_its_content),
        T(triples_are_compared_with_what_the_stream_had_last),
        T(of_a_late_revision_and_of_no_entity_no_triples_are_asked_for),
        T(another_wiki_may_be_asked),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
