/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the changes of pages are found in what MediaWiki's lists answer, whatever they answer.
 * Method: entries as MediaWiki 1.39 gave them, cut and bent in every way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "coord/change.h"
#include "proto/err.h"

static struct arena arena;
static struct changes changes;
static struct slice code;

static int set_up(void **state)
{
    arena_init(&arena, 64 * 1024, 64 << 20);
    changes = (struct changes){0};
    code = (struct slice){0};
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(&arena);
    return 0;
}

static const char ANSWER[] =
    "{\"batchcomplete\":true,\"continue\":{\"rccontinue\":\"20261124114312|8\",\"continue\":\"-||"
    "\"},"
    "\"query\":{\"recentchanges\":["
    "{\"type\":\"new\",\"ns\":0,\"title\":\"Loom\",\"pageid\":3,\"revid\":4,\"old_revid\":0,"
    "\"rcid\":5,\"user\":\"Ada\",\"userid\":7,\"timestamp\":\"2026-11-24T11:43:12Z\","
    "\"comment\":\"\"},"
    "{\"type\":\"edit\",\"ns\":1,\"title\":\"Talk:Loom\",\"pageid\":9,\"revid\":6,\"old_revid\":5,"
    "\"userhidden\":true,\"commenthidden\":true,\"timestamp\":\"2026-11-24T11:43:13Z\"},"
    "{\"type\":\"log\",\"ns\":0,\"title\":\"Loom\",\"pageid\":3,\"revid\":8,\"old_revid\":0,"
    "\"user\":\"Ada\",\"userid\":7,\"timestamp\":\"2026-11-24T11:43:14Z\",\"comment\":\"moved\","
    "\"logid\":1,\"logtype\":\"move\",\"logaction\":\"move\",\"logparams\":{\"suppressredirect\":"
    "false}},"
    "{\"type\":\"log\",\"ns\":0,\"title\":\"Weft\",\"pageid\":0,\"revid\":0,\"old_revid\":0,"
    "\"user\":\"Ada\",\"userid\":7,\"timestamp\":\"2026-11-24T11:43:15Z\",\"comment\":\"bye\","
    "\"logid\":2,\"logtype\":\"delete\",\"logaction\":\"delete\",\"logparams\":{}},"
    "{\"type\":\"log\",\"ns\":0,\"title\":\"Weft\",\"pageid\":11,\"revid\":0,\"old_revid\":0,"
    "\"user\":\"Ada\",\"userid\":7,\"timestamp\":\"2026-11-24T11:43:16Z\",\"comment\":\"\","
    "\"logid\":3,\"logtype\":\"delete\",\"logaction\":\"restore\",\"logparams\":{}}]}}";

static int decode(const char *answer)
{
    arena_reset(&arena);
    return change_decode(&arena, CHANGE_LIST_RECENT, slice_str(answer), &changes, &code);
}

/* An answer with this one entry. */
static int decode_entry(const char *entry)
{
    static const char HEAD[] = "{\"query\":{\"recentchanges\":[";
    char answer[1024];

    assert_true(sizeof(HEAD) + strlen(entry) + 4 < sizeof(answer));
    (void)stpcpy(stpcpy(stpcpy(answer, HEAD), entry), "]}}");
    return decode(answer);
}

static void every_kind_of_change_is_told_apart(void **state)
{
    static const enum change_kind KINDS[] = {CHANGE_CREATE, CHANGE_EDIT, CHANGE_MOVE, CHANGE_DELETE,
                                             CHANGE_UNDELETE};
    static const char *const ABOUT[] = {"rev:4", "rev:6", "rev:8", "log:2", "log:3"};
    char about[CHANGE_ABOUT_BYTES_MAX];

    assert_int_equal(decode(ANSWER), 0);
    assert_int_equal(changes.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(changes.items[i].kind, KINDS[i]);
        change_about(&changes.items[i], about);
        assert_string_equal(about, ABOUT[i]);
    }
    assert_true(slice_equal(changes.next, SLICE_LIT("20261124114312|8")));
    assert_int_equal(changes.items[1].parent_id, 5);
    assert_int_equal(changes.items[1].namespace_id, 1);
    assert_int_equal(changes.items[1].page_id, 9);
    assert_true(slice_equal(changes.items[0].title, SLICE_LIT("Loom")));
    assert_true(changes.items[2].leaves_redirect);
    assert_false(changes.items[3].leaves_redirect);
}

static void hidden_users_and_comments_are_absent_and_empty_comments_are_not(void **state)
{
    assert_int_equal(decode(ANSWER), 0);
    assert_non_null(changes.items[0].comment.ptr);
    assert_int_equal(changes.items[0].comment.len, 0);
    assert_null(changes.items[1].user.ptr);
    assert_null(changes.items[1].comment.ptr);
    assert_int_equal(changes.items[1].user_id, 0);
}

