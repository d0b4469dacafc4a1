/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: of Parsoid's HTML exactly what is asked for is found, whatever the HTML looks like.
 * Method: small pages, also ones that are not well-formed; a property for links.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "proto/html.h"

static int set_up(void **state)
{
    struct arena *a = calloc(1, sizeof *a);

    arena_init(a, 1 << 16, 1 << 26);
    *state = a;
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(*state);
    free(*state);
    return 0;
}

static struct html_references read(void **state, const char *html)
{
    struct html_references refs;

    assert_int_equal(html_references(slice_str(html), *state, &refs), 0);
    return refs;
}

static void only_what_stands_in_the_list_is_a_reference(void **state)
{
    struct html_references refs =
        read(state, "<ul><li id='a'><span class='mw-reference-text'>no</span></li></ul>"
                    "<ol class=\"x mw-references\"><li id='b'><span class='mw-reference-text'>yes"
                    "<ul><li id='c'>too</li></ul></span><span class='mw-reference-text'>no</span>"
                    "</li><li>no id</li></ol><ol><li id='d'>no</li></ol>");

    assert_int_equal(refs.count, 1);
    assert_true(slice_equal(refs.items[0]->id, SLICE_LIT("b")));
    assert_true(slice_equal(refs.items[0]->text, SLICE_LIT("yestoo")));
    assert_false(refs.is_truncated);
}

static void html_that_is_not_closed_is_read_to_its_end(void **state)
{
    struct html_references refs =
        read(state, "<ol class=mw-references><li id=a><span class=mw-reference-text>A"
                    "<a rel=mw:ExtLink href=http://x/>x");

    assert_int_equal(refs.count, 1);
    assert_true(slice_equal(refs.items[0]->urls[0], SLICE_LIT("http://x/")));
    assert_true(slice_equal(refs.items[0]->text, SLICE_LIT("Ax")));
    assert_int_equal(read(state, "").count, 0);
    assert_int_equal(read(state, "<").count, 0);
    assert_int_equal(read(state, "</ol></ol></ol>").count, 0);
}

static void too_much_is_cut_at_whole_characters_and_said(void **state)
{
    const size_t size = 3 * HTML_TEXT_MAX;
    char *html = malloc(size);
    size_t len = (size_t)snprintf(
        html, size, "<ol class='mw-references'><li id='a'><span class='mw-reference-text'>x");

    for (size_t i = 0; i < HTML_TEXT_MAX / 2; i++)
        len += (size_t)snprintf(html + len, size - len, "\xc3\xa9");
    html[len] = '\0';
    struct html_references refs = read(state, html);
    assert_int_equal(refs.count, 1);
    assert_int_equal(refs.items[0]->text.len, HTML_TEXT_MAX - 1);
    assert_true(refs.is_truncated);
    free(html);
}

static void a_redirect_is_a_link_of_this_name_only(void **state)
{
    struct slice href;

    assert_int_equal(
        html_redirect(SLICE_LIT("<link href='./T' rel='a mw:PageProp/redirect'>"), *state, &href),
        0);
    assert_true(slice_equal(href, SLICE_LIT("./T")));
    assert_int_equal(
        html_redirect(SLICE_LIT("<a href='./T' rel='mw:PageProp/redirect'>"), *state, &href), 0);
    assert_int_equal(href.len, 0);
    assert_int_equal(html_redirect(SLICE_LIT("<p>mw:PageProp/redirect"), *state, &href), 0);
    assert_int_equal(href.len, 0);
    assert_int_equal(html_redirect(SLICE_LIT("<link rel='mw:PageProp/redirect' href='./A&amp;B'>"),
                                   *state, &href),
                     0);
    assert_true(slice_equal(href, SLICE_LIT("./A&B")));
}

static void an_address_becomes_a_title_and_a_fragment(void **state)
{
    static const struct {
        const char *href, *title, *fragment;
    } ROWS[] = {{"./A_b", "A_b", NULL}, {"./%C3%84%3F#x%20y", "\xc3\x84?", "x y"},
                {"./50%", "50%", NULL}, {"./%zz%4", "%zz%4", NULL},
                {"./%FF", "%FF", NULL}, {"./%00", "%00", NULL},
                {"./A#", "A", ""},      {"https://x/", NULL, NULL},
                {"", NULL, NULL},       {"./", NULL, NULL},
                {"./#a", NULL, NULL},   {"../A", NULL, NULL}};
    struct slice title;
    struct slice fragment;

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const bool is_page = html_title_of(slice_str(ROWS[i].href), *state, &title, &fragment);
        assert_int_equal(is_page, ROWS[i].title != NULL);
        if (!is_page)
            continue;
        assert_true(slice_equal(title, slice_str(ROWS[i].title)));
        if (ROWS[i].fragment == NULL)
            assert_null(fragment.ptr);
        else
            assert_true(slice_equal(fragment, slice_str(ROWS[i].fragment)));
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(only_what_stands_in_the_list_is_a_reference),
        T(html_that_is_not_closed_is_read_to_its_end),
        T(too_much_is_cut_at_whole_characters_and_said),
        T(a_redirect_is_a_link_of_this_name_only),
        T(an_address_becomes_a_title_and_a_fragment),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
