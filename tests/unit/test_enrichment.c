/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: each enrichment is what a real MediaWiki's answers say, and nothing hidden is in it.
 * Method: recorded answers about two revisions of one page (tests/unit/recorded.h); the whole
 *         member is compared. Then answers that make no sense.
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
#include "tests/unit/recorded.h"

#define AS_OF "\"as_of\":\"2026-01-02T03:04:05.678Z\""

struct fixture {
    struct arena answers;
    struct arena scratch;
    struct arena keep;
    struct enrich_spec spec;
    struct enrich_page page;
    struct mwapi_revision revision;
    char value[65536];
};

static const struct slice DOMAINS[] = {{(const uint8_t *)"*.wiki", 6}};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    arena_init(&f->answers, 1 << 16, 1 << 24);
    arena_init(&f->scratch, 1 << 16, 1 << 24);
    arena_init(&f->keep, 1 << 12, 1 << 22);
    f->spec = (struct enrich_spec){.output = SLICE_LIT("out.v1"), .domains = {DOMAINS, 1}};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->answers);
    arena_deinit(&f->scratch);
    arena_deinit(&f->keep);
    free(f);
    return 0;
}

/* The next question must be this one, with this text ("": any). */
static void ask(struct fixture *f, enum question_kind kind, const char *text)
{
    struct question q;

    if (!enrich_page_ask(&f->page, &f->scratch, &q)) {
        fail_msg("%s is not asked", question_type(kind)->name);
        return;
    }
    assert_int_equal(q.kind, kind);
    if (text[0] != '\0' && !slice_equal(q.text, slice_str(text)))
        fail_msg("asked: %.*s", SLICE_ARG(q.text));
}

static void ask_nothing(struct fixture *f)
{
    struct question q;

    assert_false(enrich_page_ask(&f->page, &f->scratch, &q));
}

static void settle(struct fixture *f, enum question_kind kind, struct slice body)
{
    const struct enrich_outcome outcome = {.body = body,
                                           .revision =
                                               kind == QUESTION_REVISION ? &f->revision : NULL,
                                           .at_ms = 1767323045678,
                                           .attempts = 1,
                                           .http_status = 200};

    enrich_page_settle(&f->page, kind, &outcome, &f->scratch);
}

static void settle_text(struct fixture *f, enum question_kind kind, const char *body)
{
    settle(f, kind, slice_str(body));
}

static void settle_file(struct fixture *f, enum question_kind kind, const char *file)
{
    settle(f, kind, recorded(&f->answers, file));
}

static void settle_reason(struct fixture *f, enum question_kind kind, enum reason reason)
{
    enrich_page_settle(&f->page, kind, &(struct enrich_outcome){.reason = reason}, &f->scratch);
}

static void open_event(struct fixture *f, uint32_t enrichments, const char *source)
{
    const struct enrich_memory memory = {&f->scratch, &f->keep};

    arena_reset(&f->keep);
    f->spec.enrichments = enrichments;
    assert_true(enrich_page_open(&f->page, &f->spec, &memory, slice_str(source)));
    ask(f, QUESTION_REVISION, "");
}

/* The same, and the revision is there and visible. */
static void open_visible(struct fixture *f, uint32_t enrichments, const char *source)
{
    open_event(f, enrichments, source);
    ask_nothing(f); /* first it must be visible */
    settle(f, QUESTION_REVISION, (struct slice){0});
}

/* The page must be done; compares its member `enrichments`, which stands last; NULL: has none. */
static void check(struct fixture *f, const char *status, const char *expected)
{
    static const char KEY[] = ",\"enrichments\":";
    char text[ENRICH_STATUS_MAX];
    bool is_null = true;

    ask_nothing(f);
    assert_true(enrich_page_is_done(&f->page));
    const size_t len = enrich_page_value(&f->page, 1767323045678, &is_null);
    (void)enrich_page_status_text(&f->page, text);
    assert_string_equal(text, status);
    assert_false(is_null);
    assert_true(len < sizeof f->value);
    enrich_page_write(&f->page, (uint8_t *)f->value);
    f->value[len] = '\0';
    const char *member = strstr(f->value, KEY);
    if (expected == NULL) {
        assert_null(member);
        return;
    }
    assert_non_null(member);
    f->value[len - 1] = '\0';
    assert_string_equal(member + strlen(KEY), expected);
}

