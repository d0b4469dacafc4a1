/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a change that a stream has an event of is known, one that it lacks is not.
 * Method: events as they stand in streams and error topics, against changes as MediaWiki lists them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "coord/ctl/missing.h"

#define WIKI SLICE_LIT("w")

struct fixture {
    struct arena arena;
    struct arena scratch;
    struct missing m;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 1 << 16, 64 << 20);
    arena_init(&f->scratch, 1 << 16, 64 << 20);
    assert_true(missing_init(&f->m, &f->arena));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    arena_deinit(&f->scratch);
    free(f);
    return 0;
}

static void note(struct fixture *f, const char *kind, int64_t rev_id, const char *title,
                 const char *dt)
{
    char json[512];

    (void)snprintf(
        json, sizeof(json),
        "{\"meta\":{\"domain\":\"w.wiki\"},\"wiki_id\":\"w\",\"page_change_kind\":\"%s\","
        "\"dt\":\"%s\",\"page\":{\"page_title\":\"%s\"},\"revision\":{\"rev_id\":%lld}}",
        kind, dt, title, (long long)rev_id);
    assert_true(missing_note(&f->m, &f->scratch, slice_str(json)));
}

static struct change change_of(enum change_kind kind, int64_t rev_id)
{
    return (struct change){.kind = kind,
                           .rev_id = rev_id,
                           .title = SLICE_LIT("User:A b"),
                           .timestamp = SLICE_LIT("2026-01-02T03:04:05Z")};
}

static void a_revision_is_known_whatever_made_it(void **state)
{
    struct fixture *f = *state;
    struct change c = change_of(CHANGE_EDIT, 7);

    note(f, "move", 7, "X", "2026-01-02T03:04:05Z");
    assert_true(missing_has(&f->m, WIKI, &c));
    assert_false(missing_has(&f->m, SLICE_LIT("v"), &c));
    c.rev_id = 8;
    assert_false(missing_has(&f->m, WIKI, &c));
    c = change_of(CHANGE_VISIBILITY, 7);
    assert_false(missing_has(&f->m, WIKI, &c));
    note(f, "visibility_change", 7, "X", "2026-01-02T03:04:05Z");
    assert_true(missing_has(&f->m, WIKI, &c));
}

static void a_deletion_is_known_by_title_and_second(void **state)
{
    struct fixture *f = *state;
    struct change c = change_of(CHANGE_DELETE, 0);

    note(f, "delete", 7, "User:A_b", "2026-01-02T03:04:05.999Z");
    assert_true(missing_has(&f->m, WIKI, &c));
    c.kind = CHANGE_UNDELETE;
    assert_false(missing_has(&f->m, WIKI, &c));
    c = change_of(CHANGE_DELETE, 0);
    c.timestamp = SLICE_LIT("2026-01-02T03:04:06Z");
    assert_false(missing_has(&f->m, WIKI, &c));
}

/* The event's time is the hook's, the log's a moment later. */
static void an_undeletion_is_known_though_its_log_is_a_moment_off(void **state)
{
    struct fixture *f = *state;
    struct change c = change_of(CHANGE_UNDELETE, 0);

    note(f, "undelete", 7, "User:A_b", "2026-01-02T03:04:03Z");
    assert_true(missing_has(&f->m, WIKI, &c));
    c.timestamp = SLICE_LIT("2026-01-02T03:04:01Z");
    assert_true(missing_has(&f->m, WIKI, &c));
    c.timestamp = SLICE_LIT("2026-01-02T03:04:06Z");
    assert_false(missing_has(&f->m, WIKI, &c));
    c.kind = CHANGE_DELETE;
    c.timestamp = SLICE_LIT("2026-01-02T03:04:03Z");
    assert_false(missing_has(&f->m, WIKI, &c));
}

/* The log says of a move which title it was, but no revision. */
static void a_move_is_known_by_its_old_title_or_its_revision(void **state)
{
    struct fixture *f = *state;
    struct change c = change_of(CHANGE_MOVE, 0);

    note(f, "move", 7, "User:A_b", "2026-01-02T03:04:05Z"); /* its new title */
    assert_false(missing_has(&f->m, WIKI, &c));
    assert_true(missing_note(
        &f->m, &f->scratch,
        SLICE_LIT(
            "{\"wiki_id\":\"w\",\"page_change_kind\":\"move\",\"dt\":\"2026-01-02T03:04:04Z\","
            "\"prior_state\":{\"page\":{\"page_title\":\"User:A_b\"}},"
            "\"revision\":{\"rev_id\":9}}")));
    assert_true(missing_has(&f->m, WIKI, &c));
    c.rev_id = 9;
    assert_true(missing_has(&f->m, WIKI, &c));
    c.rev_id = 10;
    assert_false(missing_has(&f->m, WIKI, &c));
}

static void note_page(struct fixture *f, const char *kind, int page_id, int rev_id)
{
    char json[512];

    (void)snprintf(json, sizeof(json),
                   "{\"wiki_id\":\"w\",\"page_change_kind\":\"%s\",\"page\":{\"page_id\":%d},"
                   "\"revision\":{\"rev_id\":%d,\"rev_dt\":\"2026-01-02T03:04:%02dZ\"}}",
                   kind, page_id, rev_id, rev_id % 60);
    assert_true(missing_note(&f->m, &f->scratch, slice_str(json)));
}

