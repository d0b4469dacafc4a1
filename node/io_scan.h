/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_scan.h - reads a stretch of a log up to its end, once: the tail of the global topic, the log
 * of cuts.
 *
 * With `from` a log offset (or LINE_FROM_START): from there to the end. With IO_SCAN_BACK: from a
 * little before the end; if the owner has not found what it looks for, again from twice as far
 * back, until the log's beginning. (The end counts control records, so "the last record" cannot be
 * computed.)
 *
 * Promise: `ended` comes once, on the loop, not from within io_scan_start. Records come in log
 *          order within a pass; `begin` tells that a pass begins.
 * Pure:    no: shell.
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_SCAN_H
#define BRAID_NODE_IO_SCAN_H

#include "node/io_kafka_reader.h"

#define IO_SCAN_BACK       (-3)
#define IO_SCAN_BACK_FIRST 64    /* offsets of the first pass */
#define IO_SCAN_MS         60000 /* a pass that stands still for so long has failed */

struct io_scan;

struct io_scan_config {
    const char *topic;
    int32_t partition;
    int64_t from;
    void *data;
    void (*begin)(void *data); /* may be NULL */
    /* Borrowed for the call. */
    void (*record)(void *data, const struct record *r);
    bool (*is_found)(void *data); /* may be NULL: after one pass it is */
    /* The scan is gone when this is called. */
    void (*ended)(void *data, int code, const char *detail, struct log_bounds bounds);
};

/* NULL without memory. */
struct io_scan *io_scan_start(struct io_reader *reader, uv_loop_t *loop,
                              const struct io_scan_config *config);

/* `ended` will not be called. Accepts NULL; not after `ended`. */
void io_scan_cancel(struct io_scan *s);

#endif
