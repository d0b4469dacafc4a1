/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: nothing starts with options that are wrong, and the message says what is wrong.
 * Method: one option at a time, and whole files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/outbox/options.h"
#include "proto/err.h"

static struct outbox_options options;
static struct arena arena;
static struct options_error problem;

static int set_up(void **state)
{
    arena_init(&arena, 4096, 1 << 20);
    options_init(&options);
    problem.message[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    arena_deinit(&arena);
    return 0;
}

static int set(const char *name, const char *value)
{
    return options_set(&options, &arena, slice_str(name), slice_str(value), &problem);
}

static void assert_message(const char *part)
{
    if (strstr(problem.message, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, problem.message);
}

static void defaults_are_those_of_the_help(void **state)
{
    const char *help = options_help(&arena);

    assert_int_equal(options.poll_ms, 50);
    assert_int_equal(options.compare_ms, 60000);
    assert_string_equal(options.stream, "mediawiki.page_change.v1");
    assert_non_null(help);
    assert_non_null(strstr(help, "--compare-ms MS"));
    assert_non_null(strstr(help, "(60000)"));
}

static void a_file_sets_what_the_flags_set(void **state)
{
    static const char FILE_TEXT[] = "# an outbox\n"
                                    "dc eqiad\r\n"
                                    "\n"
                                    "  kafka \t 127.0.0.1:9092\n"
                                    "kafka-option security.protocol=SSL\n"
                                    "wiki testwiki=test.example.org=/srv/a=b.sqlite\n"
                                    "poll-ms 7";

    assert_int_equal(options_set_file(&options, &arena, slice_str(FILE_TEXT), &problem), 0);
    assert_int_equal(options_check(&options, &problem), 0);
    assert_string_equal(options.dc, "eqiad");
    assert_string_equal(options.kafka, "127.0.0.1:9092");
    assert_string_equal(options.kafka_options[0].name, "security.protocol");
    assert_string_equal(options.kafka_options[0].value, "SSL");
    assert_string_equal(options.wikis[0].wiki_id, "testwiki");
    assert_string_equal(options.wikis[0].domain, "test.example.org");
    assert_string_equal(options.wikis[0].path, "/srv/a=b.sqlite");
    assert_int_equal(options.poll_ms, 7);
}

static void a_wrong_line_of_a_file_is_named(void **state)
{
    assert_int_equal(
        options_set_file(&options, &arena, SLICE_LIT("dc x\n\npoll-ms many\n"), &problem),
        ERR_CONFIG);
    assert_message("line 3");
    assert_message("'many'");
}

static void an_option_that_is_not_there_is_refused(void **state)
{
    assert_int_equal(set("pol-ms", "5"), ERR_CONFIG);
    assert_message("'pol-ms'");
}

static void numbers_out_of_range_are_refused(void **state)
{
    static const char *const WRONG[] = {"0", "-1", "", "1x", "10001", "99999999999999999999", " 5"};

    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        assert_int_equal(set("poll-ms", WRONG[i]), ERR_CONFIG);
        assert_message("1 to 10000");
    }
    assert_int_equal(set("poll-ms", "10000"), 0);
}

static void a_wiki_needs_its_three_parts(void **state)
{
    assert_int_equal(set("wiki", "testwiki"), ERR_CONFIG);
    assert_int_equal(set("wiki", "testwiki=host"), ERR_CONFIG);
    assert_int_equal(set("wiki", "=host=path"), ERR_CONFIG);
    assert_int_equal(set("wiki", "testwiki=host="), ERR_CONFIG);
    assert_message("WIKI_ID=DOMAIN=PATH");
    assert_int_equal(options.wiki_count, 0);
}

static void more_wikis_than_the_limit_are_refused(void **state)
{
    for (int i = 0; i < OPTIONS_WIKIS_MAX; i++)
        assert_int_equal(set("wiki", "w=h=p"), 0);
    assert_int_equal(set("wiki", "w=h=p"), ERR_CONFIG);
    assert_message("64");
}

static void more_kafka_options_than_the_limit_are_refused(void **state)
{
    for (int i = 0; i < OPTIONS_KAFKA_MAX; i++)
        assert_int_equal(set("kafka-option", "a=b"), 0);
    assert_int_equal(set("kafka-option", "a=b"), ERR_CONFIG);
}

static void what_is_missing_is_named(void **state)
{
    assert_int_equal(options_check(&options, &problem), ERR_CONFIG);
    assert_message("--dc");
    assert_int_equal(set("dc", "eqiad"), 0);
    assert_int_equal(options_check(&options, &problem), ERR_CONFIG);
    assert_message("--kafka");
    assert_int_equal(set("kafka", "h:1"), 0);
    assert_int_equal(options_check(&options, &problem), ERR_CONFIG);
    assert_message("--wiki");
}

static void a_wiki_may_not_be_there_twice(void **state)
{
    assert_int_equal(set("dc", "eqiad"), 0);
    assert_int_equal(set("kafka", "h:1"), 0);
    assert_int_equal(set("wiki", "a=h=p"), 0);
    assert_int_equal(set("wiki", "a=g=q"), 0);
    assert_int_equal(options_check(&options, &problem), ERR_CONFIG);
    assert_message("twice");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(defaults_are_those_of_the_help),
        CASE(a_file_sets_what_the_flags_set),
        CASE(a_wrong_line_of_a_file_is_named),
        CASE(an_option_that_is_not_there_is_refused),
        CASE(numbers_out_of_range_are_refused),
        CASE(a_wiki_needs_its_three_parts),
        CASE(more_wikis_than_the_limit_are_refused),
        CASE(more_kafka_options_than_the_limit_are_refused),
        CASE(what_is_missing_is_named),
        CASE(a_wiki_may_not_be_there_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
