/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: every answer that a MediaWiki gives, well or ill, is understood or refused; nothing hidden
 *       gets through; content is the answer's own bytes.
 * Method: answers as MediaWiki 1.39 gave them, shortened, and broken ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "proto/err.h"
#include "proto/mwapi.h"

/* sha1 of "abc", of "" and of "a\"b" */
#define SHA_ABC   "a9993e364706816aba3e25717850c26c9cd0d89d"
#define SHA_EMPTY "da39a3ee5e6b4b0d3255bfef95601890afd80709"

static struct arena keep;
static struct mwapi_answer answer;

static int decode(const char *body)
{
    struct arena scratch;

    arena_deinit(&keep);
    arena_init(&keep, 1 << 14, 1 << 24);
    arena_init(&scratch, 1 << 16, 1 << 26);
    answer = (struct mwapi_answer){0};
    const int rc = mwapi_decode(&scratch, &keep, slice_str(body), &answer);
    arena_deinit(&scratch); /* the answer must not need it */
    return rc;
}

static int end(void **state)
{
    arena_deinit(&keep);
    return 0;
}

static const struct mwapi_revision *found(int64_t rev_id)
{
    const struct mwapi_revision *revision = NULL;

    assert_int_equal(mwapi_find(&answer, rev_id, &revision), MWAPI_FOUND);
    assert_true(revision->rev_id == rev_id);
    return revision;
}

static void check_content(int64_t rev_id, const char *role, const char *token)
{
    const struct mwapi_slot *slot = mwapi_slot_of(found(rev_id), slice_str(role));

    assert_non_null(slot);
    assert_true(slot->sha1_matches);
    assert_true(slice_equal(slot->content, slice_str(token)));
}

static void a_batch_is_matched_by_id_whatever_its_order(void **state)
{
    const struct mwapi_revision *none = NULL;

    assert_int_equal(
        decode("{\"batchcomplete\":true,\"query\":{"
               "\"badrevids\":{\"999999\":{\"revid\":999999,\"missing\":true},"
               "\"10\":{\"revid\":10,\"missing\":true}},"
               "\"pages\":[{\"pageid\":3,\"ns\":0,\"title\":\"Foo\",\"revisions\":["
               "{\"revid\":4,\"parentid\":3,\"minor\":true,\"sha1\":\"" SHA_ABC
               "\",\"roles\":[\"main\"],\"slots\":{\"main\":{\"size\":3,\"sha1\":\"" SHA_ABC
               "\",\"contentmodel\":\"wikitext\",\"contentformat\":\"text/x-wiki\","
               "\"content\":\"a\\u0062c\"}}},"
               "{\"revid\":3,\"slots\":{\"main\":{\"content\":\"\"}}}]},"
               "{\"pageid\":1,\"revisions\":[{\"revid\":15,\"slots\":{"
               "\"extra\":{\"sha1\":\"" SHA_EMPTY "\",\"content\":\"\"},"
               "\"main\":{\"sha1\":\"" SHA_ABC "\",\"content\":\"abc\"}}}]}]}}"),
        0);
    assert_int_equal(answer.error_class, MWAPI_ERROR_NONE);
    assert_false(answer.is_truncated);
    assert_int_equal(answer.revision_count, 3);
    check_content(4, "main", "\"a\\u0062c\"");
    check_content(3, "main", "\"\"");
    assert_false(mwapi_slot_of(found(3), SLICE_LIT("main"))->has_api_sha1);
    check_content(15, "extra", "\"\"");
    check_content(15, "main", "\"abc\"");
    assert_null(mwapi_slot_of(found(15), SLICE_LIT("mediainfo")));
    assert_int_equal(mwapi_find(&answer, 10, &none), MWAPI_MISSING);
    assert_int_equal(mwapi_find(&answer, 999999, &none), MWAPI_MISSING);
    assert_int_equal(mwapi_find(&answer, 77, &none), MWAPI_MISSING);
}

static void a_revision_of_a_deleted_page_may_be_mentioned_nowhere(void **state)
{
    const struct mwapi_revision *none = NULL;

    assert_int_equal(decode("{\"batchcomplete\":true,\"query\":{\"pages\":[{\"ns\":0,\"title\":"
                            "\"ToDelete\",\"missing\":true}]}}"),
                     0);
    assert_int_equal(mwapi_find(&answer, 10, &none), MWAPI_MISSING);
}

