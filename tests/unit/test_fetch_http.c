/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: each reply that a wiki, a proxy or a broken network can give is classed, and the query
 *       asks for what it must.
 * Method: a table of replies, each with what is to follow; the query's text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/fetch_http.h"
#include "proto/err.h"
#include "tests/unit/recorded.h"

static void the_query_names_the_revisions_and_all_that_is_judged(void **state)
{
    char text[FETCH_QUERY_MAX];
    const int64_t ids[] = {7, 9007199254740993, INT64_MAX};

    fetch_query_text(ids, 3, 5, text);
    assert_string_equal(
        text, "?action=query&format=json&formatversion=2&prop=revisions&rvslots=*"
              "&rvprop=ids%7Cflags%7Ctimestamp%7Csize%7Csha1%7Cslotsha1%7Cslotsize%7Ccontentmodel"
              "%7Ccontent%7Croles%7Cuser%7Ccomment&maxlag=5&revids=7%7C9007199254740993%"
              "7C9223372036854775807");
}

static void the_longest_query_fits(void **state)
{
    char text[FETCH_QUERY_MAX];
    int64_t ids[FETCH_BATCH_MAX];

    for (size_t i = 0; i < FETCH_BATCH_MAX; i++)
        ids[i] = INT64_MAX;
    fetch_query_text(ids, FETCH_BATCH_MAX, UINT32_MAX, text);
    assert_true(strlen(text) < FETCH_QUERY_MAX);
}

static void every_reply_has_a_class(void **state)
{
    static const struct mwapi_answer OK = {0};
    static const struct mwapi_answer MAXLAG = {.error_class = MWAPI_ERROR_LIMITED,
                                               .error_code = "maxlag"};
    static const struct mwapi_answer LIMITED = {.error_class = MWAPI_ERROR_LIMITED,
                                                .error_code = "ratelimited"};
    static const struct mwapi_answer READONLY = {.error_class = MWAPI_ERROR_TRANSIENT};
    static const struct mwapi_answer MANY = {.error_class = MWAPI_ERROR_SPLIT};
    static const struct mwapi_answer DENIED = {.error_class = MWAPI_ERROR_PERMANENT};
    static const struct {
        struct fetch_reply reply;
        struct fetch_result result;
    } ROWS[] = {
#define OK_JSON FETCH_TRANSPORT_OK, 200, true
#define NO_BODY false, {0}, false
        {{OK_JSON, 0, 0, &OK, NO_BODY}, {FETCH_CALL_OK, REASON_NONE, 0, false}},
        {{OK_JSON, 5, 0, &MAXLAG, NO_BODY}, {FETCH_CALL_LIMITED, REASON_UNAVAILABLE, 5000, false}},
        {{OK_JSON, 0, 0, &LIMITED, NO_BODY}, {FETCH_CALL_LIMITED, REASON_UNAVAILABLE, 0, true}},
        {{OK_JSON, 0, 0, &READONLY, NO_BODY}, {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0, false}},
        {{OK_JSON, 0, 0, &MANY, NO_BODY}, {FETCH_CALL_SPLIT, REASON_UNAVAILABLE, 0, false}},
        {{OK_JSON, 0, 0, &DENIED, NO_BODY}, {FETCH_CALL_PERMANENT, REASON_REFUSED, 0, false}},
        {{OK_JSON, 0, ERR_MALFORMED, NULL, NO_BODY},
         {FETCH_CALL_TRANSIENT, REASON_BAD_ANSWER, 0, false}},
        {{OK_JSON, 0, ERR_UNSUPPORTED, NULL, NO_BODY},
         {FETCH_CALL_TRANSIENT, REASON_BAD_ANSWER, 0, false}},
        {{OK_JSON, 0, ERR_TOO_LARGE, NULL, NO_BODY},
         {FETCH_CALL_TOO_LARGE, REASON_TOO_LARGE, 0, false}},
        {{OK_JSON, 0, ERR_NO_MEMORY, NULL, NO_BODY},
         {FETCH_CALL_TOO_LARGE, REASON_TOO_LARGE, 0, false}},
        {{FETCH_TRANSPORT_OK, 200, false, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_TRANSIENT, REASON_BAD_ANSWER, 0, false}},
        {{FETCH_TRANSPORT_OK, 500, true, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0, false}},
        {{FETCH_TRANSPORT_OK, 502, false, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0, false}},
        {{FETCH_TRANSPORT_OK, 503, false, 30, 0, NULL, NO_BODY},
         {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 30000, false}},
        {{FETCH_TRANSPORT_OK, 429, false, UINT32_MAX, 0, NULL, NO_BODY},
         {FETCH_CALL_LIMITED, REASON_UNAVAILABLE, UINT32_MAX, true}},
        {{FETCH_TRANSPORT_OK, 408, false, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0, false}},
        {{FETCH_TRANSPORT_OK, 414, false, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_SPLIT, REASON_REFUSED, 0, false}},
        {{FETCH_TRANSPORT_OK, 404, false, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_PERMANENT, REASON_REFUSED, 0, false}},
        {{FETCH_TRANSPORT_OK, 403, true, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_PERMANENT, REASON_REFUSED, 0, false}},
        {{FETCH_TRANSPORT_OK, 301, false, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_PERMANENT, REASON_REFUSED, 0, false}},
        {{FETCH_TRANSPORT_OK, 204, false, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_PERMANENT, REASON_REFUSED, 0, false}},
        {{FETCH_TRANSPORT_TIMEOUT, 200, true, 9, 0, NULL, NO_BODY},
         {FETCH_CALL_TRANSIENT, REASON_TIMEOUT, 0, false}},
        {{FETCH_TRANSPORT_BROKEN, 0, false, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0, false}},
        {{FETCH_TRANSPORT_GARBLED, 0, false, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_TRANSIENT, REASON_BAD_ANSWER, 0, false}},
        {{FETCH_TRANSPORT_TOO_LARGE, 200, true, 0, 0, NULL, NO_BODY},
         {FETCH_CALL_TOO_LARGE, REASON_TOO_LARGE, 0, false}},
    };

    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct fetch_result result = fetch_reply_class(&ROWS[i].reply);
        if (result.result != ROWS[i].result.result || result.reason != ROWS[i].result.reason ||
            result.retry_after_ms != ROWS[i].result.retry_after_ms ||
            result.is_global != ROWS[i].result.is_global)
            fail_msg("row %zu: %d %s %u %d", i, (int)result.result, reason_word(result.reason),
                     result.retry_after_ms, result.is_global);
    }
}