static void what_is_no_change_of_a_page_is_left_out(void **state)
{
    static const char *const ENTRIES[] = {
        "{\"type\":\"log\",\"logtype\":\"protect\",\"logaction\":\"protect\",\"logid\":1,\"ns\":0,"
        "\"title\":\"A\",\"revid\":3,\"timestamp\":\"t\"}",
        "{\"type\":\"log\",\"logtype\":\"delete\",\"logaction\":\"revision\",\"logid\":1,\"ns\":0,"
        "\"title\":\"A\",\"timestamp\":\"t\"}",
        "{\"type\":\"categorize\",\"ns\":14,\"title\":\"A\",\"revid\":3,\"timestamp\":\"t\"}",
        "{\"type\":\"edit\",\"ns\":-1,\"title\":\"A\",\"revid\":3,\"timestamp\":\"t\"}",
        "{\"type\":\"edit\",\"ns\":0,\"title\":\"\",\"revid\":3,\"timestamp\":\"t\"}",
        "{\"type\":\"edit\",\"ns\":0,\"title\":\"A\",\"revid\":0,\"timestamp\":\"t\"}",
        "{\"type\":\"edit\",\"ns\":0,\"title\":\"A\",\"revid\":1.5,\"timestamp\":\"t\"}",
        "{\"type\":\"edit\",\"ns\":0,\"title\":\"A\",\"revid\":9007199254740992,\"timestamp\":"
        "\"t\"}",
        "{\"type\":\"edit\",\"ns\":0,\"title\":\"A\",\"revid\":-4,\"timestamp\":\"t\"}",
        "{\"type\":\"edit\",\"ns\":0,\"title\":[\"A\"],\"revid\":4,\"timestamp\":\"t\"}",
        "{\"type\":\"edit\",\"ns\":0,\"title\":\"A\",\"revid\":4}",
        "{\"type\":\"log\",\"logtype\":\"delete\",\"logaction\":\"delete\",\"ns\":0,\"title\":"
        "\"A\","
        "\"timestamp\":\"t\"}",
        "[]",
        "null",
        "\"edit\"",
    };

    for (size_t i = 0; i < sizeof(ENTRIES) / sizeof(ENTRIES[0]); i++) {
        assert_int_equal(decode_entry(ENTRIES[i]), 0);
        assert_int_equal(changes.count, 0);
    }
}

static void an_error_of_the_api_is_told_by_its_code(void **state)
{
    assert_int_equal(decode("{\"error\":{\"code\":\"maxlag\",\"info\":\"x\"}}"), ERR_REFUSED);
    assert_true(slice_equal(code, SLICE_LIT("maxlag")));
}

static void answers_of_another_shape_are_refused(void **state)
{
    assert_int_equal(decode("[]"), ERR_MALFORMED);
    assert_int_equal(decode("{}"), ERR_MALFORMED);
    assert_int_equal(decode("{\"query\":{\"recentchanges\":{}}}"), ERR_MALFORMED);
    assert_int_equal(decode("<html>502</html>"), ERR_MALFORMED);
    assert_int_equal(decode(""), ERR_MALFORMED);
}

static void an_answer_that_is_cut_short_is_refused_at_every_byte(void **state)
{
    for (size_t len = 0; len < sizeof(ANSWER) - 1; len++) {
        uint8_t *copy = malloc(len + 1); /* its own, so that reading past it shows */
        int rc;

        assert_non_null(copy);
        memcpy(copy, ANSWER, len);
        arena_reset(&arena);
        rc = change_decode(&arena, CHANGE_LIST_RECENT, slice_of(copy, len), &changes, &code);
        free(copy);
        assert_int_equal(rc, ERR_MALFORMED);
    }
}

static void an_answer_that_is_nested_deep_is_refused(void **state)
{
    char deep[4096];

    memset(deep, '[', sizeof(deep) / 2);
    memset(deep + sizeof(deep) / 2, ']', sizeof(deep) / 2);
    memcpy(deep, "{\"a\":", 5);
    deep[sizeof(deep) - 6] = '}';
    assert_int_equal(change_decode(&arena, CHANGE_LIST_RECENT, slice_of(deep, sizeof(deep) - 5),
                                   &changes, &code),
                     ERR_UNSUPPORTED);
}

