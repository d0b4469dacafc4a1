/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_http.h - a call to the action API in terms of HTTP: its query, and what a reply means for
 *                the call as a whole.
 *
 * Promise: every reply, of whatever status, type and body, has one class (the table is in
 *          docs/enrichment.md).
 * Pure:    yes.
 * Not here: sockets (io_fetch_call.h); what a good reply says of each revision (proto/mwapi.h).
 */
#ifndef BRAID_NODE_FETCH_HTTP_H
#define BRAID_NODE_FETCH_HTTP_H

#include "node/fetch.h"

enum {
    FETCH_QUERY_MAX = 2048
}; /* bytes of a query, NUL included */

/* Writes "?action=query&..." for these revisions, NUL-terminated. count is 1..FETCH_BATCH_MAX. */
void fetch_query_text(const int64_t *rev_ids, uint32_t count, uint32_t maxlag_s,
                      char out[FETCH_QUERY_MAX]);

enum fetch_transport {
    FETCH_TRANSPORT_OK,
    FETCH_TRANSPORT_TIMEOUT,   /* no whole reply in time */
    FETCH_TRANSPORT_BROKEN,    /* no connection, or it broke */
    FETCH_TRANSPORT_GARBLED,   /* not HTTP, or an encoding that does not decode */
    FETCH_TRANSPORT_TOO_LARGE, /* more bytes than the limit */
};

struct fetch_reply {
    enum fetch_transport transport;
    uint32_t http_status;
    bool is_json; /* Content-Type says so */
    uint32_t retry_after_s;
    int decode_rc; /* of the decoder, for JSON (of QUESTION_REVISION: with 200) */
    const struct mwapi_answer *answer; /* if decode_rc is 0 */
    bool is_html;
    struct slice body;
    bool is_rdf; /* N-Triples */
};

/* How the call ended: goes into FETCH_EV_ANSWER. */
struct fetch_result {
    enum fetch_call_result result;
    enum reason reason;
    uint32_t retry_after_ms;
    bool is_global;
};

/* Of a call for revisions (QUESTION_REVISION). */
struct fetch_result fetch_reply_class(const struct fetch_reply *reply);

/* Of a question that is asked alone, decoded by mwapi_decode_other: beside its class, with
 * FETCH_CALL_OK, what it says. */
struct fetch_result fetch_alone_class(const struct fetch_reply *reply, enum question_kind kind,
                                      struct fetch_verdict *verdict);

#endif
