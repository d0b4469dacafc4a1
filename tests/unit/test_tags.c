/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a rule holds if all its conditions do, on the event, on what was added to it, and on the text
 *       that came and went; what is hidden is no reason.
 * Method: one event with its diff; a table of rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/err.h"
#include "proto/tags.h"

static const char EVENT[] = "{\"performer\":{\"user_text\":\"A\",\"groups\":[\"user\",\"bot\"],"
                            "\"is_bot\":true,\"edit_count\":7},"
                            "\"comment\":\"fix; it\",\"revision\":{\"rev_size\":12.5}}";
static const char MADE[] =
    "{\"links\":{\"added\":{\"external\":[\"https://a.example/x\"]}},\"diff\":{\"slots\":["
    "{\"slot_role\":\"main\",\"diff\":["
    "{\"type\":0,\"text\":\"same\"},"
    "{\"type\":1,\"text\":\"new <ref>\"},"
    "{\"type\":2,\"text\":\"old line\"},"
    "{\"type\":3,\"text\":\"\xc3\xa4 cat dog\",\"highlightRanges\":["
    "{\"start\":3,\"length\":3,\"type\":1},{\"start\":7,\"length\":3,\"type\":0},"
    "{\"start\":8,\"length\":30,\"type\":0},{\"start\":-1,\"length\":3,\"type\":0},{\"start\":3}]},"
    "{\"type\":4,\"text\":\"moved away\"},{\"type\":5,\"text\":\"moved here\"},"
    "7,{\"type\":1,\"text\":null}]},"
    "{\"slot_role\":\"extra\",\"format\":\"html_table_rows\",\"body\":\"x\"}]}}";

static yyjson_val *read(struct arena *a, const char *text)
{
    const struct json_limits limits = {.bytes_max = 10000, .depth_max = 20};
    struct json_flaw flaw;
    struct json j;

    assert_int_equal(json_parse(a, slice_str(text), &limits, &j, &flaw), 0);
    return j.root;
}

static bool holds(const char *text, bool is_hidden)
{
    struct tag_condition conditions[TAG_CONDITIONS_MAX];
    struct tag_rule rule = {.conditions = conditions};
    struct arena a;

    if (tag_rule_parse(slice_str(text), conditions, &rule.count) != 0)
        fail_msg("no rule: %s", text);
    arena_init(&a, 4096, 1 << 20);
    const struct tag_view view = {.event = read(&a, EVENT),
                                  .made = read(&a, MADE),
                                  .is_user_hidden = is_hidden,
                                  .is_comment_hidden = is_hidden};
    const bool result = tag_rule_holds(&rule, &view);
    arena_deinit(&a);
    return result;
}

static void a_rule_holds_if_all_its_conditions_do(void **state)
{
    static const struct {
        const char *rule;
        bool holds;
    } ROWS[] = {
        {"/performer/is_bot: true", true},
        {"/performer/is_bot: not true", false},
        {"/performer/is_bot: true; /performer/user_text: A", true},
        {"/performer/is_bot: true; /performer/user_text: B", false},
        {"/performer/groups: has bot", true},
        {"/performer/groups: has bo", false},
        {"/performer/groups: not has sysop", true},
        {"/performer/edit_count: below 10", true},
        {"/performer/edit_count: above 7", false},
        {"/revision/rev_size: above 12.4", true},
        {"/revision/rev_size: not below 12.5", true},
        {"/performer/user_text: above 1", false},
        {"/comment: has fix", true},
        {"/comment: is there", true},
        {"/none: is there", false},
        {"/none: not is there", true},
        {"/enrichments/links/added/external/0: is there", true},
        {"/enrichments/links/added/external/1: is there", false},
        {"/enrichments/links/added/external/0: has a.example", true},
        {"/links/added/external/0: is there", false},
        {"added: has <ref>", true},
        {"added: has same", false},
        {"added: has old", false},
        {"added: has cat", false},
        {"added: has dog", true},
        {"added: has og", true},
        {"added: has moved", false},
        {"added: dog", true},
        {"removed: has old", true},
        {"removed: has cat", true},
        {"removed: has dog", false},
        {"removed: has old; added: not has old", true},
        {"added: not has <ref>", false},
        {"added: is there", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (holds(ROWS[i].rule, false) != ROWS[i].holds)
            fail_msg("%s", ROWS[i].rule);
    }
}

static void what_is_hidden_is_no_reason(void **state)
{
    (void)state;
    assert_false(holds("/performer/is_bot: true", true));
    assert_false(holds("/performer/groups: has bot", true));
    assert_false(holds("/comment: is there", true));
    assert_true(holds("/revision/rev_size: above 12", true));
}

static void what_is_no_rule_is_refused(void **state)
{
    static const char *const BAD[] = {
        "",     " ",       "x",       "performer: x", "/a",     "/a:x",
        "/a: ", "/a: x; ", "; /a: x", "/a~: x",       "add: x", "/a: x;  ; /b: y",
    };
    struct tag_condition conditions[TAG_CONDITIONS_MAX];
    char many[TAG_CONDITIONS_MAX * 8 + 16] = "/a: 1";
    size_t count;

    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        if (tag_rule_parse(slice_str(BAD[i]), conditions, &count) != ERR_MALFORMED)
            fail_msg("taken: '%s'", BAD[i]);
    }
    for (size_t i = 0; i < TAG_CONDITIONS_MAX; i++)
        memcpy(many + 5 + 7 * i, "; /a: 1", 8);
    assert_int_equal(tag_rule_parse(slice_str(many), conditions, &count), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_holds_if_all_its_conditions_do),
        cmocka_unit_test(what_is_hidden_is_no_reason),
        cmocka_unit_test(what_is_no_rule_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
