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

#include "tests/unit/enrich_fixture.h"

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