static void what_is_hidden_is_dropped_even_if_the_account_may_see_it(void **state)
{
    static const struct {
        const char *revision;
        enum mwapi_visibility visibility;
    } ROWS[] = {
        /* as anonymous */
        {"\"sha1hidden\":true,\"slots\":{\"main\":{\"sha1hidden\":true,\"texthidden\":true}}",
         MWAPI_TEXT_HIDDEN},
        {"\"userhidden\":true,\"commenthidden\":true,\"slots\":{\"main\":{\"content\":\"abc\"}}",
         MWAPI_VISIBLE},
        {"\"userhidden\":true,\"suppressed\":true,\"slots\":{\"main\":{\"texthidden\":true}}",
         MWAPI_SUPPRESSED},
        /* as an account with rights: flags and content */
        {"\"sha1hidden\":true,\"sha1\":\"" SHA_ABC "\",\"slots\":{\"main\":{\"sha1hidden\":true,"
         "\"sha1\":\"" SHA_ABC "\",\"texthidden\":true,\"content\":\"abc\"}}",
         MWAPI_TEXT_HIDDEN},
        {"\"slots\":{\"main\":{\"texthidden\":true,\"content\":\"abc\"}}", MWAPI_TEXT_HIDDEN},
        {"\"slots\":{\"extra\":{\"content\":\"abc\"},\"main\":{\"texthidden\":true}}",
         MWAPI_TEXT_HIDDEN},
        {"\"texthidden\":true,\"slots\":{\"main\":{\"content\":\"abc\"}}", MWAPI_TEXT_HIDDEN},
        {"\"suppressed\":true,\"slots\":{\"main\":{\"content\":\"abc\"}}", MWAPI_SUPPRESSED},
        /* only the user's name is suppressed: the text is not hidden */
        {"\"suppressed\":true,\"userhidden\":true,\"slots\":{\"main\":{\"content\":\"abc\"}}",
         MWAPI_VISIBLE},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char body[512];
        (void)snprintf(body, sizeof body,
                       "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":14,%s}]}]}}",
                       ROWS[i].revision);
        assert_int_equal(decode(body), 0);
        assert_int_equal(found(14)->visibility, ROWS[i].visibility);
        assert_int_equal(found(14)->is_user_hidden, strstr(body, "userhidden") != NULL);
        assert_int_equal(found(14)->is_comment_hidden, strstr(body, "commenthidden") != NULL);
        for (size_t k = 0; k < found(14)->slot_count; k++) {
            const struct mwapi_slot *slot = &found(14)->slots[k];
            static const uint8_t NOTHING[SHA1_BYTES] = {0};
            assert_int_equal(slot->content.ptr == NULL, ROWS[i].visibility != MWAPI_VISIBLE);
            if (ROWS[i].visibility != MWAPI_VISIBLE)
                assert_memory_equal(slot->sha1, NOTHING, SHA1_BYTES);
        }
    }
}

static void an_answer_cut_short_says_nothing_about_what_it_lacks(void **state)
{
    static const char *const ROWS[] = {
        "{\"continue\":{\"rvcontinue\":25,\"continue\":\"||\"},\"warnings\":{\"result\":{"
        "\"warnings\":\"This result was truncated\"}},\"query\":{\"pages\":[{\"pageid\":1,"
        "\"revisions\":[{\"revid\":24,\"slots\":{\"main\":{\"content\":\"abc\"}}}]},"
        "{\"pageid\":2},{\"pageid\":3,\"revisions\":[]}]}}",
        "{\"continue\":{\"rvcontinue\":25},\"query\":{\"badrevids\":{\"7\":{\"revid\":7}},"
        "\"pages\":[{\"revisions\":[{\"revid\":24,\"slots\":{\"main\":{\"content\":\"abc\"}}}]}]}}",
    };
    const struct mwapi_revision *none = NULL;

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(decode(ROWS[i]), 0);
        assert_true(answer.is_truncated);
        check_content(24, "main", "\"abc\"");
        assert_int_equal(mwapi_find(&answer, 25, &none), MWAPI_UNSERVED);
    }
    assert_int_equal(mwapi_find(&answer, 7, &none), MWAPI_MISSING);
    assert_int_equal(decode("{\"warnings\":{\"result\":{\"warnings\":\"truncated\"}}}"), 0);
    assert_int_equal(mwapi_find(&answer, 25, &none), MWAPI_UNSERVED);
}

