/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a case passes only if the event becomes what it says, and says why otherwise.
 * Method: one spec, files of one case as JSON, each wrong in one way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "coord/ctl/spec_test.h"

#define EVENT                                                                                      \
    "\"event\":{\"meta\":{\"domain\":\"a.wiki\"},\"revision\":{\"rev_id\":5,\"rev_parent_id\":0}}"
#define ANSWERS "\"answers\":{\"parse\":{\"parse\":{\"templates\":[{\"title\":\"T:A\"}]}}}"

struct fixture {
    struct arena a;
    struct spec spec;
};

static int set_up(void **state)
{
    static struct slice enrich[] = {{(const uint8_t *)"templates", 9}};
    struct fixture *f = calloc(1, sizeof *f);

    arena_init(&f->a, 1 << 16, 1 << 26);
    f->spec = (struct spec){.output = SLICE_LIT("out.v1"), .enrichments = {enrich, 1}};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_deinit(&f->a);
    free(f);
    return 0;
}

/* Runs the case; why must begin with the sentence, "" if it must pass. */
static void check(struct fixture *f, const char *test, const char *why)
{
    static const struct json_limits LIMITS = {.bytes_max = 1 << 16, .depth_max = 32};
    struct spec_test_result result;
    struct json_flaw flaw;
    struct json json;

    assert_int_equal(json_parse(&f->a, slice_str(test), &LIMITS, &json, &flaw), 0);
    assert_int_equal(spec_test_run(&f->spec, &json, json.root, &f->a, &result), 0);
    assert_int_equal(result.is_ok, why[0] == '\0');
    if (strncmp(result.why, why, strlen(why)) != 0)
        fail_msg("%s", result.why);
}

static void a_case_passes_if_all_that_is_expected_is_there(void **state)
{
    check(*state,
          "{" EVENT "," ANSWERS ",\"expect\":{\"status\":\"ok\",\"absent\":[\"/a\"],\"value\":{"
          "\"meta\":{\"stream\":\"out.v1\"},\"revision\":{\"rev_id\":5},"
          "\"enrichments\":{\"templates\":{\"templates\":[{\"title\":\"T:A\"}],"
          "\"removed\":{\"templates\":[]}}}}}}",
          "");
}

static void what_differs_is_named(void **state)
{
    static const struct {
        const char *expect;
        const char *why;
    } ROWS[] = {
        {"{\"status\":\"filtered\"}", "the status is ok"},
        {"{\"value\":{\"revision\":{\"rev_id\":6}}}", "'rev_id' is not as expected"},
        {"{\"value\":{\"revision\":{\"rev_id\":\"5\"}}}", "'rev_id' is not as expected"},
        {"{\"value\":{\"nothing\":null}}", "'nothing' is not as expected"},
        {"{\"value\":{\"meta\":[]}}", "'meta' is not as expected"},
        {"{\"value\":{\"enrichments\":{\"templates\":{\"templates\":[]}}}}",
         "'templates' is not as expected"},
        {"{\"absent\":[\"/revision/rev_id\"]}", "'/revision/rev_id' is there"},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char test[1024];
        (void)snprintf(test, sizeof test, "{" EVENT "," ANSWERS ",\"expect\":%s}", ROWS[i].expect);
        check(*state, test, ROWS[i].why);
    }
}

static void answers_must_be_those_that_are_asked_for(void **state)
{
    check(*state, "{" EVENT "}", "'parse' is asked, and answers has none");
    check(*state, "{" EVENT ",\"answers\":{\"parse\":{\"parse\":{}},\"html\":\"x\"},\"expect\":{}}",
          "answers.html is never asked for");
    check(*state, "{" EVENT ",\"answers\":{\"parse\":{\"fails\":\"nonsense\"}}}",
          "answers.parse.fails is no reason");
    check(*state, "{" ANSWERS "}", "the case has no event");
}

static void failures_can_be_tested_too(void **state)
{
    check(*state,
          "{" EVENT ",\"answers\":{\"parse\":{\"fails\":\"timeout\"}},"
          "\"expect\":{\"status\":\"failed:timeout\",\"absent\":[\"/enrichments\"]}}",
          "");
    check(
        *state,
        "{" EVENT ",\"answers\":{\"revision\":{\"query\":{\"pages\":[{\"revisions\":[{"
        "\"revid\":5,\"texthidden\":true}]}]}}},\"expect\":{\"status\":\"withheld:text_hidden\"}}",
        "");
    check(*state, "{\"event\":\"this is no event\",\"expect\":{\"status\":\"failed:malformed\"}}",
          "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_case_passes_if_all_that_is_expected_is_there),
        T(what_differs_is_named),
        T(answers_must_be_those_that_are_asked_for),
        T(failures_can_be_tested_too),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
