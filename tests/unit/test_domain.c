/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: nothing but a host name that the node's file allows gets near a Host header.
 * Method: a table of names, good and hostile, against exact and wildcard patterns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/domain.h"

static void hostile_names_are_no_host_names(void **state)
{
    const struct slice BAD[] = {
        {0},
        SLICE_LIT(""),
        SLICE_LIT("."),
        SLICE_LIT("a..b"),
        SLICE_LIT(".wikipedia.org"),
        SLICE_LIT("en.wikipedia.org."),
        SLICE_LIT("en.wikipedia.org:80"),
        SLICE_LIT("en.wikipedia.org/x"),
        SLICE_LIT("en.wikipedia.org\r\nX-Evil: 1"),
        SLICE_LIT("en.wikipedia.org\n"),
        SLICE_LIT("en.wikipedia.org\0.evil"),
        SLICE_LIT(" en.wikipedia.org"),
        SLICE_LIT("user@en.wikipedia.org"),
        SLICE_LIT("-a.org"),
        SLICE_LIT("a-.org"),
        SLICE_LIT("a_b.org"),
        SLICE_LIT("127.0.0.1"),
        SLICE_LIT("1"),
        SLICE_LIT("[::1]"),
        SLICE_LIT("d\xc3\xa4.org"),
        SLICE_LIT("*.wikipedia.org"),
    };

    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (domain_is_hostname(BAD[i]))
            fail_msg("row %zu passed", i);
    }
    char label[65];
    memset(label, 'a', sizeof label);
    assert_true(domain_is_hostname(slice_of(label, 63)));
    assert_false(domain_is_hostname(slice_of(label, 64)));
    char name[256];
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 2 == 0 ? 'a' : '.';
    assert_true(domain_is_hostname(slice_of(name, 253)));
    assert_false(domain_is_hostname(slice_of(name, 255)));
    assert_true(domain_is_hostname(SLICE_LIT("xn--bcher-kva.3com")));
}

static void only_names_that_a_pattern_allows_pass(void **state)
{
    const struct slice patterns[] = {SLICE_LIT("test.wiki.localhost"),
                                     SLICE_LIT("*.Wikipedia.org")};
    const struct domain_list list = {patterns, 2};
    const struct domain_list none = {NULL, 0};

    assert_true(domain_is_allowed(&list, SLICE_LIT("test.wiki.localhost")));
    assert_true(domain_is_allowed(&list, SLICE_LIT("EN.wikipedia.org")));
    assert_true(domain_is_allowed(&list, SLICE_LIT("en.m.wikipedia.org")));
    assert_false(domain_is_allowed(&list, SLICE_LIT("wikipedia.org")));
    assert_false(domain_is_allowed(&list, SLICE_LIT("evilwikipedia.org")));
    assert_false(domain_is_allowed(&list, SLICE_LIT("en.wikipedia.org.evil.com")));
    assert_false(domain_is_allowed(&list, SLICE_LIT("a.test.wiki.localhost")));
    assert_false(domain_is_allowed(&list, SLICE_LIT("a\r\n.wikipedia.org")));
    assert_false(domain_is_allowed(&none, SLICE_LIT("test.wiki.localhost")));
}

static void patterns_are_a_name_or_a_star_and_a_name(void **state)
{
    assert_true(domain_pattern_is_valid(SLICE_LIT("*.wikipedia.org")));
    assert_true(domain_pattern_is_valid(SLICE_LIT("localhost")));
    assert_false(domain_pattern_is_valid(SLICE_LIT("*")));
    assert_false(domain_pattern_is_valid(SLICE_LIT("*.*.org")));
    assert_false(domain_pattern_is_valid(SLICE_LIT("en.*.org")));
    assert_false(domain_pattern_is_valid(SLICE_LIT("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_names_are_no_host_names),
        cmocka_unit_test(only_names_that_a_pattern_allows_pass),
        cmocka_unit_test(patterns_are_a_name_or_a_star_and_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