#define BIT(name) ENRICHMENT_BIT(ENRICHMENT_##name)
#define EDIT                                                                                       \
    "{\"meta\":{\"domain\":\"a.wiki\"},\"page_change_kind\":\"edit\",\"page\":{\"page_id\":4},"    \
    "\"performer\":{\"user_text\":\"Loombot\"},"                                                   \
    "\"revision\":{\"rev_id\":5,\"rev_parent_id\":4}}"
#define CREATION                                                                                   \
    "{\"meta\":{\"domain\":\"a.wiki\"},\"page_change_kind\":\"create\",\"page\":{\"page_id\":4},"  \
    "\"revision\":{\"rev_id\":4}}"
#define PARSE                                                                                      \
    "format=json&formatversion=2&action=parse&disablelimitreport=1&prop=links%7Cexternallinks"     \
    "%7Cimages%7Ctemplates%7Ccategories%7Csections%7Ciwlinks%7Clanglinks%7Cproperties%7Crevid"     \
    "&oldid="

/* ---- the tables ------------------------------------------------------------------------------ */

static void every_name_in_the_list_of_a_spec_is_an_enrichment(void **state)
{
    char names[256] = "";

    (void)state;
    for (unsigned i = 0; i < ENRICHMENT_COUNT; i++) {
        const struct enrichment *e = enrichment_of((enum enrichment_kind)i);
        assert_int_equal(enrichment_find(slice_str(e->name)), ENRICHMENT_BIT(i));
        (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                       i == 0 ? "" : "|", e->name);
    }
    assert_string_equal(names, ENRICHMENT_NAMES);
    assert_int_equal(enrichment_find(SLICE_LIT("nothing")), 0);
}

static void a_question_comes_after_those_that_it_is_made_from(void **state)
{
    (void)state;
    for (unsigned k = 0; k < QUESTION_COUNT; k++)
        assert_true(question_type((enum question_kind)k)->after < QUESTION_BIT(k));
    assert_int_equal(enrichment_questions(0), 0);
    assert_int_equal(enrichment_questions(BIT(CONTENT)), QUESTION_BIT(QUESTION_REVISION));
    assert_int_equal(enrichment_questions(BIT(IMAGES)),
                     QUESTION_BIT(QUESTION_REVISION) | QUESTION_BIT(QUESTION_PARSE) |
                         QUESTION_BIT(QUESTION_PARSE_PARENT) | QUESTION_BIT(QUESTION_IMAGES));
}

/* ---- each enrichment ------------------------------------------------------------------------- */

static void links_tell_what_the_edit_added_and_removed(void **state)
{
    struct fixture *f = *state;
    char text[ENRICH_FETCH_MAX];

    open_visible(f, BIT(LINKS), EDIT);
    ask(f, QUESTION_PARSE, PARSE "5");
    ask(f, QUESTION_PARSE_PARENT, PARSE "4");
    settle_file(f, QUESTION_PARSE_PARENT, "parse_one1.json");
    assert_false(enrich_page_is_done(&f->page));
    settle_file(f, QUESTION_PARSE, "parse_one2.json");
    check(f, "ok",
          "{\"links\":{" AS_OF ",\"pages\":["
          "{\"ns\":0,\"title\":\"B\xc3\xa4r\",\"exists\":false},"
          "{\"ns\":0,\"title\":\"Qux\",\"exists\":false},"
          "{\"ns\":0,\"title\":\"Target of box\",\"exists\":false},"
          "{\"ns\":10,\"title\":\"Template:Nope\",\"exists\":false}],"
          "\"external\":[\"https://box.example/\",\"https://example.org/new\"],"
          "\"interwiki\":[],\"languages\":[],\"parent_rev_id\":4,"
          "\"added\":{\"pages\":[{\"ns\":0,\"title\":\"B\xc3\xa4r\",\"exists\":false},"
          "{\"ns\":0,\"title\":\"Qux\",\"exists\":false},"
          "{\"ns\":10,\"title\":\"Template:Nope\",\"exists\":false}],"
          "\"external\":[\"https://example.org/new\"],\"interwiki\":[],\"languages\":[]},"
          "\"removed\":{\"pages\":[{\"ns\":0,\"title\":\"Bar\",\"exists\":false},"
          "{\"ns\":0,\"title\":\"Fr:Autre\",\"exists\":false}],"
          "\"external\":[\"https://example.org/a?b=1&c=2\"],\"interwiki\":[],\"languages\":[]}}}");
    (void)enrich_page_fetch_text(&f->page, text);
    assert_string_equal(text, "attempts=3 http=200 error=- ms=0");
}

