/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_outbox_api.h - asks MediaWiki's API, one question at a time, without blocking.
 *
 * Promise: each question ends in time, with an answer of at most CHANGE_ANSWER_BYTES_MAX bytes or
 *          an error.
 * Not here: what to ask and what the answer means (change.h, fill.h).
 * Thread:  one at a time.
 */
#ifndef BRAID_NODE_OUTBOX_IO_OUTBOX_API_H
#define BRAID_NODE_OUTBOX_IO_OUTBOX_API_H

#include "proto/slice.h"

struct outbox_api;

/* url: api.php. NULL if there is no memory. */
struct outbox_api *outbox_api_new(const char *url, long timeout_ms);

/* Accepts NULL. */
void outbox_api_free(struct outbox_api *api);

/* Asks the wiki of this domain. The answer to the question before is gone then.
 * 0; ERR_NO_MEMORY. */
int outbox_api_ask(struct outbox_api *api, const char *domain, struct slice query);

/*
 * Goes on with the question. ERR_BUSY: no answer yet. 0: *out is the body, which lives until the
 * next question. ERR_UNAVAILABLE: no answer, or a status other than 200; *out_why says which.
 * ERR_TOO_LARGE.
 */
int outbox_api_poll(struct outbox_api *api, struct slice *out, const char **out_why);

#endif