/* Answers of a real MediaWiki 1.39.17 (tests/unit/answers), with their statuses and types. */
struct real_reply {
    enum question_kind kind;
    const char *file;
    uint32_t status;
    bool is_html;
    enum fetch_call_result result;
    enum enrich_verdict verdict;
    enum reason reason; /* of the verdict, or of the call */
};

static void check_real(struct arena *a, const struct real_reply *row)
{
    struct mwapi_answer answer = {0};
    struct fetch_verdict verdict = {0};
    struct fetch_reply reply = {.http_status = row->status,
                                .is_html = row->is_html,
                                .is_json = !row->is_html,
                                .body = recorded(a, row->file),
                                .answer = &answer};

    if (reply.is_json)
        reply.decode_rc =
            mwapi_decode_other(a, reply.body, question_type(row->kind)->root, &answer);
    const struct fetch_result result = fetch_alone_class(&reply, row->kind, &verdict);
    const enum reason reason = result.result == FETCH_CALL_OK ? verdict.reason : result.reason;
    if (result.result != row->result || verdict.verdict != row->verdict || reason != row->reason)
        fail_msg("%s of %s: %d %d %s", row->file, question_type(row->kind)->name,
                 (int)result.result, (int)verdict.verdict, reason_word(reason));
}

static void a_real_reply_to_a_question_has_its_meaning(void **state)
{
    static const struct real_reply ROWS[] = {
        {QUESTION_PARSE, "parse_one2.json", 200, false, FETCH_CALL_OK, ENRICH_VERDICT_OK,
         REASON_NONE},
        {QUESTION_PARSE, "parse_missing.json", 200, false, FETCH_CALL_OK, ENRICH_VERDICT_MISSING,
         REASON_MISSING},
        {QUESTION_PARSE_PARENT, "parse_missing.json", 200, false, FETCH_CALL_OK,
         ENRICH_VERDICT_HIDDEN, REASON_MISSING},
        {QUESTION_PARSE, "parse_hid1.json", 200, false, FETCH_CALL_OK, ENRICH_VERDICT_HIDDEN,
         REASON_TEXT_HIDDEN},
        {QUESTION_PARSE, "maxlag.json", 200, false, FETCH_CALL_LIMITED, ENRICH_VERDICT_OK,
         REASON_UNAVAILABLE},
        {QUESTION_PARSE, "exception.json", 200, false, FETCH_CALL_SPLIT, ENRICH_VERDICT_OK,
         REASON_UNAVAILABLE},
        {QUESTION_PARSE, "dbdown.html", 500, true, FETCH_CALL_TRANSIENT, ENRICH_VERDICT_OK,
         REASON_UNAVAILABLE},
        {QUESTION_PARSE, "user_bot.json", 200, false, FETCH_CALL_TRANSIENT, ENRICH_VERDICT_OK,
         REASON_BAD_ANSWER},
        {QUESTION_USER, "user_bot.json", 200, false, FETCH_CALL_OK, ENRICH_VERDICT_OK, REASON_NONE},
        {QUESTION_DIFF, "restcmp_one2.json", 200, false, FETCH_CALL_OK, ENRICH_VERDICT_OK,
         REASON_NONE},
        {QUESTION_DIFF, "restcmp_hid2.json", 403, false, FETCH_CALL_OK, ENRICH_VERDICT_HIDDEN,
         REASON_TEXT_HIDDEN},
        {QUESTION_DIFF, "restcmp_missing.json", 404, false, FETCH_CALL_OK, ENRICH_VERDICT_HIDDEN,
         REASON_MISSING},
        {QUESTION_DIFF, "restcmp_otherpage.json", 400, false, FETCH_CALL_PERMANENT,
         ENRICH_VERDICT_OK, REASON_REFUSED},
        {QUESTION_DIFF, "restprivate.json", 403, false, FETCH_CALL_PERMANENT, ENRICH_VERDICT_OK,
         REASON_REFUSED},
        {QUESTION_DIFF, "html_one2.html", 200, true, FETCH_CALL_TRANSIENT, ENRICH_VERDICT_OK,
         REASON_BAD_ANSWER},
        {QUESTION_HTML, "html_one2.html", 200, true, FETCH_CALL_OK, ENRICH_VERDICT_OK, REASON_NONE},
        {QUESTION_HTML, "html_hid1.json", 500, false, FETCH_CALL_OK, ENRICH_VERDICT_HIDDEN,
         REASON_TEXT_HIDDEN},
        {QUESTION_HTML, "html_missing.json", 404, false, FETCH_CALL_OK, ENRICH_VERDICT_MISSING,
         REASON_MISSING},
        {QUESTION_HTML, "restdbdown.json", 500, false, FETCH_CALL_TRANSIENT, ENRICH_VERDICT_OK,
         REASON_UNAVAILABLE},
        {QUESTION_HTML, "parse_one2.json", 200, false, FETCH_CALL_TRANSIENT, ENRICH_VERDICT_OK,
         REASON_BAD_ANSWER},
    };
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 16, 1 << 24);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        check_real(&a, &ROWS[i]);
    arena_deinit(&a);
}

