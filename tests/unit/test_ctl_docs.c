/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the pages say what the tables say: every key of a stream's file, every command and option.
 * Method: print each table anew and compare with the page, between its two marks. With
 *         BRAID_DOCS_UPDATE=1 the page is written instead. Run from the top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coord/ctl/command.h"
#include "coord/ctl/config.h"
#include "coord/spec.h"

/* Of node/config.h, whose struct has the name of braidctl's. */
extern const struct key_table CONFIG_TABLE;

enum {
    PAGE_MAX = 1 << 18
};

struct page {
    char bytes[PAGE_MAX];
    size_t len;
};

static int setup(void **state)
{
    struct arena *a = calloc(1, sizeof(*a));

    arena_init(a, 1 << 16, 16 << 20);
    *state = a;
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(*state);
    free(*state);
    return 0;
}

static struct page *page_read(const char *path)
{
    struct page *p = calloc(1, sizeof(*p));
    FILE *file = fopen(path, "rb");

    assert_non_null(p);
    assert_non_null(file);
    p->len = fread(p->bytes, 1, PAGE_MAX - 1, file);
    (void)fclose(file);
    return p;
}

/* Compares what lies between the line of `mark` and "end of <mark>"; NULL: the whole page. */
static void expect(const char *path, const char *mark, const char *wanted)
{
    struct page *p = page_read(path);
    char *start = p->bytes;
    char *end = p->bytes + p->len;

    if (mark != NULL) {
        char end_mark[64];

        (void)snprintf(end_mark, sizeof(end_mark), "end of %s", mark);
        start = strstr(p->bytes, mark);
        assert_non_null(start);
        start = strchr(start, '\n') + 1;
        end = strstr(start, end_mark);
        assert_non_null(end);
        while (end > start && end[-1] != '\n')
            end--;
    }
    if (getenv("BRAID_DOCS_UPDATE") != NULL) {
        FILE *file = fopen(path, "wb");

        assert_non_null(file);
        (void)fwrite(p->bytes, 1, (size_t)(start - p->bytes), file);
        (void)fputs(wanted, file);
        (void)fwrite(end, 1, (size_t)(p->bytes + p->len - end), file);
        assert_int_equal(fclose(file), 0);
    } else if ((size_t)(end - start) != strlen(wanted) ||
               memcmp(start, wanted, strlen(wanted)) != 0) {
        fail_msg("%s is not what the table says: run this with BRAID_DOCS_UPDATE=1", path);
    }
    free(p);
}

static void the_page_of_streams_has_every_key_of_the_table(void **state)
{
    struct text t = text_in(*state);

    keys_print_markdown(&SPEC_TABLE, &t);
    expect("docs/streams.md", "keys:", text_string(&t));
}

static void the_man_page_has_every_command_and_option(void **state)
{
    struct text t = text_in(*state);

    command_print_mdoc(&t);
    expect("docs/man/braidctl.1", "commands:", text_string(&t));
}

static void the_man_page_has_every_key_of_the_file(void **state)
{
    struct text t = text_in(*state);

    keys_print_mdoc(&CTL_CONFIG_TABLE, &t);
    expect("docs/man/braidctl.1", "keys:", text_string(&t));
}

static void the_nodes_page_has_every_key_of_its_file(void **state)
{
    struct text t = text_in(*state);

    keys_print_mdoc(&CONFIG_TABLE, &t);
    expect("docs/man/braidd.8", "keys:", text_string(&t));
}

static void the_examples_are_the_tables(void **state)
{
    struct text t = text_in(*state);

    keys_print_example(&SPEC_TABLE, &t);
    expect("deploy/stream.example.yaml", NULL, text_string(&t));
    t = text_in(*state);
    keys_print_example(&CTL_CONFIG_TABLE, &t);
    expect("deploy/braidctl.example.yaml", NULL, text_string(&t));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_page_of_streams_has_every_key_of_the_table),
        TEST(the_man_page_has_every_command_and_option),
        TEST(the_man_page_has_every_key_of_the_file),
        TEST(the_nodes_page_has_every_key_of_its_file),
        TEST(the_examples_are_the_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