static void of_a_new_page_everything_is_added_and_no_parent_is_asked_for(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(TEMPLATES), CREATION);
    ask(f, QUESTION_PARSE, PARSE "4");
    ask_nothing(f);
    settle_file(f, QUESTION_PARSE, "parse_one1.json");
    check(f, "ok",
          "{\"templates\":{" AS_OF ",\"templates\":["
          "{\"ns\":10,\"title\":\"Template:Box\",\"exists\":true}],\"parent_rev_id\":0,"
          "\"added\":{\"templates\":[{\"ns\":10,\"title\":\"Template:Box\",\"exists\":true}]},"
          "\"removed\":{\"templates\":[]}}}");
}

static void a_parent_that_is_gone_or_hidden_is_no_failure(void **state)
{
    static const struct {
        enum reason reason;
        const char *word;
    } ROWS[] = {{REASON_MISSING, "missing"}, {REASON_TEXT_HIDDEN, "text_hidden"}};
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        char expected[512];
        open_visible(f, BIT(CATEGORIES), EDIT);
        ask(f, QUESTION_PARSE, "");
        ask(f, QUESTION_PARSE_PARENT, "");
        settle_file(f, QUESTION_PARSE, "parse_one2.json");
        settle_reason(f, QUESTION_PARSE_PARENT, ROWS[i].reason);
        (void)snprintf(expected, sizeof expected,
                       "{\"categories\":{" AS_OF ",\"categories\":["
                       "{\"sortkey\":\"key\",\"category\":\"Stuff\",\"missing\":true},"
                       "{\"sortkey\":\"\",\"category\":\"More\",\"missing\":true},"
                       "{\"sortkey\":\"\",\"category\":\"Boxed\",\"missing\":true},"
                       "{\"sortkey\":\"\",\"category\":\"Pages_with_broken_file_links\","
                       "\"missing\":true}],\"parent_rev_id\":4,\"parent_unknown\":\"%s\"}}",
                       ROWS[i].word);
        check(f, "ok", expected);
    }
    /* an undeletion says nothing of a parent */
    open_visible(f, BIT(SECTIONS) | BIT(TEMPLATES),
                 "{\"meta\":{\"domain\":\"a.wiki\"},\"revision\":{\"rev_id\":9}}");
    ask(f, QUESTION_PARSE, PARSE "9");
    settle_text(f, QUESTION_PARSE, "{\"parse\":{\"sections\":[ ],\"templates\":[]}}");
    check(f, "ok",
          "{\"templates\":{" AS_OF ",\"templates\":[],\"parent_unknown\":\"not_said\"},"
          "\"sections\":{" AS_OF ",\"sections\":[ ]}}");
}

static void images_are_described_by_the_wiki(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(IMAGES), CREATION);
    ask(f, QUESTION_PARSE, "");
    settle_text(f, QUESTION_PARSE,
                "{\"parse\":{\"images\":[\"Missing.png\",\"Other_Pic.jpg\",\"A & B.png\"]}}");
    ask(f, QUESTION_IMAGES,
        "format=json&formatversion=2&action=query&prop=imageinfo&iiprop=url%7Csize%7Cmime%7Csha1"
        "%7Ctimestamp&titles=File%3AMissing.png%7CFile%3AOther_Pic.jpg%7CFile%3AA%20%26%20B.png");
    settle_file(f, QUESTION_IMAGES, "images.json");
    check(f, "ok",
          "{\"images\":{" AS_OF ",\"names\":[\"Missing.png\",\"Other_Pic.jpg\",\"A & B.png\"],"
          "\"files\":[{\"title\":\"File:Other Pic.jpg\",\"repository\":\"\",\"info\":null},"
          "{\"title\":\"File:Missing.png\",\"repository\":\"\",\"info\":null},"
          "{\"title\":\"File:Pixel.png\",\"repository\":\"local\",\"info\":{"
          "\"timestamp\":\"2026-11-24T14:31:27Z\",\"size\":70,\"width\":1,\"height\":1,"
          "\"url\":\"http://test.wiki.localhost:19910/w/images/2/21/Pixel.png\","
          "\"descriptionurl\":\"http://test.wiki.localhost:19910/wiki/File:Pixel.png\","
          "\"descriptionshorturl\":\"http://test.wiki.localhost:19910/w/index.php?curid=2\","
          "\"sha1\":\"4a5eb7171b58e08a6881721e3b43d5a44419a2be\",\"mime\":\"image/png\"}}],"
          "\"files_truncated\":false,\"parent_rev_id\":0,"
          "\"added\":{\"names\":[\"A & B.png\",\"Missing.png\",\"Other_Pic.jpg\"]},"
          "\"removed\":{\"names\":[]}}}");
    /* none: nothing to ask */
    open_visible(f, BIT(IMAGES), CREATION);
    ask(f, QUESTION_PARSE, "");
    settle_text(f, QUESTION_PARSE, "{\"parse\":{\"images\":[]}}");
    check(f, "ok",
          "{\"images\":{" AS_OF ",\"names\":[],\"files\":[],\"files_truncated\":false,"
          "\"parent_rev_id\":0,\"added\":{\"names\":[]},\"removed\":{\"names\":[]}}}");
}