static void content_that_does_not_have_its_sha1_is_told(void **state)
{
    static const char *const SHA[] = {SHA_EMPTY, "", "nonsense", "a9993e364706816a"};

    for (size_t i = 0; i < sizeof SHA / sizeof SHA[0]; i++) {
        char body[512];
        (void)snprintf(body, sizeof body,
                       "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":1,\"slots\":{\"main\":{"
                       "\"sha1\":\"%s\",\"content\":\"abc\"}}}]}]}}",
                       SHA[i]);
        assert_int_equal(decode(body), 0);
        assert_false(mwapi_slot_of(found(1), SLICE_LIT("main"))->sha1_matches);
    }
}

static void slots_without_text_have_no_content(void **state)
{
    static const char *const SLOTS[] = {"{}",
                                        "[]",
                                        "null",
                                        "{\"main\":{}}",
                                        "{\"main\":{\"badcontentformat\":true}}",
                                        "{\"main\":{\"textmissing\":true,\"content\":null}}",
                                        "{\"main\":{\"content\":[\"x\"]}}",
                                        "{\"main\":7}"};

    for (size_t i = 0; i < sizeof SLOTS / sizeof SLOTS[0]; i++) {
        char body[512];
        (void)snprintf(body, sizeof body,
                       "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":1,\"slots\":%s}]}]}}",
                       SLOTS[i]);
        assert_int_equal(decode(body), 0);
        const struct mwapi_slot *slot = mwapi_slot_of(found(1), SLICE_LIT("main"));
        assert_true(slot == NULL || slot->content.ptr == NULL);
    }
}

static void errors_have_a_class(void **state)
{
    static const struct {
        const char *body;
        enum mwapi_error_class class;
        const char *code;
    } ROWS[] = {
        {"{\"error\":{\"code\":\"maxlag\",\"info\":\"Waiting for a database server\",\"lag\":7.5}}",
         MWAPI_ERROR_LIMITED, "maxlag"},
        {"{\"error\":{\"code\":\"ratelimited\"}}", MWAPI_ERROR_LIMITED, "ratelimited"},
        {"{\"error\":{\"code\":\"readonly\"}}", MWAPI_ERROR_TRANSIENT, "readonly"},
        {"{\"error\":{\"code\":\"toomanyvalues\",\"limit\":50,\"lowlimit\":50}}", MWAPI_ERROR_SPLIT,
         "toomanyvalues"},
        {"{\"error\":{\"code\":\"internal_api_error_RuntimeException\"}}", MWAPI_ERROR_SPLIT,
         "internal_api_error_RuntimeException"},
        /* the real one: 500, JSON and then a page */
        {"{\"error\":{\"code\":\"internal_api_error_DBConnectionError\",\"info\":\"x\"}}"
         "<!DOCTYPE html>\n<html><head><title>Internal error</title>",
         MWAPI_ERROR_TRANSIENT, "internal_api_error_DBConnectionError"},
        {"{\"error\":{\"code\":\"internal_api_error_Wikimedia\\\\Rdbms\\\\DBConnectionError\"}}",
         MWAPI_ERROR_TRANSIENT, "internal_api_error_Wikimedia\\Rdbms\\DBConnectionError"},
        {"{\"error\":{\"code\":\"readapidenied\"}}", MWAPI_ERROR_PERMANENT, "readapidenied"},
        {"{\"error\":{\"code\":\"badvalue\"}}", MWAPI_ERROR_PERMANENT, "badvalue"},
        {"{\"error\":\"rest-read-denied\",\"httpCode\":403}", MWAPI_ERROR_PERMANENT,
         "rest-read-denied"},
        {"{\"errors\":[{\"code\":\"maxlag\",\"text\":\"x\"}]}", MWAPI_ERROR_LIMITED, "maxlag"},
        {"{\"error\":{}}", MWAPI_ERROR_PERMANENT, "unnamed"},
        {"{\"error\":[]}", MWAPI_ERROR_PERMANENT, "unnamed"},
        {"{\"error\":{\"code\":\"a b\\r\\nX: y\"}}", MWAPI_ERROR_PERMANENT, "a?b??X:?y"},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(decode(ROWS[i].body), 0);
        assert_int_equal(answer.error_class, ROWS[i].class);
        assert_string_equal(answer.error_code, ROWS[i].code);
    }
    assert_int_equal(decode("{\"error\":{\"code\":\"0123456789012345678901234567890123456789"
                            "012345678901234567890123456789\"}}"),
                     0);
    assert_int_equal(strlen(answer.error_code), MWAPI_CODE_MAX - 1);
}

