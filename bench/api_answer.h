/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_answer.h - requests and answers of the made-up wiki farm's action API: what MediaWiki says to
 *                action=query&prop=revisions&revids=... with formatversion=2.
 *
 * Promise: one page for each revision asked for, with content and sha1 of texts.h; an error is
 *          status 200 with MediaWiki-API-Error, as MediaWiki has it.
 * Pure:    yes.
 * Not here: sockets, time (io_api.h).
 */
#ifndef BRAID_BENCH_API_ANSWER_H
#define BRAID_BENCH_API_ANSWER_H

#include "bench/texts.h"

enum {
    API_REVISIONS_MAX = 50,
    API_REQUEST_MAX = 16384, /* bytes of a request's head */
    API_HEAD_MAX = 512,
    API_PAGE_MAX = 1024, /* bytes around one content */
};

struct api_request {
    size_t len; /* bytes of the request, to be consumed */
    bool is_query;
    uint32_t count;
    int64_t rev_ids[API_REVISIONS_MAX];
};

/* One request from the start of `in`. 0; ERR_BUSY: not whole yet; ERR_MALFORMED: hang up. */
int api_request_parse(struct slice in, struct api_request *out);

/* The whole reply; ERR_NO_MEMORY if `size` bytes are too few. */
int api_answer_write(const struct api_request *r, const struct texts *texts, uint8_t *out,
                     size_t size, size_t *out_len);

/* How many bytes the reply may have. */
size_t api_answer_bytes(const struct api_request *r, const struct texts *texts);

/* A reply that is an error. */
enum api_failure {
    API_FAILURE_MAXLAG, /* 200, code maxlag, Retry-After: 1 */
    API_FAILURE_500,    /* an HTML page */
    API_FAILURE_403,    /* another one */
    API_FAILURE_COUNT
};

/* "maxlag", "500", "403"; -1: none of them. */
int api_failure_find(const char *word);
size_t api_failure_write(enum api_failure failure, uint8_t out[API_HEAD_MAX + API_PAGE_MAX]);

#endif