static void a_diff_has_the_main_slot_as_json_and_others_as_html(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(DIFF),
                 "{\"meta\":{\"domain\":\"a.wiki\"},\"revision\":{\"rev_id\":12,"
                 "\"rev_parent_id\":11,\"content_slots\":{\"main\":{},\"extra\":{}}}}");
    ask(f, QUESTION_DIFF, "revision/11/compare/12");
    ask(f, QUESTION_DIFF_SLOTS,
        "format=json&formatversion=2&action=compare&prop=diff%7Cids&fromrev=11&torev=12"
        "&slots=extra");
    settle_text(f, QUESTION_DIFF, "{\"from\":{},\"diff\": [{\"type\": 1 }]}");
    settle_text(f, QUESTION_DIFF_SLOTS,
                "{\"compare\":{\"bodies\":{\"extra\":\"<tr>\\n\\\"x\\\"</tr>\",\"no\":false}}}");
    check(f, "ok",
          "{\"diff\":{" AS_OF ",\"parent_rev_id\":11,\"slots\":["
          "{\"slot_role\":\"main\",\"format\":\"rest_compare\",\"diff\":[{\"type\": 1 }]},"
          "{\"slot_role\":\"extra\",\"format\":\"html_table_rows\","
          "\"body\":\"<tr>\\n\\\"x\\\"</tr>\"}]}}");
    /* one slot only: no second question; a created page: no question at all */
    open_visible(f, BIT(DIFF), EDIT);
    ask(f, QUESTION_DIFF, "");
    settle_file(f, QUESTION_DIFF, "restcmp_one2.json");
    ask_nothing(f);
    assert_true(enrich_page_is_done(&f->page));
    open_visible(f, BIT(DIFF), CREATION);
    check(f, "ok", "{\"diff\":{\"parent_rev_id\":0,\"slots\":[]}}");
}

static void html_is_parsoids_word_for_word(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(HTML), CREATION);
    ask(f, QUESTION_HTML, "revision/4/html");
    settle_text(f, QUESTION_HTML, "<p id=\"m\">\\ \xc3\xa4\n\t</p>");
    check(f, "ok",
          "{\"html\":{" AS_OF ",\"format\":\"parsoid\",\"body\":\"<p id=\\\"m\\\">\\\\ \xc3\xa4\\n"
          "\\u0009</p>\"}}");
    open_visible(f, BIT(HTML), CREATION);
    ask(f, QUESTION_HTML, "");
    settle_text(f, QUESTION_HTML, "<p>\xff</p>");
    check(f, "failed:bad_answer", NULL);
    assert_string_equal(f->page.detail, "html: the answer makes no sense");
}

static void a_user_comes_with_contributions_but_not_hidden_ones(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(USER), EDIT);
    ask(f, QUESTION_USER,
        "format=json&formatversion=2&action=query&list=users%7Cusercontribs&usprop=editcount"
        "%7Cregistration%7Cgroups&uclimit=50&ucprop=ids%7Ctitle%7Ctimestamp%7Csize%7Csizediff"
        "%7Cflags%7Ctags%7Ccomment&ususers=%1FLoombot&ucuser=%1FLoombot");
    settle_text(f, QUESTION_USER,
                "{\"continue\":{},\"query\":{\"users\":[{\"userid\":3,\"name\":\"L\","
                "\"editcount\":10,\"groups\":[\"*\"]}],\"usercontribs\":["
                "{\"revid\":1,\"commenthidden\":true,\"comment\":\"secret\"},"
                "{\"revid\":2,\"userhidden\":true},{\"revid\":3,\"texthidden\":true},"
                "{\"revid\":4,\"suppressed\":true},"
                "{\"userid\":3,\"revid\":5,\"title\":\"T\",\"new\":true}]}}");
    check(f, "ok",
          "{\"user\":{" AS_OF ",\"state\":\"registered\",\"user_id\":3,\"edit_count\":10,"
          "\"groups\":[\"*\"],\"contributions\":[{\"revid\":5,\"title\":\"T\",\"new\":true}],"
          "\"contributions_truncated\":true}}");
    assert_null(strstr(f->value, "secret"));
}

