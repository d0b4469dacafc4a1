/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: conditions on any field say what they seem to say. Method: one event, a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/err.h"
#include "proto/where.h"

static const char EVENT[] =
    "{\"performer\":{\"is_bot\":false,\"groups\":[\"bot\",\"sysop\"],\"user_text\":\"A\\u00e4\"},"
    "\"page\":{\"page_id\":42,\"none\":null,\"a/b\":\"slash\",\"c~d\":1.50},\"revision\":{}}";

static bool passes(const char *pointer, const char *value)
{
    struct arena scratch;
    struct where where;

    arena_init(&scratch, 4096, 1 << 16);
    assert_int_equal(where_parse(slice_str(pointer), slice_str(value), &where), 0);
    const bool result = where_passes(&scratch, slice_str(EVENT), &where, 1);
    arena_deinit(&scratch);
    return result;
}

static void fields_of_any_type_are_compared(void **state)
{
    static const struct {
        const char *pointer;
        const char *value;
        bool passes;
    } ROWS[] = {
        {"/performer/is_bot", "false", true},
        {"/performer/is_bot", "true", false},
        {"/performer/is_bot", "not true", true},
        {"/performer/is_bot", "not false", false},
        {"/performer/groups/1", "sysop", true},
        {"/performer/groups/2", "sysop", false},
        {"/performer/groups/x", "sysop", false},
        {"/performer/groups", "sysop", false},
        {"/performer/user_text", "A\xc3\xa4", true},
        {"/page/page_id", "42", true},
        {"/page/page_id", "42.0", false}, /* as it is written */
        {"/page/none", "null", true},
        {"/page/a~1b", "slash", true},
        {"/page/c~0d", "1.50", true},
        {"/page/absent", "x", false},
        {"/page/absent", "not x", true},
        {"/absent/absent", "not x", true},
        {"/page/page_id/deeper", "42", false},
        {"/revision", "{}", false},
        {"/", "x", false},
        {"/performer/groups", "has sysop", true},
        {"/performer/groups", "has sys", false},
        {"/performer/user_text", "has A", true},
        {"/performer/user_text", "not has B", true},
        {"/page/page_id", "has 4", false},
        {"/page/page_id", "above 41.9", true},
        {"/page/page_id", "above 42", false},
        {"/page/page_id", "below 43", true},
        {"/page/page_id", "below x", false}, /* a value like any other */
        {"/page/page_id", "is there", true},
        {"/page/none", "is there", false}, /* null */
        {"/page/absent", "is there", false},
        {"/page/absent", "not is there", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (passes(ROWS[i].pointer, ROWS[i].value) != ROWS[i].passes)
            fail_msg("%s %s", ROWS[i].pointer, ROWS[i].value);
    }
}

static void all_conditions_must_be_met(void **state)
{
    struct arena scratch;
    struct where list[2];

    (void)state;
    arena_init(&scratch, 4096, 1 << 16);
    (void)where_parse(SLICE_LIT("/page/page_id"), SLICE_LIT("42"), &list[0]);
    (void)where_parse(SLICE_LIT("/performer/is_bot"), SLICE_LIT("true"), &list[1]);
    assert_false(where_passes(&scratch, slice_str(EVENT), list, 2));
    assert_true(where_passes(&scratch, slice_str(EVENT), list, 1));
    assert_true(where_passes(&scratch, slice_str(EVENT), list, 0));
    assert_false(where_passes(&scratch, SLICE_LIT("{\"page\":"), list, 1));
    arena_deinit(&scratch);
}

static void what_is_no_pointer_is_refused(void **state)
{
    static const char *const BAD[] = {"", "performer", "performer/x", "/a~", "/a~2", "$.a"};
    struct where where;

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_equal(where_parse(slice_str(BAD[i]), SLICE_LIT("x"), &where), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_any_type_are_compared),
        cmocka_unit_test(all_conditions_must_be_met),
        cmocka_unit_test(what_is_no_pointer_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
