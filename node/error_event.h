/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error_event.h - the event that stands in <dc>.braid.error for one that could not be enriched
 * (schema error/2.1.0).
 *
 * Promise: valid JSON in UTF-8 whatever the source record's bytes are: raw_event is the text, or,
 *          where that is no UTF-8, "base64:" and the bytes in base64. At most error_event_size bytes are written.
 * Pure:    yes.
 * Not here: when one is written (io_line_work.c).
 */
#ifndef BRAID_NODE_ERROR_EVENT_H
#define BRAID_NODE_ERROR_EVENT_H

#include "proto/enrich_page.h"

#define ERROR_EVENT_BASE64  "base64:"
#define ERROR_EVENT_RAW_MAX ((size_t)2 << 20) /* of raw_event; a longer source record is left out */

struct error_event {
    struct slice stream; /* of the error topic */
    struct slice emitter;
    int64_t now_ms;
    const char *reason; /* one word */
    const char *message;
    const char *detail;
    struct slice raw;            /* the source record's value */
    struct slice errored_stream; /* the source topic without prefix */
    struct slice errored_schema; /* empty: not known */
    struct slice domain;         /* empty: not known */
    struct slice request_id;     /* empty: not known */
};

/* Upper bound of the bytes that error_event_write writes. */
size_t error_event_size(const struct error_event *e);

/* Writes the JSON; returns how many bytes. `out` has room for error_event_size. */
size_t error_event_write(const struct error_event *e, uint8_t *out);

#endif
