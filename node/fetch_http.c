/* SPDX-License-Identifier: Apache-2.0 */
#include "node/fetch_http.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/err.h"

/* rvprop has what is needed to judge and to place content; user and comment are asked for because
 * only then the answer says that they are hidden. */
#define QUERY_HEAD                                                                                 \
    "?action=query&format=json&formatversion=2&prop=revisions&rvslots=*"                           \
    "&rvprop=ids%7Cflags%7Ctimestamp%7Csize%7Csha1%7Cslotsha1%7Cslotsize%7Ccontentmodel"           \
    "%7Ccontent%7Croles%7Cuser%7Ccomment&maxlag="

enum {
    REV_ID_LEN_MAX = 20
};

static_assert(sizeof QUERY_HEAD + 32 + FETCH_BATCH_MAX * (REV_ID_LEN_MAX + 3) <= FETCH_QUERY_MAX,
              "a full batch fits into its query");

void fetch_query_text(const int64_t *rev_ids, uint32_t count, uint32_t maxlag_s,
                      char out[FETCH_QUERY_MAX])
{
    int len = snprintf(out, FETCH_QUERY_MAX, "%s%u&revids=", QUERY_HEAD, maxlag_s);

    assert(count >= 1);
    assert(count <= FETCH_BATCH_MAX);
    for (uint32_t i = 0; i < count; i++)
        len += snprintf(out + len, (size_t)(FETCH_QUERY_MAX - len), "%s%lld", i == 0 ? "" : "%7C",
                        (long long)rev_ids[i]);
    assert(len < FETCH_QUERY_MAX);
}

static struct fetch_result transient(enum reason reason)
{
    return (struct fetch_result){.result = FETCH_CALL_TRANSIENT, .reason = reason};
}

static struct fetch_result result_of(enum fetch_call_result result, enum reason reason)
{
    return (struct fetch_result){.result = result, .reason = reason};
}

/* A well-formed answer of the API, which may be an error: those come with status 200 too. */
static struct fetch_result class_of_answer(const struct mwapi_answer *answer)
{
    struct fetch_result limited = result_of(FETCH_CALL_LIMITED, REASON_UNAVAILABLE);

    switch (answer->error_class) {
    case MWAPI_ERROR_NONE:
        return result_of(FETCH_CALL_OK, REASON_NONE);
    case MWAPI_ERROR_LIMITED:
        /* a database lags for the wikis on it; other limits are on us */
        limited.is_global = strcmp(answer->error_code, "maxlag") != 0;
        return limited;
    case MWAPI_ERROR_TRANSIENT:
        return transient(REASON_UNAVAILABLE);
    case MWAPI_ERROR_SPLIT:
        return result_of(FETCH_CALL_SPLIT, REASON_UNAVAILABLE);
    case MWAPI_ERROR_PERMANENT:
        return result_of(FETCH_CALL_PERMANENT, REASON_REFUSED);
    }
    return transient(REASON_BAD_ANSWER);
}

static struct fetch_result class_of_status(const struct fetch_reply *reply)
{
    const uint32_t status = reply->http_status;

    if (status == 429) {
        struct fetch_result limited = result_of(FETCH_CALL_LIMITED, REASON_UNAVAILABLE);
        limited.is_global = true;
        return limited;
    }
    if (status >= 500 || status == 408 || status == 425)
        return transient(REASON_UNAVAILABLE);
    if (status == 414 || status == 413)
        return result_of(FETCH_CALL_SPLIT, REASON_REFUSED);
    if (status != 200)
        return result_of(FETCH_CALL_PERMANENT, REASON_REFUSED);
    if (!reply->is_json || reply->decode_rc == ERR_MALFORMED || reply->decode_rc == ERR_UNSUPPORTED)
        return transient(REASON_BAD_ANSWER);
    if (reply->decode_rc != 0)
        return result_of(FETCH_CALL_TOO_LARGE, REASON_TOO_LARGE);
    return class_of_answer(reply->answer);
}

struct fetch_result fetch_reply_class(const struct fetch_reply *reply)
{
    struct fetch_result result = transient(REASON_BAD_ANSWER);

