/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: events made from the API's answers say what is true and nothing that is hidden.
 * Method: answers as MediaWiki 1.39 gave them, and the whole events compared byte for byte. (That
 *         they follow the schema is seen by tests/integration/test_outbox.sh, with a validator.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "coord/fill.h"
#include "proto/err.h"

static struct arena arena;
static struct fill_answer decoded;
static struct fill_event event;
static struct slice code;

static struct fill_wiki wiki;

static int set_up(void **state)
{
    arena_init(&arena, 64 * 1024, 64 << 20);
    event = (struct fill_event){0};
    wiki = (struct fill_wiki){
        .wiki_id = SLICE_LIT("testwiki"),
        .domain = SLICE_LIT("test.example.org"),
        .stream = SLICE_LIT("s"),
    };
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(&arena);
    return 0;
}

/* Revision 4 of a page of two slots, and its parent 3. */
#define REVISION_4                                                                                 \
    "{\"revid\":4,\"parentid\":3,\"minor\":true,\"user\":\"Ada\",\"userid\":7,"                    \
    "\"timestamp\":\"2026-01-02T03:04:05Z\",\"size\":28,"                                          \
    "\"sha1\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\",\"roles\":[\"extra\",\"main\"],"        \
    "\"slots\":{\"extra\":{\"size\":8,\"sha1\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\","      \
    "\"contentmodel\":\"json\"},\"main\":{\"size\":20,"                                            \
    "\"sha1\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\",\"contentmodel\":\"odd\"}},"            \
    "\"comment\":\"a \\\"b\\\"\"}"
#define REVISION_3                                                                                 \
    "{\"revid\":3,\"parentid\":0,\"minor\":false,\"userhidden\":true,\"commenthidden\":true,"      \
    "\"timestamp\":\"2026-01-02T03:00:00Z\",\"size\":5,\"sha1hidden\":true,"                       \
    "\"slots\":{\"main\":{\"size\":5,\"sha1hidden\":true,\"texthidden\":true}}}"
#define PAGE(revisions)                                                                            \
    "{\"query\":{\"pages\":[{\"pageid\":9,\"ns\":1,\"title\":\"Talk:Big loom\","                   \
    "\"revisions\":[" revisions                                                                    \
    "],\"lastrevid\":4,\"canonicalurl\":\"http://test.example.org/wiki/Talk:Big_loom\"}]}}"

static struct change edit_of_4(void)
{
    return (struct change){
        .kind = CHANGE_EDIT,
        .rev_id = 4,
        .parent_id = 3,
        .title = SLICE_LIT("Talk:Big loom"),
        .user = SLICE_LIT("Ada"),
        .user_id = 7,
        .comment = SLICE_LIT("a \"b\""),
        .timestamp = SLICE_LIT("2026-01-02T03:04:05Z"),
    };
}

static int fill(const char *answer, const struct change *c, const char *about)
{
    const struct fill_source source = {
        .wiki = &wiki,
        .change = c,
        .answer = answer == NULL ? NULL : &decoded,
        .about = about,
        .now_ms = 1767323046007,
    };

    if (answer != NULL)
        assert_int_equal(fill_decode(&arena, slice_str(answer), &decoded, &code), 0);
    return fill_event(&arena, &source, &event);
}

static void assert_event(const char *expected)
{
    char *text = arena_strdup(&arena, event.json);

    assert_string_equal(text, expected);
}

/* Whether the text is somewhere in the event. */
static bool says(const char *part)
{
    return strstr(arena_strdup(&arena, event.json), part) != NULL;
}

#define SHA1_OF_EMPTY "phoiac9h4m842xq45sp7s6u21eteeq1"

static void an_edit_tells_of_the_revision_and_its_parent(void **state)
{
    struct change c = edit_of_4();

    assert_int_equal(fill(PAGE(REVISION_3 "," REVISION_4), &c, "rev:4"), 0);
    assert_int_equal(event.page_id, 9);
    assert_event(
        "{\"$schema\":\"/mediawiki/page/change/1.2.0\",\"meta\":{\"stream\":\"s\","
        "\"id\":\"24b44ff2-e3ea-5edc-a45d-5d0445bfce45\",\"domain\":\"test.example.org\","
        "\"uri\":\"http://test.example.org/wiki/Talk:Big_loom\","
        "\"dt\":\"2026-01-02T03:04:06.007Z\"},\"changelog_kind\":\"update\","
        "\"page_change_kind\":\"edit\",\"dt\":\"2026-01-02T03:04:05Z\",\"wiki_id\":\"testwiki\","
        "\"page\":{\"page_id\":9,\"page_title\":\"Talk:Big_loom\",\"namespace_id\":1,"
        "\"is_redirect\":false},\"performer\":{\"user_text\":\"Ada\",\"user_id\":7},"
        "\"revision\":{\"rev_id\":4,\"rev_parent_id\":3,\"rev_dt\":\"2026-01-02T03:04:05Z\","
        "\"rev_size\":28,\"rev_sha1\":\"" SHA1_OF_EMPTY "\",\"comment\":\"a \\\"b\\\"\","
        "\"editor\":{\"user_text\":\"Ada\",\"user_id\":7},\"is_minor_edit\":true,"
        "\"is_content_visible\":true,\"is_editor_visible\":true,\"is_comment_visible\":true,"
        "\"content_slots\":{\"extra\":{\"slot_role\":\"extra\",\"content_model\":\"json\","
        "\"content_format\":\"application/json\",\"content_size\":8,"
        "\"content_sha1\":\"" SHA1_OF_EMPTY "\"},\"main\":{\"slot_role\":\"main\","
        "\"content_model\":\"odd\",\"content_size\":20,\"content_sha1\":\"" SHA1_OF_EMPTY "\"}}},"
        "\"prior_state\":{\"revision\":{\"rev_id\":3,\"rev_dt\":\"2026-01-02T03:00:00Z\","
        "\"rev_size\":5,\"is_minor_edit\":false,\"is_content_visible\":false,"
        "\"is_editor_visible\":false,\"is_comment_visible\":false,\"content_slots\":{\"main\":{"
        "\"slot_role\":\"main\",\"content_size\":5}}}}}");
}

static void what_a_privileged_account_may_see_is_not_told(void **state)
{
    /* The flags say hidden, and the values are there all the same. */
    static const char ANSWER[] =
        PAGE("{\"revid\":4,\"userhidden\":true,\"user\":\"Secret\",\"userid\":66,"
             "\"commenthidden\":true,\"comment\":\"Secret\",\"timestamp\":\"2026-01-02T03:04:05Z\","
             "\"sha1hidden\":true,\"sha1\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\","
             "\"slots\":{\"main\":{\"texthidden\":true,"
             "\"sha1\":\"da39a3ee5e6b4b0d3255bfef95601890afd80709\",\"content\":\"Secret\"}}}");
    struct change c = {
        .kind = CHANGE_CREATE, .rev_id = 4, .timestamp = SLICE_LIT("2026-01-02T03:04:05Z")};

    assert_int_equal(fill(ANSWER, &c, "rev:4"), 0);
    assert_false(says("Secret"));
    assert_false(says("66"));
    assert_false(says("sha1"));
    assert_false(says("performer"));
    assert_true(says("\"is_content_visible\":false"));
}

static void a_revision_that_the_wiki_does_not_know_has_no_event(void **state)
{
    static const char *const ANSWERS[] = {
        "{\"query\":{\"badrevids\":{\"4\":{\"revid\":4,\"missing\":true}}}}",
        "{\"query\":{\"pages\":[]}}",
        "{\"query\":{\"pages\":{}}}",
        "{\"query\":{\"pages\":[{\"ns\":0,\"title\":\"A\",\"missing\":true}]}}",
        "{\"query\":{\"pages\":[{\"pageid\":1,\"ns\":0,\"title\":\"A\",\"revisions\":[[]]}]}}",
        "{\"query\":{\"pages\":[{\"pageid\":1,\"ns\":0,\"title\":\"A\",\"revisions\":[{"
        "\"revid\":4}]}]}}",
        "{\"query\":{\"pages\":[{\"ns\":0,\"title\":\"A\",\"revisions\":[{\"revid\":4,"
        "\"timestamp\":\"t\"}]}]}}",
        "{\"query\":{\"pages\":[7,null,{\"revisions\":7}]}}",
    };
    struct change c = edit_of_4();

    for (size_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++)
        assert_int_equal(fill(ANSWERS[i], &c, "rev:4"), ERR_NOT_FOUND);
}

static void a_move_tells_what_the_page_was_called(void **state)
{
    struct change c = edit_of_4();

    c.kind = CHANGE_MOVE;
    c.parent_id = 0;
    c.title = SLICE_LIT("Small loom");
    c.comment = SLICE_LIT("why");
    assert_int_equal(fill(PAGE(REVISION_4), &c, "rev:4"), 0);
    assert_true(says("\"page_change_kind\":\"move\""));
    assert_true(says("\"comment\":\"why\",\"revision\""));
    assert_true(says("\"prior_state\":{\"page\":{\"page_title\":\"Small_loom\","
                     "\"namespace_id\":0}}}"));
}

static void a_move_inside_a_namespace_does_not_repeat_it(void **state)
{
    struct change c = edit_of_4();

    c.kind = CHANGE_MOVE;
    c.namespace_id = 1;
    assert_int_equal(fill(PAGE(REVISION_4 "," REVISION_3), &c, "rev:4"), 0);
    assert_true(says("\"prior_state\":{\"page\":{\"page_title\":\"Talk:Big_loom\"},"
                     "\"revision\":{\"rev_id\":3,"));
}

static void a_deletion_needs_no_answer(void **state)
{
    struct change c = {
        .kind = CHANGE_DELETE,
        .rev_id = 4,
        .page_id = 9,
        .revision_count = 2,
        .title = SLICE_LIT("Big loom"),
        .comment = SLICE_LIT("gone"),
        .user = SLICE_LIT("192.0.2.1"),
        .timestamp = SLICE_LIT("2026-01-02T03:04:05Z"),
        .rev_dt = SLICE_LIT("2026-01-02T03:00:00Z"),
    };

    assert_int_equal(fill(NULL, &c, "log:5"), 0);
    assert_int_equal(event.page_id, 9);
    assert_true(says("\"changelog_kind\":\"delete\",\"page_change_kind\":\"delete\""));
    assert_true(says("\"page\":{\"page_id\":9,\"page_title\":\"Big_loom\",\"namespace_id\":0,"
                     "\"revision_count\":2},\"performer\":{\"user_text\":\"192.0.2.1\"},"
                     "\"comment\":\"gone\",\"revision\":{\"rev_id\":4,"
                     "\"rev_dt\":\"2026-01-02T03:00:00Z\"}}"));
}

static void a_change_of_visibility_tells_what_has_changed(void **state)
{
    struct change c = {
        .kind = CHANGE_VISIBILITY,
        .rev_id = 3,
        .prior_bits = 1, /* the text was hidden before, user and comment were not */
        .timestamp = SLICE_LIT("2026-01-02T03:04:05Z"),
    };

    assert_int_equal(fill(PAGE(REVISION_3), &c, "vis:0"), 0);
    assert_true(says("\"page_change_kind\":\"visibility_change\""));
    assert_true(says("\"prior_state\":{\"revision\":{\"is_editor_visible\":true,"
                     "\"is_comment_visible\":true}}}"));
    assert_false(says("performer"));
}

static void an_undeletion_has_no_prior_state(void **state)
{
    struct change c = edit_of_4();

    c.kind = CHANGE_UNDELETE;
    assert_int_equal(fill(PAGE(REVISION_4), &c, "log:6"), 0);
    assert_true(says("\"changelog_kind\":\"insert\",\"page_change_kind\":\"undelete\""));
    assert_false(says("prior_state"));
}

static void whether_a_page_is_a_redirect_is_told_only_of_its_newest_revision(void **state)
{
    struct change c = edit_of_4();

    c.rev_id = 3;
    c.parent_id = 0;
    assert_int_equal(fill(PAGE(REVISION_3), &c, "rev:3"), 0);
    assert_false(says("is_redirect"));
}

static void the_same_change_has_the_same_id_in_every_data_centre(void **state)
{
    const struct fill_wiki other = {.wiki_id = SLICE_LIT("frwiki")};
    char a[FILL_UUID_LEN + 1];
    char b[FILL_UUID_LEN + 1];

    assert_int_equal(fill_uuid(&wiki, "rev:4", a), 0);
    assert_int_equal(fill_uuid(&wiki, "rev:4", b), 0);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), FILL_UUID_LEN);
    assert_int_equal(a[14], '5');
    assert_non_null(strchr("89ab", a[19]));
    assert_int_equal(fill_uuid(&wiki, "rev:5", b), 0);
    assert_string_not_equal(a, b);
    assert_int_equal(fill_uuid(&other, "rev:4", b), 0);
    assert_string_not_equal(a, b);
}