static void a_query_names_whole_seconds_and_escapes_where_to_go_on(void **state)
{
    const struct change_span span = {1767322999999, 1767323000001};
    struct slice query =
        change_query(&arena, CHANGE_LIST_RECENT, &span, SLICE_LIT("2026|8&x= \xc3\xa9"));
    char *text = arena_strdup(&arena, query);

    assert_non_null(text);
    assert_non_null(strstr(text, "&rcstart=2026-01-02T03:03:19Z&rcend=2026-01-02T03:03:20Z&"));
    assert_non_null(strstr(text, "&rccontinue=2026%7C8%26x%3D%20%C3%A9"));
    query =
        change_query(&arena, CHANGE_LIST_RECENT, &(struct change_span){0, 1}, (struct slice){0});
    text = arena_strdup(&arena, query);
    assert_null(strstr(text, "rccontinue"));
}

static void a_query_that_does_not_fit_is_absent(void **state)
{
    uint8_t *next = arena_calloc(&arena, 1, CHANGE_QUERY_BYTES_MAX);

    assert_null(change_query(&arena, CHANGE_LIST_RECENT, &(struct change_span){0, 1},
                             slice_of(next, CHANGE_QUERY_BYTES_MAX))
                    .ptr);
}

static void assert_time(int64_t ms, bool with_ms, const char *expected)
{
    char text[64];

    change_time_text(ms, with_ms, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void times_are_right_in_every_century(void **state)
{
    assert_time(0, false, "1970-01-01T00:00:00Z");
    assert_time(1, true, "1970-01-01T00:00:00.001Z");
    assert_time(951826149999, true, "2000-02-29T12:09:09.999Z");
    assert_time(4107542400000, false, "2100-03-01T00:00:00Z");
    assert_time(253402300799000, false, "9999-12-31T23:59:59Z");
    assert_time(-1, true, "1969-12-31T23:59:59.999Z");
    assert_time(-86400000, false, "1969-12-31T00:00:00Z");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void all_revisions_are_listed_page_by_page(void **state)
{
    struct arena a;

    (void)state;
    const struct change_span span = {0, 1767323045000};
    arena_init(&a, 1 << 16, 1 << 24);
    const struct slice query = change_query(&a, CHANGE_LIST_REVISIONS, &span, SLICE_LIT("x|1"));
    assert_non_null(memmem(query.ptr, query.len, "arvend=2026-01-02T03:04:05Z", 27));
    assert_non_null(memmem(query.ptr, query.len, "&arvcontinue=x%7C1", 18));
    assert_int_equal(
        change_decode(
            &a, CHANGE_LIST_REVISIONS,
            SLICE_LIT("{\"continue\":{\"arvcontinue\":\"y\"},\"query\":{\"allrevisions\":["
                      "{\"pageid\":3,\"ns\":2,\"title\":\"A\",\"revisions\":["
                      "{\"revid\":5,\"parentid\":4,\"timestamp\":\"t\"},"
                      "{\"revid\":6,\"parentid\":0,\"timestamp\":\"t\"},{\"revid\":0}]},"
                      "{\"pageid\":9,\"revisions\":[{\"revid\":7,\"timestamp\":\"t\"}]},5]}}"),
            &changes, &code),
        0);
    assert_int_equal(changes.count, 2);
    assert_int_equal(changes.items[0].kind, CHANGE_EDIT);
    assert_int_equal(changes.items[0].namespace_id, 2);
    assert_int_equal(changes.items[1].kind, CHANGE_CREATE);
    assert_true(slice_equal(changes.next, SLICE_LIT("y")));
    assert_int_equal(change_decode(&a, CHANGE_LIST_REVISIONS,
                                   SLICE_LIT("{\"error\":{\"code\":\"maxlag\"}}"), &changes, &code),
                     ERR_REFUSED);
    assert_int_equal(change_decode(&a, CHANGE_LIST_REVISIONS, SLICE_LIT("{}"), &changes, &code),
                     ERR_MALFORMED);
    arena_deinit(&a);
}

static void deletions_are_listed_with_the_page_that_is_gone(void **state)
{
    const struct change_span span = {0, 1767323045000};

    (void)state;
    const struct slice query = change_query(&arena, CHANGE_LIST_DELETIONS, &span, SLICE_LIT("x|1"));
    assert_non_null(memmem(query.ptr, query.len, "&letype=delete&", 15));
    assert_non_null(memmem(query.ptr, query.len, "&leend=2026-01-02T03:04:05Z", 27));
    assert_non_null(memmem(query.ptr, query.len, "&lecontinue=x%7C1", 17));
    assert_int_equal(
        change_decode(
            &arena, CHANGE_LIST_DELETIONS,
            SLICE_LIT(
                "{\"continue\":{\"lecontinue\":\"y\"},\"query\":{\"logevents\":["
                "{\"logid\":7,\"ns\":0,\"title\":\"Weft\",\"pageid\":0,\"logpage\":11,\"type\":"
                "\"delete\",\"action\":\"delete\",\"user\":\"Ada\",\"userid\":7,\"timestamp\":"
                "\"2026-11-24T11:43:15Z\",\"comment\":\"bye\"},"
                "{\"logid\":8,\"ns\":0,\"title\":\"Weft\",\"pageid\":11,\"logpage\":11,\"type\":"
                "\"delete\",\"action\":\"restore\",\"timestamp\":\"2026-11-24T11:43:16Z\"},"
                "{\"logid\":9,\"ns\":0,\"title\":\"Weft\",\"type\":\"delete\",\"action\":"
                "\"revision\",\"timestamp\":\"2026-11-24T11:43:17Z\"},"
                "{\"logid\":10,\"actionhidden\":true,\"type\":\"delete\",\"action\":\"delete\","
                "\"timestamp\":\"2026-11-24T11:43:18Z\"}]}}"),
            &changes, &code),
        0);
    assert_int_equal(changes.count, 2);
    assert_int_equal(changes.items[0].kind, CHANGE_DELETE);
    assert_int_equal(changes.items[0].page_id, 11);
    assert_int_equal(changes.items[0].log_id, 7);
    assert_true(slice_equal(changes.items[0].comment, SLICE_LIT("bye")));
    assert_int_equal(changes.items[1].kind, CHANGE_UNDELETE);
    assert_true(slice_equal(changes.next, SLICE_LIT("y")));
}

static void a_page_is_there_or_not_with_its_revision_of_a_time(void **state)
{
    const struct change c = {.page_id = 11, .timestamp = SLICE_LIT("2026-11-24T11:43:15Z")};
    struct change_page page;

    (void)state;
    const struct slice query = change_page_query(&arena, &c);
    assert_non_null(
        memmem(query.ptr, query.len, "&pageids=11&rvprop=ids&rvlimit=1&rvdir=older", 44));
    assert_non_null(memmem(query.ptr, query.len, "&rvstart=2026-11-24T11%3A43%3A15Z", 33));
    assert_int_equal(
        change_page_decode(&arena,
                           SLICE_LIT("{\"query\":{\"pages\":[{\"pageid\":11,\"missing\":true}]}}"),
                           &page, &code),
        0);
    assert_false(page.is_there);
    assert_int_equal(change_page_decode(&arena,
                                        SLICE_LIT("{\"query\":{\"pages\":[{\"pageid\":11,"
                                                  "\"revisions\":[{\"revid\":70}]}]}}"),
                                        &page, &code),
                     0);
    assert_true(page.is_there);
    assert_int_equal(page.rev_id, 70);
    assert_int_equal(change_page_decode(&arena, SLICE_LIT("{\"query\":{}}"), &page, &code),
                     ERR_MALFORMED);
    assert_int_equal(
        change_page_decode(&arena, SLICE_LIT("{\"error\":{\"code\":\"maxlag\"}}"), &page, &code),
        ERR_REFUSED);
}

static void moves_are_listed_with_the_page_that_was_moved(void **state)
{
    const struct change_span span = {0, 1767323045000};

    (void)state;
    const struct slice query = change_query(&arena, CHANGE_LIST_MOVES, &span, SLICE_LIT("x|1"));
    assert_non_null(memmem(query.ptr, query.len, "&letype=move&", 13));
    assert_non_null(memmem(query.ptr, query.len, "&lecontinue=x%7C1", 17));
    assert_int_equal(
        change_decode(
            &arena, CHANGE_LIST_MOVES,
            SLICE_LIT(
                "{\"query\":{\"logevents\":["
                "{\"logid\":7,\"ns\":0,\"title\":\"Weft\",\"pageid\":12,\"logpage\":11,\"type\":"
                "\"move\",\"action\":\"move\",\"user\":\"Ada\",\"userid\":7,\"timestamp\":"
                "\"2026-11-24T11:43:15Z\",\"comment\":\"new name\"},"
                "{\"logid\":8,\"ns\":2,\"title\":\"User:Weft\",\"pageid\":0,\"logpage\":11,"
                "\"type\":"
                "\"move\",\"action\":\"move_redir\",\"timestamp\":\"2026-11-24T11:43:16Z\"},"
                "{\"logid\":9,\"actionhidden\":true,\"type\":\"move\",\"action\":\"move\","
                "\"timestamp\":\"2026-11-24T11:43:17Z\"},"
                "{\"logid\":10,\"ns\":0,\"title\":\"Weft\",\"type\":\"delete\",\"action\":"
                "\"delete\",\"timestamp\":\"2026-11-24T11:43:18Z\"}]}}"),
            &changes, &code),
        0);
    assert_int_equal(changes.count, 2);
    assert_int_equal(changes.items[0].kind, CHANGE_MOVE);
    assert_int_equal(changes.items[0].page_id, 11);
    assert_int_equal(changes.items[0].rev_id, 0);
    assert_true(slice_equal(changes.items[0].comment, SLICE_LIT("new name")));
    assert_int_equal(changes.items[1].kind, CHANGE_MOVE);
    assert_int_equal(changes.items[1].namespace_id, 2);
}

/* The revisions of a page, newest first, that was moved from Weft at :15. */
#define REVISION(id, second, sha1, comment)                                                        \
    "{\"revid\":" id "0,\"parentid\":" id ",\"timestamp\":\"2026-11-24T11:43:" second              \
    "Z\",\"sha1\":\"" sha1 "\",\"comment\":\"" comment "\"}"

static int64_t move_in(const char *revisions)
{
    const struct change c = {
        .page_id = 11, .title = SLICE_LIT("Weft"), .timestamp = SLICE_LIT("2026-11-24T11:43:15Z")};
    struct change_page page;
    char answer[2048];

    arena_reset(&arena);
    (void)snprintf(answer, sizeof(answer), "{\"query\":{\"pages\":[{\"pageid\":11%s]}]}}",
                   revisions);
    assert_int_equal(change_move_decode(&arena, &c, slice_str(answer), &page, &code), 0);
    assert_int_equal(page.parent_id, page.rev_id / 10);
    return page.rev_id;
}

static void the_revision_of_a_move_changes_nothing_and_names_the_old_title(void **state)
{
    const struct change c = {.page_id = 11, .timestamp = SLICE_LIT("2026-11-24T11:43:15Z")};
    struct change_page page;

    (void)state;
    const struct slice query = change_move_query(&arena, &c);
    assert_non_null(memmem(query.ptr, query.len, "&pageids=11&rvprop=ids%7Ctimestamp%7Csha1", 41));
    assert_non_null(memmem(query.ptr, query.len, "&rvstart=2026-11-24T11%3A43%3A15Z", 33));
    assert_int_equal(
        move_in(",\"revisions\":[" REVISION("9", "15", "c", "edit of Weft") "," REVISION(
            "8", "15", "b", "protected") "," REVISION("7", "14", "b",
                                                      "Ada moved [[Weft]]") "," REVISION("6", "14",
                                                                                         "b", "")),
        70);
    assert_int_equal(move_in(",\"revisions\":[" REVISION(
                         "7", "04", "b", "Ada moved [[Weft]]") "," REVISION("6", "03", "b", "")),
                     0); /* another move, before */
    assert_int_equal(move_in(",\"revisions\":[" REVISION("7", "15", "b", "Ada moved [[Weft]]")), 0);
    assert_int_equal(
        move_in(",\"revisions\":[{\"revid\":70,\"parentid\":7,\"timestamp\":"
                "\"2026-11-24T11:43:15Z\",\"commenthidden\":true,\"sha1\":\"b\"}," REVISION(
                    "6", "03", "b", "")),
        70);
    assert_int_equal(move_in(",\"missing\":true,\"revisions\":["), 0);
    assert_int_equal(change_move_decode(&arena, &c, SLICE_LIT("{}"), &page, &code), ERR_MALFORMED);
    assert_int_equal(change_move_decode(&arena, &c, SLICE_LIT("{\"error\":{\"code\":\"maxlag\"}}"),
                                        &page, &code),
                     ERR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_revisions_are_listed_page_by_page),
        CASE(every_kind_of_change_is_told_apart),
        CASE(hidden_users_and_comments_are_absent_and_empty_comments_are_not),
        CASE(what_is_no_change_of_a_page_is_left_out),
        CASE(an_error_of_the_api_is_told_by_its_code),
        CASE(answers_of_another_shape_are_refused),
        CASE(an_answer_that_is_cut_short_is_refused_at_every_byte),
        CASE(an_answer_that_is_nested_deep_is_refused),
        CASE(a_query_names_whole_seconds_and_escapes_where_to_go_on),
        CASE(a_query_that_does_not_fit_is_absent),
        CASE(times_are_right_in_every_century),
        CASE(deletions_are_listed_with_the_page_that_is_gone),
        CASE(a_page_is_there_or_not_with_its_revision_of_a_time),
        CASE(moves_are_listed_with_the_page_that_was_moved),
        CASE(the_revision_of_a_move_changes_nothing_and_names_the_old_title),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