static void what_is_no_such_answer_is_malformed(void **state)
{
    static const char *const ROWS[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"batchcomplete\":true}",
        "<html><head><title>502 Bad Gateway</title></head></html>",
        "No wiki for host x",
        "{\"query\":{\"pages\":[]}}<html>",
        "{\"query\":{\"pages\":[",
        "{\"query\":[]}",
        "{\"query\":{\"pages\":{\"3\":{\"pageid\":3}}}}",
        "{\"query\":{\"pages\":[{\"revisions\":[[]]}]}}",
        "{\"query\":{\"pages\":[{\"revisions\":[null]}]}}",
        "{\"query\":{\"pages\":[{\"revisions\":[{}]}]}}",
        "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":\"4\"}]}]}}",
        "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":4.5}]}]}}",
        "{\"query\":{\"badrevids\":{\"4\":null}}}",
        "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":1,\"slots\":{\"main\":{\"content\":"
        "\"\\ud800\"}}}]}]}}",
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (decode(ROWS[i]) != ERR_MALFORMED)
            fail_msg("row %zu was not refused: %s", i, ROWS[i]);
    }
    /* pages that are no objects hold no revisions */
    assert_int_equal(decode("{\"query\":{\"pages\":[1,null,[],{}],\"badrevids\":[]}}"), 0);
    assert_int_equal(answer.revision_count, 0);
}

static void limits_of_an_answer_are_kept(void **state)
{
    const size_t size = 1 << 16;
    char *body = malloc(size);
    int len = snprintf(body, size, "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":0}");

    for (int i = 1; i < MWAPI_REVISIONS_MAX; i++)
        len += snprintf(body + len, size - (size_t)len, ",{\"revid\":%d}", i);
    const int kept = len;
    (void)snprintf(body + len, size - (size_t)len, "]}]}}");
    assert_int_equal(decode(body), 0);
    assert_int_equal(answer.revision_count, MWAPI_REVISIONS_MAX);
    (void)snprintf(body + kept, size - (size_t)kept, ",{\"revid\":9999}]}]}}");
    assert_int_equal(decode(body), ERR_TOO_LARGE);

    len = snprintf(body, size,
                   "{\"query\":{\"pages\":[{\"revisions\":[{\"revid\":1,\"slots\":{\"a\":0");
    for (int i = 0; i < MWAPI_SLOTS_MAX; i++)
        len += snprintf(body + len, size - (size_t)len, ",\"%d\":0", i);
    (void)snprintf(body + len, size - (size_t)len, "}}]}]}}");
    assert_int_equal(decode(body), ERR_TOO_LARGE);

    memset(body, '[', 1000);
    memcpy(body, "{\"q\":", 5);
    body[1000] = '\0';
    assert_int_equal(decode(body), ERR_UNSUPPORTED);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_matched_by_id_whatever_its_order),
        cmocka_unit_test(a_revision_of_a_deleted_page_may_be_mentioned_nowhere),
        cmocka_unit_test(what_is_hidden_is_dropped_even_if_the_account_may_see_it),
        cmocka_unit_test(an_answer_cut_short_says_nothing_about_what_it_lacks),
        cmocka_unit_test(content_that_does_not_have_its_sha1_is_told),
        cmocka_unit_test(slots_without_text_have_no_content),
        cmocka_unit_test(errors_have_a_class),
        cmocka_unit_test(what_is_no_such_answer_is_malformed),
        cmocka_unit_test(limits_of_an_answer_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