static void users_may_be_unregistered_missing_or_not_named(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(USER), EDIT);
    ask(f, QUESTION_USER, "");
    settle_file(f, QUESTION_USER, "user_local.json");
    check(f, "ok",
          "{\"user\":{" AS_OF ",\"state\":\"unregistered\",\"contributions\":[{\"revid\":13,"
          "\"parentid\":0,\"pageid\":9,\"ns\":0,\"title\":\"Rec Anon\","
          "\"timestamp\":\"2026-11-24T14:31:29Z\",\"new\":true,\"minor\":false,\"size\":5,"
          "\"sizediff\":5,\"comment\":\"Created page with \\\"by ip\\\"\",\"tags\":[]}],"
          "\"contributions_truncated\":false}}");
    open_visible(f, BIT(USER), EDIT);
    ask(f, QUESTION_USER, "");
    settle_file(f, QUESTION_USER, "user_none.json");
    check(f, "ok", "{\"user\":{" AS_OF ",\"state\":\"missing\"}}");
    open_visible(f, BIT(USER), CREATION);
    check(f, "ok", "{\"user\":null}");
}

static void a_user_who_is_hidden_by_now_is_not_asked_about(void **state)
{
    struct fixture *f = *state;
    const struct enrich_outcome outcome = {.revision = &f->revision, .hidden = {.user = true}};

    open_event(f, BIT(USER), EDIT);
    enrich_page_settle(&f->page, QUESTION_REVISION, &outcome, &f->scratch);
    check(f, "ok", "{\"user\":null}");
    assert_null(strstr(f->value, "Loombot"));
}

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
    settle_text(f, QUESTION_REDIRECT, "{\"query\":{\"pages\":[]}}");
    ask(f, QUESTION_REDIRECTS, "");
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

static void a_list_longer_than_its_limit_is_cut_and_says_so(void **state)
{
    struct fixture *f = *state;
    struct question q;
    const struct slice link = SLICE_LIT("{\"pageid\":1,\"ns\":0,\"title\":\"R\"}");
    char *body = malloc(64 * 1024);
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
    size_t len = (size_t)sprintf(body, "{\"continue\":{\"rdcontinue\":\"1\"},\"query\":{\"pages\":["
                                       "{\"title\":\"New one\",\"redirects\":[");
    for (unsigned i = 0; i < 500; i++)
        len += (size_t)sprintf(body + len, "%s%.*s", i == 0 ? "" : ",", SLICE_ARG(link));
    (void)sprintf(body + len, "]}]}}");
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

/* ---- several, and failures ------------------------------------------------------------------- */

static void enrichments_compose_and_share_their_questions(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(LINKS) | BIT(SECTIONS) | BIT(TEMPLATES) | BIT(CATEGORIES), EDIT);
    ask(f, QUESTION_PARSE, "");
    ask(f, QUESTION_PARSE_PARENT, "");
    ask_nothing(f);
    settle_file(f, QUESTION_PARSE, "parse_one2.json");
    settle_file(f, QUESTION_PARSE_PARENT, "parse_one1.json");
    assert_true(enrich_page_is_done(&f->page));
    assert_int_equal(f->page.status, ENRICH_OK);
}

static void what_the_wiki_hides_meanwhile_withholds_everything(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(LINKS) | BIT(USER), EDIT);
    ask(f, QUESTION_PARSE, "");
    settle_reason(f, QUESTION_PARSE, REASON_TEXT_HIDDEN);
    check(f, "withheld:text_hidden", NULL); /* nothing more is asked */
    assert_string_equal(f->page.detail, "parse");
}

static void a_failed_question_fails_the_event_when_all_have_ended(void **state)
{
    struct fixture *f = *state;

    open_visible(f, BIT(LINKS), EDIT);
    ask(f, QUESTION_PARSE, "");
    ask(f, QUESTION_PARSE_PARENT, "");
    settle_reason(f, QUESTION_PARSE, REASON_TIMEOUT);
    assert_false(enrich_page_is_done(&f->page));
    settle_reason(f, QUESTION_PARSE_PARENT, REASON_UNAVAILABLE);
    check(f, "failed:timeout", NULL);
}

