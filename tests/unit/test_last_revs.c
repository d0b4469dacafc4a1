/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a stream's memory tells each page's last revision, by the order of its source alone, and
 * comes back from its topic's records.
 * Method: events made by hand; records written and read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/last_revs.h"
#include "proto/err.h"

static int set_up(void **state)
{
    static struct last_revs revs;

    *state = &revs;
    return last_revs_init(&revs);
}

static int tear_down(void **state)
{
    last_revs_deinit(*state);
    return 0;
}

static int64_t after(const char *kind, int64_t rev_id, int64_t before)
{
    const struct event e = {.kind = slice_str(kind), .rev_id = rev_id};
    struct last_rev r;

    last_revs_read(&e, before, &r);
    return r.rev_id;
}

static void a_newer_revision_counts_and_an_older_one_does_not(void **state)
{
    (void)state;
    assert_int_equal(after("create", 5, LAST_REVS_UNKNOWN), 5);
    assert_int_equal(after("edit", 7, 5), 7);
    assert_int_equal(after("move", 8, 7), 8);
    assert_int_equal(after("edit", 6, 7), 7);
    assert_int_equal(after("visibility_change", 9, 7), 7);
}

static void a_deletion_forgets_and_an_undeletion_begins_anew(void **state)
{
    (void)state;
    assert_int_equal(after("delete", 7, 7), LAST_REVS_DELETED);
    assert_int_equal(after("undelete", 7, LAST_REVS_DELETED), 7);
}

static void what_is_hidden_and_canaries_are_no_revisions(void **state)
{
    const struct event hidden = {.kind = SLICE_LIT("edit"), .rev_id = 9, .is_content_hidden = true};
    const struct event canary = {.kind = SLICE_LIT("edit"), .rev_id = 9, .is_canary = true};
    struct last_rev r;

    (void)state;
    last_revs_read(&hidden, 7, &r);
    assert_int_equal(r.rev_id, 7);
    last_revs_read(&canary, 7, &r);
    assert_int_equal(r.rev_id, 7);
}

static void a_page_is_its_wiki_and_number(void **state)
{
    struct event e = {.wiki_id = SLICE_LIT("datawiki"), .page_id = 60};
    char key[LAST_REVS_KEY_MAX];
    char wiki[LAST_REVS_KEY_MAX] = {0};

    (void)state;
    assert_int_equal(last_revs_key(&e, key), 11);
    assert_memory_equal(key, "datawiki/60", 11);
    e.page_id = -1;
    assert_int_equal(last_revs_key(&e, key), 0);
    e = (struct event){.wiki_id = slice_of(wiki, sizeof wiki), .page_id = 60};
    assert_int_equal(last_revs_key(&e, key), 0);
    e.wiki_id = (struct slice){0};
    assert_int_equal(last_revs_key(&e, key), 0);
}

static struct last_rev page(int64_t number)
{
    struct event e = {.wiki_id = SLICE_LIT("w"), .page_id = number};
    struct last_rev r = {.seq = number, .rev_id = 10 * number, .log_offset = number, .epoch = 1};

    r.key_len = last_revs_key(&e, r.key);
    return r;
}

static void all_pages_noted_are_found_as_their_number_grows(void **state)
{
    struct last_revs *l = *state;
    int64_t seq;

    for (int64_t i = 1; i <= 20000; i++) {
        const struct last_rev r = page(i);
        assert_int_equal(last_revs_note(l, &r), 0);
    }
    assert_int_equal(l->count, 20000);
    for (int64_t i = 1; i <= 20000; i++) {
        const struct last_rev r = page(i);
        assert_int_equal(last_revs_find(l, slice_of(r.key, r.key_len), &seq), 10 * i);
        assert_int_equal(seq, i);
    }
    assert_int_equal(last_revs_find(l, SLICE_LIT("w/0"), &seq), LAST_REVS_UNKNOWN);
    assert_int_equal(last_revs_reset(l), 0);
    assert_int_equal(last_revs_find(l, SLICE_LIT("w/1"), &seq), LAST_REVS_UNKNOWN);
}

static void a_record_of_the_topic_comes_back(void **state)
{
    const struct last_rev r = {
        .key = "w/7", .key_len = 3, .seq = 5, .rev_id = 70, .log_offset = 9, .epoch = -1};
    char text[LAST_REVS_VALUE_MAX];
    struct last_rev back;

    (void)state;
    const size_t len = last_revs_format(&r, text);
    assert_int_equal(len, 9);
    assert_memory_equal(text, "5 70 9 -1", len);
    assert_int_equal(last_revs_parse(SLICE_LIT("w/7"), slice_of(text, len), &back), 0);
    assert_int_equal(back.key_len, 3);
    assert_int_equal(back.seq, 5);
    assert_int_equal(back.rev_id, 70);
    assert_int_equal(back.log_offset, 9);
    assert_int_equal(back.epoch, -1);
}

static void other_records_of_the_topic_are_refused(void **state)
{
    static const char *const BAD[] = {
        "",          "5",         "5 70 9",           "5 70 9 1 2", "5 70 9 x",
        "-1 70 9 1", "5 -1 9 1",  "5  9 1",           "5 70 9 1 ",  " 5 70 9 1",
        "5 70 9 -2", "05 70 9 1", "5 70 9 4294967296"};
    struct last_rev back;

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_equal(last_revs_parse(SLICE_LIT("w/7"), slice_str(BAD[i]), &back),
                         ERR_MALFORMED);
    assert_int_equal(last_revs_parse((struct slice){0}, SLICE_LIT("5 70 9 1"), &back),
                     ERR_MALFORMED);
    assert_int_equal(last_revs_parse(SLICE_LIT("w/7"), (struct slice){0}, &back), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_revision_counts_and_an_older_one_does_not),
        cmocka_unit_test(a_deletion_forgets_and_an_undeletion_begins_anew),
        cmocka_unit_test(what_is_hidden_and_canaries_are_no_revisions),
        cmocka_unit_test(a_page_is_its_wiki_and_number),
        cmocka_unit_test_setup_teardown(all_pages_noted_are_found_as_their_number_grows, set_up,
                                        tear_down),
        cmocka_unit_test(a_record_of_the_topic_comes_back),
        cmocka_unit_test(other_records_of_the_topic_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
