/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a command line is read as its table says; what is wrong is said with what was meant; help
 *       names every command and option.
 * Method: tables of good and bad command lines.
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
#include "proto/err.h"

enum {
    WORDS_MAX = 12
};

struct fixture {
    struct arena arena;
    struct args args;
    char line[256];
    const char *why;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 1 << 16, 16 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->arena);
    free(f);
    return 0;
}

/* Reads a line of words set apart by blanks. */
static int parse(struct fixture *f, const char *line)
{
    char *argv[WORDS_MAX] = {f->line};
    int argc = 1;
    struct text why = text_in(&f->arena);
    int rc = 0;

    memset(&f->args, 0, sizeof(f->args));
    (void)snprintf(f->line, sizeof(f->line), "x %s", line); /* All lines here are short. */
    for (char *c = f->line; *c != '\0' && argc < WORDS_MAX; c++) {
        if (*c != ' ')
            continue;
        *c = '\0';
        if (c[1] != '\0')
            argv[argc++] = c + 1;
    }
    rc = args_parse(argc, argv, &f->args, &why);
    f->why = text_string(&why);
    return rc;
}

static void options_may_stand_before_and_after_the_command(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(parse(f, "-e a,b -o json status --watch -q"), 0);
    assert_int_equal(f->args.command, COMMAND_STATUS);
    assert_int_equal(f->args.format, VIEW_JSON);
    assert_string_equal(f->args.values[OPTION_ETCD], "a,b");
    assert_true(f->args.given[OPTION_WATCH]);
    assert_true(f->args.given[OPTION_QUIET]);
    assert_int_equal(parse(f, "tap s.v1 -n5 --from-seq=7 -oyaml"), 0);
    assert_string_equal(f->args.values[OPTION_RECORDS], "5");
    assert_string_equal(f->args.values[OPTION_FROM_SEQ], "7");
    assert_int_equal(f->args.format, VIEW_YAML);
    assert_string_equal(f->args.operands[0], "s.v1");
}

static void the_same_letter_is_the_commands_own(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(parse(f, "apply -f x.yaml"), 0);
    assert_true(f->args.given[OPTION_FILE]);
    assert_int_equal(parse(f, "tap s -f %s"), 0);
    assert_true(f->args.given[OPTION_FORMAT]);
    assert_false(f->args.given[OPTION_FILE]);
}

static void after_two_dashes_all_are_operands(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(parse(f, "get -- -q"), 0);
    assert_string_equal(f->args.operands[0], "-q");
}

static void what_is_wrong_is_said_with_what_was_meant(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *line;
        const char *says;
    } BAD[] = {
        {"", "what shall it do?"},
        {"statsu", "did you mean 'status'?"},
        {"qqq", "braidctl --help lists them"},
        {"status --wtach", "did you mean --watch?"},
        {"nodes --watch", "no such option of nodes: --watch"},
        {"--watch status", "no such option: --watch"},
        {"status -z", "no such option of status: -z"},
        {"status -o jsno", "did you mean json?"},
        {"status -o xml", "there are table, json, yaml and tsv"},
        {"status --watch=5", "--watch takes no argument"},
        {"get", "get needs STREAM"},
        {"get a b", "get does not take 'b'"},
        {"explain a b c", "explain does not take 'c'"},
        {"tap s -n", "--count needs N"},
        {"get a b c d e", "too many operands"},
    };

    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_int_equal(parse(f, BAD[i].line), ERR_CONFIG);
        if (strstr(f->why, BAD[i].says) == NULL)
            fail_msg("'%s': wanted '%s', got '%s'", BAD[i].line, BAD[i].says, f->why);
    }
}

static void help_and_version_need_no_operands(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(parse(f, "get --help"), 0);
    assert_int_equal(parse(f, "--version"), 0);
}

static void every_command_has_help_with_all_that_it_takes(void **state)
{
    struct fixture *f = *state;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command *c = command_at((enum command_id)id);
        struct text help = text_in(&f->arena);

        command_print_help_one((enum command_id)id, &help);
        assert_non_null(strstr(text_string(&help), c->name));
        assert_non_null(strstr(text_string(&help), "example:"));
        for (int option = 0; option < OPTION_COUNT; option++) {
            if (command_takes(c, (enum option_id)option))
                assert_non_null(
                    strstr(text_string(&help), option_at((enum option_id)option)->name));
        }
        if (id > 0)
            assert_true(strcmp(command_at((enum command_id)(id - 1))->name, c->name) < 0);
    }
}

static void what_changes_something_takes_plan_and_reason(void **state)
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command *c = command_at((enum command_id)id);

        assert_int_equal(command_takes(c, OPTION_PLAN), c->changes);
        assert_int_equal(command_takes(c, OPTION_MESSAGE), c->changes);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(options_may_stand_before_and_after_the_command),
        TEST(the_same_letter_is_the_commands_own),
        TEST(after_two_dashes_all_are_operands),
        TEST(what_is_wrong_is_said_with_what_was_meant),
        TEST(help_and_version_need_no_operands),
        TEST(every_command_has_help_with_all_that_it_takes),
        TEST(what_changes_something_takes_plan_and_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
