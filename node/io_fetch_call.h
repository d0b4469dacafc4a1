/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_fetch_call.h - one call of a fetcher over HTTP: request, bounded response, its meaning.
 *
 * Promise: a response never takes more than its limit (after decompression); its bytes live until
 *          the last share in them is given back, also beyond the fetcher.
 * Pure:    no: shell, private to io_fetch.c.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_FETCH_CALL_H
#define BRAID_NODE_IO_FETCH_CALL_H

#include <curl/curl.h>

#include "node/fetch_http.h"
#include "node/io_fetch.h"

/* Bytes held by all responses of a fetcher; outlives it while holds are out. */
struct io_fetch_account {
    uint64_t bytes_held;
    uint32_t owners;
};

/* A response's bytes and what they say. */
struct io_fetch_hold {
    struct io_fetch_account *account; /* shared */
    uint8_t *bytes;                   /* owned */
    size_t len;
    size_t size; /* of the allocation */
    struct arena keep;
    struct mwapi_answer answer; /* borrows from bytes and keep */
    uint32_t shares;
};

/* What all calls of a fetcher have in common. Owned by io_fetch.c. */
struct io_fetch_setup {
    char *api_url;
    char *rest_url;                           /* of the same wiki, up to /v1/; NULL: not known */
    char *index_url;                          /* likewise, its index.php */
    const struct io_fetch_services *services; /* borrowed; NULL: none */
    char *user_agent;
    char *ca_file; /* NULL: the system's */
    uint32_t maxlag_s;
    uint32_t connect_timeout_ms;
    struct io_fetch_account *account;
};

/* Copies what it needs. ERR_CONFIG, ERR_NO_MEMORY: deinit is due in both cases. */
int io_fetch_setup_init(struct io_fetch_setup *setup, const struct io_fetch_config *config);
void io_fetch_setup_deinit(struct io_fetch_setup *setup);

struct io_fetch_call {
    CURL *easy;                 /* owned; kept from call to call; its private data is this */
    struct curl_slist *headers; /* owned; of the call under way */
    struct io_fetch_hold *hold; /* owned: one share while the call is under way */
    bool is_busy;
    bool is_stillborn; /* could not be started */
    bool is_too_large;
    uint32_t count;
    int64_t started_ms;
    char api_error[MWAPI_CODE_MAX]; /* of the header MediaWiki-API-Error */
    char url[FETCH_QUERY_MAX + 1024];
    char *form; /* owned; the body of a POST under way */
};

enum {
    IO_FETCH_URL_MAX = 1023
}; /* bytes of api_url */

/* Prepares the easy handle for these revisions, or for the one question that is asked alone; the
 * caller adds it to its multi handle. ERR_NO_MEMORY: nothing to undo. request_id may be absent. */
int io_fetch_call_start(struct io_fetch_call *call, const struct io_fetch_setup *setup,
                        const struct fetch_action *action, const struct io_fetch_request *request);

/* What has come: reads status, headers and body. `scratch` is reset. */
void io_fetch_call_read(struct io_fetch_call *call, CURLcode code, struct arena *scratch,
                        enum question_kind kind, struct fetch_reply *out);

/* Lets go of the call's share in the response and of its headers; the handle stays. */
void io_fetch_call_end(struct io_fetch_call *call);

/* Also gives back the handle. */
void io_fetch_call_free(struct io_fetch_call *call);

#endif