static void of_a_page_the_last_revision_is_known(void **state)
{
    struct fixture *f = *state;
    const struct change gone = {.kind = CHANGE_DELETE, .page_id = 3};
    const struct change other = {.kind = CHANGE_DELETE, .page_id = 4};

    note_page(f, "create", 3, 8);
    note_page(f, "edit", 3, 10);
    note_page(f, "edit", 3, 9); /* comes late */
    assert_int_equal(missing_page(&f->m, WIKI, &gone)->rev_id, 10);
    assert_int_equal(missing_page(&f->m, WIKI, &gone)->rev_ms, 1767323050000);
    assert_null(missing_page(&f->m, WIKI, &other));
    assert_null(missing_page(&f->m, SLICE_LIT("v"), &gone));
    note_page(f, "undelete", 3, 8);
    assert_int_equal(missing_page(&f->m, WIKI, &gone)->rev_id, 8);
    for (int page = 10; page < 5000; page++)
        note_page(f, "create", page, page);
    assert_int_equal(missing_page(&f->m, WIKI, &gone)->rev_id, 8);
    assert_int_equal(f->m.page_count, 4991);
}

static void what_failed_is_known_from_its_error_event(void **state)
{
    struct fixture *f = *state;
    const struct change c = change_of(CHANGE_EDIT, 9);

    assert_true(missing_note_error(
        &f->m, &f->scratch,
        SLICE_LIT("{\"raw_event\":\"{\\\"wiki_id\\\":\\\"w\\\",\\\"page_change_kind\\\":"
                  "\\\"edit\\\",\\\"revision\\\":{\\\"rev_id\\\":9}}\"}")));
    assert_true(missing_has(&f->m, WIKI, &c));
    assert_true(
        missing_note_error(&f->m, &f->scratch, SLICE_LIT("{\"raw_event\":\"base64:/w==\"}")));
    assert_true(missing_note_error(&f->m, &f->scratch, SLICE_LIT("{}")));
}

static void what_is_no_page_change_is_left_out(void **state)
{
    struct fixture *f = *state;
    static const char *const NONE[] = {"",
                                       "{",
                                       "[]",
                                       "{}",
                                       "{\"wiki_id\":\"w\"}",
                                       "{\"wiki_id\":\"w\",\"page_change_kind\":\"edit\"}"};

    for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++)
        assert_true(missing_note(&f->m, &f->scratch, slice_str(NONE[i])));
    assert_true(missing_note(&f->m, &f->scratch, (struct slice){0}));
    assert_int_equal(f->m.count, 0);
}

static void wikis_are_met_once_with_their_addresses(void **state)
{
    struct fixture *f = *state;

    note(f, "edit", 1, "X", "");
    note(f, "edit", 2, "X", "");
    assert_int_equal(f->m.wiki_count, 1);
    assert_true(slice_equal(f->m.wikis[0].domain, SLICE_LIT("w.wiki")));
}

static void many_are_told_apart(void **state)
{
    struct fixture *f = *state;

    for (int64_t rev = 1; rev <= 20000; rev++)
        note(f, "edit", 2 * rev, "X", "");
    assert_int_equal(f->m.count, 20000);
    for (int64_t rev = 1; rev <= 40001; rev++) {
        const struct change c = change_of(CHANGE_EDIT, rev);
        assert_int_equal(missing_has(&f->m, WIKI, &c), rev % 2 == 0);
    }
}

static void a_spec_wants_what_its_filter_lets_pass(void **state)
{
    struct slice kinds[] = {SLICE_LIT("edit")};
    struct slice wikis[] = {WIKI};
    int64_t namespaces[] = {2};
    const struct spec s = {.kinds = {kinds, 1}, .wikis = {wikis, 1}, .namespaces = {namespaces, 1}};
    const struct spec all = {0};
    struct change c = change_of(CHANGE_EDIT, 1);

    (void)state;
    assert_true(missing_is_wanted(&all, WIKI, &c));
    assert_false(missing_is_wanted(&s, WIKI, &c));
    c.namespace_id = 2;
    assert_true(missing_is_wanted(&s, WIKI, &c));
    assert_false(missing_is_wanted(&s, SLICE_LIT("v"), &c));
    c.kind = CHANGE_MOVE;
    assert_false(missing_is_wanted(&s, WIKI, &c));
}

static void an_edit_without_an_effect_is_no_change(void **state)
{
    struct fixture *f = *state;

    assert_true(missing_is_null_edit(
        &f->scratch, SLICE_LIT("{\"page_change_kind\":\"edit\",\"revision\":{\"rev_sha1\":\"a\"},"
                               "\"prior_state\":{\"revision\":{\"rev_sha1\":\"a\"}}}")));
    assert_false(missing_is_null_edit(
        &f->scratch, SLICE_LIT("{\"page_change_kind\":\"edit\",\"revision\":{\"rev_sha1\":\"b\"},"
                               "\"prior_state\":{\"revision\":{\"rev_sha1\":\"a\"}}}")));
    assert_false(missing_is_null_edit(
        &f->scratch, SLICE_LIT("{\"page_change_kind\":\"move\",\"revision\":{\"rev_sha1\":\"a\"},"
                               "\"prior_state\":{\"revision\":{\"rev_sha1\":\"a\"}}}")));
    assert_false(missing_is_null_edit(&f->scratch, SLICE_LIT("{\"page_change_kind\":\"edit\"}")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_revision_is_known_whatever_made_it),
        TEST(a_deletion_is_known_by_title_and_second),
        TEST(an_undeletion_is_known_though_its_log_is_a_moment_off),
        TEST(a_move_is_known_by_its_old_title_or_its_revision),
        TEST(of_a_page_the_last_revision_is_known),
        TEST(what_failed_is_known_from_its_error_event),
        TEST(what_is_no_page_change_is_left_out),
        TEST(wikis_are_met_once_with_their_addresses),
        TEST(many_are_told_apart),
        TEST(a_spec_wants_what_its_filter_lets_pass),
        TEST(an_edit_without_an_effect_is_no_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
