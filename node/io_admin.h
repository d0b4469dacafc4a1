/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_admin.h - the node's HTTP: status page, metrics, health; read-only.
 *
 * Promise: answers come from what the loop's thread knows at that moment; nothing is changed
 *          through it. Bound to one address.
 * Pure:    no: shell.
 * Not here: the text of the metrics (metrics.h).
 * Thread:  the loop's.
 */
#ifndef BRAID_NODE_IO_ADMIN_H
#define BRAID_NODE_IO_ADMIN_H

#include "node/io_intake.h"
#include "node/io_tasks.h"

#define IO_ADMIN_CONNECTIONS_MAX 32
#define IO_ADMIN_TIMEOUT_S       15
#define IO_ADMIN_TEXT_MAX        ((size_t)16 << 20) /* of one answer */

struct io_admin;

/* What answers are made from. All borrowed. */
struct io_admin_source {
    struct io_host *host;
    struct io_tasks *tasks;
    int64_t started_ms; /* wall clock */
    const bool *is_draining;
    struct io_intake *const *intake; /* to NULL: none */
};

/* ERR_CONFIG: the address cannot be used (logged). */
int io_admin_open(const struct io_admin_source *source, struct io_admin **out);
void io_admin_close(struct io_admin *a);

#endif