static void triples_are_an_answer_and_a_gone_earlier_revision_is_one_too(void **state)
{
    struct fetch_reply reply = {.http_status = 200, .is_rdf = true};
    struct fetch_verdict verdict;

    (void)state;
    assert_int_equal(fetch_alone_class(&reply, QUESTION_RDF, &verdict).result, FETCH_CALL_OK);
    assert_int_equal(verdict.verdict, ENRICH_VERDICT_OK);
    reply = (struct fetch_reply){.http_status = 200, .is_html = true};
    assert_int_equal(fetch_alone_class(&reply, QUESTION_RDF, &verdict).reason, REASON_BAD_ANSWER);
    reply.http_status = 404;
    assert_int_equal(fetch_alone_class(&reply, QUESTION_RDF, &verdict).result, FETCH_CALL_OK);
    assert_int_equal(verdict.verdict, ENRICH_VERDICT_MISSING); /* asked again while it is young */
    assert_int_equal(fetch_alone_class(&reply, QUESTION_RDF_BEFORE, &verdict).result,
                     FETCH_CALL_OK);
    assert_int_equal(verdict.verdict, ENRICH_VERDICT_HIDDEN);
    assert_int_equal(verdict.reason, REASON_MISSING);
    reply.http_status = 303;
    assert_int_equal(fetch_alone_class(&reply, QUESTION_RDF, &verdict).reason, REASON_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(triples_are_an_answer_and_a_gone_earlier_revision_is_one_too),
        cmocka_unit_test(the_query_names_the_revisions_and_all_that_is_judged),
        cmocka_unit_test(the_longest_query_fits),
        cmocka_unit_test(every_reply_has_a_class),
        cmocka_unit_test(a_real_reply_to_a_question_has_its_meaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