    switch (reply->transport) {
    case FETCH_TRANSPORT_OK:
        result = class_of_status(reply);
        break;
    case FETCH_TRANSPORT_TIMEOUT:
        result = transient(REASON_TIMEOUT);
        break;
    case FETCH_TRANSPORT_BROKEN:
        result = transient(REASON_UNAVAILABLE);
        break;
    case FETCH_TRANSPORT_GARBLED:
        break;
    case FETCH_TRANSPORT_TOO_LARGE:
        result = result_of(FETCH_CALL_TOO_LARGE, REASON_TOO_LARGE);
        break;
    }
    if (reply->transport == FETCH_TRANSPORT_OK && reply->retry_after_s > 0)
        result.retry_after_ms =
            reply->retry_after_s < UINT32_MAX / 1000 ? reply->retry_after_s * 1000 : UINT32_MAX;
    return result;
}

/* ---- questions that are asked alone ------------------------------------------------------------ */

/* What an error says about the revision, rather than about us or the API. */
static const struct {
    const char *code;
    struct fetch_verdict verdict;
} SAYINGS[] = {
    {"nosuchrevid", {ENRICH_VERDICT_MISSING, REASON_MISSING}},
    {"missingtitle", {ENRICH_VERDICT_MISSING, REASON_MISSING}},
    {"nosuchpageid", {ENRICH_VERDICT_MISSING, REASON_MISSING}},
    {"permissiondenied", {ENRICH_VERDICT_HIDDEN, REASON_TEXT_HIDDEN}},
    {"missingcontent", {ENRICH_VERDICT_HIDDEN, REASON_TEXT_HIDDEN}},
};

static bool is_saying(const struct mwapi_answer *answer, struct fetch_verdict *verdict)
{
    for (size_t i = 0; i < sizeof SAYINGS / sizeof SAYINGS[0]; i++) {
        if (strcmp(answer->error_code, SAYINGS[i].code) == 0) {
            *verdict = SAYINGS[i].verdict;
            return true;
        }
    }
    return false;
}

static bool has(struct slice body, const char *word)
{
    return memmem(body.ptr, body.len, word, strlen(word)) != NULL;
}

/* REST has statuses: 404 no such revision, 403 hidden, unless an error is named, which is about us;
 * and a 500 with this exception where the HTML of a hidden revision was asked for (seen in 1.39). */
static bool is_rest_saying(const struct fetch_reply *reply, struct fetch_verdict *verdict)
{
    const bool is_named =
        reply->decode_rc == 0 && reply->answer != NULL && reply->answer->error_code[0] != '\0';

    if (!reply->is_json || is_named)
        return false;
    *verdict = (struct fetch_verdict){ENRICH_VERDICT_HIDDEN, REASON_TEXT_HIDDEN};
    if (reply->http_status == 403)
        return true;
    if (reply->http_status == 500 && reply->body.len > 0 &&
        has(reply->body, "RevisionAccessException"))
        return true;
    *verdict = (struct fetch_verdict){ENRICH_VERDICT_MISSING, REASON_MISSING};
    return reply->http_status == 404;
}

/* Other servers: statuses say all. 404 and 410 are answers; so is what LiftWing says of a revision that
 * its wiki does not know, which may only be too new. */
static struct fetch_result class_of_other(const struct fetch_reply *reply, enum question_kind kind,
                                          struct fetch_verdict *verdict)
{
    const uint32_t status = reply->http_status;
    const bool is_gone = status == 404 || status == 410;

    if (kind == QUESTION_SCORE && status == 400 && reply->body.len > 0 &&
        has(reply->body, "does not have any info related to the rev-id")) {
        *verdict = (struct fetch_verdict){ENRICH_VERDICT_MISSING, REASON_MISSING};
        return result_of(FETCH_CALL_OK, REASON_NONE);
    }
    if (kind == QUESTION_HTTP && is_gone) {
        *verdict = (struct fetch_verdict){ENRICH_VERDICT_HIDDEN, REASON_MISSING};
        return result_of(FETCH_CALL_OK, REASON_NONE);
    }
    if (status < 200 || status > 299)
        return class_of_status(reply);
    if (!reply->is_json || reply->decode_rc == ERR_MALFORMED || reply->decode_rc == ERR_UNSUPPORTED)
        return transient(REASON_BAD_ANSWER);
    return reply->decode_rc != 0 ? result_of(FETCH_CALL_TOO_LARGE, REASON_TOO_LARGE)
                                 : result_of(FETCH_CALL_OK, REASON_NONE);
}

