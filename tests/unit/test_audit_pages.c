/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: verify counts the records that show a page's revision after a later one, and only those.
 * Method: a few records of small events in a row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "coord/ctl/audit_pages.h"

struct fixture {
    struct arena arena;
    struct audit_pages pages;
    int64_t seq;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    arena_init(&f->arena, 1 << 20, 1 << 26);
    assert_true(audit_pages_init(&f->pages, &f->arena));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    audit_pages_deinit(&f->pages);
    arena_deinit(&f->arena);
    free(f);
    return 0;
}

static void take(struct fixture *f, const char *value)
{
    const struct audit_raw raw = {.value = slice_str(value)};
    const struct audit_record record = {.raw = &raw, .has_seq = true, .seq = f->seq++};

    audit_pages_record(&f->pages, &record);
}

static void edit(struct fixture *f, const char *wiki, int page, int rev)
{
    char value[256];

    (void)snprintf(value, sizeof value,
                   "{\"wiki_id\":\"%s\",\"page\":{\"page_id\":%d},\"revision\":{\"rev_id\":%d}}",
                   wiki, page, rev);
    take(f, value);
}

static void rising_revisions_are_not_counted(void **state)
{
    struct fixture *f = *state;

    edit(f, "a", 1, 10);
    edit(f, "a", 2, 5);
    edit(f, "a", 1, 11);
    edit(f, "a", 2, 6);
    assert_int_equal(f->pages.looked_at, 4);
    assert_int_equal(f->pages.back, 0);
    assert_int_equal(f->pages.back_seq, -1);
}

static void each_record_below_the_highest_before_it_is_counted(void **state)
{
    struct fixture *f = *state;

    edit(f, "a", 1, 12);
    edit(f, "a", 1, 10);
    edit(f, "a", 1, 11);
    edit(f, "a", 1, 13);
    assert_int_equal(f->pages.back, 2);
    assert_int_equal(f->pages.back_seq, 1);
}

static void the_same_revision_again_is_not_lower(void **state)
{
    struct fixture *f = *state;

    edit(f, "a", 1, 10);
    edit(f, "a", 1, 10);
    assert_int_equal(f->pages.back, 0);
}

static void pages_of_two_wikis_are_two_pages(void **state)
{
    struct fixture *f = *state;

    edit(f, "a", 1, 10);
    edit(f, "b", 1, 9);
    assert_int_equal(f->pages.back, 0);
}

static void what_is_no_page_change_is_not_looked_at(void **state)
{
    struct fixture *f = *state;

    take(f, "no JSON");
    take(f, "{}");
    take(f, "{\"wiki_id\":\"a\",\"revision\":{\"rev_id\":1}}");
    assert_int_equal(f->pages.looked_at, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rising_revisions_are_not_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_record_below_the_highest_before_it_is_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_revision_again_is_not_lower, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_of_two_wikis_are_two_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_page_change_is_not_looked_at, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