static void an_answer_without_what_was_asked_for_is_a_bad_one(void **state)
{
    static const char *const BODIES[] = {"{}", "[]", "", "{\"parse\":", "{\"query\":{}}"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof BODIES / sizeof BODIES[0]; i++) {
        open_visible(f, BIT(SECTIONS), CREATION);
        ask(f, QUESTION_PARSE, "");
        settle_text(f, QUESTION_PARSE, BODIES[i]);
        check(f, "failed:bad_answer", NULL);
    }
}

static void enrichments_of_the_source_are_replaced_or_cut(void **state)
{
    static const char SOURCE[] =
        "{\"meta\":{\"domain\":\"a.wiki\"},\"enrichments\":{\"old\":1},\"revision\":{\"rev_id\":4,"
        "\"rev_parent_id\":0}}";
    struct fixture *f = *state;
    bool is_null;

    open_visible(f, BIT(DIFF), SOURCE);
    ask_nothing(f);
    const size_t len = enrich_page_value(&f->page, 0, &is_null);
    enrich_page_write(&f->page, (uint8_t *)f->value);
    f->value[len] = '\0';
    assert_non_null(strstr(f->value, ",\"enrichments\":{\"diff\":{\"parent_rev_id\":0,"
                                     "\"slots\":[]}},\"revision\""));
    open_event(f, BIT(DIFF), SOURCE);
    settle_reason(f, QUESTION_REVISION, REASON_TIMEOUT);
    check(f, "failed:timeout", NULL);
}

static void what_is_made_has_the_limit_of_a_value(void **state)
{
    struct fixture *f = *state;

    f->spec.value_bytes_max = 1000;
    open_visible(f, BIT(HTML), CREATION);
    ask(f, QUESTION_HTML, "");
    settle_file(f, QUESTION_HTML, "html_one2.html");
    check(f, "failed:too_large", NULL);
}

static void without_enrichments_an_event_is_passed_on_as_it_is(void **state)
{
    static const char SOURCE[] =
        "{\"meta\":{\"domain\":\"a.wiki\",\"stream\":\"out.v1\",\"dt\":\"2026-01-02T03:04:05.678Z"
        "\"},\"revision\":{\"content_slots\":{\"main\":{\"content_body\":\"x\"}}},"
        "\"enrichments\":{}}";
    struct fixture *f = *state;
    const struct enrich_memory memory = {&f->scratch, &f->keep};
    bool is_null;

    assert_false(enrich_page_open(&f->page, &f->spec, &memory, slice_str(SOURCE)));
    assert_int_equal(f->page.status, ENRICH_OK);
    const size_t len = enrich_page_value(&f->page, 1767323045678, &is_null);
    enrich_page_write(&f->page, (uint8_t *)f->value);
    f->value[len] = '\0';
    assert_string_equal(f->value, SOURCE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(every_name_in_the_list_of_a_spec_is_an_enrichment),
        T(a_question_comes_after_those_that_it_is_made_from),
        T(links_tell_what_the_edit_added_and_removed),
        T(of_a_new_page_everything_is_added_and_no_parent_is_asked_for),
        T(a_parent_that_is_gone_or_hidden_is_no_failure),
        T(images_are_described_by_the_wiki),
        T(a_diff_has_the_main_slot_as_json_and_others_as_html),
        T(html_is_parsoids_word_for_word),
        T(a_user_comes_with_contributions_but_not_hidden_ones),
        T(users_may_be_unregistered_missing_or_not_named),
        T(a_user_who_is_hidden_by_now_is_not_asked_about),
        T(a_redirect_comes_with_all_that_redirect_to_its_targets),
        T(a_page_that_is_no_redirect_costs_one_question_about_its_parent),
        T(a_table_that_does_not_show_the_change_is_said_to_be_incomplete),
        T(a_deleted_redirect_tells_where_it_led),
        T(a_list_longer_than_its_limit_is_cut_and_says_so),
        T(citations_tell_what_the_edit_added_and_removed),
        T(a_page_without_references_has_none),
        T(enrichments_compose_and_share_their_questions),
        T(what_the_wiki_hides_meanwhile_withholds_everything),
        T(a_failed_question_fails_the_event_when_all_have_ended),
        T(an_answer_without_what_was_asked_for_is_a_bad_one),
        T(enrichments_of_the_source_are_replaced_or_cut),
        T(what_is_made_has_the_limit_of_a_value),
        T(without_enrichments_an_event_is_passed_on_as_it_is),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