/* Wikibase's page of data: JSON or N-Triples if there is such an entity and revision. An earlier
 * revision that is not there is not waited for. */
static struct fetch_result class_of_index(const struct fetch_reply *reply,
                                          const struct question_type *type,
                                          struct fetch_verdict *verdict)
{
    if (reply->http_status == 404) {
        *verdict = (struct fetch_verdict){
            type->is_optional ? ENRICH_VERDICT_HIDDEN : ENRICH_VERDICT_MISSING, REASON_MISSING};
        return result_of(FETCH_CALL_OK, REASON_NONE);
    }
    if (type->api == QUESTION_RDF_PAGE && reply->http_status == 200)
        return reply->is_rdf ? result_of(FETCH_CALL_OK, REASON_NONE) : transient(REASON_BAD_ANSWER);
    return class_of_status(reply);
}

static struct fetch_result class_of_rest(const struct fetch_reply *reply,
                                         const struct question_type *type)
{
    const bool is_right = type->api == QUESTION_PAGE ? reply->is_html : reply->is_json;

    if (reply->http_status != 200)
        return class_of_status(reply);
    if (!is_right)
        return transient(REASON_BAD_ANSWER);
    return type->api == QUESTION_PAGE ? result_of(FETCH_CALL_OK, REASON_NONE)
                                      : class_of_status(reply);
}

/* A good answer that is too large for the API comes without what was asked for. */
static struct fetch_result check_root(const struct fetch_reply *reply,
                                      const struct question_type *type, struct fetch_result result)
{
    if (result.result != FETCH_CALL_OK || type->root == NULL || reply->answer->has_root)
        return result;
    if (reply->answer->is_truncated)
        return result_of(FETCH_CALL_TOO_LARGE, REASON_TOO_LARGE);
    return transient(REASON_BAD_ANSWER);
}

/* Of the two kinds of server whose statuses say all. */
static struct fetch_result class_by_status(const struct fetch_reply *reply, enum question_kind kind,
                                           struct fetch_verdict *verdict)
{
    const struct question_type *type = question_type(kind);
    const struct fetch_result result = type->api == QUESTION_OTHER
                                           ? class_of_other(reply, kind, verdict)
                                           : class_of_index(reply, type, verdict);

    return verdict->verdict != ENRICH_VERDICT_OK || type->root == NULL
               ? result
               : check_root(reply, type, result);
}

struct fetch_result fetch_alone_class(const struct fetch_reply *reply, enum question_kind kind,
                                      struct fetch_verdict *verdict)
{
    const struct question_type *type = question_type(kind);
    struct fetch_result result = fetch_reply_class(reply);
    const bool is_read = reply->transport == FETCH_TRANSPORT_OK;

    *verdict = (struct fetch_verdict){ENRICH_VERDICT_OK, REASON_NONE};
    if (is_read && (type->api == QUESTION_OTHER || type->api == QUESTION_INDEX ||
                    type->api == QUESTION_RDF_PAGE)) {
        const uint32_t wait_ms = result.retry_after_ms;
        result = class_by_status(reply, kind, verdict);
        result.retry_after_ms = wait_ms;
        result.is_global = false; /* its limits are not the wikis' */
        return result;
    }
    if (is_read && type->api != QUESTION_ACTION) {
        const uint32_t retry_after_ms = result.retry_after_ms;
        result = class_of_rest(reply, type);
        result.retry_after_ms = retry_after_ms;
    }
    const bool is_said =
        is_read && (type->api == QUESTION_ACTION
                        ? reply->http_status == 200 && reply->is_json && reply->decode_rc == 0 &&
                              is_saying(reply->answer, verdict)
                        : is_rest_saying(reply, verdict));
    if (!is_said) {
        *verdict = (struct fetch_verdict){ENRICH_VERDICT_OK, REASON_NONE};
        return check_root(reply, type, result);
    }
    /* A parent is older than its child: asking again would not find it. */
    if (verdict->verdict == ENRICH_VERDICT_MISSING && type->is_optional)
        verdict->verdict = ENRICH_VERDICT_HIDDEN;
    return result_of(FETCH_CALL_OK, REASON_NONE);
}
