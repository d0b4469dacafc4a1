/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: two answers of N-Triples are compared as sets.
 * Method: small texts, and what is written of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/err.h"
#include "proto/rdf.h"

static int set_up(void **state)
{
    static struct arena arena;

    arena_init(&arena, 4096, 1 << 20);
    *state = &arena;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(*state);
    return 0;
}

static void assert_difference(struct arena *a, const char *of, const char *without,
                              const char *wanted)
{
    struct rdf left;
    struct rdf right;
    struct json_out out;

    assert_int_equal(rdf_read(slice_str(of), a, &left), 0);
    assert_int_equal(rdf_read(slice_str(without), a, &right), 0);
    json_out_init(&out, a, 1 << 16);
    rdf_put_difference(&left, &right, &out);
    const struct slice text = json_out_bytes(&out);
    assert_int_equal(text.len, strlen(wanted));
    assert_memory_equal(text.ptr, wanted, text.len);
}

static void what_one_has_and_the_other_lacks_is_told_in_order(void **state)
{
    assert_difference(*state, "<b> <p> <o> .\n<c> <p> \"x\\\"y\"@en .\n<a> <p> <o> .\n",
                      "<b> <p> <o> .\n<z> <p> <o> .\n",
                      "[\"<a> <p> <o> .\",\"<c> <p> \\\"x\\\\\\\"y\\\"@en .\"]");
}

static void order_doubles_and_ends_of_lines_do_not_matter(void **state)
{
    assert_difference(*state, "_:b <p> <o> .\r\n<a> <p> <o> .\n\n# a comment\n<a> <p> <o> .",
                      "<a> <p> <o> .\n  _:b <p> <o> .  \n", "[]");
}

static void of_nothing_all_is_new(void **state)
{
    assert_difference(*state, "<a> <p> <o> .\n", "", "[\"<a> <p> <o> .\"]");
    assert_difference(*state, "", "", "[]");
}

static void what_is_no_triple_is_refused(void **state)
{
    static const char *const BAD[] = {"{\"entities\":{}}\n", "<a> <p> <o> .\n<html>\n", "a b c .\n",
                                      "<a> <p> <o>"};
    struct rdf out;

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_int_equal(rdf_read(slice_str(BAD[i]), *state, &out), ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_one_has_and_the_other_lacks_is_told_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(order_doubles_and_ends_of_lines_do_not_matter, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(of_nothing_all_is_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_triple_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