static void an_event_that_does_not_fit_is_refused(void **state)
{
    struct change c = edit_of_4();
    uint8_t *comment = arena_calloc(&arena, 1, FILL_EVENT_BYTES_MAX);

    c.kind = CHANGE_UNDELETE;
    c.comment = slice_of(comment, FILL_EVENT_BYTES_MAX);
    assert_int_equal(fill(PAGE(REVISION_4), &c, "log:6"), ERR_TOO_LARGE);
    assert_null(event.json.ptr);
}

static void answers_that_are_none_are_refused(void **state)
{
    assert_int_equal(fill_decode(&arena, SLICE_LIT(""), &decoded, &code), ERR_MALFORMED);
    assert_int_equal(fill_decode(&arena, SLICE_LIT("{}"), &decoded, &code), ERR_MALFORMED);
    assert_int_equal(fill_decode(&arena, SLICE_LIT("{\"query\":[]}"), &decoded, &code),
                     ERR_MALFORMED);
    assert_int_equal(
        fill_decode(&arena, SLICE_LIT("{\"error\":{\"code\":\"readonly\"}}"), &decoded, &code),
        ERR_REFUSED);
    assert_true(slice_equal(code, SLICE_LIT("readonly")));
}

static void a_query_asks_for_the_revision_and_its_parent(void **state)
{
    struct change c = edit_of_4();
    char *query = arena_strdup(&arena, fill_query(&arena, &c));

    assert_non_null(strstr(query, "&revids=4%7C3&"));
    c.parent_id = 0;
    query = arena_strdup(&arena, fill_query(&arena, &c));
    assert_non_null(strstr(query, "&revids=4&"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_edit_tells_of_the_revision_and_its_parent),
        CASE(what_a_privileged_account_may_see_is_not_told),
        CASE(a_revision_that_the_wiki_does_not_know_has_no_event),
        CASE(a_move_tells_what_the_page_was_called),
        CASE(a_move_inside_a_namespace_does_not_repeat_it),
        CASE(a_deletion_needs_no_answer),
        CASE(a_change_of_visibility_tells_what_has_changed),
        CASE(an_undeletion_has_no_prior_state),
        CASE(whether_a_page_is_a_redirect_is_told_only_of_its_newest_revision),
        CASE(the_same_change_has_the_same_id_in_every_data_centre),
        CASE(an_event_that_does_not_fit_is_refused),
        CASE(answers_that_are_none_are_refused),
        CASE(a_query_asks_for_the_revision_and_its_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
