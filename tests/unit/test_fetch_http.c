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
        {{OK_JSON, 0, 0, &OK}, {FETCH_CALL_OK, REASON_NONE, 0, false}},
        {{OK_JSON, 5, 0, &MAXLAG}, {FETCH_CALL_LIMITED, REASON_UNAVAILABLE, 5000, false}},
        {{OK_JSON, 0, 0, &LIMITED}, {FETCH_CALL_LIMITED, REASON_UNAVAILABLE, 0, true}},
        {{OK_JSON, 0, 0, &READONLY}, {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0, false}},
        {{OK_JSON, 0, 0, &MANY}, {FETCH_CALL_SPLIT, REASON_UNAVAILABLE, 0, false}},
        {{OK_JSON, 0, 0, &DENIED}, {FETCH_CALL_PERMANENT, REASON_REFUSED, 0, false}},
        {{OK_JSON, 0, ERR_MALFORMED, NULL}, {FETCH_CALL_TRANSIENT, REASON_BAD_ANSWER, 0, false}},
        {{OK_JSON, 0, ERR_UNSUPPORTED, NULL}, {FETCH_CALL_TRANSIENT, REASON_BAD_ANSWER, 0, false}},
        {{OK_JSON, 0, ERR_TOO_LARGE, NULL}, {FETCH_CALL_TOO_LARGE, REASON_TOO_LARGE, 0, false}},
        {{OK_JSON, 0, ERR_NO_MEMORY, NULL}, {FETCH_CALL_TOO_LARGE, REASON_TOO_LARGE, 0, false}},
        {{FETCH_TRANSPORT_OK, 200, false, 0, 0, NULL},
         {FETCH_CALL_TRANSIENT, REASON_BAD_ANSWER, 0, false}},
        {{FETCH_TRANSPORT_OK, 500, true, 0, 0, NULL},
         {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0, false}},
        {{FETCH_TRANSPORT_OK, 502, false, 0, 0, NULL},
         {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0, false}},
        {{FETCH_TRANSPORT_OK, 503, false, 30, 0, NULL},
         {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 30000, false}},
        {{FETCH_TRANSPORT_OK, 429, false, UINT32_MAX, 0, NULL},
         {FETCH_CALL_LIMITED, REASON_UNAVAILABLE, UINT32_MAX, true}},
        {{FETCH_TRANSPORT_OK, 408, false, 0, 0, NULL},
         {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0, false}},
        {{FETCH_TRANSPORT_OK, 414, false, 0, 0, NULL},
         {FETCH_CALL_SPLIT, REASON_REFUSED, 0, false}},
        {{FETCH_TRANSPORT_OK, 404, false, 0, 0, NULL},
         {FETCH_CALL_PERMANENT, REASON_REFUSED, 0, false}},
        {{FETCH_TRANSPORT_OK, 403, true, 0, 0, NULL},
         {FETCH_CALL_PERMANENT, REASON_REFUSED, 0, false}},
        {{FETCH_TRANSPORT_OK, 301, false, 0, 0, NULL},
         {FETCH_CALL_PERMANENT, REASON_REFUSED, 0, false}},
        {{FETCH_TRANSPORT_OK, 204, false, 0, 0, NULL},
         {FETCH_CALL_PERMANENT, REASON_REFUSED, 0, false}},
        {{FETCH_TRANSPORT_TIMEOUT, 200, true, 9, 0, NULL},
         {FETCH_CALL_TRANSIENT, REASON_TIMEOUT, 0, false}},
        {{FETCH_TRANSPORT_BROKEN, 0, false, 0, 0, NULL},
         {FETCH_CALL_TRANSIENT, REASON_UNAVAILABLE, 0, false}},
        {{FETCH_TRANSPORT_GARBLED, 0, false, 0, 0, NULL},
         {FETCH_CALL_TRANSIENT, REASON_BAD_ANSWER, 0, false}},
        {{FETCH_TRANSPORT_TOO_LARGE, 200, true, 0, 0, NULL},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_query_names_the_revisions_and_all_that_is_judged),
        cmocka_unit_test(the_longest_query_fits),
        cmocka_unit_test(every_reply_has_a_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
